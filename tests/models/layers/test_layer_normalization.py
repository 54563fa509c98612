import json
import zipfile

import keras
import numpy as np
import pytest

from hornbook.models.layers.layer_normalization import MOST_CHANNELS, LayerNormalization

on_tensorflow = pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="elsewhere it is Keras' own path")

IMAGES = (3, 4, 5, 8)
OPTIONS = {
    "default": {},
    "no offset": {"center": False},
    "no scale": {"scale": False},
    "neither": {"center": False, "scale": False},
    "epsilon": {"epsilon": 1e-1},
    "axis as a positive number": {"axis": 3},
    "axis as a list": {"axis": [-1]},
    "another axis": {"axis": 1},
    "several axes": {"axis": [2, 3]},
}


def values(shape, seed=0):
    # A mean far from zero, where a variance E[x²] - E[x]² would lose digits.
    return (np.random.default_rng(seed).normal(size=shape) * 3 + 20).astype("float32")


def pair(shape, **options):
    """Our layer and Keras', with the same weights."""
    layers = [layer_class(**options) for layer_class in (LayerNormalization, keras.layers.LayerNormalization)]
    generator = np.random.default_rng(1)
    for layer in layers:
        layer.build(shape)
    weights = [generator.uniform(0.5, 1.5, size=weight.shape) for weight in layers[0].weights]
    for layer in layers:
        layer.set_weights(weights)
    return layers


def gradients(layers, inputs, jit_compile=False):
    """Return, for each layer, its outputs and the gradients to its inputs and its weights; one compiled function computes them all."""
    import tensorflow as tf

    @tf.function(jit_compile=jit_compile)
    def step(inputs):
        return [_gradients(layer, one) for layer, one in zip(layers, inputs, strict=True)]

    return [[tensor.numpy().astype("float32") for tensor in found] for found in step([tf.convert_to_tensor(one) for one in inputs])]


def _gradients(layer, inputs):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs)
        places = tf.reshape(tf.range(tf.size(outputs), dtype="float32"), tf.shape(outputs))
        loss = tf.reduce_mean(tf.cast(outputs, "float32") * tf.sin(places))
    return [outputs, *tape.gradient(loss, [inputs, *(weight.value for weight in layer.trainable_weights)])]


def assert_close(ours, keras_own, tolerance=1e-4, message=""):
    assert len(ours) == len(keras_own)
    for one, other in zip(ours, keras_own, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=tolerance, atol=tolerance, err_msg=message)


@on_tensorflow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_options_give_keras_outputs_and_gradients(jit_compile):
    pairs = [pair(IMAGES, **options) for options in OPTIONS.values()]
    found = [gradients(layers, [values(IMAGES)] * len(pairs), jit_compile) for layers in zip(*pairs, strict=True)]
    for name, ours, keras_own in zip(OPTIONS, *found, strict=True):
        assert_close(ours, keras_own, message=name)


@on_tensorflow
def test_ranks_give_keras_outputs_and_gradients():
    shapes = [(3, 7, 8), (2, 3, 4, 5, 8), (6, 8), (1, 1, 1, 8), (2, 3, MOST_CHANNELS), (2, 3, MOST_CHANNELS + 1)]
    pairs = [pair(shape) for shape in shapes]
    found = [gradients(layers, [values(shape) for shape in shapes]) for layers in zip(*pairs, strict=True)]
    for shape, ours, keras_own in zip(shapes, *found, strict=True):
        assert_close(ours, keras_own, message=str(shape))


@on_tensorflow
def test_products_are_used_where_they_can_be(monkeypatch):
    import tensorflow as tf

    def uses_products(channels=8, jit_compile=False, **options):
        layer = LayerNormalization(**options)
        layer.build((4, 3, channels))
        function = tf.function(layer, jit_compile=jit_compile)
        graph = function.get_concrete_function(tf.TensorSpec((None, None, channels), layer.compute_dtype)).graph
        return any(operation.type == "MatMul" for operation in graph.get_operations())

    assert uses_products()
    assert uses_products(dtype="mixed_bfloat16")
    assert not uses_products(dtype="float64")
    assert not uses_products(channels=MOST_CHANNELS + 1)
    assert not uses_products(jit_compile=True)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert not uses_products()


@on_tensorflow
@pytest.mark.parametrize(("policy", "tolerance"), [("float64", 1e-4), ("mixed_bfloat16", 4e-2), ("mixed_float16", 4e-3)])
def test_precisions_give_keras_results(policy, tolerance):
    ours, keras_own = (layer(values(IMAGES) - 20) for layer in pair(IMAGES, dtype=policy))
    assert ours.dtype == keras_own.dtype
    ours, keras_own = (keras.ops.convert_to_numpy(keras.ops.cast(outputs, "float32")) for outputs in (ours, keras_own))
    assert_close([ours], [keras_own], tolerance)


def test_file_names_keras_own_layer(tmp_path):
    layers = keras.layers
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(8, 3), LayerNormalization(name="norm"), layers.ReLU()])
    model.get_layer("norm").set_weights([values((8,), seed) for seed in range(2)])
    model.save(tmp_path / "model.keras")
    assert type(keras.models.clone_model(model).get_layer("norm")) is LayerNormalization

    with zipfile.ZipFile(tmp_path / "model.keras") as file:
        configuration = json.loads(file.read("config.json"))
    layer = next(layer for layer in configuration["config"]["layers"] if layer["config"].get("name") == "norm")
    assert (layer["module"], layer["class_name"]) == ("keras.layers", "LayerNormalization")
