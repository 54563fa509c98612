"""Runs on series that begin with the weights of another run."""

import json

import keras
import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.inference.evaluate import evaluate
from hornbook.recipes.networks import weights
from hornbook.recipes.sequence_classification import Args, check, main

SMALL = {"epochs": 2, "batch_size": 16, "floor": False, "diagnosis": False, "data_check": False}


def waves(count=80, steps=24, classes=2, features=2, seed=0):
    """Series of other speeds each class, and noise."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    phases = generator.uniform(0, 6, (count, 1)) + np.arange(steps) * (0.3 + 0.4 * labels[:, None])
    series = 5 + 2 * np.sin(phases)[..., None] + generator.normal(0, 0.1, (count, steps, features))
    return series.astype(np.float32), labels


def saved(path, **options):
    series, labels = waves(**options)
    half = len(labels) // 2
    np.savez(path, x_train=series[:half], y_train=labels[:half], x_test=series[half:], y_test=labels[half:])
    return f"npz:{path}"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A run whose network is mixed with a classical model, as by default."""
    folder = tmp_path_factory.mktemp("source")
    own = {"model": "fcn", "width": 6, "kernel_sizes": (5, 3, 3), "classical_share": 0.5, "window": 12}
    main(Args(**SMALL, **own, dataset=saved(folder / "a.npz"), output=str(folder / "run")))
    return folder / "run"


def run(tmp_path, source, name="run", dataset=None, **options):
    dataset = dataset or saved(tmp_path / "b.npz", classes=3, seed=1)
    options = {"weights": str(source), "dataset": dataset, "classical_share": 0.0, **options}
    folder = tmp_path / name
    result = main(Args(**{**SMALL, **options, "output": str(folder)}))
    return folder, result


def network_of(model):
    """The network within a model, mixed with a classical one or not."""
    found = [model, *(layer for layer in model.layers if isinstance(layer, keras.Model))]
    found += [inner for one in found[1:] for inner in one.layers if isinstance(inner, keras.Model)]
    return next(one for one in found if one.name == "fcn")


def weights_of(folder):
    return {weight.path: np.array(weight) for weight in network_of(keras.saving.load_model(folder / "model.keras")).weights}


def test_a_run_begins_with_the_weights_the_options_and_the_standardization_of_its_source(tmp_path, source, capsys):
    begun = {}

    class Begun(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            begun.update({weight.path: np.array(weight) for weight in network_of(self.model).weights})

    asked = {"weights": str(source), "dataset": saved(tmp_path / "b.npz", classes=3, seed=1), "classical_share": 0.0, "unfreeze": "all"}
    main(Args(**SMALL, **asked, output=str(tmp_path / "run")), callbacks=[Begun()])
    before = weights_of(source)
    head = {path for path in begun if path.startswith("logits")}
    assert len(head) == 2
    assert begun.keys() == before.keys()
    for path in begun.keys() - head:
        np.testing.assert_array_equal(begun[path], before[path])
    assert {begun[path].shape[-1] for path in head} == {3}
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert {name: config[name] for name in ("model", "width", "kernel_sizes", "window")} == {
        "model": "fcn", "width": 6, "kernel_sizes": [5, 3, 3], "window": 12,
    }  # fmt: skip
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    own = np.array(model.get_layer("standardize").mean).reshape(-1)
    series, _ = waves()
    np.testing.assert_allclose(own, series[:40].mean(axis=(0, 1)), atol=0.1)
    evaluate([str(tmp_path / "run")])
    assert "accuracy" in capsys.readouterr().out


def changed(folder, source):
    before = weights_of(source)
    found = weights_of(folder)
    return {path.split("/")[0] for path, now in found.items() if path.startswith("logits") or not np.array_equal(now, before[path])}


def test_what_is_trained_is_what_was_asked_for(tmp_path, source):
    every = changed(run(tmp_path, source, "all", unfreeze="all")[0], source)
    assert {"stage1_conv1", "stage2_conv1", "stage3_conv1", "logits"} <= every
    half = changed(run(tmp_path, source, "auto")[0], source)
    assert "stage1_conv1" not in half
    assert {"stage3_conv1", "logits"} <= half


def test_a_head_is_trained_on_features_that_are_kept(tmp_path, source, cache):
    folder, _ = run(tmp_path, source, unfreeze="head", validation_fraction=0.25)
    assert changed(folder, source) == {"logits"}
    assert len(list(cache.rglob("*.npy"))) == 2
    chosen = json.loads((folder / "chosen.json").read_text())
    assert (chosen["jitter"], chosen["mixup"]) == (0, 0)


def test_a_head_of_a_recurrent_network_is_trained_without_the_noise_that_it_has_by_default(tmp_path, source):
    series, labels = waves()
    lengths = np.random.default_rng(0).integers(10, 24, len(series))
    dataset = data.series.from_arrays([one[:length] for one, length in zip(series, lengths, strict=True)], labels)
    main(Args(**SMALL, model="gru", width=4, evaluate="none", output=str(tmp_path / "gru")), dataset=dataset)
    options = {"weights": str(tmp_path / "gru"), "unfreeze": "head", "evaluate": "none", "output": str(tmp_path / "head")}
    main(Args(**SMALL, **options), dataset=dataset)
    chosen = json.loads((tmp_path / "head" / "chosen.json").read_text())
    assert (chosen["jitter"], chosen["mixup"]) == (0, 0)


def test_a_run_that_was_cut_off_goes_on_bit_for_bit(tmp_path, source):
    class Cut(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise RuntimeError("cut off")

    weights._source.cache_clear()
    whole, _ = run(tmp_path, source, "whole", jitter=0.1)  # Loads what it begins with, which the others do not do again.
    asked = {"weights": str(source), "dataset": f"npz:{tmp_path / 'b.npz'}", "classical_share": 0.0, "jitter": 0.1}
    with pytest.raises(RuntimeError, match="cut off"):
        main(Args(**SMALL, **asked, output=str(tmp_path / "cut")), callbacks=[Cut()])
    cut, _ = run(tmp_path, source, "cut", jitter=0.1)
    first, second = weights_of(whole), weights_of(cut)
    assert [path for path in first if first[path].tobytes() != second[path].tobytes()] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": None, "unfreeze": "head"}, "--unfreeze head is for a network with --weights"),
        ({"weights": "imagenet"}, "--weights imagenet: there is no such folder; accepted are a finished run's folder, of series, and none"),
        ({"members": 2}, "--members 2 would begin with the same weights"),
        ({"unfreeze": "head", "jitter": 0.2}, "--jitter 0.2 changes series"),
        ({"missing": "mask"}, "--missing mask: --weights .* were trained with --missing refuse, which holds"),
        ({"width": 8}, "stage1_conv1/kernel of shape"),
        ({"model": "gru"}, r"are of --model \w+, got gru; leave --model out"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, source, options, message):
    with pytest.raises(UserError, match=message):
        run(tmp_path, source, **options)


def test_series_of_other_features_are_refused(tmp_path, source):
    with pytest.raises(UserError, match=r"is of series of 2 features, and npz:.* has 3"):
        run(tmp_path, source, dataset=saved(tmp_path / "c.npz", features=3))


def test_weights_are_of_series(tmp_path):
    from hornbook.recipes import image_classification

    small = {"epochs": 1, "floor": False, "diagnosis": False, "samples_per_class": 5, "depth": 4, "width": 2}
    image_classification.main(image_classification.Args(**small, output=str(tmp_path / "images")))
    args = Args(weights=str(tmp_path / "images"))
    check(args)
    with pytest.raises(UserError, match="is a run on images; accepted are runs on series"):
        weights.with_source(args, "series")
