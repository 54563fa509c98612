"""The nearest neighbour by Euclidean distance, in blocks by matrix products. NumPy alone."""

import numpy as np

from hornbook.evaluation.floors.tasks import log_probabilities

_AT_A_TIME = 2**24  # Distances.


def nearest(inputs, scored):
    """The place of the nearest row of `inputs` for each of `scored`: int array `(len(scored),)`; of equally near ones the first.

    Args:
        inputs, scored: float arrays `(examples, features)`.
    """
    centre = inputs.mean(axis=0)  # Distances stay, and lose fewer digits.
    inputs = inputs - centre
    squares = np.einsum("ij,ij->i", inputs, inputs)
    found = np.empty(len(scored), np.int64)
    block = max(1, _AT_A_TIME // len(inputs))
    for start in range(0, len(scored), block):
        some = slice(start, start + block)
        found[some] = (squares - 2 * (scored[some] - centre) @ inputs.T).argmin(axis=1)
    return found


def neighbour(task, inputs, labels, scored):
    """The label of the nearest training example.

    Args:
        task: `tasks.Task`.
        inputs, labels, scored: see `nearest` and `fitting.outputs`.

    Returns:
        Outputs as of `fitting.outputs`: of classes and labels, the mean of the neighbour's and of the frequencies in training.

    Example:
    ```python
    import numpy
    from hornbook.evaluation.floors.neighbours import neighbour
    from hornbook.evaluation.floors.tasks import Task

    found = neighbour(Task("classification", 2), numpy.eye(2), numpy.array([1, 0]), numpy.array([[0.9, 0.2]]))
    assert found.argmax() == 1
    ```
    """
    own = labels[nearest(inputs, scored)]
    if task.kind == "classification":
        shares = np.bincount(labels, minlength=task.count) / len(labels)
        return log_probabilities(task, (np.eye(task.count)[own] + shares) / 2, np.arange(task.count))
    if task.kind == "multi-label":
        shares = (labels.sum(axis=0) + 1) / (len(labels) + 2)
        found = (own + 0.1 * shares) / 1.1
        return np.log(found) - np.log1p(-found)
    own = own.astype(np.float64)
    return np.tile(own, (1, len(task.quantiles))) if task.quantiles else own
