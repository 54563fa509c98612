"""Gradients within a compiled function, tensors in and out: of attacks of many steps, and of training steps that attack.

`training.gradients` computes those that are looked at, arrays in and out.
"""

import keras


def of_tensor(function, x):
    """The gradient of a function to one number, with respect to the tensor that it is given.

    Args:
        function: of a tensor like `x`, made of `keras.ops`. Under JAX it must assign no variable.
        x: float array or tensor.

    Returns:
        A tensor like `x`; 0 where the number does not depend on it.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.adversarial import within

    found = within.of_tensor(lambda x: keras.ops.sum(x**2), numpy.array([1.0, 3.0], "float32"))
    assert numpy.allclose(keras.ops.convert_to_numpy(found), [2, 6])
    ```
    """
    x = keras.ops.convert_to_tensor(x)
    return {"tensorflow": _in_tensorflow, "jax": _in_jax, "torch": _in_torch}[keras.backend.backend()](function, x)


def _in_tensorflow(function, x):
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        value = function(x)
    return tape.gradient(value, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def _in_jax(function, x):
    import jax

    return jax.grad(function)(x)


def _in_torch(function, x):
    import torch

    with torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        value = function(x)
        if not value.requires_grad:
            return torch.zeros_like(x)
        [gradient] = torch.autograd.grad(value, [x], allow_unused=True)
    return torch.zeros_like(x) if gradient is None else gradient


def compiled(model, function):
    """A function of tensors that uses a model, compiled as the backend does it; under PyTorch as it is.

    Args:
        model: `keras.Model`, built, whose weights may change between two calls.
        function: of tensors to a tensor or a list of tensors. It must assign no variable.

    Returns:
        A function of as many arrays or tensors. Under JAX it is compiled anew for each shape, under TensorFlow once or twice.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.adversarial import within

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    steepest = within.compiled(model, lambda x: within.of_tensor(lambda at: keras.ops.sum(model(at)), x))
    print(steepest(numpy.zeros((4, 3), "float32")))
    ```
    """
    backend = keras.backend.backend()
    if backend == "torch":
        return lambda *tensors: function(*map(keras.ops.convert_to_tensor, tensors))
    if backend == "tensorflow":
        import tensorflow as tf

        traced = tf.function(function, reduce_retracing=True)
        return lambda *tensors: traced(*map(tf.convert_to_tensor, tensors))
    import jax

    def stateless(values, *tensors):
        with keras.StatelessScope(list(zip(model.variables, values, strict=True)), collect_losses=True):
            return function(*tensors)

    jitted = jax.jit(stateless)
    return lambda *tensors: jitted([variable.value for variable in model.variables], *tensors)
