"""The examples in the docstrings of everything public run, each in a folder of its own, as a reader would run it."""

import importlib
import inspect
import pkgutil
import re
import textwrap

import keras
import pytest

from hornbook import training


def documented():
    """Every public function and class of every file, by its name."""
    found = {}
    for file in pkgutil.iter_modules(training.__path__):
        module = importlib.import_module(f"hornbook.training.{file.name}")
        for name, thing in vars(module).items():
            if not name.startswith("_") and callable(thing) and getattr(thing, "__module__", None) == module.__name__:
                found[f"{file.name}.{name}"] = thing
    return found


def examples(thing):
    return [textwrap.dedent(code) for code in re.findall(r"```python\n(.*?)```", inspect.getdoc(thing) or "", re.DOTALL)]


WITH_EXAMPLES = sorted(name for name, thing in documented().items() if examples(thing))


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_an_example_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    for code in examples(documented()[name]):
        exec(compile(code, f"example of {name}", "exec"), {})
    assert list(tmp_path.iterdir()) == []  # Whoever tries it finds no file of ours in the current folder.


@pytest.mark.parametrize("name", training.__all__)
def test_every_part_has_an_example(name):
    assert examples(getattr(training, name)), f"hornbook.training.{name} has no ```python example"


@pytest.mark.parametrize("name", sorted(documented()))
def test_everything_public_is_documented(name):
    text = inspect.getdoc(documented()[name]) or ""
    first = re.match(r".+?[.:?!](\s|$)", text.replace("\n", " "))
    assert first, f"{name} has no docstring that begins with a sentence"


def test_names_are_found_and_listed():
    assert dir(training) == training.__all__ == sorted(training.__all__)
    assert training.optimizer.__module__ == "hornbook.training.optimization"
    with pytest.raises(AttributeError, match=r"has no attribute 'optimiser'; it has AverageWeights, .*optimizer"):
        _ = training.optimiser
