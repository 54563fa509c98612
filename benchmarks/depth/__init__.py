"""What depth does to training: degradation, gradients by layer and by time, drift, learning rates, and what mends them; docs/depth.md."""
