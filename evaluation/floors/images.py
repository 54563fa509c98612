"""Classical models of images: the nearest neighbour and logistic regression, both on pixels. They are for small images alone."""

import numpy as np

from hornbook.evaluation.floors import fitting, neighbours, tasks

_LARGEST = 32  # Pixels a side, of which alone they say something.


def refuse_large_images(medium, input_shape):
    """Refuse images of which pixels alone say little.

    Args:
        medium: "images"; others are accepted.
        input_shape: `(height, width, channels)`.

    Raises:
        LeftOutError: they are larger than 32x32.
    """
    if medium == "images" and max(input_shape[:2]) > _LARGEST:
        raise tasks.LeftOutError(f"images are {input_shape[0]}x{input_shape[1]}, and pixels alone say little beyond {_LARGEST}x{_LARGEST}")


def neighbour(task, inputs, labels, scored):
    """The label of the training image with the nearest pixels, by Euclidean distance.

    Args:
        task: `tasks.Task`, not of numbers.
        inputs, scored: arrays `(images, height, width, channels)` of any numbers.
        labels: of training, see `fitting.outputs`.

    Returns:
        Outputs for `scored`, see `neighbours.neighbour`.
    """
    return neighbours.neighbour(task, *_pixels(inputs, scored, labels))


def logistic(task, inputs, labels, scored):
    """Logistic regression on pixels, each less its mean, all over their common deviation; arguments as of `neighbour`.

    The penalty grows with the pixels, which say much the same: scikit-learn's C is 1 over the square root of their number.
    """
    from sklearn.linear_model import LogisticRegression

    inputs, labels, scored = _pixels(inputs, scored, labels)
    penalty = 1 / np.sqrt(inputs.shape[1])
    return fitting.outputs(task, lambda: LogisticRegression(C=penalty, max_iter=100), None, inputs, labels, scored)


def _pixels(inputs, scored, labels):
    """Float32 rows of pixels, centred and scaled by the training images, with the labels between them."""
    mean, deviation = inputs.mean(axis=0, dtype=np.float64).astype(np.float32), inputs.std(dtype=np.float64)
    scale = np.float32(deviation if deviation > 0 else 1)
    first, second = (((images - mean) / scale).reshape(len(images), -1) for images in (inputs, scored))
    return first, labels, second
