"""Normalization of activations, by name: one table, and the function that reads it.

A new normalization is one entry in `NORMALIZATIONS`. Every layer here is Keras' own or is saved as Keras' own, so that a saved
model loads where Hornbook is not installed.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable

import keras

from hornbook.models.layers.batch_normalization import MOMENTUM, BatchNormalization
from hornbook.models.layers.checks import check_choice, check_count
from hornbook.models.layers.group_normalization import GroupNormalization
from hornbook.models.layers.layer_normalization import LayerNormalization

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
        groups: The number of groups that was asked for, or None.
    """

    make: Callable
    has_offset: bool = True
    has_scale: bool = True
    per_example_and_channel: bool = False
    takes_mask: bool = False
    mixes_positions: bool = False
    groups: int | None = None

    def of_single_channels(self, channels):
        """Whether each of so many channels is normalized by its own positions alone."""
        return self.per_example_and_channel or self.groups == channels

    def refuse_padding(self, name):
        """Raise a ValueError if padding would change the outputs; `name` is what the user called the normalization."""
        if self.mixes_positions:
            raise ValueError(
                f"normalization {name!r} takes its statistics over all time steps of an example, so padding would change its outputs: "
                "use 'layer', 'rms', 'batch' or 'none', or padded=False for sequences of one length"
            )


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


def _group(channels, groups=None, **options):
    if groups is None:
        groups = group_count(channels)
    if channels % groups:
        divisors = [number for number in range(1, channels + 1) if channels % number == 0]
        raise ValueError(
            f"groups must divide the channels, got groups={groups} for {channels} channels at {options.get('name')!r}; "
            f"{', '.join(map(str, divisors))} divide them"
        )
    return GroupNormalization(groups=groups, epsilon=_EPSILON, **options)


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


def resolve_normalization(normalization, groups=None):
    """Return the `Normalization` for a name or a factory; None for "none" and None.

    Args:
        normalization: A name from `NORMALIZATIONS`, or a factory that is called as `factory(name=...)` for every place and returns a
            fresh layer; a layer class such as `keras.layers.UnitNormalization` is one.
        groups: Of "group", the number of groups; None for `group_count` of the channels.

    Raises:
        ValueError: The name is unknown, or groups are given with another normalization than "group".
        TypeError: A layer was given (one layer in many places would mix their statistics), or the factory takes no `name`.

    Example:
        ```python
        import functools, keras
        from hornbook import models

        exact = functools.partial(keras.layers.BatchNormalization, epsilon=1.001e-5)
        model = models.cnn((8, 8, 1), 10, normalization=exact)
        ```
    """
    refuse_groups(normalization, groups)
    if groups is not None:
        groups = check_count("groups", groups)
        return dataclasses.replace(NORMALIZATIONS["group"], make=functools.partial(_group, groups=groups), groups=groups)
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
        ValueError: Instance normalization of a single position, which would be 0 whatever the input, or groups of one channel there;
            or groups that do not divide the channels.
    """
    positions = shape[1:-1]
    if kind.of_single_channels(shape[-1]) and all(size == 1 for size in positions):
        which = "'instance'" if kind.groups is None else f"'group' with groups={kind.groups}"
        what = "a vector" if not positions else "a map of one position"
        raise ValueError(
            f"normalization {which} of {what} is always 0: one value is its own mean, at {name!r} with shape {tuple(shape)}; "
            f"use {'fewer groups' if kind.groups else repr('group')} or 'layer', or larger inputs"
        )
    return kind.make(shape[-1], name=name, **options)


def refuse_groups(normalization, groups=None, **_):
    """Raise a ValueError for groups of anything but group normalization."""
    if groups is not None and normalization != "group":
        raise ValueError(f"groups={groups!r} is for normalization='group', got normalization={normalization!r}; leave out groups")


def refuse_instance_of_vectors(normalization, **_):
    """Raise a ValueError for instance normalization by name, in a family of vectors."""
    if _of_name(normalization) is not None and _of_name(normalization).per_example_and_channel:
        raise ValueError(f"normalization {normalization!r} of a vector is always 0: one value is its own mean; use 'group' or 'layer'")


def refuse_padding(normalization, padded, **_):
    """Raise a ValueError for a normalization by name that takes statistics over time, where there is padding."""
    if padded and _of_name(normalization) is not None:
        _of_name(normalization).refuse_padding(normalization)


def refuse_constant_means(normalization, groups, channels, fix):
    """Raise a ValueError for a normalization by name right before a mean over all positions, if that would be the same for every input.

    Of what is normalized over the positions of single channels the mean is the offset. `channels` are None where they are not known.
    """
    if _of_name(normalization) is not None and _of_name(normalization).per_example_and_channel:
        what = repr(normalization)
    elif normalization == "group" and groups is not None and groups == channels:
        what = f"'group' with groups={groups} for {channels} channels"
    else:
        return
    raise ValueError(f"normalization {what} right before mean pooling makes every output the same, whatever the input; {fix}")


def _of_name(normalization):
    return NORMALIZATIONS.get(normalization) if isinstance(normalization, str) else None


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
