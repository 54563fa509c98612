"""Every test begins with the same random numbers, in whatever order and process it runs."""

import random

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def seeded():
    random.seed(0)  # Of which Keras' initializers and layers that are given no seed make theirs.
    np.random.seed(0)
