import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.models.parts.swap import NORMALIZATION_LAYERS


def normalizations(model):
    return [layer for layer in model._flatten_layers() if isinstance(layer, NORMALIZATION_LAYERS)]


def outputs(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def images(model, count=2):
    return np.random.default_rng(0).normal(size=(count, *model.input_shape[1:])).astype("float32")


@pytest.fixture(scope="module", params=["ResNet50", "MobileNetV2"])
def application(request):
    options = {"alpha": 0.35} if request.param == "MobileNetV2" else {}
    return getattr(keras.applications, request.param)(input_shape=(32, 32, 3), weights=None, classes=5, **options)


@pytest.mark.parametrize(("name", "layer"), [("group", keras.layers.GroupNormalization), ("layer", keras.layers.LayerNormalization)])
def test_applications_with_another_normalization(application, name, layer):
    swapped = models.swap_normalization(application, name)
    assert all(isinstance(found, layer) for found in normalizations(swapped))
    assert [found.name for found in normalizations(swapped)] == [found.name for found in normalizations(application)]
    for old in application.layers:
        if not isinstance(old, NORMALIZATION_LAYERS):
            for before, after in zip(old.get_weights(), swapped.get_layer(old.name).get_weights(), strict=True):
                np.testing.assert_array_equal(before, after)
    result = outputs(swapped, images(swapped))
    assert result.shape == (2, 5)
    assert np.isfinite(result).all()


def test_a_swapped_application_trains_and_is_saved(tmp_path):
    application = keras.applications.MobileNetV2(input_shape=(32, 32, 3), alpha=0.35, weights=None, classes=5)
    swapped = models.swap_normalization(application, "group")
    assert not swapped.compiled
    swapped.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    history = swapped.fit(images(swapped, 4), np.arange(4), verbose=0).history
    assert np.isfinite(history["loss"]).all()
    swapped.save(tmp_path / "model.keras")
    x = images(swapped)
    np.testing.assert_allclose(outputs(keras.saving.load_model(tmp_path / "model.keras"), x), outputs(swapped, x), rtol=1e-5, atol=1e-6)


def test_a_model_without_its_normalization_is_saved_and_saved_again(tmp_path):
    model = models.cnn((8, 8, 3), 2, depth=4, width=4)
    inputs = keras.Input((8, 8, 3))
    swapped = models.swap_normalization(keras.Model(inputs, model(inputs)), "none")
    x, expected = images(swapped), outputs(swapped, images(swapped))
    for time in range(2):
        swapped.save(tmp_path / f"{time}.keras")
        swapped = keras.saving.load_model(tmp_path / f"{time}.keras")
        np.testing.assert_array_equal(outputs(swapped, x), expected)


def test_the_number_of_groups_can_be_chosen():
    model = models.resnet((8, 8, 3), 2, depth=(1,), width=8)
    assert {layer.groups for layer in normalizations(models.swap_normalization(model, "group", groups=1))} == {1}
    assert {layer.groups for layer in normalizations(models.swap_normalization(model, "group"))} == {2}
    with pytest.raises(ValueError, match="groups must divide the channels, got groups=3 for 8 channels at 'stem_norm'; 1, 2, 4, 8 divide"):
        models.swap_normalization(model, "group", groups=3)


def test_the_same_normalization_gives_a_model_of_the_same_shape():
    model = models.resnet((8, 8, 3), 2, depth=8, width=4)
    swapped = models.swap_normalization(model, "batch")
    assert [v.path for v in swapped.variables] == [v.path for v in model.variables]


@pytest.mark.parametrize("family", ["cnn", "resnet"])
@pytest.mark.parametrize("name", ["layer", "group", "instance"])
def test_a_swap_is_what_the_builder_would_have_built(family, name):
    options = {"width": 8, "depth": (1, 1)}
    swapped = models.swap_normalization(models.build(family, (8, 8, 3), 2, **options), name)
    built = models.build(family, (8, 8, 3), 2, normalization=name, **options)
    built.set_weights(swapped.get_weights())
    x = images(built)
    np.testing.assert_allclose(outputs(built, x), outputs(swapped, x), rtol=1e-5, atol=1e-6)


def test_scale_and_offset_are_carried_over():
    model = models.resnet((8, 8, 3), 2, depth=(1,), width=8, zero_init_residual=True)
    model.get_layer("stem_norm").beta.assign(np.arange(8.0))
    group = models.swap_normalization(model, "group")
    np.testing.assert_array_equal(group.get_layer("stage1_block1_norm2").get_weights()[0], 0)
    np.testing.assert_array_equal(group.get_layer("stem_norm").get_weights()[1], np.arange(8.0))
    rms = models.swap_normalization(model, "rms")
    np.testing.assert_array_equal(rms.get_layer("stage1_block1_norm2").get_weights()[0], 0)


@pytest.mark.parametrize("name", ["none", "rms"])
def test_where_the_offset_goes_a_bias_comes(name):
    model = models.cnn((8, 8, 3), 2, depth=4, width=4)
    swapped = models.swap_normalization(model, name)
    np.testing.assert_array_equal(swapped.get_layer("stage1_conv1").get_weights()[0], model.get_layer("stage1_conv1").get_weights()[0])
    assert swapped.get_layer("stage1_conv1").use_bias
    assert swapped.count_params() == models.cnn((8, 8, 3), 2, depth=4, width=4, normalization=name).count_params()


def test_absent_scales_stay_absent():
    inputs = keras.Input((4, 4, 8))
    model = keras.Model(inputs, keras.layers.BatchNormalization(scale=False, name="norm")(inputs))
    layer = models.swap_normalization(model, "group").get_layer("norm")
    assert layer.gamma is None
    assert layer.beta is not None


def test_nested_and_shared_layers_and_frozen_ones():
    shared = keras.layers.BatchNormalization(name="shared", trainable=False)
    inner_input = keras.Input((4, 4, 8))
    inner = keras.Model(inner_input, shared(keras.layers.Conv2D(8, 1)(shared(inner_input))), name="inner")
    inputs = keras.Input((4, 4, 8))
    tail = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.BatchNormalization(name="last")], name="tail")
    model = keras.Model(inputs, tail(keras.layers.Add()([inner(inputs), inner(inner(inputs))])))
    model.compile("sgd", "mse")
    swapped = models.swap_normalization(model, "group")
    assert not swapped.compiled
    assert [isinstance(layer, keras.layers.GroupNormalization) for layer in normalizations(swapped)] == [True, True]
    assert not swapped.get_layer("inner").get_layer("shared").trainable
    assert model.compiled
    assert len(normalizations(model)) == 2
    assert np.isfinite(outputs(swapped, images(swapped))).all()


class Custom(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.norm = keras.layers.BatchNormalization(name="hidden")

    def call(self, inputs):
        return self.norm(inputs)


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


def functional(layer, shape=(4, 4, 8)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, layer(inputs), name="outer")


@pytest.mark.parametrize(
    ("make", "name", "error", "message"),
    [
        (lambda: Subclassed(name="mine"), "group", TypeError, "'mine' is a Subclassed, a subclass of keras.Model"),
        (lambda: functional(Subclassed(name="inside")), "group", TypeError, "'inside' is a Subclassed"),
        (lambda: functional(Custom(name="custom")), "group", ValueError, r"'hidden' is inside the layer 'custom' \(Custom\)"),
        (lambda: functional(keras.layers.ReLU()), "group", ValueError, "no normalization to swap; its layers are InputLayer, ReLU"),
        (lambda: functional(keras.layers.BatchNormalization(axis=1, name="first")), "group", ValueError, "'first' normalizes axis 1"),
        (lambda: functional(keras.layers.BatchNormalization(name="flat"), (8,)), "instance", ValueError, "always 0.*'flat'"),
        (lambda: keras.Sequential([keras.layers.BatchNormalization()]), "group", ValueError, "is not built"),
        (lambda: "resnet50", "group", TypeError, "takes a keras.Model, got 'resnet50'"),
        (lambda: functional(keras.layers.BatchNormalization()), "grupo", ValueError, "did you mean 'group'"),
    ],
)
def test_what_cannot_be_swapped_is_named(make, name, error, message):
    with pytest.raises(error, match=message):
        models.swap_normalization(make(), name)


def test_masks_are_kept_and_normalization_that_would_mix_padding_in_is_refused():
    model = models.fcn((None, 3), 2, width=4, padded=True)
    x = np.random.default_rng(0).normal(size=(4, 9, 3)).astype("float32")
    x[:, 5:] = np.nan
    for normalization in ("batch", "layer", "none"):
        swapped = models.swap_normalization(model, normalization)
        for training in (False, True):
            short, long = (keras.ops.convert_to_numpy(swapped(values, training=training)) for values in (x[:, :5], x))
            np.testing.assert_allclose(short, long, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="group and instance normalization would mix it in"):
        models.swap_normalization(model, "group")
