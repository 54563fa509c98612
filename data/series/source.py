"""Series as every reader returns them, and the options that it reads by."""

import dataclasses

import numpy as np

UNLABELLED = "unlabelled"  # The class of series whose labels are not read.


@dataclasses.dataclass(frozen=True)
class Series:
    """One series of a source.

    Attributes:
        values: float32 array `(steps, features)`; NaN is a missing value.
        label: the class as text, or a number to predict.
        unit: its name in `split.csv` and in messages: a file, a line, an id.
        group: series of one group, such as those of one person, stand in one part.
        place: function `(step, feature) -> str` that names the place of a value, for messages.
        first: the step of the unit that it begins at; not 0 where a unit's label changes and its rest is another series.
        file: the file it was read from, or None.
        weight: what it counts in the loss, or None.
    """

    values: np.ndarray
    label: object
    unit: str
    group: str
    place: object
    first: int = 0
    file: str | None = None
    weight: float | None = None


@dataclasses.dataclass(frozen=True)
class Options:
    """How a source is read: each option as the flag of that name, see `dataset.load`."""

    window: int | None = None
    stride: int | None = None
    missing: str = "refuse"
    id_column: str | None = None
    time_column: str | None = None
    group_column: str | None = None
    weight_column: str | None = None
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
    labelled: bool = True
    class_names: tuple = ()


@dataclasses.dataclass(frozen=True)
class Source:
    """The result of a reader.

    Attributes:
        parts: dict of part ("all", or "train" and others) to a list of `Series`.
        feature_names: tuple of text.
        unreadable: (file, reason) of every file that was left out.
        sample_rate: of audio, in Hz.
    """

    parts: dict
    feature_names: tuple
    unreadable: tuple = ()
    sample_rate: int | None = None


def place(unit):
    """The function `(step, feature) -> str` of a series without lines or columns, see `Series`."""
    return lambda step, feature: f"{unit}, step {step}, feature {feature}"


def feature_names(series):
    """Names for the features of a list of `Series` that has none: value, or feature 0, feature 1, ..."""
    features = series[0].values.shape[1] if series else 1
    return ("value",) if features == 1 else tuple(f"feature {k}" for k in range(features))


def without_padding(values):
    """The series without the steps at its end that are missing in all features: the archives pad unequal lengths by such steps."""
    there = np.flatnonzero(~np.isnan(values).all(axis=1))
    return values[: there[-1] + 1 if len(there) else 0]


def float32(values):
    """The values in float32; those beyond its range become infinite, and are refused later."""
    with np.errstate(over="ignore"):
        return np.asarray(values).astype(np.float32)


def is_number(text):
    """Whether NumPy would read the text as a number."""
    try:
        np.float64(text)
    except ValueError:
        return False
    return True
