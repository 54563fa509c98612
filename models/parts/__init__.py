"""What the families are built of: their options resolved, and the blocks that several share."""
