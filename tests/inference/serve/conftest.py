"""Finished runs of every medium, trained for a moment, and a client of a server of each."""

import csv

import numpy as np
import pytest

from hornbook.recipes import image_classification, regression, sequence_classification, tabular_classification, text_classification

SMALL = {"epochs": 1, "batch_size": 32, "floor": False, "diagnosis": False}


def _write(path, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Folders of runs by their medium, and one of a regression."""
    home = tmp_path_factory.mktemp("served")
    generator = np.random.default_rng(0)
    words = ("good fine great", "bad poor awful")
    texts = _write(home / "texts.csv", [("text", "label"), *((words[k % 2] + f" {k}", "yn"[k % 2]) for k in range(60))])
    numbers = generator.normal(size=60)
    rows = [(f"{one:.3f}", "red" if one > 0 else "blue", "left" if one + 0.3 > 0 else "stayed") for one in numbers]
    table = _write(home / "table.csv", [("height", "colour", "gone"), *rows])
    houses = _write(home / "houses.csv", [("size", "price"), *((f"{one:.3f}", f"{2 * one:.3f}") for one in numbers)])
    recipes = {
        "images": (image_classification, {"depth": 4, "width": 4}),
        "texts": (text_classification, {"dataset": f"csv:{texts}", "width": 4, "classical_share": 0.0}),
        "series": (sequence_classification, {"dataset": "copy", "length": 4, "examples": 60, "model": "gru", "width": 4,
                                             "classical_share": 0.0}),
        "tables": (tabular_classification, {"dataset": f"csv:{table}", "label_column": "gone", "width": 4, "classical_share": 0.0}),
        "numbers": (regression, {"dataset": f"csv:{houses}", "label_column": "price", "width": 4, "classical_share": 0.0}),
    }  # fmt: skip
    folders = {}
    for name, (recipe, options) in recipes.items():
        folders[name] = home / name
        recipe.main(recipe.Args(**{**SMALL, **options, "output": str(folders[name])}))
    return folders


@pytest.fixture(scope="session")
def opened(runs):
    """A function of a medium to `computing.Served`."""
    pytest.importorskip("fastapi")
    from hornbook.inference.finished_run import load_model, open_run
    from hornbook.inference.serve.computing import Served

    found = {}

    def get(name):
        if name not in found:
            trained, medium = open_run(runs[name])
            found[name] = Served(trained, medium, load_model(trained))
        return found[name]

    return get


@pytest.fixture
def client(opened):
    """A function of a medium, and of settings, to a client of a server."""
    from fastapi.testclient import TestClient

    from hornbook.inference.serve import app
    from hornbook.inference.serve.guards import Settings

    begun = []

    def get(name, **settings):
        begun.append(TestClient(app.create(opened(name), Settings(**settings)), base_url="http://localhost"))
        return begun[-1].__enter__()

    yield get
    for one in begun:
        one.__exit__(None, None, None)
