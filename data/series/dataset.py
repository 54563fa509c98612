"""Labelled series from any source: time series and audio, of equal or unequal length, checked, split by unit and cut into windows.

Sources are spelt as everywhere (`--dataset`): built-in names, `ts:PATH` (UCR/UEA), `csv:PATH` (long form), `folder:PATH` (a file a series,
a folder a class), `npz:PATH`, `tfds:NAME`, or arrays from Python (`arrays.from_arrays`). Each is read as a list of `source.Series`, which
`prepared` makes a dataset of: check, split by unit, fill in missing values, cut into windows.

This file imports neither Keras nor TensorFlow, so that a wrong name is refused within a second.
"""

import dataclasses
import typing
from typing import Annotated, Literal

import msgspec
import numpy as np

from hornbook import UserError, memory, records, spelling
from hornbook.data import folders, naming, sources, splits
from hornbook.data.dataset import Brief, Dataset, Labels
from hornbook.data.selection import arranging, corrections, thinning, written
from hornbook.data.series import checks, missing, problems, windows
from hornbook.data.series.source import UNLABELLED, Options

BUILT_IN = ("sequential_digits", "copy")
KINDS = ("ts", "csv", "folder", "npz", "tfds")  # That may stand before a colon, see `sources.home`.
_MOST_LENGTHS = 8  # That batches are padded to: a backend compiles once for each.


@dataclasses.dataclass(frozen=True)
class SeriesExamples(Brief):
    """One part of a dataset of series, in memory.

    Attributes:
        series: object array `(examples,)` of float32 arrays `(steps, features)`.
        labels: int64 array `(examples,)`, an index into the class names, or float32 array `(examples, 1)`, numbers to predict.
        indices: int64 array `(examples,)`: the series' position in the source.
        source: the source's own split that the indices count in ("train", "test", "all").
        units: object array `(examples,)` of names.
        groups: object array `(examples,)`: examples of one group stand in one part.
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

    pool: typing.ClassVar[None] = None  # All of an epoch is sorted together, see `bucketed_batches`.

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
        """A number for each example, the same in any part and order: int64 array `(examples,)`, for random numbers."""
        return self.indices * 2**32 + self.firsts

    @property
    def padded_lengths(self):
        """The steps that batches are padded to, rising: at most `_MOST_LENGTHS` quantiles of the lengths, the longest among them."""
        return np.unique(np.quantile(self.lengths, np.arange(1, _MOST_LENGTHS + 1) / _MOST_LENGTHS, method="higher"))

    @property
    def inputs(self):
        """All of them padded to the longest, as `padded` does."""
        return self.padded(np.arange(len(self)), int(self.lengths.max()))

    def padded(self, positions, length):
        """What a model takes: float32 array `(examples, length, features)`; the steps behind a series' end are NaN in all features."""
        size = 4 * len(positions) * length * self.series[0].shape[1]
        memory.require(
            size, f"{len(positions):,} series padded to {length:,} steps", "pass --window to cut them, or a smaller --batch-size"
        )
        batch = np.full((len(positions), length, self.series[0].shape[1]), np.nan, np.float32)
        for row, position in zip(batch, positions, strict=True):
            row[: len(self.series[position])] = self.series[position]
        return batch

    def moments(self):
        """Mean and variance of each feature over all steps: two float64 arrays `(features,)`.

        Missing values and padding do not count. The variance of a constant feature is given as 1, so that scaling makes it 0 and not the
        quotient of two rounding errors.
        """
        features = self.series[0].shape[1]
        count, total = np.zeros(features), np.zeros(features)
        for values in self.series:
            count += np.isfinite(values).sum(axis=0)
            total += np.nansum(values, axis=0, dtype=np.float64)
        mean = total / np.maximum(count, 1)
        square = np.zeros(features)
        for values in self.series:  # Around the mean: the mean of squares less the square of the mean loses a small variance.
            square += np.nansum(np.square(values - mean), axis=0)
        variance = square / np.maximum(count, 1)
        return mean, np.where(variance > (1e-7 * np.abs(mean)) ** 2, variance, 1.0)


class Preprocessing(msgspec.Struct):
    """How another series is prepared for a model, see `missing` and `windows`."""

    features: Annotated[list[str], msgspec.Meta(min_length=1)]
    missing: Literal["refuse", "interpolate", "mask"]
    fill: list[records.Float32]
    window: records.Size | None
    stride: records.Size | None
    time_column: str | None
    encoding: str
    sample_rate: Annotated[int, msgspec.Meta(ge=1, le=10**7)] | msgspec.UnsetType = msgspec.UNSET
    mel_bands: Annotated[int, msgspec.Meta(ge=0, le=10**4)] | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self):
        if len(self.fill) != len(self.features):
            raise ValueError(f"`fill` has {len(self.fill)} numbers for {len(self.features)} `features`")
        if (self.sample_rate is msgspec.UNSET) != (self.mel_bands is msgspec.UNSET):
            raise ValueError("`sample_rate` and `mel_bands` stand together")


class SeriesLabels(Labels, kw_only=True):
    """`labels.json` of a run on series: `input_shape` is (steps, features), with null for steps that differ."""

    input_shape: Annotated[list[records.Size | None], msgspec.Meta(min_length=2, max_length=2)]
    preprocessing: Preprocessing

    def __post_init__(self):
        super().__post_init__()
        steps, features = self.input_shape
        given = len(self.preprocessing.features) * (2 if self.preprocessing.missing == "mask" else 1)
        if features != given:
            raise ValueError(f"`input_shape` has {features} features, and `preprocessing` makes {given}")
        if self.preprocessing.window and steps != self.preprocessing.window:
            raise ValueError(f"`input_shape` has {steps} steps, and `preprocessing` cuts windows of {self.preprocessing.window}")


@dataclasses.dataclass(frozen=True)
class SeriesDataset(Dataset):
    """A `Dataset` of series; its `input_shape` is `(steps, features)`, with None for steps that differ.

    Attributes:
        feature_names: a name for every feature of the inputs.
        preprocessing: JSON values by which another series is prepared for this dataset's model.
    """

    feature_names: tuple = ()
    preprocessing: dict = dataclasses.field(default_factory=dict)

    medium: typing.ClassVar[str] = "series"
    labels_kind: typing.ClassVar[type] = SeriesLabels

    def about(self):
        """See `Dataset.about`; and how another series is prepared for the model."""
        return {**super().about(), "preprocessing": self.preprocessing}

    def split_rows(self):
        """See `Dataset.split_rows`; with each example's unit, group, first step and number of steps."""
        columns = ("part", "source", "index", "label", "unit", "group", "first_step", "steps")
        yield (*columns, *self._weight_in_split(None, "weight"))
        for name, part in self.parts.items():
            columns = (part.indices.tolist(), part.labels.tolist(), part.units, part.groups, part.firsts.tolist(), part.lengths.tolist())
            for index, label, *rest in zip(*columns, strict=True):
                yield (name, part.source, index, self.written(label), *rest, *self._weight_in_split(name, index))


def is_series(name, time_column=None, id_column=None):
    """Whether a dataset with numbers to predict is one of series: by its name, or because it is a table whose rows belong together in time.

    Args:
        name: of the dataset.
        time_column: of a table, or None: its rows have no time.
        id_column: which tells its series apart; None: the usual one, if there is one and a value of it stands in several rows.
    """
    if name.startswith("csv:") and time_column is not None:
        return id_column is not None or sources.home("series", "csv").has_series(name.removeprefix("csv:"))
    return name == "adding" or name.startswith(("ts:", "npz:"))


@spelling.as_arguments(Options, dataset="name")
def check_name(name, *, labelled=True, **options):
    """Refuse a name that is no dataset's, see `sources.check_name`, and options, as of `load`, that it has not, or that go not together.

    Without labels, folders need no class folders.
    """
    kind, _, rest = name.partition(":")
    if kind == "folder" and not labelled:
        folders.check_any(rest)
    elif name != "adding":  # It has numbers to predict, so it is no choice for classification.
        sources.check_name(name, "series", BUILT_IN, KINDS)
    if options:
        checks.refuse_wrong_options(name, _as_options(options))


@spelling.as_arguments(Options, arranging.Arrangement, thinning.Thinning, dataset="name")
def load(name, *, validation_fraction=0.1, test_fraction=0.2, split_seed=0, kept=thinning.ALL, class_names=None,
         preprocessing=None, arranged=arranging.NONE, **options):  # fmt: skip
    """A `SeriesDataset` by name.

    Args:
        name: `sequential_digits`, `copy`, `ts:PATH`, `csv:PATH`, `folder:PATH`, `npz:PATH` or `tfds:NAME[/CONFIG][:VERSION]`; with
            `numbers`, `adding` too.
        validation_fraction: share of the training units held out, in [0, 1); 0 for none. Unused where the source has a validation split.
        test_fraction: share held out where the source has no test split.
        split_seed: seed of both splits, and of series that are generated.
        kept: `selection.thinning.Thinning`, what is kept of the training series, whole ones, after validation and test were held out.
        class_names: the classes in their order, such as a trained model's; None: those that occur in training.
        preprocessing: a trained model's statistics and options, instead of those learned here; None: learn them.
        arranged: `selection.arranging.Arrangement`: groups by names of files, a split that is written down, rare classes.
        options: fields of `Options`. `window`, `stride`: steps of a window and between the beginnings of two (default: half a window).
            `missing`: one of `missing.METHODS`. `id_column`, `time_column`, `group_column`, `feature_columns` (names, or a text of them
            separated by commas), `label_column`, `encoding`: of tables. `weight_column`: what a series counts in the loss, a column of a
            table or an array of a NumPy file. `sample_rate`: to which all audio is converted, in Hz.
            `mel_bands`: features of audio. `length`, `examples`: of generated problems. `skip_unreadable`: leave out files that cannot be
            read. `numbers`: labels are numbers to predict. `labelled`: False to read the series alone, all of one class.

    Raises:
        UserError: something is wrong with the name or the data, with the file and the place in it and what is accepted.

    Example:
    ```python
    from hornbook import data

    digits = data.series.load("sequential_digits")
    print(digits.input_shape, len(digits.train), digits.test.padded([0, 1], 64).shape)
    ```
    """
    if preprocessing:
        options |= {key: preprocessing[key] for key in ("window", "stride", "missing", "sample_rate", "mel_bands") if key in preprocessing}
    options = _as_options({**options, "split_seed": split_seed, "class_names": tuple(class_names or ())})
    checks.refuse_wrong_options(name, options)
    check_name(name, labelled=options.labelled)
    kind, _, rest = name.partition(":")
    source = sources.home("series", kind).read(rest, options) if kind in KINDS else problems.read(name, options)
    if not options.labelled:  # Of sources that cannot be without labels, too.
        parts = {part: [dataclasses.replace(one, label=UNLABELLED) for one in series] for part, series in source.parts.items()}
        source = dataclasses.replace(source, parts=parts)
    fractions = {"validation": validation_fraction, "test": test_fraction}
    return prepared(name, source, options, fractions, class_names, preprocessing, kept, arranged)


def _as_options(given):
    """`Options` of a dict, in which names of columns may be one text."""
    columns = given.get("feature_columns")
    if columns is None or isinstance(columns, str):
        columns = naming.names(columns, "--feature-columns")
    return Options(**{**given, "feature_columns": columns})


def prepared(name, source, options, fractions, class_names, preprocessing, kept=thinning.ALL, arranged=arranging.NONE):
    """The `SeriesDataset` of a source: checked, split by unit, missing values filled in, cut into windows.

    Args:
        name: of the dataset.
        source: `source.Source`.
        options: `source.Options`.
        fractions: dict of "validation" and "test" to the share of the training units to hold out where there is no such part.
        class_names, preprocessing, kept, arranged: see `load`.

    Raises:
        UserError: see `load`.
    """
    parts = {part: series for part, series in source.parts.items() if series is not None}
    class_names = checks.refuse_wrong_series(name, parts, source.feature_names, options, class_names)
    examples = {part: _examples(series, part, class_names, options) for part, series in parts.items()}
    if "all" in examples:
        examples = {"train": examples["all"], **{part: one for part, one in examples.items() if part != "all"}}
    examples, class_names, notes = _arranged(examples, class_names, arranged, name, options)
    if isinstance(fractions["test"], splits.Fold):
        examples.pop("test", None)
    for part in ("test", "validation") if arranged.split_file is None else ():
        share = splits.share_of(fractions[part], len(examples["train"])) if "train" in examples and part not in examples else 0
        if share:
            flag = f"--{part}-fraction"
            examples["train"], examples[part] = windows.hold_out(examples["train"], share, options, name, flag, class_names)
    left_out = 0
    if kept and "train" in examples:
        whole = examples["train"]
        places = thinning.positions(whole, kept, options.split_seed, class_names, name)
        notes.append(thinning.in_words(kept, whole.labels, places, class_names))
        examples["train"], left_out = whole.subset(places), len(whole) - len(places)
    fill = preprocessing["fill"] if preprocessing else examples["train"].moments()[0].tolist()
    examples = {part: missing.handled(one, options.missing, fill) for part, one in examples.items()}
    if options.window:
        examples = {part: windows.windows(one, options, name, notes) for part, one in examples.items()}
        if not options.numbers and "train" in examples:
            checks.refuse_lost_classes(name, examples["train"], class_names)
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
    first = parts.get("train", parts.get("all"))
    dataset = SeriesDataset(
        name,
        class_names,
        (steps, len(feature_names)),
        **{part: examples.get(part) for part in ("train", "validation", "test")},
        unreadable=source.unreadable,
        thinned=left_out,
        feature_names=feature_names,
        preprocessing=about,
        task="regression" if options.numbers else "classification",
        target_names=("target",) if options.numbers else (),
        weights=_weights(first) if first and first[0].weight is not None else None,
        drawn=arranged.split_file is None,
    )
    return dataset.noted(*notes)


def _arranged(examples, class_names, arranged, name, options):
    """The parts of a source without rare classes, with groups by the names of files, and as a file divides them; class names, and notes."""
    examples, corrected = corrections.applied(examples, class_names, arranged.label_corrections, name)
    examples, class_names, notes = arranging.without_rare(examples, class_names, arranged.min_class_count, name)
    notes = [*corrected, *notes]
    if arranged.group_pattern is not None:
        if options.group_column:
            told = f"--group-pattern {arranged.group_pattern!r} and --group-column {options.group_column}"
            raise UserError(f"{told} both say what belongs together; pass one of them")
        examples = {
            part: dataclasses.replace(one, groups=arranging.of_files(one.files, arranged.group_pattern, name))
            for part, one in examples.items()
        }
    if arranged.split_file is not None:
        words = (lambda label: " ".join(map(str, label))) if options.numbers else class_names.__getitem__
        examples, further = written.placed(examples, arranged.split_file, name, words)
        notes = [*notes, *further]
    return examples, class_names, notes


def _weights(series):
    """The weight of each unit, by its index, see `_examples`."""
    return np.array(list({one.unit: one.weight for one in series}.values()), np.float64)


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
