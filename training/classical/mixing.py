"""A network and a classical model as one: the weighted mean of what they predict (Mesnil et al. 2014)."""

import functools
import math
import operator

import keras


def mixed(network, classical, share, *, activation="softmax", seen=None):
    """A model of the same inputs whose probabilities, or numbers, are the weighted mean of a network's and a classical model's.

    It is made of Keras' own layers and operations, so what loads the network loads it.

    Args:
        network: functional `keras.Model` of one input and one output `(batch, outputs)`.
        classical: has `outputs(inputs)`, which gives a tensor like the network's output: `boosting.GradientBoosting`,
            `convolution_ridge.ConvolutionRidge` or `naive_bayes.NaiveBayes`.
        share: of the classical model, in (0, 1).
        activation: what makes probabilities of outputs: "softmax", "sigmoid", or "linear" where outputs are numbers.
        seen: function from the inputs to what the network is given of them; None: all.

    Returns:
        `keras.Model` to outputs like the network's: with softmax the logarithms of the probabilities, with sigmoid logits.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.classical.boosting import GradientBoosting
    from hornbook.training.classical.mixing import mixed

    rows, labels = numpy.random.rand(64, 3).astype("float32"), numpy.arange(64) % 2
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    print(mixed(network, GradientBoosting(rows, labels, "classification", 2), 0.5)(rows))
    ```
    """
    [received], [output] = network.inputs, network.outputs
    name, network = network.name, keras.Model(received, output, name=inside(network.name))  # No optimizer of ours is saved in it.
    inputs = keras.Input(received.shape[1:] if seen is None else (None,), dtype=received.dtype, name=received.name)
    own, other = network(inputs if seen is None else seen(inputs)), classical.outputs(inputs)
    return keras.Model(inputs, weighted_mean([own, other], [1 - share, share], activation), name=name)


def inside(name):
    """What a network is called within a mixture, which has its name.

    Example:
    ```python
    from hornbook.training.classical.mixing import inside

    assert inside("lstm") == "lstm_network"
    ```
    """
    return f"{name}_network"


class Pair:
    """Two classical models as one: the mean of what they predict.

    Args:
        first, second: each has `outputs(inputs)`, as `mixed` asks for.
        activation: as of `mixed`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.classical.boosting import GradientBoosting
    from hornbook.training.classical.linear import Linear
    from hornbook.training.classical.mixing import Pair

    rows, labels = numpy.random.rand(64, 3).astype("float32"), numpy.arange(64) % 2
    about = (rows, labels, "classification", 2)
    inputs = keras.Input((3,))
    both = Pair(GradientBoosting(*about), Linear(*about, numbers=3), "softmax")
    print(keras.Model(inputs, both.outputs(inputs))(rows[:4]))
    ```
    """

    def __init__(self, first, second, activation):
        self.first, self.second, self.activation = first, second, activation

    def outputs(self, inputs):
        """A tensor `(batch, outputs)`, of a Keras tensor."""
        return weighted_mean([self.first.outputs(inputs), self.second.outputs(inputs)], [0.5, 0.5], self.activation)


def weighted_mean(outputs, shares, activation):
    """The mean of several models' outputs, as probabilities or numbers.

    Args:
        outputs: list of tensors or arrays `(batch, outputs)`.
        shares: list of positive numbers that add up to 1, one for each.
        activation: as of `mixed`.

    Returns:
        A tensor in the form of the outputs, as `mixed` gives it.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.classical.mixing import weighted_mean

    halfway = weighted_mean(numpy.log([[[0.9, 0.1]], [[0.5, 0.5]]]), [0.5, 0.5], "softmax")
    assert numpy.allclose(keras.ops.convert_to_numpy(keras.ops.exp(halfway)), [[0.7, 0.3]])
    ```
    """
    ops = keras.ops
    outputs = [ops.cast(one, "float32") for one in outputs]
    if activation == "linear":
        return functools.reduce(operator.add, [one * share for one, share in zip(outputs, shares, strict=True)])

    def mean(logarithms):
        return functools.reduce(ops.logaddexp, [one + math.log(share) for one, share in zip(logarithms, shares, strict=True)])

    if activation == "softmax":
        return mean([ops.log_softmax(one) for one in outputs])
    return mean([ops.log_sigmoid(one) for one in outputs]) - mean([ops.log_sigmoid(-one) for one in outputs])
