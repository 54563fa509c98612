import functools
import warnings

import keras
import keras_tuner
import numpy as np
import pytest

from hornbook import models, tuning
from hornbook.tuning import hypermodel, spaces

INPUTS, LABELS = np.random.default_rng(0).random((32, 4)).astype("float32"), np.arange(32) % 2
MLP = functools.partial(models.mlp, (4,), 2, depth=2)


def space(hp):
    return {**spaces.mlp(hp, only=("width", "normalization")), **spaces.training(hp, only=("optimizer", "learning_rate", "weight_decay"))}


def test_what_is_built():
    hp = keras_tuner.HyperParameters()
    hp.values = {"width": 64, "normalization": "none", "optimizer": "sgd", "learning_rate": 0.25, "weight_decay": 0.01}
    model = hypermodel(MLP, space).build(hp)
    assert {layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)} == {64, 2}
    assert type(model.optimizer).__name__ == "SGD"
    assert float(model.optimizer.learning_rate) == 0.25
    assert model.loss.get_config()["from_logits"]
    plain = hypermodel(MLP, lambda hp: {}, loss="mse", metrics=()).build(hp)
    assert (type(plain.optimizer).__name__, plain.loss) == ("AdamW", "mse")
    assert float(plain.optimizer.learning_rate) == pytest.approx(0.003)


def test_an_option_that_the_builder_does_not_take():
    wrong = hypermodel(MLP, lambda hp: {"widht": hp.Choice("widht", [1, 2])})
    with pytest.raises(ValueError, match="the space has an option 'widht' that the builder does not take; it takes depth, width"):
        wrong.build(keras_tuner.HyperParameters())
    taken = []

    def anything(**options):
        taken.append(options)
        return MLP()

    hypermodel(anything, lambda hp: {"widht": hp.Choice("widht", [1, 2])}).build(keras_tuner.HyperParameters())
    assert taken == [{"widht": 1}]


@pytest.mark.parametrize("kind", ["Hyperband", "ours"])
def test_any_tuner_takes_it(kind, tmp_path, capsys, monkeypatch):
    options = {"directory": tmp_path, "project_name": "search"}
    model = hypermodel(MLP, lambda hp: spaces.mlp(hp, only=("width",)))
    fit = model.fit

    def fit_eagerly(hp, network, *args, **more):
        network.run_eagerly = True  # A graph for each of the networks takes seconds to trace.
        return fit(hp, network, *args, **more)

    monkeypatch.setattr(model, "fit", fit_eagerly)
    objective = keras_tuner.Objective("val_loss", "min")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # What Keras and KerasTuner say about each other's files.
        if kind == "ours":
            tuner = keras_tuner.Tuner(tuning.SobolOracle(objective=objective, max_trials=2), model, **options)
        else:
            tuner = keras_tuner.Hyperband(model, objective, max_epochs=2, factor=2, hyperband_iterations=1, **options)
        tuner.search(INPUTS, LABELS, validation_data=(INPUTS, LABELS), epochs=1, verbose=0)
    assert len(tuner.oracle.trials) >= 2
    assert {trial.status for trial in tuner.oracle.trials.values()} == {"COMPLETED"}
    assert tuner.get_best_hyperparameters()[0].get("width") in (32, 64, 128, 256)
