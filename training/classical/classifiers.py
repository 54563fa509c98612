"""Which classifiers of scikit-learn make the outputs of a network: several labels, absent classes, and two classes in one logit."""

import numpy as np

_LEAST = -15.0  # The logit of a class that training does not have.


def classifiers(labels, task, biases):
    """The classifiers to fit for a network's outputs.

    Outputs are what a network has: a logit of each class, or of each label. Of two classes, a linear model and gradient boosting of
    scikit-learn give the logit of the second alone, so that of the first is 0. A class without an example has a logit near minus
    infinity, and where there is a single class there is nothing to fit. A label that all rows have, or none, is a constant too.

    Args:
        labels: int array `(rows,)` of classes, or `(rows, labels)` of 0 and 1.
        task: "classification" or "multi-label".
        biases: float array `(outputs,)` of zeros; those of outputs that no classifier gives are set. One output of a classification is
            the logit of the second class.

    Yields:
        A list of outputs, by their places, and the labels `(rows,)` of the classifier that gives them: classes, or 0 and 1. The logits
        that it gives, as scikit-learn orders them, are those of the outputs in the list. They come one after another, so that one may be
        fitted, and taken apart, before the next is asked for.

    Example:
    ```python
    import numpy
    from hornbook.training.classical.classifiers import classifiers

    labels, biases = numpy.array([0, 2, 0, 2]), numpy.zeros(3)
    [(places, fitted)] = classifiers(labels, "classification", biases)
    assert places == [2]
    assert fitted is labels
    assert biases.tolist() == [0, -15, -15]
    ```
    """
    if task == "multi-label" or len(biases) == 1:
        for place, label in enumerate(labels.reshape(len(labels), -1).T):
            if label.min() == label.max():
                biases[place] = _LEAST if label[0] == 0 else -_LEAST
            else:
                yield [place], label
        return
    classes = np.unique(labels)
    biases[:] = _LEAST
    if len(classes) <= 2:
        biases[classes[0]] = 0
    if len(classes) > 1:
        yield (classes[1:] if len(classes) == 2 else classes).tolist(), labels
