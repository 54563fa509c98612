"""The layers that a network is made of, with its options resolved once."""

import keras

from hornbook.models.layers.checks import check_choice, check_count, check_penalty, check_rate, check_scale
from hornbook.models.layers.weight_normalization import StandardizedConv1D, resolve_weight_normalization
from hornbook.models.parts.activations import resolve_activation
from hornbook.models.parts.initializers import resolve_initializer, scaled_initializer
from hornbook.models.parts.normalization import normalization_layer, resolve_normalization
from hornbook.models.parts.sequences import apply_mask, call_masked

# Where the normalization of a hidden layer is: before its activation (Ioffe and Szegedy 2015, section 3.2) or after (Mishkin et al. 2017).
PLACEMENTS = ("before", "after")

# What `initial_scale` multiplies: the kernels of dense, convolutional, attention and recurrent layers. Embeddings are a table of features
# and no product with them, and a scale or an offset starts at 1 or 0.
KERNELS = ("kernel", "recurrent_kernel")


class Parts:
    """Makes the layers of one network; each method takes a tensor and returns one.

    A builder makes one `Parts` of its options and hands it to its blocks, which know nothing about options.

    Args:
        use_bias: "auto", True or False. "auto" leaves out the biases of hidden kernels when the normalization adds an offset of its own,
            which would make them redundant, and keeps them before RMS normalization (no offset) and without normalization.
        mask: Boolean (batch, time), False where a sequence is padding, or None. Convolutions then see zeros there, and batch
            normalization leaves it out of its statistics. One mask serves the whole network, so nothing in it may change the time axis.
        normalization_placement: "before" or "after" the activation, for blocks that call `norm_and_act`.

    The other arguments are those of the builders (see `resnet`).
    """

    def __init__(
        self,
        *,
        normalization,
        groups,
        weight_normalization,
        activation,
        initializer,
        initial_scale,
        dropout,
        l1,
        l2,
        spatial_dropout=0.0,
        max_norm=0.0,
        activity_l1=0.0,
        activity_l2=0.0,
        normalization_placement="before",
        use_bias="auto",
        mask=None,
    ):
        self.normalization = resolve_normalization(normalization, groups)
        self._in_one_group = resolve_normalization("group", 1) if normalization == "group" else self.normalization
        self.mask = mask
        if mask is not None and self.normalization is not None:
            self.normalization.refuse_padding(normalization)
        self._after = check_choice("normalization_placement", normalization_placement, PLACEMENTS) == "after"
        self._conv1d, self._conv2d, self._dense = resolve_weight_normalization(weight_normalization)
        self._activation = resolve_activation(activation)
        self._initializer = resolve_initializer(initializer, activation)
        # No activation follows the output layer, so "auto" is Glorot's there; and no output is a feature that "dirac" could pass on.
        self._output_initializer = resolve_initializer("glorot_uniform" if initializer in ("auto", "dirac") else initializer, "linear")
        self._initial_scale = check_scale("initial_scale", initial_scale)
        self._dropout = check_rate("dropout", dropout)
        self._spatial_dropout = check_rate("spatial_dropout", spatial_dropout)
        self._l1, self._l2 = check_penalty("l1", l1), check_penalty("l2", l2)
        self._max_norm = check_penalty("max_norm", max_norm, "the largest norm of kernels, or 0")
        self._activity = {"l1": check_penalty("activity_l1", activity_l1), "l2": check_penalty("activity_l2", activity_l2)}
        if use_bias not in ("auto", True, False):
            raise ValueError(f"use_bias must be 'auto', True or False, got {use_bias!r}")
        # An offset behind the activation stands in for no bias before it.
        offset_follows = self.normalization is not None and self.normalization.has_offset and not self._after
        self.use_bias = not offset_follows if use_bias == "auto" else bool(use_bias)

    def conv(self, x, filters, kernel_size, strides=1, *, name, padding="same", factor=1.0):
        """Convolve (batch, time, channels) or (batch, height, width, channels); the kernel starts so many times as large, or at 0."""
        in_time = len(x.shape) == 3
        kind = self._conv1d if in_time else self._conv2d
        # A kernel over one input has no deviation to standardize.
        if kind is StandardizedConv1D and kernel_size * x.shape[-1] == 1:
            kind = keras.layers.Conv1D
        layer = kind(
            filters,
            kernel_size,
            strides,
            padding=padding,
            data_format="channels_last",
            use_bias=self.use_bias,
            kernel_initializer=scaled_initializer(self._initializer, factor),
            kernel_regularizer=self._regularizer(),
            name=name,
        )
        # A window of one step never reaches from padding into the sequence.
        return layer(apply_mask(x, self.mask) if in_time and kernel_size > 1 else x)

    def separable_conv(self, x, filters, kernel_size, dilation, *, name):
        """Convolve each channel of (batch, time, channels) by itself, every `dilation`-th step, then map the channels to `filters`.

        As in Keras' separable layers, the initializer counts all channels as inputs of a depthwise kernel, so it starts small. Started by
        the one channel that it sees, LITE was worse on four sets of five and better on none (benchmarks/notes/series.md).
        """
        layer = keras.layers.DepthwiseConv1D(
            kernel_size,
            dilation_rate=dilation,
            padding="same",
            data_format="channels_last",
            use_bias=False,
            depthwise_initializer=self._initializer(),
            depthwise_regularizer=self._regularizer(),
            name=f"{name}_depthwise",
        )
        return self.conv(layer(apply_mask(x, self.mask)), filters, 1, name=f"{name}_conv")

    def dense(self, x, units, *, name):
        layer = self._dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=self._initializer(),
            kernel_regularizer=self._regularizer(),
            name=name,
        )
        return layer(x)

    def norm(self, x, *, name, zero=False, one_group=False):
        """Normalize; with `zero` the scale starts at 0, with `one_group` group normalization has one group, whatever `groups` says.

        Without normalization this is the tensor itself.
        """
        if self.normalization is None:
            return x
        options = {"gamma_initializer": "zeros"} if zero else {}
        layer = normalization_layer(self._in_one_group if one_group else self.normalization, x.shape, name, **options)
        masked = len(x.shape) == 3 and self.normalization.takes_mask
        return call_masked(layer, x, self.mask if masked else None)

    def act(self, x, *, name):
        return self.penalized(self._activation(name, len(x.shape))(x), name=f"{name}_penalty")

    def penalized(self, x, *, name):
        """Add the penalty on activations to the model's losses, of a sequence at the steps that count; without one this is x itself."""
        if not any(self._activity.values()):
            return x
        # In 16 bits a sum of squares would overflow.
        layer = keras.layers.ActivityRegularization(**self._activity, dtype="float32", name=name)
        return layer(apply_mask(x, self.mask) if len(x.shape) == 3 else x)

    def norm_and_act(self, x, *, norm, act):
        """Normalize by a layer of the one name, then activate by one of the other; or activate first, where the placement is "after"."""
        if self._after:
            return self.norm(self.act(x, name=act), name=norm)
        return self.act(self.norm(x, name=norm), name=act)

    def dropout(self, x, *, name):
        return self.drop(x, self._dropout, name=name)

    def drop(self, x, rate, *, name):
        """Drop single features at a rate of one's own; at rate 0 this is the tensor itself."""
        return keras.layers.Dropout(rate, name=name)(x) if rate else x

    def drop_maps(self, x, *, name):
        """Drop whole maps (batch, height, width, channels), or channels (batch, time, channels); at rate 0 this is the tensor itself."""
        if not self._spatial_dropout:
            return x
        if len(x.shape) == 3:
            return keras.layers.SpatialDropout1D(self._spatial_dropout, name=name)(x)
        return keras.layers.SpatialDropout2D(self._spatial_dropout, data_format="channels_last", name=name)(x)

    def drop_branch(self, x, rate, *, name):
        """Drop the whole tensor of an example, and rescale the others; at rate 0 this is the tensor itself."""
        if not rate:
            return x
        # Plain dropout with one draw an example is stochastic depth, and is saved as what it is.
        return keras.layers.Dropout(rate, noise_shape=(None, *(1 for _ in x.shape[1:])), name=name)(x)

    def linear(self, x, units, *, name, use_bias=True, dtype=None):
        """Map features linearly, where no activation follows and the kernel is never normalized."""
        layer = keras.layers.Dense(
            units,
            use_bias=use_bias,
            kernel_initializer=self._output_initializer(),
            kernel_regularizer=self._regularizer(),
            dtype=dtype,
            name=name,
        )
        return layer(x)

    def linear_each(self, x, units, *, name):
        """Map features linearly to float32 values, by a kernel for each member: (batch, members, features) to (batch, members, units)."""
        features = x.shape[-1]
        layer = keras.layers.EinsumDense(
            "bmi,mio->bmo",
            (x.shape[1], units),
            bias_axes="mo",
            # As of PyTorch's dense layers. Those of Keras would take the members for inputs too.
            kernel_initializer=keras.initializers.RandomUniform(-(features**-0.5), features**-0.5),
            kernel_regularizer=self._regularizer(),
            dtype="float32",
            name=name,
        )
        return layer(x)

    def model(self, inputs, x, num_outputs, *, name):
        """Return the model from `inputs` to float32 logits (batch, num_outputs) of the features x, with its initial kernels scaled.

        The output's kernel is never normalized: logits need a free scale.
        """
        # Losses of 16-bit logits lose digits that training needs.
        logits = self.linear(x, check_count("num_outputs", num_outputs), name="logits", dtype="float32")
        return self.scaled(keras.Model(inputs, logits, name=name))

    def scaled(self, model):
        """Return the model with its initial kernels scaled, and their norms constrained."""
        # The kernels themselves and not their initializers: so it is the same for all, and a saved model needs no initializer of ours.
        if self._initial_scale != 1:
            for variable in model.trainable_variables:
                if variable.name in KERNELS:
                    variable.assign(variable * self._initial_scale)
        # The variables too: so it is the same for stacked blocks, recurrent layers and attention.
        if self._max_norm:
            for variable in model.trainable_variables:
                if variable.name in KERNELS:
                    first = 1 if hasattr(variable, "blocks") else 0
                    axes = list(range(first, len(variable.shape) - 1))
                    variable.constraint = keras.constraints.MaxNorm(self._max_norm, axes)
        return model

    def _regularizer(self):
        return keras.regularizers.L1L2(self._l1, self._l2) if self._l1 or self._l2 else None
