"""Runs that begin with weights that were learned."""

import json

import keras
import numpy as np
import pytest

from hornbook import UserError, models
from hornbook.recipes.image_classification import Args, main
from hornbook.recipes.networks import weights
from hornbook.training.learned import features

SMALL = {"epochs": 1, "batch_size": 128, "samples_per_class": 20, "floor": False, "diagnosis": False}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source") / "run"
    options = {**SMALL, "depth": 4, "width": 4, "normalization": "group", "dropout": 0.1}
    main(Args(**options, output=str(folder)))
    return folder


def run(tmp_path, source, name="run", **options):
    folder = tmp_path / name
    main(Args(**{**SMALL, "weights": str(source), "output": str(folder), **options}))
    return folder, keras.saving.load_model(folder / "model.keras")


def weights_of(folder):
    network = keras.saving.load_model(folder / "model.keras").get_layer("cnn")
    return {weight.path: np.array(weight) for weight in network.weights}


def changed(folder, source):
    before = weights_of(source)
    return {path.split("/")[0].split("_")[0] for path, now in weights_of(folder).items() if not np.array_equal(now, before[path])}


def test_a_run_has_the_network_and_the_options_of_its_source(tmp_path, source):
    folder, model = run(tmp_path, source, learning_rate=1e-9)
    config = json.loads((folder / "config.json").read_text())
    assert {name: config[name] for name in ("model", "depth", "width", "normalization")} == {
        "model": "cnn", "depth": 4, "width": 4, "normalization": "group",
    }  # fmt: skip
    before, after = weights_of(source), weights_of(folder)
    for path, now in after.items():
        if not path.startswith("logits"):
            np.testing.assert_allclose(now, before[path], atol=1e-6)
    first = keras.saving.load_model(source / "model.keras").get_layer("standardize")
    np.testing.assert_array_equal(model.get_layer("standardize").mean, first.mean)


def test_what_is_trained_is_what_was_asked_for(tmp_path, source):
    assert changed(run(tmp_path, source, "auto")[0], source) == {"stage2", "stage3", "logits"}
    assert changed(run(tmp_path, source, "all", unfreeze="all")[0], source) == {"stage1", "stage2", "stage3", "logits"}
    assert changed(run(tmp_path, source, "some", unfreeze=0.5)[0], source) == {"stage2", "stage3", "logits"}


def test_a_head_is_trained_on_features_that_are_kept(tmp_path, source, cache, monkeypatch):
    folder, model = run(tmp_path, source, unfreeze="head", epochs=3)
    assert changed(folder, source) == {"logits"}
    assert len(list(cache.rglob("*.npy"))) == 2  # Of training and validation examples.
    result = json.loads((folder / "result.json").read_text())
    assert result["parameters"] == model.count_params()
    assert json.loads((folder / "chosen.json").read_text())["augmentation"] == "none"

    def refuse(*_, **__):
        raise AssertionError("computed again")

    monkeypatch.setattr(features.batches, "predictions", refuse)
    with pytest.raises(AssertionError, match="computed again"):  # Only when the saved model is evaluated, after the training.
        run(tmp_path, source, "again", unfreeze="head", epochs=3)
    assert len((tmp_path / "again/history.csv").read_text().splitlines()) == 4


def test_gradual_unfreezing_is_over_the_share_of_the_training_that_was_asked_for(tmp_path, source):
    found = []
    asked = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: found.append(asked.model.optimizer.unfreezing_steps))
    options = {**SMALL, "epochs": 4, "weights": str(source), "gradual_unfreezing": 0.5, "output": str(tmp_path / "run")}
    main(Args(**options), callbacks=[asked])
    steps = 4 * (20 * 10 // 128)
    assert found == [steps // 2]


def test_gradual_unfreezing_reaches_the_first_block(tmp_path, source):
    folder, _ = run(tmp_path, source, unfreeze="all", gradual_unfreezing=0.5, layer_decay=0.8, epochs=4)
    assert changed(folder, source) == {"stage1", "stage2", "stage3", "logits"}


def test_a_network_of_keras_begins_with_weights_from_a_file(tmp_path, colour_images):
    from hornbook import data

    backbone = models.pretrained("MobileNetV3Small", (32, 32, 3), 2, weights=None).get_layer("backbone")
    backbone.save_weights(tmp_path / "small.weights.h5")
    images, labels = colour_images
    dataset = data.images.from_arrays(np.kron(images, np.ones((1, 3, 3, 1), np.uint8)), labels, class_names=("a", "b"))
    options = {**SMALL, "samples_per_class": None, "unfreeze": "head", "evaluate": "validation"}
    folder = tmp_path / "run"
    main(Args(**options, model="keras:MobileNetV3Small", weights=str(tmp_path / "small.weights.h5"), output=str(folder)), dataset=dataset)
    saved = keras.saving.load_model(folder / "model.keras")
    for own, expected in zip(saved.get_layer("mobilenetv3small").get_layer("backbone").get_weights(), backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(own, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": None, "unfreeze": "head"}, "--unfreeze head is for a network with --weights"),
        ({"weights": "none", "gradual_unfreezing": 0.5}, "--gradual-unfreezing 0.5 is for a network with --weights"),
        ({"weights": "imagenet"}, "--weights imagenet is for --model keras:NAME, got auto"),
        ({"weights": "nowhere"}, "--weights nowhere: there is no such file or folder"),
        ({"members": 2}, "--members 2 would begin with the same weights"),
        ({"unfreeze": "head", "mixup": 0.2}, "--mixup 0.2 changes images"),
        ({"unfreeze": "head", "augmentation": "crop"}, "--augmentation crop changes images"),
        ({"unfreeze": "head", "layer_decay": 0.5}, "--layer-decay 0.5 is about a whole network"),
        ({"unfreeze": "head", "loss": "ldam"}, "--loss ldam ends a network in cosines"),
        ({"model": "resnet20"}, "are of --model cnn, got resnet20; leave --model out"),
        ({"width": 8}, "has stage1_conv1/kernel of shape"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, source, options, message):
    with pytest.raises(UserError, match=message):
        run(tmp_path, source, **options)


def test_code_that_a_stranger_names_is_not_run(tmp_path, source):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(source, copy)
    config = json.loads((copy / "config.json").read_text())
    chosen = json.loads((copy / "chosen.json").read_text())
    chosen.pop("model", None)
    (copy / "config.json").write_text(json.dumps({**config, "model": "evil:builder"}))
    (copy / "chosen.json").write_text(json.dumps(chosen))
    with pytest.raises(UserError, match="evil:builder, code that would run"):
        weights.with_source(Args(weights=str(copy)), "images")


def test_another_model_than_the_sources_is_refused_before_the_data_are_read(source):
    with pytest.raises(UserError, match=r"are of --model cnn, got resnet20; leave --model out, or pass --weights none"):
        weights.check(Args(weights=str(source), model="resnet20"), "images")
    weights.check(Args(weights=str(source), model="cnn"), "images")
