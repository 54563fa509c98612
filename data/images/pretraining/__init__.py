"""Images without labels, and what a network learns from them: which way up they are, and which two are views of one."""
