"""A record as a checkpoint keeps it, so that a training that was cut off is diagnosed as a whole."""

import dataclasses
from typing import Annotated

import msgspec
import numpy as np

from hornbook import UserError, records
from hornbook.training.diagnosis.networks import Network
from hornbook.training.diagnosis.probe import Probed, Seen


def of_record(record, travelled):
    """A `Record` so far: JSON values and a list of arrays.

    Args:
        record: `Record`.
        travelled: how far each trainable variable went so far, as `Record.travelled`.
    """
    steps = record.steps
    steps.fetch()
    values = {
        "network": dataclasses.asdict(record.network),
        "looks": [_look_values(look) for look in record.looks],
        "epochs": record.epochs,
        "rates": record.rates,
        "travelled": [float(value) for value in travelled],
        "variables": steps.variables,
        "connected": steps.connected,
        "batch_size": steps.batch_size,
        "sampled": [step for step, _, _ in steps.samples],
    }
    samples = [np.array([sample[column] for sample in steps.samples]) for column in (1, 2)]
    return values, [steps.norms, steps.totals, steps.losses, *samples]


class _Look(msgspec.Struct):
    epoch: records.Count
    layers: list[Seen]
    by_time: list[float] | None
    loss: float
    inference_loss: float
    outputs: list | None

    def look(self):
        """The `Probed` that it was."""
        # Of the kinds that the probe makes: what is kept of them once more is the same, bit for bit.
        by_time = None if self.by_time is None else np.array(self.by_time, "float64")
        outputs = None if self.outputs is None else np.array(self.outputs, "float32")
        return Probed(self.epoch, self.layers, by_time, self.loss, self.inference_loss, outputs)


class _Values(msgspec.Struct):
    """The JSON values of `of_record`."""

    network: Network
    looks: Annotated[list[_Look], msgspec.Meta(min_length=1)]
    epochs: list[dict[str, float]]
    rates: list[float]
    travelled: list[float]
    variables: list[str]
    connected: list[bool] | None
    batch_size: records.Size | None
    sampled: list[records.Count]


def checked(values, arrays):
    """What `of_record` gave, for `restore`.

    Raises:
        UserError: that is not what it gave.
    """
    kept = records.checked(values, _Values, "the diagnosis")
    if len(arrays) != 5:
        raise UserError(f"the diagnosis has {len(arrays)} arrays, not 5")
    norms, totals, losses, weights, updates = arrays
    of_steps = totals.ndim == losses.ndim == 1 and len(totals) == len(losses) and len(kept.epochs) == len(kept.rates)
    of_samples = len(kept.sampled) == len(weights) == len(updates)
    if not of_steps or not of_samples or norms.ndim != 2 or norms.shape[1] != len(kept.variables):
        raise UserError("the diagnosis has not as many figures as steps, epochs and variables")
    places = [kernel.place for kernel in kept.network.kernels if kernel.place is not None]
    if any(not 0 <= place < len(kept.variables) for place in places):
        raise UserError("the diagnosis has a kernel that is none of its variables")
    return kept, [look.look() for look in kept.looks], arrays


def restore(record, kept, looks, arrays):
    """Put what `checked` returned into a new `Record`; returns how far the variables had gone."""
    norms, totals, losses, weights, updates = arrays
    steps = record.steps
    record.network, record.looks = kept.network, looks
    record.epochs, record.rates = kept.epochs, kept.rates
    steps.go_on(kept.variables, kept.connected, kept.batch_size, norms, totals, losses)
    steps.samples = list(zip(kept.sampled, weights, updates, strict=True))
    return np.array(kept.travelled)


def _look_values(look):
    values = dataclasses.asdict(look)
    return values | {name: None if values[name] is None else np.asarray(values[name]).tolist() for name in ("by_time", "outputs")}
