"""A finished run's model and other data: what the readers of all media share.

Each medium has a file `inputs` with a type and five functions, so that `hornbook predict`, `evaluate` and `export` need no case by
medium:

- `read(given, trained)`: what one argument of `hornbook predict` means, a list of (name, input);
- `examples(inputs, trained)`: inputs as `batches.predictions` takes them, and how many examples each input became (None: one);
- `Settings`: the options of a run that they read by;
- `scored(name, part, trained, skip_unreadable)`: the part of a dataset to score, and how many examples of it were left out;
- `sample(trained, count)`: some examples of the run's own data, unseen ones if it has a test part, and `generated(trained, count)`, where
  these cannot be had, some that are made up, the same ones each time: lists of pairs, what somebody without Hornbook has of an example,
  and the input that `examples` takes.
"""

import dataclasses
import os
import pathlib
from typing import Literal

import msgspec
import numpy as np

from hornbook import UserError, files, memory, records
from hornbook.data import naming, npz, splits
from hornbook.data.dataset import Labels
from hornbook.data.selection.arranging import Arrangement
from hornbook.data.selection.thinning import Thinning


class Settings(msgspec.Struct, kw_only=True):
    """The options of a run by which other data are read, in every medium: of `config.json`, and of `chosen.json` what that left open."""

    dataset: str
    validation_fraction: records.Share
    test_fraction: records.Share
    split_seed: records.Count
    fold: str | None
    test_fold: str | None
    train_fraction: float | None = None
    samples_per_class: int | None = None
    label_corrections: str | None = None
    imbalance_ratio: float | None = None
    group_pattern: str | None = None
    split_file: str | None = None
    min_class_count: records.Size = 1
    test_time_augmentation: Literal["none", "mirror", "mirror-shift"] = "none"


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a finished run's folder says of its data.

    Attributes:
        folder: the run's.
        about: its `labels.json`, JSON values as of `Dataset.labels_kind`.
        config: its options, JSON values as of the medium's `Settings`.
        labels: the same as `about`, a `data.dataset.Labels`.
    """

    folder: pathlib.Path
    about: dict
    config: dict
    labels: Labels | None = None

    def options(self, *names):
        """Some of the run's options by name."""
        return {name: self.config[name] for name in names}

    def is_own(self, name):
        """Whether a dataset is the one that the run was trained on."""
        return name == self.config["dataset"]

    def split(self, name):
        """The options of a `load` that say what is held out: as in training of the run's own data, nothing of others."""
        own = self.is_own(name)
        fraction = splits.validation_share(self.config["validation_fraction"], self.config["fold"]) if own else 0
        test = splits.share_for_test(self.config["test_fraction"], self.config["test_fold"]) if own else 0
        arranged, kept = self._arranged() if own else (Arrangement(), Thinning())
        found = {"validation_fraction": fraction, "test_fraction": test, "split_seed": self.config["split_seed"]}
        return {**found, "kept": kept, "arranged": arranged}

    def _arranged(self):
        """How the run's own data are arranged, and what is kept of their training examples."""
        arranged = Arrangement(**self.options(*(field.name for field in dataclasses.fields(Arrangement))))
        kept = Thinning(**self.options(*(field.name for field in dataclasses.fields(Thinning))))
        if arranged.split_file is None or not self._split.exists():
            return arranged, kept
        # The run has written down what the file said, which may lie elsewhere by now, and what was kept of that.
        return dataclasses.replace(arranged, split_file=str(self._split)), Thinning()

    @property
    def _split(self):
        return self.folder / "split.csv"

    def class_names(self, name):
        """The classes that a `load` is told: the run's. Of its own data, of which rare classes are left out, they are found again."""
        return None if self.is_own(name) and self.config["min_class_count"] > 1 else self.about["class_names"]

    def refuse_other_split(self, dataset, part=None):
        """Refuse the run's own data where they are no longer what it was trained on.

        Args:
            dataset: read as in training, if it is the run's own.
            part: the one part that matters, or None: all do.

        Raises:
            UserError: with the first example that differs.
        """
        if self.is_own(dataset.name) and self._split.exists():
            splits.refuse_other_split(self._split, dataset, remedy="pass other data as --dataset", part=part)


def scored_part(dataset, part, trained):
    """The part of a dataset that is scored: the one that is asked for, its test part, or, of other data without one, all of it.

    Args:
        dataset: `dataset.Dataset`, read as in training.
        part: as of `--part`, or None.
        trained: `Trained`.

    Raises:
        UserError: there is no such part, or other classes than in training.
    """
    classes = trained.about["class_names"]
    if list(dataset.class_names) != classes:
        raise UserError(f"{dataset.name} has the classes {naming.some(dataset.class_names)}; the run was trained on {naming.some(classes)}")
    if trained.is_own(dataset.name):
        trained.refuse_other_split(dataset, part or "test")
        return dataset.part(part or "test")
    return dataset.part(named_part(dataset.parts, dataset.name, part))


def unseen(load):
    """The test part of a run's own data, or its training part where it has no other.

    Args:
        load: function from a part's name to what is wanted of it.

    Raises:
        UserError: the data cannot be read.
    """
    try:
        return load("test")
    except UserError:
        return load("train")


def named_part(parts, name, part):
    """The name of the part of another dataset than the run's own that is scored.

    Args:
        parts: those that the source itself has, by name; nothing of it is held out.
        name: of the dataset, for messages.
        part: as of `--part`, or None.

    Raises:
        UserError: it has no such part.
    """
    if part is None:
        return "test" if "test" in parts else "train"
    alone = list(parts) == ["train"]
    if part not in parts or alone:
        has = ", ".join(parts) if not alone else "examples alone, all of which are scored without --part"
        raise UserError(f"{name} has no {part} part; it has {has}")
    return part


def array(path):
    """The numbers in a `.npy` file.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    try:
        with files.opened(files.given(path)) as file:
            # Asked first, since NumPy advises to load what it does not know unsafely.
            if file.read(6) != b"\x93NUMPY":
                raise UserError(f"{path} is no NumPy array; accepted are arrays that numpy.save wrote")
            file.seek(0)
            # Once as it is and once, at least, as the float32 of a model's input.
            memory.require(2 * npz.size_in_bytes(file, os.fstat(file.fileno()).st_size), path, "pass fewer examples at a time")
            file.seek(0)
            found = np.load(file, allow_pickle=False)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}; accepted are arrays that numpy.save wrote") from error
    except Exception as error:  # Whatever a broken header may lead NumPy's reader to.
        raise UserError(f"{path} cannot be read as a NumPy array: {npz.reason(error)}") from error
    if found.dtype.kind not in "uifb":
        raise UserError(f"{path} holds {found.dtype}; accepted are numbers")
    if not found.size:
        raise UserError(f"{path} has shape {found.shape}, so there is nothing in it; accepted are arrays of one example or more")
    return found
