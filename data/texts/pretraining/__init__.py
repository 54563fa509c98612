"""Texts without labels, and what a network learns from them: which tokens were hidden."""
