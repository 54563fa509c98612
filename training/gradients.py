"""Gradients of what a network says with respect to its inputs, or to what one of its layers gives, on every Keras backend.

The network is run as in inference: nothing is dropped, and normalization takes its moving statistics.
"""

import contextlib

import keras
import numpy as np


def of_inputs(model, scalar_function, x, *further):
    """The gradient of a number of each example with respect to the example; of many batches of one model, see `Gradient`.

    Args:
        model: `keras.Model` of one input, which takes floats.
        scalar_function: as of `Gradient`.
        x: float array `(batch, ...)`.
        further: as of `Gradient`.

    Returns:
        float32 array like x.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import gradients

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    found = gradients.of_inputs(model, lambda outputs: outputs[:, 1], numpy.ones((4, 3), "float32"))
    numpy.testing.assert_allclose(found[0], model.layers[0].get_weights()[0][:, 1], rtol=1e-5)
    ```
    """
    return Gradient(model, scalar_function)(x, *further)[1]


def outputs_of(model, layer, x):
    """What a layer of a model gives for inputs, in inference: array `(batch, ...)`; of a layer that is called twice, the first time.

    Args:
        model: `keras.Model`, in which the layer may lie in models in models.
        layer: one of its layers.
        x: array `(batch, ...)`.

    Raises:
        ValueError: the layer is not called.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import gradients

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(5), keras.layers.Dense(1)])
    assert gradients.outputs_of(model, model.layers[0], numpy.ones((4, 2))).shape == (4, 5)
    ```
    """
    found = []

    def see(tensor):
        found.append(keras.ops.convert_to_numpy(keras.ops.stop_gradient(tensor)))
        return tensor

    with _changed(layer, see):
        model(keras.ops.convert_to_tensor(x), training=False)
    if not found:
        raise ValueError(f"the layer {layer.name!r} is not called by {model.name!r}")
    return found[0]


class Gradient:
    """The gradient of a number of each example, for batch after batch: it is compiled once.

    Examples do not see each other in inference, so that the gradient of the sum of their numbers is each one's own.

    Args:
        model: `keras.Model` of one input. Its weights may be changed between two calls.
        scalar_function: function `(outputs, *further) -> (batch,)` of tensors, by `keras.ops`.
        layer: a layer of the model, with respect to whose outputs the gradient is; None: with respect to the inputs, which are floats.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.gradients import Gradient

    def loss(outputs, labels):
        return keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=True)

    tokens = numpy.array([[1, 2, 2], [3, 1, 0]])
    model = keras.Sequential([keras.Input((3,), dtype="int32"), keras.layers.Embedding(4, 5), keras.layers.GlobalAveragePooling1D(),
                              keras.layers.Dense(2)])
    values, gradients = Gradient(model, loss, model.layers[0])(tokens, numpy.array([0, 1]))
    assert values.shape == (2,) and gradients.shape == (2, 3, 5)
    ```
    """

    def __init__(self, model, scalar_function, layer=None):
        self.model, self.function, self.layer = model, scalar_function, layer
        self._compute = {"tensorflow": self._tensorflow, "jax": self._jax, "torch": self._torch}[keras.backend.backend()]
        self._compiled = None

    def __call__(self, x, *further, at=None):
        """The numbers `(batch,)` and their gradient `(batch, ...)`, float32 arrays.

        Args:
            x: array `(batch, ...)`, as the model takes it.
            further: arrays that the function takes behind the outputs.
            at: float array, what stands in place of the layer's outputs; None: what the layer gives for x.
        """
        if self.layer is not None and at is None:
            at = outputs_of(self.model, self.layer, x)
        x, further = keras.ops.convert_to_tensor(x), [keras.ops.convert_to_tensor(one) for one in further]
        at = x if self.layer is None else keras.ops.convert_to_tensor(at)
        if "float" not in keras.backend.standardize_dtype(at.dtype):
            raise ValueError(f"the model takes {at.dtype}, which has no gradient; name a layer that gives floats, such as its embedding")
        values, gradient = self._compute(x, at, further)
        return _numbers(values), np.zeros(at.shape, np.float32) if gradient is None else _numbers(gradient)

    def _values(self, x, at, further):
        """The function's numbers, float32, where `at` is the input or what the layer gives."""
        if self.layer is None:
            outputs = self.model(at, training=False)
        else:
            with _changed(self.layer, lambda tensor: keras.ops.copy(at)):
                outputs = self.model(x, training=False)
        return keras.ops.cast(self.function(outputs, *further), "float32")

    def _tensorflow(self, x, at, further):
        import tensorflow as tf

        if self._compiled is None:

            def compute(x, at, further):
                with tf.GradientTape() as tape:
                    tape.watch(at)
                    values = self._values(x, at, further)
                gradient = tape.gradient(values, at)
                # Of a gradient with respect to some places alone, TensorFlow keeps these.
                return values, None if gradient is None else tf.convert_to_tensor(gradient)

            self._compiled = tf.function(compute, reduce_retracing=True)
        return self._compiled(x, at, further)

    def _torch(self, x, at, further):
        import torch

        at = at.detach().clone().requires_grad_()
        with torch.enable_grad():
            values = self._values(x, at, further)
            [gradient] = torch.autograd.grad(values.sum(), [at], allow_unused=True) if values.requires_grad else [None]
        return values.detach(), gradient

    def _jax(self, x, at, further):
        import jax

        groups = (self.model.trainable_variables, self.model.non_trainable_variables)
        if self._compiled is None:

            def compute(at, x, further, values):
                pairs = [pair for group, of in zip(groups, values, strict=True) for pair in zip(group, of, strict=True)]
                with keras.StatelessScope(pairs):
                    found = self._values(x, at, further)
                return found.sum(), found

            self._compiled = jax.jit(jax.grad(compute, has_aux=True))
        gradient, values = self._compiled(at, x, further, [[variable.value for variable in group] for group in groups])
        return values, gradient


def _numbers(tensor):
    return np.array(keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32")))


@contextlib.contextmanager
def _changed(layer, change):
    """Have `change(tensor) -> tensor` called on what a layer gives the first time that it is called within the block."""
    original, calls = layer.call, []

    def call(*args, **kwargs):
        output = original(*args, **kwargs)
        calls.append(output)
        return change(output) if len(calls) == 1 else output

    layer.call = call
    try:
        yield
    finally:
        del layer.call
