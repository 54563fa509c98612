"""A batch of inputs computed with as little around the model as can be: `fit`'s machinery takes longer than a small network."""

import dataclasses

import numpy as np

from hornbook import UserError
from hornbook.data import bucketed_batches
from hornbook.evaluation import scores


@dataclasses.dataclass(frozen=True)
class Served:
    """A finished run, opened.

    Attributes:
        trained: `data.inputs.Trained`.
        medium: the medium's module `inputs`.
        model: its `keras.Model`.
    """

    trained: object
    medium: object
    model: object


def function(served, most):
    """The function of a list of inputs, as `medium.read` gives them, to a list of rows: what `hornbook predict` says of each.

    Args:
        served: `Served`.
        most: examples that the model computes at once.
    """
    about, length = served.trained.about, served.trained.about["input_shape"][0]

    def compute(inputs):
        examples, sizes = served.medium.examples(inputs, served.trained)
        arrays = examples.inputs if hasattr(examples, "inputs") else bucketed_batches.whole(examples, length)
        outputs = np.concatenate([_outputs(served.model, arrays[start : start + most]) for start in range(0, len(arrays), most)])
        if not np.isfinite(outputs).all():
            raise UserError("the model gives no finite number for this input: its weights or the input are too large")
        rows = scores.answers(about["loss"], outputs)
        return list(rows) if sizes is None else [part.mean(axis=0) for part in np.split(rows, np.cumsum(sizes)[:-1])]

    return compute


def _outputs(model, arrays):
    """The outputs of a batch, filled up to a power of two: the model is compiled for few sizes."""
    size = 1 << (len(arrays) - 1).bit_length()
    filled = arrays if size == len(arrays) else np.concatenate([arrays, np.repeat(arrays[:1], size - len(arrays), axis=0)])
    return np.asarray(model.predict_on_batch(filled))[: len(arrays)]
