"""Whether two parts are of one distribution: a classifier that can tell their examples apart says that they are not.

Lopez-Paz and Oquab (2017, "Revisiting classifier two-sample tests"), with the area under the ROC curve in place of the accuracy.
"""

import dataclasses
import math
import warnings

import numpy as np

from hornbook.data.suspicion import vectors

_FEWEST = 20  # Examples, or groups, of a part.
_MOST = 2000
_TOLD_APART = 0.1  # By which the area under the ROC curve is above that of chance, whatever the number of examples.
# Standard errors of the area by chance. Of a classifier that is trained on few examples it varies 1.5 times as much as the formula says:
# 0.049 where that is 0.038 (60 and 540 series of SyntheticControl, 30 random splits), 0.073 where it is 0.047 (40 and 1,060 normal rows).
_ERRORS = 6.0
_DIRECTIONS = 24
_FOLDS = 3


@dataclasses.dataclass(frozen=True)
class Drift:
    """How well examples of two parts can be told apart.

    Attributes:
        auc: area under the ROC curve of a classifier, on examples that it was not trained on; 0.5: not at all.
        bar: what chance hardly exceeds.
        feature: the input that alone tells them apart best, and its mean in both parts: (name, mean, mean in the first), or None.
    """

    auc: float
    bar: float
    feature: tuple | None

    def __bool__(self):
        return self.auc > self.bar


def between(dataset, part, inputs, places):
    """The `Drift` of a part against the training part; None where there are too few examples.

    Args:
        dataset: `data.dataset.Dataset`.
        part: name of the part.
        inputs, places: dicts as of `duplicates.between`.
    """
    from sklearn.metrics import roc_auc_score

    chosen = {name: _evenly(len(places[name])) for name in (part, "train")}
    features, names = _features(dataset, {name: _some(inputs[name], own) for name, own in chosen.items()}, part)
    which = np.repeat([1, 0], [len(chosen[part]), len(chosen["train"])])
    groups = [dataset.groups_of(dataset.part(name)) for name in (part, "train")]
    groups = (
        None if any(one is None for one in groups) else [own[places[name][chosen[name]]] for name, own in zip(chosen, groups, strict=True)]
    )
    sizes = [
        len(chosen[name]) if groups is None else len(set(own.tolist())) for name, own in zip(chosen, groups or [None] * 2, strict=True)
    ]
    if min(sizes) < _FEWEST:
        return None
    told = _told_apart(dataset, features, which, None if groups is None else np.concatenate(groups).astype(str))
    error = math.sqrt((sum(sizes) + 1) / (12 * sizes[0] * sizes[1]))  # Of the area by chance (Mann and Whitney 1947).
    return Drift(float(roc_auc_score(which, told)), 0.5 + max(_TOLD_APART, _ERRORS * error), _most_different(features, which, names))


def _evenly(count):
    return np.arange(count) if count <= _MOST else np.linspace(0, count - 1, _MOST).astype(int)


def _some(inputs, places):
    return [inputs[place] for place in places] if isinstance(inputs, list) else inputs[places]


def _told_apart(dataset, features, which, groups):
    """How likely each example is of the part, by a classifier that was trained on others: float array `(examples,)`."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    folds = (StratifiedKFold if groups is None else StratifiedGroupKFold)(_FOLDS, shuffle=True, random_state=0)
    told = np.zeros(len(which))
    for learned, asked in folds.split(np.zeros(len(which)), which, groups):
        if dataset.medium == "texts":
            model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=200)
        else:
            model = HistGradientBoostingClassifier(max_iter=40, learning_rate=0.1, max_leaf_nodes=8, random_state=0, early_stopping=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(features[learned], which[learned])
        told[asked] = model.decision_function(features[asked])
    return told


def _features(dataset, inputs, part):
    """What the classifier is given, `(examples, features)`, those of the part first; and the names of columns, or None."""
    both = [inputs[part], inputs["train"]]
    if dataset.medium == "texts":
        from sklearn.feature_extraction.text import HashingVectorizer

        return HashingVectorizer(n_features=2**14, alternate_sign=False).transform([*both[0], *both[1]]).tocsr(), None
    if dataset.medium == "tables":
        return np.concatenate([np.asarray(some, np.float32) for some in both]), list(dataset.encoding.inputs)
    known, scale = vectors.vectors(dataset, both[1])
    asked, _ = vectors.vectors(dataset, both[0], scale)
    # Random directions: principal ones of the training examples fit these better than others, and would tell the parts apart.
    directions = np.random.default_rng(0).normal(size=(known.shape[1], _DIRECTIONS)) / np.sqrt(known.shape[1])
    short = np.concatenate([asked, known]) @ directions
    return np.concatenate([short, np.concatenate([_summary(some) for some in both])], axis=1), None


def _summary(inputs):
    """Mean, deviation, least and most of each image or series, and the length of a series: `(examples, 5)`."""
    return np.array([[np.nanmean(one), np.nanstd(one), np.nanmin(one), np.nanmax(one), len(one)] for one in inputs], np.float32)


def _most_different(features, which, names):
    if names is None:
        return None
    from sklearn.metrics import roc_auc_score

    apart = [abs(roc_auc_score(which, features[:, column]) - 0.5) for column in range(features.shape[1])]
    column = int(np.argmax(apart))
    means = [float(features[which == one, column].mean()) for one in (1, 0)]
    return names[column], *means
