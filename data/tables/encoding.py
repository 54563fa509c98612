"""The encoding of a table's columns as a network's inputs, learned from the training rows alone: imputed numbers, codes of categories.

A run keeps its `Encoding` as `table.json`, so that raw rows can be predicted later. It does not scale; the model's first layer does.
"""

import collections
import dataclasses

import numpy as np

from hornbook import UserError, records

MISSING_CATEGORY = "missing"
# A column whose values differ by less than this share of their size: float32 has 7 digits.
_RESOLUTION = 1e-6
# Share of numbers among a column's cells, above which other text in it is a mistake.
_MOSTLY = 0.5


@dataclasses.dataclass(frozen=True)
class Encoding:
    """The columns of a table as one float array `(rows, inputs)`: numbers, then "is missing" indicators, then codes of categories.

    Attributes:
        numbers: dict of column name to its median in training, which stands for a missing value.
        indicators: names of the columns with missing numbers in training: each has an input that is 1 where it was missing.
        categories: dict of column name to the tuple of its categories; code k + 1 is the k-th, 0 any other.
        left_out: dict of column name to the reason why it is no input.
    """

    numbers: dict[str, records.Float32]
    indicators: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        strange = [name for name in self.indicators if name not in self.numbers]
        if strange:
            raise ValueError(f"`indicators` has {strange[0]!r}, which is none of `numbers`")
        twice = sorted(self.numbers.keys() & self.categories.keys())
        if twice:
            raise ValueError(f"{twice[0]!r} stands in `numbers` and in `categories`")
        for name, values in self.categories.items():
            if not values or len(set(values)) < len(values):
                raise ValueError(f"`categories` of {name!r} are not different texts, one or more")

    @property
    def columns(self):
        """The columns of the table that are needed, in their order."""
        return (*self.numbers, *self.categories)

    @property
    def inputs(self):
        """A name for each input of the network, in their order."""
        return (*self.numbers, *(f"{name} is missing" for name in self.indicators), *self.categories)

    @property
    def category_sizes(self):
        """How many known categories each column of categories has; its codes are one more, as 0 stands for all others."""
        return tuple(len(values) for values in self.categories.values())

    def encode(self, columns):
        """The network's input: float32 array `(rows, inputs)`.

        Args:
            columns: `columns.Columns` that have at least this encoding's, in any order.

        Raises:
            UserError: a column is not there, or a cell is no number where there should be one.
        """
        self.require(columns)
        numbers = {name: columns.numbers(name) for name in self.numbers}
        inputs = [np.where(np.isnan(values), self.numbers[name], values) for name, values in numbers.items()]
        inputs += [np.isnan(numbers[name]) for name in self.indicators]
        inputs += [self._codes(columns, name) for name in self.categories]
        return np.stack(inputs, axis=1).astype(np.float32)

    def require(self, columns):
        """Refuse a table that lacks a column.

        Raises:
            UserError: with those that are needed.
        """
        absent = [name for name in self.columns if name not in columns.cells]
        if absent:
            raise UserError(
                f"{columns.name} has no column {absent[0]!r}, which the training table had; needed are "
                f"{', '.join(map(repr, self.columns))}, and it has {columns.listed()}"
            )

    def _codes(self, columns, name):
        code = {value: place + 1 for place, value in enumerate(self.categories[name])}
        return np.array([code.get(MISSING_CATEGORY if text is None else text, 0) for text in columns.texts(name)], np.float64)

    def save(self, path):
        """Write `table.json`."""
        records.write(path, Encoding, dataclasses.asdict(self))


def kinds(columns, features, categorical):
    """The features that are numbers and those that are categories: two lists of names.

    A feature is a number if most of its cells are numbers; other text among them is refused with its line. It is a category if it is
    declared as one, or mostly text. A column without any value counts as a number, and is left out later as a constant.

    Args:
        columns: `columns.Columns` or `csv.FileColumns`.
        features: names of columns.
        categorical: names of features that are declared to be categories.

    Raises:
        UserError: text in a column of numbers, or a column of texts that are all different.
    """
    numbers, categories = [], []
    for name in features:
        if name in categorical:
            categories.append(name)
            continue
        as_number, as_text = columns.tally(name)
        (numbers if as_number > _MOSTLY * (as_number + as_text) or not as_text else categories).append(name)
    columns.read_as(numbers, categories)  # Refused here, whichever part of the data it falls in.
    return numbers, categories


def learn(columns, numbers, categories, *, rare=5):
    """The `Encoding` of the training rows.

    Args:
        columns: `columns.Columns` or `csv.FileColumns`, of the training rows alone.
        numbers, categories: names of columns, see `kinds`.
        rare: a category of fewer rows gets code 0, so that this code is trained and can stand for categories that training never saw.

    Raises:
        UserError: nothing is left to learn from, or a column of categories is an identifier or free text.
    """
    medians, indicators, left_out, found = {}, [], {}, {}
    for name in numbers:
        present = columns.numbers(name)
        present = present[~np.isnan(present)]  # Of millions of rows: one copy, and no other.
        if not len(present):
            left_out[name] = "it has no value in training"
            continue
        least, most = present.min(), present.max()
        varies = most - least > _RESOLUTION * max(-least, most)
        has_missing = len(present) < len(columns)
        if not varies and not has_missing:
            left_out[name] = "it is constant in training"
            continue
        medians[name] = float(np.median(present, overwrite_input=True))
        if has_missing:
            indicators.append(name)
    for name in categories:
        counts = collections.Counter()
        for text, rows in columns.counts(name).items():
            counts[MISSING_CATEGORY if text is None else text] += rows
        values = sorted(counts)
        frequent = tuple(value for value in values if counts[value] >= rare)
        if not frequent:
            if len(values) > max(20, len(columns) // 2):
                raise UserError(
                    f"{columns.name}: column {name!r} has {len(values)} different texts in {len(columns)} training rows, "
                    f"such as {values[0][:40]!r}: an identifier or free text; leave it out with --id-column {name}"
                )
            left_out[name] = f"none of its categories has {rare} rows in training"
        elif len(values) == 1:
            left_out[name] = "it is constant in training"
        else:
            found[name] = frequent
    if not medians and not found:
        reasons = "; ".join(f"{name!r}: {reason}" for name, reason in left_out.items())
        raise UserError(f"{columns.name} has no column to learn from ({reasons}); see --feature-columns")
    return Encoding(medians, tuple(indicators), found, left_out)
