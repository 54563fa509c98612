"""`hornbook compare`: several ways to train, on the same data with the same seeds, and whether one is better than another."""
