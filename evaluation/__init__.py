"""What a network's outputs are worth: scores a task, calibration, intervals. NumPy, SciPy and scikit-learn alone, no Keras."""
