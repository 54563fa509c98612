"""A finished run used: predictions, scores on other data, the table of runs."""
