"""Weights taken over, blocks kept as they are, heads on features, gradual unfreezing. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import UserError, models
from hornbook.training import optimizer
from hornbook.training.learned import transfer

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def images(size=8):
    generator = np.random.default_rng(0)
    return generator.normal(size=(32, size, size, 1)).astype("float32"), np.arange(32) % 3


def network(seed=0, size=8, outputs=3, **options):
    keras.utils.set_random_seed(seed)
    return models.cnn((size, size, 1), outputs, depth=4, width=4, **options)


def inside(model):
    """The model as one layer of another, as recipes have it."""
    pixels = keras.Input(model.input_shape[1:], name="pixels")
    return keras.Model(pixels, model(keras.layers.Normalization(mean=2.0, variance=9.0, name="standardize")(pixels)), name="whole")


def copies(model):
    return {weight.path: np.array(keras.ops.convert_to_numpy(weight)) for weight in model.weights}


def changed(model, before):
    """The names of the layers whose weights differ from those of `copies`."""
    return {path.split("/")[0] for path, now in copies(model).items() if not np.array_equal(now, before[path])}


def test_all_but_the_head_is_taken_over():
    source, own = inside(network(1)), network(2, size=16, outputs=5)
    before = copies(own)
    transfer.take_over(own, source, "another")
    for weight, other in zip(own.weights[:-2], source.get_layer("cnn").weights[:-2], strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), keras.ops.convert_to_numpy(other))
    assert "logits" not in changed(own, before)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"name": "net"}, "another has no network called net; it has whole, cnn"),
        ({"downsampling": "stride", "normalization": "none"}, "another has .*gamma of shape \\(4,\\), and the network here "),
    ],
)
def test_another_network_is_refused(own, message):
    with pytest.raises(UserError, match=message):
        transfer.take_over(network(2, **own), inside(network(1)), "another")


def test_other_shapes_are_refused_by_the_first_that_differs():
    keras.utils.set_random_seed(0)
    wider = models.cnn((8, 8, 1), 3, depth=4, width=8)
    with pytest.raises(UserError, match=r"another has stage1_conv1/kernel of shape \(3, 3, 1, 4\), and the network here .* \(3, 3, 1, 8\)"):
        transfer.take_over(wider, inside(network(1)), "another")


@pytest.mark.parametrize(("share", "kept"), [(1 / 3, {"stage1", "stage2"}), (0.5, {"stage1"}), (2 / 3, {"stage1"})])
def test_lower_blocks_are_kept_whole(share, kept):
    model = network()
    before, (inputs, labels) = copies(model), images()
    trained, there = transfer.keep_lower(model, share)
    assert (trained, there) == (3 - len(kept), 3)
    model.compile(optimizer("sgd", 0.1, momentum=0.0, weight_decay=0.1), LOSS)
    model.fit(inputs, labels, epochs=1, verbose=0)
    # The moving statistics of batch normalization, which are no trainable weights, among them.
    assert {name.split("_")[0] for name in changed(model, before)} == {"stage1", "stage2", "stage3", "logits"} - kept


@pytest.mark.parametrize("whole", [False, True], ids=["alone", "inside"])
def test_a_head_on_features_is_the_head_of_the_network(whole):
    model = inside(network()) if whole else network()
    inputs, labels = images()
    features = transfer.features(model)
    found = features.predict(inputs, verbose=0)
    head = transfer.head_on(model, features.output_shape[-1], 0.1)
    before = copies(model)
    head.compile(optimizer("sgd", 0.1), LOSS)
    head.fit(found, labels, epochs=1, verbose=0)
    assert changed(model, before) == {"logits"}
    np.testing.assert_allclose(head.predict(found, verbose=0), model.predict(inputs, verbose=0), atol=1e-5)


def test_a_network_without_a_dense_layer_has_no_head():
    with pytest.raises(UserError, match=r"the network plain has no keras\.layers\.Dense"):
        transfer.head(keras.Sequential([keras.Input((4,)), keras.layers.Flatten()], name="plain"))


def test_images_of_another_white_are_standardized_alike():
    source = transfer.Source("another", inside(network()), {})
    mean, variance = source.moments(255.0)
    np.testing.assert_allclose([mean[0], variance[0]], [2.0 * 255, 9.0 * 255**2])


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_blocks_begin_to_be_trained_one_after_the_other(weight_decay):
    model = network(normalization="none")
    model.compile(optimizer("sgd", 0.1, momentum=0.0, unfreezing_steps=3, weight_decay=weight_decay), LOSS)
    seen, (inputs, labels) = [], images()
    for _ in range(4):
        before = copies(model)
        model.train_on_batch(inputs, labels)
        seen.append({name.split("_")[0] for name in changed(model, before)})
    assert seen == [
        {"logits"},
        {"logits", "stage3"},
        {"logits", "stage3", "stage2"},
        {"logits", "stage3", "stage2", "stage1"},
    ]


def test_each_step_is_that_of_the_whole_rate_once_a_block_is_trained():
    plain, gradual = network(normalization="none"), network(normalization="none")
    inputs, labels = images()
    for model, steps in ((plain, 0), (gradual, 3)):
        model.compile(optimizer("sgd", 0.1, momentum=0.0, unfreezing_steps=steps), LOSS)
        model.train_on_batch(inputs, labels)
    np.testing.assert_array_equal(gradual.get_weights()[-2], plain.get_weights()[-2])


def tokens_network(**options):
    keras.utils.set_random_seed(0)
    return models.cnn1d((None,), 3, vocabulary_size=20, embedding_size=4, width=5, **options)


@pytest.mark.parametrize("training", ["tuned", "frozen", "both"])
def test_vectors_go_to_every_table_of_tokens_at_the_size_of_its_numbers(training):
    model = tokens_network(embedding_training=training)
    names = ["embedding", *(["frozen_embedding"] if training == "both" else [])]
    before = {name: keras.ops.convert_to_numpy(model.get_layer(name).embeddings).copy() for name in names}
    ids, values = np.array([2, 5, 19]), 100 * np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    transfer.take_vectors(model, ids, values, 20)
    for name, old in before.items():
        layer = model.get_layer(name)
        new, others = keras.ops.convert_to_numpy(layer.embeddings), np.setdiff1d(np.arange(20), ids)
        np.testing.assert_array_equal(new[others], old[others])
        np.testing.assert_allclose(new[ids], values * old.std() / values.std(), rtol=1e-5)
        assert layer.trainable == (training == "tuned" or (name == "embedding" and training == "both"))
    model.compile(optimizer("sgd", 0.1), LOSS)
    now = copies(model)
    model.fit(np.arange(32)[:, None] % 20 + np.zeros((1, 4), int), np.arange(32) % 3, verbose=0)
    assert ("embedding" in changed(model, now)) == (training != "frozen")
    assert "frozen_embedding" not in changed(model, now)


def test_without_a_table_of_such_sizes_there_is_nowhere_to_put_vectors():
    with pytest.raises(UserError, match=r"cnn1d has no keras.layers.Embedding of 20 tokens by 9 features.* it has embedding of 20 by 4"):
        transfer.take_vectors(tokens_network(), np.array([2]), np.ones((1, 9)), 20)


def test_outputs_at_some_places_are_those_of_the_whole():
    model = models.bidirectional_gru((None,), 9, vocabulary_size=20, width=5, embedding_size=4, each_step=True)
    ids, places = np.array([[3, 4, 5, 6, 0], [7, 8, 9, 0, 0]]), np.array([[3, 0], [2, 2]])
    whole = keras.ops.convert_to_numpy(model(ids))
    some = transfer.at_places(model, 2)
    found = keras.ops.convert_to_numpy(some(np.concatenate([ids, places], axis=1)))
    np.testing.assert_allclose(found, np.take_along_axis(whole, places[..., None], axis=1), atol=1e-5)
    assert {id(one) for one in some.trainable_variables} == {id(one) for one in model.trainable_variables}


def test_a_network_is_found_inside_its_mixture_with_a_classical_model():
    from hornbook.training.classical import mixing

    class Guess:
        def outputs(self, inputs):
            return keras.layers.Embedding(20, 3, name="classical")(inputs)[:, 0]

    source = tokens_network()
    mixture = mixing.mixed(source, Guess(), 0.5)
    assert mixture.name == source.name
    own = tokens_network(initial_scale=2.0)
    transfer.take_over(own, mixture, "another")
    np.testing.assert_array_equal(*(keras.ops.convert_to_numpy(one.get_layer("branch1_conv1").kernel) for one in (own, source)))
