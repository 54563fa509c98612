"""The examples in the docstrings of `hornbook.tuning` run, each in a folder of its own, and everything public has a docstring."""

import importlib
import inspect
import pkgutil
import re
import textwrap

import keras
import keras_tuner
import pytest

from hornbook import tuning


def documented():
    found = {}
    for file in pkgutil.walk_packages(tuning.__path__, "hornbook.tuning."):
        module = importlib.import_module(file.name)
        for name, thing in vars(module).items():
            if not name.startswith("_") and callable(thing) and getattr(thing, "__module__", None) == module.__name__:
                found[f"{file.name.removeprefix('hornbook.tuning.')}.{name}"] = thing
    return found


def examples(thing):
    return [textwrap.dedent(code) for code in re.findall(r"```python\n(.*?)```", inspect.getdoc(thing) or "", re.DOTALL)]


@pytest.mark.filterwarnings("ignore")  # KerasTuner's, of Keras' files.
@pytest.mark.parametrize("name", sorted(name for name, thing in documented().items() if examples(thing)))
def test_an_example_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    for code in examples(documented()[name]):
        exec(compile(code, f"example of {name}", "exec"), {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", sorted(documented()))
def test_everything_public_is_documented(name):
    text = inspect.getdoc(documented()[name]) or ""
    assert re.match(r".+?[.:?!](\s|$)", text.replace("\n", " ")), f"{name} has no docstring that begins with a sentence"


def test_names_are_found_and_listed():
    assert tuning.__all__ == sorted(tuning.__all__)
    assert all(getattr(tuning, name) is not None for name in tuning.__all__)
    assert all(issubclass(getattr(tuning, name), keras_tuner.Oracle) for name in tuning.__all__ if name.endswith("Oracle"))
    with pytest.raises(AttributeError, match=r"has no attribute 'hypermodle'; it has BayesianOracle"):
        _ = tuning.hypermodle
