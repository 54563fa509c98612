"""Learning rates that fall from the outputs back to the inputs. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import UserError, models
from hornbook.training import optimization
from hornbook.training.builders import build_model
from hornbook.training.optimization import optimizer
from hornbook.training.updates import layer_rates


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def distances(model):
    """How many blocks each layer is from the outputs, by its name."""
    variables = model.trainable_variables
    found = layer_rates.factors(variables, 0.5)
    return {variable.path.split("/")[0]: round(-np.log2(factor)) for variable, factor in zip(variables, found, strict=True)}


def random_gradients(model):
    generator = np.random.default_rng(1)
    return [generator.normal(size=variable.shape).astype("float32") for variable in model.trainable_variables]


def moved(model, gradients, made):
    model.compile(made, "mse")
    before = values(model.trainable_variables)
    model.optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in gradients], model.trainable_variables)
    return [second - first for first, second in zip(before, values(model.trainable_variables), strict=True)]


def small(name, shape, **options):
    return models.build(name, shape, 3, **options)


@pytest.mark.parametrize(
    ("name", "shape", "options", "expected"),
    [
        ("mlp", (5,), {"depth": 3, "width": 2}, {"dense1": 2, "norm1": 2, "dense2": 1, "norm2": 1, "logits": 0}),
        (
            "resnet",
            (8, 8, 1),
            {"depth": (1, 1), "width": 2},
            {
                **dict.fromkeys(("stem_conv", "stem_norm"), 3),
                **{f"stage1_block1_{layer}": 2 for layer in ("conv1", "norm1", "conv2", "norm2")},
                **{f"stage2_block1_{layer}": 1 for layer in ("conv1", "norm1", "conv2", "norm2")},
                "logits": 0,
            },
        ),
        (
            "text_transformer",
            (6,),
            {"depth": 2, "width": 8, "vocabulary_size": 9, "padded": False, "positions": "learned"},
            {
                **dict.fromkeys(("embedding", "positions"), 3),
                **{f"block1_{layer}": 2 for layer in ("norm1", "attention", "norm2", "dense1", "dense2")},
                **{f"block2_{layer}": 1 for layer in ("norm1", "attention", "norm2", "dense1", "dense2")},
                "final_norm": 1,
                "logits": 0,
            },
        ),
    ],
)
def test_a_block_counts_as_one(name, shape, options, expected):
    assert distances(small(name, shape, **options)) == expected


def test_convolutions_side_by_side_and_a_shortcut_around_modules_are_no_further_away():
    assert set(distances(small("cnn1d", (10, 2), width=2)).values()) == {0, 1}
    inception = distances(small("inception1d", (10, 2), depth=3, width=2, kernel_sizes=(3, 2), bottleneck_width=2))
    assert (inception["module1_conv1"], inception["module3_conv1"], inception["shortcut1_conv"]) == (3, 1, 1)


def test_models_of_other_people():
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.LayerNormalization(), keras.layers.Dense(2)])
    assert layer_rates.factors(plain.trainable_variables, 0.5) == [0.5, 0.5, 0.5, 0.5, 1.0, 1.0]

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = keras.layers.Dense(3), keras.layers.Dense(2)

        def call(self, x):
            return self.second(self.first(x))

    own = Own()
    own(np.ones((1, 4)))
    assert layer_rates.factors(own.trainable_variables, 0.5) == [0.5, 0.5, 1.0, 1.0]
    assert layer_rates.factors(plain.layers[-1].trainable_variables, 0.5) == [1.0, 1.0]


def test_members_are_counted_side_by_side():
    one = layer_rates.factors(small("mlp", (5,), width=2).trainable_variables, 0.5)
    assert layer_rates.factors(build_model("mlp", (5,), 3, {"width": 2}, members=2).trainable_variables, 0.5) == one * 2


def test_blocks_of_a_stack_are_told_apart():
    options = {"depth": (3, 3), "width": 2}
    stacked = small("resnet", (8, 8, 1), stacking="always", **options)
    expected = distances(small("resnet", (8, 8, 1), stacking="never", **options))
    for variable, factor in zip(stacked.trainable_variables, layer_rates.factors(stacked.trainable_variables, 0.5), strict=True):
        layer, own, *_ = variable.path.split("/")
        if not hasattr(variable, "blocks"):
            assert factor == 0.5 ** expected[layer]
            continue
        stack = stacked.get_layer(layer)
        rows = np.broadcast_to(factor, variable.shape).reshape(variable.blocks, -1)
        for number, row in enumerate(rows):
            assert set(row) == {0.5 ** expected[f"{stack.block_name(number)}_{own}"]}


@pytest.mark.parametrize("name", optimization.OPTIMIZERS)
def test_steps_are_those_of_the_optimizer_times_the_factors(name):
    found = []
    for decay in (0.0, 0.5):
        keras.utils.set_random_seed(0)
        model = small("mlp", (5,), depth=3, width=4, normalization="layer")
        # By Lamb and Adafactor too, whose steps are relative to the weights.
        for variable in model.trainable_variables:
            variable.assign(variable + 1.0)
        found.append(moved(model, random_gradients(model), optimizer(name, 1e-3, layer_decay=decay)))
    factors = layer_rates.factors(model.trainable_variables, 0.5)
    assert set(factors) == {0.25, 0.5, 1.0}
    for variable, plain, own, factor in zip(model.trainable_variables, *found, factors, strict=True):
        assert plain.any()
        np.testing.assert_allclose(own, plain * factor, rtol=2e-2, atol=1e-6, err_msg=variable.path)


@pytest.mark.parametrize("name", ["sgd", "adamw", "muon"])
def test_weight_decay_falls_with_the_rate(name):
    model = small("mlp", (5,), depth=3, width=2)
    zeros = [np.zeros(variable.shape, "float32") for variable in model.trainable_variables]
    before = values(model.trainable_variables)
    changes = moved(model, zeros, optimizer(name, 0.5, weight_decay=0.1, layer_decay=0.5))
    factors = {"dense1": 0.25, "dense2": 0.5, "logits": 1.0}
    for variable, first, change in zip(model.trainable_variables, before, changes, strict=True):
        decay = 0.05 * factors[variable.path.split("/")[0]] if variable.name == "kernel" else 0.0
        np.testing.assert_allclose(change, -decay * first, rtol=1e-3, atol=1e-6, err_msg=variable.path)


@pytest.mark.parametrize("name", ["sgd", "nadam"])
def test_a_stack_steps_as_its_blocks_would(name):
    results = []
    for stacking in ("always", "never"):
        keras.utils.set_random_seed(0)
        model = small("resnet", (6, 6, 1), depth=(3,), width=2, stacking=stacking)
        model.compile(
            optimizer(name, 1e-2, weight_decay=0.1, layer_decay=0.5, accumulate_steps=2, ema=0.9),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        generator = np.random.default_rng(0)
        images, labels = generator.normal(size=(32, 6, 6, 1)), generator.integers(0, 3, 32)
        model.fit(images, labels, batch_size=8, shuffle=False, verbose=0)
        results.append(values((models.unstacked(model) if stacking == "always" else model).trainable_variables))
    for first, second in zip(*results, strict=True):
        np.testing.assert_allclose(first, second, atol=2e-4)


def test_it_survives_saving_and_loading(tmp_path):
    model = small("mlp", (5,), width=2)
    model.compile(optimizer("adam", 0.01, layer_decay=0.7), "mse")
    model.fit(np.ones((4, 5)), np.ones((4, 3)), verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.optimizer.layer_decay == 0.7
    for one in (model, again):
        one.optimizer.apply([keras.ops.convert_to_tensor(some) for some in random_gradients(one)], one.trainable_variables)
    assert all(np.array_equal(*pair) for pair in zip(values(model.trainable_variables), values(again.trainable_variables), strict=True))


@pytest.mark.parametrize("decay", [-0.1, 1.0, np.nan])
def test_a_decay_out_of_range_is_refused(decay):
    with pytest.raises(UserError, match=r"layer_decay must be 0 \(off\) or a factor below 1 such as 0.75"):
        optimizer("sgd", 0.1, layer_decay=decay)
