"""`folder:PATH` as images: a folder of class folders, or of train/, validation/ and test/ folders of class folders."""

import numpy as np

from hornbook.data import folders
from hornbook.data.images import files
from hornbook.data.images.dataset import ImageDataset

# An image with one of these that lies beside the class folders was most likely forgotten.
SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


def check(path):
    """Refuse a path where there is no folder of class folders, see `data.folders.check`."""
    folders.check(path, SUFFIXES)


def load(name, *, image_size=None, channels=None, class_names=None):
    """An `ImageDataset` of `folder:PATH`, its parts `files.FileExamples`, with the source's own splits where it has them.

    Args:
        name: `folder:PATH`.
        image_size, channels: to which all images are converted, or None, see `files.choose_shape`.
        class_names: the classes in their order, such as a trained model's; the folder may lack some, and its training part. Default: the
            training folders.

    Raises:
        UserError: the folder has another layout, a class has no images or is unknown in training, or images have several sizes.

    Example:
    ```python
    import pathlib
    import tempfile

    import numpy
    from PIL import Image
    from hornbook import data

    with tempfile.TemporaryDirectory() as folder:
        for number in range(20):
            path = pathlib.Path(folder, ("dark", "light")[number % 2], f"{number}.png")
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(numpy.full((8, 8), 12 * number, "uint8")).save(path)
        photographs = data.images.load(f"folder:{folder}", in_memory="always")
    print(photographs.class_names, photographs.input_shape, len(photographs.train))
    ```
    """
    class_names, everything = folders.labelled_files(name.removeprefix("folder:"), class_names, suffixes=SUFFIXES)
    shape = files.choose_shape([file for part in everything.values() for file, _ in part], name, image_size, channels)
    parts = {}
    for part, examples in everything.items():
        paths, labels = (np.array(values, dtype) for values, dtype in zip(zip(*examples, strict=True), (object, np.int64), strict=True))
        parts["train" if part == "all" else part] = files.FileExamples(paths, labels, np.arange(len(labels)), part, shape)
    return ImageDataset(name, class_names, shape, **{"train": None, **parts})
