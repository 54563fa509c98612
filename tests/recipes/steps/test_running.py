import types

import numpy as np

from hornbook import data
from hornbook.evaluation import floors
from hornbook.recipes import tabular_classification
from hornbook.recipes.steps import findings


class Recorder:
    """In place of a floor, what it is given."""

    def start(self, folder, task, labels, problem=None, **options):
        self.task, self.labels, self.problem, self.options = task, labels, problem, options


def given(dataset, part="test", **args):
    """What classical models are given of a dataset."""
    floor = Recorder()
    session = types.SimpleNamespace(floor=floor, run=types.SimpleNamespace(folder="."))
    findings.start_floor(types.SimpleNamespace(evaluate=part, **args), session, dataset, dataset.part(part))
    return floor


def test_classical_models_are_given_the_very_parts_of_the_network():
    dataset = data.tables.load("diabetes", task="regression")
    floor = given(dataset, loss="quantile", quantiles=[0.1, 0.9])
    assert floor.task == floors.Task("regression", 1, "quantile", (0.1, 0.9))
    np.testing.assert_array_equal(floor.problem.inputs, dataset.train.inputs)
    np.testing.assert_array_equal(floor.problem.scored, dataset.test.inputs)
    assert floor.problem.numbers == dataset.num_numbers
    assert floor.options["notes"] == []


def test_windows_of_a_series_are_of_one_group():
    series = [np.random.default_rng(k).normal(size=(20, 1)) for k in range(30)]
    dataset = data.series.from_arrays(series, np.arange(30) % 2, window=5, stride=5, validation_fraction=0.2)
    floor = given(dataset, "validation")
    assert len(floor.options["groups"]) == len(dataset.validation) == 4 * len(set(floor.options["groups"]))
    assert floor.problem.numbers == 0


def test_of_many_examples_some_are_taken_and_it_says_so(monkeypatch):
    monkeypatch.setattr(floors.problem, "_MOST", {"images": (50, 20)})
    floor = given(data.images.load("digits"))
    assert floor.options["notes"] == ["on 50 of 1,293 training examples", "on 20 of 360 test examples"]
    assert (len(floor.problem.inputs), len(floor.problem.labels), len(floor.problem.scored)) == (50, 50, 20)
    np.testing.assert_array_equal(floor.problem.scored, data.images.load("digits").test.inputs[floor.options["places"]])
    assert len(floor.labels) == 1293


def test_large_images_have_the_constant_guess_alone():
    images = np.random.default_rng(0).integers(0, 256, (20, 40, 30, 3)).astype(np.uint8)
    floor = given(data.images.from_arrays(images, np.arange(20) % 2), "validation")
    assert floor.problem is None
    assert floor.options["notes"] == ["all but the constant guess left out: images are 40x30, and pixels alone say little beyond 32x32"]


def test_the_diagnosis_is_told_the_names_of_the_classes(tmp_path, monkeypatch, diagnosis):
    told = []
    with diagnosis():
        made = findings.watching
        monkeypatch.setattr(findings, "watching", lambda *given: told.append(made(*given)))
        small = {"epochs": 1, "model": "mlp", "width": 4, "classical_share": 0.0, "floor": False, "data_check": False}
        tabular_classification.main(tabular_classification.Args(dataset="wine", output=str(tmp_path / "run"), **small))
    assert [one._class_names for one in told] == [["class_0", "class_1", "class_2"]]
