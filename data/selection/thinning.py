"""Fewer training examples on purpose: a share of them, some of each class, or a long tail. Validation and test stay as they are."""

import dataclasses

import numpy as np

from hornbook import UserError
from hornbook.data import randomness


@dataclasses.dataclass(frozen=True)
class Thinning:
    """What is kept of a training part, of which validation and test examples were held out before.

    So scores of any thinning are taken on the same examples, and a validation score means what the test score means. What is kept is
    drawn by the split's seed and nested: of more examples the fewer are among them. At most one of the three is given.

    Attributes:
        train_fraction: share of the examples, of each class alike and at least one; None for all.
        samples_per_class: examples of each class, of a smaller class all that there are; None for all.
        imbalance_ratio: the most frequent class keeps all its examples, the rarest 1 / ratio of them, those between a share that falls
            exponentially with their place (Cui et al. 2019, section 5.1), at least one each; None for all. Classes of one size follow
            each other in the order of their names, as in the paper.

    Raises:
        UserError: a value out of range, or two of them.
    """

    train_fraction: float | None = None
    samples_per_class: int | None = None
    imbalance_ratio: float | None = None

    def __post_init__(self):
        given = self._given
        if len(given) > 1:
            raise UserError(f"{' and '.join(given)} both say what is kept of the training examples; pass one of them")
        if self.train_fraction is not None and not 0 < self.train_fraction <= 1:
            raise UserError(f"--train-fraction must be more than 0 and at most 1, got {self.train_fraction}")
        if self.samples_per_class is not None and self.samples_per_class < 1:
            raise UserError(f"--samples-per-class must be at least 1, got {self.samples_per_class}")
        if self.imbalance_ratio is not None and not self.imbalance_ratio >= 1:
            raise UserError(f"--imbalance-ratio must be at least 1, got {self.imbalance_ratio}")

    @property
    def _given(self):
        values = dataclasses.asdict(self)
        return [f"--{name.replace('_', '-')} {value:g}" for name, value in values.items() if value is not None]

    def __bool__(self):
        return bool(self._given)

    def __str__(self):
        return " ".join(self._given)

    def refuse(self, name):
        """Refuse to thin a dataset of the caller's, whose statistics may be those of all its training examples.

        Raises:
            UserError: examples are to be left out.
        """
        if self:
            raise UserError(f"{self} is for a --dataset that the recipe reads, and {name} is given; leave examples out beforehand")

    def counts(self, counts):
        """How many examples of each class are kept: int array `(classes,)`, of the counts that there are."""
        counts = np.asarray(counts, np.int64)
        if self.samples_per_class is not None:
            return np.minimum(counts, self.samples_per_class)
        if self.train_fraction is not None:
            wanted = np.floor(self.train_fraction * counts + 0.5)
        else:
            present = int((counts > 0).sum())
            places = np.empty(len(counts))
            places[np.argsort(-counts, kind="stable")] = np.arange(len(counts)) / max(1, present - 1)
            wanted = np.floor(counts * (self.imbalance_ratio or 1.0) ** -places + 1e-9)
        return np.minimum(counts, np.maximum(wanted.astype(np.int64), 1))


ALL = Thinning()


def thinned(dataset, thinning, split_seed):
    """The dataset with the training examples that are kept, and a note on it.

    Args:
        dataset: `dataset.Dataset`, split.
        thinning: `Thinning`.
        split_seed: seed of the draw.

    Raises:
        UserError: the labels are no classes, and classes are asked for.
    """
    if not thinning or dataset.train is None:
        return dataset
    kept = positions(dataset.train, thinning, split_seed, dataset.class_names, dataset.name)
    note = in_words(thinning, dataset.train.labels, kept, dataset.class_names)
    left_out = len(dataset.train) - len(kept)
    return dataclasses.replace(dataset, train=dataset.train.subset(kept), thinned=left_out, notes=(*dataset.notes, note))


def positions(examples, thinning, split_seed, class_names, name):
    """The examples of a part that are kept: rising int array of positions.

    Args:
        examples: with `labels` and `indices`.
        thinning, split_seed: as of `thinned`.
        class_names, name: of the dataset.

    Raises:
        UserError: the labels are no classes, and classes are asked for.
    """
    labels = examples.labels
    classes = labels.dtype.kind != "f"
    if not classes and thinning.train_fraction is None:
        raise UserError(f"{thinning} is for one class an example, and {name} has none; pass --train-fraction")
    if not classes:  # Numbers and several labels: at random.
        labels, class_names = np.zeros(len(examples), np.int64), ("all",)
    wanted = thinning.counts(np.bincount(labels, minlength=len(class_names)))
    # By the place in the source, so that an example's number depends on nothing but the seed.
    ranks = np.lexsort((randomness.uniform(split_seed, 0, examples.indices, "kept for training"), labels))
    first = np.searchsorted(labels[ranks], np.arange(len(wanted)))
    return np.sort(np.concatenate([ranks[start : start + count] for start, count in zip(first, wanted, strict=True)]))


def in_words(thinning, labels, kept, class_names):
    """What is kept of so many labels, a sentence."""
    told = f"{thinning} keeps {len(kept):,} of {len(labels):,} training examples"
    if labels.dtype.kind == "f" or thinning.train_fraction is not None:
        return told
    counts = np.bincount(labels[kept], minlength=len(class_names))
    present = np.flatnonzero(counts)
    most, least = present[counts[present].argmax()], present[counts[present].argmin()]
    if thinning.samples_per_class is not None and counts[least] < thinning.samples_per_class:
        return f"{told}; the class {class_names[least]} has {counts[least]:,} in all"
    if thinning.samples_per_class is not None:
        return told
    return f"{told}, {counts[most]:,} of the class {class_names[most]} to {counts[least]:,} of the class {class_names[least]}"
