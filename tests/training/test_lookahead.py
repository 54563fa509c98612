"""Lookahead, and the learning rate of the offsets of normalizations. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.training import optimization
from hornbook.training.optimization import optimizer


def network():
    generator = np.random.default_rng(0)
    norm = keras.layers.BatchNormalization()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), norm, keras.layers.LayerNormalization(), keras.layers.Dense(2)])
    model.set_weights([generator.uniform(0.5, 1.5, weight.shape) for weight in model.get_weights()])
    return model


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def gradients(model, count):
    generator = np.random.default_rng(1)
    return [[generator.normal(size=variable.shape).astype("float32") for variable in model.trainable_variables] for _ in range(count)]


def stepped(model, steps):
    """The trainable weights after each of some steps."""
    for some in steps:
        model.optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in some], model.trainable_variables)
        yield values(model.trainable_variables)


@pytest.mark.parametrize(("accumulate_steps", "share"), [(1, 0.5), (1, 0.25), (2, 0.5)])
def test_weights_meet_the_slow_ones_by_the_papers_rule(accumulate_steps, share):
    model = network()
    model.compile(optimizer("sgd", 0.1, momentum=0.0, lookahead=3, lookahead_share=share, accumulate_steps=accumulate_steps), "mse")
    steps = gradients(model, 8 * accumulate_steps)
    found = list(stepped(model, steps))[accumulate_steps - 1 :: accumulate_steps]
    fast = slow = values(network().trainable_variables)
    updates = [steps[first : first + accumulate_steps] for first in range(0, len(steps), accumulate_steps)]
    means = [[np.mean(some, axis=0) for some in zip(*update, strict=True)] for update in updates]
    for number, (some, own) in enumerate(zip(means, found, strict=True), start=1):
        fast = [weight - 0.1 * gradient for weight, gradient in zip(fast, some, strict=True)]
        if number % 3 == 0:
            fast = slow = [old + share * (new - old) for old, new in zip(slow, fast, strict=True)]
        for expected, weight in zip(fast, own, strict=True):
            np.testing.assert_allclose(weight, expected, atol=1e-5)


def test_slow_weights_begin_where_the_first_update_does():
    # Not where the weights were when the optimizer was built, as where weights are loaded after `compile`.
    model = network()
    model.compile(optimizer("sgd", 0.1, momentum=0.0, lookahead=1), "mse")
    model.optimizer.build(model.trainable_variables)
    model.set_weights([weight + 1 for weight in model.get_weights()])
    before, (some,) = values(model.trainable_variables), gradients(model, 1)
    (after,) = stepped(model, [some])
    for first, second, gradient in zip(before, after, some, strict=True):
        np.testing.assert_allclose(second, first - 0.05 * gradient, atol=1e-6)


@pytest.mark.parametrize("name", optimization.OPTIMIZERS)
def test_both_survive_saving_and_loading(name, tmp_path):
    model = network()
    model.compile(optimizer(name, 0.05, lookahead=2, lookahead_share=0.3, bias_learning_rate_factor=8.0), "mse")
    list(stepped(model, gradients(model, 3)))  # One step past a meeting.
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.optimizer.get_config() == model.optimizer.get_config()
    steps = gradients(model, 2)
    for first, second in zip(stepped(model, steps), stepped(again, steps), strict=True):
        assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("name", optimization.OPTIMIZERS)
def test_a_factor_is_on_the_steps_of_offsets_alone(name):
    found = []
    for factor in (1.0, 8.0):
        model = network()
        # By Lamb and Adafactor too, whose steps are relative to the weights.
        model.compile(optimizer(name, 1e-3, bias_learning_rate_factor=factor), "mse")
        before = values(model.trainable_variables)
        (after,) = stepped(model, gradients(model, 1))
        found.append([second - first for first, second in zip(before, after, strict=True)])
    for variable, plain, changed in zip(model.trainable_variables, *found, strict=True):
        assert plain.any()
        np.testing.assert_allclose(changed, plain * (8 if variable.name == "beta" else 1), rtol=1e-2, atol=1e-6, err_msg=variable.path)
    assert sum(variable.name == "beta" for variable in model.trainable_variables) == 2


@pytest.mark.parametrize(("name", "keras_own"), [("sgd", keras.optimizers.SGD), ("adamw", keras.optimizers.AdamW)])
def test_without_them_steps_are_those_of_keras_bit_by_bit(name, keras_own):
    options = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {"weight_decay": 0.0}
    weights = []
    # A subclass too: PyTorch steps through the variables of Keras' own classes together, and rounds otherwise.
    plain = type("Plain", (keras_own,), {})
    for made in (optimizer(name, 0.1), plain(0.1, **options)):
        model = network()
        model.compile(made, "mse")
        weights.append(list(stepped(model, gradients(model, 3)))[-1])
        count = len(made.variables)
    assert len(optimizer(name, 0.1).variables) <= count
    assert all(np.array_equal(first, second) for first, second in zip(*weights, strict=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lookahead": -1}, r"lookahead must be 0 \(off\) or a number of updates such as 5, got -1"),
        ({"lookahead_share": 0}, "lookahead_share must be above 0 and at most 1"),
        ({"bias_learning_rate_factor": 0}, r"bias_learning_rate_factor must be 1 \(off\) or a positive factor"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        optimizer("sgd", 0.1, **options)
