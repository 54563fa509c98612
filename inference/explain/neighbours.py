"""The training examples that a network takes for most alike: nearest in what its last layer sees."""

import keras
import numpy as np

from hornbook.data import bucketed_batches
from hornbook.data.dataset import plain_inputs
from hornbook.inference.explain import layers

_AT_A_TIME = 256
_MOST = 5000  # Training examples that are looked at; of more, so many drawn at random.
_BYTES = 2**28  # That they may take in memory.


def hidden(model, layer, x):
    """What a layer of a model is given for inputs, float32 array `(batch, features)`.

    Args:
        model: `keras.Model`.
        layer: as of `layers.head`.
        x: array `(batch, ...)`.
    """

    def run(some):
        found, original = [], layer.call

        def call(inputs, *args, **kwargs):
            found.append(keras.ops.cast(keras.ops.stop_gradient(inputs), "float32"))
            return original(inputs, *args, **kwargs)

        layer.call = call
        try:
            model(some, training=False)
        finally:
            del layer.call
        return found[0]

    if keras.backend.backend() == "tensorflow":  # Uncompiled, a recurrent network would run a step at a time.
        import tensorflow as tf

        run = tf.function(run, reduce_retracing=True)
    starts = range(0, len(x), _AT_A_TIME)
    return np.concatenate([keras.ops.convert_to_numpy(run(keras.ops.convert_to_tensor(x[start : start + _AT_A_TIME]))) for start in starts])


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


def of_run(model, trained, medium, x, count=5, seed=0):
    """The training examples of a run that are nearest to inputs.

    Args:
        model: the run's.
        trained, medium: as of `inference.finished_run.open_run`.
        x: array `(batch, ...)`, as the model takes it.
        count: how many are named.
        seed: of the draw among more than 5,000.

    Returns:
        For each input a list of dicts, the nearest first: `index` and `source` as in the run's split.csv, `label`, `distance`; and
        `input`, as the model takes it.

    Raises:
        UserError: the run's data cannot be read, or the model has no dense layer at its end.
    """
    part, _ = medium.scored(trained.config["dataset"], "train", trained, True)
    most = max(count, min(_MOST, _BYTES // max(1, x[0].nbytes)))
    places = np.sort(np.random.default_rng(seed).permutation(len(part))[:most])
    if hasattr(part, "lengths"):
        examples = bucketed_batches.padded(part, places, trained.about["input_shape"][0])
    else:
        examples = plain_inputs(part, places)
    found, distances = nearest(model, x, examples, count)

    def written(one, distance):
        labels = np.atleast_1d(part.labels[places[one]])
        chosen = np.flatnonzero(labels) if part.labels.ndim == 2 else labels
        names = ", ".join(trained.about["class_names"][label] for label in chosen)
        where = (
            {"index": int(part.indices[places[one]]), "source": part.source}
            if hasattr(part, "source")
            else {"index": int(part.indices[places[one]])}
        )
        return {**where, "label": names, "distance": float(distance), "input": examples[one]}

    return [[written(*pair) for pair in zip(*rows, strict=True)] for rows in zip(found, distances, strict=True)]
