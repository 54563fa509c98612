"""What a smaller model must come to in size, latency and score, and which of those that there are to take."""

import dataclasses
import math
import re

from hornbook import UserError

_BYTES = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KIB": 1024, "MIB": 1024**2, "GIB": 1024**3}
_MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
_LEAST_DROP = 0.005  # Of a score: nothing is so many times more than 0.
_WRITTEN = r"\s*([0-9]*\.?[0-9]+)\s*([A-Za-z%]+)\s*"


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A file that could be taken.

    Attributes:
        name: such as "channels 50% less, int8".
        channels: share of the channels that went; 0 of the run's own network.
        precision: as of `hornbook export`.
        folder: of the export, a `pathlib.Path`.
        parameters: numbers of the network, as many as in float32.
        size: bytes of the model's file.
        milliseconds: of one input, the median.
        score: on validation examples, by the file: accuracy, or of numbers R2.
    """

    name: str
    channels: float
    precision: str
    folder: object
    parameters: int
    size: int
    milliseconds: float
    score: float


@dataclasses.dataclass(frozen=True)
class Targets:
    """What is asked for.

    Attributes:
        size: bytes at most, or None.
        milliseconds: of one input at most, or None.
        drop: of the score, at most.
    """

    size: float | None
    milliseconds: float | None
    drop: float

    def missed(self, one, original):
        """What of it a candidate does not come to, in words: a list, empty of one that does."""
        told = []
        if self.size is not None and one.size > self.size:
            told.append(f"{one.size:,.0f} bytes are more than {self.size:,.0f}")
        if self.milliseconds is not None and one.milliseconds > self.milliseconds:
            told.append(f"{one.milliseconds:.3g} ms are more than {self.milliseconds:.3g}")
        if not original.score - one.score <= self.drop + 1e-9:  # NaN, too.
            told.append(f"a score of {one.score:.4f} is more than {self.drop:g} below {original.score:.4f}")
        return told

    def excess(self, one, original):
        """How many times more a candidate takes, or loses, than is asked for, of what it misses most."""
        ratios = [one.size / self.size if self.size else 0.0, one.milliseconds / self.milliseconds if self.milliseconds else 0.0]
        lost = (original.score - one.score) / max(self.drop, _LEAST_DROP)
        return max(*ratios, lost if math.isfinite(lost) else math.inf)


def size(text, whole):
    """Bytes, of a text such as "20%" (of `whole` bytes), "100KB" or "1.5MiB".

    Raises:
        UserError: it is no such text.
    """
    number, unit = _parts("--to", text, "a share or a size such as 20%, 100KB or 1.5MB")
    if unit == "%":
        if not 0 < number <= 100:
            raise UserError(f"--to {text}: a share must be above 0% and at most 100%")
        return whole * number / 100
    if unit.upper() not in _BYTES:
        raise UserError(f"--to {text}: accepted is a share or a size such as 20%, 100KB or 1.5MB")
    return number * _BYTES[unit.upper()]


def milliseconds(text):
    """Milliseconds, of a text such as "1ms", "500us" or "0.01s"; raises as `size`."""
    number, unit = _parts("--latency", text, "a time such as 1ms, 500us or 0.01s")
    if unit.lower() not in _MILLISECONDS:
        raise UserError(f"--latency {text}: accepted is a time such as 1ms, 500us or 0.01s")
    return number * _MILLISECONDS[unit.lower()]


def _parts(flag, text, accepted):
    found = re.fullmatch(_WRITTEN, text)
    if not found or not float(found[1]) > 0:
        raise UserError(f"{flag} {text}: accepted is {accepted}")
    return float(found[1]), found[2]


def front(candidates):
    """Those that no other one beats: none is at most as large, at most as slow and at least as good, and better in one of these."""
    return [one for one in candidates if not any(_beats(other, one) for other in candidates)]


def _beats(one, other):
    pairs = ((one.size, other.size), (one.milliseconds, other.milliseconds), (-one.score, -other.score))
    return all(own <= its for own, its in pairs) and any(own < its for own, its in pairs)


def choose(candidates, original, targets):
    """The candidate to take.

    Of those that come to all targets: where a size or a latency is asked for the one with the best score, of equals the smallest;
    otherwise the smallest. Where none does, the one with the smallest `excess`.

    Args:
        candidates: list of `Candidate`.
        original: the one of the run's own network in float32.
        targets: `Targets`.

    Returns:
        (`Candidate`, what it misses, a list of texts).
    """
    good = [one for one in candidates if not targets.missed(one, original)]
    if not good:
        found = min(candidates, key=lambda one: targets.excess(one, original))
        return found, targets.missed(found, original)
    limited = targets.size is not None or targets.milliseconds is not None
    return min(good, key=lambda one: (-one.score, one.size) if limited else (one.size, -one.score)), []
