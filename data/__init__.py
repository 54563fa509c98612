"""From a source to batches: images, texts, series, tables, and what they share. Names are found on first use."""

import importlib

_PACKAGES = ("corruptions", "images", "series", "tables", "texts")
_HOMES = {"evaluation_batches": "batches", "predictions": "batches", "steps_per_epoch": "batches", "training_batches": "batches"}
_HOMES["weighted"] = "selection.weights"
__all__ = sorted([*_PACKAGES, *_HOMES])


def __getattr__(name):
    if name in _PACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)} and its files")


def __dir__():
    return __all__
