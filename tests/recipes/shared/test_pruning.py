"""--prune and --prune-channels in every recipe: what is saved has the zeros or is smaller, and a run that goes on is the same."""

import json

import keras
import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.recipes import image_classification, regression, sequence_classification, tabular_classification, text_classification
from hornbook.training.updates import pruning

QUICK = {"floor": False, "diagnosis": False, "data_check": False, "epochs": 4, "batch_size": 32, "prune": 0.75}
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


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_saved_has_the_zeros(name, tmp_path):
    result = train(name, tmp_path / "run")
    model = keras.saving.load_model(tmp_path / "run/model.keras")
    share = pruning.share_of_zeros(pruning.prunable(model))
    assert result["pruned"]["share"] == pytest.approx(0.75, abs=0.01)
    assert share == pytest.approx(0.75, abs=0.01)
    assert json.loads((tmp_path / "run/result.json").read_text())["pruned"] == result["pruned"]


HALF = {"prune": 0.0, "prune_channels": 0.5}


@pytest.mark.parametrize("options", [{"prune_scope": "layer"}, {"model": "resnet", "depth": 8, **HALF}])
def test_a_run_that_goes_on_ends_as_one_that_was_not_cut_off(options, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    train("images", tmp_path / "whole", **options)
    with pytest.raises(KeyboardInterrupt):
        train("images", tmp_path / "cut", [Stop()], **options)
    train("images", tmp_path / "cut", **options)
    one, other = (keras.saving.load_model(tmp_path / name / "model.keras").get_weights() for name in ("whole", "cut"))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ema": 0.9}, "--ema 0.9 averages with weights from before --prune 0.75 made them 0"),
        ({"swa": 0.5}, "--swa 0.5 averages"),
        ({"early_stopping": 2}, "--early-stopping 2 keeps an epoch in which --prune 0.75 may not be done"),
        ({"minutes": 1.0}, "--prune 0.75 counts epochs, which --minutes 1 may cut off"),
        ({"epochs": 3}, "--prune 0.75 prunes a little more before each epoch, and wants 4 or more; got --epochs 3"),
        ({"prune": 1.0}, "--prune must be at least 0 and less than 1, got 1"),
        ({"prune": 0.0, "prune_scope": "layer"}, "--prune-scope layer is for --prune SHARE"),
    ],
)
def test_what_does_not_go_together_is_refused(options, words, tmp_path):
    with pytest.raises(UserError, match=words):
        train("images", tmp_path / "run", **options)


def network_of(folder):
    """The layers of a run's saved model and of the networks in it, by their names."""
    model = keras.saving.load_model(folder / "model.keras")
    return {layer.name: layer for layer in model._flatten_layers()}


@pytest.mark.parametrize(
    ("name", "layer", "size", "left"),
    [
        ("images", "stage3_conv2", "filters", 8),
        ("tables", "dense2", "units", 4),
        ("numbers", "dense1", "units", 4),
        ("texts", "branch1_conv1", "filters", 2),
        ("series", "recurrent1", "units", 2),
    ],
)
def test_what_is_saved_is_smaller(name, layer, size, left, tmp_path):
    result = train(name, tmp_path / "run", **HALF)
    assert getattr(network_of(tmp_path / "run")[layer], size) == left
    model = keras.saving.load_model(tmp_path / "run/model.keras")
    assert result["parameters"] == model.count_params() < 0.8 * result["pruned"]["parameters"]
    assert 0.4 < result["pruned"]["share"] <= 0.5
    assert json.loads((tmp_path / "run/result.json").read_text())["pruned"] == result["pruned"]


def test_an_ensemble_loses_channels_of_each_member(tmp_path):
    train("images", tmp_path / "run", members=2, **HALF)
    model = keras.saving.load_model(tmp_path / "run/model.keras")
    assert [layer.filters for layer in model._flatten_layers() if layer.name == "stage1_conv1"] == [2, 2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prune": 0.5}, "--prune 0.5 and --prune-channels 0.5 both prune; pass one of them"),
        ({"ema": 0.9}, "--ema 0.9 averages with weights from before --prune-channels 0.5 made them 0"),
        ({"early_stopping": 2}, "--early-stopping 2 keeps an epoch in which --prune-channels 0.5 may not be done"),
        ({"epochs": 3}, "--prune-channels 0.5 prunes a little more before each epoch, and wants 4 or more; got --epochs 3"),
        ({"prune_channels": 1.0}, "--prune-channels must be at least 0 and less than 1, got 1"),
        ({"prune_scope": "layer"}, "--prune-scope layer is for --prune SHARE"),
        ({"normalization": "group"}, "no channels can be taken out of the network .*stage1_norm1 .GroupNormalization. and 6 more"),
    ],
)
def test_what_does_not_go_with_channels_is_refused(options, words, tmp_path):
    with pytest.raises(UserError, match=words):
        train("images", tmp_path / "run", **{**HALF, **options})


class Zeros(keras.callbacks.Callback):
    """The channels of a layer that are 0 while each epoch is trained."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        [layer] = [one for one in self.model._flatten_layers() if one.name == "stage1_conv1"]
        self.seen.append(int((np.array(layer.kernel) == 0).all(axis=(0, 1, 2)).sum()))


def test_a_finished_run_is_pruned_from_the_first_epoch_on_and_another_begins_with_what_is_left(tmp_path, capsys):
    train("images", tmp_path / "whole", prune=0.0)
    plain, learned = Zeros(), Zeros()
    train("images", tmp_path / "plain", [plain], epochs=6, **HALF)
    train("images", tmp_path / "small", [learned], epochs=6, weights=str(tmp_path / "whole"), **HALF)
    assert plain.seen[0] == 0
    assert learned.seen[0] > 0
    assert plain.seen[-1] == learned.seen[-1] == 2
    assert "trained of the network" not in capsys.readouterr().out
    result = train("images", tmp_path / "next", prune=0.0, weights=str(tmp_path / "small"), unfreeze="all")
    assert result["parameters"] == json.loads((tmp_path / "small/result.json").read_text())["parameters"]
    assert network_of(tmp_path / "next")["stage1_conv1"].filters == 2
    with pytest.raises(UserError, match="leave the network's options out"):
        train("images", tmp_path / "wide", prune=0.0, weights=str(tmp_path / "small"), width=8)
    with pytest.raises(UserError, match=r"--unfreeze 0.3 keeps blocks as they are, which --prune-channels 0.5 takes channels out of"):
        train("images", tmp_path / "kept", weights=str(tmp_path / "whole"), unfreeze=0.3, **HALF)


def test_the_weights_of_a_finished_run_are_pruned_from_the_first_epoch_on(tmp_path):
    class Shares(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            shares.append(pruning.share_of_zeros(pruning.prunable(self.model)))

    shares = []
    train("images", tmp_path / "whole", prune=0.0)
    train("images", tmp_path / "sparse", [Shares()], weights=str(tmp_path / "whole"))
    assert shares[0] > 0.2
    assert shares[-1] == pytest.approx(0.75, abs=0.01)


class Beginning(keras.callbacks.Callback):
    """The weights with which a training begins."""

    def on_train_begin(self, logs=None):
        self.weights = [np.array(one) for one in pruning.prunable(self.model)]


@pytest.mark.parametrize("options", [{}, {"members": 2}])
def test_a_lottery_ticket_has_the_zeros_of_one_run_and_the_weights_that_it_began_with(options, tmp_path):
    first, ticket = Beginning(), Beginning()
    train("images", tmp_path / "sparse", [first], **options)
    result = train("images", tmp_path / "ticket", [ticket], prune=0.0, prune_as=str(tmp_path / "sparse"), **options)
    sparse, again = (pruning.prunable(keras.saving.load_model(tmp_path / name / "model.keras")) for name in ("sparse", "ticket"))
    for begun, made, zeros, after in zip(first.weights, ticket.weights, sparse, again, strict=True):
        np.testing.assert_array_equal(made, np.where(np.array(zeros) == 0, 0, begun))
        np.testing.assert_array_equal(np.array(after) == 0, np.array(zeros) == 0)
    assert result["pruned"]["share"] == pytest.approx(0.75, abs=0.01)


def test_what_another_run_cannot_say_is_refused(tmp_path):
    train("images", tmp_path / "whole", prune=0.0)
    cases = (
        ({"prune_as": str(tmp_path / "whole")}, "whole has no weights that are 0; pass one that was trained with --prune"),
        ({"prune_as": str(tmp_path / "whole"), "width": 8}, r"has stage1_conv1/kernel of shape \(3, 3, 1, 4\), and the network here of"),
        ({"prune_as": str(tmp_path / "none")}, "none: there is no such folder; accepted is that of a finished run with --prune"),
        ({"prune_as": str(tmp_path)}, "--prune-as: .* holds no run"),
        ({"prune_as": str(tmp_path / "whole"), "prune": 0.5}, "--prune 0.5 and --prune-as .*whole both prune; pass one of them"),
    )
    for options, words in cases:
        with pytest.raises(UserError, match=words):
            train("images", tmp_path / "run", **{"prune": 0.0, **options})
