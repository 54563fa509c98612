"""Columns of a table that give the label away: one alone tells it nearly without a mistake, and far better than all others do."""

import dataclasses
import functools

import numpy as np

from hornbook.data.dataset import plain_inputs, sample

_MOST, _CELLS = 10_000, 2_000_000  # Rows, and rows times columns.
_FEWEST = 40  # Of fewer a column tells the label by luck.
# Of classes also few leaves, as a column may be noisy and some labels wrong, which many leaves would learn; many as a class may lie in
# several stretches. Of numbers many alone: in a few steps a feature that is only strong tells as much as one that gives them away.
_LEAVES, _FEW_LEAVES, _IN_A_LEAF = 32, (2, 8), 2
_TELLS = 0.85  # Share of what there is to know of the label.
_LEFT = 0.25  # What a leak leaves unknown, of what the best of the other columns does.
_FEW = 0.25  # Of the columns: where more tell the label, it is an easy one.


@dataclasses.dataclass(frozen=True)
class Leak:
    """A column that tells the label.

    Attributes:
        name: of the column.
        skill: what it alone tells of the label: 0 as much as nothing, 1 all.
        others: what the best of the columns that give nothing away tells.
    """

    name: str
    skill: float
    others: float


def columns(dataset):
    """The `Leak`s of a table's training rows, a list; and how many rows were looked at."""
    train = dataset.train
    places = sample(len(train), min(_MOST, max(_FEWEST, _CELLS // dataset.input_shape[0])))
    if len(places) < _FEWEST or dataset.task == "multi-label":
        return [], len(places)
    inputs, labels = plain_inputs(train, places), train.labels[places]
    if inputs.shape[1] < 2:
        return [], len(places)
    half = np.random.default_rng(0).permutation(len(places)) % 2 == 0
    trees = [functools.partial(_leaves, most=most) for most in ((_LEAVES,) if labels.dtype.kind == "f" else (*_FEW_LEAVES, _LEAVES))]
    by_column = {}
    for number, name in enumerate(dataset.encoding.inputs):
        codes = number >= dataset.num_numbers
        skills = (
            min(_skill(bins(inputs[:, number], labels, part), labels, part, dataset.num_classes) for part in (half, ~half))
            for bins in ([_categories] if codes else trees)
        )
        skill = max(skills)
        column = name.removesuffix(" is missing") if number < dataset.num_numbers else name
        by_column[column] = max(skill, by_column.get(column, 0.0))
    ranked = sorted(by_column.items(), key=lambda pair: -pair[1])
    for few in range(1, max(1, int(_FEW * len(ranked))) + 1):
        ahead, others = ranked[:few], ranked[few][1] if few < len(ranked) else 1.0
        least = ahead[-1][1]
        if least >= _TELLS and 1 - least <= _LEFT * (1 - others):
            return [Leak(name, skill, others) for name, skill in ahead], len(places)
    return [], len(places)


def _skill(bins, labels, learned, num_classes):
    """What a column, cut into `bins`, tells of the labels of half of the rows by what it tells of the other half's, between 0 and 1."""
    if labels.dtype.kind == "f":
        return max(0.0, min(_explained(bins, target, learned) for target in labels.reshape(len(labels), -1).T))
    counts = np.zeros((bins.max() + 1, num_classes))
    np.add.at(counts, (bins[learned], labels[learned]), 1)
    usual = int(counts.sum(axis=0).argmax())
    answers = np.where(counts.sum(axis=1) > 0, counts.argmax(axis=1), usual)
    right, guessed = (float(np.mean(answer == labels[~learned])) for answer in (answers[bins[~learned]], usual))
    return max(0.0, (right - guessed) / (1 - guessed)) if guessed < 1 else 0.0


def _explained(bins, target, learned):
    """The share of the variance that the means of bins explain."""
    totals, counts = np.zeros(bins.max() + 1), np.zeros(bins.max() + 1)
    np.add.at(totals, bins[learned], target[learned])
    np.add.at(counts, bins[learned], 1)
    means = np.where(counts > 0, totals / np.maximum(counts, 1), target[learned].mean())
    rest, whole = target[~learned] - means[bins[~learned]], target[~learned] - target[learned].mean()
    return 1 - float(np.square(rest).sum() / max(np.square(whole).sum(), 1e-30))


def _categories(codes, labels, learned):
    """Categories as numbers from 0; those that were not learned are the last."""
    different = np.unique(codes[learned])
    found = np.minimum(np.searchsorted(different, codes), len(different) - 1)
    return np.where(different[found] == codes, found, len(different)).astype(int)


def _leaves(values, labels, learned, most):
    """Which leaf of a small tree each number is in: where it is cut goes by the labels, so that a rare class has a leaf of its own."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeRegressor if labels.dtype.kind == "f" else DecisionTreeClassifier
    tree = kind(max_leaf_nodes=most, min_samples_leaf=_IN_A_LEAF, random_state=0)
    tree.fit(values[learned, None], labels[learned])
    return tree.apply(values[:, None])
