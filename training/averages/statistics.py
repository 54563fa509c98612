"""Statistics of batch normalization for weights that no batch has seen, such as averages: Keras has nothing that computes them anew."""

import keras
import numpy as np

from hornbook.models import BlockStack

_NAMES = ("moving_mean", "moving_variance")
_OF_KERNELS = "right_vector"  # Of spectral normalization, which follows its kernel while a network trains.


def renew_statistics(model, batches, steps):
    """Compute the moving statistics of batch normalization anew: the mean over batches of each batch's mean and variance.

    As in Izmailov et al. (2018, section 3.2), the network runs as in training, dropout included, and changes no trainable weight. The
    batches weigh alike, whatever the layers' momentum; Keras' layers, those of `hornbook.models` and the blocks of a `BlockStack` are known
    by their `moving_mean`, `moving_variance` and `momentum`. Layers that are frozen keep theirs. A step of a recurrent layer that no batch
    reaches keeps its own. The vector by which spectral normalization knows its kernel follows it.

    Args:
        model: `keras.Model`, built.
        batches: what `predict` takes, of inputs alone or with labels, such as a `keras.utils.PyDataset`.
        steps: how many of them.

    Returns:
        Whether there was anything to compute; without it no batch is taken.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.averages.statistics import renew_statistics

    inputs = numpy.random.default_rng(0).normal(3, 2, (64, 5)).astype("float32")
    model = keras.Sequential([keras.Input((5,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)])
    renew_statistics(model, inputs, steps=2)  # Two batches of 32, as `predict` makes them.
    assert numpy.allclose(model.layers[0].get_weights()[2], inputs.mean(axis=0), atol=1e-5)
    ```
    """
    kept = _kept(model)
    if not kept and not any(variable.name == _OF_KERNELS for variable in model.non_trainable_variables):
        return False
    before = [keras.ops.convert_to_numpy(variable).astype("float64") for variable, _ in kept]
    reading = _Reading(model, [variable for variable, _ in kept])
    reading.compile(jit_compile=keras.backend.backend() == "jax")
    found = np.asarray(reading.predict(batches, steps=steps, verbose=0), "float64")[:, 1:]
    ends = np.cumsum([old.size for old in before])
    for (variable, momentum), old, rows in zip(kept, before, np.split(found, ends[:-1], axis=1) if kept else (), strict=True):
        rows = rows.reshape(-1, *old.shape) / (1 - momentum)
        if rows.ndim > 2:
            # A recurrent layer's step that too few examples reach leaves its statistics as they were, here 0, all of them at once.
            reached = (rows != 0).any(axis=-1, keepdims=True)
            rows = np.where(reached.any(axis=0), rows.sum(axis=0) / np.maximum(1, reached.sum(axis=0)), old)
        else:
            rows = rows.mean(axis=0)
        variable.assign(rows.astype("float32"))
    return True


def _kept(model):
    """The moving statistics of a model, as (variable, momentum)."""
    found = {}
    for layer in model._flatten_layers():
        if isinstance(layer, BlockStack):
            inner = [one for one in layer.block.layers if _learns(one) and layer.trainable]
            found |= {id(own): (own, one.momentum) for one in inner for own in layer.variables_of(one) if own.name in _NAMES}
        elif _learns(layer):
            found |= {id(own): (own, layer.momentum) for own in (layer.moving_mean, layer.moving_variance)}
    return list(found.values())


def _learns(layer):
    return all(hasattr(layer, name) for name in (*_NAMES, "momentum")) and layer.trainable and layer.momentum < 1


class _Reading(keras.Model):
    """From a batch to what it adds to statistics that are 0: `(1, 1 + numbers)`; `predict` then compiles it on every backend."""

    def __init__(self, network, variables):
        super().__init__(dtype="float32", name="reading")
        self.network = network
        self._statistics = variables

    def call(self, inputs, training=None):
        for variable in self._statistics:
            variable.assign(keras.ops.zeros(variable.shape, variable.dtype))
        self.network(inputs, training=True)
        added = [keras.ops.reshape(keras.ops.cast(variable, "float32"), (1, -1)) for variable in self._statistics]
        return keras.ops.concatenate([keras.ops.zeros((1, 1)), *added], axis=1)
