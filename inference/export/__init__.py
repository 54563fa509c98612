"""A finished run handed over: one file or folder that takes raw inputs and needs nothing of Hornbook's. A file a format."""
