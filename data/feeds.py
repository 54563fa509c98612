"""What every batch goes through on its way to `fit`: labels, augmentation and weights, and a thread that reads ahead."""

import os
import sys
import threading

import keras
import numpy as np

from hornbook.data import randomness

_PREFETCH = 4  # Batches made ahead: enough to bridge a validation's hiccup, few enough not to matter in memory.


class Finish:
    """Makes what the loss takes of a batch, wherever it came from: one-hot labels, augmentation, weights.

    Args:
        num_classes: length of the one-hot labels. 1: of two classes, the second is 1 and the first 0, `(batch, 1)`. None: labels are
            numbers and stay so.
        seed: of augmentation.
        augment: function `(inputs, labels, draw) -> (inputs, labels)`, or None.
        class_weights: float array `(classes,)`, or None; of several labels `(labels, 2)`, the weights of 0 and of 1.
        weights_from: epoch from which they count; before, all weights are 1.
        example_weights: float32 array `(examples,)` by position, of mean 1, by which the class weights are multiplied, or None.
        scale: the factor that brings the mean of these products to 1.
        teacher: `training.learned.distillation.Teacher`, whose probabilities stand behind the labels, `(batch, 2 * outputs)`; or None.
        groups: int array `(examples,)` by position, the group of each, for which a column each stands behind all these; or None.
    """

    def __init__(
        self, num_classes, seed, augment, class_weights, weights_from=0, example_weights=None, scale=1.0, teacher=None, groups=None
    ):
        self.identity = None if num_classes is None else np.eye(num_classes, dtype=np.float32)
        if num_classes == 1:
            self.identity = np.array([[0], [1]], np.float32)
        self.seed, self.augment, self.class_weights, self.weights_from = seed, augment, class_weights, weights_from
        self.example_weights, self.scale, self.teacher, self.groups = example_weights, scale, teacher, groups
        self.group_identity = None if groups is None else np.eye(1 + int(groups.max()), dtype=np.float32)

    def __call__(self, inputs, labels, keys, epoch, positions=None):
        """The batch as `fit` takes it.

        Args:
            inputs, labels: of the examples, labels as integers `(batch,)` or floats `(batch, labels)`.
            keys: int array `(batch,)`, a number that is each example's own, which its random numbers depend on.
            epoch: from 0.
            positions: int array `(batch,)` into the examples, whose weights count; None of those that have none.
        """
        labels = labels.astype(np.float32) if self.identity is None else self.identity[labels]
        own = None if self.example_weights is None else self.example_weights[positions]
        shown = self.teacher is not None and self.teacher.sees_batches and self.augment is not None
        taught = None if self.teacher is None or shown else self.teacher.known[positions]
        member = None if self.groups is None else self.group_identity[self.groups[positions]]
        # What is made of two examples has the share of either weight, of what a teacher says of either, and of either group.
        beside = [one for one in (taught, member, None if own is None else own[:, None]) if one is not None]
        labels = np.concatenate([labels, *beside], axis=1) if beside else labels
        if self.augment is not None:
            inputs, labels = self.augment(inputs, labels, randomness.Draw(self.seed, epoch, keys))
        if own is not None:
            labels, own = labels[:, :-1], labels[:, -1]
        if member is not None:
            labels, member = labels[:, : -member.shape[1]], labels[:, -member.shape[1] :]
        weights = self._counted(labels if taught is None else labels[:, : labels.shape[1] // 2], own, epoch)
        if shown:
            labels = np.concatenate([labels, self.teacher.of_batch(inputs)], axis=1)
        if member is not None:
            labels = np.concatenate([labels, member], axis=1)
        return (inputs, labels) if weights is None else (inputs, labels, weights)

    def _counted(self, labels, own, epoch):
        """What each example of a batch counts, or each of its labels; None where all count the same."""
        if self.class_weights is None:
            return own
        weights, counts = self._weights(labels), epoch >= self.weights_from
        if own is None:
            return weights if counts else np.ones_like(weights)
        return own.reshape(-1, *[1] * (weights.ndim - 1)) * (weights * np.float32(self.scale) if counts else np.ones_like(weights))

    def _weights(self, labels):
        """Of each example, `(batch,)`; of several labels of each label, `(batch, labels)`; soft labels have the mean."""
        if self.class_weights.ndim == 2:
            without, having = self.class_weights.T
            return without + (having - without) * labels
        if labels.shape[1] == 1:
            first, second = self.class_weights
            return first + (second - first) * labels[:, 0]
        return labels @ self.class_weights


def feed(batches, steps=None, free_axes=(0,)):
    """The batches as `fit` takes them best: under TensorFlow a dataset that is read ahead, elsewhere themselves.

    Args:
        batches: `keras.utils.PyDataset`.
        steps, free_axes: as of `tensorflow_feed`.
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    return tensorflow_feed(lambda: (batches[number] for number in range(len(batches))), steps, free_axes)


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
