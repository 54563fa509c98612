"""A linear model of texts on naive-Bayes log-count ratios: hard to beat on short texts."""

import keras
import numpy as np

from hornbook.data.texts.log_count_ratios import log_count_ratios, presence

_REGULARIZATION = 1.0  # C of the logistic regression; on validation data of three sets, 0.1 and 10 were no better (docs/data/texts.md).
_MOST_TEXTS = 100_000  # That the linear model is fitted to: of more it gains little, and takes minutes.


class NaiveBayes:
    """Logistic regression, one class against the others, on which tokens a text has, each scaled by its log-count ratio.

    Wang and Manning (2012), "Baselines and Bigrams". With pairs of words as tokens it is hard to beat on short texts.

    Args:
        tokens: of the training texts: has `labels` `(texts,)`, `lengths` and `padded(positions, length)`, such as `data.texts.Tokens`. Ids
            0 (padding) and 1 (unknown) do not count.
        num_classes: how many classes there are.
        vocabulary_size: how many ids there are.
        seed: of the choice among more than 100,000 texts.
        weights: float array `(texts,)`, what each text counts in the logistic regression, of mean 1; None: all the same.

    Attributes:
        weights: float32 array `(ids, classes)`.
        biases: float32 array `(classes,)`.

    Example:
    ```python
    import keras
    from hornbook import data
    from hornbook.data.texts import tokenizing
    from hornbook.training.classical.mixing import mixed
    from hornbook.training.classical.naive_bayes import NaiveBayes

    texts = data.texts.from_texts(["good film", "a bad film"] * 8, [1, 0] * 8)
    tokenizer = tokenizing.fit(texts.train.texts())
    linear = NaiveBayes(data.texts.encode(texts.train, tokenizer), 2, tokenizer.vocabulary_size)
    network = keras.Sequential([keras.layers.Embedding(tokenizer.vocabulary_size, 4), keras.layers.GRU(4), keras.layers.Dense(2)])
    network.build((None, None))
    network.compile("adam", "mse")
    print(mixed(network, linear, 0.5)(tokenizer.batch(["a good film"])))
    ```
    """

    def __init__(self, tokens, num_classes, vocabulary_size, seed=0, weights=None):
        from sklearn.linear_model import LogisticRegression

        positions = np.arange(len(tokens))
        if len(positions) > _MOST_TEXTS:
            positions = np.sort(np.random.default_rng(seed).choice(positions, _MOST_TEXTS, replace=False))
        found, labels = presence(tokens, positions, vocabulary_size), tokens.labels[positions]
        weights = None if weights is None else weights[positions]
        self.weights = np.zeros((vocabulary_size, num_classes), np.float32)
        self.biases = np.full(num_classes, -np.inf, np.float32)
        for label in np.unique(labels):
            own = labels == label
            if own.all():
                self.biases[label] = 0.0
                continue
            ratio = log_count_ratios(found, own)
            fitted = LogisticRegression(C=_REGULARIZATION, max_iter=1000).fit(found.multiply(ratio).tocsr(), own, weights)
            self.weights[:, label] = ratio * fitted.coef_[0]
            self.biases[label] = fitted.intercept_[0]
        self.biases = np.maximum(self.biases, -30.0)  # A class without an example: near 0, and finite.

    def outputs(self, ids):
        """Logarithms of the probabilities, of a Keras tensor of token ids `(batch, tokens)`, padded with 0: a tensor `(batch, classes)`.

        They are sigmoids of one class against the others, brought to a sum of 1.
        """
        ops = keras.ops
        # In order, a token that stands there already is its left neighbour.
        ordered = ops.sort(ids, axis=1)
        first = ops.pad(ops.cast(ops.not_equal(ordered[:, 1:], ordered[:, :-1]), "float32"), ((0, 0), (1, 0)), constant_values=1.0)
        table = keras.layers.Embedding(*self.weights.shape, trainable=False, dtype="float32", name="naive_bayes_weights")
        summed = ops.sum(table(ordered) * ops.expand_dims(first, -1), axis=1)
        table.set_weights([self.weights])
        return ops.log_softmax(ops.log_sigmoid(summed + self.biases))


def known_only(size):
    """What a network is given that knows fewer ids: those behind them, of runs of tokens, are padding to it."""
    return lambda ids: keras.ops.where(keras.ops.less(ids, size), ids, keras.ops.zeros_like(ids))
