"""The network of a run: a builder of Hornbook, with the faults that no builder has an option for."""

import keras

from benchmarks.faults.settings import Settings
from hornbook import models

_FAMILIES = {
    ("images", "transformer"): "vision_transformer",
    ("series", "transformer"): "series_transformer",
    ("texts", "transformer"): "text_transformer",
    ("series", "rnn"): "simple_rnn",
    ("texts", "rnn"): "simple_rnn",
}
_FIXED_DEPTH = ("cnn1d", "fcn", "resnet1d")
_RECURRENT = ("gru", "lstm", "rnn")


def build(settings: Settings, used):
    """An uncompiled `keras.Model` for the arrays of a run, with initial weights as the settings have it.

    Args:
        settings: `Settings`.
        used: `corruption.Used`.
    """
    outputs = 1 if settings.single_output or used.num_classes is None else used.num_classes
    name = _FAMILIES.get((used.medium, settings.model), settings.model)
    with_log = settings.activation == "log"
    options = {
        "normalization": settings.normalization,
        "activation": keras.ops.log if with_log else settings.activation,
        "initializer": settings.initializer,
        "initial_scale": settings.initial_scale,
        "dropout": settings.dropout,
    }
    if settings.width is not None:
        options["width"] = settings.width
    if settings.depth is not None and settings.model not in _FIXED_DEPTH:
        options["depth"] = settings.depth
    if used.medium == "texts":
        options["vocabulary_size"] = used.vocabulary_size
        if settings.model not in ("transformer",):
            options["embedding_size"] = settings.width
    if settings.model == "cnn" and (settings.depth or 0) > 8:
        options["downsampling"] = "stride"  # As the plain networks of He et al. (2015).
    if settings.model == "transformer":
        options |= {"heads": 2, "normalization_position": settings.normalization_position}
        if used.medium == "images":
            options["patch_size"] = 2
    model = models.build(name, used.x_train.shape[1:], outputs, **options)
    _set_weights(model, settings)  # Before it is wrapped: within a normalization it would be one layer.
    model = _rewired(model, settings)
    for layer in _first(with_kernels(model), settings.frozen):
        layer.trainable = False
    return model


def with_kernels(model):
    """The layers with a kernel to train, in the order in which the model has them: the last is the output layer."""
    return [layer for layer in model.layers if any(len(weight.shape) > 1 for weight in layer.trainable_weights)]


def _first(layers, share):
    return layers[: round(share * len(layers))]


def _rewired(model, settings):
    """The model with a normalization before it, with a softmax behind it, and no gradient through the layers that are to get none."""
    if settings.stopped:
        behind = _first(with_kernels(model), settings.stopped)[-1].name

        def call(layer, *args, **kwargs):
            output = layer(*args, **kwargs)
            return keras.ops.stop_gradient(output) if layer.name == behind else output

        model = keras.models.clone_model(model, call_function=call, clone_function=lambda layer: layer)
    if settings.normalize_first:
        inputs = keras.Input(model.input_shape[1:], name="raw_inputs")
        model = keras.Model(inputs, model(keras.layers.BatchNormalization(name="input_norm")(inputs)))
    if settings.softmax or settings.single_output:
        model = _with_softmax(model, 1 if settings.single_output else settings.softmax, settings.from_logits or settings.single_output)
    if settings.normalization_momentum is not None:
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = settings.normalization_momentum
    return model


def _with_softmax(model, count, hidden):
    """The model with so many softmaxes at its end.

    Keras finds the logits in front of a softmax whatever the loss is told, as long as nothing stands between the two. `hidden` puts a
    reshaping there, as a cast to float32 or a layer of one's own would be.
    """
    x = model.outputs[0]
    for place in range(count):
        x = keras.layers.Softmax(name=f"softmax{place + 1}")(x)
    if hidden:
        x = keras.layers.Reshape(x.shape[1:], name="probabilities")(x)
    return keras.Model(model.inputs, x, name=model.name)


def _set_weights(model, settings):
    output = with_kernels(model)[-1]
    hidden = [variable for variable in model.trainable_variables if variable is not output.bias]
    for variable in hidden:
        if variable.name == "bias" and settings.initial_bias and len(variable.shape) == 1:
            variable.assign(variable + settings.initial_bias)
        if variable.name == "recurrent_kernel" and settings.recurrent_scale != 1:
            variable.assign(variable * settings.recurrent_scale)
    if settings.output_bias:
        bias = output.bias
        bias.assign(bias + settings.output_bias * keras.ops.one_hot(0, bias.shape[0], dtype=bias.dtype))
