"""What makes two runs of one seed the same, set for the length of a block."""

import contextlib
import pathlib

import keras

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
PRECISIONS = (*POLICIES, "auto")
_AMPERE = 8  # The major compute capability of NVIDIA's first GPUs with bfloat16 arithmetic.


@contextlib.contextmanager
def settings(*, seed):
    """Seed Keras, NumPy and the backend; the dtype policy is as before afterwards.

    Args:
        seed: integer; initial weights and dropout are drawn from it.
    """
    before = keras.config.dtype_policy()
    keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def use_precision(precision):
    """Set the dtype policy, for layers that are made from now on.

    Args:
        precision: `float32`; `bfloat16` or `float16` for computation in these with weights in float32 (Keras then scales the loss of
            float16, whose small gradients would be 0); `auto` for bfloat16 where `has_bfloat16`, else float32.

    Returns:
        The precision, with `auto` resolved.
    """
    if precision == "auto":
        precision = "bfloat16" if has_bfloat16() else "float32"
    keras.config.set_dtype_policy(POLICIES[precision])
    return precision


def has_bfloat16():
    """Whether the machine computes in bfloat16 itself: its first accelerator, if the backend has one, else its processor."""
    accelerator = {"tensorflow": _tensorflow_accelerator, "jax": _jax_accelerator, "torch": _torch_accelerator}
    found = accelerator[keras.backend.backend()]()
    return _processor() if found is None else found


def _processor():
    """By Linux' list of the processor's instructions; elsewhere it is not known, and not claimed."""
    with contextlib.suppress(OSError):
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        flags = next((line.split() for line in lines if line.startswith("flags")), [])
        return "avx512_bf16" in flags or "amx_bf16" in flags
    return False


def _tensorflow_accelerator():
    """Whether TensorFlow's first GPU or TPU has bfloat16; None where it has neither."""
    import tensorflow

    if tensorflow.config.list_physical_devices("TPU"):
        return True
    gpus = tensorflow.config.list_physical_devices("GPU")
    if not gpus:
        return None
    return tensorflow.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0,))[0] >= _AMPERE


def _jax_accelerator():
    """The same of JAX's first device."""
    import jax

    device = jax.devices()[0]
    if device.platform == "cpu":
        return None
    return device.platform == "tpu" or float(getattr(device, "compute_capability", 0)) >= _AMPERE


def _torch_accelerator():
    """The same of PyTorch's first GPU."""
    import torch

    return torch.cuda.get_device_capability()[0] >= _AMPERE if torch.cuda.is_available() else None
