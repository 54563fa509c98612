"""A finished run opened: its model, and what its folder says of its data."""

import contextlib
import hashlib
import importlib
import pathlib
import time
from typing import Literal

import msgspec

from hornbook import UserError, records
from hornbook.data.dataset import Labels
from hornbook.data.inputs import Trained
from hornbook.inference import saved_model
from hornbook.training import manifest, runs

# What a run's use reads, beside `result.json`. Of these each run has some.
_READ = ("config.json", "chosen.json", "labels.json", "table.json", "tokenizer.json", "ngrams.json", "model.keras")


# The recipe that begins with weights that were pretrained on a medium.
_LABELLED = {"images": "image-classification", "texts": "text-classification", "series": "sequence-classification"}


class Medium(msgspec.Struct):
    """Of a `labels.json`, what says which module reads the rest."""

    medium: Literal["images", "texts", "series", "tables"]


def open_run(folder, further=(), *, as_weights=False):
    """What a finished run's folder says of its data, and the module that reads other data alike.

    Everything is checked that can be without Keras: each file by its description, and one against the other.

    Args:
        folder: of the run.
        further: names of further files of the run that will be read.
        as_weights: whether the network's weights alone are wanted, for which it need not have been trained on labels.

    Returns:
        `data.inputs.Trained`, and the medium's module `inputs`.

    Raises:
        UserError: no finished run is there, a file is not as the run wrote it, or the network was trained to begin others with.
    """
    folder = pathlib.Path(folder)
    runs.finished(folder)
    manifest.check(folder, (*_READ, *further))
    path = folder / "labels.json"
    medium = records.read(path, Medium).medium
    module, dataset = (importlib.import_module(f"hornbook.data.{medium}.{name}") for name in ("inputs", "dataset"))
    labels = records.read(path, _labels_kind(dataset))
    if labels.pretext is not None and not as_weights:
        told = f"was pretrained by {labels.pretext}, without labels, for other runs to begin with"
        raise UserError(f"{folder} {told}: hornbook {_LABELLED.get(medium, 'RECIPE')} --weights {folder}")
    config = records.checked(runs.options_of(folder), module.Settings, folder / "config.json")
    saved_model.check(folder / "model.keras", labels, path)
    return Trained(folder, records.plain(labels), records.plain(config), labels), module


def _labels_kind(module):
    [kind] = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Labels) and one is not Labels]
    return kind


def load_model(trained):
    """The saved model of a run, `Trained`; raises as `saved_model.load`."""
    return saved_model.load(trained.folder / "model.keras", trained.labels, trained.folder / "labels.json")


def digest(trained):
    """A SHA-256, hexadecimal, of all files of a run, `Trained`, that its answers depend on."""
    found = hashlib.sha256()
    for name in _READ:
        path = trained.folder / name
        found.update(f"{name} {manifest.digest(path) if path.exists() else None}\n".encode())
    return found.hexdigest()


@contextlib.contextmanager
def results_folder(given, trained, kind):
    """A new folder for what is found out about a run, a `pathlib.Path`; gone again where nothing was written to it.

    Args:
        given: what `--output` names, or None: `KIND/TIME` in the run's folder.
        trained: `data.inputs.Trained`.
        kind: such as "attacks".

    Raises:
        UserError: it is there, or cannot be made.
    """
    folder = pathlib.Path(given or trained.folder / kind / time.strftime("%Y%m%d-%H%M%S"))
    if folder.exists() or folder.is_symlink():
        raise UserError(f"{folder} is there already, and nothing is overwritten; pass another --output or remove it")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}; pass another --output") from error
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):  # It is not empty.
            folder.rmdir()
