"""Image files as a model's inputs."""

import numpy as np

from hornbook import UserError


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
            image = ImageOps.exif_transpose(image)
            if image.mode.startswith("I;16"):  # `convert` would cut off at 255.
                image = Image.fromarray((np.asarray(image) / 257).round().astype(np.uint8))
            image = image.convert("L" if channels == 1 else "RGB")
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.BILINEAR)
            pixels = np.asarray(image, np.float32).reshape(height, width, channels)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as an image ({error}); accepted are JPEG, PNG, GIF, BMP and .npy arrays") from error
    return pixels * (pixel_maximum / 255)
