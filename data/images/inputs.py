"""Images for a finished run's model, see `data.inputs`."""

import numpy as np

from hornbook import UserError
from hornbook.data import inputs
from hornbook.data.dataset import Examples, plain_inputs
from hornbook.data.dataset import sample as sampled
from hornbook.data.images import decoding
from hornbook.data.images.dataset import check_name, load

THREADED = decoding.SUFFIXES


class Settings(inputs.Settings, kw_only=True):
    """See `data.inputs`."""

    image_size: str | int | None
    path_column: str | None
    label_column: str | None = None
    group_column: str | None = None
    time_column: str | None = None
    weight_column: str | None = None
    skip_unreadable: bool


def read(given, trained, skip=0):
    """Pairs of a name and an image, see `data.inputs`.

    Args:
        given: path of an image file, or of a .npy array `(height, width, channels)` or `(examples, height, width, channels)`.
        trained: `inputs.Trained`.
        skip: how many of them are left out.

    Raises:
        UserError: the file cannot be read, or is of another shape than the model takes.
    """
    about = trained.about
    shape = tuple(about["input_shape"])
    if not given.endswith(".npy"):
        if not skip:
            yield given, decoding.from_file(given, shape, about["pixel_maximum"])
        return
    array = inputs.array(given)
    one = array.shape == shape
    if not one and array.shape[1:] != shape:
        raise UserError(f"{given} has shape {array.shape}; the model takes {('examples', *shape)}".replace("'", ""))
    for first, images in [(0, array[:][None])][skip:] if one else array.blocks(skip):
        for place, image in enumerate(images.astype(np.float32), start=first):
            name = f"{given}[{place}]"
            finite = np.isfinite(image).all()
            yield name, image if finite else UserError(f"{name} has a pixel that is not finite; accepted are numbers")


def suffixes(trained):
    """How the names of image files and arrays end, see `data.inputs`."""
    return (*decoding.SUFFIXES, ".npy")


def examples(images, trained):
    """Images `(height, width, channels)` as `Examples`."""
    return Examples(np.stack(images), np.zeros(len(images), np.int64), np.arange(len(images)), "all"), None


def refuse_other_scale(images, trained):
    """Refuse images whose pixels cannot be those that a run was trained on: of 0 to 1, say, where it takes 0 to 255.

    Args:
        images: float array `(examples, height, width, channels)`.
        trained: `inputs.Trained`.

    Raises:
        UserError: with both scales.
    """
    most, white = float(images.max()), trained.about["pixel_maximum"]
    if most > 0 and (most > 1.5 * white or most <= white / 100):
        raise UserError(
            f"the images have pixels up to {most:g}, and the run was trained on pixels from 0 to {white:g}; bring them to one scale"
        )


def taken(dataset, trained):
    """The training part of a dataset of images, which must have the size and the unit that the run's model takes."""
    size, unit = tuple(trained.about["input_shape"]), trained.about["pixel_maximum"]
    if dataset.input_shape != size:
        has, wanted = ("x".join(map(str, one)) for one in (dataset.input_shape, size))
        raise UserError(f"its images are {has}, and the run's model takes {wanted}; --image-size brings them to one size")
    if dataset.pixel_maximum != unit:
        raise UserError(f"white is {dataset.pixel_maximum:g} in its images, and {unit:g} in those that the run's model takes")
    return dataset.train


def scored(name, part, trained, skip_unreadable):
    """The part of a dataset of images to score."""
    check_name(name)
    height, width, channels = trained.about["input_shape"]
    options = {**trained.split(name), "skip_unreadable": skip_unreadable or trained.config["skip_unreadable"]}
    if trained.is_own(name):  # A weight may be an array of a NumPy file.
        options |= trained.options("group_column", "time_column", "weight_column")
    if name.startswith("csv:"):
        options |= trained.options("path_column", "label_column")
    if name.startswith(("folder:", "csv:")) or (name.startswith("tfds:") and trained.config["image_size"]):
        options |= {"image_size": f"{height}x{width}", "channels": channels}
    dataset = load(name, **options, class_names=trained.class_names(name))
    if list(dataset.input_shape) != trained.about["input_shape"]:
        raise UserError(f"{name} has images {dataset.input_shape}; the run's model takes {tuple(trained.about['input_shape'])}")
    return inputs.scored_part(dataset, part, trained), len(dataset.unreadable)


def sample(trained, count):
    """Pairs of an image and the same image, see `data.inputs`."""
    part, _ = inputs.unseen(lambda name: scored(trained.config["dataset"], name, trained, True))
    return [(image, np.asarray(image, np.float32)) for image in plain_inputs(part, sampled(len(part), count))]


def generated(trained, count):
    """Pairs of an image of random pixels and the same image, see `data.inputs`."""
    shape = (count, *trained.about["input_shape"])
    images = np.random.default_rng(0).uniform(0, trained.about["pixel_maximum"], shape).round().astype(np.float32)
    return list(zip(images, images, strict=True))
