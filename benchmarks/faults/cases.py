"""The cases: planted faults, each with its problem's name and the settings of its sound twin, and healthy runs.

A fault is a row of `faults.FAULTS`: settings that it needs whether planted or not, those that plant it, and the data sets and models that
it is planted in. Its twin is the same run without it. `healthy.RUNS` has the healthy runs in the same way.
"""

import dataclasses

from benchmarks.faults import datasets, faults, healthy_runs
from benchmarks.faults.settings import Settings, sound

PROBLEMS = (
    "not-finite", "vanishing-gradients", "exploding-gradients", "dead-relus", "saturated-activations", "learning-rate-too-high",
    "learning-rate-too-low", "no-warmup", "clipping-always", "initialization-too-small", "initialization-too-large",
    "missing-normalization", "batch-too-small", "running-statistics-lag", "overfitting", "underfitting", "too-few-updates", "label-noise",
    "shuffled-labels", "rare-class-ignored", "unscaled-inputs", "constant-features", "duplicate-features", "softmax-twice",
    "logits-as-probabilities", "no-gradient", "frozen-layers", "validation-overlap", "validation-shift", "metric-cannot-move",
    "constant-predictions",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Case:
    """A run whose diagnosis is known.

    Attributes:
        name: "problem/kind/data/model".
        group: of data sets: "A", "B" or "C", on which the thresholds were set, or "D", on which they are reported.
        problem: one of `PROBLEMS`; None for a healthy run.
        accepted: the problems that count as naming it: its own, and those that are the same fault by another name.
        settings: of the run.
        healthy: of the sound run beside it: the same without the fault; of a healthy run None.
        harmless: whether the fault leaves the score alone by its nature.
        measure: which of the outcome's metrics the harm is seen in: "score" or "lowest_recall".
        purpose: whether it is one of the 14 faults of the image recipe that the diagnosis began with.
        unusual: of a healthy run, whether its settings are other than a medium's usual ones.
    """

    name: str
    group: str
    problem: str | None
    accepted: frozenset
    settings: Settings
    healthy: Settings | None = None
    harmless: bool = False
    measure: str = "score"
    purpose: bool = False
    unusual: bool = False


def planted(group=None):
    """The planted faults of a group, or of all: a list of `Case`."""
    found = []
    for fault in faults.FAULTS:
        if fault.problem not in PROBLEMS or not set(fault.also) <= set(PROBLEMS):
            raise ValueError(f"no such problem: {fault.problem} or one of {fault.also}")
        for data, model in (*fault.places, *faults.instead(fault.places)):
            twin = sound(data, model, **fault.base)
            changes = {**fault.changes, **faults.STRENGTHS.get(datasets.group_of(data), {}).get((fault.problem, fault.kind), {})}
            found.append(
                Case(
                    f"{fault.problem}/{fault.kind}/{data}/{model}",
                    datasets.group_of(data),
                    fault.problem,
                    frozenset((fault.problem, *fault.also)),
                    twin.but(**changes),
                    twin.but(**fault.mended),
                    harmless=fault.harmless,
                    measure=fault.measure,
                    purpose=fault.purpose,
                )
            )
    _refuse_repeated(found)
    return [case for case in found if group in (None, case.group)]


def healthy(group=None):
    """The healthy runs of a group, or of all: a list of `Case`."""
    found = []
    for run in healthy_runs.RUNS:
        for data, model in (*run.places, *faults.instead(run.places)):
            found.append(
                Case(
                    f"healthy/{run.kind}/{data}/{model}",
                    datasets.group_of(data),
                    None,
                    frozenset(),
                    sound(data, model, **run.settings),
                    unusual=run.unusual,
                )
            )
    _refuse_repeated(found)
    return [case for case in found if group in (None, case.group)]


def _refuse_repeated(cases):
    names = [case.name for case in cases]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"cases of the same name: {', '.join(sorted(repeated))}")
