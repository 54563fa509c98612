"""Pages to look at: the report of a run, its charts, a file a group of sections."""

import importlib


def __getattr__(name):
    if name == "write_report":
        return importlib.import_module("hornbook.reports.report").write_report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has write_report and its files")


def __dir__():
    return ["write_report"]


__all__ = ["write_report"]
