"""The parts that a recipe is made of, each usable alone in anybody's Keras code.

Names are found on first use, so that what needs no Keras (`data`, `runs`, the command line) does not import it.
"""

import importlib

_HOMES = {
    "AverageWeights": "callbacks",
    "Checkpoint": "checkpoint",
    "EarlyStopping": "callbacks",
    "OneCycle": "optimization",
    "QuantileLoss": "losses",
    "ReduceOnPlateau": "callbacks",
    "Warmup": "optimization",
    "augmenter": "augmentation",
    "class_weights": "imbalance",
    "evaluation_batches": "batches",
    "optimizer": "optimization",
    "schedule": "optimization",
    "steps_per_epoch": "batches",
    "training_batches": "batches",
    "write_report": "report",
}
__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"hornbook.training.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'hornbook.training' has no attribute {name!r}; it has {', '.join(__all__)} and its files")


def __dir__():
    return __all__
