"""Numbers to predict, standardized for training and put back in the saved model."""

import dataclasses

import keras
import numpy as np


class TargetScaling:
    """Mean and standard deviation of the training targets.

    A network's first outputs are near 0 and its loss is made for errors near 1: house prices in their own units take it thousands of steps
    to reach, or tear it apart.

    Args:
        targets: float array `(examples, targets)` of the training rows, none of them constant.

    Attributes:
        mean, deviation: float64 arrays `(targets,)`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.target_scaling import TargetScaling

    rows, prices = numpy.random.rand(64, 3), numpy.random.rand(64, 1) * 1e5
    scaling = TargetScaling(prices)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(rows, (prices - scaling.mean) / scaling.deviation, verbose=0)
    print(scaling.in_units(model).predict(rows, verbose=0)[:3])
    ```
    """

    def __init__(self, targets):
        self.mean, self.deviation = targets.mean(axis=0), targets.std(axis=0)

    def scaled(self, examples):
        """The examples (`dataset.Examples`) with standardized labels."""
        return dataclasses.replace(examples, labels=(examples.labels - self.mean) / self.deviation)

    def in_units(self, model, sort=False):
        """A model with the same weights whose outputs are in the targets' own units.

        Args:
            model: functional `keras.Model` to standardized outputs `(batch, targets)`, or `(batch, quantiles)` of one target.
            sort: put each example's outputs in rising order: quantiles that were learned apart may cross, and the sorted ones are never
                worse (Chernozhukov et al. 2010).
        """
        [inputs], [outputs] = model.inputs, model.outputs
        outputs = keras.ops.sort(outputs, axis=-1) if sort else outputs
        width = outputs.shape[-1]
        scale, offset = (np.broadcast_to(values, width).tolist() for values in (self.deviation, self.mean))
        outputs = keras.layers.Rescaling(scale, offset, dtype="float32", name="in_units")(outputs)
        return keras.Model(inputs, outputs, name="regressor")
