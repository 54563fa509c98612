"""Kernel initializers, by name, and the one that suits an activation."""

import keras

from hornbook.models.layers.checks import check_choice

INITIALIZERS = (
    "auto", "dirac", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "orthogonal",
    "random_normal", "random_uniform", "truncated_normal", "variance_scaling",
)  # fmt: skip

# Functions that are about the identity at 0, or saturate on both sides, halve nothing: they keep Glorot's variance.
_GLOROT = {
    "hard_sigmoid", "hard_tanh", "linear", "log_sigmoid", "log_softmax", "sigmoid", "softmax", "softsign", "sparse_sigmoid",
    "tanh", "tanh_shrink", "hard_shrink", "soft_shrink",
}  # fmt: skip


class Dirac(keras.initializers.VarianceScaling):
    """Kernels whose first filters pass on one input channel each, the first the first; the other filters are random.

    Of a convolution `(..., channels, filters)` the tap in the middle is the identity, of a dense layer `(features, units)` the matrix
    (Zagoruyko and Komodakis 2017, "DiracNets"; Jordan 2024, section 3.2, from where it is that filters beyond the channels stay random:
    uniform, of variance 1 / (3 fan-in)). A saved model has the random part alone in its place, Keras' own `VarianceScaling`.

    Args:
        seed: Of the random filters; None draws one.
    """

    def __init__(self, seed=None):
        super().__init__(scale=1 / 3, mode="fan_in", distribution="uniform", seed=seed)

    def __call__(self, shape, dtype=None):
        *taps, channels, filters = shape
        kernel = keras.ops.convert_to_numpy(super().__call__(shape, dtype="float32")).copy()
        same = min(channels, filters)
        kernel[..., :same] = 0
        kernel[(*(size // 2 for size in taps), range(same), range(same))] = 1
        return keras.ops.convert_to_tensor(kernel, dtype)

    def clone(self):
        return type(self)(self._init_seed)


# Keras writes an initializer's class to files by these two names.
Dirac.__module__, Dirac.__name__ = "keras.initializers", "VarianceScaling"


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
    if initializer == "dirac":
        return Dirac
    name = initializer_for(activation) if initializer == "auto" else initializer
    return lambda: keras.initializers.get(name)


def scaled_initializer(make, factor):
    """Return an initializer of kernels that are `factor` times as large as those of what `make()` returns.

    Raises:
        ValueError: The factor is neither 0 nor 1, and the initializer's scale is not known.
    """
    if factor == 0:
        return keras.initializers.Zeros()
    initializer = make()
    if factor == 1:
        return initializer
    if not isinstance(initializer, keras.initializers.VarianceScaling) or isinstance(initializer, Dirac):
        kind = type(initializer).__name__
        raise ValueError(f"kernels that start smaller take initializer 'auto', or one of He, Glorot and LeCun, got {kind}")
    options = {"mode": initializer.mode, "distribution": initializer.distribution, "seed": initializer.seed}
    scaled = keras.initializers.VarianceScaling(initializer.scale * factor**2, **options)
    scaled._init_seed = initializer._init_seed  # A clone draws a seed of its own, and one alone.
    return scaled


def refuse_dirac(initializer=None, **_):
    """Raise a ValueError for Dirac kernels, in a family with kernels that cannot pass on their inputs."""
    if initializer == "dirac":
        raise ValueError(
            "initializer 'dirac' is for convolutions and dense layers, which can pass on their inputs; kernels of attention and of a "
            "recurrence cannot: use 'orthogonal' or 'auto'"
        )


def _names():
    return ", ".join(INITIALIZERS)
