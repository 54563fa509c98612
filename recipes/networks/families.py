"""The options of networks that recipes share: those of every family of models, and those of some."""

import dataclasses
import inspect
from typing import Annotated, Literal

from hornbook.recipes.ranges import AT_LEAST_1, NOT_NEGATIVE, POSITIVE, SHARE, UP_FROM_0, Auto, Range


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """What every family of models has."""

    depth: Annotated[int, Range(0, 10_001)] | None = None
    """Layers with kernels, or blocks. Default: the model's own."""
    width: Annotated[int, Range(1, 2**16)] | None = None
    """Filters, units or features of a layer (of the first stage where there are stages; of wide variants the multiplier). Default: the
    model's own."""
    normalization: Literal["batch", "layer", "group", "instance", "rms", "none"] | None = None
    """Normalization of activations; None: the model's own."""
    groups: Annotated[int, AT_LEAST_1] | None = None
    """Groups of channels with --normalization group; 1 is layer normalization over a whole example. Default: chosen from the channels."""
    weight_normalization: Literal["none", "spectral", "standardized"] | None = None
    """Normalization of kernels. Default: none."""
    activation: str | None = None
    """Any activation of Keras that works in a network, such as relu, gelu, silu, selu, tanh or leaky_relu; in transformers swiglu, geglu
    and reglu too. Default: the model's own."""
    initializer: str = "auto"
    """Initial kernels: auto (by the activation: He, Glorot or LeCun) or the name of a Keras initializer."""
    initial_scale: Annotated[float, POSITIVE] | None = None
    """A factor on the initial kernels, such as 0.01, to see what a bad start does. Default: 1."""
    dropout: Annotated[float, SHARE] | Auto = "auto"
    """Share of features dropped: before the output layer, in an mlp and a transformer after every layer; auto: by the model."""
    l1: Annotated[float, NOT_NEGATIVE] = 0.0
    """Penalty on the absolute values of the kernels, added to the loss."""
    l2: Annotated[float, NOT_NEGATIVE] = 0.0
    """Penalty on the squares of the kernels, added to the loss."""
    max_norm: Annotated[float, NOT_NEGATIVE] = 0.0
    """Largest norm of the weights that compute one output, to which they are cut after each update, such as 3; 0 for none."""
    activity_l1: Annotated[float, NOT_NEGATIVE] = 0.0
    """Penalty on the absolute values of hidden activations, added to the loss."""
    activity_l2: Annotated[float, NOT_NEGATIVE] = 0.0
    """Penalty on the squares of hidden activations, added to the loss."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlainNetwork(Network):
    """What networks of plain layers have as well, `cnn` and `mlp`."""

    normalization_placement: Literal["before", "after"] | None = None
    """Whether normalization stands before or after the activation (cnn, mlp and tabm only). Default: before."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableNetwork(PlainNetwork):
    """What networks for tables have as well, `mlp` and `tabm`."""

    number_embedding: Literal["none", "piecewise", "periodic"] | None = None
    """What a number becomes before the first layer (mlp and tabm only): piecewise, the --bins that it has passed, or periodic, waves of
    learned frequencies; then a few learned features of each. Default: the model's own, none."""
    number_features: Annotated[int, AT_LEAST_1] | None = None
    """Features of an embedded number. Default: the model's own."""
    frequency_scale: Annotated[float, POSITIVE] | None = None
    """Spread of the initial frequencies with --number-embedding periodic, such as 0.01 to 1. Default: the model's own, 0.1."""
    scale_inputs: bool = False
    """Multiply each feature by a learned factor before the first layer (mlp and tabm only)."""
    submodels: Annotated[int, AT_LEAST_1] | None = None
    """Networks that share the hidden layers (tabm only). Default: the model's own, 16."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeepNetwork(Network):
    """What networks of convolutions, with residual branches or with attention have as well."""

    spatial_dropout: Annotated[float, SHARE] | None = None
    """Share of feature maps dropped, each from all positions or steps, behind each stage, block or module (networks of convolutions only).
    Default: 0."""

    heads: Annotated[int, AT_LEAST_1] | None = None
    """Attention heads, of which the width is a multiple (transformers only). Default: the model's own."""
    positions: Literal["learned", "sinusoidal", "rotary", "none"] | None = None
    """How a transformer tells positions apart (transformers only). Default: the model's own."""
    stochastic_depth: Annotated[float, SHARE] | None = None
    """Share of residual branches dropped in the last block, rising linearly from 0 in the first (residual networks and transformers only).
    None: the model's own."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SequenceNetwork(DeepNetwork):
    """What networks for texts and series have as well."""

    kernel_sizes: tuple[Annotated[int, AT_LEAST_1], ...] | None = None
    """Steps or tokens that each convolution sees, one number for each, such as 8 5 3 (convolutional models only). Default: the model's
    own."""
    pooling: Literal["mean", "max", "last", "attention", "class"] | None = None
    """How the steps of a sequence become one vector; last is for recurrent models, class (a learned token in front) for transformers.
    Default: the model's own."""
    bidirectional: bool = False
    """Read the sequence in both directions (recurrent models only)."""
    residual: bool = False
    """Add each layer's input to its output (recurrent models only)."""
    recurrent_normalization: Literal["none", "layer", "batch"] | None = None
    """Normalization inside the recurrence (recurrent models only). Default: none."""
    recurrent_dropout: Annotated[float, SHARE] | None = None
    """Share of the recurrent state dropped (recurrent models only). Default: 0."""
    embedding_dropout: Annotated[float, SHARE] | None = None
    """Share of the features of embeddings dropped, each from all tokens of a text (models of tokens only). Default: 0."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageNetwork(DeepNetwork, PlainNetwork):
    """What networks for images have as well."""

    downsampling: Literal["max", "stride", "blur"] | None = None
    """How maps are halved: max pooling or a stride (cnn), a stride or a blur (residual networks). Default: the model's own."""
    stem: Literal["auto", "small", "large", "patches", "convolutions"] | None = None
    """The first layers: a 3x3 convolution (small), a 7x7 one (large), or auto, as the paper of this depth has it (residual networks);
    patches, or convolutions of stride 2 (transformers). Default: the model's own."""
    block: Literal["basic", "bottleneck", "preactivation", "preactivation_bottleneck", "fixup", "fixup_bottleneck"] | None = None
    """What the residual branches are (residual networks only); fixup, convolutions between learned scalars, needs --normalization none.
    Default: the model's own."""
    shortcut: Literal["auto", "identity", "projection"] | None = None
    """What goes around a block that halves the map: positions left out, or a 1x1 convolution; auto: as the papers have it (residual
    networks only). Default: the model's own."""
    stacking: Literal["auto", "never", "always"] | None = None
    """Whether equal blocks of a stage are one layer, traced once for all of them; auto: in deep networks (residual networks only). Default:
    the model's own, auto."""
    rematerialization: bool = False
    """Keep only the blocks' inputs for the gradient and compute the rest again: less memory, more time (residual networks only)."""
    patch_size: Annotated[int, AT_LEAST_1] | None = None
    """Side in pixels of the patches that an image is cut into; it divides height and width (transformers only). Default: the model's own,
    the largest that leaves 7 patches a side."""
    patch_whitening: Annotated[int, UP_FROM_0] | None = None
    """Side in pixels of the patches that a first layer, computed from the training images, decorrelates; 0 for no such layer (airbench
    only). Default: the model's own."""


def of_network(args):
    """The options that a builder takes, and their defaults: two dicts.

    Args:
        args: a recipe's options; those of `Network` and of its subclasses are a builder's.
    """
    groups = [base for base in type(args).__mro__ if issubclass(base, Network) and base is not type(args)]
    names = list(dict.fromkeys(name for group in reversed(groups) for name in inspect.get_annotations(group)))
    return {name: getattr(args, name) for name in names}, {name: getattr(type(args), name) for name in names}
