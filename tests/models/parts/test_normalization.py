import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.models.parts.normalization import group_count, normalization_layer, resolve_normalization


@pytest.mark.parametrize(
    ("channels", "groups"), [(512, 32), (256, 32), (128, 32), (64, 16), (32, 8), (24, 6), (16, 4), (10, 2), (7, 1), (3, 1), (1, 1)]
)
def test_group_count(channels, groups):
    assert group_count(channels) == groups
    assert channels % groups == 0


def normalized(name, x):
    layer = normalization_layer(resolve_normalization(name), x.shape, "normalization")
    return keras.ops.convert_to_numpy(layer(x, training=True) if name == "batch" else layer(x))


@pytest.mark.parametrize(("name", "axes", "epsilon"), [("batch", (0, 1, 2), 1e-3), ("layer", (3,), 1e-5), ("instance", (1, 2), 1e-5)])
def test_what_is_normalized_by_its_formula(name, axes, epsilon):
    x = np.random.default_rng(0).normal(2, 3, (4, 5, 5, 8)).astype("float32")
    expected = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)
    np.testing.assert_allclose(normalized(name, x), expected, rtol=1e-4, atol=1e-4)


def test_group_and_rms_by_their_formulas():
    x = np.random.default_rng(0).normal(2, 3, (4, 5, 5, 8)).astype("float32")
    grouped = x.reshape(4, 5, 5, 2, 4)
    expected = (grouped - grouped.mean((1, 2, 4), keepdims=True)) / np.sqrt(grouped.var((1, 2, 4), keepdims=True) + 1e-5)
    np.testing.assert_allclose(normalized("group", x), expected.reshape(x.shape), rtol=1e-4, atol=1e-4)
    expected = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(normalized("rms", x), expected, rtol=1e-4, atol=1e-4)


def test_every_name_is_saved_as_keras_own():
    for name, kind in models.NORMALIZATIONS.items():
        if kind is not None:
            config = keras.saving.serialize_keras_object(kind.make(8, name=name))
            assert config["module"] == "keras.layers"
            assert config["registered_name"] in (None, config["class_name"])


@pytest.mark.parametrize("factory", [keras.layers.UnitNormalization, lambda name: keras.layers.LayerNormalization(name=name)])
def test_a_factory_makes_a_layer_for_every_place(factory):
    model = models.mlp((4,), 2, depth=4, width=8, normalization=factory)
    assert [layer.name for layer in model.layers if "norm" in layer.name] == ["norm1", "norm2", "norm3"]


@pytest.mark.parametrize(
    ("normalization", "error", "message"),
    [
        ("batchnorm", ValueError, r"batch, layer, group, instance, rms, none.*got 'batchnorm'; did you mean 'batch'"),
        (3, ValueError, "got 3"),
        (keras.layers.LayerNormalization(), TypeError, "every place would share; pass a factory"),
        (lambda: None, TypeError, r"called as factory\(name=...\)"),
        (lambda name: name, TypeError, "must return a Keras layer"),
        (lambda name, layer=keras.layers.LayerNormalization(): layer, TypeError, "returned one layer twice"),  # noqa: B008
    ],
)
def test_what_is_no_normalization_is_refused(normalization, error, message):
    with pytest.raises(error, match=message):
        models.mlp((4,), 2, normalization=normalization)


def test_instance_normalization_of_one_position_is_refused():
    with pytest.raises(ValueError, match="a map of one position is always 0"):
        models.cnn((2, 2, 3), 2, depth=4, normalization="instance")


@pytest.mark.parametrize(
    ("normalization", "biases"),
    [
        *((kind, False) for kind in ("batch", "layer", "group", "instance", keras.layers.BatchNormalization)),
        *((kind, True) for kind in ("rms", "none", keras.layers.UnitNormalization)),
    ],
)
def test_biases_are_left_out_where_the_normalization_has_an_offset(normalization, biases):
    model = models.cnn((8, 8, 3), 2, depth=4, normalization=normalization)
    assert {layer.use_bias for layer in model.layers if isinstance(layer, keras.layers.Conv2D)} == {biases}
    assert model.get_layer("logits").use_bias
