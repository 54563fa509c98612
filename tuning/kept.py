"""The JSON files of a search, by what they hold: what a search reads again, a stranger may have written."""

from typing import Annotated, Literal

import msgspec

from hornbook import UserError, records
from hornbook.training import runs


class Outcome(msgspec.Struct):
    """`outcome.json` of a trial: its scores, or why it has none."""

    metrics: dict[str, Annotated[list[records.Score], msgspec.Meta(min_length=1)]] | msgspec.UnsetType = msgspec.UNSET
    evaluated_on: str | None = None
    further: dict[str, dict[str, records.Score]] = {}
    recalls: dict[str, dict[str, records.Score]] = {}
    seconds: records.Seconds = 0.0
    parameters: records.Count | None = None
    findings: list[runs.Finding] = []
    floor: runs.Compared | None = None
    error: str | msgspec.UnsetType = msgspec.UNSET
    stopped: str | msgspec.UnsetType = msgspec.UNSET
    problem: str | None = None


def outcome(path):
    """The `outcome.json` of a trial, JSON values; None where there is none, or none that a trial wrote: then the trial runs again."""
    try:
        found = records.values(path, Outcome)
    except UserError:
        return None
    return {**records.plain(Outcome()), **found} if found.keys() & {"metrics", "error", "stopped"} else None


def ended(folder):
    """The outcome of a run that nothing stops before its end, see `outcome`, by the folder of its task."""
    found = outcome(folder / "outcome.json")
    return found if found is not None and found.keys() & {"metrics", "error"} else None


class Times(msgspec.Struct):
    """When a trial began and ended, seconds of the search, and what it reported."""

    began: records.Seconds = 0.0
    ended: records.Seconds | msgspec.UnsetType = msgspec.UNSET
    outcome: Outcome | None = None


class AllTimes(msgspec.Struct):
    """`times.json`."""

    seconds: records.Seconds
    trials: dict[str, Times]


class _Named(msgspec.Struct):
    name: str


class _HyperParameter(msgspec.Struct):
    config: _Named


class Asked(msgspec.Struct):
    """`search.json`, as far as it is looked into."""

    recipe: str
    options: runs.Options
    space: list[_HyperParameter]
    objective: str


class Comparison(msgspec.Struct):
    """`comparison.json`, as far as it is looked into."""

    recipe: str
    options: runs.Options
    factors: list[str]


class Shrinking(msgspec.Struct):
    """`shrink.json`, as far as it is looked into."""

    recipe: str
    options: runs.Options
    run: str
    channels: list[float]
    epochs: records.Count | None


class CrossValidation(msgspec.Struct):
    """`cross_validation.json`, as far as it is looked into."""

    recipe: str
    options: runs.Options
    folds: records.Count


class Tested(msgspec.Struct):
    """The test scores of a search's best options."""

    metrics: dict[str, runs.Spread]


class Searched(msgspec.Struct):
    """`result.json` of a search whose best options were tested, as a nested search reads it again."""

    objective: str
    validation: float
    values: dict[str, records.Option]
    test: Tested
    trials: records.Count
    seconds: records.Seconds


class Done(msgspec.Struct):
    """`result.json` of a search, as far as it is read again."""

    trials: records.Count


class Values(msgspec.Struct):
    """Values by hyperparameter."""

    values: dict[str, records.Option]


class Trial(msgspec.Struct):
    """KerasTuner's `trial.json`, as far as a search trusts it to be looked into."""

    trial_id: Annotated[str, msgspec.Meta(pattern="^[0-9]{1,9}$")]
    hyperparameters: Values
    status: Literal["IDLE", "RUNNING", "INVALID", "STOPPED", "COMPLETED", "FAILED"]
    score: float | None
    best_step: int | None = None
    message: str | None = None


class Oracle(msgspec.Struct):
    """`oracle.json`, as far as it is looked into before KerasTuner does."""

    start_order: list[str]
    end_order: list[str]
    hyperparameters: dict
