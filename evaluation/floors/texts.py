"""Classical models of texts: words and pairs of words, weighed by TF-IDF or by naive-Bayes log-count ratios, in logistic regression."""

import numpy as np

from hornbook.data.texts.log_count_ratios import log_count_ratios
from hornbook.evaluation.floors import fitting, tasks

_BUCKETS = 2**20  # That words and pairs of words are hashed to, so that no vocabulary is kept.
_MOST_WEIGHTS = 2_000_000  # Of all classes; of more features than these allow, the most frequent are kept.
_WORDS = r"\w+"
_WORDS_AND_MARKS = r"\w+(?:'\w+)?|[^\w\s]"  # Don't is one word; a question mark tells much of a question.


def tfidf(task, inputs, labels, scored):
    """Logistic regression on TF-IDF of words, punctuation marks, and pairs of neighbouring ones.

    Args:
        task: `tasks.Task`, not of numbers.
        inputs, scored: lists of texts.
        labels: of training, see `fitting.outputs`.

    Returns:
        Outputs for `scored`, see `fitting.outputs`.
    """
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression

    counts, other = _counts(task, inputs, scored, _WORDS_AND_MARKS)
    weighing = TfidfTransformer(sublinear_tf=True).fit(counts)
    features, other = weighing.transform(counts), weighing.transform(other)
    return fitting.outputs(task, lambda: LogisticRegression(C=10.0, max_iter=300), None, features, labels, other)


def ratios(task, inputs, labels, scored):
    """Logistic regression on naive-Bayes log-count ratios (Wang and Manning, 2012), each class against the others.

    A word or pair of words counts once a text. Arguments as of `tfidf`.
    """
    counts, other = _counts(task, inputs, scored, _WORDS)
    counts.data[:] = 1
    other.data[:] = 1
    if task.kind == "multi-label":
        return np.stack([_weighed(counts, one, other) for one in labels.T], axis=1)
    classes = fitting.require_classes(labels)
    if len(classes) == 2:
        second = _weighed(counts, labels == classes[1], other)
        logits = np.stack([-second / 2, second / 2], axis=1)
    else:
        logits = np.stack([-np.logaddexp(0, -_weighed(counts, labels == one, other)) for one in classes], axis=1)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return tasks.log_probabilities(task, shares / shares.sum(axis=1, keepdims=True), classes)


def _weighed(counts, members, other):
    """Logits `(texts,)` of one class against the others."""
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    ratio = sparse.diags_array(log_count_ratios(counts, members))
    return fitting.label_logits(lambda: LogisticRegression(C=1.0, max_iter=300), counts @ ratio, np.asarray(members), other @ ratio)


def _counts(task, inputs, scored, words):
    """How often each text has each of the words, and pairs of them, that training has: two sparse matrices."""
    from sklearn.feature_extraction.text import HashingVectorizer

    options = {"ngram_range": (1, 2), "token_pattern": words, "n_features": _BUCKETS}
    hashing = HashingVectorizer(alternate_sign=False, norm=None, **options)
    counts, other = hashing.transform(inputs), hashing.transform(scored)
    frequency = np.bincount(counts.indices, minlength=_BUCKETS)
    known = np.argsort(-frequency, kind="stable")[: min((frequency > 0).sum(), _MOST_WEIGHTS // task.count)]
    if not len(known):
        raise tasks.LeftOutError("no text has a word")
    known = np.sort(known)
    return counts[:, known], other[:, known]
