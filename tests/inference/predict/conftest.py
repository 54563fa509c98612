"""Finished runs made without training, and their predictions as a function of words."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from hornbook import command_line, files
from hornbook.data.images.dataset import ImageLabels
from hornbook.data.series.dataset import SeriesLabels
from hornbook.data.tables.dataset import TableLabels
from hornbook.data.tables.encoding import Encoding
from hornbook.data.texts import tokenizing
from hornbook.data.texts.dataset import TextLabels
from hornbook.inference.predict import command, part, stream
from hornbook.recipes import image_classification, sequence_classification, tabular_classification, text_classification
from hornbook.training import manifest, runs

CLASSES = ["cat", "=dog", "cow"]
RECIPES = {
    "images": (image_classification, ImageLabels, (4, 4, 1)),
    "texts": (text_classification, TextLabels, (None,)),
    "series": (sequence_classification, SeriesLabels, (6, 2)),
    "tables": (tabular_classification, TableLabels, (3,)),
}


def _about(medium, folder):
    if medium == "images":
        return {"pixel_maximum": 255}
    if medium == "series":
        values = {"features": ["a", "b"], "missing": "refuse", "fill": [0.0, 0.0], "window": None, "stride": None}
        return {"preprocessing": {**values, "time_column": None, "encoding": "auto"}}
    if medium == "tables":
        Encoding({"height": 1.5, "weight": 2.0}, (), {"colour": ("blue", "red")}).save(folder / "table.json")
        return {"feature_names": ["height", "weight", "colour"]}
    tokenizer = tokenizing.fit(["a good film", "a bad film"] * 2)
    tokenizer.save(folder / "tokenizer.json")
    return {"max_length": tokenizer.max_length, "vocabulary_size": tokenizer.vocabulary_size}


def _model(medium, shape):
    keras.utils.set_random_seed(1)
    inputs = keras.Input(shape, dtype="int32" if medium == "texts" else "float32")
    x = keras.layers.Embedding(99, 3)(inputs) if medium == "texts" else inputs
    x = keras.layers.GlobalAveragePooling1D()(x) if medium == "texts" else keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(len(CLASSES))(x))


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A function from a medium to the folder of a finished run."""
    made = {}

    def of(medium):
        if medium not in made:
            recipe, kind, shape = RECIPES[medium]
            folder = tmp_path_factory.mktemp(medium) / "run"
            config = command_line.to_config(recipe.RECIPE, dataclasses.replace(recipe.Args(), output=str(folder)))
            with runs.Run(folder, config) as begun:
                more = {"test_time_augmentation": "none"} if medium == "images" else {}
                begun.choose({"validation_fraction": 0.1, "epochs": 3, **more}, recipe.Args)
                about = {"medium": medium, "task": "classification", "class_names": CLASSES, "loss": "cross-entropy"}
                runs.save_model(begun.folder, _model(medium, shape), kind, **about, **_about(medium, folder))
                manifest.write(folder)
                files.write_json(folder / "result.json", {"metrics": {"accuracy": 0.5}, "seconds": 1.5})
            made[medium] = folder
        return made[medium]

    return of


@pytest.fixture
def with_labels(run, tmp_path):
    """A function from a medium and values of `labels.json` to a copy of its run that has them."""
    import shutil

    def copied(medium, **values):
        folder = tmp_path / f"copy-of-{medium}"
        shutil.copytree(run(medium), folder)
        (folder / manifest.NAME).unlink()
        (folder / "labels.json").write_text(json.dumps({**json.loads((folder / "labels.json").read_text()), **values}))
        return folder

    return copied


@pytest.fixture
def predicted():
    """A function from words of a command line to what it does."""
    return lambda *words: command.main(command.command_line.parse(command.PredictArgs, [str(word) for word in words], "job", ""))


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of eight inputs, each kept as soon as it is predicted."""
    monkeypatch.setattr(stream, "_MOST", 8)
    monkeypatch.setattr(part, "_ROWS", 1)


@pytest.fixture
def table(tmp_path):
    """A CSV of 30 rows."""
    generator = np.random.default_rng(0)
    rows = [
        f"{one:.3f},{other:.3f},{colour}"
        for one, other, colour in zip(*generator.normal(size=(2, 30)), ["red", "blue", "x"] * 10, strict=True)
    ]
    (tmp_path / "rows.csv").write_text("\n".join(["height,weight,colour", *rows, ""]))
    return tmp_path / "rows.csv"
