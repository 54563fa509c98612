"""What a network's answer rests on: maps of inputs, tokens and columns, and whether such a map says anything of this network."""

import importlib

_HOMES = {
    "Explanation": "explaining",
    "METHODS": "explaining",
    "deletion_and_insertion": "faithfulness",
    "explain": "explaining",
    "randomised": "randomisation",
}
__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)} and its files")


def __dir__():
    return __all__
