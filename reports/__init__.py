"""Pages to look at: the report of a run, its model card, its charts, a file a group of sections."""

import importlib

_FILES = {"write_model_card": "model_card", "write_report": "report"}


def __getattr__(name):
    if name in _FILES:
        return getattr(importlib.import_module(f"hornbook.reports.{_FILES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(_FILES)} and its files")


def __dir__():
    return list(_FILES)


__all__ = list(_FILES)
