"""Which training examples are kept, and which of them an epoch is made of."""
