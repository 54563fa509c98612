"""An export compared with the run that it was made of, through the very lines that are shipped with it, and timed."""

import dataclasses
import importlib.util
import secrets
import time

import numpy as np

from hornbook import UserError, libraries, terminal
from hornbook.inference.predict import answers

EXAMPLES = 64
BATCHES = (1, 32)
TOLERANCE, HALF_TOLERANCE = 1e-4, 1e-2
_SECONDS, _MOST_CALLS = 1.0, 50  # That a batch is timed.


@dataclasses.dataclass(frozen=True)
class Verified:
    """What a comparison found.

    Attributes:
        examples: how many inputs were compared.
        real: whether they are the run's own data, or made up.
        difference: the largest of a probability; of numbers, as a share of the largest number.
        milliseconds: dict of batch size to the median of a call.
    """

    examples: int
    real: bool
    difference: float
    milliseconds: dict


def inputs_of(trained, medium):
    """Pairs of what somebody has and what the run makes of it, see `data.inputs`; and whether they are of the run's own data."""
    try:
        found = medium.sample(trained, EXAMPLES)
        if found:
            return found, True
    except (UserError, OSError):  # The data have been moved, changed or removed since.
        pass
    return medium.generated(trained, EXAMPLES), False


def expected(model, pairs, trained, medium):
    """What the run itself says of inputs, as `hornbook predict` has it: float64 `(inputs, outputs)`."""
    return answers.outputs(model, [given for _, given in pairs], trained, medium)


def in_float32(model, pairs, trained, medium):
    """As `expected`, of the run's model computed in float32; of one that is computed in 16 bits, a line says how far apart the two are."""
    from hornbook.inference.export import answering

    twin = answering.in_float32(model)
    wanted = expected(twin, pairs, trained, medium)
    if twin is not model:
        apart = np.abs(wanted - expected(model, pairs, trained, medium)).max()
        terminal.say(f"note: the run computes in 16 bits and the export in float32: their answers differ by up to {apart:.2g}")
    return wanted


def use_lines(folder):
    """The module of a folder's `use.py`, which Hornbook has just written."""
    spec = importlib.util.spec_from_file_location(f"use_{secrets.token_hex(8)}", folder / "use.py")
    module = importlib.util.module_from_spec(spec)
    with libraries.hold_back():  # LiteRT tells of the delegate that it has found.
        spec.loader.exec_module(module)
    return module


def compare(use, raw, wanted, about, tolerance):
    """The largest difference of an export's answers from a run's.

    Args:
        use: the module of its `use.py`.
        raw: inputs as `use.predict` takes them.
        wanted: as of `expected`.
        about: the run's `labels.json`.
        tolerance: the largest difference that is accepted.

    Returns:
        The difference; of numbers, divided by the largest of them.

    Raises:
        UserError: the answers differ by more, or predict another class than their probabilities say.
    """
    answers = use.predict(raw)
    name = "values" if about["task"] == "regression" else "probabilities"
    found, scale = answers[name].astype(np.float64), max(np.abs(wanted).max(), 1e-30) if name == "values" else 1.0
    if found.shape != wanted.shape:
        raise UserError(f"the export gives answers of shape {found.shape} and the run of {wanted.shape}; nothing is written")
    difference = float(np.abs(found - wanted).max() / scale)
    if not difference <= tolerance:  # NaN, too.
        place = int(np.nan_to_num(np.abs(found - wanted), nan=np.inf).max(axis=-1).argmax())
        raise UserError(
            f"the export answers otherwise than the run: {difference:.3g} apart for input {place + 1} of {len(raw)}, and {tolerance:g} is "
            f"accepted; nothing is written. {_remedy(about, tolerance)}"
        )
    if "predicted" in answers:
        refuse_other_decisions(answers["predicted"], wanted, about, tolerance)
    return difference


def _remedy(about, tolerance):
    if tolerance == HALF_TOLERANCE:
        # The trees of gradient boosting are a table whose rows are named by numbers in it, of thousands of rows.
        return "Leave out --precision float16, which does not hold the numbers of a classical model beside the network"
    if about["medium"] == "series" and about["task"] == "classification":
        # Fixed convolutions count the values above a threshold, and one of exactly that size is above it by rounding.
        return "Pass another --format; or train with --classical-share 0, if it is the classical model's counts, which rounding changes"
    return "Pass another --format"


def refuse_other_decisions(predicted, wanted, about, tolerance):
    """Refuse classes that are not those of the run's rule, but where two are as good as equal.

    Args:
        predicted: as of `use.predict`.
        wanted: the probabilities, `(inputs, classes)` or `(inputs, labels)`.
        about: the run's `labels.json`.
        tolerance: by how much two may differ that are equal.

    Raises:
        UserError: another class is predicted.
    """
    limits = about.get("thresholds")
    if about["task"] == "multi-label":
        limits = np.asarray(limits or [0.5] * wanted.shape[1])
        other = (predicted != (wanted > limits)) & (np.abs(wanted - limits) > tolerance)
    elif limits is not None:
        other = (predicted != (wanted[:, 1] > limits[0])) & (np.abs(wanted[:, 1] - limits[0]) > tolerance)
    else:
        other = wanted.max(axis=1) - wanted[np.arange(len(wanted)), predicted] > 2 * tolerance
    if other.any():
        raise UserError("the export predicts another class than its probabilities say; nothing is written")


def milliseconds(use, raw):
    """The median time of a call for batches of `BATCHES` inputs, a dict: of the model alone, its inputs prepared."""
    found = {}
    for size in BATCHES:
        given = [raw[place % len(raw)] for place in range(size)]
        examples = [example for one in given for example in use.prepare(one)][:size]
        step = use.ABOUT["batch_size"]
        batches = [use.stack(examples[start : start + step]) for start in range(0, len(examples), step)]
        times, began = [], time.perf_counter()
        while len(times) < 3 or (len(times) < _MOST_CALLS and time.perf_counter() - began < _SECONDS):
            start = time.perf_counter()
            for batch in batches:
                use.run(batch)
            times.append(time.perf_counter() - start)
        found[size] = float(np.median(times[1:]) * 1e3)  # The first call of a shape compiles.
    return found
