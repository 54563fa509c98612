"""`model.keras` of a run looked at before it is loaded, loaded, and compared with what the run's other files say of it.

A model file is a zip archive of a description, JSON, and of weights, HDF5. Both lie in it as they are: what is packed may unpack to any
size. The description names the classes of its layers; Keras' safe mode refuses those that hold code (Lambda), and Hornbook everything that
is neither Keras' nor its own before Keras sees it, so that no module is imported because a file names it.
"""

import contextlib
import io
import math
import os
import pathlib
import struct
import warnings
import zipfile

import numpy as np

from hornbook import UserError, command_line, files, libraries, records

_DESCRIPTION, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_LONGEST_DESCRIPTION = 2**24  # Bytes: ten thousand layers.
_OURS = "hornbook>"
_KERAS = ("keras", "builtins")
_MOST_NUMBERS = 2**28  # Of one example: a gibibyte.
_LARGE = 2**18  # Numbers of a variable.


def check(path, labels, labels_path):
    """Refuse a model file that is broken, holds code, or does not take what `labels.json` says. Needs no Keras and no weights.

    Args:
        path: of the `model.keras`.
        labels: `data.dataset.Labels` of the run.
        labels_path: of their file, for messages.

    Raises:
        UserError: with what is wrong.
    """
    described = _description(path)
    for one in records.classes_named(described):
        _refuse_code(path, one)
    shape = _input_shape(described)
    if shape is None:
        raise UserError(f"{path} has no layer of inputs that says which shape they have; accepted are the models that a run saves")
    if shape != labels.input_shape:
        raise UserError(f"{labels_path} says that the model takes inputs of shape {labels.input_shape}, and {path} takes {shape}")
    if math.prod(size or 1 for size in shape) > _MOST_NUMBERS:
        raise UserError(f"{path} takes inputs of shape {shape}: more than {_MOST_NUMBERS:,} numbers for one example")


def load(path, labels, labels_path):
    """The model of a run, which `check` has let pass.

    Args:
        path, labels, labels_path: as of `check`.

    Raises:
        UserError: Keras cannot load it, it has another number of outputs than there are names, or a weight that is no finite number.
    """
    with libraries.quiet_libraries():
        import keras

        import hornbook.models  # noqa: F401 - registers the layers that Keras lacks.
    try:
        _refuse_packed_weights(path)
        _refuse_larger_than_its_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Weights that the file lacks Keras leaves at random, and says so.
            for words in (".*freshly-initialized", "Skipping nested container"):
                warnings.filterwarnings("error", words)
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except UserError:
        raise
    # A file may hold anything, and Keras, HDF5 and zip each have their own words for it.
    except Exception as error:
        raise UserError(f"{path} cannot be loaded, it is broken or of another release of Keras: {_reason(error)}") from error
    shape = getattr(model, "output_shape", None)
    if not isinstance(shape, tuple) or len(shape) != _rank(labels) or shape[-1] != labels.num_outputs:
        raise UserError(f"{labels_path} has names for {labels.num_outputs} outputs, and {path} has outputs of shape {shape}")
    _refuse_weights(path, model)
    # A file has a list of inputs also where there is one, and Keras then warns of every array that is given as such.
    if isinstance(inputs := getattr(model, "_inputs_struct", None), list) and len(inputs) == 1:
        model._inputs_struct = inputs[0]
    return model


def _rank(labels):
    """How many axes a model's outputs have: of masked tokens or steps, those of each one."""
    return 3 if labels.pretext in ("masked-tokens", "masked-steps") else 2


def _refuse_weights(path, model):
    """Refuse a model with a weight that is no finite number."""
    import keras

    for variable in model.variables:
        if "float" not in variable.dtype:
            continue
        # A copy for NumPy takes ten times as long as the backend of what is large; of what is small, the backend's beginning takes longer.
        if math.prod(variable.shape) > _LARGE:
            finite = bool(keras.ops.all(keras.ops.isfinite(variable)))
        else:
            finite = np.isfinite(keras.ops.convert_to_numpy(variable)).all()
        if not finite:
            raise UserError(f"{path} has a weight that is no finite number, in {variable.path}: its predictions would mean nothing")


class _Part(io.RawIOBase):
    """Some bytes of an open file, as a file; for h5py, which reads a little here and there.

    Args:
        file: open for reading bytes.
        start, size: the first byte, and how many.
    """

    def __init__(self, file, start, size):
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=os.SEEK_SET):
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer):
        wanted = min(len(buffer), max(0, self._size - self._at))
        content = os.pread(self._file.fileno(), wanted, self._start + self._at)
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)


def _refuse_packed_weights(path):
    """Refuse weights that unpack to more than their file has bytes: HDF5 knows packed arrays, and those that nobody has written."""
    import h5py

    with files.opened(path) as file, zipfile.ZipFile(file) as archive:
        entry, sizes = archive.getinfo(_WEIGHTS), []
        file.seek(entry.header_offset + 26)
        start = entry.header_offset + 30 + sum(struct.unpack("<HH", file.read(4)))  # Behind the name and what else is said of it.
        with h5py.File(_Part(file, start, entry.file_size), "r") as weights:
            weights.visititems(lambda name, found: sizes.append(found.nbytes) if isinstance(found, h5py.Dataset) else None)
    if sum(sizes) > entry.file_size:
        raise UserError(f"{path} has {entry.file_size:,} bytes of weights that unpack to {sum(sizes):,}, which no run saves")


def _refuse_larger_than_its_file(path):
    """Refuse a description of more weights than the file has bytes for, before they are made."""
    import keras

    described = _description(path)
    if sum(_largest(one.get("config")) ** 2 for one in records.classes_named(described)) <= _MOST_NUMBERS:
        return  # No kernel of it can be large, and what follows takes as long as half of the loading.
    with _no_variable_waits(), keras.StatelessScope(initialize_variables=False):  # Variables of a shape, without values.
        model = keras.saving.deserialize_keras_object(described, safe_mode=True)
    wanted = sum(math.prod(variable.shape) for variable in model.variables)
    with zipfile.ZipFile(path) as archive:
        there = archive.getinfo(_WEIGHTS).file_size
    if wanted > there:
        raise UserError(f"{path} describes a model of {wanted:,} weights, and has {there:,} bytes of them")


@contextlib.contextmanager
def _no_variable_waits():
    """Forget the variables without values that are made within the block; Keras would give them values at the end of the next scope."""
    from keras.src.backend.common import global_state  # There is no other way to them.

    waiting = list(global_state.get_global_attribute("uninitialized_variables") or [])
    try:
        yield
    finally:
        global_state.set_global_attribute("uninitialized_variables", waiting)


def _largest(config):
    """The largest whole number among a layer's own options; seeds and shapes of inputs make no weights."""
    found, own = [0], config if isinstance(config, dict) else {}
    for key, value in own.items():
        if key not in ("seed", "batch_shape"):
            found += [one for one in (value if isinstance(value, list) else [value]) if type(one) is int]
    return max(found)


def outputs(model, examples, trained):
    """The outputs of a run's model for examples: array `(examples, outputs)`.

    Args:
        model: as `load` gave it.
        examples: as of `batches.predictions`.
        trained: `data.inputs.Trained`.

    Raises:
        UserError: the model cannot be computed for them, since it has layers that do not fit them, or too large ones; or gives what is no
            number, from which every answer would be made up.
    """
    from hornbook.data import batches

    path = trained.folder / "model.keras"
    with _computing(path):
        found = batches.predictions(model, examples, length=trained.about["input_shape"][0])
    wrong = np.flatnonzero(~np.isfinite(found).all(axis=-1))
    if len(wrong):
        raise UserError(f"{path} gives no finite number for input {wrong[0] + 1} of {len(found)}: its weights or the input are too large")
    return found


def outputs_of_some(model, examples, trained):
    """As `outputs`, of a few thousand examples in memory, many times; what is no finite number is left for the caller to tell.

    Raises:
        UserError: the model cannot be computed for them.
    """
    from hornbook.data import batches

    with _computing(trained.folder / "model.keras"):
        return batches.predictions_of_some(model, examples, length=trained.about["input_shape"][0])


@contextlib.contextmanager
def _computing(path):
    """Say in one line whatever goes wrong in the block."""
    try:
        with command_line.enough_memory("number of inputs"):
            yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{path} cannot be computed for these inputs: {_reason(error)}") from error


def _reason(error):
    """A line of what Keras says, which puts the cause behind its advice, and a whole configuration behind the cause."""
    said = str(error)
    said = said.rpartition("Exception encountered: ")[2].strip() or type(error).__name__
    return said.splitlines()[0].partition(" Full object config:")[0][:300]


def _description(path):
    path = pathlib.Path(path)
    if not path.exists():
        raise UserError(f"{path} is not there; the run's folder is not whole")
    if not path.is_file():
        raise UserError(f"{path} is not a file; accepted is the model that a run saves")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            lacking = [name for name in (_DESCRIPTION, _WEIGHTS) if name not in names]
            if lacking:
                raise UserError(f"{path} has no {lacking[0]} in it; accepted is the model that a run saves")
            strange = [name for name in names if name not in (_DESCRIPTION, _METADATA, _WEIGHTS)]
            if strange or len(names) > len(set(names)):
                what = f"{strange[0]!r} in it" if strange else "a file twice in it"
                raise UserError(f"{path} has {what}; accepted is the model that a run saves")
            if any(one.compress_type != zipfile.ZIP_STORED or one.file_size != one.compress_size for one in archive.infolist()):
                raise UserError(f"{path} has packed files in it, which may unpack to any size; accepted is the model that a run saves")
            if archive.getinfo(_DESCRIPTION).file_size > _LONGEST_DESCRIPTION:
                raise UserError(f"{path} has a description of more than {_LONGEST_DESCRIPTION:,} bytes, which no model needs")
            return records.parsed(archive.read(_DESCRIPTION), f"{path}, {_DESCRIPTION}")
    except UserError:
        raise
    except Exception as error:  # zipfile raises six kinds, zlib's among them.
        raise UserError(f"{path} is broken, cut off or changed ({error}); restore it") from error


def _refuse_code(path, one):
    name, module, registered = (one.get(key) for key in ("class_name", "module", "registered_name"))
    if name in records.LAYERS_OF_CODE:
        raise UserError(f"{path} has a {name}, which holds or loads code; Hornbook runs no code that comes in a file")
    ours = isinstance(registered, str) and registered.startswith(_OURS)
    own_home = module is None or (isinstance(module, str) and module.partition(".")[0] in _KERAS)
    if not ours and not own_home:
        raise UserError(
            f"{path} has a layer {registered or name!r} of the module {module!r}, which is neither Keras' nor Hornbook's; "
            "load it with Keras in code of your own, where that layer is registered"
        )


def _input_shape(described):
    """The shape of a description's only input, a list without the batch axis; None where it has none."""
    config = described.get("config") if isinstance(described, dict) else None
    layers = config.get("layers") if isinstance(config, dict) else None
    for layer in layers if isinstance(layers, list) else []:
        if isinstance(layer, dict) and layer.get("class_name") == "InputLayer" and isinstance(layer.get("config"), dict):
            shape = layer["config"].get("batch_shape")
            return shape[1:] if isinstance(shape, list) else None
    return None
