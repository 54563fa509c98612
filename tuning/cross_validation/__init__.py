"""`hornbook cross-validate`: every example predicted by a network that was not trained on it."""
