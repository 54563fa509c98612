"""Adaptive gradient clipping, against the formula in NumPy. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import UserError, models
from hornbook.training.optimization import optimizer
from hornbook.training.updates import clipping

FACTOR = 0.05


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def network():
    model = keras.Sequential(
        [
            keras.Input((4, 4, 2)),
            keras.layers.Conv2D(3, 3, name="convolution"),
            keras.layers.BatchNormalization(name="normalization"),
            keras.layers.Flatten(),
            keras.layers.Dense(5, name="hidden"),
            keras.layers.Dense(2, name="last"),
        ]
    )
    generator = np.random.default_rng(0)
    model.set_weights([generator.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def random_gradients(model, scale=1.0):
    generator = np.random.default_rng(1)
    return [(scale * generator.normal(size=variable.shape)).astype("float32") for variable in model.trainable_variables]


def cut(gradient, weights, factor=FACTOR):
    """Equation 3 of Brock et al. (2021), unit by unit: the units of a kernel are along its last axis."""
    gradient, weights = np.array(gradient, "float64"), np.array(weights, "float64")
    if gradient.ndim < 2:
        most = factor * max(np.linalg.norm(weights), 1e-3)
        norm = np.linalg.norm(gradient)
        return gradient * most / norm if norm > most else gradient
    for unit in range(gradient.shape[-1]):
        most = factor * max(np.linalg.norm(weights[..., unit]), 1e-3)
        norm = np.linalg.norm(gradient[..., unit])
        if norm > most:
            gradient[..., unit] *= most / norm
    return gradient


def stepped(model, gradients, **options):
    """How far a step of plain gradient descent with a rate of 1 moves each trainable variable, and what it was before."""
    model.compile(optimizer("sgd", 1.0, momentum=0.0, **options), "mse")
    before = values(model.trainable_variables)
    model.optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in gradients], model.trainable_variables)
    return [first - second for first, second in zip(before, values(model.trainable_variables), strict=True)], before


@pytest.mark.parametrize("scale", [1e-3, 0.1, 100.0])
def test_the_gradient_of_each_unit_is_cut_by_its_weights(scale):
    model = network()
    gradients = random_gradients(model, scale)
    moved, before = stepped(model, gradients, clip_adaptive=FACTOR)
    for variable, own, gradient, weights in zip(model.trainable_variables, moved, gradients, before, strict=True):
        expected = gradient if "last" in variable.path else cut(gradient, weights)
        np.testing.assert_allclose(own, expected, rtol=1e-4, atol=1e-6 * max(1, scale), err_msg=variable.path)
    changed = sum(not np.allclose(own, gradient, rtol=1e-2, atol=1e-6) for own, gradient in zip(moved, gradients, strict=True))
    assert changed == {1e-3: 0, 0.1: 5, 100.0: 6}[scale]


def test_weights_of_nothing_may_leave_it():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_initializer="zeros"), keras.layers.Dense(1)])
    moved, _ = stepped(model, [np.ones(variable.shape, "float32") for variable in model.trainable_variables], clip_adaptive=FACTOR)
    # 1e-3 in place of the norm; of each column of the kernel, and of the bias.
    np.testing.assert_allclose(np.linalg.norm(moved[0], axis=0), [FACTOR * 1e-3] * 2, rtol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(moved[1]), FACTOR * 1e-3, rtol=1e-4)


def test_it_acts_on_the_mean_of_accumulated_gradients_and_before_decay():
    model = network()
    model.compile(optimizer("sgd", 0.5, momentum=0.0, accumulate_steps=2, weight_decay=0.1, clip_adaptive=FACTOR, ema=0.9), "mse")
    before, gradients = values(model.trainable_variables), [random_gradients(model, scale) for scale in (10.0, 30.0)]
    for some in gradients:
        model.optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in some], model.trainable_variables)
    after = values(model.trainable_variables)
    for variable, weights, own, first, second in zip(model.trainable_variables, before, after, *gradients, strict=True):
        mean = (first + second) / 2
        step = mean if "last" in variable.path else cut(mean, weights)
        decay = 0.05 if variable.name == "kernel" else 0.0
        np.testing.assert_allclose(own, weights * (1 - decay) - 0.5 * step, rtol=1e-4, atol=1e-5, err_msg=variable.path)


def test_each_block_of_a_stack_has_units_of_its_own():
    model = models.resnet((8, 8, 1), 2, depth=(3,), width=2, block="preactivation_bottleneck", use_bias=True, stacking="always")
    generator = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(generator.normal(size=variable.shape))
    gradients = random_gradients(model)
    moved, before = stepped(model, gradients, clip_adaptive=FACTOR)
    kinds = set()
    for variable, *arrays in zip(model.trainable_variables, moved, gradients, before, strict=True):
        if hasattr(variable, "blocks"):
            assert variable.blocks == 2
            in_block = (2, variable.shape[0] // 2) if len(variable.shape) == 1 else tuple(variable.shape)
            for own, gradient, weights in zip(*(array.reshape(in_block) for array in arrays), strict=True):
                np.testing.assert_allclose(own, cut(gradient, weights), rtol=1e-4, atol=1e-6, err_msg=variable.path)
            kinds.add(variable.name)
    assert kinds == {"kernel", "bias", "gamma", "beta"}


def test_a_token_is_a_unit_of_a_table_of_embeddings():
    model = keras.Sequential(
        [keras.Input((2,), dtype="int32"), keras.layers.Embedding(4, 3), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    table = np.arange(1.0, 13.0).reshape(4, 3) / 10
    model.set_weights([table, np.full((6, 1), 100.0), np.zeros(1)])
    model.compile(optimizer("sgd", 1.0, momentum=0.0, clip_adaptive=FACTOR), "mse")
    # Through `fit`: TensorFlow's gradient of a table holds the rows that were looked up, and one of them twice.
    model.fit(np.array([[1, 1], [1, 3]]), np.zeros((2, 1)), batch_size=2, verbose=0)
    moved = np.linalg.norm(table - model.get_weights()[0], axis=1)
    np.testing.assert_allclose(moved, np.linalg.norm(table, axis=1) * FACTOR * np.array([0, 1, 0, 1]), rtol=1e-4, atol=1e-6)


def test_the_last_layer_is_that_of_each_member():
    networks = [models.mlp((5,), 3, width=2, depth=2, name=name) for name in ("member1", "member2")]
    inputs = keras.Input((5,))
    model = keras.Model(inputs, keras.ops.stack([one(inputs) for one in networks], axis=1))
    kept = clipping.of_the_last_layer(model.trainable_variables)
    assert [variable.path for variable in kept] == ["logits/kernel", "logits/bias"] * 2


def test_a_factor_out_of_range_and_a_second_way_are_refused():
    with pytest.raises(UserError, match=r"clip_adaptive must be 0 .* got -0.1"):
        optimizer("sgd", 0.1, clip_adaptive=-0.1)
    with pytest.raises(UserError, match=r"one way of .* clip_adaptive, got clip_norm 1.0 and clip_adaptive 0.01; set all but one to 0"):
        optimizer("sgd", 0.1, clip_norm=1.0, clip_adaptive=0.01)


def test_it_survives_saving_and_loading(tmp_path):
    model = network()
    model.compile(optimizer("adamw", 0.01, clip_adaptive=FACTOR), "mse")
    model.fit(np.ones((4, 4, 4, 2)), np.ones((4, 2)), verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.optimizer.clip_adaptive == FACTOR
    for one in (model, again):
        one.optimizer.apply([keras.ops.convert_to_tensor(some) for some in random_gradients(one)], one.trainable_variables)
    assert all(np.array_equal(*pair) for pair in zip(values(model.trainable_variables), values(again.trainable_variables), strict=True))
