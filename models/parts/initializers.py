"""Kernel initializers, by name, and the one that suits an activation."""

import keras

from hornbook.models.checks import check_choice

INITIALIZERS = (
    "auto", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "orthogonal",
    "random_normal", "random_uniform", "truncated_normal", "variance_scaling",
)  # fmt: skip

# Functions that are about the identity at 0, or saturate on both sides, halve nothing: they keep Glorot's variance.
_GLOROT = {
    "hard_sigmoid", "hard_tanh", "linear", "log_sigmoid", "log_softmax", "sigmoid", "softmax", "softsign", "sparse_sigmoid",
    "tanh", "tanh_shrink", "hard_shrink", "soft_shrink",
}  # fmt: skip


def initializer_for(activation):
    """Return the name of the initializer that keeps the variance of signals through layers with this activation.

    He et al. (2015, equation 10) for ReLU and its kin, of which Swish, GELU and Mish are smooth forms; Glorot and Bengio (2010,
    equation 12) for sigmoid, tanh and other functions without a dead half; LeCun for SELU, whose constants assume variance
    1 / fan-in (Klambauer et al. 2017). A function of one's own gets He's.
    """
    if activation == "selu":
        return "lecun_normal"
    if activation in _GLOROT or activation is keras.activations.tanh or activation is keras.activations.sigmoid:
        return "glorot_uniform"
    return "he_normal"


def resolve_initializer(initializer, activation):
    """Return a function without arguments that makes a fresh initializer each time it is called.

    Two layers never share one: an initializer gives the same values each time it is used. Every fresh one draws its seed from
    Python's generator, which `keras.utils.set_random_seed` sets.

    Args:
        initializer: "auto" (see `initializer_for`), a name from `INITIALIZERS`, or an initializer without a seed.
        activation: The activation that follows the kernels; read by "auto" alone.

    Raises:
        ValueError: The name is unknown; every unit would start equal ("zeros", "ones"); or the initializer has a seed.
    """
    if isinstance(initializer, keras.initializers.Initializer):
        config = initializer.get_config()
        if config.get("seed") is not None:
            raise ValueError(
                f"initializer must have no seed of its own, got {type(initializer).__name__}(seed={config['seed']!r}): every layer would "
                "start from the same values; leave the seed out and call keras.utils.set_random_seed"
            )
        return lambda: type(initializer).from_config(config)
    if initializer in ("zeros", "ones", "constant"):
        raise ValueError(f"initializer {initializer!r} starts every unit equal, and equal units stay equal; take one of {_names()}")
    check_choice("initializer", initializer, INITIALIZERS, hint=", or a Keras initializer without a seed")
    name = initializer_for(activation) if initializer == "auto" else initializer
    return lambda: keras.initializers.get(name)


def _names():
    return ", ".join(INITIALIZERS)
