"""The mean of a network's outputs over copies of each image: test-time augmentation."""

from hornbook import UserError

COPIES = ("none", "mirror", "mirror-shift")


def average_over_copies(model, copies="mirror"):
    """A model whose outputs are the mean of a model's outputs over several copies of each image.

    - `mirror`: the image and its mirror image, left to right: twice the time.
    - `mirror-shift`: these two, which count half, and the same shifted by a pixel up and left, and down and right: six times the time.
      What comes in at an edge are the pixels next to it, mirrored.

    The mean is of the outputs as they are, such as logits (Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU", section 3.5). It
    is for predictions, not for training, and a network scores better so than on single images: say so beside the score. Where a mirror
    image has another meaning, as of digits and letters, it does harm.

    Args:
        model: `keras.Model` from images `(batch, height, width, channels)` to outputs `(batch, outputs)`; it is shared, not copied.
        copies: one of `COPIES`; `none` gives the model itself.

    Returns:
        An uncompiled `keras.Model` of the same inputs.

    Raises:
        UserError: unknown copies.

    Example:
    ```python
    import keras
    from hornbook import data

    digits = data.images.load("digits").test
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    logits = data.predictions(data.images.average_over_copies(model, "mirror"), digits)
    ```
    """
    import keras

    if copies not in COPIES:
        raise UserError(f"test_time_augmentation must be one of {', '.join(COPIES)}, got {copies!r}")
    if copies == "none":
        return model

    single = keras.Model(model.inputs[0], model.outputs[0])  # A loaded model's outputs are a list.

    def with_mirror(images):
        return (single(images) + single(keras.ops.flip(images, axis=2))) / 2

    images = keras.Input(model.inputs[0].shape[1:], dtype=model.inputs[0].dtype)
    outputs = with_mirror(images)
    if copies == "mirror-shift":
        padded = keras.ops.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
        outputs = outputs / 2 + (with_mirror(padded[:, 2:, 2:]) + with_mirror(padded[:, :-2, :-2])) / 4
    return keras.Model(images, outputs, name=model.name)
