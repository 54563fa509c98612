"""A record as a checkpoint keeps it, so that a training that was cut off is diagnosed as a whole."""

import dataclasses

import numpy as np

from hornbook.training.diagnosis.networks import Kernel, Network
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


def restore(record, values, arrays):
    """Put what `of_record` gave into a new `Record`; returns how far the variables had gone."""
    network, steps = dict(values["network"]), record.steps
    network |= {"kernels": [Kernel(**kernel) for kernel in network["kernels"]], "recurrent": tuple(network["recurrent"])}
    record.network = Network(**network)
    record.looks = [_look(look) for look in values["looks"]]
    record.epochs, record.rates = values["epochs"], values["rates"]
    norms, totals, losses, weights, updates = arrays
    steps.go_on(values["variables"], values["connected"], values["batch_size"], norms, totals, losses)
    steps.samples = list(zip(values["sampled"], weights, updates, strict=True))
    return np.array(values["travelled"])


def _look_values(look):
    values = dataclasses.asdict(look)
    return values | {name: None if values[name] is None else np.asarray(values[name]).tolist() for name in ("by_time", "outputs")}


def _look(values):
    arrays = {name: None if values[name] is None else np.array(values[name], "float32") for name in ("by_time", "outputs")}
    return Probed(**{**values, **arrays, "layers": [Seen(**seen) for seen in values["layers"]]})
