"""Series without labels, and what a network learns from them: the steps that it is not shown."""
