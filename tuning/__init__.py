"""Search spaces, searches, their launch and their reports.

`hornbook tune RECIPE` and `hornbook compare RECIPE` are commands; `compare` is the second from Python. `hypermodel` and the oracles serve
those who use KerasTuner's own tuners.
"""

import importlib

# Found on first use: a trial's process has no need of KerasTuner, which takes long to import.
_HOMES = {
    "BayesianOracle": "oracles.oracles",
    "GridOracle": "oracles.oracles",
    "HyperbandOracle": "oracles.oracles",
    "RandomOracle": "oracles.oracles",
    "SobolOracle": "oracles.oracles",
    "compare": "comparison.python",
    "hypermodel": "hypermodels",
    "spaces": "spaces",
}

__all__ = list(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'hornbook.tuning' has no attribute {name!r}; it has {', '.join(_HOMES)}")
    home = importlib.import_module(f"hornbook.tuning.{_HOMES[name]}")
    return home if name == "spaces" else getattr(home, name)
