"""Networks of other libraries as builders of the zoo."""
