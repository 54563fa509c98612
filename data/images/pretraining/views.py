"""Two views of an image, by which a network learns what makes them alike: those of SimCLR (Chen et al. 2020, appendix A).

Like `images.augmentation`, everything is a pure function of a batch and of `draw`.
"""

import dataclasses
import math

import numpy as np

from hornbook import UserError
from hornbook.data import randomness
from hornbook.data.dataset import Brief, Examples
from hornbook.data.images import augmentation, operations, policies
from hornbook.data.images.dataset import ImageDataset
from hornbook.data.images.pretraining import rotation, unlabelled

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
_LEAST_BLUR, _MOST_BLUR = 0.1, 2.0  # Pixels of deviation.
_COLOURED, _GREY = 0.8, 0.2  # Probabilities of a jitter of colours, and of none at all.


def random_crop(images, draw, smallest=0.2):
    """Cut a window of random size and shape out of each image and bring it to the image's size, between pixels linearly.

    Its area is uniform from `smallest` to 1 of the image's; the ratio of its sides is between 3/4 and 4/3, uniform in its logarithm. A side
    that is longer than the image's is cut to it.

    Args:
        images: float array `(batch, height, width, channels)`.
        draw: function from a name to uniform numbers `(batch,)`.
        smallest: least area, in (0, 1]. The paper has 0.08, at 224x224.

    Returns:
        float32 array of the same shape.

    Example:
    ```python
    import numpy
    from hornbook.data import randomness
    from hornbook.data.images.pretraining import views

    images = numpy.random.default_rng(0).uniform(0, 255, (4, 8, 8, 3))
    print(views.random_crop(images, randomness.Draw(0, 0, numpy.arange(4))).shape)
    ```
    """
    _, height, width, _ = images.shape
    area, ratio = smallest + (1 - smallest) * draw("window area"), (4 / 3) ** (2 * draw("window ratio") - 1)
    rows, columns = (np.minimum(side, 1.0) for side in (np.sqrt(area / ratio), np.sqrt(area * ratio)))
    found = _along(images.astype(np.float32), 1, height, (1 - rows) * draw("window row"), rows)
    return _along(found, 2, width, (1 - columns) * draw("window column"), columns)


def _along(images, axis, size, start, share):
    """Each image's stretch of an axis, that begins at a share and is a share long, brought to the whole size."""
    places = (start[:, None] + share[:, None] * (np.arange(size) + 0.5) / size) * size - 0.5
    places = np.clip(places, 0, size - 1)
    low = np.floor(places).astype(np.intp)
    weight = (places - low).astype(np.float32)
    shape = [len(images), 1, 1, 1]
    shape[axis] = size
    low, weight = low.reshape(shape), weight.reshape(shape)
    first = np.take_along_axis(images, low, axis=axis)
    return first + weight * (np.take_along_axis(images, np.minimum(low + 1, size - 1), axis=axis) - first)


def blur(images, draw, probability=0.5):
    """Blur some images by a Gaussian of 0.1 to 2 pixels, cut off at a twentieth of the side.

    Args:
        images: float array `(batch, height, width, channels)`.
        draw: function from a name to uniform numbers `(batch,)`.
        probability: of an image to be blurred.

    Returns:
        float32 array of the same shape.

    Example:
    ```python
    import numpy
    from hornbook.data import randomness
    from hornbook.data.images.pretraining import views

    images = numpy.random.default_rng(0).uniform(0, 255, (4, 8, 8, 3))
    print(views.blur(images, randomness.Draw(0, 0, numpy.arange(4)), 1.0).std() < images.std())
    ```
    """
    result = images.astype(np.float32)
    chosen = np.flatnonzero(draw("blur") < probability)
    if not len(chosen):
        return result
    radius = max(1, round(max(images.shape[1:3]) / 20))
    deviation = (_LEAST_BLUR + (_MOST_BLUR - _LEAST_BLUR) * draw("blur width"))[chosen]
    taps = np.exp(-((np.arange(-radius, radius + 1)[None] / deviation[:, None]) ** 2) / 2)
    taps = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)[..., None, None, None]
    some = result[chosen]
    for axis in (1, 2):
        around = [(0, 0)] * 4
        around[axis] = (radius, radius)
        padded = np.pad(some, around, mode="edge")
        size = some.shape[axis]
        some = sum(taps[:, k] * padded.take(range(k, k + size), axis=axis) for k in range(2 * radius + 1))
    result[chosen] = some
    return result


@dataclasses.dataclass(frozen=True)
class Views:
    """How a view of an image is made: a window, mirrored by chance, other colours, grey by chance, blurred by chance, with noise.

    Attributes:
        smallest_crop: see `random_crop`; 1 for windows that are the image.
        mirrored: whether half of them are mirrored left to right.
        colour: strength of a jitter of colours, see `policies.colour`, of 8 in 10 images; in colour 2 in 10 are made grey. 0 for neither.
        blur: probability of a blur.
        noise: standard deviation of noise that is added to each pixel, as a share of white.
        pixel_maximum: the number that stands for white.

    Raises:
        UserError: a value out of range.
    """

    smallest_crop: float = 0.2
    mirrored: bool = True
    colour: float = 0.4
    blur: float = 0.0
    noise: float = 0.0
    pixel_maximum: float = 255

    def __post_init__(self):
        for name in ("smallest_crop", "colour", "blur", "noise"):
            if not 0 <= getattr(self, name) <= 1 or (name == "smallest_crop" and not self.smallest_crop):
                raise UserError(f"{name} must be from 0 to 1, got {getattr(self, name)}")

    def one(self, images, draw):
        """One view of each image, of the same shape and dtype.

        Args:
            images: array `(batch, height, width, channels)`.
            draw: function from a name to uniform numbers `(batch,)`.
        """
        view = random_crop(images, draw, self.smallest_crop)
        view = augmentation.flip(view, draw) if self.mirrored else view
        view = self._coloured(view, draw) if self.colour else view
        view = blur(view, draw, self.blur) if self.blur else view
        if self.noise:
            white = np.float32(self.noise * self.pixel_maximum)
            view = np.clip(view + white * _normal(draw("noise"), view.shape[1:]), 0, np.float32(self.pixel_maximum))
        return np.rint(view).astype(images.dtype) if images.dtype.kind in "iu" else view.astype(images.dtype)

    def _coloured(self, view, draw):
        levels = operations.to_levels(view, self.pixel_maximum)
        changed = policies.colour(levels, draw, self.colour)
        chosen = draw("coloured") < _COLOURED
        levels = np.where(chosen[:, None, None, None], changed, levels)
        view = operations.from_levels(levels, self.pixel_maximum, np.float32)
        if view.shape[-1] == 3:
            grey = draw("grey") < _GREY
            view[grey] = (view[grey] @ _LUMINANCE)[..., None]
        return view

    def pair(self, images, draw):
        """Two views of each image, array `(batch, 2, height, width, channels)`."""
        first, second = (self.one(images, _Named(draw, view)) for view in ("first", "second"))
        return np.stack([first, second], axis=1)

    def augment(self, images, labels, draw):
        """The same for `batches.training_batches`: pairs, and the labels as they are."""
        return self.pair(images, draw), labels


@dataclasses.dataclass(frozen=True)
class _Named:
    """A `draw` whose numbers are other ones for every view."""

    draw: object
    view: str

    def __call__(self, name):
        return self.draw(f"{name} of the {self.view} view")


def _normal(uniform, shape):
    """About normal numbers, float32 `(examples, *shape)`, a pure function of one uniform number each: sums of four bytes."""
    sums = randomness.noise(uniform, 4 * math.prod(shape)).reshape(len(uniform), -1, 4).sum(axis=-1, dtype=np.float32)
    return ((sums - 510) / math.sqrt((256**2 - 1) / 3)).reshape(-1, *shape)


@dataclasses.dataclass(frozen=True)
class PairedExamples(Brief):
    """The examples of a part as two views each, the same ones whenever they are read: what is scored, not what is trained on.

    Attributes:
        part: of an `ImageDataset`, in memory or not.
        views: `Views`.
        seed: of the views.
    """

    part: object
    views: Views
    seed: int

    def __len__(self):
        return len(self.part)

    @property
    def labels(self):
        """Those of the part, which say nothing."""
        return self.part.labels

    @property
    def indices(self):
        """The position of each image in its source."""
        return self.part.indices

    @property
    def source(self):
        """See `Examples`."""
        return self.part.source

    @property
    def size_in_bytes(self):
        """What they would take in memory."""
        return 2 * self.part.size_in_bytes

    def subset(self, positions):
        """The examples at `positions`, an int array into these."""
        return dataclasses.replace(self, part=self.part.subset(positions))

    def _pairs(self, images, indices):
        return self.views.pair(images, randomness.Draw(self.seed, 0, indices))

    def in_memory(self):
        """The same as `Examples`, whose inputs are `(examples, 2, height, width, channels)`."""
        images = self.part.in_memory().inputs
        return Examples(self._pairs(images, self.indices), self.labels, self.indices, self.source)

    def stream(self, batch_size, order=None):
        """Batches `(places, inputs)`, as of `files.FileExamples.stream`."""
        order = np.arange(len(self)) if order is None else order
        for places, images in rotation.streamed(self.part, batch_size, order):
            yield places, self._pairs(images, self.indices[order[places]])


@dataclasses.dataclass(frozen=True)
class ContrastiveDataset(ImageDataset):
    """Images that a network brings near to each other where they are views of one."""

    def about(self):
        """See `Dataset.about`; and what was learned in place of labels."""
        return {**super().about(), "pretext": "contrastive"}


def dataset(plain):
    """The `ContrastiveDataset` of an `ImageDataset`, whose labels are not looked at.

    Example:
    ```python
    from hornbook import data
    from hornbook.data.images.pretraining import views

    print(views.dataset(data.images.load("digits")).task)
    ```
    """
    plain = unlabelled.without_labels(plain)
    fields = {field.name: getattr(plain, field.name) for field in dataclasses.fields(plain)}
    return ContrastiveDataset(**{**fields, "task": "embedding"})
