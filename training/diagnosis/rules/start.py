"""What is wrong with how a network is made: its initial weights, and whether signals and gradients get through its depth and time."""

import numpy as np

from hornbook.training.diagnosis.finding import Finding
from hornbook.training.diagnosis.rules import remedies

_SMALL_WEIGHTS, _LARGE_WEIGHTS = 0.35, 3.0  # Times what He et al. (2015) and Glorot and Bengio (2010) draw.
_CERTAIN, _ALIKE = 10.0, 0.02  # Times the loss of guessing; outputs' spread between examples, as a share of that between outputs.
_FADED = 1e-3  # What is left of a signal behind all layers.
_TOLD = 30  # Weights: the spread of fewer says little.
_DEEP = 8  # Layers in a row without a way around them.
_DEEP_PLAIN = 18  # The same with normalization.
_VANISHING = 1e-3  # Gradients of the first layers over those of the last, each as a share of its weights (Glorot and Bengio 2010).
_EXPLODING = 1e3  # The whole gradient's norm, or the first layers' over the last.
_VANISHING_IN_TIME = 1e-4  # Of the first quarter of steps over the last (Pascanu et al. 2013).
_DEAD, _SATURATED = 0.5, 0.5  # Share of units (Glorot and Bengio 2010; Lu et al. 2019, "Dying ReLU").


def certain_at_first(record, symptoms):
    """One answer to every input, before the first step: its loss should be that of guessing, log(classes) (Karpathy 2019, "A recipe")."""
    first = record.looks[0]
    if record.task.kind not in ("classes", "binary") or not record.baseline or not np.isfinite(first.outputs).all():
        return
    between, across = float(first.outputs.std(axis=0).mean()), float(first.outputs.mean(axis=0).std())
    if first.inference_loss > _CERTAIN * record.baseline and between < _ALIKE * across:
        yield Finding(
            "constant-predictions",
            "error" if symptoms.poor else "warning",
            f"Before the first step the network is sure of one answer for every input: its loss is {first.inference_loss:.3g}, where "
            f"guessing has {record.baseline:.3g}, and its outputs differ {across / max(between, 1e-12):,.0f} times more from each other "
            "than from input to input.",
            remedies=(remedies.INITIALIZER,),
        )


def initialization(record, symptoms):
    """Initial weights of another size than keeps signals and gradients alive (Glorot and Bengio 2010, He et al. 2015)."""
    kernels = [kernel for kernel in record.network.kernels if kernel.kind != "Embedding" and kernel.place is not None]
    kernels = [kernel for kernel in kernels if kernel.size >= _TOLD]
    if not kernels:
        return
    ratio = float(np.median([kernel.scale / kernel.expected for kernel in kernels]))
    severity = "error" if symptoms.poor else "warning"
    left = 1.0 if record.network.residual or record.network.normalized else ratio**record.network.depth
    if (ratio < _SMALL_WEIGHTS and (symptoms.poor or not record.network.normalized)) or (left < _FADED and symptoms.poor):
        told = f", so that {left:.1g} of a signal is left behind {record.network.depth} layers" if left < _FADED else ""
        yield Finding(
            "initialization-too-small",
            severity,
            f"The initial weights are {ratio:.2g} times the size that keeps signals alive from layer to layer, the median of "
            f"{len(kernels)} kernels{told}.",
            tuple(kernel.layer for kernel in kernels),
        )
    if ratio > _LARGE_WEIGHTS and (symptoms.poor or not record.network.normalized):
        yield Finding(
            "initialization-too-large",
            severity,
            f"The initial weights are {ratio:.2g} times the size that suits {record.network.hidden_activation or 'linear'} layers; "
            f"the first loss is {symptoms.first_loss:.3g}, and {_baseline(record)} would be guessing.",
            tuple(kernel.layer for kernel in kernels),
        )


def _baseline(record):
    return "unknown" if record.baseline is None else f"{record.baseline:.3g}"


def saturated(record, symptoms):
    """Bounded activations that sit at their bounds (Glorot and Bengio 2010, section 3)."""
    if not symptoms.poor:
        return
    for look in (record.looks[0], record.looks[-1]):
        layers = [seen for seen in look.layers if seen.saturated is not None and seen.name != record.looks[0].layers[-1].name]
        full = [seen for seen in layers if seen.saturated >= _SATURATED]
        if full:
            worst = max(full, key=lambda seen: seen.saturated)
            yield Finding(
                "saturated-activations",
                "error",
                f"{worst.saturated:.0%} of the outputs of {worst.name} are at the bounds of its activation {_when(look)}, where its "
                "gradient is nearly 0.",
                tuple(seen.name for seen in full),
                remedies=_of_the_start(look is record.looks[0]),
            )
            return


def dead_relus(record, symptoms):
    """Rectified units that are 0 for every example and so never learn again (Lu et al. 2019)."""
    last = [seen for seen in record.looks[-1].layers if seen.dead is not None]
    dead = [seen for seen in last if seen.dead >= _DEAD]
    if not dead or not (symptoms.poor or max(seen.dead for seen in dead) > 0.95):
        return
    if record.zeros >= _DEAD:  # Channels that were pruned are 0.
        return
    worst = max(dead, key=lambda seen: seen.dead)
    before = {seen.name: seen.dead for seen in record.looks[0].layers}.get(worst.name)
    yield Finding(
        "dead-relus",
        "error" if symptoms.poor else "warning",
        f"{worst.dead:.0%} of the units of {worst.name} are 0 for every example {_when(record.looks[-1])}, {before or 0:.0%} before the "
        "first step.",
        tuple(seen.name for seen in dead),
        remedies=_of_the_start((before or 0.0) >= _DEAD),
    )


def _of_the_start(already):
    """What mends units that are dead or saturated before the first step: other initial weights and biases."""
    return (remedies.INITIALIZER,) if already else ()


def gradients_in_depth(record, symptoms):
    """Vanishing and exploding gradients, and the deep plain networks that have them."""
    ratio = gradient_ratio(record)
    plain = not record.network.residual and record.network.depth >= _DEEP
    if not symptoms.poor or ratio is None:
        return
    names = tuple(dict.fromkeys(kernel.layer for kernel in record.network.kernels))[:3]
    if plain and not record.network.normalized and not _bounded(record):
        yield Finding(
            "missing-normalization",
            "error",
            f"{record.network.depth} layers without normalization or shortcuts: the gradient of the first is {ratio:.2g} times that of the "
            "last, each as a share of its weights.",
            names,
        )
    if ratio < _VANISHING:
        yield Finding(
            "vanishing-gradients",
            "error",
            f"The gradient vanishes with depth: that of the first layers is {ratio:.1g} times that of the last, each as a share of its "
            "weights.",
            names,
        )


def deep_and_plain(record, symptoms):
    """Normalization lets gradients through; still, plain networks of more layers are worse than of fewer (He et al. 2016, figure 1)."""
    network = record.network
    if symptoms.poor and not network.residual and network.normalized and network.depth >= _DEEP_PLAIN and not network.recurrent:
        yield Finding(
            "vanishing-gradients",
            "error",
            f"{network.depth} layers without shortcuts are hard to train even with normalization: the training loss ends at "
            f"{symptoms.last_loss:.3g}.",
        )


def _bounded(record):
    return record.network.hidden_activation in ("sigmoid", "tanh", "hard_sigmoid", "softsign", "hard_tanh")


def gradient_ratio(record):
    """Gradients of the first third of the layers over those of the last, as shares of their weights, in the first steps, or None.

    Kernels that begin at 0, by intent, are left out: of their size any gradient is a large share.
    """
    samples, norms = record.steps.samples, record.steps.norms
    kernels = [one.place for one in record.network.kernels if one.place is not None and one.kind != "Embedding" and samples]
    kernels = [place for place in kernels if samples[0][1][place] > 0]
    if len(kernels) < 4 or not len(norms):
        return None
    relative = norms[: min(5, len(norms))].mean(axis=0)[kernels] / samples[0][1][kernels]
    if not np.isfinite(relative).all():
        return None
    third = max(1, len(kernels) // 3)
    last = float(np.median(relative[-third:]))
    return float(np.median(relative[:third])) / last if last > 0 else None


def exploding(record, symptoms):
    """Gradients of a norm that no step can follow (Pascanu et al. 2013)."""
    norms = symptoms.norms[np.isfinite(symptoms.norms)]
    if not len(norms) or not symptoms.poor:
        return
    usual, largest = float(np.median(norms)), float(norms.max())
    if float(norms[0]) > _EXPLODING or largest > 100 * _EXPLODING or (not symptoms.finite and largest > _EXPLODING):
        where = " through the time steps" if record.network.recurrent else ""
        yield Finding(
            "exploding-gradients",
            "error",
            f"The gradient's norm explodes{where}: {norms[0]:.3g} at the first step, {largest:.3g} at most, {usual:.3g} usually.",
            record.network.recurrent,
            remedies=_of_explosion(record.network),
        )


def _of_explosion(network):
    """What mends the cause, where the network shows it: clipping mends the symptom."""
    if any(kernel.scale > _LARGE_WEIGHTS * min(kernel.expected, kernel.drawn or kernel.expected) for kernel in network.kernels):
        return (remedies.INITIALIZER,)
    return (remedies.RESIDUAL,) if not network.residual and not network.recurrent and network.depth >= _DEEP_PLAIN else ()


def gradients_in_time(record, symptoms):
    """Gradients that do not reach the first time steps of a recurrent network (Bengio et al. 1994)."""
    by_time = record.looks[0].by_time
    if by_time is None or len(by_time) < 8 or not symptoms.poor or not np.isfinite(by_time).all():
        return
    quarter = len(by_time) // 4
    first, last = float(np.median(by_time[:quarter])), float(np.median(by_time[-quarter:]))
    if last > 0 and first / last < _VANISHING_IN_TIME:
        yield Finding(
            "vanishing-gradients",
            "error",
            f"The gradient vanishes with time: that of the first quarter of {len(by_time)} steps is {first / last:.1g} times that of the "
            "last quarter.",
            record.network.recurrent,
            remedies=remedies.REMEDIES["vanishing-in-time"],
        )


def _when(look):
    return "before the first step" if look.epoch == 0 else f"after epoch {look.epoch}"
