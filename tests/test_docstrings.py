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


# Files whose functions and classes people put into their own Keras code, each of which must show how; but for what only serves those.
PARTS = ("audio", "augmentation", "augmentation_policies", "batches", "callbacks", "checkpoint", "data", "imbalance", "losses", "mixing",
         "optimization", "series_augmentation", "series_batches", "series_data", "table_data", "table_layers", "target_scaling",
         "text_augmentation", "text_batches", "text_data", "text_tokens", "tokenizing")  # fmt: skip
SERVING = {
    "audio": ("UnreadableError", "save_feature_model"),
    "augmentation": ("sheet",),
    "batches": ("Finish", "note_smaller_batch", "tensorflow_feed"),
    "checkpoint": ("size_in_bytes",),
    "data": ("Dataset", "Examples", "array_examples", "check_name", "checksum", "hold_out", "in_order", "refuse_one_class_spelt_twice",
             "short_name", "some", "spelt_twice", "white", "write_unreadable"),
    "series_batches": ("bucket_lengths",),
    "series_data": ("Options", "Series", "SeriesDataset", "SeriesExamples", "Source", "check_name", "is_series", "split_rows"),
    "table_data": ("TableDataset", "as_trained", "check_name", "split"),
    "text_batches": ("epoch_order", "sorted_order"),
    "text_data": ("TextDataset", "TextExamples", "TextStore", "blocks", "read_file", "repeated"),
    "text_tokens": ("Tokens", "encode", "findings", "in_words"),
    "tokenizing": ("padded_length",),
}  # fmt: skip
WITH_EXAMPLES = sorted(name for name, thing in documented().items() if examples(thing))


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_an_example_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    for code in examples(documented()[name]):
        exec(compile(code, f"example of {name}", "exec"), {})
    assert list(tmp_path.iterdir()) == []  # Whoever tries it finds no file of ours in the current folder.


@pytest.mark.parametrize("name", sorted(name for name in documented() if name.partition(".")[0] in PARTS))
def test_what_people_use_in_their_own_code_has_an_example(name):
    file, _, thing = name.partition(".")
    assert bool(examples(documented()[name])) == (thing not in SERVING.get(file, ())), f"{name}: see PARTS and SERVING"


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
