"""The example in the docstring of every public part runs."""

import functools
import inspect
import re
import textwrap

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.models import registry

# Variants say in one line what they are; their family has the example.
FAMILIES = {name for name, (builder, family) in registry._BUILDERS.items() if builder is family}
PARTS = [name for name in models.__all__ if callable(getattr(models, name)) and (name not in models.names() or name in FAMILIES)]


def taken_for_granted():
    """What an example may use without saying where it comes from."""
    data = {"images": np.zeros((8, 8, 8, 3), "float32"), "labels": np.zeros(8, "int32")}
    layers = {name: getattr(models, name) for name in ("BatchNormalization", "GroupNormalization", "LayerNormalization")}
    return {"keras": keras, **layers, **data}


def examples(name):
    text = inspect.getdoc(getattr(models, name)) or ""
    fenced = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    if fenced:
        return [textwrap.dedent(code) for code in fenced]
    return [textwrap.dedent(code) for code in re.findall(r"^Example:\n\n?((?:    .*\n?|\n)+)", text, re.MULTILINE)]


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    # Most of an example's time would be the compilation of its step.
    monkeypatch.setattr(keras.Model, "compile", functools.partialmethod(keras.Model.compile, run_eagerly=True))


@pytest.mark.parametrize("name", PARTS)
def test_the_example_runs(name):
    found = examples(name)
    assert found, f"{name} has no example"
    for code in found:
        exec(code, taken_for_granted())


@pytest.mark.parametrize("name", [name for name in models.__all__ if callable(getattr(models, name))])
def test_every_public_name_is_documented(name):
    assert inspect.getdoc(getattr(models, name)).splitlines()[0].endswith(".")
