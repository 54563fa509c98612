"""What recipes share about networks: the options of their families, and the weights that they begin with."""
