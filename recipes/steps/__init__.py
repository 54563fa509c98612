"""What recipes are put together from: defaults, the run around a training, what is decided and found after it, and several runs."""
