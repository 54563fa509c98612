"""Attacks on a model, arrays in and out: FGSM and PGD by its gradient, Square and swaps of words by its answers alone."""

import numpy as np

from hornbook.training.adversarial import gradient_attacks, objectives, within, words
from hornbook.training.adversarial.box import Box
from hornbook.training.adversarial.square import square

_BATCH = 256


class Attacker:
    """A classifier under attack. What is compiled for one attack serves the next.

    Args:
        model: `keras.Model` of one input, floats or of texts token ids, to logits or logarithms of probabilities `(batch, classes)`, or of
            two classes the logit of the second, `(batch, 1)`. It is run as in inference.
        threshold: of two classes, the probability above which the second is predicted; None: the more probable one is.
        batch_size: examples at a time.
        seed: of random starts and of Square's guesses, which are each example's own.
        complete: function of inputs to what the model takes, where that is not themselves, for attacks without a gradient.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.adversarial.attacks import Attacker
    from hornbook.training.adversarial.box import Box

    x, labels = numpy.random.default_rng(0).uniform(size=(64, 8)).astype("float32"), numpy.arange(64) % 3
    attacker = Attacker(keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)]))
    changed = attacker.pgd(x, labels, Box(numpy.float32(0.1), 0.0, 1.0), steps=10, restarts=2)
    print("accuracy", numpy.mean(attacker.is_right(x, labels)), "and under attack", numpy.mean(attacker.is_right(changed, labels)))
    ```
    """

    def __init__(self, model, *, threshold=None, batch_size=_BATCH, seed=0, complete=None):
        self.model, self.batch_size, self.seed, self._complete = model, batch_size, seed, complete
        self._classes = model.output_shape[-1]
        # The difference of logits that the second of two classes needs.
        self._needed = 0.0 if threshold is None else float(np.log(threshold) - np.log1p(-threshold))
        self._forward = within.compiled(model, lambda x: model(x, training=False))
        self._moves = {}

    def outputs(self, x):
        """The model's outputs, float32 array `(examples, outputs)`."""
        return self._in_batches(self._forward, x if self._complete is None else self._complete(x))

    def predicted(self, x):
        """The class that is predicted for each, int array `(examples,)`; -1 where the outputs are no numbers."""
        return self.decided(self.outputs(x))

    def decided(self, outputs):
        """The classes that outputs say, as `predicted`."""
        if self._classes == 1:
            found = (outputs[:, 0] > self._needed).astype(np.int64)
        elif self._classes == 2 and self._needed:
            found = (outputs[:, 1] - outputs[:, 0] > self._needed).astype(np.int64)
        else:
            found = outputs.argmax(axis=-1)
        return np.where(np.isnan(outputs).any(axis=-1), -1, found)

    def is_right(self, x, labels):
        """Whether each is classified as it is labelled, a bool array `(examples,)`."""
        return self.predicted(x) == labels

    def fgsm(self, x, labels, box):
        """The inputs moved by one step along the sign of the gradient (Goodfellow et al. 2015, section 4).

        Args:
            x: float array `(examples, ...)`.
            labels: int array `(examples,)`.
            box: `box.Box`.

        Returns:
            float32 array like x.
        """
        return self._ascended(x, x, labels, box, 1, 1.0)

    def pgd(self, x, labels, box, *, steps=40, restarts=1, share=None):
        """The inputs moved by many steps from random places in the box (Madry et al. 2018), until they are misclassified.

        Args:
            x, labels, box: as of `fgsm`.
            steps: of each start. 40 is what Madry et al. judge networks of MNIST by.
            restarts: random places to begin at; what is misclassified is not begun again.
            share: size of a step, see `gradient_attacks.step_share`.

        Returns:
            float32 array like x: those that are misclassified, of the others the last.
        """
        x = np.asarray(x, np.float32)
        found, left = x.copy(), np.arange(len(x))
        for restart in range(restarts):
            draw = np.random.default_rng([self.seed, restart])
            offsets = draw.uniform(-1, 1, x.shape).astype(np.float32)[left]  # Of all, so that none depends on which are left.
            some, room = x[left], _of_some(box, x, left)
            start = room.clipped(some + offsets * room.radius, some)
            found[left] = self._ascended(some, start, labels[left], room, steps, share)
            left = left[self.is_right(found[left], labels[left])]
            if not len(left):
                break
        return found

    def square(self, x, labels, box, *, queries=1000, area=0.8):
        """The inputs as `square.square` changes them, by the model's outputs alone.

        Args:
            x, labels, box, queries, area: as of `square.square`.

        Returns:
            float32 array like x.
        """
        answers = self._answers(labels)
        return square(answers, np.asarray(x, np.float32), box, queries=queries, area=area, seed=self.seed)

    def words(self, x, labels, neighbours, most):
        """The texts as `words.swapped` changes them.

        Args:
            x: int array of token ids `(texts, tokens)`.
            labels: int array `(texts,)`.
            neighbours, most: as of `words.swapped`.

        Returns:
            int array like x.
        """
        return words.swapped(self._answers(labels), np.asarray(x, np.int32), neighbours, most)

    def _answers(self, labels):
        """What attacks without a gradient ask: the margins of changed inputs, and whether they are misclassified."""
        one_hot = self._one_hot(labels)

        def answers(some, places):
            outputs = self.outputs(some)
            return _margin(outputs, one_hot[places]), self.decided(outputs) != labels[places]

        return answers

    def gradients(self, x, labels):
        """The gradient of `objectives.margin`, float32 array like x."""
        if "gradients" not in self._moves:

            def gradient(x, labels):
                return within.of_tensor(lambda at: self._objective(at, labels), x)

            self._moves["gradients"] = within.compiled(self.model, gradient)
        return self._in_batches(self._moves["gradients"], x, self._one_hot(labels))

    def _objective(self, x, labels):
        import keras

        return keras.ops.sum(objectives.margin(self.model(x, training=False), labels))

    def _ascended(self, x, start, labels, box, steps, share):
        key = (steps, share, box.low, box.high)
        if key not in self._moves:

            def ascended(x, start, labels, radius):
                room = Box(radius, box.low, box.high)
                return gradient_attacks.ascended(lambda at: self._objective(at, labels), x, start, room, steps=steps, share=share)

            self._moves[key] = within.compiled(self.model, ascended)
        radius = np.broadcast_to(np.asarray(box.radius, np.float32), x.shape)
        return self._in_batches(self._moves[key], x, start, self._one_hot(labels), radius)

    def _one_hot(self, labels):
        if self._classes == 1:
            return np.asarray(labels, np.float32)[:, None]
        return np.eye(self._classes, dtype=np.float32)[labels]

    def _in_batches(self, function, *arrays):
        """What a compiled function gives for arrays `(examples, ...)`, in batches of few different sizes: each is compiled anew."""
        import keras

        found = []
        for first in range(0, len(arrays[0]), self.batch_size):
            some = [array[first : first + self.batch_size] for array in map(np.asarray, arrays)]
            some = [one if one.dtype.kind == "i" else one.astype(np.float32) for one in some]
            count = len(some[0])
            size = min(self.batch_size, 1 << (count - 1).bit_length())
            filled = np.minimum(np.arange(size), count - 1)  # The last once more.
            found.append(np.array(keras.ops.convert_to_numpy(function(*(one[filled] for one in some))), np.float32)[:count])
        return np.concatenate(found)


def _of_some(box, x, places):
    """The box of some of the inputs."""
    return Box(np.broadcast_to(np.asarray(box.radius, np.float32), x.shape)[places], box.low, box.high)


def _margin(outputs, labels):
    """`objectives.margin` of arrays."""
    outputs = outputs.astype(np.float64)
    if outputs.shape[-1] == 1:
        return (outputs * (1 - 2 * labels))[:, 0]
    others = np.where(labels > 0.5, -np.inf, outputs)
    largest = others.max(axis=-1)
    return largest + np.log(np.exp(others - largest[:, None]).sum(axis=-1)) - (outputs * labels).sum(axis=-1)
