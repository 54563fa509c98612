"""What is wrong before the first step: with the examples, the loss, and which weights are trained at all."""

import numpy as np

from hornbook.training.diagnosis.finding import Finding, Remedy
from hornbook.training.diagnosis.rules import remedies

_FILL = Remedy("to leave out such examples, or to fill in what is missing", "x = numpy.nan_to_num(x)", {"missing_values": 0.0})
_SIGMOID = Remedy("a sigmoid in place of the softmax", 'keras.layers.Dense(1, "sigmoid")', {"single_output": False})
_FROZEN = 0.2  # Share of the weights.
_LARGE = 20.0  # Spread or mean of inputs: LeCun et al. (1998, "Efficient BackProp", section 4.3) ask for means of 0 and spreads of 1.
_SMALL = 1e-3
_RATIO = 300.0  # Between the spreads of two columns.
_CONSTANT = 0.95  # Share of features. Images and padded texts have margins that are the same everywhere.
_CLOSED = 0.9  # Share of a layer's units.
_SUM = 1e-3  # How far the sum of probabilities may be from 1.


def inputs_not_finite(record, symptoms):
    """NaN or inf in inputs or targets."""
    if record.facts is not None and not record.facts.finite:
        yield Finding("not-finite", "error", "Inputs or targets have values that are not finite numbers.", remedies=(_FILL,))


def labels_out_of_range(record, symptoms):
    """Classes that the network has no output for."""
    if record.facts is not None and record.facts.out_of_range:
        yield Finding(
            "labels-out-of-range",
            "error",
            f"{record.facts.out_of_range:,} labels are outside 0 to {record.task.num_classes - 1}, what the network has outputs for.",
        )


def constant_features(record, symptoms):
    """Features that are nearly all the same in all examples: nothing can be learned of them."""
    facts = record.facts
    if facts is not None and facts.finite and facts.constant > _CONSTANT:
        yield Finding("constant-features", "error", f"{facts.constant:.0%} of the input features are the same in all examples.")


def constant_columns(record, symptoms):
    """Columns of a table that are the same in all examples; pixels and tokens at margins often are, and do no harm."""
    facts = record.facts
    if facts is not None and facts.finite and facts.ratio != 1.0 and 0 < facts.constant <= _CONSTANT:
        yield Finding("constant-features", "warning", f"{facts.constant:.0%} of the columns are the same in all examples.")


def duplicate_features(record, symptoms):
    """Columns that say the same."""
    if record.facts is not None and record.facts.duplicates:
        pairs = record.facts.duplicates
        yield Finding("duplicate-features", "warning", f"{pairs:,} pairs of columns say the same, up to scale.")


def unscaled_inputs(record, symptoms):
    """Inputs far from means of 0 and deviations of 1, where no layer brings them there."""
    facts, network = record.facts, record.network
    if facts is None or not facts.finite or network.embedded or network.scales_inputs or facts.spread == 0:
        return
    level = max(facts.spread, abs(facts.mean), facts.largest / 10)
    if level > _LARGE or facts.ratio > _RATIO or facts.largest < _SMALL:
        columns = f", and the spreads of columns differ by a factor of {facts.ratio:,.0f}" if facts.ratio > _RATIO else ""
        yield Finding(
            "unscaled-inputs",
            "error" if symptoms.poor else "warning",
            f"The inputs have a mean of {facts.mean:.3g}, a standard deviation of {facts.spread:.3g} and values up to "
            f"{facts.largest:.3g}{columns}; networks are made for means near 0 and deviations near 1.",
        )


def outputs_and_loss(record, symptoms):
    """Softmax twice, or logits given as probabilities: what the outputs are against what the loss takes them for."""
    task = record.task
    if task.kind not in ("classes", "binary", "labels") or task.from_logits is None:
        return
    outputs = [look.outputs for look in record.looks if np.isfinite(look.outputs).all()]
    if not outputs:
        return
    within = all((out >= -_SUM).all() and (out <= 1 + _SUM).all() for out in outputs)
    sums = task.kind != "classes" or all(np.abs(out.sum(axis=-1) - 1).max() < _SUM for out in outputs)
    activation = record.network.output_activation
    if activation == "softmax" and outputs[0].shape[-1] == 1:
        told = "The only output has a softmax, so it is 1 whatever the inputs are."
        yield Finding("constant-predictions", "error", told, remedies=(_SIGMOID,))
        return
    if list(record.network.activations.values())[-2:] == ["softmax", "softmax"]:
        told = "Two softmaxes stand one after the other, so no output can come near 0 or 1."
        yield Finding("softmax-twice", "error", told, tuple(record.network.activations)[-2:])
    elif task.from_logits and within and sums and (task.kind == "classes" or activation in ("sigmoid", "softmax")):
        yield Finding(
            "softmax-twice",
            "error",
            "The network's outputs are probabilities and the loss takes them for logits (from_logits=True), so a softmax is applied twice "
            "and the loss cannot come near 0.",
        )
    if task.from_logits is False and not (within and sums):
        low, high = min(out.min() for out in outputs), max(out.max() for out in outputs)
        yield Finding(
            "logits-as-probabilities",
            "error",
            f"The loss takes the network's outputs for probabilities (from_logits=False), and they are between {low:.3g} and {high:.3g}.",
            remedies=(remedies.from_logits(record),),
        )


def no_gradient(record, symptoms):
    """Weights that no gradient reaches, at any step."""
    connected, norms = record.steps.connected, record.steps.norms
    if not connected or not len(norms):
        return
    never = [place for place, reached in enumerate(connected) if not reached or not norms[:, place].any()]
    if len(never) == len(connected):
        yield Finding("no-gradient", "error", "No gradient reaches any weight.")
        return
    # No gradient gets through units that are 0 or at their bounds either, which is another problem.
    dead = any(max(seen.dead or 0.0, seen.saturated or 0.0) >= _CLOSED for look in record.looks for seen in look.layers)
    layers = tuple(dict.fromkeys(record.steps.variables[place].rpartition("/")[0] for place in never if _has_axes(record, place)))
    if layers and not (dead and all(connected)):
        yield Finding("no-gradient", "error", f"No gradient reaches {_named(layers)}, at any step.", layers)


def _has_axes(record, place):
    """Whether a variable is a kernel; a bias before a normalization has no gradient but rounding."""
    return place in {kernel.place for kernel in record.network.kernels}


def frozen_layers(record, symptoms):
    """Layers that are not trained and were never trained before: their weights are as random as they were drawn."""
    kernels = record.network.kernels
    frozen = [kernel for kernel in kernels if kernel.place is None and kernel.drawn and 0.8 < kernel.scale / kernel.drawn < 1.25]
    share = sum(kernel.size for kernel in frozen) / max(1, sum(kernel.size for kernel in kernels))
    if share >= _FROZEN or len(frozen) > len(kernels) / 2:
        layers = tuple(dict.fromkeys(kernel.layer for kernel in frozen))
        yield Finding(
            "frozen-layers",
            "error" if symptoms.poor else "warning",
            f"{share:.0%} of the weights are not trained and are still as random as they were drawn: {_named(layers)}.",
            layers,
        )


def _named(layers):
    return ", ".join(layers[:3]) + (f" and {len(layers) - 3} more" if len(layers) > 3 else "")


RULES = (inputs_not_finite, labels_out_of_range, outputs_and_loss, constant_features, no_gradient, frozen_layers, unscaled_inputs)
LATE_RULES = (constant_columns, duplicate_features)
