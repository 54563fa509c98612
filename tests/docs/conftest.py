"""The scripts of docs/generate as modules."""

import importlib.util
import pathlib

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "docs" / "generate"


@pytest.fixture(scope="session")
def generator():
    """A function from the name of a script to its module."""

    def load(name):
        spec = importlib.util.spec_from_file_location(f"generate_{name}", FOLDER / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
