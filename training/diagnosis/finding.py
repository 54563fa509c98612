"""A finding: what is wrong with a training, how it shows, and what mends it."""

import dataclasses
from collections.abc import Callable

SEVERITIES = ("error", "warning", "note")  # error: the network is of no use so; warning: it could be better; note: worth knowing.
_MOST = 4  # Pieces of advice in a sentence.


@dataclasses.dataclass(frozen=True)
class Remedy:
    """What mends a problem.

    Attributes:
        words: what to do at the command line, beginning with the flag, such as "--mixup 0.2"; `{option}` stands for a changed value.
        keras: the same as a line of Keras code; empty where there is none.
        changes: {option: value, or a function of the option's value} that does it, so that a program can start again. The first is the
            option that it is about. Empty where a person has to look.
        helps: function of that option's value: whether the run has not followed the advice already.
        among: values of the option `model` that it is for, by what they contain; empty for all.
        needs: options that a recipe must have for it, such as one that only images have.
    """

    words: str
    keras: str = ""
    changes: dict = dataclasses.field(default_factory=dict)
    helps: Callable = lambda value: True
    among: tuple = ()
    needs: tuple = ()

    def applies(self, options):
        """Whether a run of these options, a dict, can be helped by it; None for a model of somebody's own Keras code."""
        if options is None:
            return bool(self.keras)
        if any(name not in options for name in self.needs):
            return False
        if self.among and not any(name in str(options.get("model")) for name in self.among):
            return False
        known = {name: change for name, change in self.changes.items() if name in options}
        if known and not any(callable(change) or options[name] != change for name, change in known.items()):
            return False  # The run is so already.
        option = next(iter(self.changes), None)
        if option is None or (option not in options and "--" not in self.words):
            return True  # What a person does: the recipe has no option for it, and none is named.
        # What is left to the data follows no advice yet.
        return option in options and (options[option] == "auto" or bool(self.helps(options[option])))

    def for_run(self, options):
        """The same with the values that the changes come to; without what the run has no option for, or has so already unasked."""
        known = self.changes if options is None else {option: change for option, change in self.changes.items() if option in options}
        values = {
            option: change((options or {}).get(option)) if callable(change) else change
            for option, change in known.items()
            if options is not None or not callable(change)
        }
        if options is not None:
            told = {option for option in values if f"--{option.replace('_', '-')}" in self.words}
            values = {option: value for option, value in values.items() if option in told or options[option] != value}
        shown = {option: f"{value:g}" if isinstance(value, float) else value for option, value in values.items()}
        return dataclasses.replace(self, words=self.words.format(**shown) if options is not None else self.words, changes=values)


@dataclasses.dataclass(frozen=True)
class Finding:
    """What is wrong.

    Attributes:
        problem: its name, such as "learning-rate-too-high"; `rules.PROBLEMS` has them all.
        severity: "error", "warning" or "note".
        evidence: one or two sentences with the figures.
        layers: names of the layers that it concerns.
        remedies: `Remedy`, the likeliest first; empty where there is none.
        keras: whether the remedies are told as Keras code, not as flags.
    """

    problem: str
    severity: str
    evidence: str
    layers: tuple = ()
    remedies: tuple = ()
    keras: bool = False

    @property
    def advice(self):
        """A sentence of what to try, or nothing."""
        if self.keras:
            return " Try: " + "; or: ".join(remedy.keras for remedy in self.remedies[:2]) if self.remedies else ""
        words = [remedy.words for remedy in self.remedies[:_MOST]]
        told = f" Try {', '.join(words[:-1])}{' or ' if len(words) > 1 else ''}{words[-1]}" if words else ""
        return told + "." if told and not told.endswith("?") else told

    def __str__(self):
        return self.evidence + self.advice

    def advised(self, options, remedies=()):
        """The same with those of the remedies, its own and others, that a run of these options can follow."""
        chosen = tuple(remedy.for_run(options) for remedy in (*self.remedies, *remedies) if remedy.applies(options))
        return dataclasses.replace(self, remedies=chosen, keras=options is None)

    def to_json(self):
        """JSON values, for `result.json`: problem, severity, evidence, layers, advice, and the changes of the first remedy that has any."""
        changes = next((remedy.changes for remedy in self.remedies if remedy.changes), {})
        told = {name: getattr(self, name) for name in ("problem", "severity", "evidence")}
        return {**told, "layers": list(self.layers), "advice": self.advice.strip(), "changes": changes}
