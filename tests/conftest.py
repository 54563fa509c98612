"""Every test begins with the same random numbers, and the files that take longest come first."""

import random

import numpy as np
import pytest

# A file stays in one process: one of these at the end would leave the other processes without work.
LONGEST_FILES = (
    "test_ray_cluster.py",
    "test_end_to_end.py",
    "test_resume.py",
    "test_contract.py",
    "test_image_classification.py",
    "test_hypermodel.py",
    "test_docstrings.py",
    "test_swap.py",
    "test_tabular_classification.py",
    "test_text_classification.py",
    "test_sequence_classification.py",
    "test_documents.py",
)


def pytest_collection_modifyitems(items):
    rank = {name: place for place, name in enumerate(LONGEST_FILES)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.fixture(autouse=True)
def seeded():
    random.seed(0)  # Of which Keras' initializers and layers that are given no seed make theirs.
    np.random.seed(0)
