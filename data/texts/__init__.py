"""Labelled texts: from a source to what a network is fed. Names are found on first use."""

import importlib

_HOMES = {
    "TextDataset": "dataset",
    "augmenter": "augmentation",
    "check_name": "dataset",
    "encode": "tokens",
    "from_texts": "arrays",
    "load": "dataset",
}
__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)} and its files")


def __dir__():
    return __all__
