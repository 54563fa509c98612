"""What a teacher says of training examples, as a network learns from it (Hinton et al. 2015)."""

import functools

import keras
import numpy as np


class Teacher:
    """A trained model whose probabilities at a temperature others learn from: of examples as they are, or of batches as they are fed.

    A teacher that is shown the same cut, mirrored or mixed example as its student teaches better than one that has seen another picture of
    it (Beyer et al. 2022, "A good teacher is patient and consistent"). Where nothing changes the examples, or the student is fed something
    else than the teacher takes, its probabilities are computed once.

    Args:
        model: `keras.Model` to logits `(batch, outputs)`.
        known: function to its logits of all training examples, `(examples, outputs)`, which is called once, when they are needed.
        temperature: by which logits are divided.
        activation: "softmax" or "sigmoid".
        as_student: function from its logits to those of the student's outputs: other places of the classes, two logits of one.
        sees_batches: whether it takes what the student is fed.

    Example:
    ```python
    import keras
    from hornbook import data, models
    from hornbook.training import losses
    from hornbook.training.learned import distillation

    digits = data.images.load("digits").train
    large, small = models.cnn((8, 8, 1), 10), models.mlp((8, 8, 1), 10, width=16)  # Train the large one first.
    teacher = distillation.Teacher(large, lambda: data.predictions(large, digits), temperature=4.0)
    loss, accuracy = losses.classification("cross-entropy", distillation=(4.0, 0.9))
    small.compile("adam", loss, metrics=[accuracy])
    batches = data.training_batches(digits, batch_size=64, num_classes=10, epochs=1, teacher=teacher)
    small.fit(batches, steps_per_epoch=2, epochs=1, shuffle=False, verbose=0)
    ```
    """

    def __init__(self, model, known, *, temperature, activation="softmax", as_student=lambda logits: logits, sees_batches=True):
        self.model, self.temperature, self.activation = model, temperature, activation
        self.as_student, self.sees_batches = as_student, sees_batches
        self._logits = known

    @functools.cached_property
    def known(self):
        """Its probabilities of all training examples, float32 `(examples, outputs)`."""
        return self._softened(self._logits())

    def of_batch(self, inputs):
        """Its probabilities of a batch of inputs, float32 `(batch, outputs)`."""
        return self._softened(keras.ops.convert_to_numpy(self.model.predict_on_batch(inputs)))

    def _softened(self, logits):
        return probabilities(self.as_student(logits) / self.temperature, self.activation)


def probabilities(logits, activation):
    """Those of logits `(examples, outputs)`, float32.

    Args:
        logits: array.
        activation: "softmax" over the outputs, or "sigmoid" of each.

    Example:
    ```python
    from hornbook.training.learned.distillation import probabilities

    assert probabilities([[0.0, 0.0]], "softmax").tolist() == [[0.5, 0.5]]
    ```
    """
    logits = np.asarray(logits, np.float64)
    if activation == "sigmoid":
        return (0.5 * (1 + np.tanh(logits / 2))).astype(np.float32)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)


def translation(outputs, wanted, places):
    """A function from a teacher's logits to those that a student has in their place.

    Args:
        outputs: how many a teacher has; 1 for the logit of the second of two classes.
        wanted: how many the student has, as many or 1 or 2.
        places: int array `(classes,)`: where among the teacher's classes each of the student's stands.

    Example:
    ```python
    import numpy
    from hornbook.training.learned.distillation import translation

    assert translation(1, 2, [0, 1])(numpy.array([[3.0]])).tolist() == [[0.0, 3.0]]
    assert translation(2, 1, [1, 0])(numpy.array([[3.0, 1.0]])).tolist() == [[2.0]]
    ```
    """
    places = np.asarray(places)

    def translated(logits):
        logits = np.asarray(logits, np.float64)
        if outputs == 1:
            logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        logits = logits[:, places]
        return logits[:, 1:] - logits[:, :1] if wanted == 1 else logits

    return translated
