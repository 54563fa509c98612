"""What a table's columns do over many rows: how much worse answers get without one, and how the answer changes along one."""

import numpy as np

_GRID = 20  # Values of a column of numbers.
MOST_ROWS = 1000


def permutation_importance(score, rows, columns, *, repeats=5, seed=0):
    """How much a score falls when a column's values are put in another order over the rows (Breiman 2001, section 10; Fisher et al. 2019).

    Args:
        score: function from rows `(rows, inputs)` to a number, such as the share of right answers.
        rows: float array `(rows, inputs)`, of examples that training did not see.
        columns: list of lists: the places of each column's inputs, which are moved together.
        repeats: orders of each column.
        seed: of the orders.

    Returns:
        Float arrays `(columns,)`: the mean fall, and its standard deviation over the orders.

    Example:
    ```python
    import numpy
    from hornbook.inference.explain.columns import permutation_importance

    rows = numpy.random.rand(100, 2)
    labels = rows[:, 1] > 0.5
    falls, _ = permutation_importance(lambda rows: ((rows[:, 1] > 0.5) == labels).mean(), rows, [[0], [1]])
    assert falls[0] == 0 and falls[1] > 0.3
    ```
    """
    draw, before = np.random.default_rng(seed), score(rows)
    falls = np.zeros((len(columns), repeats))
    for number, places in enumerate(columns):
        for repeat in range(repeats):
            changed = rows.copy()
            changed[:, places] = rows[draw.permutation(len(rows))][:, places]
            falls[number, repeat] = before - score(changed)
    return falls.mean(axis=1), falls.std(axis=1, ddof=1) if repeats > 1 else np.zeros(len(columns))


def partial_dependence(probabilities, rows, place, values):
    """The mean probability of each class over rows in which one input is set to a value (Friedman 2001, section 8.2).

    Args:
        probabilities: function from rows `(rows, inputs)` to `(rows, classes)`.
        rows: float array `(rows, inputs)`.
        place: of the input.
        values: those that it is set to, one after the other.

    Returns:
        Float array `(values, classes)`.

    Example:
    ```python
    import numpy
    from hornbook.inference.explain.columns import partial_dependence

    rows = numpy.random.rand(50, 2)
    found = partial_dependence(lambda rows: rows, rows, 0, [0.2, 0.4])
    assert numpy.allclose(found[:, 0], [0.2, 0.4]) and numpy.allclose(found[:, 1], rows[:, 1].mean())
    ```
    """
    found = []
    for value in values:
        changed = rows.copy()
        changed[:, place] = value
        found.append(probabilities(changed).mean(axis=0))
    return np.stack(found)


def grid(values):
    """Values that a column of numbers takes: at most 20 of its quantiles, rising, each once."""
    return np.unique(np.quantile(values, np.linspace(0.02, 0.98, _GRID)).astype(np.float32))


def of_run(run, shown, part, target, most=4):
    """The columns of a run's table, the most important first: a list of JSON values.

    Args:
        run: `checks.Run`.
        shown: `media.Tables`.
        part: of the run's data, `data.dataset.Examples`.
        target: int, the class whose probability is followed along the columns.
        most: of how many columns it is followed.
    """
    rows, labels = np.asarray(part.inputs[:MOST_ROWS]), part.labels[:MOST_ROWS]

    def right(changed):
        found = run.probabilities(changed)
        if labels.ndim == 2:
            return float(((found > 0.5) == labels).mean())
        return float((np.array([run.said(row) for row in found]) == labels).mean())

    falls, spreads = permutation_importance(right, rows, shown.places, seed=run.seed)
    found = []
    for number in np.argsort(-falls, kind="stable"):
        name, places = shown.columns[number], shown.places[number]
        one = {"column": name, "fall_of_accuracy": float(falls[number]), "deviation": float(spreads[number])}
        if len(found) < most and falls[number] > 0:
            number_of = name in shown.encoding.numbers
            values = grid(rows[:, places[0]]) if number_of else np.arange(1, len(shown.encoding.categories[name]) + 1)
            means = partial_dependence(run.probabilities, rows, places[0], values)[:, target]
            named = values.tolist() if number_of else list(shown.encoding.categories[name])
            one["along"] = {"values": named, "probability": means.tolist(), "class": run.names[target]}
        found.append(one)
    return found
