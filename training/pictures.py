"""Images as pictures: read from files for a model, and made from a model's inputs for people."""

import numpy as np

from hornbook import UserError
from hornbook.training import evaluation


def to_picture(image, pixel_maximum):
    """uint8 `(height, width, 1 or 3)` from a model's input `(height, width, channels)` of 0 to `pixel_maximum`.

    Of two channels or more than three, the first is shown.
    """
    if image.shape[-1] not in (1, 3):
        image = image[..., :1]
    return np.clip(image.astype(np.float64) * (255 / pixel_maximum), 0, 255).round().astype(np.uint8)


def from_file(path, input_shape, pixel_maximum):
    """A model's input `(height, width, channels)` from an image file: turned upright, converted to grey or RGB, resized if it must be.

    Raises:
        UserError: the file is no image, or the model takes neither 1 nor 3 channels.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    height, width, channels = input_shape
    if channels not in (1, 3):
        raise UserError(f"the model takes {channels} channels, which an image file does not have; pass arrays as .npy")
    try:
        with Image.open(path) as image:
            image = ImageOps.exif_transpose(image).convert("L" if channels == 1 else "RGB")
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.BILINEAR)
            pixels = np.asarray(image, np.float32).reshape(height, width, channels)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as an image ({error}); accepted are JPEG, PNG, GIF, BMP and .npy arrays") from error
    return pixels * (pixel_maximum / 255)


def mistakes(part, logits, class_names, pixel_maximum, count=24):
    """The most confident mistakes, for `write_report`: a list of {image, true, predicted, confidence}.

    Args:
        part: `data.Examples` or `tfds_source.StreamedExamples`.
        logits: float array `(examples, classes)`, in the part's order.
        class_names: a name a class.
        pixel_maximum: of the part's images.
        count: at most so many.
    """
    positions = evaluation.worst(part.labels, logits, count)
    if len(positions) == 0:
        return []
    images = part.subset(positions).in_memory().inputs
    probabilities = evaluation.softmax(logits[positions])
    return [
        {
            "image": to_picture(image, pixel_maximum),
            "true": class_names[label],
            "predicted": class_names[row.argmax()],
            "confidence": float(row.max()),
        }
        for image, label, row in zip(images, part.labels[positions], probabilities, strict=True)
    ]
