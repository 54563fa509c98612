"""`hornbook predict`: inputs of any number read, prepared and predicted some at a time, with output that survives a kill."""
