"""Networks made smaller: whole channels, units and heads taken out of them."""
