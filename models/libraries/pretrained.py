"""Networks of `keras.applications` and of KerasHub, with weights that were learned before, from raw pixels to logits."""

import difflib
import functools
import inspect
import os
import pathlib
import re
import warnings

import keras

from hornbook.models.layers.checks import check_count, check_image_shape, check_rate
from hornbook.models.libraries import hub
from hornbook.models.parts.choices import Choices

_OF_KERAS = "keras:"
PREFIXES = (_OF_KERAS, hub.PREFIX)
"""What stands before the name of a backbone where builders are named: by the library that it comes from."""
WEIGHTS_FILES = (".weights.h5", ".h5", ".hdf5", ".keras")
_IMAGENET = "imagenet"
TAKES = Choices({})
# What Keras says where it cannot download, whatever the reason.
_NO_DOWNLOAD = re.compile(r"URL fetch failure on (\S+?):? ")


def backbones():
    """Return the sorted names of the networks of `keras.applications`, such as "EfficientNetV2B0".

    Example:
        ```python
        from hornbook import models

        assert "MobileNetV3Small" in models.backbones()
        ```
    """
    # A function of each network stands there, beside the modules that they are in.
    return sorted(name for name in dir(keras.applications) if inspect.isfunction(getattr(keras.applications, name)))


def pretrained(name, input_shape, num_outputs, *, weights=_IMAGENET, dropout=0.0):
    """Build a network of `keras.applications` or KerasHub: raw pixels (batch, height, width, channels) to logits (batch, num_outputs).

    What the weights expect of pixels is computed inside, by the network's own `preprocess_input`, or the scale and offset of its image
    converter, so it takes pixels from 0 to 255, and grey images as three equal channels. A mean over the last map and a dense layer,
    "logits", in float32, end it; before is the layer "backbone".

    Args:
        name: One of `backbones()`, with or without "keras:" before it; or "hub:" and a preset of KerasHub, such as
            "hub:resnet_50_imagenet", or a folder that its `save_to_preset` wrote.
        input_shape: (height, width, channels), 1 or 3 channels; most backbones want at least 32 pixels a side, and learned from 224.
        num_outputs: Classes, or values to predict.
        weights: "imagenet", which Keras downloads into `~/.keras/models` and keeps there (of a preset: what it comes with); the path of a
            file of weights of the backbone, as `model.get_layer("backbone").save_weights` or `keras.applications` write it; or None, for
            weights at random.
        dropout: Rate before the output layer.

    Returns:
        An uncompiled functional `keras.Model`.

    Raises:
        ValueError: There is no such network, or it does not take such images, or the file holds weights of another one; or a preset has
            layers that Keras lacks, without which a saved model could not be loaded.
        ImportError: KerasHub is not installed.
        ConnectionError: The weights cannot be downloaded; it names the file, and where to put it by hand.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.pretrained("MobileNetV3Small", (32, 32, 3), 2, weights=None)
        model.get_layer("backbone").trainable = False
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        model.fit(255 * keras.random.uniform((8, 32, 32, 3)), keras.ops.zeros((8,), "int32"), verbose=0)
        ```
    """
    of_hub, name = check_pretrained(name, weights=weights)
    height, width, channels = check_image_shape(input_shape)
    if channels not in (1, 3):
        raise ValueError(f"{name} takes images of 1 or 3 channels, got input_shape {tuple(input_shape)}")
    num_outputs, dropout = check_count("num_outputs", num_outputs), check_rate("dropout", dropout)
    if of_hub:
        backbone, prepare = hub.backbone(name, (height, width, 3), weights == _IMAGENET)
    else:
        backbone, prepare = _backbone(name, (height, width, 3), weights == _IMAGENET), _preparation(name)
    if weights not in (None, _IMAGENET):
        _load(backbone, name, weights)
    x = inputs = keras.Input(input_shape, name="inputs")
    if channels == 1:
        x = keras.layers.Concatenate(name="three_channels")([x, x, x])
    x = backbone(prepare(x))
    x = keras.layers.Dropout(dropout, name="dropout")(x) if dropout else x
    # Losses of 16-bit logits lose digits that training needs.
    logits = keras.layers.Dense(num_outputs, dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name=pathlib.PurePath(name).name.lower())


def check_pretrained(name, *, weights=None):
    """Refuse a network that a library has not, and a file that is none of weights; nothing is built, read or downloaded.

    Returns:
        Whether it is of KerasHub, and its name without what stands before it.

    Raises:
        ValueError, ImportError: As of `pretrained`.
    """
    of_hub = name.startswith(hub.PREFIX)
    name = name.removeprefix(hub.PREFIX if of_hub else _OF_KERAS)
    if of_hub:
        hub.check(name)
    elif name not in backbones():
        near = difflib.get_close_matches(name, backbones(), n=2)
        advice = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(backbones())}"
        raise ValueError(f"keras.applications has no network {name!r}; {advice}")
    if weights not in (None, _IMAGENET):
        _check_file(name, weights)
    return of_hub, name


def _check_file(name, path):
    if not str(path).endswith(WEIGHTS_FILES):
        raise ValueError(f"weights of {name} must be 'imagenet', None, or a file {', '.join(WEIGHTS_FILES)}, got {str(path)!r}")
    if not pathlib.Path(path).is_file():
        raise ValueError(f"there is no file of weights {str(path)!r}")


def _preparation(name):
    preprocess = inspect.getmodule(getattr(keras.applications, name)).preprocess_input
    return functools.partial(preprocess, data_format="channels_last")


def _backbone(name, input_shape, learned):
    make = getattr(keras.applications, name)
    asked = {"include_top": False, "input_shape": input_shape, "pooling": "avg"}
    try:
        with warnings.catch_warnings():
            # Of weights that learned from images of one size and compute others all the same.
            warnings.filterwarnings("ignore", ".*`rows` is not")
            backbone = make(weights=_IMAGENET if learned else None, **asked)
    except Exception as error:  # A plain Exception, where a download fails.
        failed = _NO_DOWNLOAD.match(str(error))
        if failed is None:
            raise
        address = failed.group(1)
        file = address.rpartition("/")[2]
        place = pathlib.Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models" / file
        raise ConnectionError(
            f"the weights of {name} cannot be downloaded from {address}; fetch {file} where there is a network, and put it at {place}"
        ) from error
    backbone.name = "backbone"  # Not by its argument, by which some networks look up what they are made of.
    return backbone


def _load(backbone, name, path):
    try:
        backbone.load_weights(path)
    # Keras, HDF5 and zip each have their own words for a file that does not fit.
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"{path} has no weights of the backbone of {name}: {reason}") from error
