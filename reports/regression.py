"""The sections of a report that say how predicted numbers did: predicted against true, residuals, quantiles."""

import math

import numpy as np

from hornbook.reports import charts, page

_BINS = 20


def predictions(evaluation):
    """A scatter of predicted against true values with the errors in words, HTML. "" unless the evaluation has `points`."""
    points = _points(evaluation)
    if points is None:
        return ""
    name = evaluation["per_target"][0]["name"]
    r2 = evaluation["r2"]
    told = (
        f"<p>The mean absolute error is <b>{page.number(evaluation['mean_absolute_error'])}</b>, the root of the mean squared error "
        f"{page.number(evaluation['root_mean_squared_error'])}. "
        + (f"Of the variance {page.percent(r2) if r2 > 0 else 'none'} is explained (R2 {page.number(r2)})." if math.isfinite(r2) else "")
        + '</p><p class="soft">Each point is an example. On the dashed line the prediction is right, above it too high.</p>'
    )
    if len(evaluation["per_target"]) > 1:
        rows = [
            (page.isolated(one["name"]), *(page.number(one[key]) for key in ("mean_absolute_error", "mean_squared_error", "r2")))
            for one in evaluation["per_target"]
        ]
        told += f"<p>Shown is {page.isolated(name)}.</p>" + page.table(["Target", "Mean absolute error", "Mean squared error", "R2"], rows)
    chart = charts.scatter_chart(f"Predicted against true {name}", points, "true", diagonal=True)
    return f'<div class="charts">\n<figure>{chart}</figure>\n<div>{told}</div>\n</div>'


def residuals(evaluation):
    """Residuals against predictions, and how they are spread, HTML. "" unless the evaluation has `points`."""
    points = _points(evaluation)
    if points is None:
        return ""
    residual = points[:, 1] - points[:, 0]
    scatter = charts.scatter_chart("Residual against prediction", np.stack([points[:, 1], residual], axis=1), "predicted", level=True)
    # Equal residuals differ by rounding errors, between which there is no room for bins.
    span = None if np.ptp(residual) > 1e-9 * np.abs(residual).max() else (residual[0] - 0.5, residual[0] + 0.5)
    counts, edges = np.histogram(residual, _BINS, span)
    spread = charts.histogram("How often each residual occurs", counts, edges, "predicted less true")
    bias, deviation = float(residual.mean()), float(residual.std())
    verdict = "on average neither too high nor too low"
    if abs(bias) > 2 * deviation / math.sqrt(len(residual)) and abs(bias) > 0:
        verdict = f"on average {page.number(abs(bias))} too {'high' if bias > 0 else 'low'}"
    lead = (
        f"The residual is the prediction less the true value. These are {verdict}. A trend or a funnel on the left says that the model "
        "misses something: a target of wide range may want --loss huber or its logarithm."
    )
    return f'<p class="lead">{lead}</p>\n<div class="charts">\n<figure>{scatter}</figure>\n<figure>{spread}</figure>\n</div>'


def quantiles(evaluation):
    """How often each quantile covers, HTML. "" unless the evaluation has `quantiles`."""
    if not evaluation or "quantiles" not in evaluation:
        return ""
    rows = [(page.percent(one["quantile"]), page.percent(one["coverage"])) for one in evaluation["quantiles"]]
    lead = (
        f"Of the true values {page.percent(evaluation['interval_coverage'])} lie between the lowest and the highest quantile, where "
        f"{page.percent(evaluation['interval_expected'])} should."
    )
    return f'<p class="lead">{lead}</p>\n{page.table(["Quantile", "True values below it"], rows)}'


def _points(evaluation):
    points = np.array((evaluation or {}).get("points", ()), np.float64)
    points = points[np.isfinite(points).all(axis=1)] if len(points) else points
    return points if len(points) else None
