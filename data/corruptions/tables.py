"""Corrupted rows of tables: cells that are missing, noisy numbers, columns on another level, categories in place of others."""

import numpy as np

from hornbook.data import randomness
from hornbook.data.tables.encoding import MISSING_CATEGORY

STRENGTHS = {
    "missing": (0.05, 0.1, 0.2, 0.3, 0.5),
    "noise": (0.1, 0.2, 0.4, 0.7, 1.0),
    "shift": (0.1, 0.2, 0.4, 0.7, 1.0),
    "wrong category": (0.05, 0.1, 0.2, 0.3, 0.5),
}
COUNTS = {
    "missing": "share of the cells that are missing",
    "noise": "standard deviations of each column of numbers",
    "shift": "standard deviations of each column of numbers, up or down, the same in all rows",
    "wrong category": "share of the cells with a category that have another one",
}


def kinds(encoding):
    """Which corruptions there are of a table, a list of keys of `STRENGTHS`: noise needs numbers, wrong categories two to choose from.

    Args:
        encoding: `data.tables.encoding.Encoding`.

    Example:
    ```python
    from hornbook.data.corruptions import tables
    from hornbook.data.tables.encoding import Encoding

    assert tables.kinds(Encoding({"age": 40.0}, (), {})) == ["missing", "noise", "shift"]
    ```
    """
    needed = {"noise": encoding.numbers, "shift": encoding.numbers, "wrong category": any(n > 1 for n in encoding.category_sizes)}
    return [kind for kind in STRENGTHS if needed.get(kind, True)]


def corrupted(rows, kind, strength, *, encoding, deviations, keys, seed=0):
    """Rows, each corrupted.

    Args:
        rows: float32 array `(rows, inputs)`, as an encoding makes it.
        kind: a key of `STRENGTHS`.
        strength: one of its five numbers, or one between them.
        encoding: `data.tables.encoding.Encoding`: a missing number becomes its median, and where training had missing ones, it is marked.
        deviations: float array `(numbers,)`, of each column of numbers.
        keys: int array `(rows,)`, a number that is each row's own.
        seed: of what is drawn.

    Returns:
        float32 array `(rows, inputs)`. Numbers that were missing stay so.

    Example:
    ```python
    import numpy
    from hornbook.data.corruptions import tables
    from hornbook.data.tables.encoding import Encoding

    encoding = Encoding({"age": 40.0}, ("age",), {})
    found = tables.corrupted(numpy.array([[20.0, 0.0]]), "missing", 1.0, encoding=encoding, deviations=[9.0], keys=[0])
    assert found.tolist() == [[40.0, 1.0]]
    ```
    """
    found, count = np.array(rows, np.float32), len(encoding.numbers)
    draws = [randomness.generator(seed, key, kind) for key in keys]
    first = count + len(encoding.indicators)  # Where codes of categories begin.
    marks = {list(encoding.numbers).index(name): place for place, name in enumerate(encoding.indicators, start=count)}
    if kind in ("missing", "wrong category"):
        chosen = np.stack([draw.random(found.shape[1]) for draw in draws]) < strength
    if kind == "missing":
        for place, median in enumerate(encoding.numbers.values()):
            found[chosen[:, place], place] = median
            if place in marks:
                found[chosen[:, place], marks[place]] = 1
        for place, values in enumerate(encoding.categories.values(), start=first):
            found[chosen[:, place], place] = 1 + values.index(MISSING_CATEGORY) if MISSING_CATEGORY in values else 0
    elif kind == "wrong category":
        others = np.stack([draw.random(found.shape[1]) for draw in draws])
        for place, size in enumerate(encoding.category_sizes, start=first):
            # Another of the known ones: each step from 1 to size - 1 further, in a circle; of an unknown one any.
            codes = found[:, place]
            known = codes > 0
            steps = 1 + np.floor(others[:, place] * np.where(known, max(size - 1, 0), size))
            another = np.where(known, (codes - 1 + steps) % size + 1, steps)
            found[:, place] = np.where(chosen[:, place] & (size > 1), another, codes)
    else:
        added = _noise(draws, count) if kind == "noise" else _signs(count, seed)
        added = np.broadcast_to(strength * np.asarray(deviations) * added, (len(found), count)).copy()
        for place, mark in marks.items():
            added[found[:, mark] > 0, place] = 0
        found[:, :count] += added
    return found


def _noise(draws, count):
    return np.stack([draw.standard_normal(count) for draw in draws])


def _signs(count, seed):
    """Up or down of each column, for all rows alike: a scale that is set otherwise."""
    return randomness.generator(seed, 0, "shift").choice([-1.0, 1.0], count)
