"""Which examples stand in which part, which are kept for training, and which of them an epoch is made of."""
