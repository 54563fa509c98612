"""What `fit` is fed: batches whose order and augmentation are pure functions of (seed, epoch, example).

One feed runs over a whole training, not over an epoch: batch k of the training is the same whether the run came to it or was resumed there.
Pass it to `fit` with `steps_per_epoch`, so that Keras keeps one iterator and no epoch's order depends on how often it was asked.
"""

import os
import sys
import threading

import keras
import numpy as np

from hornbook import UserError
from hornbook.data import randomness
from hornbook.data.dataset import Examples

_PREFETCH = 4  # Batches made ahead: enough to bridge a validation's hiccup, few enough not to matter in memory.


def training_batches(examples, *, batch_size, num_classes, epochs, first_epoch=0, seed=0, augment=None, class_weights=None):
    """Shuffled, augmented batches for `model.fit(batches, steps_per_epoch=steps_per_epoch(...), ...)`, from `first_epoch` to the end.

    Every epoch leaves out the examples that do not fill its last batch, others each time: all steps have one shape, and no
    normalization sees a batch of two.

    Args:
        examples: `Examples` or `tfds.StreamedExamples`.
        batch_size: examples a batch; smaller parts are one batch.
        num_classes: length of the one-hot labels. 1: of two classes, the second is 1 and the first 0, `(batch, 1)`. None: labels are
            numbers `(examples, targets)`, and stay so.
        epochs: of the whole training.
        first_epoch: the epoch to begin at, from 0; a resumed run's.
        seed: of order and augmentation.
        augment: function `(inputs, labels, draw) -> (inputs, labels)`, see `augmentation.augmenter`.
        class_weights: float array `(classes,)` or None; each example's weight is that of its (soft) label.

    Returns:
        A `tf.data.Dataset` or `keras.utils.PyDataset` of `(inputs, labels)` or `(inputs, labels, weights)`, labels float32
        `(batch, classes)`, one-hot unless `num_classes` says otherwise.

    Example:
    ```python
    import keras, numpy
    from hornbook.data.images import augmenter
    from hornbook.data.dataset import Examples
    from hornbook import data
    from hornbook.data import steps_per_epoch
    from hornbook.data import training_batches

    digits = data.images.load("digits").train
    batches = training_batches(digits, batch_size=64, num_classes=10, epochs=1, augment=augmenter("crop"))
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    model.fit(batches, steps_per_epoch=steps_per_epoch(digits, 64), epochs=1, shuffle=False, verbose=0)
    ```
    """
    steps = steps_per_epoch(examples, batch_size)
    batch_size = min(batch_size, len(examples))
    epochs = max(epochs, first_epoch + 1)  # `fit` looks at a batch even where a resumed run has no epoch left.
    finish = Finish(num_classes, seed, augment, class_weights)
    if isinstance(examples, Examples):
        return _feed(_ArrayBatches(examples, batch_size, steps, range(first_epoch, epochs), finish))

    def stream():
        for epoch in range(first_epoch, epochs):
            for positions, inputs in examples.stream(batch_size, order=(seed, epoch)):
                if len(positions) == batch_size:
                    yield finish(inputs, examples.labels[positions], examples.indices[positions], epoch)

    return tensorflow_feed(stream)


def steps_per_epoch(examples, batch_size):
    """How many full batches `examples` have; 1 if they do not fill one.

    Raises:
        UserError: batch_size is not positive.

    Example:
    ```python
    from hornbook.data.dataset import Examples
    from hornbook import data
    from hornbook.training import schedule
    from hornbook.data import steps_per_epoch

    steps = steps_per_epoch(data.images.load("digits").train, batch_size=64)
    learning_rate = schedule("cosine", 0.1, steps_per_epoch=steps, epochs=10)
    ```
    """
    if batch_size < 1:
        raise UserError(f"batch_size must be at least 1, got {batch_size}")
    return max(1, len(examples) // batch_size)


def note_smaller_batch(examples, batch_size):
    """Say in a line that a batch is all `examples`, where there are fewer than `batch_size`."""
    if batch_size > len(examples):
        print(f"note: --batch-size {batch_size:,} is more than the {len(examples):,} training examples, all of which are one batch")


def evaluation_batches(examples, *, batch_size, num_classes):
    """All examples once, in order, as they are: a feed like that of `training_batches`, the last batch smaller.

    Example:
    ```python
    import keras
    from hornbook.data.dataset import Examples
    from hornbook import data
    from hornbook.data import evaluation_batches

    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.evaluate(evaluation_batches(data.images.load("digits").test, batch_size=256, num_classes=10), verbose=0)
    ```
    """
    full = steps_per_epoch(examples, batch_size)
    steps = full + (full * batch_size < len(examples))
    finish = Finish(num_classes, 0, None, None)
    if isinstance(examples, Examples):
        return _feed(_ArrayBatches(examples, batch_size, steps, None, finish), steps)

    def stream():
        for positions, inputs in examples.stream(batch_size):
            yield finish(inputs, examples.labels[positions], examples.indices[positions], 0)

    return tensorflow_feed(stream, steps)


class Finish:
    """What happens to every batch, wherever it came from: one-hot labels, augmentation, weights."""

    def __init__(self, num_classes, seed, augment, class_weights):
        self.identity = None if num_classes is None else np.eye(num_classes, dtype=np.float32)
        if num_classes == 1:
            self.identity = np.array([[0], [1]], np.float32)
        self.seed, self.augment, self.class_weights = seed, augment, class_weights

    def __call__(self, inputs, labels, indices, epoch):
        labels = labels.astype(np.float32) if self.identity is None else self.identity[labels]
        if self.augment is not None:
            inputs, labels = self.augment(inputs, labels, lambda stream: randomness.uniform(self.seed, epoch, indices, stream))
        if self.class_weights is None:
            return inputs, labels
        if labels.shape[1] == 1:
            first, second = self.class_weights
            return inputs, labels, first + (second - first) * labels[:, 0]
        return inputs, labels, labels @ self.class_weights


class _ArrayBatches(keras.utils.PyDataset):
    """Batches of examples in memory, by their number in the whole training; `epochs` None: once, in order."""

    def __init__(self, examples, batch_size, steps, epochs, finish):
        super().__init__()
        self.examples, self.batch_size, self.steps, self.epochs, self.finish = examples, batch_size, steps, epochs, finish
        self._order = (None, np.arange(len(examples)))

    def __len__(self):
        return self.steps * (1 if self.epochs is None else len(self.epochs))

    def __getitem__(self, number):
        step, epoch = number % self.steps, 0
        if self.epochs is not None:
            epoch = self.epochs[number // self.steps]
            if self._order[0] != epoch:
                self._order = (epoch, randomness.permutation(self.finish.seed, epoch, len(self.examples)))
        positions = self._order[1][step * self.batch_size : (step + 1) * self.batch_size]
        part = self.examples
        return self.finish(part.inputs[positions], part.labels[positions], part.indices[positions], epoch)


def _feed(batches, steps=None):
    """The batches as `fit` takes them best: under TensorFlow a dataset that is read ahead, elsewhere themselves."""
    if keras.backend.backend() != "tensorflow":
        return batches
    return tensorflow_feed(lambda: (batches[number] for number in range(len(batches))), steps)


def tensorflow_feed(generator, steps=None, free_axes=(0,)):
    """A `tf.data.Dataset` of what `generator()` yields, read ahead.

    Args:
        generator: function to an iterator of tuples of arrays.
        steps: how many there are, where their end is to be expected.
        free_axes: axes of the first array, the inputs, whose sizes differ from batch to batch; of the others the first alone does.
    """
    import tensorflow as tf

    first = next(iter(generator()))
    inputs, *others = first
    inputs = tf.TensorSpec([None if axis in free_axes else size for axis, size in enumerate(inputs.shape)], inputs.dtype)
    signature = (inputs, *(tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in others))
    dataset = tf.data.Dataset.from_generator(lambda: _in_idle_time(generator()), output_signature=signature)
    if steps is not None:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    options = tf.data.Options()
    # Autotuning rounds the end of a fit up to as much as 2.5 s, and has nothing to tune here.
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1  # A thread that TensorFlow does not also compute with.
    return dataset.prefetch(_PREFETCH).with_options(options)


def _in_idle_time(batches):
    """The same batches, made when no thread that computes wants the processor.

    A training step leaves gaps on every core, but takes all of them at once: a thread that gets one in between holds up the others. On two
    cores, with a step of 110 ms, batches made at normal priority cost 3% of the step rate, these 1 to 1.5% (`benchmarks/throughput.py`).
    """
    lowered = set()
    for batch in batches:
        thread = threading.get_native_id()
        if thread not in lowered and sys.platform == "linux":  # Elsewhere, priority is a process'.
            os.setpriority(os.PRIO_PROCESS, thread, 19)
            lowered.add(thread)
        yield batch
