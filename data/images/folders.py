"""`folder:PATH` as images: a folder of class folders, or of train/, validation/ and test/ folders of class folders."""

import numpy as np

from hornbook.data import folders
from hornbook.data.images import files
from hornbook.data.images.dataset import ImageDataset

check = folders.check


def load(name, *, image_size=None, channels=None, class_names=None):
    """An `ImageDataset` of `folder:PATH`, its parts `files.FileExamples`, with the source's own splits where it has them.

    Args:
        name: `folder:PATH`.
        image_size, channels: what to bring all images to, or None, see `files.choose_shape`.
        class_names: the classes in their order, such as a trained model's; the folder may lack some, and its training part. Default: the
            training folders.

    Raises:
        UserError: a layout that is none, a class without images or unknown in training, images of several sizes.
    """
    class_names, everything = folders.labelled_files(name.removeprefix("folder:"), class_names)
    shape = files.choose_shape([file for part in everything.values() for file, _ in part], name, image_size, channels)
    parts = {}
    for part, examples in everything.items():
        paths, labels = zip(*examples, strict=True)
        parts["train" if part == "all" else part] = files.FileExamples(
            np.array(paths, object), np.array(labels, np.int64), np.arange(len(labels)), part, shape
        )
    return ImageDataset(name, class_names, shape, **{"train": None, **parts})
