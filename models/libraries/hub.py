"""Backbones of KerasHub, an optional library: its presets, or a folder with one, as networks of Keras' own layers."""

import os
import pathlib

import keras

from hornbook import records

PREFIX = "hub:"
"""What stands before the name of a preset where builders are named."""
_KERAS = "keras.src."
_CONFIG, _CONVERTER = "config.json", "image_converter.json"
# Of the descriptions in a preset's folder: what another module has would be imported.
_MODULES = ("keras", "keras_hub", "builtins")


def check(preset):
    """KerasHub, if it has this preset, or there is a folder with one that names no code.

    Raises:
        ValueError, ImportError: as of `backbone`.
    """
    try:
        import keras_hub
    except ImportError as error:
        raise ImportError(f"{PREFIX}{preset} needs KerasHub: pip install 'hornbook[hub]'") from error
    if os.path.isdir(preset):
        _check_folder(pathlib.Path(preset))
    elif preset not in keras_hub.models.Backbone.presets:
        raise ValueError(f"KerasHub has no preset {preset!r}, and there is no such folder; its presets: keras_hub.models.Backbone.presets")
    return keras_hub


def backbone(preset, input_shape, weights):
    """A backbone of KerasHub with a mean over its last map, and the layer that prepares pixels for it.

    Args:
        preset: name of one of KerasHub's presets of images, such as "resnet_50_imagenet", or the path of a folder that `save_to_preset`
            has written.
        input_shape: (height, width, 3).
        weights: whether those of the preset are wanted; otherwise they are at random.

    Returns:
        A functional `keras.Model` from prepared pixels to float features (batch, features), and a `keras.layers.Rescaling`.

    Raises:
        ValueError: there is no such preset, it is none of images, or it has layers of KerasHub's own.
        ConnectionError: it cannot be downloaded; it says how to bring it by hand.
        ImportError: KerasHub is not installed.
    """
    keras_hub = check(preset)
    try:
        prepare = _rescaling(keras_hub.layers.ImageConverter.from_preset(preset))
        found = keras_hub.models.Backbone.from_preset(preset, load_weights=weights, image_shape=input_shape)
    except OSError as error:
        raise ConnectionError(
            f"the preset {preset} cannot be downloaded; where there is a network, write it into a folder with "
            f"keras_hub.models.ImageClassifier.from_preset({preset!r}).save_to_preset(FOLDER), and pass {PREFIX}FOLDER"
        ) from error
    # KerasHub's words for a preset without a converter of images, one of texts, and sizes that do not fit.
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"{preset} is no backbone for images of shape {input_shape}: {' '.join(str(error).split())[:300]}") from error
    if not isinstance(found.output, keras.KerasTensor) or len(found.output.shape) != 4:
        raise ValueError(f"{preset} does not end in one map (batch, height, width, channels), as backbones for classification do")
    own = sorted({type(layer).__name__ for layer in found.layers if not type(layer).__module__.startswith(_KERAS)})
    if own:
        raise ValueError(f"{preset} has layers of KerasHub's own ({', '.join(own)}), without which a saved model could not be loaded")
    features = keras.layers.GlobalAveragePooling2D(name="pooled")(found.output)
    return keras.Model(found.inputs, features, name="backbone"), prepare


def _rescaling(converter):
    """What a converter of images does to pixels, but for their size, which is the caller's."""
    config = converter.get_config()
    scale, offset = config.get("scale"), config.get("offset")
    return keras.layers.Rescaling(1.0 if scale is None else scale, 0.0 if offset is None else offset, name="prepared")


def _check_folder(folder):
    """Refuse a preset's folder whose descriptions name code, or anything but layers of Keras and KerasHub."""
    for name in (_CONFIG, _CONVERTER):
        path = folder / name
        if not path.is_file():
            raise ValueError(f"{folder} is no preset of KerasHub for images: there is no {name}, as save_to_preset writes it")
        for one in records.classes_named(records.raw(path)):
            module, kind = str(one.get("module") or "keras"), str(one.get("class_name"))
            if kind in records.LAYERS_OF_CODE or module.partition(".")[0] not in _MODULES:
                raise ValueError(f"{path} names {module}.{kind}, which would run code; accepted are the layers of Keras and KerasHub")
