"""Classical models of series: the nearest neighbour, and a ridge on fixed convolutions."""

import numpy as np

from hornbook.data.series.convolutions import Convolutions
from hornbook.evaluation.floors import fitting, neighbours

_MOST_VALUES = 4096  # Of a series, between which distances are taken: of longer ones, every second step or fewer, interpolated.
_PENALTIES = np.logspace(-3, 3, 10)


def neighbour(task, inputs, labels, scored):
    """The label of the nearest training series by Euclidean distance, step by step.

    Features are divided by their standard deviation in training where there are several. Series of unequal length are brought to the
    median length of training by linear interpolation.

    Args:
        task: `tasks.Task`.
        inputs, scored: lists of float arrays `(steps, features)`.
        labels: of training, see `fitting.outputs`.
    """
    features = inputs[0].shape[1]
    lengths = {len(one) for one in (*inputs, *scored)}
    steps = min(int(np.median([len(one) for one in inputs])), max(1, _MOST_VALUES // features))
    deviation = np.concatenate(inputs).std(axis=0, dtype=np.float64) if features > 1 else np.ones(1)
    scale = np.where(deviation > 0, deviation, 1)

    def rows(series):
        whole = [one.astype(np.float64) if lengths == {steps} else _resampled(one, steps) for one in series]
        return (np.stack(whole) / scale).reshape(len(series), -1)

    return neighbours.neighbour(task, rows(inputs), labels, rows(scored))


def _resampled(series, steps):
    """A series at another number of steps, by linear interpolation: float64 `(steps, features)`."""
    at, own = np.linspace(0, len(series) - 1, steps), np.arange(len(series))
    return np.stack([np.interp(at, own, feature) for feature in series.T.astype(np.float64)], axis=1)


def convolutions(task, inputs, labels, scored):
    """Ridge regression on `convolutions.Convolutions`, its penalty chosen by leave-one-out; arguments as of `neighbour`.

    Dempster, Schmidt and Webb (2021).
    """
    from sklearn.linear_model import RidgeClassifierCV, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    made = Convolutions(inputs)
    return fitting.outputs(
        task,
        lambda: make_pipeline(StandardScaler(), RidgeClassifierCV(_PENALTIES)),
        lambda: make_pipeline(StandardScaler(), RidgeCV(_PENALTIES)),
        made.features(inputs),
        labels,
        made.features(scored),
    )
