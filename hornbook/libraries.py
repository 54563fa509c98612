"""The libraries that take seconds to import: which backend Keras has, Keras' own settings, and no chatter on standard error."""

import contextlib
import importlib.util
import json
import logging
import os
import re
import sys
import tempfile

from hornbook import UserError, endings, files, memory, terminal

_BACKENDS = ("tensorflow", "jax", "torch")
# What models, layers and saved runs are made for, whatever a user's keras.json has: another value would change every result unseen.
_SETTINGS = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
_LEAST_ADDRESSES = 13 * 2**27  # Bytes, 1.6 GiB: with a limit of 1.5 GB the process ended with a page of C++, with 2 GB it predicted.
_LIMITS = ("max_epochs", "max_steps_per_epoch")  # Of Keras' for trying out scripts, KERAS_MAX_EPOCHS and KERAS_MAX_STEPS_PER_EPOCH.


@contextlib.contextmanager
def quiet_libraries():
    """Import TensorFlow at the end of a block without what its C++ code says, as `hold_back` does, and set Keras up for Hornbook.

    The backend is the one that Keras would take, by `KERAS_BACKEND` or keras.json. Of its other settings those are taken back, with a note,
    that would change results without a word: Keras' default number type, its order of an image's axes and its limits on training.

    Raises:
        UserError: `KERAS_BACKEND` or keras.json names none of Keras' backends, or one that is not installed; or what Keras reads of the
            environment as a number is none; or `ulimit -v` leaves less than they take.
    """
    backend()
    _refuse_limits()
    os.environ["KERAS_HOME"] = os.path.dirname(_keras_json())  # For Keras and for the older Keras within TensorFlow.
    if "keras" not in sys.modules:
        memory.require_addresses(_LEAST_ADDRESSES, "TensorFlow")
    if "keras" in sys.modules or _may_chatter():
        yield
    else:
        with hold_back():
            yield
            _import_tensorflow()
    _set_up_keras()


def backend():
    """The name of the backend that Keras will have.

    Raises:
        UserError: see `quiet_libraries`.
    """
    path = _keras_json()
    settings = _of_keras_json(path)  # Keras reads them whatever the environment says.
    named, where = os.environ.get("KERAS_BACKEND"), "KERAS_BACKEND"
    if not named:
        named, where = settings.get("backend", "tensorflow"), f"the backend in {path}"
    if named not in _BACKENDS:
        raise UserError(f"{where} must be tensorflow, jax or torch, got {named!r}")
    if named not in sys.modules and importlib.util.find_spec(named) is None:
        other = "unset it" if where == "KERAS_BACKEND" else "change it, or set KERAS_BACKEND=tensorflow"
        raise UserError(f"{where} is {named}, which is not installed: pip install {named}, or {other}")
    return named


def _refuse_limits():
    """Refuse limits in the environment that Keras would end at with a traceback."""
    for name in (f"KERAS_{limit.upper()}" for limit in _LIMITS):
        given = os.environ.get(name)
        if given is not None and not re.fullmatch(r"\s*[+-]?[0-9]{1,9}\s*", given):
            raise UserError(f"{name} must be a whole number, got {given!r}; unset it")


def _keras_json():
    """Where Keras looks for its settings: in the user's own home folder, or nowhere.

    By itself, it would take those of /tmp or of the current folder where there is no home that can be written, and write some there; both
    may be somebody else's.
    """
    home = os.path.expanduser("~")
    own = os.path.isabs(home) and os.access(home, os.W_OK)
    folder = os.environ.get("KERAS_HOME") or os.path.join(home if own else os.devnull, ".keras")
    return os.path.expanduser(os.path.join(folder, "keras.json"))


def _of_keras_json(path):
    """The settings in keras.json, a dict; those that Keras itself would end at with a traceback are refused.

    Raises:
        UserError: the file cannot be read, or Keras does not take what is in it.
    """
    if not os.path.exists(path):
        return {}
    try:
        with files.opened(path) as file:
            found = json.loads(file.read().decode())
    except OSError as error:
        raise UserError(f"{path}, Keras' settings, cannot be read: {error.strerror}; make it readable or remove it") from error
    except RecursionError as error:
        raise UserError(f"{path}, Keras' settings, is nested too deeply; mend or remove it") from error
    except ValueError:
        return {}  # As Keras does.
    if not isinstance(found, dict):
        raise UserError(f"{path}, Keras' settings, must hold an object; mend or remove it")
    accepted = {"floatx": ("float16", "float32", "float64"), "image_data_format": ("channels_last", "channels_first")}
    for name, values in accepted.items():
        if found.get(name, values[0]) not in values:
            raise UserError(f"{path}, Keras' settings, has {name} {found[name]!r}; accepted are {', '.join(values)}")
    if not isinstance(found.get("epsilon", 1e-7), float):
        raise UserError(f"{path}, Keras' settings, has epsilon {found['epsilon']!r}; accepted is a number such as 1e-7")
    return found


def _set_up_keras():
    """Take back what would change results without a word, and say so."""
    keras = sys.modules.get("keras")
    if keras is None:
        return
    for name, value in {**_SETTINGS, **dict.fromkeys(_LIMITS)}.items():
        asked = getattr(keras.config, name)()
        if asked != value:
            getattr(keras.config, f"set_{name}")(value)
            if name == "floatx":
                keras.config.set_dtype_policy(value)
            instead = "no limit" if value is None else value
            terminal.complain(f"note: Keras' settings ask for {name} {asked}, which Hornbook does not take: it computes with {instead}")


@contextlib.contextmanager
def hold_back():
    """Hide what TensorFlow's C++ code says on standard error, in the block and later, and show what it said if the block fails.

    Nothing is hidden where the user asked for its messages (`TF_CPP_MIN_LOG_LEVEL` of 0 or 1) or gave it flags, nor where the machine has
    an NVIDIA driver, whose troubles are news.
    """
    if _may_chatter():
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # Later, too: what fails raises an exception that says why.
    sys.stderr.flush()
    kept = os.dup(2)
    with _nowhere() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except Exception:
            sys.stderr.flush()
            said.seek(0)
            if not endings.interrupted():
                os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _nowhere():
    """A file without a name, in memory where there is such: a system's folder for temporary files may not be there, or be full."""
    return os.fdopen(os.memfd_create("said"), "w+b") if hasattr(os, "memfd_create") else tempfile.TemporaryFile()


def _may_chatter():
    # A flag of theirs that they do not know ends the process, and what they say of it is all that is said.
    flags = "TF_XLA_FLAGS" in os.environ or "XLA_FLAGS" in os.environ
    return flags or os.environ.get("TF_CPP_MIN_LOG_LEVEL") in ("0", "1") or os.path.exists("/proc/driver/nvidia")


def _import_tensorflow():
    """Import TensorFlow, as Keras itself will on any backend, and have it look for accelerators, which it remarks on when it finds none."""
    with contextlib.suppress(ModuleNotFoundError):
        import tensorflow

        tensorflow.config.list_physical_devices()
        # Buckets of texts and series have a shape each, and each shape is traced once: no trouble to tell of.
        logging.getLogger("tensorflow").addFilter(lambda record: "tf.function retracing" not in record.getMessage())
