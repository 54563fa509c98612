"""Attributions against what is known of small networks. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import UserError, models
from hornbook.inference.explain import explain
from hornbook.inference.explain.grad_cam import last_map, stretched, weighted
from hornbook.inference.explain.rollout import rolled_out
from hornbook.inference.explain.shapley import shapley_values


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def linear(features=3, outputs=2):
    return keras.Sequential([keras.Input((features,)), keras.layers.Dense(outputs)])


def outputs_of(model, x):
    return keras.ops.convert_to_numpy(model(keras.ops.convert_to_tensor(x), training=False))


def some(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("method", "factor"), [("gradients", "none"), ("smoothgrad", "none"), ("integrated_gradients", "x"), ("shapley", "x")]
)
def test_a_linear_models_are_its_kernel_or_what_it_adds(method, factor):
    model, x = linear(), some(4, 3)
    kernel = model.layers[0].get_weights()[0]
    found = explain(model, x, method, target=1)
    np.testing.assert_allclose(found.attributions, kernel[:, 1] * (x if factor == "x" else np.ones_like(x)), rtol=1e-4, atol=1e-6)
    assert found.target.tolist() == [1] * 4


def test_the_target_is_what_is_predicted_if_none_is_named():
    model, x = linear(), some(6, 3)
    expected = outputs_of(model, x).argmax(axis=1)
    assert explain(model, x, "gradients").target.tolist() == expected.tolist()
    one = linear(outputs=1)
    expected = (outputs_of(one, x)[:, 0] > 0).astype(int)
    found = explain(one, x, "gradients")
    assert found.target.tolist() == expected.tolist()
    np.testing.assert_allclose(found.attributions, (2 * expected - 1)[:, None] * one.layers[0].get_weights()[0][:, 0], rtol=1e-5)


def test_integrated_gradients_add_up_to_the_difference_to_the_baseline():
    model = models.cnn((8, 8, 2), 3, depth=4, width=4, stages=2, normalization="none")
    model.set_weights([weight + 0.2 * np.random.default_rng(0).normal(size=weight.shape) for weight in model.get_weights()])
    x, baseline = some(3, 8, 8, 2), np.float32(0.5)
    found = explain(model, x, target=1, baseline=baseline)
    difference = outputs_of(model, x)[:, 1] - outputs_of(model, np.full_like(x, baseline))[:, 1]
    np.testing.assert_allclose(found.attributions.sum(axis=(1, 2, 3)), difference, atol=0.02 * np.abs(difference).max())
    assert (found.gaps < 0.03).all()
    np.testing.assert_allclose(found.heat, found.attributions.sum(axis=-1), rtol=1e-6)


def test_steps_are_added_until_little_is_lost():
    # A kink that 4 steps miss: relu(x - 0.9) of 1.
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, activation="relu"), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.ones((1, 1)), np.array([-0.9]), np.ones((1, 1))])
    found = explain(model, np.ones((1, 1), np.float32), target=1, steps=4)
    np.testing.assert_allclose(found.attributions, [[0.1]], atol=0.003)


def test_tokens_by_their_embeddings_and_none_for_padding():
    model = models.rnn((5,), 2, vocabulary_size=9, embedding_size=4, width=6, pooling="mean")
    tokens = np.array([[3, 4, 5, 0, 0], [6, 7, 8, 3, 4]])
    found = explain(model, tokens, target=0)
    assert found.attributions.shape == found.heat.shape == (2, 5)
    assert not found.heat[0, 3:].any()
    assert found.heat[1].all()
    empty = model.get_layer("embedding")
    table = empty.get_weights()[0]
    empty.set_weights([np.zeros_like(table)])
    without = outputs_of(model, tokens)[:, 0]
    empty.set_weights([table])
    np.testing.assert_allclose(found.heat.sum(axis=1), outputs_of(model, tokens)[:, 0] - without, rtol=0.1, atol=0.002)
    for method in ("gradients", "smoothgrad"):
        heat = explain(model, tokens, method, target=0).heat
        assert (heat >= 0).all()
        assert not heat[0, 3:].any()


def test_padding_of_series_is_left_alone():
    model = models.rnn((6, 2), 2, width=4, padded=True)
    x = some(2, 6, 2)
    x[0, 4:] = np.nan
    for method in ("gradients", "integrated_gradients", "smoothgrad"):
        found = explain(model, x, method, target=0)
        assert np.isfinite(found.attributions).all()
        assert not found.attributions[0, 4:].any()
        assert found.attributions[1].any()


def test_grad_cam_of_a_tiny_network_in_numpy():
    kernel, bias = some(3, 3, 1, 2), np.array([0.1, -0.1], np.float32)
    dense = some(2, 3)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(2, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, use_bias=False),
        ]
    )
    model.set_weights([kernel, bias, dense])
    x = some(2, 6, 6, 1)
    maps = np.zeros((2, 4, 4, 2))
    for row in range(4):
        for column in range(4):
            maps[:, row, column] = np.einsum("bijc,ijcd->bd", x[:, row : row + 3, column : column + 3], kernel) + bias
    maps = np.maximum(maps, 0)
    # The score is the mean of the maps times the dense weights: each place's gradient is weight / 16.
    expected = np.maximum((maps * dense[:, 1] / 16).sum(axis=-1), 0)
    np.testing.assert_allclose(weighted(maps, np.broadcast_to(dense[:, 1] / 16, maps.shape)), expected, rtol=1e-5)
    found = explain(model, x, "grad_cam", target=1).heat
    np.testing.assert_allclose(found, np.stack([stretched(one, (6, 6)) for one in expected]), rtol=1e-4, atol=1e-7)


def test_a_map_is_stretched_between_the_middles_of_its_parts():
    np.testing.assert_allclose(stretched([0.0, 1.0], (4,)), [0, 0.25, 0.75, 1])
    np.testing.assert_allclose(stretched(np.eye(2), (2, 2)), np.eye(2))


def test_grad_cam_looks_at_the_sum_of_the_last_block_and_not_behind_the_pooling():
    model = models.resnet((8, 8, 1), 2, depth=8, width=4)
    layer = last_map(model, some(1, 8, 8, 1))
    names = [one.name for one in model.layers]
    last = max(place for place, one in enumerate(model.layers) if "Conv" in type(one).__name__)
    assert names.index(layer.name) > last
    assert "pool" not in layer.name
    assert explain(models.fcn((20, 2), 2, width=4), some(2, 20, 2), "grad_cam").heat.shape == (2, 20)


def test_rollout_multiplies_blocks_with_what_goes_past_them():
    first, second = (np.random.default_rng(seed).dirichlet(np.ones(3), (1, 2, 3)) for seed in (0, 1))
    blocks = [(one.mean(axis=1) + np.eye(3)) / 2 for one in (first, second)]
    np.testing.assert_allclose(rolled_out([first, second]), blocks[1] @ blocks[0], rtol=1e-6)


def test_rollout_of_a_text_adds_up_to_one_without_padding():
    model = models.text_transformer((6,), 2, vocabulary_size=9, depth=2, width=8, heads=2)
    found = explain(model, np.array([[3, 4, 5, 0, 0, 0], [1, 2, 3, 4, 5, 6]]), "attention_rollout").heat
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    assert not found[0, 3:].any()
    pictures = models.vision_transformer((8, 8, 1), 3, depth=1, width=8, heads=2, patch_size=4)
    assert explain(pictures, some(2, 8, 8, 1), "attention_rollout").heat.shape == (2, 8, 8)


def test_shapley_values_add_up_and_share_what_columns_do_together():
    def score(kept, draws):
        return 3 * kept[:, 0] + 2 * kept[:, 1] * kept[:, 2]

    found, error = shapley_values(score, 4, samples=200)
    np.testing.assert_allclose(found, [3, 1, 1, 0], atol=0.3)
    assert found.sum() == pytest.approx(5)
    assert error[0] == error[3] == 0


def test_shapley_values_against_drawn_rows_add_up_to_the_mean_difference():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(2)])
    x, rows = some(2, 3), np.random.default_rng(1).normal(size=(8, 3)).astype(np.float32)
    found = explain(model, x, "shapley", target=0, baseline=rows, samples=16)  # Eight pairs, each with a row of its own.
    expected = outputs_of(model, x)[:, 0] - outputs_of(model, rows)[:, 0].mean()
    np.testing.assert_allclose(found.attributions.sum(axis=1), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("attention_rollout", "reads attention, and 'plain' has none; pass --method integrated_gradients"),
        ("grad_cam", "looks at the last convolution, and 'plain' has none; pass --method integrated_gradients"),
        ("shapley", "shapley is for rows of columns"),
        ("lime", "no method 'lime'; accepted are gradients, integrated_gradients"),
    ],
)
def test_a_method_that_is_not_for_the_network(method, message):
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)], name="plain")
    with pytest.raises(UserError, match=message):
        explain(model, some(1, 4, 4, 1), method)


def test_other_wrong_use():
    transformer = models.vision_transformer((8, 8, 1), 3, depth=1, width=8, heads=2, patch_size=4)
    with pytest.raises(UserError, match="attention follows it; pass --method attention_rollout"):
        explain(transformer, some(1, 8, 8, 1), "grad_cam")
    with pytest.raises(UserError, match="target must be in 0 to 1 for 2 outputs, got 2"):
        explain(linear(), some(1, 3), target=2)
    with pytest.raises(UserError, match=r"takes inputs of shape \(None, 3\), got \(1, 4\)"):
        explain(linear(), some(1, 4))
    with pytest.raises(UserError, match="grad_cam is for images and series"):
        explain(linear(), some(1, 3), "grad_cam")
