import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.data import batches, randomness
from hornbook.data.dataset import Examples
from hornbook.data.images import augmentation
from hornbook.training import imbalance

EXAMPLES, CLASSES = 50, 3


def examples(count=EXAMPLES):
    """Each pixel of an example tells which one it is; indices are not positions, as in a split."""
    pixels = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 4, 4, 1))
    return Examples(np.ascontiguousarray(pixels), np.arange(count) * 7 % CLASSES, np.arange(count) * 3 + 1, "train")


class Streamed:
    """The same examples, read as a source that stays on disk reads them."""

    def __init__(self, whole):
        self.whole, self.labels, self.indices = whole, whole.labels, whole.indices

    def __len__(self):
        return len(self.whole)

    def stream(self, batch_size, order=None):
        order = np.arange(len(self)) if order is None else order
        for start in range(0, len(order), batch_size):
            places = np.arange(start, min(start + batch_size, len(order)))
            yield places, self.whole.inputs[order[places]]


SOURCES = {"memory": lambda whole: whole, "streamed": Streamed}


def read(feed):
    """All batches as tuples of NumPy arrays."""
    if isinstance(feed, keras.utils.PyDataset):
        return [feed[number] for number in range(len(feed))]
    return list(feed.as_numpy_iterator())


def same(some, others):
    return len(some) == len(others) and all(
        len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True)) for a, b in zip(some, others, strict=True)
    )


@pytest.fixture(params=SOURCES)
def source(request):
    if request.param == "streamed" and keras.backend.backend() != "tensorflow":
        pytest.skip("streamed data are fed by TensorFlow")
    return SOURCES[request.param](examples())


def feed(source, batch_size=8, epochs=3, **options):
    return batches.training_batches(source, batch_size=batch_size, num_classes=CLASSES, epochs=epochs, **options)


def which(epoch_batches):
    """The examples of some batches, in their order."""
    return np.concatenate([batch[0][:, 0, 0, 0] for batch in epoch_batches])


def test_shapes_and_types(source):
    for inputs, labels in read(feed(source)):
        assert inputs.shape == (8, 4, 4, 1)
        assert inputs.dtype == np.uint8
        assert labels.shape == (8, CLASSES)
        assert labels.dtype == np.float32
        assert np.array_equal(labels, np.eye(CLASSES)[inputs[:, 0, 0, 0].astype(int) * 7 % CLASSES])


def test_an_epoch_takes_no_example_twice_and_leaves_out_others_each_time(source):
    whole = read(feed(source))
    assert len(whole) == 3 * batches.steps_per_epoch(source, 8) == 18
    epochs = [which(whole[6 * epoch : 6 * epoch + 6]) for epoch in range(3)]
    assert all(len(set(order)) == 48 for order in epochs)
    left_out = [frozenset(range(EXAMPLES)) - set(order) for order in epochs]
    assert len(set(left_out)) > 1
    assert not np.array_equal(epochs[0], epochs[1])


@pytest.mark.parametrize("augment", [None, "crop-flip"])
def test_a_feed_that_begins_later_yields_what_a_whole_one_yields_then(source, augment):
    options = {"augment": augment and augmentation.augmenter(augment, 0.4), "seed": 3, "class_weights": dict.fromkeys(range(CLASSES), 1.0)}
    whole = read(feed(source, **options))
    assert same(read(feed(source, first_epoch=2, **options)), whole[12:])
    assert same(read(feed(source, first_epoch=1, **options)), whole[6:])
    assert same(read(feed(source, **options)), whole)


def test_batches_asked_in_any_order_are_the_same():
    part = batches._ArrayBatches(examples(), 8, 6, range(3), batches.Finish(CLASSES, 0, augmentation.augmenter("crop"), None))
    forth = [part[number] for number in range(18)]
    back = [part[number] for number in reversed(range(18))][::-1]
    assert same(forth, back)


def test_streamed_and_in_memory_feed_the_same():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("streamed data are fed by TensorFlow")
    options = {"augment": augmentation.augmenter("crop-flip", 0.2), "seed": 1}
    assert same(read(feed(examples(), **options)), read(feed(Streamed(examples()), **options)))


def test_seeds_differ(source):
    assert not np.array_equal(which(read(feed(source, seed=0))[:6]), which(read(feed(source, seed=1))[:6]))


def test_order_and_augmentation_do_not_depend_on_the_batch_size(source):
    small, large = (read(feed(source, batch_size=size, epochs=1, augment=augmentation.augmenter("crop-flip"))) for size in (5, 25))
    assert np.array_equal(np.concatenate([batch[0] for batch in small]), np.concatenate([batch[0] for batch in large]))


def test_augmentation_is_drawn_by_epoch_and_the_example_s_index(source):
    seen = []

    def augment(inputs, labels, draw):
        seen.append((inputs[:, 0, 0, 0].copy(), draw("flip")))
        return inputs, labels

    read(feed(source, epochs=2, seed=5, augment=augment))
    drawn = seen[-12:]  # A feed may look at its first batch beforehand.
    for number, (positions, numbers) in enumerate(drawn):
        assert np.array_equal(numbers, randomness.uniform(5, number // 6, positions.astype(int) * 3 + 1, "flip"))


def test_the_examples_are_left_as_they_are(source):
    before = examples().inputs
    read(feed(source, augment=augmentation.augmenter("crop-flip", 1.0)))
    assert np.array_equal(getattr(source, "whole", source).inputs, before)


def test_a_part_smaller_than_a_batch_is_one_batch(source):
    few = examples(5)
    few = few if isinstance(source, Examples) else Streamed(few)
    assert batches.steps_per_epoch(few, 8) == 1
    whole = read(feed(few))
    assert [len(batch[0]) for batch in whole] == [5, 5, 5]
    assert sorted(which(whole[:1])) == list(range(5))


def test_class_weights_are_those_of_the_label(source):
    weights = np.array([1.0, 2.0, 4.0], np.float32)
    for _, labels, example_weights in read(feed(source, class_weights=dict(enumerate(weights.tolist())))):
        assert example_weights.dtype == np.float32
        assert np.array_equal(example_weights, weights[labels.argmax(axis=1)])


def test_class_weights_that_are_deferred_count_from_their_epoch_on(source):
    weights = dict(enumerate([0.5, 1.0, 2.0]))
    whole = read(feed(source, class_weights=weights, weights_from=2))
    at_once = read(feed(source, class_weights=weights))
    assert all((batch[2] == 1).all() for batch in whole[:12])
    assert same(whole[12:], at_once[12:])
    assert same(read(feed(source, class_weights=weights, weights_from=2, first_epoch=2)), whole[12:])
    assert [batch[2].dtype for batch in whole[::17]] == [np.float32, np.float32]


@pytest.mark.parametrize("sampling", ["oversample", "undersample", "balanced-batches"])
def test_drawn_examples_are_those_of_memory_wherever_the_feed_begins(sampling):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("streamed data are fed by TensorFlow")
    labels = np.repeat([0, 1, 2], [30, 14, 6])
    whole = examples()
    whole = Examples(whole.inputs, labels, whole.indices, "train")
    options = {"augment": augmentation.augmenter("crop-flip", 0.2), "sampling": sampling, "seed": 1}
    steps = batches.steps_per_epoch(whole, 8, sampling)
    assert steps == {"oversample": 90, "undersample": 18, "balanced-batches": 50}[sampling] // 8
    streamed = read(feed(Streamed(whole), **options))
    assert len(streamed) == 3 * steps
    assert same(read(feed(whole, **options)), streamed)
    assert same(read(feed(whole, first_epoch=1, **options)), streamed[steps:])


def test_copies_of_an_example_are_augmented_each_in_its_own_way():
    whole = Examples(np.zeros((9, 2)), np.repeat([0, 1], [8, 1]), np.arange(9), "train")
    drawn = []

    def augment(inputs, labels, draw):
        drawn.append((draw("jitter"), labels[:, 1] > 0))
        return inputs, labels

    made = batches.training_batches(whole, batch_size=16, num_classes=2, epochs=1, sampling="oversample", augment=augment)
    read(made)
    numbers, rare = drawn[-1]
    assert rare.sum() == 8
    assert len(set(numbers)) == 16


def test_of_several_labels_each_has_its_weight():
    labels = np.array([[1, 0], [0, 1], [0, 0], [0, 0.5]], np.float32)
    several = Examples(np.zeros((4, 2)), labels, np.arange(4), "train")
    weights = imbalance.class_weights(np.round(labels), 2, "balanced")
    assert weights == {0: pytest.approx((4 / 6, 2.0)), 1: pytest.approx((4 / 6, 2.0))}
    options = {"batch_size": 4, "num_classes": None, "epochs": 1, "class_weights": weights}
    [(_, found, label_weights)] = read(batches.training_batches(several, **options))
    np.testing.assert_allclose(label_weights, 4 / 6 + (2 - 4 / 6) * found, rtol=1e-6)


def test_class_weights_of_soft_labels_are_their_mean(source):
    weights = np.array([1.0, 2.0, 4.0], np.float32)
    batch = read(feed(source, class_weights=dict(enumerate(weights.tolist())), augment=augmentation.augmenter("none", 1.0)))
    assert any((labels.max(axis=1) < 0.9).any() for _, labels, _ in batch)
    for _, labels, example_weights in batch:
        np.testing.assert_allclose(example_weights, (labels * weights).sum(axis=1), rtol=1e-6)


@pytest.mark.parametrize("batch_size", [8, 25, 64])
def test_an_evaluation_takes_everything_once_in_order(source, batch_size):
    whole = read(batches.evaluation_batches(source, batch_size=batch_size, num_classes=CLASSES))
    sizes = [len(batch[0]) for batch in whole]
    assert sizes == [batch_size] * (EXAMPLES // batch_size) + [EXAMPLES % batch_size] * (EXAMPLES % batch_size > 0)
    assert np.array_equal(which(whole), np.arange(EXAMPLES))
    assert np.array_equal(np.concatenate([labels for _, labels in whole]), np.eye(CLASSES)[examples().labels])
    assert all(len(batch) == 2 for batch in whole)


def test_a_batch_size_beyond_the_part_is_said(source, capsys):
    batches.note_smaller_batch(source, EXAMPLES)
    assert not capsys.readouterr().out
    batches.note_smaller_batch(source, EXAMPLES + 1)
    said = f"note: --batch-size {EXAMPLES + 1} is more than the {EXAMPLES} training examples, all of which are one batch; "
    said += "a smaller one makes more steps\n"
    assert capsys.readouterr().out == said


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_holds_one_at_least(batch_size):
    for ask in (
        lambda: batches.steps_per_epoch(examples(), batch_size),
        lambda: feed(examples(), batch_size=batch_size),
        lambda: batches.evaluation_batches(examples(), batch_size=batch_size, num_classes=CLASSES),
    ):
        with pytest.raises(UserError, match=f"batch_size must be at least 1, got {batch_size}"):
            ask()


class Watch(keras.layers.Layer):
    """A layer that keeps what passes it in training."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def call(self, inputs, training=False):
        if training:
            self.seen.append(keras.ops.convert_to_numpy(inputs)[:, 0, 0, 0].astype(int).tolist())
        return inputs


def fitted(source, first_epoch, epochs):
    """The examples of every step of `fit`."""
    keras.utils.set_random_seed(0)
    watch = Watch()
    model = keras.Sequential([keras.Input((4, 4, 1)), watch, keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True), run_eagerly=True)
    validation = batches.evaluation_batches(source, batch_size=16, num_classes=CLASSES)
    model.fit(
        feed(source, epochs=epochs, first_epoch=first_epoch),
        steps_per_epoch=batches.steps_per_epoch(source, 8),
        initial_epoch=first_epoch,
        epochs=epochs,
        validation_data=validation,
        shuffle=False,
        verbose=0,
    )
    return watch.seen, model.evaluate(validation, verbose=0)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX has no eager steps to watch")
def test_fit_goes_through_the_feed_once_whatever_comes_between(source):
    # Neither a validation after each epoch nor the beginning of an epoch makes it start again.
    seen, _ = fitted(source, 0, 3)
    assert seen == [batch[0][:, 0, 0, 0].tolist() for batch in read(feed(source))]
    resumed, _ = fitted(source, 2, 3)
    assert resumed == seen[12:]


def test_fit_with_no_epoch_left_changes_nothing(source):
    # A run that was cut off after its last epoch only has to finish.
    if keras.backend.backend() == "jax":
        pytest.skip("JAX has no eager steps to watch")
    seen, loss = fitted(source, 3, 3)
    assert seen == []
    assert loss == fitted(source, 3, 3)[1]


def test_class_weights_from_the_labels_reach_the_loss():
    part = examples()
    weights = imbalance.class_weights(part.labels, CLASSES, "balanced")
    [batch] = read(feed(part, batch_size=EXAMPLES, epochs=1, class_weights=weights))
    assert batch[2].mean() == pytest.approx(1, rel=1e-6)
    for label in range(CLASSES):
        assert batch[2][batch[1][:, label] == 1].sum() == pytest.approx(EXAMPLES / CLASSES, rel=1e-5)


def test_labels_that_are_numbers_or_one_of_two_classes():
    targets = np.array([[1.5], [-2.0], [3.25], [0.0]])
    numbers = Examples(np.zeros((4, 2), np.float32), targets, np.arange(4), "all")
    [(_, labels)] = list(batches.evaluation_batches(numbers, batch_size=4, num_classes=None))
    np.testing.assert_array_equal(labels, targets)
    binary = Examples(np.zeros((4, 2), np.float32), np.array([0, 1, 1, 0]), np.arange(4), "all")
    [(_, labels)] = list(batches.evaluation_batches(binary, batch_size=4, num_classes=1))
    np.testing.assert_array_equal(labels, [[0], [1], [1], [0]])
    weights = np.array([0.5, 2.0], np.float32)
    feed = batches.training_batches(binary, batch_size=4, num_classes=1, epochs=1, class_weights={0: 0.5, 1: 2.0})
    _, labels, given = next(iter(feed))
    np.testing.assert_allclose(given, weights[np.asarray(labels)[:, 0].astype(int)])


def test_predictions_without_a_feed_are_those_with_one():
    inputs = np.random.default_rng(0).normal(size=(70, 5)).astype(np.float32)
    examples = Examples(inputs, np.zeros(70, np.int64), np.arange(70), "all")
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(3)])
    found = batches.predictions_of_some(model, examples, batch_size=32)
    np.testing.assert_array_equal(found, batches.predictions(model, examples, batch_size=32))
