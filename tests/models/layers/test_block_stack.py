"""A stack is its blocks layer by layer: outputs, gradients, running statistics, initial weights, and the way there and back.

Runs on every Keras backend.
"""

import functools

import keras
import numpy as np
import pytest

from hornbook import models

SHAPE = (8, 8, 3)
# Each beside the defaults: what a stack supports.
SUPPORTED = [
    {"block": "basic"},
    {"block": "preactivation_bottleneck"},
    {"block": "preactivation", "normalization": "layer"},
    {"block": "fixup", "normalization": "none", "l2": 1e-3},
    {"block": "bottleneck", "normalization": "rms"},
    {"block": "basic", "normalization": "group", "initializer": "dirac", "l2": 1e-3, "zero_init_residual": True},
    {"normalization": "none", "activation": "prelu", "weight_normalization": "standardized"},
    {"normalization": "instance", "use_bias": True, "initializer": "orthogonal", "activation": "tanh", "initial_scale": 0.5},
    {"block": "bottleneck", "plan": "imagenet", "stem": "large", "width": 2, "downsampling": "blur", "padding": "symmetric"},
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
    return models.resnet(SHAPE, 5, **{"depth": (3,), "width": 4, "block": "preactivation_bottleneck", **options})


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
        return keras.ops.mean(keras.ops.square(keras.ops.subtract(logits, targets)))

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


# Every other one is rematerialized.
@pytest.mark.parametrize(("options", "rematerialization"), [(options, bool(i % 2)) for i, options in enumerate(SUPPORTED)])
def test_it_is_the_plain_network(options, rematerialization):
    options = {**options, **({"depth": (3, 1, 1)} if "plan" in options else {})}
    plain = build(stacking="never", **options)
    keras.utils.set_random_seed(0)
    stacked = build(stacking="always", rematerialization=rematerialization, **options)
    assert len(stacks(stacked)) == 1
    assert not stacks(plain)
    assert stacked.count_params() == plain.count_params()
    # One seed, the same initial weights.
    assert_equal(weights(stacked), weights(plain), 0)
    x = images()
    np.testing.assert_allclose(array(stacked(x)), array(plain(x)), atol=1e-4)
    np.testing.assert_allclose(array(stacked(x, training=True)), array(plain(x, training=True)), atol=1e-4)
    assert_equal(weights(stacked), weights(plain))
    assert_equal(gradients(stacked, x), gradients(plain, x))


def test_one_step_of_training_is_that_of_the_plain_network():
    found = []
    for stacking in ("never", "always"):
        keras.utils.set_random_seed(0)
        model = build(stacking=stacking)
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(images(12), np.arange(12) % 5, batch_size=6, shuffle=False, verbose=0)
        found.append((weights(model), model.evaluate(images(12), np.arange(12) % 5, verbose=0)))
    assert_equal(found[1][0], found[0][0])
    assert found[1][1] == pytest.approx(found[0][1], abs=1e-3)


def test_initial_kernels_have_the_size_of_their_own_fan_in():
    stack = stacks(build(depth=(40,), width=16, stacking="always"))[0]
    for variable in (variable for variable in stack.weights if variable.name == "kernel"):
        kernels = array(stack.by_block(variable))
        fan_in = np.prod(kernels.shape[1:-1])
        assert kernels.std() == pytest.approx((2 / fan_in) ** 0.5, rel=0.05)
        assert len({kernel.flat[0] for kernel in kernels}) == stack.count


@pytest.mark.parametrize("options", [{"depth": (2, 3), "stochastic_depth": 0.3}, {"block": "basic", "activation": "prelu"}], ids=str)
def test_there_and_back_again_loses_nothing(options):
    model = shaken(build(stacking="always", **options))
    plain = models.unstacked(model)
    assert plain.get_config() == {**build(stacking="never", **options).get_config(), "name": model.name}
    assert_equal(weights(plain), weights(model), 0)
    np.testing.assert_allclose(array(plain(images())), array(model(images())), atol=1e-5)
    again = models.stacked(plain)
    assert again.get_config() == model.get_config()
    assert not again.compiled
    for one, other in zip(again.weights, model.weights, strict=True):
        assert one.path == other.path
        np.testing.assert_array_equal(array(one), array(other))


def test_models_in_models_are_converted_too():
    inner = shaken(build(stacking="always"))
    inputs = keras.Input(SHAPE)
    model = keras.Model(inputs, inner(keras.layers.Rescaling(0.5)(inputs)))
    plain = models.unstacked(model)
    assert not stacks(plain.layers[-1])
    assert len(stacks(models.stacked(plain, rematerialization=True).layers[-1])) == 1
    np.testing.assert_allclose(array(plain(images())), array(model(images())), atol=1e-5)


def test_frozen_it_keeps_its_weights_and_statistics():
    model = build(stacking="always")
    plain = models.unstacked(model)
    stacks(model)[0].trainable = False
    for layer in plain.layers:
        layer.trainable = not layer.name.startswith(("stage1_block2", "stage1_block3"))
    np.testing.assert_allclose(array(model(images(), training=True)), array(plain(images(), training=True)), atol=1e-4)
    assert_equal(weights(model), weights(plain))
    assert not stacks(model)[0].trainable_variables
    assert not models.unstacked(model).get_layer("stage1_block2_conv1").trainable


def test_a_saved_model_gives_the_same(tmp_path):
    model = shaken(build(stacking="always", stochastic_depth=0.2, rematerialization=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    stack = stacks(loaded)[0]
    assert (stack.count, stack.rematerialization) == (2, True)
    assert stack.drop_rates == pytest.approx([0.4 / 3, 0.2])
    np.testing.assert_allclose(array(loaded(images())), array(model(images())), atol=1e-5)


def test_stochastic_depth_drops_the_branches_of_single_examples_at_their_rates():
    model = build(depth=(4,), stacking="always", stochastic_depth=0.6, normalization="layer")
    stack, plain = stacks(model)[0], models.unstacked(model)
    assert stack.drop_rates == pytest.approx([0.3, 0.45, 0.6])
    x = np.random.default_rng(0).normal(size=(400, 8, 8, 16)).astype("float32")
    found = array(stack(x, training=True))
    # Of each subset of the branches, what the plain blocks make of it.
    expected = {(): x}
    for number, rate in enumerate(stack.drop_rates, start=2):
        first, last = (plain.get_layer(f"stage1_block{number - shift}_add").output for shift in (1, 0))
        block, before = keras.Model(first, last), expected
        expected = {}
        for kept, y in before.items():
            expected[(*kept, False)] = y
            expected[(*kept, True)] = y + (array(block(y)) - y) / (1 - rate)
    errors = np.stack([np.abs(found - y).max(axis=(1, 2, 3)) for y in expected.values()])
    assert errors.min(axis=0).max() < 1e-3
    kept = np.array(list(expected))[errors.argmin(axis=0)]
    np.testing.assert_allclose(kept.mean(axis=0), [0.7, 0.55, 0.4], atol=0.1)
    assert not np.array_equal(array(stack(x, training=True)), found)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = build(stacking="always", rematerialization=True)
        plain = models.unstacked(model)
        features = np.repeat(images()[..., :1], 16, axis=-1)
        assert keras.backend.standardize_dtype(stacks(model)[0](features).dtype) == policy.removeprefix("mixed_")
        np.testing.assert_allclose(array(model(images())), array(plain(images())), atol=3e-2)
        for value in gradients(model, images()).values():
            assert np.isfinite(np.asarray(value, "float32")).all()
    finally:
        keras.config.set_dtype_policy("float32")


def test_penalties_on_kernels_are_those_of_the_plain_network():
    model = build(stacking="always", l1=1e-3, l2=1e-2)
    np.testing.assert_allclose(array(sum(model.losses)), array(sum(models.unstacked(model).losses)), rtol=1e-5)


@pytest.mark.parametrize(("options", "named"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_what_cannot_be_stacked_is_refused_by_name_or_built_layer_by_layer(options, named):
    for asked in ({"stacking": "always"}, {"rematerialization": True}):
        with pytest.raises(ValueError, match=f"does not go with {named}"):
            build(**options, **asked)
    assert not stacks(build(**options, depth=(40,), width=2))


def test_deep_networks_are_stacked_by_default():
    with keras.StatelessScope():
        assert not stacks(models.resnet20(SHAPE, 5))
        assert len(stacks(models.preactivation_resnet1001((32, 32, 3), 10))) == 3
        assert not stacks(models.resnet110(SHAPE, 5, width=2, stacking="never"))
    with pytest.raises(ValueError, match="rematerialization=True is for stacked blocks, got stacking='never'"):
        build(stacking="never", rematerialization=True)


def test_what_needs_named_layers_names_the_converter():
    model = build(stacking="always")
    with pytest.raises(ValueError, match=r"stack of 2 blocks without layers of their own; take it apart with models.unstacked\(model\)"):
        models.swap_normalization(model, "group")
    swapped = models.swap_normalization(models.unstacked(model), "group")
    assert isinstance(stacks(models.stacked(swapped))[0].block.get_layer("stage1_block2_norm1"), keras.layers.GroupNormalization)
    for convert in (models.unstacked, models.stacked):
        with pytest.raises(ValueError, match="'mlp' has no"):
            convert(models.mlp((4,), 2))


def dense_block(name="block1", prefix="block1_", layer=keras.layers.Dense, units=4):
    inputs = keras.Input((4,))
    return keras.Model(inputs, layer(units, name=f"{prefix}dense")(inputs), name=name)


def test_any_block_can_be_stacked():
    stack = models.BlockStack(dense_block(), 3)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    y = array(stack(x))
    kernels, biases = (array(stack.by_block(variable)) for variable in stack.weights)
    assert [tuple(variable.shape) for variable in stack.weights] == [(3, 4, 4), (12,)]
    assert [variable.blocks for variable in stack.weights] == [3, 3]
    expected = functools.reduce(lambda x, pair: x @ pair[0] + pair[1], zip(kernels, biases, strict=True), x)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("block", "options", "message"),
    [
        (functools.partial(dense_block, units=3), {}, "must return the shape that it takes"),
        (functools.partial(dense_block, name="block"), {}, "ends in its number"),
        (functools.partial(dense_block, prefix=""), {}, "names of a stacked block's layers begin with block1_, got 'dense'"),
        (dense_block, {"drop_rates": [0.1, 0.2]}, "drop_rates has a rate for each of 2 blocks"),
        (lambda: keras.Model(x := keras.Input((4,)), keras.layers.Dropout(0.5, name="block1_a")(x), name="block1"), {}, "draws random"),
    ],
)
def test_what_is_no_block_is_refused(block, options, message):
    with pytest.raises(ValueError, match=message):
        models.BlockStack(block(), 2, **options)


def test_a_weight_of_unknown_start_is_refused():
    inputs = keras.Input((8, 8, 4))
    block = keras.Model(inputs, models.SpectralConv2D(4, 3, padding="same", name="block1_conv")(inputs), name="block1")
    with pytest.raises(ValueError, match=r"'right_vector' of 'block1_conv' .* cannot be stacked"):
        models.BlockStack(block, 2).build((None, 8, 8, 4))
