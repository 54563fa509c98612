import ast
import inspect
import json
import zipfile

import keras
import numpy as np
import pytest

from hornbook.models import BatchNormalization

on_tensorflow = pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="the kernel is TensorFlow's")

IMAGES = (4, 6, 5, 3)
SHAPES = {"steps": (4, 9, 3), "images": IMAGES, "volumes": (2, 3, 4, 5, 3), "features": (8, 3), "one value": (1, 1, 1, 3)}
OPTIONS = {
    "default": {},
    "no offset": {"center": False},
    "no scale": {"scale": False},
    "neither": {"center": False, "scale": False},
    "momentum": {"momentum": 0.5},
    "no memory": {"momentum": 0.0},
    "frozen statistics": {"momentum": 1.0},
    "epsilon": {"epsilon": 1.001e-5},
    "small epsilon": {"epsilon": 1e-6},
    "axis as a positive number": {"axis": 3},
    "channels first": {"axis": 1},
    "renorm": {"renorm": True},
    "not trained": {"trainable": False},
}


def values(shape, seed=0):
    # A mean far from zero, where a variance E[x²] - E[x]² would lose digits.
    return (np.random.default_rng(seed).normal(size=shape) * 3 + 20).astype("float32")


def pair(shape, **options):
    """Our layer and Keras', with the same weights."""
    layers = [layer_class(**options) for layer_class in (BatchNormalization, keras.layers.BatchNormalization)]
    generator = np.random.default_rng(1)
    for layer in layers:
        layer.build(shape)
    weights = [generator.uniform(0.5, 1.5, size=weight.shape) for weight in layers[0].weights]
    for layer in layers:
        layer.set_weights(weights)
    return layers


def compiled(layer, training=True, jit_compile=False):
    """A function of inputs that returns outputs, and the gradients to the inputs and to the trainable weights."""
    import tensorflow as tf

    @tf.function(jit_compile=jit_compile)
    def step(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=training)
            # Weights that differ from place to place: the gradient of a plain sum through batch normalization is zero.
            places = tf.reshape(tf.range(tf.size(outputs), dtype="float32"), tf.shape(outputs))
            loss = tf.reduce_mean(tf.cast(outputs, "float32") * tf.sin(places))
        return outputs, tape.gradient(loss, [inputs, *(weight.value for weight in layer.trainable_weights)])

    def gradients(inputs):
        outputs, gradient = step(tf.convert_to_tensor(inputs))
        return [tensor.numpy().astype("float32") for tensor in (outputs, *gradient)]

    return gradients


def uses_kernel(layer, shape, dtype="float32", training=True, jit_compile=False, **arguments):
    import tensorflow as tf

    function = tf.function(lambda inputs: layer(inputs, training=training, **arguments), jit_compile=jit_compile)
    graph = function.get_concrete_function(tf.TensorSpec(shape, dtype)).graph
    return any(operation.type == "FusedBatchNormV3" for operation in graph.get_operations())


def assert_close(ours, keras_own, tolerance=1e-4):
    assert len(ours) == len(keras_own)
    for one, other in zip(ours, keras_own, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=tolerance, atol=tolerance)


def check_steps(shape, layers, jit_compile=False):
    """Some training steps, and then inference."""
    steps = [compiled(layer, jit_compile=jit_compile) for layer in layers]
    for seed in range(4):
        assert_close(*(step(values(shape, seed)) for step in steps))
    assert_close(*(layer.get_weights() for layer in layers))
    assert_close(*(compiled(layer, training=False, jit_compile=jit_compile)(values(shape)) for layer in layers))


@on_tensorflow
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_steps_give_keras_outputs_gradients_and_moving_statistics(shape, jit_compile):
    check_steps(shape, pair(shape, momentum=0.7), jit_compile)


@on_tensorflow
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_options_give_keras_results(options):
    check_steps(IMAGES, pair(IMAGES, **options))


@on_tensorflow
@pytest.mark.parametrize(("policy", "tolerance"), [("mixed_bfloat16", 4e-2), ("mixed_float16", 4e-3), ("float16", 1e-2), ("float64", 1e-4)])
def test_precisions_give_keras_results(policy, tolerance):
    ours, keras_own = pair(IMAGES, dtype=policy)
    inputs = values(IMAGES) - 20
    for _ in range(3):
        assert ours(inputs, training=True).dtype == keras_own(inputs, training=True).dtype
    assert_close(*([layer(inputs, training=False)] for layer in (ours, keras_own)), tolerance=tolerance)
    # The statistics are computed in float32, whatever the inputs.
    assert_close(ours.get_weights(), keras_own.get_weights(), tolerance=1e-4 if policy != "float16" else tolerance)
    assert [weight.dtype for weight in ours.weights] == [weight.dtype for weight in keras_own.weights]
    assert uses_kernel(ours, IMAGES, dtype=ours.compute_dtype) == (policy != "float64")


@on_tensorflow
def test_kernel_is_used_where_it_can_be():
    layer = BatchNormalization()
    layer.build(IMAGES)
    assert uses_kernel(layer, IMAGES)
    assert uses_kernel(layer, (None, None, None, 3))
    assert uses_kernel(layer, IMAGES, training=False)
    assert not uses_kernel(layer, IMAGES, jit_compile=True)
    assert not uses_kernel(layer, IMAGES, mask=np.ones(IMAGES[:-1], "bool"))
    for options in ({"axis": 1}, {"synchronized": True}, {"renorm": True}, {"epsilon": 1e-6}):
        layer = BatchNormalization(**options)
        layer.build((3, 3, 3, 3))
        assert not uses_kernel(layer, (3, 3, 3, 3)), options
    for name in ("steps", "volumes"):
        layer = BatchNormalization()
        layer.build(SHAPES[name])
        assert uses_kernel(layer, SHAPES[name])
    layer = BatchNormalization()
    layer.build(SHAPES["features"])
    assert not uses_kernel(layer, SHAPES["features"])


@on_tensorflow
def test_a_frozen_layer_on_a_gpu_keeps_a_deterministic_gradient(monkeypatch):
    import tensorflow as tf

    layer = BatchNormalization(trainable=False)
    layer.build(IMAGES)
    assert uses_kernel(layer, IMAGES)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert not uses_kernel(layer, IMAGES)
    assert uses_kernel(layer, IMAGES, training=False)


@on_tensorflow
def test_an_empty_batch_passes_in_inference():
    ours, keras_own = pair(IMAGES)
    for layer in (ours, keras_own):
        assert layer(np.zeros((0, 6, 5, 3), "float32"), training=False).shape == (0, 6, 5, 3)


def test_masks_are_respected():
    shape = (4, 9, 3)
    ours, keras_own = pair(shape)
    mask = np.arange(9) < np.array([[9], [5], [1], [7]])
    results = [layer(values(shape), training=True, mask=mask) for layer in (ours, keras_own)]
    assert_close([keras.ops.convert_to_numpy(results[0])], [keras.ops.convert_to_numpy(results[1])])
    assert_close(ours.get_weights(), keras_own.get_weights())


def small_model(layer_class, policy="float32"):
    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, use_bias=False, dtype=policy),
            layer_class(momentum=0.9, name="norm", dtype=policy),
            layers.ReLU(dtype=policy),
            layers.GlobalAveragePooling2D(dtype=policy),
            layers.Dense(5),
        ]
    )


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_fit_ends_with_keras_weights_and_predictions(policy):
    models = [small_model(layer_class, policy) for layer_class in (BatchNormalization, keras.layers.BatchNormalization)]
    generator = np.random.default_rng(0)
    # 20 = 8 + 8 + 4: the last batch is smaller.
    images, labels = generator.normal(size=(20, 8, 8, 3)).astype("float32"), generator.integers(5, size=20)
    for model in models:
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
        model.fit(images, labels, batch_size=8, epochs=2, shuffle=False, verbose=0)
    tolerance = 1e-4 if policy == "float32" else 2e-2
    assert_close(models[0].get_weights(), models[1].get_weights(), tolerance)
    assert_close([models[0].predict(images, verbose=0)], [models[1].predict(images, verbose=0)], tolerance)
    assert [weight.path for weight in models[0].weights] == [weight.path for weight in models[1].weights]


def test_configuration_and_clones_keep_the_class():
    layer = BatchNormalization(momentum=0.8, epsilon=1e-2, gamma_regularizer="l2", name="norm")
    assert layer.get_config() == keras.layers.BatchNormalization.from_config(layer.get_config()).get_config()
    assert type(BatchNormalization.from_config(layer.get_config())) is BatchNormalization
    model = small_model(BatchNormalization)
    assert type(keras.models.clone_model(model).get_layer("norm")) is BatchNormalization


def test_file_names_keras_own_layer(tmp_path):
    model = small_model(BatchNormalization)
    model.get_layer("norm").set_weights([values((4,), seed) / 20 for seed in range(4)])
    model.save(tmp_path / "model.keras")

    with zipfile.ZipFile(tmp_path / "model.keras") as file:
        configuration = json.loads(file.read("config.json"))
    layer = next(layer for layer in configuration["config"]["layers"] if layer["config"].get("name") == "norm")
    assert (layer["module"], layer["class_name"]) == ("keras.layers", "BatchNormalization")


def test_module_imports_keras_alone():
    from hornbook.models.layers import batch_normalization

    tree = ast.parse(inspect.getsource(batch_normalization))
    imports = [statement for statement in tree.body if isinstance(statement, ast.Import | ast.ImportFrom)]
    assert [alias.name for statement in imports for alias in statement.names] == ["keras"]


def test_any_activation_behind_a_convolution_and_the_kernel_runs_at_inference():
    # TensorFlow's graph optimizer fuses the three, and has no kernel for some.
    inputs, outputs = keras.Input((8, 8, 1)), {}
    for activation in ("relu", "relu6", "elu", "leaky_relu", "tanh", "sigmoid", "silu", "gelu", "softplus"):
        hidden = BatchNormalization()(keras.layers.Conv2D(4, 3, use_bias=False)(inputs))
        outputs[activation] = keras.layers.Dense(2)(keras.layers.Flatten()(keras.layers.Activation(activation)(hidden)))
    model = keras.Model(inputs, outputs)
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")
    eager, compiled = model(images), model.predict(images, verbose=0)
    for activation in outputs:
        np.testing.assert_allclose(compiled[activation], keras.ops.convert_to_numpy(eager[activation]), atol=1e-5, err_msg=activation)
