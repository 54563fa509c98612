"""Inputs that are changed a little so that a network errs: how they are found, and training on them. All within a box around each input."""
