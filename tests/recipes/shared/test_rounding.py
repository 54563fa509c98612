"""--quantization-aware in every recipe: the last epochs are other ones, and a run that goes on ends as one that was not cut off."""

import json

import keras
import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.recipes import image_classification, regression, sequence_classification, tabular_classification, text_classification

QUICK = {"floor": False, "diagnosis": False, "data_check": False, "epochs": 4, "batch_size": 32, "quantization_aware": 0.5}
SERIES = np.random.default_rng(0).normal(size=(40, 8, 2)).astype(np.float32)
TEXTS = [f"a {('bad', 'good')[place % 2]} film of year {place}" for place in range(40)]
LABELS = np.arange(40) % 2
RECIPES = {
    "images": (image_classification, {"model": "cnn", "width": 4, "samples_per_class": 20}, None),
    "tables": (tabular_classification, {"dataset": "wine", "model": "mlp", "width": 8, "classical_share": 0.0}, None),
    "numbers": (regression, {"dataset": "diabetes", "model": "mlp", "width": 8, "classical_share": 0.0}, None),
    "texts": (text_classification, {"model": "cnn1d", "width": 4, "classical_share": 0.0}, lambda: data.texts.from_texts(TEXTS, LABELS)),
    "series": (
        sequence_classification,
        {"model": "lstm", "width": 4, "classical_share": 0.0},
        lambda: data.series.from_arrays(SERIES, LABELS),
    ),
}


def train(name, folder, callbacks=(), **options):
    module, small, dataset = RECIPES[name]
    evaluate = {"evaluate": "none"} if dataset else {}
    args = module.Args(**{**QUICK, **small, **evaluate, "output": str(folder), **options})
    return module.main(args, callbacks=callbacks, dataset=dataset and dataset())


def weights(folder):
    return keras.saving.load_model(folder / "model.keras").get_weights()


@pytest.mark.parametrize("name", RECIPES)
def test_the_last_epochs_are_rounded(name, tmp_path):
    result = train(name, tmp_path / "aware")
    train(name, tmp_path / "plain", quantization_aware=0.0)
    told = json.loads((tmp_path / "aware/result.json").read_text())["quantization_aware"]
    assert told == result["quantization_aware"]
    assert told["from_epoch"] == 3
    assert told["layers"] >= 2
    assert told["left"] == []
    aware, plain = weights(tmp_path / "aware"), weights(tmp_path / "plain")
    assert [one.shape for one in aware] == [one.shape for one in plain]
    assert max(np.abs(a - b).max() for a, b in zip(aware, plain, strict=True)) > 1e-5


@pytest.mark.parametrize("cut", [3])
def test_a_run_that_goes_on_ends_as_one_that_was_not_cut_off(cut, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == cut:
                raise KeyboardInterrupt

    train("images", tmp_path / "whole", diagnosis=True)
    with pytest.raises(KeyboardInterrupt):
        train("images", tmp_path / "cut", [Stop()], diagnosis=True)
    train("images", tmp_path / "cut", diagnosis=True)
    for a, b in zip(weights(tmp_path / "whole"), weights(tmp_path / "cut"), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"early_stopping": 2}, "--early-stopping 2 may keep an epoch from before --quantization-aware 0.5 begins"),
        ({"minutes": 1.0}, "--quantization-aware 0.5 counts epochs, which --minutes 1 may cut off"),
        ({"quantization_aware": 1.0}, "--quantization-aware must be at least 0 and less than 1, got 1"),
    ],
)
def test_what_does_not_go_together_is_refused(options, words, tmp_path):
    with pytest.raises(UserError, match=words):
        train("images", tmp_path / "run", **options)
