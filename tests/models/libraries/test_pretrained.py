"""Networks of keras.applications as builders. Nothing is downloaded."""

import inspect

import keras
import numpy as np
import pytest

from hornbook import models

SHAPE = (32, 32, 3)


def pixels(channels=3):
    return np.random.default_rng(0).integers(0, 256, (2, 32, 32, channels)).astype("float32")


@pytest.fixture(scope="module")
def small():
    return models.pretrained("MobileNetV3Small", SHAPE, 4, weights=None)


# One of each way in which keras.applications prepare pixels: BGR less a mean, -1 to 1, standardized, inside the network.
@pytest.mark.parametrize("name", ["VGG16", "MobileNetV2", "DenseNet121", "MobileNetV3Small"])
def test_pixels_are_prepared_as_the_network_learned_them(name):
    model = models.pretrained(name, SHAPE, 4, weights=None)
    prepare = inspect.getmodule(getattr(keras.applications, name)).preprocess_input
    features = model.get_layer("backbone")(prepare(pixels().copy()))
    np.testing.assert_allclose(model(pixels()), model.get_layer("logits")(features), rtol=1e-4, atol=1e-5)


def test_grey_images_are_three_equal_channels(small):
    grey = models.pretrained("MobileNetV3Small", (32, 32, 1), 4, weights=None)
    grey.set_weights(small.get_weights())
    own = pixels(1)
    np.testing.assert_allclose(grey(own), small(np.repeat(own, 3, axis=-1)), atol=1e-6)


def test_the_zoo_knows_it_by_its_prefix():
    model = models.build("keras:MobileNetV3Small", SHAPE, 4, weights=None, dropout=0.2)
    assert model.output_shape == (None, 4)
    assert model.output.dtype == "float32"
    assert models.options("keras:MobileNetV3Small") == {"weights": "imagenet", "dropout": 0.0}
    assert models.family("keras:MobileNetV3Small") == "pretrained"
    with pytest.raises(ValueError, match="takes no option 'depth'"):
        models.build("keras:MobileNetV3Small", SHAPE, 4, depth=3)


def test_weights_come_from_a_file(small, tmp_path):
    small.get_layer("backbone").save_weights(tmp_path / "small.weights.h5")
    other = models.pretrained("MobileNetV3Small", (40, 40, 3), 2, weights=str(tmp_path / "small.weights.h5"))
    for own, expected in zip(other.get_layer("backbone").get_weights(), small.get_layer("backbone").get_weights(), strict=True):
        np.testing.assert_array_equal(own, expected)


def test_a_saved_one_loads_with_plain_keras(small, tmp_path):
    small.save(tmp_path / "small.keras")
    loaded = keras.saving.load_model(tmp_path / "small.keras")
    np.testing.assert_array_equal(loaded(pixels()), small(pixels()))


@pytest.mark.parametrize(
    ("name", "shape", "options", "message"),
    [
        ("ResNet5", SHAPE, {}, "no network 'ResNet5'; did you mean ResNet50"),
        ("VGG16", (32, 32, 2), {}, "images of 1 or 3 channels, got input_shape \\(32, 32, 2\\)"),
        ("VGG16", (16, 16, 3), {"weights": None}, "at least 32x32"),
        ("VGG16", SHAPE, {"weights": "nowhere.h5"}, "there is no file of weights 'nowhere.h5'"),
        ("VGG16", SHAPE, {"weights": "noisy-student"}, "'imagenet', None, or a file .weights.h5, .*got 'noisy-student'"),
        ("VGG16", SHAPE, {"weights": None, "dropout": 1.0}, "dropout is the share"),
    ],
)
def test_what_it_does_not_take_is_refused(name, shape, options, message):
    with pytest.raises(ValueError, match=message):
        models.pretrained(name, shape, 2, **options)


def test_weights_of_another_network_are_refused(small, tmp_path):
    small.get_layer("backbone").save_weights(tmp_path / "small.weights.h5")
    with pytest.raises(ValueError, match=r"small\.weights\.h5 has no weights of the backbone of MobileNetV2"):
        models.pretrained("MobileNetV2", SHAPE, 2, weights=str(tmp_path / "small.weights.h5"))
    (tmp_path / "broken.h5").write_bytes(b"no HDF5")
    with pytest.raises(ValueError, match=r"broken\.h5 has no weights of the backbone of MobileNetV3Small"):
        models.pretrained("MobileNetV3Small", SHAPE, 2, weights=str(tmp_path / "broken.h5"))


def test_a_failed_download_names_the_file_and_its_place(monkeypatch):
    def fail(fname, origin, **_):
        assert origin.endswith(f"/{fname}")  # So the address tells the file's name.
        raise Exception(f"URL fetch failure on {origin}: None -- [Errno -3] Temporary failure in name resolution")

    monkeypatch.setenv("KERAS_HOME", "/home/somebody/.keras")
    module = inspect.getmodule(keras.applications.MobileNetV3Small)
    monkeypatch.setattr(module.file_utils, "get_file", fail)
    with pytest.raises(ConnectionError, match=r"put it at /home/somebody/\.keras/models/weights_mobilenet_v3_small_224_1\.0_float_no_top"):
        models.pretrained("MobileNetV3Small", SHAPE, 2)
