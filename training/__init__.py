"""What happens while a network trains, each part usable alone in anybody's Keras code. Names are found on first use."""

import importlib

_HOMES = {
    "Attacker": "adversarial.attacks",
    "AverageWeights": "callbacks",
    "Checkpoint": "checkpoint",
    "Diagnostics": "diagnosis",
    "Distilled": "losses",
    "EarlyStopping": "callbacks",
    "OneCycle": "schedules",
    "QuantileLoss": "losses",
    "ReduceOnPlateau": "callbacks",
    "Snapshots": "averages.snapshots",
    "SparseCategoricalFocalCrossentropy": "losses",
    "StochasticWeightAverage": "averages.stochastic",
    "Teacher": "learned.distillation",
    "Warmup": "schedules",
    "adversarial_training": "adversarial.training",
    "check": "diagnosis",
    "class_weights": "imbalance",
    "diagnose": "diagnosis",
    "find_learning_rate": "updates.rate_finder",
    "group_robust": "updates.group_robust",
    "optimizer": "optimization",
    "schedule": "schedules",
    "sharpness_aware": "updates.sharpness",
}
__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"hornbook.training.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'hornbook.training' has no attribute {name!r}; it has {', '.join(__all__)} and its files")


def __dir__():
    return __all__
