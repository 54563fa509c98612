"""Examples that stand in two parts, exactly or nearly: what a network knows by heart is no measure of what it learned."""

import collections
import dataclasses
import itertools

import numpy as np

from hornbook.data.suspicion import vectors

# How far a copy may be from its original in any number of its vector: of series and rows in standard deviations; of images the distance.
_APART = {"images": 0.15, "series": 0.05, "tables": 0.04}
# How far a copy may be, of the distance to the tenth neighbour: where all lie close together, near ones are no copies.
_NEARER = {"images": 0.35, "series": 0.3, "tables": 0.1}
_NEIGHBOURS = 10
_BITS = 10  # Of 64 of a difference hash that may differ.
_COLUMNS = 4  # Numbers of a row that tell something, of fewer of which neighbours are near by chance.
_OFTEN = 0.2  # Of the rows.
_COMMON = 3  # Rows and short texts that training has so often are usual ones, not copies.
_WORDS, _ALIKE = 8, 0.7  # Of a text, and of its pairs of words.
_SHORT = 5  # Words of a text that recurs of itself.
_RARE = 50  # Texts that have a pair of words which tells something.
_WORK, _SORTED = 2e10, 100  # Multiplications, some seconds; and how many of them the place of a distance among others takes.
_ASKED = 5000  # Examples for which near ones are looked for.


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Examples of a part that stand in another, too.

    Attributes:
        exact, near: lists of (position in the part, position in the other).
        asked: share of the part's other examples for which near ones were looked for.
    """

    exact: list
    near: list
    asked: float


def between(dataset, part, other, inputs, places):
    """The `Pairs` of two parts.

    Args:
        dataset: `data.dataset.Dataset`.
        part, other: names of parts; examples of the first are looked for in the second.
        inputs, places: dicts of a part's name to the inputs of some of its examples, and to their positions, int array.
    """
    mine, theirs = inputs[part], inputs[other]
    my_keys, their_keys = (vectors.keys(dataset, some) for some in (mine, theirs))
    order = np.argsort(their_keys, kind="stable")
    low, high = (np.searchsorted(their_keys[order], my_keys, side) for side in ("left", "right"))
    same = high > low
    counted = same & ~_usual(dataset, mine, theirs, high - low)
    exact = [(place, int(order[low[place]])) for place in np.flatnonzero(counted).tolist()]
    left = np.flatnonzero(~same)
    asked = _evenly(dataset, left, theirs)
    near = (_near_texts if dataset.medium == "texts" else _near)(dataset, mine, theirs, asked)
    exact, near = ([(int(places[part][one]), int(places[other][two])) for one, two in pairs] for pairs in (exact, near))
    return Pairs(exact, near, len(asked) / len(left) if len(left) else 1.0)


def _evenly(dataset, left, theirs):
    """Those of the positions `left` for which near examples are looked for: all, or as many as take some seconds."""
    if dataset.medium == "texts":
        return left
    most = max(1, min(_ASKED, int(_WORK / ((vectors.size(dataset) + _SORTED) * len(theirs)))))
    return left if len(left) <= most else left[np.linspace(0, len(left) - 1, most).astype(int)]


def _usual(dataset, mine, theirs, times):
    """Which equal examples are so of themselves: rows of few values, and texts of few words, bool `(examples,)`."""
    if dataset.medium == "texts":
        return (times >= _COMMON) & np.array([len(vectors.words(text)) < _SHORT for text in mine], bool)
    if dataset.medium != "tables":
        return np.zeros(len(mine), bool)
    # As if columns were independent of each other: how many equal rows there would be.
    expected = np.full(len(mine), float(len(theirs)))
    for column in range(mine.shape[1]):
        values, counts = np.unique(theirs[:, column], return_counts=True)
        at = np.minimum(np.searchsorted(values, mine[:, column]), len(values) - 1)
        expected *= np.where(values[at] == mine[:, column], counts[at] / len(theirs), 0.0)
    rare = times < _COMMON
    by_chance = (rare & (times > 0)).sum() < 3 * expected[rare].sum()
    return ~rare | by_chance


def _near(dataset, mine, theirs, left):
    """Pairs of positions of those among `left` that are nearly one of the others, and far nearer to it than to most of their neighbours."""
    neighbours = min(_NEIGHBOURS, len(theirs) - 1)
    if neighbours < 2 or not len(left) or (dataset.medium == "tables" and dataset.num_numbers < _COLUMNS):
        return []
    known, scale = vectors.vectors(dataset, theirs)
    asked, _ = vectors.vectors(dataset, [mine[place] for place in left] if dataset.medium == "series" else mine[left], scale)
    squares, found = np.square(known).sum(axis=1), []
    for start in range(0, len(left), 100):
        block = asked[start : start + 100]
        distances = np.maximum(squares - 2 * block @ known.T + np.square(block).sum(axis=1)[:, None], 0.0)
        nearest = np.argpartition(distances, neighbours, axis=1)[:, : neighbours + 1]
        chosen = np.take_along_axis(distances, nearest, axis=1)
        first, last = chosen.argmin(axis=1), np.sqrt(chosen.max(axis=1))
        for row, (one, far) in enumerate(zip(first, last, strict=True)):
            other = int(nearest[row, one])
            # Again, without the rounding of squares of sums.
            difference = block[row] - known[other]
            distance = float(np.linalg.norm(difference))
            apart = distance if dataset.medium == "images" else float(np.abs(difference).max())
            if apart < _APART[dataset.medium] and distance < _NEARER[dataset.medium] * far:
                found.append((int(left[start + row]), other))
    if dataset.medium == "images":
        return _same_hash(mine, theirs, found)
    return _telling(theirs[:, : dataset.num_numbers], found) if dataset.medium == "tables" else found


def _same_hash(mine, theirs, pairs):
    """The pairs of images whose difference hashes are nearly the same."""
    if not pairs:
        return []
    one, two = (vectors.hashes(images[[pair[side] for pair in pairs]]) for side, images in enumerate((mine, theirs)))
    return [pair for pair, bits in zip(pairs, np.bitwise_count(one ^ two).tolist(), strict=True) if bits <= _BITS]


def _telling(numbers, pairs):
    """The pairs of rows of which enough numbers are alike that most other rows do not have: what is 0 in most rows tells nothing."""
    within = _APART["tables"] * numbers.std(axis=0)
    return [pair for pair in pairs if (np.mean(np.abs(numbers - numbers[pair[1]]) <= within, axis=0) < _OFTEN).sum() >= _COLUMNS]


def _near_texts(dataset, mine, theirs, left):
    """Pairs of positions of texts that share most of their pairs of words."""
    holding = collections.defaultdict(list)
    theirs = [_pairs_of_words(text) for text in theirs]
    for place, pairs in enumerate(theirs):
        for pair in pairs:
            holding[pair].append(place)
    found = []
    for place in left.tolist():
        pairs = _pairs_of_words(mine[place])
        counts = collections.Counter(other for pair in pairs if len(holding.get(pair, ())) <= _RARE for other in holding.get(pair, ()))
        if len(pairs) < _WORDS - 1 or not counts:
            continue
        alike = {other: len(pairs & theirs[other]) / len(pairs | theirs[other]) for other, _ in counts.most_common(5)}
        best = max(alike, key=alike.get)
        if alike[best] >= _ALIKE and len(theirs[best]) >= _WORDS - 1:
            found.append((place, best))
    return found


def _pairs_of_words(text):
    return dict.fromkeys(itertools.pairwise(vectors.words(text))).keys()  # In their order, so that equal texts give equal answers.
