"""The section of a report that shows the network's inside: gradients, activations and updates by layer, and by time."""

from hornbook.reports import charts, page

_PARTS = (
    (
        "gradients",
        "Gradient that reaches each layer",
        "Size of the loss's gradient with respect to the outputs of each layer, first layer on top. Rows that pale towards the top are "
        "gradients that vanish; rows that darken, gradients that explode.",
    ),
    (
        "spreads",
        "Spread of each layer's outputs",
        "Standard deviation of the outputs. A column that pales or darkens from top to bottom is a signal that dies or grows in depth.",
    ),
)
_SHARES = (
    ("dead", "Dead units", "Share of each layer's channels that are 0 for every example of the probe."),
    ("saturated", "Saturated units", "Share of each layer's outputs that are at a bound of its activation."),
)
_BY_TIME = (
    "Size of the loss's gradient with respect to the input of the first recurrent layer, by time step. Where it pales to the left, the "
    "network does not learn from what comes early."
)
_SHOWN = 0.01  # A share under it is not worth a picture.


def inside(seen):
    """HTML of heat maps and the norm of the gradient; "" where nothing was seen.

    Args:
        seen: as of `training.diagnosis.inside`, or None.
    """
    if not seen:
        return ""
    figures = [_figure(heading, told, _layers(heading, seen, seen[name])) for name, heading, told in _PARTS]
    figures += [
        _figure(heading, told, _layers(heading, seen, seen[name], logarithmic=False))
        for name, heading, told in _SHARES
        if any((share or 0.0) > _SHOWN for row in seen[name] for share in row)
    ]
    if seen["updates"] and seen["steps"]:
        told = "Size of an update as a share of the weights it changes; about 0.001 is usual (0.0003 to 0.1 is sound)."
        drawn = charts.heat_map("Updates by kernel and step", seen["kernels"], seen["steps"], seen["updates"], "update")
        figures.append(_figure("Updates of the weights", told, drawn))
    figures.append(_figure(*_norm(seen)))
    if seen["by_time"]:
        rows = [f"epoch {epoch}" for epoch in seen["epochs"]]
        drawn = charts.heat_map("Gradient by time step", rows, seen["times"], seen["by_time"], "time step")
        figures.append(_figure("Gradient by time step", _BY_TIME, drawn))
    lead = "A fixed batch of training examples, sent through the network before the first step (0) and after some epochs."
    return f'<p class="lead">{lead}</p>\n<div class="charts">\n' + "\n".join(figures) + "\n</div>"


def _layers(heading, seen, values, *, logarithmic=True):
    rows = [(name, row) for name, row in zip(seen["layers"], values, strict=True) if any(value is not None for value in row)]
    rows = rows or [(name, row) for name, row in zip(seen["layers"], values, strict=True)]
    names, kept = zip(*rows, strict=True)
    return charts.heat_map(f"{heading}, by layer and epoch", names, seen["epochs"], kept, "epoch", logarithmic=logarithmic)


def _norm(seen):
    told = "Norm of the whole gradient at each update, before any clipping."
    if seen["clip_norm"]:
        clipped = sum((norm or 0.0) > seen["clip_norm"] for _, norm in seen["norms"]) / len(seen["norms"])
        told += f" It is over --clip-norm {seen['clip_norm']:g} in {page.percent(clipped)} of the updates shown."
    points = [(step, float("nan") if norm is None else norm) for step, norm in seen["norms"]]
    drawn = charts.line_chart("Norm of the gradient by update", [("norm", "validation", points)], x_name="update")
    return "Norm of the gradient", told, drawn


def _figure(heading, told, drawn):
    return f'<figure><figcaption><b>{heading}</b></figcaption>{drawn}<p class="note">{told}</p></figure>'
