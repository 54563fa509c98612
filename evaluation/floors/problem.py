"""What classical models are given: training examples and those to score, few enough to be quick, and their names by medium.

They are computed in a process of their own, so a problem is also written to a file, and read there.
"""

import dataclasses
import json

import numpy as np

from hornbook.evaluation.floors import images, series, tables, tasks, texts

_MOST = {"tables": (100_000, 100_000), "texts": (50_000, 50_000), "series": (4_000, 10_000), "images": (10_000, 10_000)}
_MOST_VALUES = {"tables": 20_000_000, "texts": 50_000, "series": 4_000_000, "images": 50_000_000}
_CHARACTERS = 32_000_000  # Of all texts of a part; longer ones are cut.


def how_many(medium, training, scored, size):
    """How many examples are used of those that there are, two integers: in training, and to score.

    Args:
        medium: "tables", "texts", "series" or "images".
        training, scored: how many there are.
        size: how much an example takes: columns of a row, steps of a series, numbers of an image; of texts 1.
    """
    most = [max(1, min(number, _MOST_VALUES[medium] // max(1, size))) for number in _MOST[medium]]
    return min(training, most[0]), min(scored, most[1])


@dataclasses.dataclass(frozen=True)
class Problem:
    """What classical models are fitted to and score.

    Attributes:
        medium: "tables", "texts", "series" or "images".
        task: `tasks.Task`.
        inputs, scored: of training and to score: an array `(examples, ...)`, or a list of texts, or of arrays `(steps, features)`.
        labels: of training, see `tasks.constants`.
        numbers: of tables, how many of the columns are numbers; the others are codes of categories.
    """

    medium: str
    task: tasks.Task
    inputs: object
    labels: np.ndarray
    scored: object
    numbers: int = 0

    def models(self):
        """A dict of name to function that gives outputs for what is to be scored; the quickest first, since time may be short."""
        return {name: lambda model=model: self._outputs(model) for name, model in _MODELS[self.medium](self).items()}

    def _outputs(self, model):
        options = {"numbers": self.numbers} if self.medium == "tables" else {}
        return model(self.task, self.inputs, self.labels, self.scored, **options)

    def write(self, file):
        """Write it to an open binary file."""
        about = {"medium": self.medium, "task": dataclasses.asdict(self.task), "numbers": self.numbers}
        packed = {f"{name} {key}": array for name in ("inputs", "scored") for key, array in _packed(getattr(self, name)).items()}
        np.savez(file, about=np.frombuffer(json.dumps(about).encode(), np.uint8), labels=self.labels, **packed)

    @classmethod
    def read(cls, file):
        """The problem that `write` wrote."""
        with np.load(file) as arrays:
            about = json.loads(arrays["about"].tobytes())
            task = tasks.Task(**{**about["task"], "quantiles": tuple(about["task"]["quantiles"])})
            parts = {}
            for name in ("inputs", "scored"):
                parts[name] = _unpacked({key.partition(" ")[2]: arrays[key] for key in arrays.files if key.startswith(f"{name} ")})
            return cls(about["medium"], task, labels=arrays["labels"], numbers=about["numbers"], **parts)


def _linear(problem):
    return "ridge regression" if problem.task.kind == "regression" else "logistic regression"


_MODELS = {
    "tables": lambda problem: {_linear(problem): tables.linear, "gradient boosting": tables.boosting},
    "texts": lambda problem: {"naive-Bayes ratios": texts.ratios, "TF-IDF": texts.tfidf},
    "series": lambda problem: {"nearest neighbour": series.neighbour, "ridge on convolutions": series.convolutions},
    "images": lambda problem: {"nearest neighbour": images.neighbour, "logistic regression on pixels": images.logistic},
}


def _packed(examples):
    """Examples as arrays that a file takes."""
    if isinstance(examples, np.ndarray):
        return {"array": examples}
    if isinstance(examples[0], str):
        most = max(1, _CHARACTERS // len(examples))
        written = [text[:most].encode("utf-8", "surrogatepass") for text in examples]
        return {"texts": np.frombuffer(b"".join(written), np.uint8), "lengths": np.array([len(one) for one in written])}
    return {"steps": np.concatenate(examples), "lengths": np.array([len(one) for one in examples])}


def _unpacked(arrays):
    if "array" in arrays:
        return arrays["array"]
    ends = np.cumsum(arrays["lengths"])
    spans = list(zip(ends - arrays["lengths"], ends, strict=True))
    if "texts" in arrays:
        written = arrays["texts"].tobytes()
        return [written[start:end].decode("utf-8", "surrogatepass") for start, end in spans]
    return [arrays["steps"][start:end] for start, end in spans]
