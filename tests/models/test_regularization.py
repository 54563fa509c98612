"""Constraints on kernels, penalties on activations and dropout of tokens, in every kind of network. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.training import optimizer

MOST = 0.5


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def array(value):
    return np.array(keras.ops.convert_to_numpy(value))


NETWORKS = {
    "dense": ("mlp", (6,), {"width": 8}),
    "stacked": ("resnet", (6, 6, 2), {"depth": (3,), "width": 4, "stacking": "always"}),
    "recurrent": ("rnn", (7, 2), {"width": 4, "bidirectional": True}),
    "attention": ("series_transformer", (7, 2), {"depth": 1, "width": 8}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_norms_of_all_kernels_are_cut_after_an_update(name):
    builder, shape, options = NETWORKS[name]
    inputs = np.random.default_rng(0).normal(size=(8, *shape)).astype("float32")
    largest = []
    for most in (0.0, MOST):
        keras.utils.set_random_seed(0)
        model = models.build(builder, shape, 2, max_norm=most, initial_scale=3.0, **options)
        model.compile(optimizer("sgd", 0.05), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(inputs, np.arange(8) % 2, batch_size=8, verbose=0)
        largest.append(0.0)
        for variable in model.trainable_variables:
            if variable.name in ("kernel", "recurrent_kernel"):
                kernel = array(variable).reshape(getattr(variable, "blocks", 1), -1, variable.shape[-1])
                norms = np.linalg.norm(kernel, axis=1)
                assert not most or norms.max() <= MOST + 1e-5, variable.path
                largest[-1] = max(largest[-1], norms.max())
    assert largest[0] > MOST
    assert largest[1] == pytest.approx(MOST, rel=1e-4)


def test_a_penalty_on_activations_is_a_sum_over_an_example_and_a_mean_over_a_batch():
    model = models.mlp((6,), 2, depth=3, width=5, activity_l1=0.1, activity_l2=0.01)
    inputs = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
    outputs = keras.Model(model.input, [model.get_layer(f"act{layer}").output for layer in (1, 2)])(inputs, training=True)
    expected = sum(0.1 * np.abs(one).sum() + 0.01 * np.square(one).sum() for one in map(array, outputs)) / 8
    model(inputs, training=True)
    assert float(sum(array(loss) for loss in model.losses)) == pytest.approx(expected, rel=1e-5)


def test_steps_of_padding_are_not_penalized():
    model = models.rnn((None, 2), 2, width=3, padded=True, pooling="mean", activity_l2=1.0)
    series = np.random.default_rng(0).normal(size=(2, 4, 2)).astype("float32")
    padded = np.concatenate([series, np.full((2, 3, 2), np.nan, "float32")], axis=1)
    found = []
    for inputs in (series, padded):
        model(inputs)
        found.append(float(sum(array(loss) for loss in model.losses)))
    assert found[0] > 0
    assert found[1] == pytest.approx(found[0], rel=1e-5)


def test_activations_get_smaller():
    inputs, labels = np.random.default_rng(0).normal(size=(64, 6)).astype("float32"), np.arange(64) % 2
    sizes = []
    for factor in (0.0, 0.5):
        keras.utils.set_random_seed(0)
        model = models.mlp((6,), 2, depth=2, width=16, activity_l1=factor, normalization="none")
        model.compile(optimizer("adam", 0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(inputs, labels, epochs=10, verbose=0)
        sizes.append(np.abs(array(keras.Model(model.input, model.get_layer("act1").output)(inputs))).mean())
    assert sizes[1] < 0.7 * sizes[0]


def test_penalties_do_not_go_with_stacked_blocks():
    with pytest.raises(ValueError, match=r"does not go with activity_l1 and activity_l2.*leave out one of the two"):
        models.resnet((6, 6, 2), 2, depth=(3,), width=4, stacking="always", activity_l2=0.1)
    deep = models.resnet((6, 6, 2), 2, depth=(40,), width=2, activity_l2=0.1)
    assert not any(isinstance(layer, models.BlockStack) for layer in deep.layers)


def test_embedding_dropout_drops_a_feature_from_all_tokens():
    model = models.rnn((20,), 2, width=3, vocabulary_size=9, embedding_size=16, embedding_dropout=0.5)
    embedded = keras.Model(model.input, model.get_layer("embedding_dropout").output)
    tokens = np.random.default_rng(0).integers(1, 9, (16, 20))
    whole, dropped = array(embedded(tokens, training=False)), array(embedded(tokens, training=True))
    lost = (dropped == 0).all(axis=1)
    assert 0.3 < lost.mean() < 0.7
    np.testing.assert_allclose(dropped, 2 * whole * ~lost[:, None], rtol=1e-5)
    with pytest.raises(ValueError, match=r"embedding_dropout is for tokens, which have embeddings, got 0.5 without vocabulary_size"):
        models.rnn((20, 2), 2, embedding_dropout=0.5)


WITH_MAPS = {
    "cnn": ((8, 8, 2), {"depth": 4, "width": 32}, ["stage1", "stage2", "stage3"]),
    "airbench": ((8, 8, 2), {"width": 32, "width_multipliers": (1, 1)}, ["block1", "block2"]),
    "resnet": ((8, 8, 2), {"depth": (3, 2), "width": 32, "stacking": "always"}, ["stage1", "stage2"]),
    "cnn1d": ((9, 2), {"kernel_sizes": (2, 3), "width": 32}, ["branch1", "branch2"]),
    "fcn": ((9, 2), {"kernel_sizes": (3, 2), "width_multipliers": (1, 1), "width": 32}, ["stage1", "stage2"]),
    "resnet1d": ((9, 2), {"width_multipliers": (1, 1), "width": 32}, ["block1", "block2"]),
    "inception1d": ((9, 2), {"depth": 3, "kernel_sizes": (3,), "width": 16}, ["module1", "module2", "module3"]),
    "lite": ((9, 2), {"depth": 1, "kernel_sizes": (3,), "width": 32, "hand_made_filters": False}, ["first", "separable1"]),
}


@pytest.mark.parametrize("family", WITH_MAPS)
def test_spatial_dropout_drops_a_map_from_all_positions(family):
    shape, options, places = WITH_MAPS[family]
    model = models.build(family, shape, 2, spatial_dropout=0.5, **options)
    drops = [layer for layer in model.layers if isinstance(layer, keras.layers.SpatialDropout1D | keras.layers.SpatialDropout2D)]
    assert [layer.name for layer in drops] == [f"{place}_spatial_dropout" for place in places]
    before = keras.Model(model.input, drops[0].input)(np.random.default_rng(0).normal(size=(8, *shape)).astype("float32"))
    whole, dropped = array(before), array(drops[0](before, training=True))
    maps = tuple(range(1, whole.ndim - 1))
    there, lost = np.abs(whole).max(axis=maps) > 0, np.abs(dropped).max(axis=maps) == 0
    assert 0.3 < lost[there].mean() < 0.7
    np.testing.assert_allclose(dropped, 2 * whole * ~np.expand_dims(lost, maps), rtol=1e-5)
    plain = models.build(family, shape, 2, **options)
    assert len(plain.layers) == len(model.layers) - len(places)
    assert plain.count_params() == model.count_params()


def test_spatial_dropout_is_a_share():
    with pytest.raises(ValueError, match=r"spatial_dropout is the share that is dropped.*got 1"):
        models.cnn((8, 8, 2), 2, spatial_dropout=1)
    with pytest.raises(ValueError, match="spatial_dropout"):
        models.build("vision_transformer", (8, 8, 2), 2, spatial_dropout=0.1)
