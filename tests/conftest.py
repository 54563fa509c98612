"""Every test begins with the same random numbers, and the files that take longest come first."""

import contextlib
import random

import numpy as np
import pytest

from hornbook import spelling
from hornbook.evaluation.floors import Floor
from hornbook.recipes.steps import findings, looked_at

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


def pytest_make_parametrize_id(val, argname):
    """Name no test after bytes: a gzip file holds the time, and two processes that collect within different seconds then disagree."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session", autouse=True)
def floors():
    """A context in which recipes compute classical models.

    Elsewhere in the tests they do not: a process for each of some hundred trainings would take minutes.
    """
    with _replaced(Floor, "start", lambda self, *args, **kwargs: None) as restored:
        yield restored


@pytest.fixture(scope="session", autouse=True)
def diagnosis():
    """A context in which recipes watch their trainings. Elsewhere in the tests they do not, which takes a second of each."""
    with _replaced(findings, "watching", lambda *args: None) as restored:
        yield restored


@pytest.fixture(scope="session", autouse=True)
def looked_at_mistakes():
    """A context in which reports show what the network looked at. Elsewhere in the tests they do not, which takes a second of each."""
    with _replaced(looked_at, "in_mistakes", lambda model, dataset, part, mistakes, *others: mistakes) as restored:
        yield restored


@pytest.fixture(scope="session", autouse=True)
def data_checks():
    """A context in which recipes look for duplicates and leaks. Elsewhere in the tests they do not: toy data are full of them."""
    with _replaced(findings, "suspicions", lambda dataset: []) as restored:
        yield restored


@contextlib.contextmanager
def _replaced(owner, name, instead):
    """Put something else in an attribute's place; yields a context manager in which it is what it was."""
    original = getattr(owner, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, instead)

        @contextlib.contextmanager
        def restored():
            with pytest.MonkeyPatch.context() as own:
                own.setattr(owner, name, original)
                yield

        yield restored


@pytest.fixture(autouse=True)
def flags():
    """Messages are those of a command line; `tests/test_spelling.py` looks at those that programs are told."""
    with spelling.as_flags():
        yield


@pytest.fixture(autouse=True)
def seeded():
    random.seed(0)  # Of which Keras' initializers and layers that are given no seed make theirs.
    np.random.seed(0)
