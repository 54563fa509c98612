"""Averages over the later part of one training: of its weights, and of the probabilities of networks that it passed through."""
