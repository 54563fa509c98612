"""What a reader of series returns, and the options that it reads by."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Series:
    """One series as a source gives it.

    Attributes:
        values: float32 array `(steps, features)`; NaN is a missing value.
        label: the class as text, or a number where numbers are to be predicted.
        unit: what `split.csv` and messages call it: a file, a line, an id.
        group: what may not stand in two parts; series of one person have one group.
        place: function `(step, feature) -> str` that says where a value stands, for messages.
        first: the step of the unit that it begins at; not 0 in a unit whose label changes.
        file: the file it was read from, or None.
    """

    values: np.ndarray
    label: object
    unit: str
    group: str
    place: object
    first: int = 0
    file: str | None = None


@dataclasses.dataclass(frozen=True)
class Options:
    """How a source is read, each as the flag of that name says; see `load`."""

    window: int | None = None
    stride: int | None = None
    missing: str = "refuse"
    id_column: str | None = None
    time_column: str | None = None
    group_column: str | None = None
    feature_columns: tuple = ()
    label_column: str | None = None
    encoding: str = "auto"
    sample_rate: int | None = None
    mel_bands: int = 40
    length: int = 200
    examples: int = 10_000
    split_seed: int = 0
    skip_unreadable: bool = False
    numbers: bool = False
    class_names: tuple = ()


@dataclasses.dataclass(frozen=True)
class Source:
    """What a reader returns: lists of `Series` by part ("all", or "train" and others), the features' names, and what else is known.

    Attributes:
        parts: dict of lists.
        feature_names: tuple of text.
        unreadable: (file, reason) of every file that was left out.
        sample_rate: of audio, in Hz.
    """

    parts: dict
    feature_names: tuple
    unreadable: tuple = ()
    sample_rate: int | None = None


def without_padding(values):
    """The series without the steps at its end that are missing in all features, by which the archives pad unequal lengths."""
    there = np.flatnonzero(~np.isnan(values).all(axis=1))
    return values[: there[-1] + 1 if len(there) else 0]


def float32(values):
    """The values in float32; what is beyond its range becomes infinite, and is refused as such."""
    with np.errstate(over="ignore"):
        return np.asarray(values).astype(np.float32)


def is_number(text):
    """Whether NumPy would read the text as a number."""
    try:
        np.float64(text)
    except ValueError:
        return False
    return True
