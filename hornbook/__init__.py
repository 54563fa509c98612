"""Hornbook: a Keras 3 model zoo with training recipes and hyperparameter tuning."""

import importlib
import pathlib

__version__ = "0.1.0"

_SUBPACKAGES = ("data", "evaluation", "inference", "models", "recipes", "reports", "training", "tuning")

# In a source tree that is not installed, the subpackages are folders beside this one (setup.cfg maps them).
_TREE = pathlib.Path(__file__).resolve().parents[1]
if (_TREE / "setup.cfg").is_file() and (_TREE / "recipes/image_classification.py").is_file():
    __path__.append(str(_TREE))


class UserError(ValueError):
    """Something the user gave cannot be used. The message is one line: what was received, where, and what would be accepted.

    The command line prints the message alone and exits with 2; every other exception is a bug and keeps its traceback.
    """


def __getattr__(name):
    # Subpackages are imported on first use: `import hornbook` must not import TensorFlow.
    if name in _SUBPACKAGES:
        return importlib.import_module(f"hornbook.{name}")
    raise AttributeError(f"module 'hornbook' has no attribute {name!r}; it has {', '.join(_SUBPACKAGES)}, UserError")


def __dir__():
    return [*_SUBPACKAGES, "UserError", "__version__"]
