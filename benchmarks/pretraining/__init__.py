"""What is gained by learning from what has no labels first."""
