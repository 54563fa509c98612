"""What was seen within a network during a training, in numbers that a file holds and a report draws."""

import numpy as np

from hornbook.training.diagnosis.examples import spaced

_MOST_KERNELS, _MOST_STEPS, _MOST_TIMES, _MOST_NORMS = 60, 40, 60, 240


def inside(record):
    """What a `Record` has of layers, updates and gradients, as JSON values; what is not a finite number is None.

    Args:
        record: `Record`, of a `Diagnostics` callback after `fit`.

    Returns:
        dict of lists; {} of a training without a step:

        - `epochs` of the looks at the network, 0 before the first step; `layers`, their names from first to last.
        - `gradients`, `spreads`, `dead`, `saturated`: a list a layer with a number a look, that of the root mean square of the loss's
          gradient with respect to the layer's outputs, of the outputs' standard deviation, and of two shares, None of other activations.
        - `kernels`, their layers' names, `steps`, and `updates`: a list a kernel with a number a step, the size of an update as a share of
          the kernel's own.
        - `norms`: at most 240 pairs of step and norm of the whole gradient, before any clipping; `clip_norm`, a number, 0 for none.
        - `times`, `by_time`: a list a look of the gradient's norm with respect to the input of the first recurrent layer at these time
          steps; empty of other networks.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training.diagnosis import Diagnostics, inside

    inputs, targets = numpy.random.normal(size=(256, 3)), numpy.random.randint(2, size=256)
    model = keras.Sequential([keras.layers.Dense(16, "relu"), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    watching = Diagnostics(probe=(inputs, targets))
    model.fit(inputs, targets, epochs=3, callbacks=[watching], verbose=0)
    assert len(inside(watching.record)["gradients"]) == 2
    ```
    """
    if not record.looks or not record.updates:
        return {}
    looks = [{seen.name: seen for seen in look.layers} for look in record.looks]
    layers = list(looks[0])
    columns = {"gradients": "gradient", "spreads": "spread", "dead": "dead", "saturated": "saturated"}
    of_layers = {
        name: [[_number(getattr(look[layer], attribute)) if layer in look else None for look in looks] for layer in layers]
        for name, attribute in columns.items()
    }
    return {
        "epochs": [look.epoch for look in record.looks],
        "layers": layers,
        **of_layers,
        **_updates(record),
        "norms": _norms(record),
        "clip_norm": float(record.optimizer["clip_at"]) if record.optimizer["clip"] == "global_clipnorm" else 0.0,
        **_by_time(record),
    }


def _updates(record):
    kernels = [kernel for kernel in record.network.kernels if kernel.place is not None]
    kernels = [kernels[place] for place in spaced(len(kernels), _MOST_KERNELS)]
    samples = [record.steps.samples[place] for place in spaced(len(record.steps.samples), _MOST_STEPS)]
    places = [kernel.place for kernel in kernels]
    ratios = [updates[places] / np.maximum(weights[places], 1e-12) for _, weights, updates in samples]
    return {
        "kernels": [kernel.layer for kernel in kernels],
        "steps": [int(step) for step, _, _ in samples],
        "updates": [[_number(row[place]) for row in ratios] for place in range(len(kernels))],
    }


def _norms(record):
    norms = record.steps.totals
    return [[int(step) + 1, _number(norms[step])] for step in spaced(len(norms), _MOST_NORMS)]


def _by_time(record):
    looks = [look.by_time for look in record.looks]
    if any(look is None for look in looks) or len({len(look) for look in looks}) != 1:
        return {"times": [], "by_time": []}
    places = spaced(len(looks[0]), _MOST_TIMES)
    return {"times": [int(place) + 1 for place in places], "by_time": [[_number(look[place]) for place in places] for look in looks]}


def _number(value):
    """A float of four digits, which is plenty for a picture; None of what is not finite."""
    return float(f"{value:.4g}") if value is not None and np.isfinite(value) else None
