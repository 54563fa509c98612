"""Labels that are probably wrong, by networks that were not trained on them: confident learning (Northcutt et al. 2021)."""

import importlib.util

import numpy as np

from hornbook import UserError


def require():
    """Refuse to go on without cleanlab.

    Raises:
        UserError: with how to install it.
    """
    if importlib.util.find_spec("cleanlab") is None:
        raise UserError("hornbook labels needs cleanlab; pip install 'hornbook[labels]'")


def suspects(labels, probabilities):
    """The examples in the order in which their labels are suspect, the most suspect first.

    Args:
        labels: int array `(examples,)`; a class may have no example.
        probabilities: float array `(examples, classes)`, out of fold: of networks that were not trained on the example.

    Returns:
        Three arrays `(examples,)`: places in the order of suspicion; of each example, in the order of the arguments, how good its label is,
        from 0 to 1; and whether it is taken for wrong, given how sure the network is of each class elsewhere.

    Raises:
        UserError: there is no cleanlab.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import label_issues

    labels = numpy.array([0, 0, 0, 1, 1, 1])
    probabilities = numpy.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]])
    order, quality, wrong = label_issues.suspects(labels, probabilities)
    print(order[0], quality.round(2), wrong)
    ```
    """
    require()
    from cleanlab import filter as finding
    from cleanlab import rank

    # Classes without an example are unknown to it; what is said of them is shared out among the others.
    there, numbers = np.unique(labels, return_inverse=True)
    shares = np.maximum(np.asarray(probabilities, np.float64)[:, there], 1e-12)
    shares /= shares.sum(axis=1, keepdims=True)
    quality = rank.get_label_quality_scores(numbers, shares, method="self_confidence")
    wrong = np.zeros(len(labels), bool)
    if len(there) > 1:
        # One process: the work of seconds, and a program that is called from a notebook should start no others.
        wrong = finding.find_label_issues(numbers, shares, filter_by="prune_by_noise_rate", n_jobs=1)
    return np.argsort(quality, kind="stable"), quality, wrong
