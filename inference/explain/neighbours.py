"""The training examples that a network takes for most alike: nearest in what its last layer sees."""

import keras
import numpy as np

from hornbook.inference.explain import layers

_AT_A_TIME = 256
_MOST = 5000  # Training examples that are looked at; of more, so many drawn at random.


def hidden(model, layer, x):
    """What a layer of a model is given for inputs, float32 array `(batch, features)`.

    Args:
        model: `keras.Model`.
        layer: as of `layers.head`.
        x: array `(batch, ...)`.
    """
    found, original = [], layer.call

    def call(inputs, *args, **kwargs):
        found.append(keras.ops.convert_to_numpy(keras.ops.cast(keras.ops.stop_gradient(inputs), "float32")))
        return original(inputs, *args, **kwargs)

    layer.call = call
    try:
        for start in range(0, len(x), _AT_A_TIME):
            model(keras.ops.convert_to_tensor(x[start : start + _AT_A_TIME]), training=False)
    finally:
        del layer.call
    return np.concatenate(found)


def nearest(model, x, examples, count=5):
    """The nearest of some examples to each input, in what the model's last dense layer is given.

    Distances are Euclidean, each feature divided by its standard deviation over the examples.

    Args:
        model: `keras.Model`.
        x: array `(batch, ...)`, as the model takes it.
        examples: array of inputs like it, `(examples, ...)`.
        count: how many are named.

    Returns:
        int array `(batch, count)`, places in `examples`, the nearest first, and their distances, float array `(batch, count)`.

    Raises:
        UserError: the model has no dense layer at its end.

    Example:
    ```python
    import keras, numpy
    from hornbook.inference.explain.neighbours import nearest

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(2)])
    rows = numpy.random.rand(20, 3)
    places, distances = nearest(model, rows[:2], rows, count=3)
    assert places[0, 0] == 0 and distances[0, 0] == 0
    ```
    """
    layer = layers.head(model, x)
    own, others = hidden(model, layer, np.asarray(x)), hidden(model, layer, np.asarray(examples))
    scale = others.std(axis=0)
    scale[scale == 0] = 1
    distances = np.stack([np.linalg.norm((one - others) / scale, axis=1) for one in own])
    places = np.argsort(distances, axis=1, kind="stable")[:, :count]
    return places, np.take_along_axis(distances, places, axis=1)


def training_sample(trained, medium, count=_MOST, seed=0):
    """Training examples of a run: a part of a dataset of at most `count`, drawn at random, and their places in the training part.

    Args:
        trained, medium: as of `inference.finished_run.open_run`.
        count: how many at most.
        seed: of the draw.

    Raises:
        UserError: the run's data cannot be read, or are no longer what it was trained on.
    """
    part, _ = medium.scored(trained.config["dataset"], "train", trained, True)
    return part, np.sort(np.random.default_rng(seed).permutation(len(part))[:count])
