"""What averages, searches, cross-validations and losses gain, and what corrupted inputs cost: questions beyond `hornbook compare`."""
