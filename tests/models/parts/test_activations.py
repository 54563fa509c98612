import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.models.parts.initializers import initializer_for


def test_every_activation_works_as_a_drop_in():
    # All in one model with one output and one loss, for a compilation costs more than the training.
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 8)).astype("float32")
    y = x @ rng.normal(size=(8, 2)).astype("float32")
    inputs, number = keras.Input((8,)), len(models.ACTIVATIONS)
    options = {"depth": 3, "width": 16, "normalization": "rms"}
    networks = [models.mlp((8,), 2, activation=name, name=name, **options) for name in models.ACTIVATIONS]
    model = keras.Model(inputs, keras.ops.stack([network(inputs) for network in networks], axis=1))
    targets = np.repeat(y[:, None], number, axis=1)

    def losses():
        return np.square(keras.ops.convert_to_numpy(model(x, training=True)) - targets).mean(axis=(0, 2))

    before = losses()
    # The loss is the mean over the networks, so each has a step of 0.1 and gradients of at most 0.1.
    model.compile(keras.optimizers.SGD(0.1 * number, clipvalue=0.1 / number), "mse", jit_compile=False)
    model.fit(x, targets, epochs=4, batch_size=32, verbose=0)
    for name, first, last in zip(models.ACTIVATIONS, before, losses(), strict=True):
        assert np.isfinite(last), name
        assert last < 0.95 * first, (name, first, last)


def test_the_list_is_keras_own_without_four():
    theirs = {name for name in dir(keras.activations) if not name.startswith("_")} - {"get", "serialize", "deserialize"}
    ours = set(models.ACTIVATIONS) - {"prelu", "swish", "hard_swish"}
    assert ours == {name for name in theirs if name not in ("glu", "threshold", "exponential", "sparsemax", "swish", "hard_swish")}


def test_a_function_is_taken():
    model = models.mlp((8,), 2, activation=keras.activations.gelu)
    assert model.get_layer("act1").activation is keras.activations.gelu


def test_prelu_has_one_slope_a_channel():
    assert models.cnn((8, 8, 3), 2, depth=4, width=4, activation="prelu").get_layer("stage1_act1").alpha.shape == (1, 1, 4)
    assert models.mlp((8,), 2, width=4, activation="prelu").get_layer("act1").alpha.shape == (4,)


@pytest.mark.parametrize(
    ("activation", "error", "message"),
    [
        ("rleu", ValueError, "got 'rleu'; did you mean 'relu'"),
        (None, ValueError, "got None"),
        ("glu", ValueError, "halves the channels"),
        ("threshold", ValueError, "a threshold and a value"),
        ("exponential", ValueError, "overflow"),
        ("sparsemax", ValueError, "does not learn"),
        (keras.layers.ReLU(), TypeError, "a layer of its own"),
    ],
)
def test_what_is_no_drop_in_is_refused(activation, error, message):
    with pytest.raises(error, match=message):
        models.mlp((8,), 2, activation=activation)


@pytest.mark.parametrize(
    ("activation", "initializer"),
    [
        *((name, "he_normal") for name in ("relu", "leaky_relu", "swish", "gelu", "prelu", keras.activations.gelu)),
        *((name, "glorot_uniform") for name in ("tanh", "sigmoid", keras.activations.tanh)),
        ("selu", "lecun_normal"),
    ],
)
def test_the_initializer_that_suits(activation, initializer):
    assert initializer_for(activation) == initializer
    kernel = models.mlp((8,), 2, activation=activation).get_layer("dense1").kernel_initializer
    assert isinstance(kernel, type(keras.initializers.get(initializer)))


@pytest.mark.parametrize("initializer", [name for name in models.INITIALIZERS if name != "auto"])
def test_every_initializer(initializer):
    model = models.cnn((8, 8, 3), 2, depth=3, stages=2, width=4, initializer=initializer)
    first, second = model.get_layer("stage1_conv1"), model.get_layer("stage2_conv1")
    assert first.kernel_initializer is not second.kernel_initializer
    assert np.std(keras.ops.convert_to_numpy(first.kernel)) > 0


def test_an_initializer_without_a_seed_is_copied_for_every_layer():
    model = models.mlp((8,), 2, depth=3, width=8, initializer=keras.initializers.RandomNormal(stddev=0.3))
    first, second = (keras.ops.convert_to_numpy(model.get_layer(name).kernel) for name in ("dense1", "dense2"))
    assert 0.2 < first.std() < 0.4
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("initializer", "message"),
    [
        ("he", "got 'he'"),
        ("zeros", "starts every unit equal"),
        (keras.initializers.HeNormal(seed=1), r"must have no seed of its own, got HeNormal\(seed=1\)"),
    ],
)
def test_what_is_no_initializer_is_refused(initializer, message):
    with pytest.raises(ValueError, match=message):
        models.mlp((8,), 2, initializer=initializer)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="elsewhere it is Keras' own")
def test_gelu_is_keras_own_with_its_gradient():
    import tensorflow as tf

    x = tf.linspace(-12.0, 12.0, 1001)
    found = []
    for layer in (keras.layers.Activation("gelu"), models.mlp((4,), 2, activation="gelu").get_layer("act1")):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        found.append((y.numpy(), tape.gradient(y, x).numpy()))
    assert type(layer) is not keras.layers.Activation
    for theirs, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
