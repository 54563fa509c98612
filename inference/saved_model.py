"""`model.keras` of a run looked at before it is loaded, loaded, and compared with what the run's other files say of it.

A model file is a zip archive of a description, JSON, and of weights. The description names the classes of its layers; Keras' safe mode
refuses those that hold code (Lambda), and Hornbook everything that is neither Keras' nor its own before Keras sees it, so that no module is
imported because a file names it.
"""

import contextlib
import math
import pathlib
import warnings
import zipfile

import numpy as np

from hornbook import UserError, command_line, libraries, records

_DESCRIPTION, _WEIGHTS = "config.json", "model.weights.h5"
# Layers that load code or a model of another library, whatever their file says of it.
_CODE = ("Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer", "__lambda__", "__typespec__")
_OURS = "hornbook>"
_KERAS = ("keras", "builtins")
_MOST_NUMBERS = 2**28  # Of one example: a gibibyte.


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
    for one in _objects(described):
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
        _refuse_larger_than_its_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message="Skipping nested container")  # Keras would go on with random weights there.
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except UserError:
        raise
    # A file may hold anything, and Keras, HDF5 and zip each have their own words for it.
    except Exception as error:
        raise UserError(f"{path} cannot be loaded, it is broken or of another release of Keras: {_reason(error)}") from error
    shape = getattr(model, "output_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 2 or shape[-1] != labels.num_outputs:
        raise UserError(f"{labels_path} has names for {labels.num_outputs} outputs, and {path} has outputs of shape {shape}")
    for variable in model.variables:
        values = keras.ops.convert_to_numpy(variable)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise UserError(f"{path} has a weight that is no finite number, in {variable.path}: its predictions would mean nothing")
    return model


def _refuse_larger_than_its_file(path):
    """Refuse a description of more weights than the file has bytes for, before they are made."""
    import keras

    described = _description(path)
    if sum(_largest(one.get("config")) ** 2 for one in _objects(described)) <= _MOST_NUMBERS:
        return  # No kernel of it can be large, and what follows takes as long as half of the loading.
    with keras.StatelessScope(initialize_variables=False):  # Variables of a shape, without values.
        model = keras.saving.deserialize_keras_object(described, safe_mode=True)
    wanted = sum(math.prod(variable.shape) for variable in model.variables)
    with zipfile.ZipFile(path) as archive:
        there = archive.getinfo(_WEIGHTS).file_size
    if wanted > there:
        raise UserError(f"{path} describes a model of {wanted:,} weights, and has {there:,} bytes of them")


def _largest(config):
    """The largest whole number among a layer's own options; seeds and shapes of inputs make no weights."""
    found, own = [0], config if isinstance(config, dict) else {}
    for key, value in own.items():
        if key not in ("seed", "batch_shape"):
            found += [one for one in (value if isinstance(value, list) else [value]) if type(one) is int]
    return max(found)


@contextlib.contextmanager
def computing(path):
    """Say in one line that a model cannot be computed for its inputs: it may have layers that do not fit them, or too large ones.

    Args:
        path: of the `model.keras`, for messages.

    Raises:
        UserError: whatever goes wrong in the block.
    """
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
            if archive.getinfo(_DESCRIPTION).file_size > records.LARGEST:
                raise UserError(f"{path} has a description of more than {records.LARGEST:,} bytes, which no model needs")
            return records.parsed(archive.read(_DESCRIPTION), f"{path}, {_DESCRIPTION}")
    except UserError:
        raise
    except Exception as error:  # zipfile raises six kinds, zlib's among them.
        raise UserError(f"{path} is broken, cut off or changed ({error}); restore it") from error


def _objects(described):
    """Every object in a description that names a class; a loop, since it may be nested as deep as somebody likes."""
    waiting = [described]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "class_name" in one:
                yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _refuse_code(path, one):
    name, module, registered = (one.get(key) for key in ("class_name", "module", "registered_name"))
    if name in _CODE:
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
