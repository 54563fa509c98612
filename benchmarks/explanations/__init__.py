"""How explanations do where the cause is known."""
