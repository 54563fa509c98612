"""What an update of the weights is made of, beside the optimizer: gradients, their clipping, and a learning rate for each layer."""
