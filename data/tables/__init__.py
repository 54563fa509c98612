"""Tables: from a source to what a network is fed. Names are found on first use."""

import importlib

_HOMES = {
    "TableDataset": "dataset",
    "check_name": "dataset",
    "from_arrays": "arrays",
    "load": "dataset",
    "row_mixer": "augmentation",
    "smote": "synthetic",
}
__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)} and its files")


def __dir__():
    return __all__
