"""What makes two runs of one seed the same, set for the length of a block."""

import contextlib

import keras

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


@contextlib.contextmanager
def settings(*, seed, precision="float32"):
    """Seed Keras, NumPy and the backend, and set the dtype policy; the policy is as before afterwards.

    Args:
        seed: integer; initial weights and dropout are drawn from it.
        precision: `float32`, or `bfloat16` for computation in bfloat16 with weights in float32.
    """
    before = keras.config.dtype_policy()
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
