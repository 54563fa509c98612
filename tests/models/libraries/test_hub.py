"""Backbones of KerasHub as builders, from presets that are written here. Nothing is downloaded."""

import json
import shutil
import sys

import keras
import numpy as np
import pytest

pytest.importorskip("keras_hub")

import keras_hub

from hornbook import models

SHAPE = (32, 32, 3)
SCALE, OFFSET = 1 / 64, [-2.0, -1.5, -1.0]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder of a small preset, and its backbone."""
    keras.utils.set_random_seed(0)
    backbone = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64], input_conv_kernel_sizes=[3], stackwise_num_filters=[64, 64], stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2], block_type="basic_block", use_pre_activation=False, image_shape=(None, None, 3),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("presets") / "Small"
    backbone.save_to_preset(folder)
    keras_hub.layers.ResNetImageConverter(image_size=(32, 32), scale=SCALE, offset=OFFSET).save_to_preset(folder)
    return folder, backbone


@pytest.fixture
def copied(written, tmp_path):
    return shutil.copytree(written[0], tmp_path / "copy")


def pixels(channels=3):
    return np.random.default_rng(0).integers(0, 256, (2, 32, 32, channels)).astype("float32")


def test_pixels_are_prepared_as_the_preset_says_and_its_weights_are_there(written):
    folder, backbone = written
    model = models.build(f"hub:{folder}", SHAPE, 4)
    features = np.mean(backbone(pixels() * SCALE + np.array(OFFSET, "float32")), axis=(1, 2))
    np.testing.assert_allclose(model.get_layer("logits")(features), model(pixels()), rtol=1e-4, atol=1e-5)
    assert model.name == "small"
    assert model.output.dtype == "float32"
    grey = models.pretrained(f"hub:{folder}", (32, 32, 1), 4)
    assert grey(pixels(1)).shape == (2, 4)


def test_weights_can_be_at_random_or_from_a_file(written, tmp_path):
    folder, _ = written
    learned = models.pretrained(f"hub:{folder}", SHAPE, 4)
    other = models.pretrained(f"hub:{folder}", SHAPE, 4, weights=None)
    kernel = learned.get_layer("backbone").get_weights()[0]
    assert not np.array_equal(other.get_layer("backbone").get_weights()[0], kernel)
    learned.get_layer("backbone").save_weights(tmp_path / "own.weights.h5")
    third = models.pretrained(f"hub:{folder}", SHAPE, 4, weights=str(tmp_path / "own.weights.h5"))
    np.testing.assert_array_equal(third.get_layer("backbone").get_weights()[0], kernel)


def test_a_saved_one_is_of_keras_own_layers(written, tmp_path):
    model = models.pretrained(f"hub:{written[0]}", SHAPE, 4)
    model.save(tmp_path / "model.keras")
    assert "keras_hub" not in json.dumps(model.get_config())
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(pixels()), model(pixels()))


def test_its_blocks_are_told_apart(written):
    from hornbook.training.learned import transfer

    model = models.pretrained(f"hub:{written[0]}", SHAPE, 4)
    before = len(model.trainable_variables)
    trained, there = transfer.keep_lower(model, 0.5)
    assert 0 < trained < there
    assert len(model.trainable_variables) < before
    assert model.get_layer("logits").trainable


def test_what_is_no_preset_is_refused(tmp_path):
    with pytest.raises(ValueError, match="KerasHub has no preset 'resnet_5_imagenet', and there is no such folder"):
        models.pretrained("hub:resnet_5_imagenet", SHAPE, 2)
    with pytest.raises(ValueError, match=r"there is no config\.json, as save_to_preset writes it"):
        models.pretrained(f"hub:{tmp_path}", SHAPE, 2)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"module": "os", "class_name": "system"}, "names os.system, which would run code"),
        ({"module": "keras.layers", "class_name": "Lambda"}, "names keras.layers.Lambda, which would run code"),
        ({"module": "keras_hub_evil.layers", "class_name": "A"}, "names keras_hub_evil.layers.A"),
    ],
)
def test_a_preset_that_names_code_is_refused_unread(copied, named, words):
    path = copied / "config.json"
    config = json.loads(path.read_text())
    config["config"]["further"] = [named]
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match=words):
        models.pretrained(f"hub:{copied}", SHAPE, 2)


def test_a_preset_of_texts_is_refused(copied):
    path = copied / "config.json"
    path.write_text(json.dumps({"module": "keras_hub.src.models.bert.bert_backbone", "class_name": "BertBackbone",
                                "config": {}, "registered_name": "keras_hub>BertBackbone"}))  # fmt: skip
    with pytest.raises(ValueError, match="is no backbone for images of shape"):
        models.pretrained(f"hub:{copied}", SHAPE, 2)


def test_layers_that_keras_lacks_are_refused(copied):
    vit = keras_hub.models.ViTBackbone(image_shape=SHAPE, patch_size=(16, 16), num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=8)
    vit.save_to_preset(copied)
    keras_hub.layers.ViTImageConverter(image_size=(32, 32)).save_to_preset(copied)
    with pytest.raises(ValueError, match=r"one map|layers of KerasHub's own"):
        models.pretrained(f"hub:{copied}", SHAPE, 2)


def test_a_failed_download_says_how_to_bring_it_by_hand(monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(keras_hub.layers.ImageConverter, "from_preset", fail)
    with pytest.raises(
        ConnectionError, match=r"ImageClassifier\.from_preset\('resnet_50_imagenet'\)\.save_to_preset\(FOLDER\), and pass hub:FOLDER"
    ):
        models.pretrained("hub:resnet_50_imagenet", SHAPE, 2)


def test_a_run_begins_with_it_and_needs_it_no_more(written, tmp_path, monkeypatch):
    from hornbook.inference.finished_run import load_model, open_run
    from hornbook.recipes import image_classification

    options = {"model": f"hub:{written[0]}", "unfreeze": "head", "epochs": 1, "floor": False, "diagnosis": False}
    image_classification.main(image_classification.Args(**options, output=str(tmp_path / "run")))
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    trained, _ = open_run(tmp_path / "run")
    model = load_model(trained)
    kernel = next(one for one in model.variables if len(one.shape) == 4)
    np.testing.assert_array_equal(kernel, written[1].get_weights()[0])


def test_without_keras_hub_it_says_what_to_install(monkeypatch):
    from hornbook import UserError
    from hornbook.training import builders

    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(UserError, match=r"--model hub:resnet_50_imagenet: .* needs KerasHub: pip install 'hornbook\[hub\]'"):
        builders.build_model("hub:resnet_50_imagenet", SHAPE, 2, {})
