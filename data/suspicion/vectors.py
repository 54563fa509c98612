"""Examples as what can be compared: a number that only equal examples share, and a short vector that is near for examples nearly alike.

All media give the same two, so that what looks for duplicates and for other distributions needs no case by medium.
"""

import hashlib
import re
import unicodedata

import numpy as np

from hornbook.data import randomness
from hornbook.data.dataset import plain_inputs

_SIDE = 16  # Of a small grey picture.
_STEPS = 16  # Of a short series.
_CATEGORY = 4  # Numbers that stand for a category.
_AT_A_TIME = 1024  # Images, whose numbers in float32 take four times as much.
_FLAT = 0.02  # Of the range of a picture: smaller steps from a pixel to the next are none.


def inputs_of(dataset, part, places):
    """The inputs of some examples of a part, see `dataset.plain_inputs`."""
    return plain_inputs(dataset.part(part), places)


def keys(dataset, inputs):
    """A number for each example, which only equal ones share: uint64 `(examples,)`.

    Texts are equal that differ in capitals, blanks, signs and the spelling of accents alone; images and series that are so bit for bit;
    rows whose encoded columns are.

    Args:
        dataset: `data.dataset.Dataset`.
        inputs: of some examples, as of `inputs_of`.
    """
    if dataset.medium == "texts":
        return np.array([_digest(" ".join(words(text)).encode("utf-8", "surrogatepass")) for text in inputs], np.uint64)
    if dataset.medium == "series":
        return np.array([_digest(repr(one.shape).encode() + np.ascontiguousarray(one).tobytes()) for one in inputs], np.uint64)
    return _sums(np.asarray(inputs).reshape(len(inputs), -1))


def words(text):
    """The words of a text, in small letters and without signs: a list."""
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def vectors(dataset, inputs, like=None):
    """A short vector for each example, float32 `(examples, size)`, and what it is made with.

    Of images: a grey picture of 16x16 pixels without its mean and of length 1, so that brightness and contrast do not count. Of series: 16
    steps of each feature. Of rows: numbers, and a few random numbers for each category. Both are scaled by the first examples.

    Args:
        dataset: of images, series or tables.
        inputs: of some examples, as of `inputs_of`.
        like: what the vectors of others were made with; None: learn it from these.

    Returns:
        The vectors, and the pair (mean, deviation), or None for images.
    """
    if dataset.medium == "images":
        blocks = (inputs[start : start + _AT_A_TIME] for start in range(0, len(inputs), _AT_A_TIME))
        small = np.concatenate([_resized(grey(block), _SIDE, _SIDE).reshape(len(block), -1) for block in blocks])
        small = small - small.mean(axis=1, keepdims=True)
        return small / np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-6), None
    if dataset.medium == "series":
        found, categories = _short(inputs), np.zeros((len(inputs), 0))
    else:
        inputs = np.asarray(inputs, np.float32)
        found, categories = inputs[:, : dataset.num_numbers], inputs[:, dataset.num_numbers :]
    mean, deviation = like or (found.mean(axis=0), found.std(axis=0))
    if dataset.medium == "series" and like is None:  # Of a feature one, over all steps: some hardly differ between series.
        of_feature = np.sqrt(np.square(deviation).reshape(_STEPS, -1).mean(axis=0))
        deviation = np.tile(of_feature, _STEPS)
    found = (found - mean) / np.where(deviation > 1e-9 * (1 + np.abs(mean)), deviation, 1.0)
    return np.concatenate([found, _of_categories(categories)], axis=1).astype(np.float32), (mean, deviation)


def size(dataset):
    """About how many numbers a vector has."""
    if dataset.medium == "images":
        return _SIDE**2
    if dataset.medium == "series":
        return _STEPS * dataset.input_shape[-1]
    return dataset.num_numbers + _CATEGORY * (dataset.input_shape[0] - dataset.num_numbers)


def hashes(images):
    """The difference hash of each image, uint64: of 64 places in a grey picture of 9x8, whether it grows brighter to the right."""
    small = _resized(grey(images), 8, 9)
    least = _FLAT * np.ptp(small.reshape(len(small), -1), axis=1)[:, None, None]
    bits = (np.diff(small, axis=2) > least).reshape(len(small), -1)
    padded = np.zeros((len(bits), 64), bool)
    padded[:, : bits.shape[1]] = bits
    return np.packbits(padded, axis=1).view(np.uint64).ravel()


def grey(images):
    """Images `(examples, height, width, channels)` as float32 `(examples, height, width)`."""
    return np.asarray(images).astype(np.float32).mean(axis=-1)


def _resized(images, height, width):
    """Smaller images, each pixel the mean of those that it covers; sides that are smaller already stay."""
    for axis, side in ((1, height), (2, width)):
        length = images.shape[axis]
        if length > side:
            edges = np.arange(side) * length // side
            counts = np.diff([*edges, length])
            shape = [1, 1, 1]
            shape[axis] = side
            images = np.add.reduceat(images, edges, axis=axis) / counts.reshape(shape)
    return images.astype(np.float32)


def _short(series):
    """Series of any lengths as `(examples, 16 x features)`, between their steps linearly."""
    found = np.zeros((len(series), _STEPS, series[0].shape[1]), np.float32)
    for row, values in zip(found, series, strict=True):
        values = np.nan_to_num(np.asarray(values, np.float32))
        at = np.linspace(0, len(values) - 1, _STEPS)
        low = np.floor(at).astype(int)
        share = (at - low)[:, None]
        row[:] = values[low] * (1 - share) + values[np.minimum(low + 1, len(values) - 1)] * share
    return found.reshape(len(series), -1)


def _of_categories(codes):
    """Random numbers for each category of each column: two that differ are about a distance of 2 apart."""
    codes, found = np.asarray(codes, np.int64), []
    for column in range(codes.shape[1]):
        for place in range(_CATEGORY):
            draws = randomness.uniform(0, column, codes[:, column], f"category {place}")
            found.append((draws - 0.5) * np.sqrt(6.0))
    return np.stack(found, axis=1) if found else np.zeros((len(codes), 0))


def _digest(content):
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _sums(rows):
    """A number for each row of an array: a sum of its words of 32 bits, each times a random number, modulo 2**64."""
    rows = np.ascontiguousarray(rows)
    if rows.dtype == np.float32 or rows.dtype == np.float64:
        rows = rows + 0.0  # Minus zero is zero.
    content = rows.view(np.uint8).reshape(len(rows), -1)
    content = np.pad(content, ((0, 0), (0, -content.shape[1] % 4)))
    numbers = np.ascontiguousarray(content).view(np.uint32)
    factors = np.random.default_rng(0).integers(1, 2**63, numbers.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    found = np.empty(len(rows), np.uint64)
    for start in range(0, len(rows), 4096):
        block = numbers[start : start + 4096].astype(np.uint64) + np.uint64(1)
        found[start : start + 4096] = (block * factors).sum(axis=1, dtype=np.uint64)
    return found
