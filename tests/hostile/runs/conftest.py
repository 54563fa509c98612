"""Finished runs of every medium, made without training, and values that a stranger may write into their files."""

import dataclasses
import json
import shutil
import zipfile

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from hornbook import command_line, files
from hornbook.data.images.dataset import ImageLabels
from hornbook.data.series.dataset import SeriesLabels
from hornbook.data.tables.dataset import TableLabels
from hornbook.data.tables.encoding import Encoding
from hornbook.data.texts import tokenizing
from hornbook.data.texts.dataset import TextLabels
from hornbook.recipes import image_classification, sequence_classification, tabular_classification, text_classification
from hornbook.training import manifest, runs

RECIPES = {
    "images": image_classification,
    "texts": text_classification,
    "series": sequence_classification,
    "tables": tabular_classification,
}
KINDS = {"images": ImageLabels, "texts": TextLabels, "series": SeriesLabels, "tables": TableLabels}
CLASSES = ["cat", "dog", "-", "é"]
RESULT = {
    "metrics": {"accuracy": 0.5, "auc": None},
    "seconds": 1.5,
    "seed": 0,
    "findings": [{"problem": "p", "severity": "note", "evidence": "e", "layers": ["l"], "advice": "", "changes": {"epochs": 3}}],
    "floor": {
        "model": "m",
        "metric": "accuracy",
        "score": 0.4,
        "network": 0.5,
        "difference": 0.1,
        "interval": [0.0, 0.2],
        "higher_is_better": True,
    },
    "network_alone": {"accuracy": 0.4},
    "parameters": 12,
}


def _about(medium, folder):
    """What `labels.json` says beside the names, and the shape of an example."""
    if medium == "images":
        return {"pixel_maximum": 255}, (4, 4, 1)
    if medium == "series":
        features = {"features": ["a", "b"], "missing": "interpolate", "fill": [0.0, 1.5], "window": None, "stride": None}
        return {"preprocessing": {**features, "time_column": None, "encoding": "auto"}}, (6, 2)
    if medium == "tables":
        encoding = Encoding({"height": 1.5, "weight": 2.0}, ("weight",), {"colour": ("blue", "red")}, {"seven": "it is constant"})
        encoding.save(folder / "table.json")
        return {"feature_names": ["height", "weight", "colour", "seven"]}, (4,)
    tokenizer = tokenizing.with_ngrams(tokenizing.fit(["a good film", "a bad film"] * 2), ["a good film"] * 3, 2)
    tokenizer.save(folder / "tokenizer.json")
    return {"max_length": tokenizer.max_length, "vocabulary_size": tokenizer.vocabulary_size}, (None,)


def _model(medium, shape):
    import keras

    keras.utils.set_random_seed(0)
    inputs = keras.Input(shape, dtype="int32" if medium == "texts" else "float32")
    x = keras.layers.Embedding(99, 3)(inputs) if medium == "texts" else inputs
    x = keras.layers.GlobalAveragePooling1D()(x) if medium == "texts" else keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(len(CLASSES))(x))


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A function from a medium to the folder of a finished run, which must not be changed."""
    made = {}

    def of(medium):
        if medium not in made:
            folder = tmp_path_factory.mktemp(medium) / "run"
            config = command_line.to_config(RECIPES[medium].RECIPE, dataclasses.replace(RECIPES[medium].Args(), output=str(folder)))
            with runs.Run(folder, config) as run:
                chosen = {"validation_fraction": 0.1, "epochs": 3}
                if medium == "images":
                    chosen["test_time_augmentation"] = "none"
                run.choose(chosen, RECIPES[medium].Args)
                more, shape = _about(medium, folder)
                about = {"medium": medium, "task": "classification", "class_names": CLASSES, "loss": "cross-entropy", **more}
                runs.save_model(run.folder, _model(medium, shape), KINDS[medium], **about)
                manifest.write(folder)
                files.write_json(folder / "result.json", RESULT)
            made[medium] = folder
        return made[medium]

    return of


@pytest.fixture
def copy_of(finished, tmp_path):
    """A function from a medium to a copy of its run without checksums, which a stranger would have written anew."""

    def copied(medium):
        folder = tmp_path / f"copy-of-{medium}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(finished(medium), folder)
        (folder / manifest.NAME).unlink()
        return folder

    return copied


@pytest.fixture(scope="session")
def inputs(tmp_path_factory):
    """What `hornbook predict` could be given, by medium."""
    folder = tmp_path_factory.mktemp("inputs")
    np.save(folder / "images.npy", np.zeros((2, 4, 4, 1)))
    np.save(folder / "series.npy", np.ones((2, 6, 2)))
    (folder / "tables.csv").write_text("height,weight,colour,seven\n1,2,red,7\n,,,\n")
    return {
        "texts": "a good film",
        "tables": str(folder / "tables.csv"),
        **{one: str(folder / f"{one}.npy") for one in ("images", "series")},
    }


# Functions of the tests change a folder of their own anew for each example, so a fixture may stay between two.
hypothesis.settings.register_profile(
    "hostile", derandomize=True, deadline=None, max_examples=30, database=None, suppress_health_check=list(hypothesis.HealthCheck)
)
hypothesis.settings.load_profile("hostile")
_ODD = [
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    10**30,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "../x",
    "x" * 70_000,
    "\x1b[2J\n",
    "a:b",
    "=1+1",
]
_LEAVES = strategies.sampled_from(_ODD) | strategies.integers() | strategies.floats() | strategies.text(max_size=9)
JSON = strategies.recursive(
    _LEAVES,
    lambda one: strategies.lists(one, max_size=4) | strategies.dictionaries(strategies.text(max_size=5), one, max_size=4),
    max_leaves=6,
)
ABSENT = object()
DEEP = object()


def places(value, here=()):
    """Where something stands in JSON values: a tuple of keys and positions each, the whole first; of long lists the first two."""
    yield here
    entries = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, one in entries:
        yield from places(one, (*here, key))


@strategies.composite
def spoiled(draw, value):
    """JSON text of a value with something else in one of its places, or nothing."""
    place = draw(strategies.sampled_from(sorted(places(value), key=str)))
    new = draw(JSON | strategies.sampled_from([ABSENT, DEEP]))
    whole = {"": json.loads(json.dumps(value))}
    inner, keys = whole, ("", *place)
    for key in keys[:-1]:
        inner = inner[key]
    if new is ABSENT:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = "DEEP" if new is DEEP else new
    deep = "[" * 100_000 + "]" * 100_000
    return json.dumps(whole.get("", "")).replace('"DEEP"', deep).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="session")
def spoil():
    """A function from JSON values to a strategy of JSON bytes in which one place is another value, or gone."""
    return spoiled


@pytest.fixture
def rewritten():
    """A function that changes the description or the weights of a model file, with the checksums of the archive right."""

    def write(path, change=None, text=None, weights=None):
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        if change:
            described = json.loads(parts["config.json"])
            change(described)
            text = json.dumps(described)
        if text is not None:
            parts["config.json"] = text.encode()
        if weights:
            parts["model.weights.h5"] = weights(parts["model.weights.h5"])
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)

    return write
