"""What an attack makes large: how far a network's outputs are from an example's label."""

import keras


def margin(outputs, labels):
    """How far outputs are on the wrong side: the logarithm of the other classes' probability over the true class's.

    Its gradient has the direction of the cross-entropy's, which is a rising function of it, and does not vanish where the network is sure:
    there the cross-entropy's is 0 in float32, and an attack that follows it fails although the network is not robust.

    Args:
        outputs: logits `(batch, classes)`; or of the second of two classes, `(batch, 1)`; or logarithms of probabilities.
        labels: one-hot `(batch, classes)`, or `(batch, 1)` of 0 and 1.

    Returns:
        A float32 tensor `(batch,)`; above 0 where the true class has less than half of the probability.

    Example:
    ```python
    import numpy
    from hornbook.training.adversarial import objectives

    assert float(objectives.margin(numpy.array([[3.0, 1.0]]), numpy.array([[1.0, 0.0]]))[0]) == -2
    ```
    """
    ops = keras.ops
    outputs, labels = ops.cast(outputs, "float32"), ops.cast(labels, "float32")
    if outputs.shape[-1] == 1:
        return ops.squeeze(outputs * (1 - 2 * labels), axis=-1)
    own = ops.sum(outputs * labels, axis=-1)
    # 0 * -inf would be no number.
    others = ops.where(labels > 0.5, ops.full_like(outputs, -1e30), outputs)
    return ops.logsumexp(others, axis=-1) - own


def cross_entropy(outputs, labels, *, several=False):
    """The cross-entropy of each example, of labels that may be mixed.

    Args:
        outputs: logits `(batch, classes)` or `(batch, 1)`, or of an ensemble's members in training `(batch, members, outputs)`.
        labels: shares of the classes `(batch, classes)` or `(batch, 1)`.
        several: whether each output is a label of its own.

    Returns:
        A float32 tensor `(batch,)`, or `(batch, members)`.

    Example:
    ```python
    import numpy
    from hornbook.training.adversarial import objectives

    found = objectives.cross_entropy(numpy.zeros((1, 4)), numpy.full((1, 4), 0.25))
    assert numpy.allclose(found, numpy.log(4))
    ```
    """
    ops = keras.ops
    outputs, labels = ops.cast(outputs, "float32"), ops.cast(labels, "float32")
    if len(outputs.shape) == 3:
        labels = ops.expand_dims(labels, 1)
    if several or outputs.shape[-1] == 1:
        return ops.sum(ops.softplus(outputs) - labels * outputs, axis=-1)
    return -ops.sum(labels * ops.log_softmax(outputs), axis=-1)


def divergence(first, second, *, several=False):
    """The Kullback-Leibler divergence of what two outputs say, from the first to the second: of each example.

    Args:
        first, second: logits like the outputs of `cross_entropy`.
        several: as of `cross_entropy`.

    Returns:
        A float32 tensor as of `cross_entropy`, 0 or more.

    Example:
    ```python
    import numpy
    from hornbook.training.adversarial import objectives

    logits = numpy.log([[0.9, 0.1]]), numpy.log([[0.5, 0.5]])
    assert numpy.allclose(objectives.divergence(*logits), 0.9 * numpy.log(1.8) + 0.1 * numpy.log(0.2))
    ```
    """
    ops = keras.ops
    first, second = ops.cast(first, "float32"), ops.cast(second, "float32")
    if several or first.shape[-1] == 1:
        shares = ops.sigmoid(first)
        yes = ops.log_sigmoid(first) - ops.log_sigmoid(second)
        no = ops.log_sigmoid(-first) - ops.log_sigmoid(-second)
        return ops.sum(shares * yes + (1 - shares) * no, axis=-1)
    return ops.sum(ops.softmax(first) * (ops.log_softmax(first) - ops.log_softmax(second)), axis=-1)
