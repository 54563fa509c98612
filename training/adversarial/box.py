"""How far an attack may change an input: each number by its own radius, and never beyond what an input can be."""

import dataclasses

import numpy as np

from hornbook import UserError


@dataclasses.dataclass(frozen=True)
class Box:
    """The changes that are allowed: in the maximum norm, each number's own radius.

    Attributes:
        radius: float32 array that fits one example's shape, or a batch's: how far each number may be moved; 0 where it is left alone.
        low, high: the least and the largest number that an input can be, such as black and white; None: any.

    Example:
    ```python
    import numpy
    from hornbook.training.adversarial.box import Box

    box = Box(numpy.float32(0.1), 0.0, 1.0)
    assert numpy.allclose(box.clipped(numpy.array([0.5, 2.0]), numpy.array([0.2, 0.95])), [0.3, 1.0])
    ```
    """

    radius: np.ndarray
    low: float | None = None
    high: float | None = None

    def scaled(self, factor):
        """The box with all radii times a factor."""
        return dataclasses.replace(self, radius=np.asarray(self.radius, np.float32) * np.float32(factor))

    def clipped(self, moved, x):
        """What was moved, brought back into the box around inputs: of arrays or of tensors, whichever `x` is.

        What is NaN in `x`, such as padding behind the end of a series, stays.
        """
        ops = np if isinstance(x, np.ndarray) else _ops()
        moved = ops.minimum(ops.maximum(moved, x - self.radius), x + self.radius)
        if self.low is not None:
            # An input that is beyond what it can be stays where it is.
            moved = ops.minimum(ops.maximum(moved, ops.minimum(x, self.low)), ops.maximum(x, self.high))
        return ops.where(ops.isnan(x), x, moved)


def _ops():
    import keras  # Here, since a command line is looked at before Keras is imported.

    return keras.ops


def epsilon(text, flag="--epsilon"):
    """A radius as somebody writes it: a number such as 0.03, or a fraction such as 8/255.

    Args:
        text: what was written.
        flag: for messages.

    Raises:
        UserError: it is no positive number.

    Example:
    ```python
    from hornbook.training.adversarial.box import epsilon

    assert epsilon("8/255") == 8 / 255
    ```
    """
    above, slash, below = str(text).partition("/")
    try:
        found = float(above) / (float(below) if slash else 1)
    except (ValueError, ZeroDivisionError):
        found = -1.0
    if not 0 < found < 1e9:
        raise UserError(f"{flag} must be a positive number such as 0.03, or a fraction such as 8/255, got {text}")
    return found


def refuse_scale(text, value, white, flag="--epsilon"):
    """Refuse a radius of images that was meant in the scale of their pixels: it counts from 0, black, to 1, white, as in the papers.

    Args:
        text: what was written.
        value: the number that it is.
        white: the number of a pixel that stands for white.
        flag: for messages.

    Raises:
        UserError: with both scales.
    """
    if value < 1:
        return
    levels = max(255.0, white)
    meant = f"pass {value:g}/{levels:g}" if value < levels else "pass one below 1"
    raise UserError(
        f"{flag} {text} counts on a scale from 0, black, to 1, white, all of which it covers; pixels of these images go from 0 to "
        f"{white:g}: {meant}, if it was meant in 0 to {levels:g}"
    )
