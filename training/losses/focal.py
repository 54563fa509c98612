"""The focal loss, which counts examples for less that a network is sure of: of classes one-hot or as numbers, and of labels.

FL = -(1 - p)^gamma log p, for p the probability of what is true (Lin et al. 2017, equation 4); of soft labels its mean over the label.
It is computed from logits by their logarithms: Keras' own losses clip probabilities at 1e-7, beyond which an example that is badly wrong
has no gradient at all.
"""

import keras

_LEAST = 1e-7  # Of 1 - p: below, its powers have a gradient that is no number.


@keras.saving.register_keras_serializable(package="hornbook")
class CategoricalFocal(keras.losses.Loss):
    """The focal loss of classes on logits, for labels one-hot or soft; with gamma 0 the cross-entropy.

    `y_true` and `y_pred` are `(batch, ..., classes)`, the loss `(batch, ...)`.

    Args:
        gamma: how much examples that are right count for less; 0 not at all. 2 is what the paper found best.
        label_smoothing: share of each label that is spread over all classes.
        **options: as for `keras.losses.Loss`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import losses

    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("adam", losses.CategoricalFocal(gamma=2.0))
    model.fit(numpy.random.rand(8, 4), numpy.eye(3)[[0, 1, 2, 0] * 2], verbose=0)
    ```
    """

    def __init__(self, gamma=2.0, label_smoothing=0.0, name="categorical_focal_crossentropy", **options):
        super().__init__(name=name, **options)
        self.gamma, self.label_smoothing = float(gamma), float(label_smoothing)

    def call(self, y_true, y_pred):
        y_true = keras.ops.cast(y_true, y_pred.dtype)
        if self.label_smoothing:
            y_true = y_true * (1 - self.label_smoothing) + self.label_smoothing / y_pred.shape[-1]
        return keras.ops.sum(y_true * focal(keras.ops.log_softmax(y_pred), self.gamma), axis=-1)

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma, "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable(package="hornbook")
class BinaryFocal(CategoricalFocal):
    """The focal loss of labels of 0 and 1 on logits, the mean over an example's labels; with gamma 0 the binary cross-entropy.

    `y_true` and `y_pred` are `(batch, labels)`, of two classes `(batch, 1)`.

    Args:
        gamma, **options: as of `CategoricalFocal`.
        label_smoothing: share of each label that becomes one half.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import losses

    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("adam", losses.BinaryFocal(gamma=2.0))
    model.fit(numpy.random.rand(8, 4), numpy.random.randint(0, 2, (8, 3)), verbose=0)
    ```
    """

    def __init__(self, gamma=2.0, label_smoothing=0.0, name="binary_focal_crossentropy", **options):
        super().__init__(gamma, label_smoothing, name=name, **options)

    def call(self, y_true, y_pred):
        y_true = keras.ops.cast(y_true, y_pred.dtype)
        if self.label_smoothing:
            y_true = y_true * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        positive, negative = (focal(keras.ops.log_sigmoid(sign * y_pred), self.gamma) for sign in (1, -1))
        return keras.ops.mean(y_true * positive + (1 - y_true) * negative, axis=-1)


@keras.saving.register_keras_serializable(package="hornbook")
class SparseCategoricalFocalCrossentropy(keras.losses.Loss):
    """The focal loss of classes for labels that are numbers of classes; Keras has it for one-hot labels alone.

    `y_true` is `(batch, ...)` or `(batch, ..., 1)`, `y_pred` `(batch, ..., classes)`. Its arguments, their defaults and its values are
    those of `keras.losses.CategoricalFocalCrossentropy` on one-hot labels, save where Keras clips probabilities.

    Args:
        alpha: a factor on the loss, one for all classes or a sequence of one a class. One for all acts like another learning rate, and 1
            leaves the learning rate its meaning; Keras' default is 0.25.
        gamma: as of `CategoricalFocal`.
        from_logits: whether `y_pred` are logits; else probabilities.
        label_smoothing: share of each label that is spread over all classes.
        axis: of the classes; the last alone.
        **options: as for `keras.losses.Loss`.

    Raises:
        ValueError: another axis.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import SparseCategoricalFocalCrossentropy

    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("adam", SparseCategoricalFocalCrossentropy(alpha=1.0, from_logits=True))
    model.fit(numpy.random.rand(8, 4), numpy.array([0, 1, 2, 0] * 2), verbose=0)
    ```
    """

    def __init__(
        self,
        alpha=0.25,
        gamma=2.0,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        name="sparse_categorical_focal_crossentropy",
        **options,
    ):
        super().__init__(name=name, **options)
        if axis != -1:
            raise ValueError(f"axis must be -1, got {axis}; move the classes to the last axis")
        self.alpha = alpha if isinstance(alpha, int | float) else [float(one) for one in alpha]
        self.gamma, self.from_logits, self.label_smoothing = float(gamma), bool(from_logits), float(label_smoothing)

    def call(self, y_true, y_pred):
        classes = y_pred.shape[-1]
        if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
            y_true = keras.ops.squeeze(y_true, axis=-1)
        one_hot = keras.ops.one_hot(keras.ops.cast(y_true, "int32"), classes, dtype=y_pred.dtype)
        if self.label_smoothing:
            one_hot = one_hot * (1 - self.label_smoothing) + self.label_smoothing / classes
        alpha = keras.ops.convert_to_tensor(self.alpha, dtype=y_pred.dtype)
        if self.from_logits:
            logarithms = keras.ops.log_softmax(y_pred)
        else:
            shares = y_pred / keras.ops.sum(y_pred, axis=-1, keepdims=True)
            logarithms = keras.ops.log(keras.ops.maximum(shares, keras.config.epsilon()))
        return keras.ops.sum(one_hot * alpha * focal(logarithms, self.gamma), axis=-1)

    def get_config(self):
        own = {name: getattr(self, name) for name in ("alpha", "gamma", "from_logits", "label_smoothing")}
        return {**super().get_config(), **own}


def focal(logarithms, gamma):
    """-(1 - p)^gamma log p of the logarithms of probabilities, a tensor of their shape.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.losses.focal import focal

    half = keras.ops.convert_to_numpy(focal(keras.ops.log(numpy.array([0.5])), 2.0))
    assert abs(half[0] - 0.25 * numpy.log(2)) < 1e-6
    ```
    """
    if not gamma:
        return -logarithms
    return -logarithms * keras.ops.power(keras.ops.maximum(-keras.ops.expm1(logarithms), _LEAST), gamma)
