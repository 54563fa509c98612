"""A model's outputs for the examples of a part, kept in a file: what out-of-fold scores and ensembles are made of."""

import dataclasses

import numpy as np

from hornbook import UserError, files, memory

NAME = "predictions.npz"  # Of a run's folder.
_ARRAYS = ("indices", "labels", "outputs")


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Outputs for some examples.

    Attributes:
        indices: int64 array `(examples,)`, the position of each in the source.
        labels: int64 array `(examples,)` of classes, or float array `(examples, labels)` or `(examples, targets)`.
        outputs: float32 array `(examples, outputs)`, logits or numbers.

    Raises:
        ValueError: the arrays do not fit together.
    """

    indices: np.ndarray
    labels: np.ndarray
    outputs: np.ndarray

    def __post_init__(self):
        if self.indices.ndim != 1 or self.outputs.ndim != 2 or not len(self.indices) == len(self.labels) == len(self.outputs):
            shapes = ", ".join(str(getattr(self, name).shape) for name in _ARRAYS)
            raise ValueError(f"indices (examples,), labels and outputs (examples, outputs) do not fit together: {shapes}")


def write(path, indices, labels, outputs):
    """Write a file of predictions; arguments as the attributes of `Predictions`.

    Example:
    ```python
    import numpy, tempfile
    from hornbook.evaluation import predictions

    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/predictions.npz"
        predictions.write(path, numpy.arange(3), numpy.array([0, 1, 1]), numpy.array([[0.9], [-0.1], [2.0]]))
        assert predictions.read(path).outputs.shape == (3, 1)
    ```
    """
    arrays = (np.asarray(indices, np.int64), np.asarray(labels), np.asarray(outputs).astype(np.float32))
    Predictions(*arrays)
    with files.atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **dict(zip(_ARRAYS, arrays, strict=True)))


def read(path):
    """The `Predictions` of a file. Nothing pickled is loaded.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    accepted = "accepted is the file that --save-predictions writes"
    try:
        with files.opened(path) as opened, np.load(opened, allow_pickle=False) as kept:
            missing = [name for name in _ARRAYS if name not in kept.files]
            if missing:
                raise UserError(f"{path} has no {missing[0]}; {accepted}")
            # An archive may claim any size for what it unpacks to.
            memory.require(sum(info.file_size for info in kept.zip.infolist()), path, "leave it out")
            arrays = [kept[name] for name in _ARRAYS]
        if arrays[0].dtype.kind not in "iu" or arrays[1].dtype.kind not in "iuf" or arrays[2].dtype.kind != "f":
            raise ValueError(f"arrays of {', '.join(str(one.dtype) for one in arrays)}")
        if not all(np.isfinite(one).all() for one in arrays):
            raise ValueError("a number that is not finite")
        return Predictions(*arrays)
    except UserError:
        raise
    except Exception as error:  # zipfile and NumPy have their own words for every kind of broken file.
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"{path} holds no predictions ({reason}); {accepted}") from error
