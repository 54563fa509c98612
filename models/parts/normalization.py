"""Normalization of activations, by name: one table, and the function that reads it.

A new normalization is one entry in `NORMALIZATIONS`. Every layer here is Keras' own or is saved as Keras' own, so that a saved
model loads where Hornbook is not installed.
"""

import dataclasses
import inspect
from collections.abc import Callable

import keras

from hornbook.models.checks import check_choice
from hornbook.models.layers.batch_normalization import BatchNormalization
from hornbook.models.layers.group_normalization import GroupNormalization
from hornbook.models.layers.layer_normalization import LayerNormalization

# Keras' 0.99 needs hundreds of steps before the moving statistics mean anything: after 5 epochs on scikit-learn's digits,
# validation accuracy was 0.10 with it and 0.93 with 0.9, which is also PyTorch's.
MOMENTUM = 0.9

# The statistics below are of one example, never of almost constant values over a batch, so a small epsilon is safe: 1e-5 is Ba et
# al.'s and Wu and He's code (and PyTorch's). Keras' 1e-3 would visibly shrink features of small variance.
_EPSILON = 1e-5

# Zhang and Sennrich's root mean square is not centred, so it is smaller than a deviation only when the signal itself is: Keras' 1e-6.
_RMS_EPSILON = 1e-6


@dataclasses.dataclass(frozen=True)
class Normalization:
    """How one normalization is made.

    Attributes:
        make: `(channels, **options) -> layer`; the options are `name`, and where the layer has them `center`, `scale` and
            `gamma_initializer`.
        has_offset: Whether the layer adds an offset of its own, so that the layer before it needs no bias.
        has_scale: Whether the layer's scale can be set to start at 0.
        per_example_and_channel: Whether its statistics are over positions alone: of a single value they are that value.
        takes_mask: Whether the layer is called with a mask of the positions that count.
        mixes_positions: Whether a position's output depends on the other positions of its example, padding among them.
    """

    make: Callable
    has_offset: bool = True
    has_scale: bool = True
    per_example_and_channel: bool = False
    takes_mask: bool = False
    mixes_positions: bool = False


def group_count(channels):
    """Return the number of groups for group normalization: the largest divisor of `channels`, at most 32, with at least 4 channels each.

    Wu and He (2018, table 3) found 32 groups best, and little between 16 and 32 channels a group; smaller groups drift towards
    instance normalization, which was worse. Where no divisor leaves 4 channels, there is one group.
    """
    return max((groups for groups in range(1, 33) if channels % groups == 0 and channels // groups >= 4), default=1)


def _batch(channels, **options):
    # Epsilon stays Keras' 1e-3: a channel that is almost constant over the batch would otherwise be blown up into noise.
    return BatchNormalization(momentum=MOMENTUM, **options)


def _layer(channels, **options):
    # Over the channels of each position, as in ConvNeXt (Liu et al. 2022); over all axes is group normalization with one group.
    return LayerNormalization(axis=-1, epsilon=_EPSILON, **options)


def _group(channels, **options):
    return GroupNormalization(groups=group_count(channels), epsilon=_EPSILON, **options)


def _instance(channels, **options):
    return GroupNormalization(groups=channels, epsilon=_EPSILON, **options)


def _rms(channels, **options):
    return keras.layers.RMSNormalization(axis=-1, epsilon=_RMS_EPSILON, **options)


NORMALIZATIONS = {
    "batch": Normalization(_batch, takes_mask=True),
    "layer": Normalization(_layer),
    "group": Normalization(_group, mixes_positions=True),
    "instance": Normalization(_instance, per_example_and_channel=True, mixes_positions=True),
    "rms": Normalization(_rms, has_offset=False, has_scale=False),
    "none": None,
}


def resolve_normalization(normalization):
    """Return the `Normalization` for a name or a factory; None for "none" and None.

    Args:
        normalization: A name from `NORMALIZATIONS`, or a factory that is called as `factory(name=...)` for every place and returns a
            fresh layer; a layer class such as `keras.layers.UnitNormalization` is one.

    Raises:
        ValueError: The name is unknown.
        TypeError: A layer was given (one layer in many places would mix their statistics), or the factory takes no `name`.

    Example:
        ```python
        import functools, keras
        from hornbook import models

        exact = functools.partial(keras.layers.BatchNormalization, epsilon=1.001e-5)
        model = models.cnn((8, 8, 1), 10, normalization=exact)
        ```
    """
    if normalization is None or normalization == "none":
        return None
    if isinstance(normalization, keras.layers.Layer):
        raise TypeError(
            f"normalization must be a name or a factory, got the layer {normalization.name!r}, which every place would share; "
            f"pass a factory: lambda name: keras.layers.{type(normalization).__name__}(name=name)"
        )
    if not callable(normalization):
        check_choice("normalization", normalization, NORMALIZATIONS, hint=", or a factory (name) -> layer")
        return NORMALIZATIONS[normalization]
    return _from_factory(normalization)


def normalization_layer(kind, shape, name, **options):
    """Return the layer that normalizes a tensor of this shape.

    Args:
        kind: A `Normalization`.
        shape: The tensor's shape, (batch, ..., channels); sizes other than the channels may be None.
        name: The layer's name.
        **options: Passed on to the layer: `center`, `scale`, `gamma_initializer`.

    Raises:
        ValueError: Instance normalization of a single position, which would be 0 whatever the input.
    """
    positions = shape[1:-1]
    if kind.per_example_and_channel and all(size == 1 for size in positions):
        what = "a vector" if not positions else "a map of one position"
        raise ValueError(
            f"normalization 'instance' of {what} is always 0: one value is its own mean, at {name!r} with shape {tuple(shape)}; "
            "use 'group' or 'layer', or larger inputs"
        )
    return kind.make(shape[-1], name=name, **options)


def _from_factory(factory):
    try:
        inspect.signature(factory).bind(name="normalization")
    except TypeError as error:
        raise TypeError(f"a normalization factory is called as factory(name=...), but {factory!r} cannot be: {error}") from None
    probe = factory(name="normalization")
    if not isinstance(probe, keras.layers.Layer):
        raise TypeError(f"a normalization factory must return a Keras layer, but {factory!r} returned {probe!r}")
    if factory(name="normalization") is probe:
        raise TypeError(f"a normalization factory must make a fresh layer on each call, but {factory!r} returned one layer twice")
    # Keras' normalization layers say by `center` whether they add an offset.
    has_offset = bool(getattr(probe, "center", False))
    has_scale = hasattr(probe, "gamma_initializer")
    takes_mask = "mask" in inspect.signature(probe.call).parameters
    channels_alone = getattr(probe, "axis", -1) in (-1, [-1], (-1,)) and not isinstance(probe, keras.layers.GroupNormalization)

    def make(channels, name, gamma_initializer=None):
        layer = factory(name=name)
        if gamma_initializer is not None:
            layer.gamma_initializer = keras.initializers.get(gamma_initializer)
        return layer

    return Normalization(
        make, has_offset=has_offset, has_scale=has_scale, takes_mask=takes_mask, mixes_positions=not (takes_mask or channels_alone)
    )
