"""A stack is its blocks layer by layer: outputs, gradients, running statistics, initial weights, and the way there and back.

Runs on every Keras backend.
"""

import functools

import keras
import numpy as np
import pytest

from hornbook import models

SHAPE = (8, 8, 3)
BLOCKS = ("basic", "bottleneck", "preactivation", "preactivation_bottleneck")
# Each beside the defaults: what a stack supports.
SUPPORTED = [
    *({"block": block} for block in BLOCKS),
    *({"normalization": name} for name in ("layer", "group", "instance", "rms", "none")),
    {"weight_normalization": "standardized", "activation": "prelu", "use_bias": True},
    {"initializer": "dirac", "l2": 1e-3, "zero_init_residual": True},
    {"initializer": "orthogonal", "activation": "tanh", "initial_scale": 0.5, "downsampling": "blur", "padding": "symmetric"},
    {"plan": "imagenet", "block": "bottleneck", "stem": "large", "width": 2},
]
REFUSED = [
    ({"normalization": keras.layers.BatchNormalization}, "a factory as normalization"),
    ({"weight_normalization": "spectral"}, "weight_normalization='spectral'"),
    ({"block_dropout": 0.1}, "block_dropout=0.1"),
]


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def build(**options):
    return models.resnet(SHAPE, 5, **{"depth": (3, 4), "width": 4, "block": "preactivation_bottleneck", **options})


def array(value):
    return keras.ops.convert_to_numpy(value)


def images(count=6):
    return np.random.default_rng(0).normal(size=(count, *SHAPE)).astype("float32")


def shaken(model):
    """The model with weights that are not those at the start, so that nothing is 0 or 1."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        low = 0.5 if "variance" in weight.name else -0.1
        weight.assign(array(weight) * rng.uniform(0.8, 1.2, weight.shape) + low + rng.uniform(0, 0.2, weight.shape))
    return model


def stacks(model):
    return [layer for layer in model.layers if isinstance(layer, models.BlockStack)]


def by_plain_path(model, values):
    """Values of variables of a stacked model, by the paths that they have in the plain one."""
    found = {}
    for variable, value in values:
        stack = next((stack for stack in stacks(model) if variable.path.startswith(f"{stack.name}/")), None)
        if stack is None:
            found[variable.path] = array(value)
            continue
        layer, name = variable.path.split("/")[-2:]
        prefix = stack.block.name.rstrip("0123456789")
        first = int(stack.block.name.removeprefix(prefix))
        for number, one in enumerate(array(value).reshape(stack.count, *array(stack.by_block(variable)).shape[1:]), start=first):
            found[f"{prefix}{number}_{layer}/{name}"] = one
    return found


def weights(model):
    return by_plain_path(model, [(weight, weight) for weight in model.weights])


def gradients(model, x):
    """Gradients of a loss in training, by the plain paths."""
    targets = np.random.default_rng(2).normal(size=(len(x), 5)).astype("float32")

    def loss(logits):
        return keras.ops.mean(keras.ops.square(logits - targets))

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        @tf.function(autograph=False)
        def compute():
            with tf.GradientTape() as tape:
                value = loss(model(x, training=True)) + sum(model.losses)
            return tape.gradient(value, [variable.value for variable in model.trainable_variables])

        found = compute()
    elif backend == "jax":
        import jax

        def of(trainable):
            fixed = [variable.value for variable in model.non_trainable_variables]
            logits, _, losses = model.stateless_call(trainable, fixed, x, training=True, return_losses=True)
            return loss(logits) + sum(losses)

        found = jax.grad(of)([variable.value for variable in model.trainable_variables])
    else:
        (loss(model(x, training=True)) + sum(model.losses)).backward()
        found = [variable.value.grad for variable in model.trainable_variables]
    return by_plain_path(model, list(zip(model.trainable_variables, found, strict=True)))


def assert_equal(found, expected, tolerance=1e-4):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        scale = max(1.0, np.abs(value).max())
        np.testing.assert_allclose(found[name] / scale, value / scale, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("rematerialization", [False, True])
@pytest.mark.parametrize("options", SUPPORTED, ids=lambda options: "-".join(map(str, options.values())))
def test_it_is_the_plain_network(options, rematerialization):
    options = {**options, **({"depth": (3, 3, 1)} if "plan" in options else {})}
    plain = build(stacking="never", **options)
    keras.utils.set_random_seed(0)
    stacked = build(stacking="always", rematerialization=rematerialization, **options)
    assert len(stacks(stacked)) == 2
    assert not stacks(plain)
    assert stacked.count_params() == plain.count_params()
    assert sum(map(np.size, stacked.trainable_variables)) == sum(map(np.size, plain.trainable_variables))
    assert_equal(weights(stacked), weights(plain), 0)
    x = images()
    np.testing.assert_allclose(array(stacked(x)), array(plain(x)), atol=1e-4)
    np.testing.assert_allclose(array(stacked(x, training=True)), array(plain(x, training=True)), atol=1e-4)
    assert_equal(weights(stacked), weights(plain))
    assert_equal(gradients(stacked, x), gradients(plain, x))
