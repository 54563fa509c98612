"""The study of depth compares what it says: its stacked plain networks are the zoo's, and its tables are taken from the rows."""

import importlib
import math
import pathlib
import sys

import keras
import numpy as np
import pytest

from hornbook import models

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def module(monkeypatch):
    """A function from the name of a file of benchmarks/depth to its module."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT)])
    return lambda name: importlib.import_module(f"benchmarks.depth.{name}")


@pytest.mark.parametrize("normalization", ["batch", "none"])
def test_a_stacked_plain_network_is_that_of_the_zoo(module, normalization):
    networks = module("networks")
    stacked = networks.network("plain", 12, stacked=True, normalization=normalization)
    plain = networks.network("plain", 12, normalization=normalization)
    assert stacked.count_params() == plain.count_params()
    plain.set_weights(models.unstacked(stacked).get_weights())
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")
    # In training mode, where batch normalization takes its statistics from the batch.
    ours, zoos = (keras.ops.convert_to_numpy(model(images, training=True)) for model in (stacked, plain))
    np.testing.assert_allclose(ours, zoos, rtol=1e-4, atol=1e-5)


def test_a_thousand_layers_are_a_thousand_kernels(module):
    stacked = module("networks").network("plain", 101, stacked=True)
    kernels = [variable for variable in stacked.trainable_variables if variable.name == "kernel"]
    assert sum(getattr(variable, "blocks", 1) for variable in kernels) == 101


def test_a_ratio_is_of_the_first_quarter_to_the_last(module):
    ratio = module("signals").ratio
    assert ratio(np.array([1.0, 4.0, 9, 9, 9, 9, 8.0, 8.0])) == pytest.approx(0.25)
    assert ratio(np.array([0.0, 4.0, 9, 9, 9, 9, 8.0, 8.0])) == 0
    assert math.isnan(ratio(np.array([1.0, math.inf, 9, 9, 9, 9, 8.0, 8.0])))


def test_runs_that_stand_in_the_table_are_not_made_again(module, monkeypatch, tmp_path):
    training = module("training")
    monkeypatch.setattr(training, "RESULTS", tmp_path)
    runs = training.Runs("study", ("kind", "rate", "updates"), ("loss",))
    wanted = [("plain", 1.0), ("plain", 0.1)]
    assert runs.missing(wanted) == wanted
    runs.add([("plain", 1.0, 25, 0.123456)])
    assert runs.missing(wanted) == [("plain", 0.1)]
    assert runs.rows() == [{"kind": "plain", "rate": "1", "updates": "25", "loss": "0.1235"}]


def test_the_better_rate_is_one_at_which_every_seed_was_trained(module):
    degradation = module("degradation")
    rows = [
        {"kind": "plain", "depth": "20", "rate": rate, "seed": seed, "updates": "200", "loss": loss}
        for rate, seed, loss in [("0.1", "0", "0.01"), ("0.1", "1", "nan"), ("0.01", "0", "0.3"), ("0.01", "1", "0.2")]
    ]
    rate, own = degradation.best(rows, "plain", 20, 200)
    assert (rate, len(own)) == (0.01, 2)
