"""The dataset that every medium gives: parts of examples, and all that a recipe or `hornbook predict` must know of them.

A medium's own dataset (`data.images.dataset.ImageDataset`, ...) adds what that medium alone has, so that callers need no case by medium.
"""

import dataclasses
import math
import typing
import zlib
from typing import Annotated, Literal

import msgspec
import numpy as np

from hornbook import UserError, records
from hornbook.data.naming import some

_AT_A_TIME = 4096


class Brief:
    """What is shown in one line, its arrays by type and shape, as are the dataclasses that inherit from it."""

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "__repr__" not in cls.__dict__:  # Else each dataclass would have one of its own, with all the numbers.
            cls.__repr__ = next(base.__dict__["__repr__"] for base in cls.__mro__[1:] if "__repr__" in base.__dict__)

    def __repr__(self):
        shown = [f"{field.name}={_shown(getattr(self, field.name))}" for field in dataclasses.fields(self)]
        return f"{type(self).__name__}({', '.join(shown)})"


def _shown(value):
    return f"<{value.dtype} {value.shape}>" if isinstance(value, np.ndarray) else repr(value)


@dataclasses.dataclass(frozen=True)
class Examples(Brief):
    """One part of a dataset, in memory.

    Attributes:
        inputs: array `(examples, ...)`: raw pixels `(examples, height, width, channels)`, encoded rows `(examples, inputs)`.
        labels: int64 array `(examples,)`, an index into the class names; float array `(examples, labels)` or `(examples, targets)` for
            several labels or numbers to predict.
        indices: int64 array `(examples,)`, the position in the source: what order and augmentation depend on, and `split.csv` names.
        source: the source's own split that the indices count in ("train", "test", "all").
        files: object array `(examples,)` of the paths they were read from, or None.
    """

    inputs: np.ndarray
    labels: np.ndarray
    indices: np.ndarray
    source: str
    files: np.ndarray | None = None

    def __len__(self):
        return len(self.labels)

    def subset(self, positions):
        """The examples at `positions`, an int array into this part."""
        chosen = None if self.files is None else self.files[positions]
        return Examples(self.inputs[positions], self.labels[positions], self.indices[positions], self.source, chosen)

    @property
    def size_in_bytes(self):
        """How many bytes the inputs take in memory."""
        return self.inputs.nbytes

    def in_memory(self):
        """These examples, as they are in memory already."""
        return self

    def moments(self):
        """Mean and variance of each channel: two float64 arrays `(channels,)`."""
        totals = np.zeros((2, self.inputs.shape[-1]))
        for start in range(0, len(self), 4096):  # A float64 copy of everything would be eight times the images' size.
            pixels = self.inputs[start : start + 4096].reshape(-1, self.inputs.shape[-1]).astype(np.float64)
            totals += [pixels.sum(axis=0), np.square(pixels).sum(axis=0)]
        mean, square = totals / (self.inputs.size / self.inputs.shape[-1])
        return mean, np.maximum(square - mean**2, 0.0)


class Conformal(msgspec.Struct, kw_only=True):
    """What `labels.json` has of prediction sets, see `evaluation.conformal`: the share that is promised, and what makes sets of answers."""

    coverage: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    quantiles: Annotated[list[Annotated[float, msgspec.Meta(ge=-1e308, le=1e308)] | None], msgspec.Meta(min_length=1)]
    """One, or one a label or target; None: nothing bounds it."""
    calibration_examples: records.Size


class Labels(msgspec.Struct, kw_only=True):
    """`labels.json` of a run: what its model's inputs and outputs mean. The datasets of a medium have one with more fields."""

    medium: Literal["images", "texts", "series", "tables"]
    task: Literal["classification", "multi-label", "regression", "embedding"]
    class_names: list[str] = []
    target_names: list[str] = []
    loss: Literal["cross-entropy", "binary", "multi-label", "mse", "mae", "huber", "quantile", "nt-xent", "masked-tokens",
                  "masked-steps"]  # fmt: skip
    quantiles: list[Annotated[float, msgspec.Meta(gt=0, lt=1)]] | None = None
    thresholds: list[Annotated[float, msgspec.Meta(ge=0, le=1)]] | None = None
    """Probabilities above which the second of two classes, or each of several labels, is predicted; None: 0.5."""
    positive_class: str | None = None
    """Of two classes the one that is looked for; None: the second."""
    conformal: Conformal | None = None
    """With `--coverage`: how answers become sets; None: they do not."""
    pretext: Literal["rotation", "contrastive", "masked-tokens", "masked-steps"] | None = None
    """What the network was trained for in place of labels, to begin other runs with its weights; None: for what the names say."""
    input_shape: Annotated[list[records.Size | None], msgspec.Meta(min_length=1, max_length=8)]
    requires: list[str] = []

    def __post_init__(self):
        embedded = {"contrastive": "nt-xent", "masked-tokens": "masked-tokens", "masked-steps": "masked-steps"}
        losses = {"classification": ("cross-entropy", "binary"), "multi-label": ("multi-label",), "embedding": tuple(embedded.values())}
        if self.loss not in losses.get(self.task, ("mse", "mae", "huber", "quantile")):
            raise ValueError(f"`loss` {self.loss} is not for a {self.task}")
        if embedded.get(self.pretext) != (self.loss if self.task == "embedding" else None):
            raise ValueError(f"`pretext` {self.pretext} is not for a {self.task}")
        if self.loss == "binary" and len(self.class_names) != 2:
            raise ValueError(f"`class_names` has {len(self.class_names)} names, and `loss` binary is for 2")
        if self.positive_class is not None and (len(self.class_names) != 2 or self.positive_class not in self.class_names):
            raise ValueError(f"`positive_class` {self.positive_class!r} is none of two `class_names`")
        if self.thresholds is not None:
            self._refuse_thresholds()
        if self.conformal is not None:
            self._refuse_quantiles(self.conformal.quantiles)
        for field in ("class_names", "target_names"):
            twice = _twice(getattr(self, field))
            if twice is not None:
                raise ValueError(f"`{field}` has {twice!r} twice")
        if not self.num_outputs:
            raise ValueError("there is no name of what is predicted in `class_names`, `target_names` or `quantiles`")

    def _refuse_thresholds(self):
        names = len(self.class_names)
        if self.task == "regression" or (self.task == "classification" and names != 2):
            raise ValueError(f"`thresholds` are for two classes or several labels, and this is a {self.task} of {names}")
        if len(self.thresholds) != (names if self.task == "multi-label" else 1):
            raise ValueError(f"`thresholds` has {len(self.thresholds)} numbers for {names} {self.task} names")

    def _refuse_quantiles(self, found):
        several = {"multi-label": self.class_names, "regression": self.target_names}.get(self.task, [""])
        wanted = 1 if self.loss == "quantile" else len(several)
        if len(found) != wanted:
            raise ValueError(f"`conformal` has {len(found)} quantiles, and there must be {wanted} for this {self.task}")
        least, most = -math.inf if self.loss == "quantile" else 0, math.inf if self.task == "regression" else 1
        wrong = [one for one in found if not least <= (math.inf if one is None else one) <= most]
        if wrong:
            raise ValueError(f"`conformal` has the quantile {wrong[0]}, and those of this {self.task} lie in {least:g} to {most:g}")

    @property
    def num_outputs(self):
        """How many numbers the model gives for an example."""
        if self.task in ("regression", "embedding"):
            return len((self.quantiles or ()) if self.loss == "quantile" else self.target_names)
        return 1 if self.loss == "binary" else len(self.class_names)


def _twice(names):
    """The first name that stands twice, or None: an answer of that name would say nothing."""
    seen = set()
    return next((name for name in names if name in seen or seen.add(name)), None)


@dataclasses.dataclass(frozen=True)
class Dataset(Brief):
    """A source, split.

    Attributes:
        name: as spelt in `--dataset`.
        class_names: a name for every label, in the order of the labels; empty for numbers to predict.
        input_shape: what a model takes, without the batch axis; None for an axis whose length differs.
        train, validation, test: the parts, such as `Examples`: each has a length, `labels`, `indices` and `source`. Validation and test may
            be None, and train where data are only scored.
        task: "classification" (one class an example), "multi-label" (0 or 1 for every label), "regression" (numbers) or "embedding" (of a
            network that is to bring alike examples together, or to say what was hidden of them, which has no labels).
        target_names: names of the columns or numbers to predict.
        notes: sentences on what was left out, what was assumed and what is missing, which a recipe prints before it trains.
        unreadable: (file, reason) of every example that was left out because it cannot be read.
        thinned: how many training examples (of series: whole ones) were left out on purpose, see `selection.thinning`.
        groups: object array of the group of each example of the training part's source, by its index there, none of which stands in two
            parts; None: each example is its own, or the parts know it.
        weights: float64 array of what each example of the training part's source counts in the loss, by its index there; None: all the
            same. Validation and test examples count once each.
        groups_elsewhere: dict of another source ("test", say) to the group of each of its examples, as `groups`.
        times: array of the time of each example of the training part's source, by its index there, see `selection.times`; None: no
            example comes before another.
        drawn: whether the parts that were held out were drawn at random: then they cannot be of another distribution.

    Raises:
        UserError: two classes, or two numbers to predict, have one name.
    """

    name: str
    class_names: tuple
    input_shape: tuple
    train: object
    validation: object = None
    test: object = None
    task: str = "classification"
    target_names: tuple = ()
    notes: tuple = ()
    unreadable: tuple = ()
    thinned: int = 0
    groups: np.ndarray | None = None
    weights: np.ndarray | None = None
    groups_elsewhere: dict = dataclasses.field(default_factory=dict)
    times: np.ndarray | None = None
    drawn: bool = True

    medium: typing.ClassVar[str] = ""
    labels_kind: typing.ClassVar[type] = Labels
    """The subpackage of `hornbook.data` that reads such data: images, texts, series or tables."""

    def __post_init__(self):
        twice = next((found for names in (self.class_names, self.target_names) if (found := _twice(names)) is not None), None)
        if twice is not None:
            raise UserError(f"{self.name}: {twice!r} is the name of two classes or numbers to predict; give each one of its own")

    def __repr__(self):
        names = f" ({some(self.class_names)})" if self.class_names else ""
        shape = ", ".join("any" if size is None else f"{size:,}" for size in self.input_shape)
        return f"<{type(self).__name__} {self.summary}{names}, inputs ({shape})>"

    @property
    def num_classes(self):
        """How many classes or labels there are."""
        return len(self.class_names)

    @property
    def parts(self):
        """The parts that there are, by name."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in parts.items() if part is not None}

    def part(self, name):
        """The part called `name`: train, validation or test.

        Raises:
            UserError: the dataset has no such part.
        """
        part = self.parts.get(name)
        if part is None:
            raise UserError(f"{self.name} has no {name} part; it has {', '.join(self.parts)}")
        return part

    def groups_of(self, part):
        """The group of each example of a part, an array `(examples,)`, or None where each is its own."""
        if self.groups is not None and self.train is not None and part.source == self.train.source:
            return self.groups[part.indices]
        if part.source in self.groups_elsewhere:
            return self.groups_elsewhere[part.source][part.indices]
        return getattr(part, "groups", None)

    def noted(self, *notes):
        """This dataset with further `notes`, and one for each part that lacks a class: what it cannot tell of that class."""
        lacking = [_on_absent(absent, self.task, name) for name, part in self.parts.items() if (absent := self.absent(part))]
        return dataclasses.replace(self, notes=(*self.notes, *notes, *lacking))

    def absent(self, part):
        """The names of the classes or labels without an example in a part."""
        if self.task == "regression":
            return []
        counts = part.labels.sum(axis=0) if part.labels.ndim == 2 else np.bincount(part.labels, minlength=self.num_classes)
        return [self.class_names[label] for label in np.flatnonzero(counts == 0)]

    @property
    def sizes(self):
        """How many examples each part has, in words."""
        return ", ".join(f"{len(part):,} {name}" for name, part in self.parts.items())

    @property
    def summary(self):
        """Name, sizes and task in a line."""
        wanted = {
            "classification": f"{self.num_classes} classes",
            "multi-label": f"{self.num_classes} labels",
            "regression": f"to predict {', '.join(self.target_names)}",
            "embedding": "without labels",
        }
        return f"{self.name}: {self.sizes}, {wanted[self.task]}"

    def require_task(self, *tasks):
        """Refuse a dataset that is for another recipe.

        Raises:
            UserError: with the task that it is for.
        """
        if self.task not in tasks:
            raise UserError(f"{self.name} is a dataset of {self.task}; accepted here is {' or '.join(tasks)}")

    def about(self):
        """The entries of a run's `labels.json` on the data, JSON values: all that `hornbook predict` needs to read other data alike."""
        names = {
            name: tuple(map(str, getattr(self, name))) for name in ("class_names", "target_names")
        }  # Anybody's dataset may have others.
        return {"medium": self.medium, "task": self.task, **names}

    def split_rows(self):
        """Which example went where, for `split.csv`: a row of column names, then a row an example, with its weight where it has one."""
        with_files = any(getattr(part, "files", None) is not None for part in self.parts.values())
        yield ("part", "source", "index", "label", *(["file"] if with_files else []), *self._weight_in_split(None, "weight"))
        for name, part in self.parts.items():
            for start in range(0, len(part), _AT_A_TIME):  # Of millions, lists of Python's numbers would be most of the memory.
                some = slice(start, start + _AT_A_TIME)
                labels = part.labels[some].tolist()
                paths = part.files[some] if with_files else [None] * len(labels)
                for index, label, path in zip(part.indices[some].tolist(), labels, paths, strict=True):
                    further = [path] if with_files else []
                    yield (name, part.source, index, self.written(label), *further, *self._weight_in_split(name, index))

    def _weight_in_split(self, part, index):
        """A further cell of a row of `split.csv`, a list: the weight of a training example, of others nothing; or the column's name."""
        if self.weights is None:
            return []
        return [index if part is None else float(self.weights[index]) if part == "train" else ""]

    def written(self, label):
        """A label as text: a class's name, or numbers: targets, or a 0 or 1 for every label."""
        return " ".join(map(str, label)) if isinstance(label, list) else self.class_names[label]


def _on_absent(names, task, part):
    """What it means that classes have no example in a part, a sentence."""
    noun, plural = ("label", "labels") if task == "multi-label" else ("class", "classes")
    which = f"the {noun} {names[0]} has" if len(names) == 1 else f"the {plural} {some(names)} have"
    its, it = ("its", "it") if len(names) == 1 else ("their", "them")
    if part == "train":
        return f"{which} no example in the training part: the network cannot learn {it}"
    return f"{which} no example in the {part} part: {its} recall cannot be known"


def checksum(*parts):
    """Eight hexadecimal digits: a CRC-32 of the inputs and labels of some parts."""
    checksum = 0
    for array in (array for part in parts if part is not None for array in (part.inputs, part.labels)):
        checksum = zlib.crc32(repr((array.shape, array.dtype)).encode(), checksum)
        for rows in np.array_split(array, -(-array.nbytes // 2**24)):  # A contiguous copy of a part at a time, not of everything.
            checksum = zlib.crc32(np.ascontiguousarray(rows), checksum)
    return f"{checksum:08x}"


def sample(count, most, seed=0):
    """The places of `most` of `count` examples, drawn at random, in rising order: int array; all of them where there are no more."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def few(part):
    """Positions of some 4,096 examples, plenty for a mean and a variance; of fewer, where these would take more than a gibibyte.

    Args:
        part: one that stays on disk.
    """
    each = part.size_in_bytes // max(1, len(part))
    most = max(1, min(4096, 2**30 // max(1, each)))
    return np.arange(0, len(part), max(1, len(part) // most))


def plain_inputs(part, places):
    """The inputs of some examples of a part.

    Args:
        part: of a `Dataset`, in memory or not.
        places: int array into the part, rising.

    Returns:
        Of texts a list of strings; of series a list of float32 arrays `(steps, features)`; else an array `(examples, ...)` of a table's
        encoded rows or an image's pixels, which are read now where they stay on disk.

    Raises:
        UserError: a file cannot be read.
    """
    places = np.asarray(places, np.int64)
    if hasattr(part, "texts"):
        return list(part.texts(places))
    if hasattr(part, "series"):
        return list(part.series[places])
    if hasattr(part, "inputs"):
        return np.asarray(part.inputs[places])
    return part.subset(places).in_memory().inputs


def size_of(dataset):
    """How much an example of a dataset takes: steps of its longest series, columns of a row, numbers of an image; 1 of texts."""
    if dataset.medium == "texts":
        return 1
    if dataset.medium == "series":
        return int(max(part.lengths.max() for part in dataset.parts.values()))
    return int(np.prod(dataset.input_shape))
