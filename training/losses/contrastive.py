"""The loss of contrastive learning, NT-Xent (Chen et al. 2020, "A Simple Framework for Contrastive Learning", equation 1)."""

import keras

_FAR = -1e9  # The logit of a view and itself, which is no candidate.


def logits(embeddings, temperature):
    """How like each view is to each other view of a batch, and which of them is its partner.

    Args:
        embeddings: float `(pairs, 2, size)`: of each example its two views.
        temperature: by which cosines are divided.

    Returns:
        float32 `(2 * pairs, 2 * pairs)`, first views then second ones, a view and itself about -1e9; and int32 `(2 * pairs,)`.
    """
    ops = keras.ops
    embeddings = ops.cast(embeddings, "float32")
    views = ops.concatenate([embeddings[:, 0], embeddings[:, 1]], axis=0)
    views = views / ops.maximum(ops.norm(views, axis=-1, keepdims=True), 1e-12)
    count = ops.shape(views)[0]
    places = ops.arange(count)
    found = ops.matmul(views, ops.transpose(views)) / temperature
    found = ops.where(ops.equal(places[:, None], places[None, :]), _FAR, found)
    return found, ops.mod(places + count // 2, count)


@keras.saving.register_keras_serializable(package="hornbook")
class NTXent(keras.losses.Loss):
    """The cross-entropy of telling a view's partner from all other views of the batch, the mean of both directions.

    With p pairs a guess has log(2p - 1).

    Args:
        temperature: by which cosines are divided, 0.5 by default, as for CIFAR-10 in the paper (appendix B.9).

    Example:
    ```python
    import keras
    from hornbook.training import losses

    pairs = keras.random.normal((16, 2, 8, 8, 1))
    inputs = keras.Input((2, 8, 8, 1))
    outputs = keras.layers.Dense(4)(keras.layers.Reshape((2, 64))(inputs))
    model = keras.Model(inputs, outputs)
    model.compile("adam", losses.NTXent(), metrics=[losses.partner_accuracy()])
    model.fit(pairs, keras.ops.zeros((16, 1)), verbose=0)
    ```
    """

    def __init__(self, temperature=0.5, name="nt_xent", **options):
        super().__init__(name=name, **options)
        self.temperature = temperature

    def call(self, y_true, y_pred):
        """The loss of each pair `(pairs,)`; `y_true` is not looked at."""
        found, partners = logits(y_pred, self.temperature)
        each = keras.ops.sparse_categorical_crossentropy(partners, found, from_logits=True)
        return keras.ops.mean(keras.ops.reshape(each, (2, -1)), axis=0)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}


def partner_accuracy():
    """A metric "accuracy": the share of views whose nearest other view of the batch is their partner."""

    def accuracy(y_true, y_pred):
        found, partners = logits(y_pred, 1.0)
        right = keras.ops.cast(keras.ops.equal(keras.ops.argmax(found, axis=-1), partners), "float32")
        return keras.ops.mean(keras.ops.reshape(right, (2, -1)), axis=0)

    return keras.metrics.MeanMetricWrapper(accuracy, name="accuracy")
