"""A finished run opened: its model, and what its folder says of its data."""

import importlib
import pathlib

from hornbook import UserError, files, libraries
from hornbook.data.inputs import Trained
from hornbook.training import runs

MEDIA = ("images", "texts", "series", "tables")


def open_run(folder):
    """What a finished run's folder says of its data, and the module that reads other data alike.

    Args:
        folder: of the run.

    Returns:
        `data.inputs.Trained`, and the medium's module `inputs`.

    Raises:
        UserError: no finished run is there, or one of an unknown medium.
    """
    folder = pathlib.Path(folder)
    runs.finished(folder)
    about = files.read_json(folder / "labels.json")
    medium = about.get("medium")
    if medium not in MEDIA:
        raise UserError(f"{folder / 'labels.json'} is of the medium {medium!r}; known are {', '.join(MEDIA)}")
    return Trained(folder, about, runs.options_of(folder)), importlib.import_module(f"hornbook.data.{medium}.inputs")


def load_model(folder):
    """The saved model of a run.

    Args:
        folder: of the run.

    Raises:
        UserError: there is none, or it is broken.
    """
    with libraries.quiet_libraries():
        import keras

        import hornbook.models  # noqa: F401 - registers the layers that Keras lacks.
    path = pathlib.Path(folder, "model.keras")
    try:
        return keras.saving.load_model(path)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} cannot be loaded: {str(error).splitlines()[0]}") from error
