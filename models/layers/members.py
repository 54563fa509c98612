"""The mean of an ensemble whose members stand side by side in one network: each learns by its own loss, all predict together."""

import math

import keras
from keras import ops

from hornbook.models.layers.checks import check_choice

MEANS = ("softmax", "sigmoid", "linear")


class Functional(keras.Model):
    """A functional model from the members' outputs to the ensemble's, which training calls without effect.

    Keras writes a layer's class to files by its name and module. With those of Keras' functional models a saved model needs no import of
    ours: loaded, it is Keras' own, and gives the ensemble's outputs in training as well.
    """

    __module__ = "keras.src.models.functional"
    __qualname__ = "Functional"
    gradient_scale = 1

    def call(self, inputs, training=None, mask=None):
        if not training:
            return super().call(inputs, training=training, mask=mask)
        # Of the same value: what is added is 0 but for its gradient.
        return inputs + (self.gradient_scale - 1) * (inputs - ops.stop_gradient(inputs)) if self.gradient_scale != 1 else inputs


def mean_of_members(outputs, activation="softmax", *, independent=False, name="mean_of_members"):
    """Give the members' outputs (batch, members, outputs) in training, else the ensemble's (batch, outputs), all float32.

    The last layer of an ensemble. Its symbolic shape is (batch, outputs). A loss for it takes the members' axis in training:
    `hornbook.training.losses.OverMembers` is the mean of the members' losses, so that each learns for itself (Lakshminarayanan et al. 2017;
    the loss of their mean would let them share the work, and none would be good alone). Evaluation sees the ensemble's outputs alone. Saved
    models have Keras' own layers here.

    Args:
        outputs: Logits, or values to predict, of all members.
        activation: What turns a member's outputs into what is averaged: "softmax" or "sigmoid" for logits, whose ensemble has the logits of
            the mean probability; or "linear" for values, whose mean it is.
        independent: Whether the members share no weights. Then the gradients are multiplied by their number, so that a member's are those
            of its own loss, and not of its share of the mean: it learns as if it were alone, also with an optimizer that is not indifferent
            to the size of gradients, or beside a penalty on the kernels.
        name: The layer's name.

    Raises:
        ValueError: The activation is none of these.

    Example:
        ```python
        import keras
        from hornbook import models
        from hornbook.training import losses

        inputs = keras.Input((20,))
        networks = [models.mlp((20,), 3, name=f"member{k}")(inputs) for k in (1, 2)]
        model = keras.Model(inputs, models.mean_of_members(keras.ops.stack(networks, axis=1), independent=True))
        loss, accuracy = losses.classification("cross-entropy")
        model.compile("adam", loss, metrics=[accuracy])
        model.fit(keras.random.normal((32, 20)), keras.ops.eye(32, 3), verbose=0)
        ```
    """
    members = keras.Input(outputs.shape[1:], dtype="float32", name="members")
    layer = Functional(members, mean_over_members(members, activation), name=name)
    layer.gradient_scale = outputs.shape[1] if independent else 1
    layer.input_spec = None  # In training a member that is an ensemble itself has a further axis.
    return layer(outputs)


def mean_over_members(outputs, activation):
    """Return the ensemble's outputs (batch, outputs) of its members' (batch, members, outputs); see `mean_of_members`."""
    check_choice("activation", activation, MEANS)
    if activation == "softmax":
        # Of logarithms, so that no probability is too small for float32.
        return ops.logsumexp(ops.log_softmax(outputs, axis=-1), axis=1) - math.log(outputs.shape[1])
    if activation == "sigmoid":
        return ops.logsumexp(ops.log_sigmoid(outputs), axis=1) - ops.logsumexp(ops.log_sigmoid(-outputs), axis=1)
    return ops.mean(outputs, axis=1)
