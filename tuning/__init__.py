"""Search spaces, searches, their launch and their reports."""
