"""What makes the scores of a split better than they are: examples in two parts, other distributions, columns that give the label away."""
