"""Search spaces: functions from KerasTuner's hyperparameters to options of a recipe or of a model builder.

Each is plain `space(hp) -> dict`, so it works in any `keras_tuner` tuner. An option that matters only with another stands in the
conditional scope of that one, and is left out of the dict where it does not matter. `only` names the options that can be used (a recipe's
flags, a builder's keywords); the others are neither registered nor returned. As a dict it gives the values that each takes as well, or
None for any: an option of which fewer than two values are left is left out.
"""

_ACTIVATIONS = ("relu", "gelu", "silu", "tanh", "leaky_relu")


class _Options:
    """Register hyperparameters and collect their values, of those options alone that are in `only`."""

    def __init__(self, hp, only):
        self.hp, self.values = hp, {}
        self.only = only if only is None or isinstance(only, dict) else dict.fromkeys(only)

    def choice(self, name, values):
        values = [value for value in values if self._wanted(name, value)]
        if len(values) > 1:
            self.values[name] = self.hp.Choice(name, values)

    def number(self, name, low, high, *, when=None, **ways):
        """A number from `low` to `high`; `when` is (option, values): it matters only where that option has one of them."""
        if not self._wanted(name) or (when and not all(self._wanted(when[0], value) for value in when[1])):
            return
        if when is None:
            self.values[name] = self.hp.Float(name, low, high, **ways)
            return
        parent, parent_values = when
        with self.hp.conditional_scope(parent, list(parent_values)):
            value = self.hp.Float(name, low, high, **ways)
        if value is not None:  # KerasTuner's word for one whose condition does not hold.
            self.values[name] = value

    def _wanted(self, name, value=None):
        """Whether an option is to be varied, with a value if one is given."""
        if self.only is None or name not in self.only:
            return self.only is None
        return value is None or self.only[name] is None or value in self.only[name]


def airbench(hp, only=None):
    """Convolutions a block, width and what every family has, for `airbench` and its named variants."""
    options = _Options(hp, only)
    options.choice("width", (16, 32, 64))
    options.choice("depth", (1, 2, 3))
    return _shared(options, ("batch", "layer", "group", "none"))


def cnn(hp, only=None):
    """Depth, width and what every family has, for `cnn` and its named variants; its three stages take at least four layers.

    The width goes up to twice the default, as in `resnet`, so that no trial takes many times as long as the others. Where a wider network
    would be better, the report says that the best trials stand at the upper end.

    Example:
        ```python
        import keras_tuner
        from hornbook.tuning import spaces

        options = spaces.cnn(keras_tuner.HyperParameters())
        assert options["normalization"] in ("batch", "layer", "group", "none")
        ```
    """
    options = _Options(hp, only)
    options.choice("width", (8, 16, 32))
    options.choice("depth", (4, 6, 8, 11))
    return _shared(options, ("batch", "layer", "group", "none"))


def convolutional(hp, only=None):
    """Width, pooling and what every family has, for networks of series and texts: `cnn1d`, `fcn` and `resnet1d`."""
    options = _Options(hp, only)
    options.choice("width", (32, 64, 128, 256))
    options.choice("pooling", ("max", "mean"))
    return _shared(options, ("batch", "layer", "group", "none"))


def inception(hp, only=None):
    """Depth, width, pooling, stochastic depth and what every family has, for `inception1d`; depths that end with a shortcut."""
    options = _Options(hp, only)
    options.choice("depth", (3, 6, 9))
    options.choice("width", (16, 32, 64))
    options.choice("pooling", ("max", "mean"))
    options.number("stochastic_depth", 0.0, 0.3)
    return _shared(options, ("batch", "layer", "group", "none"))


def lite(hp, only=None):
    """Depth, width, pooling and what every family has, for `lite`."""
    options = _Options(hp, only)
    options.choice("depth", (1, 2, 3))
    options.choice("width", (16, 32, 64, 128))
    options.choice("pooling", ("max", "mean"))
    return _shared(options, ("batch", "layer", "group", "none"))


def resnet(hp, only=None):
    """Depth and width of a residual network, the size of its steps down, stochastic depth and what every family has.

    Depths are 6n + 2, which blocks of two layers ask for.
    """
    options = _Options(hp, only)
    options.choice("depth", (8, 14, 20, 32))
    options.choice("width", (8, 16, 32))
    options.choice("downsampling", ("stride", "blur"))
    options.number("stochastic_depth", 0.0, 0.3)
    return _shared(options, ("batch", "layer", "group", "none"))


def rnn(hp, only=None):
    """Layers, units, direction, pooling and dropout of a recurrent network; its activation is the cell's own."""
    options = _Options(hp, only)
    options.choice("depth", (1, 2, 3))
    options.choice("width", (32, 64, 128, 256))
    options.choice("pooling", ("last", "mean", "max", "attention"))
    options.choice("recurrent_normalization", ("none", "layer"))
    options.choice("normalization", ("none", "layer", "batch"))
    options.choice("initializer", ("auto", "orthogonal", "glorot_uniform"))
    return options.values


def transformer(hp, only=None):
    """Blocks, width, heads, positions and stochastic depth of a transformer encoder, and what every family has."""
    options = _Options(hp, only)
    options.choice("depth", (2, 3, 4, 6))
    options.choice("width", (32, 64, 128))
    options.choice("heads", (2, 4, 8))
    options.choice("positions", ("sinusoidal", "learned", "rotary"))
    options.number("stochastic_depth", 0.0, 0.3)
    options.choice("normalization", ("layer", "rms"))
    options.choice("activation", ("gelu", "relu", "silu"))
    options.choice("initializer", ("auto", "glorot_uniform", "he_normal"))
    return options.values


def mlp(hp, only=None):
    """Layers, units, embeddings of numbers and what every family has."""
    options = _Options(hp, only)
    options.choice("depth", (1, 2, 3, 4, 6))
    options.choice("width", (32, 64, 128, 256))
    options.choice("number_embedding", ("none", "piecewise", "periodic"))
    return _shared(options, ("batch", "layer", "none"))


def tabm(hp, only=None):
    """Layers, units and embeddings of numbers of a TabM; it is normalized by nothing, and its submodels share their layers."""
    options = _Options(hp, only)
    options.choice("depth", (2, 3, 4, 5))
    options.choice("width", (64, 128, 256, 512))
    options.choice("number_embedding", ("none", "piecewise", "periodic"))
    options.choice("activation", _ACTIVATIONS)
    options.choice("initializer", ("auto", "he_normal", "glorot_uniform", "orthogonal"))
    return options.values


def training(hp, only=None):
    """Optimizer, learning rate, schedule, weight decay, dropout, augmentation, batch size, label smoothing and class weights.

    Learning rate and weight decay, whose orders of magnitude matter, are on a log scale. RandAugment's magnitude is there with RandAugment
    alone.

    Example:
        ```python
        import keras_tuner
        from hornbook.tuning import spaces

        hp = keras_tuner.HyperParameters()
        assert set(spaces.training(hp, only=("learning_rate", "batch_size"))) == {"learning_rate", "batch_size"}
        ```
    """
    options = _Options(hp, only)
    options.choice("optimizer", ("adamw", "sgd", "lion"))
    options.number("learning_rate", 1e-4, 0.3, sampling="log")
    options.choice("schedule", ("cosine", "constant", "one-cycle"))
    options.number("weight_decay", 1e-4, 1.0, sampling="log")
    options.number("dropout", 0.0, 0.6)
    options.choice("batch_size", (32, 64, 128, 256))
    options.choice("label_smoothing", (0.0, 0.05, 0.1))
    options.choice("mixup", (0.0, 0.2))
    options.choice("class_weights", ("none", "balanced"))
    options.choice("augmentation", ("none", "crop", "crop-flip", "randaugment"))
    options.number("randaugment_magnitude", 2.0, 10.0, when=("augmentation", ("randaugment",)))
    options.number("word_dropout", 0.0, 0.4)
    options.number("jitter", 0.0, 0.5)
    return options.values


def _shared(options, normalizations):
    """What makes sense in every feed-forward family."""
    options.choice("normalization", normalizations)
    options.choice("activation", _ACTIVATIONS)
    options.choice("initializer", ("auto", "he_normal", "glorot_uniform", "orthogonal"))
    return options.values


# By the family of a builder, as `hornbook.models` names it.
FAMILIES = {
    "airbench": airbench,
    "cnn": cnn,
    "cnn1d": convolutional,
    "fcn": convolutional,
    "inception1d": inception,
    "lite": lite,
    "resnet": resnet,
    "resnet1d": convolutional,
    "rnn": rnn,
    "text_transformer": transformer,
    "series_transformer": transformer,
    "vision_transformer": transformer,
    "mlp": mlp,
    "tabm": tabm,
}
