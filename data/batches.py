"""What `fit` is fed: batches whose order and augmentation are pure functions of (seed, epoch, example).

One feed runs over a whole training, not over an epoch: batch k of the training is the same whether the run came to it or was resumed there.
Pass it to `fit` with `steps_per_epoch`, so that Keras keeps one iterator and no epoch's order depends on how often it was asked.

Parts of every medium are fed by the same functions: examples in memory, examples that are streamed from disk, and sequences of unequal
length, whose batches `bucketed_batches` makes of like lengths.
"""

import keras
import numpy as np

from hornbook import UserError, terminal
from hornbook.data import bucketed_batches, randomness
from hornbook.data.dataset import plain_inputs
from hornbook.data.feeds import Finish, feed, tensorflow_feed
from hornbook.data.selection import drawing
from hornbook.data.selection import weights as weights_of

_MOST_NUMBERS = 2**25  # Of inputs that are looked at: 128 MiB.


def training_batches(examples, *, batch_size, num_classes, epochs, first_epoch=0, seed=0, augment=None, class_weights=None,
                     weights_from=0, sampling="none", length=None, example_weights=None, teacher=None, groups=None,
                     with_groups=False):  # fmt: skip
    """Shuffled, augmented batches for `model.fit(batches, steps_per_epoch=steps_per_epoch(...), ...)`, from `first_epoch` to the end.

    Every epoch leaves out the examples that do not fill its last batch, others each time: all steps have one shape, and no
    normalization sees a batch of two.

    Args:
        examples: a part of a dataset: `dataset.Examples`, `images.files.FileExamples`, `images.tfds.StreamedExamples`,
            `series.dataset.SeriesExamples` or `texts.tokens.Tokens`.
        batch_size: examples a batch; smaller parts are one batch.
        num_classes: length of the one-hot labels. 1: of two classes, the second is 1 and the first 0, `(batch, 1)`. None: labels are
            numbers `(examples, targets)`, and stay so.
        epochs: of the whole training.
        first_epoch: the epoch to begin at, from 0; a resumed run's.
        seed: of order and augmentation.
        augment: function `(inputs, labels, draw) -> (inputs, labels)`, see `images.augmenter`.
        class_weights: dict of class to weight, see `training.class_weights`, or None; each example's weight is that of its (soft) label.
            Of several labels, dict of label to the weights of 0 and of 1: weights are `(batch, labels)`, for a loss of each label.
        weights_from: epoch from which class weights count, from 0; before, all weights are 1 (deferred reweighting, Cao et al. 2019).
        sampling: how often the examples of each class come in an epoch, one of `selection.drawing.NAMES`.
        length: steps of every batch of sequences, for a model of fixed length; None: as few as its examples need.
        example_weights: float array `(examples,)`, what each example counts, 0 or more; its class's weight is multiplied by it. Only
            ratios matter: the mean over the examples, of the products too, is made 1. None: all the same.
        teacher: `training.learned.distillation.Teacher`, whose probabilities stand behind the labels, for `losses.Distilled`. None: none.
        groups: int array `(examples,)`, the group of each, from 0, which `sampling` draws in place of classes. Not of sequences of unequal
            length. None: none.
        with_groups: whether a column for each group stands behind the labels, for `training.updates.group_robust`.

    Returns:
        A `tf.data.Dataset` or `keras.utils.PyDataset` of `(inputs, labels)` or `(inputs, labels, weights)`, labels float32
        `(batch, classes)`, one-hot unless `num_classes` says otherwise; with a teacher twice as wide.

    Raises:
        UserError: batch_size is not positive, or examples of several labels are to be drawn by their classes.

    Example:
    ```python
    import keras
    from hornbook import data

    digits = data.images.load("digits").train
    batches = data.training_batches(digits, batch_size=64, num_classes=10, epochs=1, augment=data.images.augmenter("crop"))
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    model.fit(batches, steps_per_epoch=data.steps_per_epoch(digits, 64), epochs=1, shuffle=False, verbose=0)
    ```
    """
    drawn_by = examples.labels if groups is None else np.asarray(groups)
    steps = steps_per_epoch(examples, batch_size, sampling) if groups is None else max(1, drawing.size(drawn_by, sampling) // batch_size)
    batch_size = min(batch_size, drawing.size(drawn_by, sampling))
    epochs = range(first_epoch, max(epochs, first_epoch + 1))  # `fit` looks at a batch even where a resumed run has no epoch left.
    if class_weights is not None:
        class_weights = np.array([class_weights[label] for label in sorted(class_weights)], np.float32)
    own, scale = None, 1.0
    if example_weights is not None:
        relative_to = drawn_by if class_weights is None else examples.labels
        own, scale = weights_of.relative(relative_to, example_weights, class_weights, sampling)
    finish = Finish(num_classes, seed, augment, class_weights, weights_from, own, scale, teacher, drawn_by if with_groups else None)
    if hasattr(examples, "lengths"):
        if groups is not None:
            raise UserError("groups are for images and tables; sequences of unequal length are batched by length")
        return bucketed_batches.training(examples, batch_size, steps, epochs, finish, sampling, length)
    if hasattr(examples, "inputs"):
        return feed(_ArrayBatches(examples, batch_size, steps, epochs, finish, sampling, drawn_by))

    def stream():
        order = _Order(drawn_by, sampling, seed, batch_size)
        for epoch in epochs:
            order.begin(epoch)
            for places, inputs in examples.stream(batch_size, order=order.positions):
                if len(places) == batch_size:
                    positions = order.positions[places]
                    yield finish(inputs, examples.labels[positions], order.keys(examples.indices, places), epoch, positions)

    return tensorflow_feed(stream)


def steps_per_epoch(examples, batch_size, sampling="none"):
    """How many full batches an epoch of `examples` has; 1 if they do not fill one.

    Args:
        examples, batch_size, sampling: as of `training_batches`.

    Raises:
        UserError: batch_size is not positive, or examples of several labels are to be drawn by their classes.

    Example:
    ```python
    from hornbook import data
    from hornbook.training import schedule

    steps = data.steps_per_epoch(data.images.load("digits").train, batch_size=64)
    learning_rate = schedule("cosine", 0.1, steps_per_epoch=steps, epochs=10)
    ```
    """
    if batch_size < 1:
        raise UserError(f"batch_size must be at least 1, got {batch_size}")
    return max(1, drawing.size(examples.labels, sampling) // batch_size)


def note_smaller_batch(examples, batch_size, sampling="none"):
    """Print a line where an epoch of `examples` has fewer than a batch has."""
    size = drawing.size(examples.labels, sampling)
    if batch_size > size:
        terminal.say(
            f"note: --batch-size {batch_size:,} is more than the {size:,} training examples, all of which are one batch; "
            "a smaller one makes more steps"
        )


def evaluation_batches(examples, *, batch_size, num_classes, length=None):
    """All examples once, as they are: a feed like that of `training_batches`, the last batch smaller.

    Examples stand in their order, sequences of unequal length from the shortest to the longest; `predictions` gives outputs in the
    examples' order whatever they are.

    Example:
    ```python
    import keras
    from hornbook import data

    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    digits = data.images.load("digits").test
    model.evaluate(data.evaluation_batches(digits, batch_size=256, num_classes=10), verbose=0)
    ```
    """
    full = steps_per_epoch(examples, batch_size)
    finish = Finish(num_classes, 0, None, None)
    if hasattr(examples, "lengths"):
        return bucketed_batches.evaluation(examples, batch_size, finish, length)
    steps = full + (full * batch_size < len(examples))
    if hasattr(examples, "inputs"):
        return feed(_ArrayBatches(examples, batch_size, steps, None, finish), steps)

    def stream():
        for positions, inputs in examples.stream(batch_size):
            yield finish(inputs, examples.labels[positions], examples.indices[positions], 0)

    return tensorflow_feed(stream, steps)


def some_arrays(examples, *, most, num_classes, length=None):
    """Some examples, evenly spaced, as arrays `(inputs, labels)` that `fit` takes: what a callback looks at, who sees no batches.

    Args:
        examples, num_classes, length: as of `training_batches`.
        most: how many; fewer of large ones, so that the inputs have at most 2 ** 25 numbers.

    Example:
    ```python
    import keras
    from hornbook import data
    from hornbook.data.batches import some_arrays
    from hornbook.training import Diagnostics

    digits = data.images.load("digits").train
    model = keras.Sequential([keras.layers.Rescaling(1 / 16), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    inputs, labels = some_arrays(digits, most=500, num_classes=10)
    model.fit(inputs, labels, callbacks=[Diagnostics(probe=(inputs, labels))], verbose=0)
    ```
    """
    finish = Finish(num_classes, 0, None, None)
    places = np.unique(np.linspace(0, len(examples) - 1, min(len(examples), most)).round().astype(int))
    if hasattr(examples, "lengths"):
        length = length or int(examples.padded_lengths[np.searchsorted(examples.padded_lengths, examples.lengths[places].max())])
        size = int(examples.padded(places[:1], length).size)
        places = places[:: 1 + len(places) * size // _MOST_NUMBERS]
        inputs = examples.padded(places, length)
    else:
        size = int(plain_inputs(examples, places[:1]).size)
        places = places[:: 1 + len(places) * size // _MOST_NUMBERS]
        inputs = plain_inputs(examples, places)
    return finish(inputs, examples.labels[places], examples.indices[places], 0)


def predictions(model, examples, *, batch_size=256, length=None):
    """A model's outputs for all examples, in their order: `(examples, outputs)`.

    Args:
        model: `keras.Model` from the examples' inputs.
        examples, length: as of `training_batches`.
        batch_size: examples at a time; the result does not depend on it.

    Example:
    ```python
    import keras
    from hornbook import data

    digits = data.images.load("digits").test
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    assert data.predictions(model, digits).shape == (len(digits), 10)
    ```
    """
    # Any labels do: nothing is compared with them.
    one_hot = 1 + int(examples.labels.max()) if examples.labels.ndim == 1 else None
    outputs = np.asarray(model.predict(evaluation_batches(examples, batch_size=batch_size, num_classes=one_hot, length=length), verbose=0))
    if not hasattr(examples, "lengths"):
        return outputs
    in_order = np.empty_like(outputs)
    in_order[bucketed_batches.by_length(examples)] = outputs
    return in_order


def predictions_of_some(model, examples, *, batch_size=256, length=None):
    """As `predictions`, of examples in memory and without a feed, which takes 0.1 s to begin: for many calls of a few thousand each.

    Args:
        model, examples, batch_size, length: as of `predictions`.

    Example:
    ```python
    import keras
    from hornbook import data
    from hornbook.data.batches import predictions_of_some

    digits = data.images.load("digits").test
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    assert predictions_of_some(model, digits).shape == (len(digits), 10)
    ```
    """
    sequences = hasattr(examples, "lengths")
    order, found = bucketed_batches.by_length(examples) if sequences else np.arange(len(examples)), []
    for start in range(0, len(order), batch_size):
        some = order[start : start + batch_size]
        inputs = bucketed_batches.padded(examples, some, length) if sequences else examples.inputs[some[0] : some[-1] + 1]
        found.append(np.asarray(model.predict_on_batch(inputs)))
    outputs = np.concatenate(found)
    in_order = np.empty_like(outputs)
    in_order[order] = outputs
    return in_order


class _Order:
    """The examples of one epoch in their order, and which of them come once more."""

    def __init__(self, labels, sampling, seed, batch_size):
        self.labels, self.sampling, self.seed, self.batch_size = labels, sampling, seed, batch_size
        self.epoch, self.positions, self._copies = None, np.arange(len(labels)), None

    def begin(self, epoch):
        if self.epoch == epoch:
            return
        positions = drawing.order(self.labels, self.sampling, seed=self.seed, epoch=epoch, batch_size=self.batch_size)
        self.epoch, self.positions = epoch, positions
        if self.sampling != "none":
            self._copies = drawing.copies(self.positions)

    def keys(self, indices, places):
        """A number that is each example's own, and each copy's, for random numbers."""
        return randomness.of_copies(indices[self.positions[places]], None if self._copies is None else self._copies[places])


class _ArrayBatches(keras.utils.PyDataset):
    """Batches of examples in memory, by their number in the whole training; `epochs` None: once, in order."""

    def __init__(self, examples, batch_size, steps, epochs, finish, sampling="none", drawn_by=None):
        super().__init__()
        self.examples, self.batch_size, self.steps, self.epochs, self.finish = examples, batch_size, steps, epochs, finish
        self._order = _Order(examples.labels if drawn_by is None else drawn_by, sampling, finish.seed, batch_size)

    def __len__(self):
        return self.steps * (1 if self.epochs is None else len(self.epochs))

    def __getitem__(self, number):
        step, epoch = number % self.steps, 0
        if self.epochs is not None:
            epoch = self.epochs[number // self.steps]
            self._order.begin(epoch)
        places = slice(step * self.batch_size, (step + 1) * self.batch_size)
        positions, part = self._order.positions[places], self.examples
        keys = self._order.keys(part.indices, places)
        return self.finish(part.inputs[positions], part.labels[positions], keys, epoch, positions)
