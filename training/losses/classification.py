"""Losses of classes and labels by name, and which target each is for: one that does not fit is refused with the one that does."""

import keras

from hornbook import UserError
from hornbook.training.losses.distilled import Distilled, OfLabels
from hornbook.training.losses.focal import BinaryFocal, CategoricalFocal
from hornbook.training.losses.members import OfEnsemble, OverMembers
from hornbook.training.losses.shifted import LDAM, EachLabel, LogitAdjusted

CLASSIFICATION = ("auto", "cross-entropy", "focal", "ldam", "binary", "multi-label")


def choose_classification(name, task, num_classes):
    """The loss that `name` means for a target.

    Args:
        name: one of `CLASSIFICATION`; "auto" is multi-label for several labels, else cross-entropy, which for two classes is the binary
            loss with an output more.
        task: "classification" (one class an example) or "multi-label" (any number of them).
        num_classes: how many classes or labels there are.

    Returns:
        How outputs are read: "cross-entropy", "binary" or "multi-label". A focal loss is that of the task, LDAM a cross-entropy.

    Raises:
        UserError: an unknown name, or a loss that does not fit.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training import losses

    name = losses.choose_classification("auto", "classification", num_classes=2)
    loss, accuracy = losses.classification(name)
    model = keras.Sequential([keras.layers.Dense(losses.num_outputs(name, 2))])
    model.compile("adam", loss, metrics=[accuracy])
    model.fit(numpy.random.rand(8, 4), numpy.eye(2)[[0, 1] * 4], verbose=0)
    ```
    """
    if name not in CLASSIFICATION:
        raise UserError(f"loss must be one of {', '.join(CLASSIFICATION)}, got {name!r}")
    fitting = "multi-label" if task == "multi-label" else "cross-entropy"
    if name in ("auto", "focal") or (name == "ldam" and task != "multi-label"):
        return fitting
    if task == "multi-label" and name != "multi-label":
        raise UserError(
            f"--loss {name} is for one class an example, and these have {num_classes} labels of their own; pass --loss multi-label"
        )
    if task != "multi-label" and name == "multi-label":
        raise UserError("--loss multi-label is for several labels an example, and these have one class; pass --loss cross-entropy")
    if name == "binary" and num_classes != 2:
        raise UserError(f"--loss binary is for two classes, and there are {num_classes}; pass --loss cross-entropy")
    return name


def num_outputs(name, num_classes):
    """How many logits a loss of `choose_classification` is taken on: one for "binary", that of the second class.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training import losses

    loss, accuracy = losses.classification("binary")
    model = keras.Sequential([keras.layers.Dense(losses.num_outputs("binary", 2))])
    model.compile("adam", loss, metrics=[accuracy])
    model.fit(numpy.random.rand(8, 4), numpy.array([[0.0], [1.0]] * 4), verbose=0)
    ```
    """
    return 1 if name == "binary" else num_classes


def classification(name, label_smoothing=0.0, *, focal_gamma=None, margins=None, shift=None, each_label=False, distillation=None):
    """The Keras loss and accuracy of a name that `choose_classification` returned, both on logits, also on those of an ensemble's members.

    Args:
        name: "cross-entropy", "binary" or "multi-label".
        label_smoothing: share of each label that is spread over all classes.
        focal_gamma: that of a focal loss, see `CategoricalFocal`; None for none.
        margins: those of `LDAM`, with "cross-entropy" alone; None for none.
        shift: of `LogitAdjusted`, with one class an example; None for none.
        each_label: whether sample weights are those of each label, see `EachLabel`.
        distillation: temperature and weight of `Distilled`, for labels behind which a teacher's probabilities stand; None for none.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import losses

    loss, accuracy = losses.classification("multi-label", focal_gamma=2.0)
    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("adam", loss, metrics=[accuracy])
    model.fit(numpy.random.rand(8, 4), numpy.random.randint(0, 2, (8, 3)).astype("float32"), verbose=0)
    ```
    """
    if name == "cross-entropy":
        plain, focal = keras.losses.CategoricalCrossentropy, CategoricalFocal
        accuracy = OfEnsemble(keras.metrics.CategoricalAccuracy(name="accuracy"), "softmax")
    else:
        plain, focal = keras.losses.BinaryCrossentropy, BinaryFocal
        # Keras' "accuracy" would take logits for probabilities and put the threshold at 0.5.
        accuracy = OfEnsemble(keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0), "sigmoid")
    if margins is not None:
        loss = LDAM(margins, label_smoothing=label_smoothing)
    elif focal_gamma is not None:
        loss = focal(focal_gamma, label_smoothing)
    else:
        loss = plain(from_logits=True, label_smoothing=label_smoothing)
    if shift is not None:
        loss = LogitAdjusted(loss, shift)
    loss = EachLabel(loss) if each_label else loss
    if distillation is not None:
        temperature, weight = distillation
        activation = "softmax" if name == "cross-entropy" else "sigmoid"
        loss, accuracy = Distilled(loss, temperature, weight, activation, each_label=each_label), OfLabels(accuracy)
    return OverMembers(loss), accuracy
