"""A model by what `--model` says: one of the zoo, or a builder of the user's."""

import contextlib

import keras
import numpy as np

from hornbook import UserError, models, user_code
from hornbook.training.learned import transfer

_WHITENED = 4096  # Images, each with hundreds of patches, for some dozens of variances.


def build_model(name, input_shape, num_outputs, options, *, members=1, activation="softmax", cosine_scale=None):
    """The model that `name` names: of `models.names()`, or `mymodule:builder`, found from the current folder or installed.

    With several members it is a deep ensemble (Lakshminarayanan et al. 2017): so many networks side by side, of other initial weights and
    dropout, trained on the same batches as if each were alone, and averaged where they predict. They share the optimizer: a gradient whose
    global norm is clipped is that of all of them together.

    Args:
        name: of the builder, which is called as `builder(input_shape, num_outputs, **options)`.
        input_shape: sizes without the batch axis.
        num_outputs: classes, or values to predict.
        options: dict of the builder's options; of a user's builder, those that differ from the zoo's defaults.
        members: how many networks.
        activation: what makes of their outputs what is averaged, see `models.mean_of_members`.
        cosine_scale: a factor, if each network is to end in cosines times it, see `with_cosines`; None to leave its last layer.

    Raises:
        UserError: there is no such builder, it refuses an option, or its networks all begin with the same weights.
    """
    networks = [_build_one(name, input_shape, num_outputs, options) for _ in range(members)]
    if cosine_scale is not None:
        networks = [with_cosines(network, cosine_scale, name) for network in networks]
    if members == 1:
        return networks[0]
    _refuse_equal(name, networks)
    for number, network in enumerate(networks, start=1):
        network.name = f"member{number}"
    inputs = keras.Input(input_shape, dtype=networks[0].inputs[0].dtype, name="inputs")
    outputs = keras.ops.stack([network(inputs) for network in networks], axis=1)
    return keras.Model(inputs, models.mean_of_members(outputs, activation, independent=True), name="ensemble")


def with_cosines(model, scale, name="a model"):
    """A model that ends in cosines times a factor: its last layer has inputs and weights of length 1, and no bias.

    So no class can have larger logits by the length of its weights, as frequent classes have. The margins of Cao et al. (2019) ask for
    that. It is made of Keras' own layers.

    Args:
        model: functional `keras.Model` whose output is that of a `keras.layers.Dense` without activation.
        scale: the factor.
        name: of the model, for messages.

    Returns:
        `keras.Model` of the same inputs and layers but for the last.

    Raises:
        UserError: the model ends in another layer.
    """
    last = next((layer for layer in model.layers if _gives(layer, model.outputs[0])), None)
    if last is None:
        raise UserError(f"--loss ldam replaces the last layer, and that of --model {name} is no keras.layers.Dense; pass another model")
    features = keras.layers.UnitNormalization(dtype="float32", name="unit_features")(last.input)
    constraint = keras.constraints.UnitNorm(axis=0)
    cosines = keras.layers.Dense(last.units, use_bias=False, kernel_constraint=constraint, dtype="float32", name="cosines")(features)
    return keras.Model(model.inputs, keras.layers.Rescaling(scale, dtype="float32", name="logits")(cosines), name=model.name)


def _gives(layer, output):
    return isinstance(layer, keras.layers.Dense) and layer.activation is keras.activations.linear and layer.output is output


def activation_for(task, num_outputs):
    """What makes probabilities of a network's outputs, by name: "softmax", "sigmoid", or of a regression, which has none, "linear".

    Args:
        task: of the dataset: "classification", "multi-label" or "regression".
        num_outputs: of the network; one of a classification is the logit of the second class.
    """
    if task == "regression":
        return "linear"
    return "sigmoid" if task == "multi-label" or num_outputs == 1 else "softmax"


def _refuse_equal(name, networks):
    first, second = (network.get_weights() for network in networks[:2])
    kernels = [(one, other) for one, other in zip(first, second, strict=True) if one.ndim > 1]
    if kernels and all((one == other).all() for one, other in kernels):
        raise UserError(f"--model {name} begins with the same weights each time, so its members would be one network; set no seed in it")


def check(name, options):
    """Refuse what `build_model` would refuse whatever the data are, see `models.check`. A user's module is imported, not called.

    Args:
        name, options: as of `build_model`.

    Raises:
        UserError: as of `build_model`.
    """
    if user_code.is_named(name):
        user_code.load(name, "--model")
        return
    with _in_words(name, options):
        models.check(name, **options)


@contextlib.contextmanager
def _in_words(name, options, own=False):
    """Tell what a builder says of its name and options in the words of flags; `own`: it is the user's."""
    lacking = []
    try:
        if not own:
            lacking = sorted(options.keys() - models.options(name).keys())
        yield
    except UserError:
        raise
    except (ConnectionError, ImportError) as error:
        raise UserError(f"--model {name}: {error}") from error
    except (ValueError, TypeError) as error:
        # A recipe has the flags of every model: the one that this model lacks is named as it was written.
        if "padded" in lacking:
            fitting = [other for other in models.names() if "padded" in models.options(other)]
            raise UserError(f"--model {name} takes no series of unequal length; accepted are {', '.join(fitting)}") from error
        if lacking:
            raise UserError(f"--model {name} does not take --{lacking[0].replace('_', '-')}; {str(error).partition('; ')[2]}") from error
        raise UserError(f"--model {name}: {' '.join(str(error).split())}") from error


def _build_one(name, input_shape, num_outputs, options):
    builder = user_code.load(name, "--model") if user_code.is_named(name) else None
    with _in_words(name, options, own=builder is not None):
        if builder is None:
            return models.build(name, input_shape, num_outputs, **options)
        model = builder(input_shape, num_outputs, **options)
    if not isinstance(model, keras.Model):
        raise UserError(f"--model {name} must return a keras.Model, got {type(model).__name__}")
    if model.output_shape != (None, num_outputs):
        raise UserError(f"--model {name} must have outputs (batch, {num_outputs}), got {model.output_shape}")
    return model


def image_model(name, dataset, num_outputs, options, *, members=1, cosine_scale=None, source=None, model_name):
    """A model of raw pixels `(batch, height, width, channels)` whose first layer standardizes each channel as the training images are.

    A layer of the network that whitens patches (`models.adapt_patch_whitening`) is adapted to the training images too.

    Args:
        name, num_outputs, options, members, cosine_scale: as of `build_model`.
        dataset: `data.images.ImageDataset`.
        source: `transfer.Source`, whose weights the network begins with, and by whose images it standardizes; None: of its own.
        model_name: what the `keras.Model` is called.

    Raises:
        UserError: as `build_model`, or the source has another network.
    """
    network = build_model(name, dataset.input_shape, num_outputs, options, members=members, cosine_scale=cosine_scale)
    if source is not None:
        network = transfer.take_over(network, source.model, source.name, source.alike)
    if name.startswith(models.PREFIXES):
        return _of_a_library(network, dataset, model_name)
    if source is None:
        mean, variance = dataset.train.moments()
    else:
        mean, variance = source.moments(dataset.pixel_maximum / source.about["pixel_maximum"])
    pixels = keras.Input(dataset.input_shape, name="pixels")
    # In float32 under any policy: bfloat16 has 8 bits, and a mean of 130 is subtracted here.
    standardize = keras.layers.Normalization(mean=mean, variance=variance, dtype="float32", name="standardize")
    model = keras.Model(pixels, network(standardize(pixels)), name=model_name)
    if source is not None:
        return model
    whitened = [one for one in (network, *network.layers) if any(layer.name == models.WHITENING for layer in getattr(one, "layers", ()))]
    if whitened:
        some = np.arange(0, len(dataset.train), max(1, len(dataset.train) // _WHITENED))
        images = dataset.train.subset(some).in_memory().inputs.astype("float32")
        for one in whitened:
            models.adapt_patch_whitening(one, standardize(images))
    return model


def _of_a_library(network, dataset, model_name):
    """A model of raw pixels of a network that takes those from 0 to 255."""
    x = pixels = keras.Input(dataset.input_shape, name="pixels")
    if dataset.pixel_maximum != 255:
        x = keras.layers.Rescaling(255 / dataset.pixel_maximum, dtype="float32", name="to_255")(x)
    return keras.Model(pixels, network(x), name=model_name)


def series_model(name, dataset, num_outputs, options, *, members=1, cosine_scale=None, source=None, change=None, model_name):
    """A model of series `(batch, steps, features)` whose first layer standardizes each feature as the training series are.

    Args:
        name, num_outputs, options, members, cosine_scale: as of `build_model`.
        dataset: `data.series.SeriesDataset`. Steps that are NaN in all features are padding, and stay NaN behind the first layer; where
            there are any, the zoo's models are told so.
        source: `transfer.Source`, whose weights the network begins with, and by whose series it standardizes; None: of its own.
        change: function of the network to one that takes its place, or None.
        model_name: what the `keras.Model` is called.

    Raises:
        UserError: as `build_model`, or the source has another network, or series of other features.
    """
    if dataset.input_shape[0] is None:
        options = {**options, "padded": True}
    activation = activation_for(dataset.task, num_outputs)
    ends = {"members": members, "activation": activation, "cosine_scale": cosine_scale}
    network = build_model(name, dataset.input_shape, num_outputs, options, **ends)
    network = network if change is None else change(network)
    mean, variance = dataset.train.moments() if source is None else source.moments()
    if len(mean) != dataset.input_shape[1]:
        raise UserError(f"{source.name} is of series of {len(mean)} features, and {dataset.name} has {dataset.input_shape[1]}")
    if source is not None:
        network = transfer.take_over(network, source.model, source.name, source.alike)
    series = keras.Input(dataset.input_shape, name="series")
    # In float32 under any policy: bfloat16 has 8 bits, and a mean of any size is subtracted here.
    standardized = keras.layers.Normalization(mean=mean, variance=variance, dtype="float32", name="standardize")(series)
    return keras.Model(series, network(standardized), name=model_name)


def table_model(name, dataset, num_outputs, options, *, categories, number_scaling, bins, members=1, cosine_scale=None, model_name):
    """A model of encoded rows `(batch, inputs)` whose first layers standardize numbers and turn categories into zeros and ones.

    Args:
        name, num_outputs, options, members, cosine_scale: as of `build_model`.
        dataset: `data.tables.TableDataset`.
        categories: "one-hot", or "embedding" for a model that embeds their codes.
        number_scaling: see `data.tables.layers.features`.
        bins: the most of a number, for a model whose option `number_embedding` is "piecewise".
        model_name: what the `keras.Model` is called.

    Raises:
        UserError: as `build_model`.
    """
    from hornbook.data.tables import layers

    inputs = keras.Input(dataset.input_shape, name="columns")
    one_hot = categories == "one-hot" or not dataset.encoding.categories
    features = layers.features(inputs, dataset.encoding, dataset.train.inputs, number_scaling=number_scaling, one_hot=one_hot)
    if not one_hot:
        options = {**options, "category_sizes": dataset.encoding.category_sizes}
    if options.get("number_embedding", "none") != "none":
        options = {**options, "numbers": len(dataset.encoding.numbers)}
    if options.get("number_embedding") == "piecewise":
        edges = layers.number_edges(dataset.encoding, dataset.train.inputs, bins, number_scaling=number_scaling)
        options = {**options, "bin_edges": edges}
    activation = activation_for(dataset.task, num_outputs)
    if name in models.names() and "output_activation" in models.options(name):
        options = {**options, "output_activation": activation}
    ends = {"members": members, "activation": activation, "cosine_scale": cosine_scale}
    network = build_model(name, features.shape[1:], num_outputs, options, **ends)
    return keras.Model(inputs, network(features), name=model_name)


def asked_for(model, values, defaults):
    """The options that a builder is to be given.

    Args:
        model: the builder's name. One of the user's need not know the zoo's options: it is given those that are not the default.
        values: dict of the options of builders that a recipe has.
        defaults: dict of their defaults.

    Returns:
        A dict for `build_model`, without those that are None or False, which leave the builder its own default.
    """
    options = {name: value for name, value in values.items() if value is not None and value is not False}
    if ":" in model:
        options = {name: value for name, value in options.items() if value != defaults[name]}
    return options
