"""What the tests of several recipes are fed."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def promised():
    """What every finished run has in its folder, the lock of the process that wrote it among it."""
    files = {
        "config.json",
        "chosen.json",
        "history.csv",
        "result.json",
        "model.keras",
        "labels.json",
        "files.json",
        "split.csv",
        "report.html",
        "MODEL_CARD.md",
    }
    return files | {"diagnosis.json", "checkpoint", ".lock"}


@pytest.fixture(scope="module")
def colour_images():
    """Two classes of 12x12 RGB, which differ in their reddest half; 90 of one and 30 of the other."""
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], [90, 30])
    images = generator.integers(0, 128, (120, 12, 12, 3)).astype(np.uint8)
    images[labels == 1, :, 6:, 0] += 100
    return images, labels
