"""How robust trained networks are: to attacks, and for the group that does worst."""
