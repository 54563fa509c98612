"""The healthy runs: the sound settings of every medium and model, and unusual settings that are sound too."""

import dataclasses

from benchmarks.faults.faults import on


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """Healthy runs of one kind.

    Attributes:
        kind: a name.
        places: pairs of data set and model.
        settings: other than the sound ones.
        unusual: see `cases.Case`.
    """

    kind: str
    places: tuple
    settings: dict = dataclasses.field(default_factory=dict)
    unusual: bool = False


RUNS = (Run(kind="usual", places=on("digits:mlp,cnn")),)
