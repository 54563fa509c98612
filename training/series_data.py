"""Labelled series from any source: time series and audio, of equal or unequal length, checked, split by unit and cut into windows.

Sources are spelt as everywhere (`--dataset`): built-in names, `ts:PATH` (UCR/UEA), `csv:PATH` (long form), `folder:PATH` (a file a series,
a folder a class), `npz:PATH`, `tfds:NAME`, or arrays from Python (`from_arrays`). What reads them yields `Series`; from there all goes one
way, in this order: check, split by unit, fill what is missing, cut into windows.

Keras and TensorFlow are not imported here, so that a wrong name is said within a second.
"""

import dataclasses
import difflib
import importlib
import os

import numpy as np

from hornbook import UserError
from hornbook.training import data, series_checks, series_missing, series_split

BUILT_IN = ("sequential_digits", "copy")
# Which file reads what is spelt PREFIX:REST; each has `check(rest, options)` and `read(name, options)`.
_HOMES = {"ts": "series_files", "csv": "series_tables", "folder": "series_folders", "npz": "series_arrays", "tfds": "series_tfds"}


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
class SeriesExamples:
    """One part of a dataset of series, in memory.

    Attributes:
        series: object array `(examples,)` of float32 arrays `(steps, features)`.
        labels: int64 array `(examples,)`, an index into the class names, or float32 array `(examples, 1)`, numbers to predict.
        indices: int64 array `(examples,)`: the series' position in the source.
        source: the source's own split that the indices count in ("train", "test", "all").
        units: object array `(examples,)` of names.
        groups: object array `(examples,)`: what may not stand in two parts.
        firsts: int64 array `(examples,)`: the step of the unit that each begins at.
        files: object array `(examples,)` of the files they were read from, or None.
    """

    series: np.ndarray
    labels: np.ndarray
    indices: np.ndarray
    source: str
    units: np.ndarray
    groups: np.ndarray
    firsts: np.ndarray
    files: np.ndarray | None = None

    def __len__(self):
        return len(self.labels)

    def subset(self, positions):
        """The examples at `positions`, an int array into this part; one position may come more than once."""
        arrays = {name: getattr(self, name)[positions] for name in ("series", "labels", "indices", "units", "groups", "firsts")}
        return dataclasses.replace(self, **arrays, files=None if self.files is None else self.files[positions])

    @property
    def lengths(self):
        """Steps of each: int64 array `(examples,)`."""
        return np.fromiter(map(len, self.series), np.int64, len(self))

    @property
    def keys(self):
        """A number that is each example's own, in any part and order: int64 array `(examples,)`, for random numbers."""
        return self.indices * 2**32 + self.firsts

    @property
    def inputs(self):
        """All of them padded to the longest, as `padded` does."""
        return self.padded(np.arange(len(self)), int(self.lengths.max()))

    def padded(self, positions, length):
        """What a model takes: float32 array `(examples, length, features)`; the steps behind a series' end are NaN in all features."""
        batch = np.full((len(positions), length, self.series[0].shape[1]), np.nan, np.float32)
        for row, position in zip(batch, positions, strict=True):
            row[: len(self.series[position])] = self.series[position]
        return batch

    def moments(self):
        """Mean and variance of each feature over all steps there are: two float64 arrays `(features,)`.

        Missing values are left out, and padding is not there. The variance of a feature that never changes is given as 1: it becomes 0,
        not the quotient of two roundings.
        """
        features = self.series[0].shape[1]
        count, total = np.zeros(features), np.zeros(features)
        for values in self.series:
            count += np.isfinite(values).sum(axis=0)
            total += np.nansum(values, axis=0, dtype=np.float64)
        mean = total / np.maximum(count, 1)
        square = np.zeros(features)
        for values in self.series:  # Around the mean: the mean of squares less the square of the mean loses what is small beside it.
            square += np.nansum(np.square(values - mean), axis=0)
        variance = square / np.maximum(count, 1)
        return mean, np.where(variance > (1e-7 * np.abs(mean)) ** 2, variance, 1.0)


@dataclasses.dataclass(frozen=True)
class SeriesDataset(data.Dataset):
    """A source of series, split. Attributes as of `data.Dataset`; `input_shape` is `(steps, features)`, steps None if they differ.

    Attributes:
        feature_names: a name for every feature of the inputs.
        preprocessing: JSON values: all that must be done to another series before this dataset's model can take it.
        notes: sentences on what was left out, for who trains.
        target_names: names of the numbers to predict; empty for classes.
    """

    feature_names: tuple = ()
    preprocessing: dict = dataclasses.field(default_factory=dict)
    notes: tuple = ()
    target_names: tuple = ()

    def require_task(self, task):
        """Refuse a dataset that was read for another recipe.

        Args:
            task: "regression" or "classification".

        Raises:
            UserError: with how to read it.
        """
        if bool(self.target_names) != (task == "regression"):
            raise UserError(f"{self.name} was read for another recipe; for {task} pass numbers={task == 'regression'} when it is read")

    def about(self):
        """What a run's `labels.json` says of the inputs."""
        task = "regression" if self.target_names else "classification"
        return {"task": task, "target_names": self.target_names, "preprocessing": self.preprocessing}


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


def is_series(name, time_column=None):
    """Whether a dataset of numbers to predict is one of series: by its name, or as a table that has a time column."""
    return name == "adding" or name.startswith(("ts:", "npz:")) or (name.startswith("csv:") and time_column is not None)


def check_name(name):
    """Refuse a dataset that cannot be had, before anything slow happens.

    Raises:
        UserError: no such source, or one that is neither prepared nor within reach.
    """
    if name in (*BUILT_IN, "adding"):
        return
    kind, _, rest = name.partition(":")
    if kind in _HOMES:
        importlib.import_module(f"hornbook.training.{_HOMES[kind]}").check(rest)
        return
    if kind == "arrays":
        raise UserError(f"{name} was passed as arrays from Python, which are not kept with a run; pass them again, or another --dataset")
    close = difflib.get_close_matches(name, BUILT_IN, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    path = os.path.expanduser(name)
    if not close and os.path.exists(path):
        kind = "folder" if os.path.isdir(path) else "csv" if path.endswith(".csv") else "npz" if path.endswith(".npz") else "ts"
        hint = f"; did you mean '{kind}:{name}'?"
    accepted = f"{', '.join(BUILT_IN)}, ts:PATH, csv:PATH, folder:PATH, npz:PATH or tfds:NAME"
    raise UserError(f"--dataset must be {accepted}, got {name!r}{hint}")


def load(name, *, validation_fraction=0.1, test_fraction=0.2, split_seed=0, class_names=None, preprocessing=None, **options):
    """A `SeriesDataset` by name.

    Args:
        name: `sequential_digits`, `copy`, `ts:PATH`, `csv:PATH`, `folder:PATH`, `npz:PATH` or `tfds:NAME[/CONFIG][:VERSION]`; with
            `numbers`, `adding` too.
        validation_fraction: share of the training units held out, in [0, 1); 0 for none. Unused where the source has a validation split.
        test_fraction: share held out where the source has no test split.
        split_seed: seed of both splits, and of series that are generated.
        class_names: the classes in their order, such as a trained model's; None: those that occur in training.
        preprocessing: a trained model's, whose statistics and options take the place of those learned here; None: learn them.
        options: fields of `Options`. `window`, `stride`: steps of a window and between the beginnings of two (default: half a window).
            `missing`: one of `series_missing.METHODS`. `id_column`, `time_column`, `group_column`, `feature_columns`, `label_column`,
            `encoding`: of tables. `sample_rate`: in Hz, that all audio is brought to. `mel_bands`: features of audio. `length`,
            `examples`: of problems that are generated. `skip_unreadable`: leave out files that cannot be read. `numbers`: labels are
            numbers to predict.

    Raises:
        UserError: whatever is wrong with the name or the data, with the file and the place in it, and what would be accepted.

    Example:
    ```python
    from hornbook.training import series_data

    digits = series_data.load("sequential_digits")
    print(digits.input_shape, len(digits.train), digits.test.padded([0, 1], 64).shape)
    ```
    """
    if preprocessing:
        options |= {key: preprocessing[key] for key in ("window", "stride", "missing", "sample_rate", "mel_bands") if key in preprocessing}
    options = Options(**options, split_seed=split_seed, class_names=tuple(class_names or ()))
    series_checks.refuse_wrong_options(name, options)
    check_name(name)
    kind, _, rest = name.partition(":")
    home = _HOMES.get(kind, "series_problems")
    source = importlib.import_module(f"hornbook.training.{home}").read(rest if kind in _HOMES else name, options)
    fractions = {"validation": validation_fraction, "test": test_fraction}
    return _dataset(name, source, options, fractions, class_names, preprocessing)


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


def from_arrays(train_series, train_labels, test_series=None, test_labels=None, *, class_names=None, groups=None, validation_fraction=0.1,
                split_seed=0, name="arrays", **options):  # fmt: skip
    """A `SeriesDataset` of the caller's arrays.

    Args:
        train_series, test_series: an array `(examples, steps, features)` or `(examples, steps)`, or a list of arrays `(steps, features)`
            or `(steps,)` of any lengths. NaN is a missing value; steps at the end that are NaN in all features are padding.
        train_labels, test_labels: integers from 0 `(examples,)`, or with `numbers=True` numbers to predict. No test series: the dataset
            has no test part.
        class_names: a name a label; default: the labels as strings.
        groups: one of each training series, such as a person, which then stands in one part alone; default: each is its own.
        validation_fraction: share of the training series held out, in [0, 1).
        split_seed: seed of that split.
        name: what the run calls it, with a checksum of the arrays behind it, by which a resumed run knows them again.
        options: as of `load`.

    Raises:
        UserError: shapes, types, values or labels that do not fit, with the first place.

    Example:
    ```python
    import numpy
    from hornbook.training import series_data

    walks = [numpy.cumsum(numpy.random.randn(20 + i % 5, 3), axis=0) for i in range(40)]
    dataset = series_data.from_arrays(walks, numpy.arange(40) % 2, class_names=("even", "odd"), window=10)
    print(dataset.input_shape, len(dataset.train))
    ```
    """
    from hornbook.training import series_arrays

    options = Options(**options, split_seed=split_seed)
    series_checks.refuse_wrong_options(name, options)
    source, checksum, named = series_arrays.from_python(
        (train_series, train_labels), (test_series, test_labels), groups, class_names, name, options
    )
    return _dataset(f"{name}:{checksum}", source, options, {"validation": validation_fraction, "test": 0}, named, None)


def _dataset(name, source, options, fractions, class_names, preprocessing):
    """The way of every source: check, split by unit, fill what is missing, cut into windows."""
    parts = {part: series for part, series in source.parts.items() if series is not None}
    class_names = series_checks.refuse_wrong_series(name, parts, source.feature_names, options, class_names)
    examples = {part: _examples(series, part, class_names, options) for part, series in parts.items()}
    if "all" in examples:
        examples = {"train": examples["all"], **{part: one for part, one in examples.items() if part != "all"}}
    for part in ("test", "validation"):
        if part not in examples and "train" in examples and fractions[part] != 0:
            flag = f"--{part}-fraction"
            examples["train"], examples[part] = series_split.hold_out(examples["train"], fractions[part], options, name, flag, class_names)
    fill = preprocessing["fill"] if preprocessing else examples["train"].moments()[0].tolist()
    examples = {part: series_missing.handled(one, options.missing, fill) for part, one in examples.items()}
    notes = []
    if options.window:
        examples = {part: series_split.windows(one, options, name, notes) for part, one in examples.items()}
        if not options.numbers and "train" in examples:
            series_checks.refuse_lost_classes(name, examples["train"], class_names)
    feature_names = source.feature_names
    if options.missing == "mask":
        feature_names = (*feature_names, *(f"{feature} missing" for feature in feature_names))
    lengths = {int(length) for one in examples.values() for length in np.unique(one.lengths)}
    about = {
        "features": list(source.feature_names),
        "missing": options.missing,
        "fill": fill,
        "window": options.window,
        "stride": options.stride,
        **({"sample_rate": source.sample_rate, "mel_bands": options.mel_bands} if source.sample_rate else {}),
        "time_column": options.time_column,
        "encoding": options.encoding,
    }
    steps = lengths.pop() if len(lengths) == 1 else None
    return SeriesDataset(
        name,
        class_names,
        (steps, len(feature_names)),
        **{part: examples.get(part) for part in ("train", "validation", "test")},
        unreadable=source.unreadable,
        feature_names=feature_names,
        preprocessing=about,
        notes=tuple(notes),
        target_names=("target",) if options.numbers else (),
    )


def _examples(series, part, class_names, options):
    """`SeriesExamples` of a list of `Series`, in its order."""
    if options.numbers:
        labels = np.array([[one.label] for one in series], np.float32)
    else:
        number = {label: place for place, label in enumerate(class_names)}
        labels = np.array([number[one.label] for one in series], np.int64)
    values = np.empty(len(series), object)
    values[:] = [one.values for one in series]
    units, groups = (np.array([getattr(one, name) for one in series], object) for name in ("unit", "group"))
    firsts = np.array([one.first for one in series], np.int64)
    paths = np.array([one.file for one in series], object) if series[0].file else None
    # Stretches of one unit share its index: a window is known by its unit and its first step.
    number = {unit: place for place, unit in enumerate(dict.fromkeys(units.tolist()))}
    indices = np.array([number[unit] for unit in units.tolist()], np.int64)
    return SeriesExamples(values, labels, indices, part, units, groups, firsts, paths)


def split_rows(dataset):
    """Which example went where, for `splits.record_split`: part, source, index, label, unit, group, first_step, steps; a row an example."""
    yield ("part", "source", "index", "label", "unit", "group", "first_step", "steps")
    for name, part in dataset.parts.items():
        columns = (part.indices.tolist(), part.labels.tolist(), part.units, part.groups, part.firsts.tolist(), part.lengths.tolist())
        for index, label, *rest in zip(*columns, strict=True):
            yield (name, part.source, index, label[0] if isinstance(label, list) else dataset.class_names[label], *rest)
