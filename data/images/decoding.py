"""Image files as pixels: one way for training and for prediction, so that a model sees the same picture twice."""

import contextlib
import io
import re
import warnings

import numpy as np

from hornbook import UserError, files, memory

# Known by their content, not by their suffix. Pillow reads more, some by starting other programs (EPS), which data should not.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
ACCEPTED = "JPEG, PNG, GIF, BMP, WebP, TIFF and PPM"
# By which a folder's images are told from what else lies there.
SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap height and width.
_ORIENTATION = 0x0112
_NO_FILE = "no such file"


class UnreadableError(ValueError):
    """A file that is no image, or not a whole one. The message is the reason alone."""


def from_file(path, input_shape, pixel_maximum):
    """A model's input from an image file, the same pixels as in training: `decode` to the model's size and channels.

    Args:
        path: the file.
        input_shape: `(height, width, channels)`.
        pixel_maximum: the number that stands for white.

    Returns:
        float32 array `(height, width, channels)`, from 0 to `pixel_maximum`.

    Raises:
        UserError: the file is no image, or the model takes neither 1 nor 3 channels.
    """
    height, width, channels = input_shape
    if channels not in (1, 3):
        raise UserError(f"the model takes {channels} channels, which an image file does not have; pass arrays as .npy")
    memory.require(
        4 * height * width * channels, f"an image of the model's size, {height}x{width},", "see whether the run's labels.json is whole"
    )
    quiet_pillow()
    try:
        pixels = decode(path, (height, width), channels)
    except UnreadableError as error:
        if str(error) == _NO_FILE:
            raise UserError(f"{path or repr(path)}: {error}; accepted are image files ({ACCEPTED}) and .npy arrays") from None
        raise UserError(f"{path} cannot be read as an image ({error}); accepted are {ACCEPTED} and .npy arrays") from error
    return pixels.astype(np.float32) * np.float32(pixel_maximum / 255)


def decode(file, size, channels):
    """Pixels of an image: turned upright as its camera says, on white where it is transparent, in grey or RGB, stretched to a size.

    Of 16 bits the higher eight are kept, of several frames the first. Resizing is bilinear over all pixels that fall into one. A JPEG at
    least four times too large is unpacked at a half, a quarter or an eighth of its size, but at no less than twice the size wanted.

    Args:
        file: path, or the file's bytes.
        size: `(height, width)` of the result.
        channels: 1 or 3.

    Returns:
        uint8 array `(height, width, channels)`.

    Raises:
        UnreadableError: with the reason.
    """
    height, width = size
    try:
        with _open(file) as image:
            if image.format in ("JPEG", "MPO"):
                wanted = (2 * height, 2 * width) if _orientation(image) in _TURNED else (2 * width, 2 * height)
                image.draft(image.mode, wanted)
            image = _flat(_upright(image), image.format, "L" if channels == 1 else "RGB")
            if image.size != (width, height):
                image = image.resize((width, height), _pillow().Resampling.BILINEAR)
            return np.asarray(image).reshape(height, width, channels)
    # Decoders raise SyntaxError, IndexError, struct.error and others on broken bytes: any error means a broken file.
    except Exception as error:
        raise UnreadableError(_reason(file, error)) from error


def survey(file):
    """`(height, width, channels)` of an image as `decode` would give it by itself, from the file's first bytes alone.

    Raises:
        UnreadableError: with the reason. That the rest of the file is whole is not known.
    """
    try:
        with _open(file) as image:
            width, height = image.size
            if _orientation(image) in _TURNED:
                width, height = height, width
            return height, width, 1 if _is_grey(image) else 3
    except Exception as error:
        raise UnreadableError(_reason(file, error)) from error


def quiet_pillow():
    """Turn off Pillow's warnings: files that cannot be read are refused here, and the other warnings do not concern training."""
    warnings.filterwarnings("ignore", module=r"PIL\b")


def parse_size(text):
    """`(height, width)` from `--image-size`: one number for both, or HEIGHTxWIDTH.

    Raises:
        UserError: neither, or a side outside 1 to 4096.
    """
    match = re.fullmatch(r"(\d{1,9})(?:[xX](\d{1,9}))?", str(text).strip(), re.ASCII)
    size = match and (int(match[1]), int(match[2] or match[1]))
    if not match or not all(1 <= side <= 4096 for side in size):
        raise UserError(f"--image-size must be a number such as 64, or HEIGHTxWIDTH such as 48x64, each from 1 to 4096, got {str(text)!r}")
    return size


def _pillow():
    from PIL import Image

    return Image


@contextlib.contextmanager
def _open(file):
    with io.BytesIO(file) if isinstance(file, bytes) else files.opened(file) as content, _pillow().open(content, formats=FORMATS) as image:
        yield image


def _orientation(image):
    """The EXIF orientation, 1 where there is none. Only images with such data are searched for it, as that takes time."""
    return image.getexif().get(_ORIENTATION, 1) if "exif" in image.info or "xmp" in image.info else 1


def _upright(image):
    from PIL import ImageOps

    # A PNG may say after its pixels how it was taken.
    return ImageOps.exif_transpose(image) if image.format != "JPEG" or _orientation(image) != 1 else image


def _flat(image, file_format, mode):
    """The image in `mode` ("L" or "RGB"), without transparency."""
    if image.mode.startswith("I;16") or (image.mode == "I" and file_format == "PPM"):  # `convert` would cut off at 255.
        image = _pillow().fromarray((np.asarray(image) / 257).round().astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError("its pixels are 32-bit numbers, of which none is known to stand for white; accepted are 8 and 16 bits")
    if image.has_transparency_data:
        # What lies under a transparent pixel was never meant to be seen, and is often black.
        image = image.convert("RGBA")
        background = _pillow().new("RGBA", image.size, "white")
        background.alpha_composite(image)
        image = background
    return image if image.mode == mode else image.convert(mode)


def _is_grey(image):
    if image.mode == "P":
        palette = np.asarray(image.getpalette("RGB")).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La", "I") or image.mode.startswith("I;16")


def _reason(file, error):
    """Why a file cannot be read, in a few words."""
    from PIL import UnidentifiedImageError

    if isinstance(error, FileNotFoundError):
        return _NO_FILE
    if isinstance(error, IsADirectoryError):
        return "is a folder"
    if isinstance(error, _pillow().DecompressionBombError):
        return f"has more than {2 * _pillow().MAX_IMAGE_PIXELS:,} pixels"
    if isinstance(error, UnidentifiedImageError):
        return "is empty" if _is_empty(file) else "is no image of an accepted format"
    said = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= 120 else said[:117] + "..."


def _is_empty(file):
    if isinstance(file, bytes):
        return not file
    with files.opened(file) as content:
        return not content.read(1)
