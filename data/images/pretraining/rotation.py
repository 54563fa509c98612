"""Which way up an image is: each image is shown in four turns, and a network says which it is (Gidaris, Singh and Komodakis 2018).

What an image shows must be recognized to say so, which takes no label of anybody's.
"""

import dataclasses

import numpy as np

from hornbook import UserError
from hornbook.data.dataset import Brief, Examples
from hornbook.data.images.dataset import ImageDataset

TURNS = 4
CLASS_NAMES = ("0 degrees", "90 degrees", "180 degrees", "270 degrees")


def turned(images, turns):
    """Each image after so many quarter turns counter-clockwise.

    Args:
        images: array `(batch, side, side, channels)`, any dtype.
        turns: int array `(batch,)` of 0 to 3.

    Returns:
        A new array of the same shape and dtype.

    Example:
    ```python
    import numpy
    from hornbook.data.images.pretraining import rotation

    images = numpy.arange(8).reshape(2, 2, 2, 1)
    print(rotation.turned(images, numpy.array([0, 1]))[..., 0])
    ```
    """
    result = images.copy()
    for turn in range(1, TURNS):
        where = turns == turn
        result[where] = np.rot90(images[where], turn, axes=(1, 2))
    return result


def turning(augment):
    """An augmentation of turned images that changes them as they stand upright.

    Mirrored left to right after a quarter turn, an image would look like one of the other quarter turn, which is another class.

    Args:
        augment: function `(images, labels, draw) -> (images, labels)`, see `images.augmenter`.

    Returns:
        A function of the same arguments, labels one-hot `(batch, 4)`.
    """

    def augment_upright(images, labels, draw):
        turns = labels.argmax(axis=1)
        upright, labels = augment(turned(images, -turns % TURNS), labels, draw)
        return turned(upright, turns), labels

    return augment_upright


@dataclasses.dataclass(frozen=True)
class TurnedExamples(Brief):
    """The examples of a part, each in four turns, which are made when they are read.

    Attributes:
        part: of an `ImageDataset`, in memory or not.
        positions: int array `(examples,)`: four times the place in the part, and the turn.
    """

    part: object
    positions: np.ndarray

    @classmethod
    def of(cls, part):
        """All turns of all examples of a part."""
        return cls(part, np.arange(TURNS * len(part)))

    def __len__(self):
        return len(self.positions)

    @property
    def labels(self):
        """The turns, int64 array `(examples,)`."""
        return (self.positions % TURNS).astype(np.int64)

    @property
    def indices(self):
        """The position of each image in its source: the same for its four turns."""
        return self.part.indices[self.positions // TURNS]

    @property
    def source(self):
        """See `Examples`."""
        return self.part.source

    @property
    def size_in_bytes(self):
        """What they would take in memory."""
        return self.part.size_in_bytes * len(self) // max(1, len(self.part))

    def subset(self, positions):
        """The examples at `positions`, an int array into these."""
        return TurnedExamples(self.part, self.positions[positions])

    def in_memory(self):
        """The same as `Examples`."""
        chosen, places = np.unique(self.positions // TURNS, return_inverse=True)
        upright = self.part.subset(chosen).in_memory().inputs
        return Examples(turned(upright[places], self.labels), self.labels, self.indices, self.source)

    def moments(self):
        """Mean and variance of each channel, which turns do not change."""
        return self.part.moments()

    def stream(self, batch_size, order=None):
        """Batches `(places, inputs)`, as of `files.FileExamples.stream`."""
        positions = self.positions if order is None else self.positions[order]
        for places, upright in streamed(self.part, batch_size, positions // TURNS):
            yield places, turned(upright, positions[places] % TURNS)


def streamed(part, batch_size, order):
    """Batches `(places, inputs)` of a part in an order, whether it is in memory or not, as of `files.FileExamples.stream`."""
    if not hasattr(part, "inputs"):
        yield from part.stream(batch_size, order=order)
        return
    for start in range(0, len(order), batch_size):
        places = np.arange(start, min(start + batch_size, len(order)))
        yield places, part.inputs[order[places]]


@dataclasses.dataclass(frozen=True)
class RotationDataset(ImageDataset):
    """Images in four turns, whose classes are the turns. Its parts are `TurnedExamples`.

    Attributes:
        plain: the `ImageDataset` as it was loaded, which `split.csv` is of.
        copies: how many examples an image is.
    """

    plain: ImageDataset | None = None
    copies: int = TURNS

    def about(self):
        """See `Dataset.about`; and what was predicted in place of a label."""
        return {**super().about(), "pretext": "rotation"}

    def split_rows(self):
        """Which image went where, for `split.csv`."""
        return self.plain.split_rows()


def dataset(plain):
    """The `RotationDataset` of an `ImageDataset`, whose labels are not looked at.

    Raises:
        UserError: the images are not square.

    Example:
    ```python
    from hornbook import data
    from hornbook.data.images.pretraining import rotation

    digits = rotation.dataset(data.images.load("digits"))
    print(digits.class_names, len(digits.train))
    ```
    """
    height, width, _ = plain.input_shape
    if height != width:
        raise UserError(f"{plain.name} has images of {height}x{width}, and a quarter turn is for square ones; pass --image-size {height}")
    parts = {name: TurnedExamples.of(part) for name, part in plain.parts.items()}
    fields = {field.name: getattr(plain, field.name) for field in dataclasses.fields(plain)}
    return RotationDataset(**{**fields, **parts, "class_names": CLASS_NAMES}, plain=plain)
