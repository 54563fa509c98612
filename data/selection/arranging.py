"""What else says which example goes where: groups by the names of files, a file of an earlier split, and classes that are too rare."""

import dataclasses
import pathlib
import re

import numpy as np

from hornbook import UserError
from hornbook.data import naming


@dataclasses.dataclass(frozen=True)
class Arrangement:
    """How examples are arranged before some are held out.

    Attributes:
        group_pattern: regular expression that is looked for in the name of each file; what its brackets catch is the example's group. With
            a slash in it, it is looked for in the whole path.
        split_file: a CSV that says which example stands in which part, as the `split.csv` of a run does.
        min_class_count: classes of fewer examples are left out.
        label_corrections: a CSV of examples and their correct classes, see `selection.corrections`.

    Raises:
        UserError: a pattern that is none.
    """

    group_pattern: str | None = None
    split_file: str | None = None
    min_class_count: int = 1
    label_corrections: str | None = None

    def __post_init__(self):
        if self.group_pattern is not None:
            try:
                re.compile(self.group_pattern)
            except re.error as error:
                raise UserError(f"--group-pattern {self.group_pattern!r} is no regular expression: {error}") from error

    def refuse(self, name):
        """Refuse to arrange a dataset of the caller's, which is split already.

        Raises:
            UserError: with the first option that was given.
        """
        given = [field.name for field in dataclasses.fields(self) if getattr(self, field.name) != field.default]
        if given:
            flag = f"--{given[0].replace('_', '-')} {getattr(self, given[0])}"
            raise UserError(f"{flag} is for a --dataset that the recipe reads, and {name} is given; split it beforehand")


NONE = Arrangement()


def of_files(files, pattern, name, flag="--group-pattern"):
    """The group of each example by the name of its file: object array of texts.

    Args:
        files: paths, or None.
        pattern: regular expression, see `Arrangement`.
        name, flag: of the dataset and of the flag, for messages.

    Raises:
        UserError: there are no files, or one in which the pattern is not found.
    """
    if files is None:
        other = "; try --group-column" if flag == "--group-pattern" else ""
        raise UserError(f"{flag} {pattern!r} is for examples that are files, and those of {name} are not{other}")
    found, known = [], {}
    for path in map(str, files):
        text = pathlib.PurePath(path).as_posix() if "/" in pattern else pathlib.PurePath(path).name
        match = re.search(pattern, text)
        if match is None:
            raise UserError(
                f"{path}: {flag} '{pattern}' is not found in {'the path' if '/' in pattern else 'the name of the file'}; accepted is a "
                "regular expression that is found in that of every file"
            )
        group = " ".join(text for text in match.groups() if text is not None) if match.re.groups else match[0]
        found.append(known.setdefault(group, group))
    return np.array(found, object)


def grouped(dataset, pattern):
    """The dataset with groups by the names of its files.

    Args:
        dataset: `data.dataset.Dataset`, before anything is held out of its training part.
        pattern: see `Arrangement`, or None: the dataset as it is.

    Raises:
        UserError: see `of_files`.
    """
    if pattern is None:
        return dataset
    if dataset.groups is not None:
        raise UserError(f"--group-pattern {pattern!r} and --group-column both say what belongs together; pass one of them")
    found = {part.source: _by_index(part, of_files(getattr(part, "files", None), pattern, dataset.name)) for part in dataset.parts.values()}
    own = None if dataset.train is None else found.pop(dataset.train.source)
    return dataclasses.replace(dataset, groups=own, groups_elsewhere={**dataset.groups_elsewhere, **found})


def _by_index(part, groups):
    found = np.empty(int(part.indices.max()) + 1, object)
    found[part.indices] = groups
    return found


def without_rare(parts, class_names, least, name):
    """The parts without the examples of rare classes, the names of the classes that are left, and a note on those that are not.

    Args:
        parts: dict of a part's name to its examples, before anything is held out; classes are counted in the training part, or, where
            there is none, in all.
        class_names: tuple.
        least: examples that a class needs.
        name: of the dataset, for messages.

    Returns:
        The dict, the tuple, and a list of sentences.

    Raises:
        UserError: labels are no classes, or fewer than two classes are left.
    """
    if least <= 1 or not parts:
        return parts, class_names, []
    counted = [parts["train"]] if "train" in parts else list(parts.values())
    if counted[0].labels.ndim > 1 or counted[0].labels.dtype.kind == "f":
        raise UserError(f"--min-class-count {least} is for one class an example, and {name} has none; leave it out")
    counts = sum(np.bincount(part.labels, minlength=len(class_names)) for part in counted)
    kept = np.flatnonzero(counts >= least)
    if len(kept) == len(class_names):
        return parts, class_names, []
    if len(kept) < 2:
        told = f"{len(kept)} of {len(class_names)} classes have so many examples"
        raise UserError(f"--min-class-count {least}: {told}, and at least two are needed; the largest has {counts.max():,}")
    rare = sorted(np.flatnonzero(counts < least).tolist(), key=lambda label: -counts[label])
    shown = naming.some([f"{class_names[label]} ({counts[label]:,})" for label in rare])
    number = np.full(len(class_names), -1, np.int64)
    number[kept] = np.arange(len(kept))
    found, lost = {}, 0
    for part, examples in parts.items():
        chosen = np.flatnonzero(number[examples.labels] >= 0)
        lost += len(examples) - len(chosen)
        subset = examples.subset(chosen)
        found[part] = dataclasses.replace(subset, labels=number[subset.labels])
    noun, examples = "class" if len(rare) == 1 else "classes", "example" if lost == 1 else "examples"
    note = f"--min-class-count {least} leaves out {len(rare):,} {noun}, {lost:,} {examples}: {shown}"
    return found, tuple(class_names[label] for label in kept), [note]
