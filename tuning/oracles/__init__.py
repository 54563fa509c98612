"""What proposes configurations: KerasTuner's oracles, mended, and a Bayesian one of our own."""
