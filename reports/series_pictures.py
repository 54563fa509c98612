"""Series as small pictures for a report: lines for a few features, a map of light and dark for many, as of a spectrogram."""

import numpy as np

from hornbook.data import randomness
from hornbook.evaluation import classification
from hornbook.reports import page

_WIDTH, _HEIGHT, _MARGIN = 144, 108, 6
_MOST_LINES = 3  # More cannot be told apart at that size.
_MOST_POINTS = 144


def picture(values, label, low=None, high=None):
    """One series as an SVG string, or, of more than three features, as a uint8 image `(features, steps, 1)` with the first feature below.

    Args:
        values: float array `(steps, features)`; steps at the end that are NaN in all features are left out.
        label: what is drawn, in words.
        low, high: the ends of the scale; default: the series' own.
    """
    values = np.asarray(values, np.float64)
    values = values[~np.isnan(values).all(axis=1)]
    low = np.nanmin(values, initial=np.inf) if low is None else low
    high = np.nanmax(values, initial=-np.inf) if high is None else high
    share = np.clip((np.nan_to_num(values, nan=low) - low) / ((high - low) or 1.0), 0, 1)
    if values.shape[1] > _MOST_LINES:
        image = np.round(255 * share.T[::-1]).astype(np.uint8)
        return np.repeat(image, max(1, 64 // len(image)), axis=0)[:, :, None]
    lines = []
    for feature in range(values.shape[1]):
        steps, heights = _thinned(share[:, feature])
        across = _MARGIN + (_WIDTH - 2 * _MARGIN) * steps / max(1, len(share) - 1)
        down = _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * heights
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
        opacity = 1 - 0.3 * feature
        lines.append(f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.5" stroke-opacity="{opacity:.1f}"/>')
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{page.escape(label)}">{"".join(lines)}</svg>'


def _thinned(heights):
    """Steps and heights of at most some points; of each stretch the lowest and the highest stay, so that no spike is lost."""
    steps = np.arange(len(heights))
    if len(heights) <= _MOST_POINTS:
        return steps, heights
    stretches = np.array_split(steps, _MOST_POINTS // 2)
    kept = np.unique([place for one in stretches for place in (one[heights[one].argmin()], one[heights[one].argmax()])])
    return kept, heights[kept]


def mistakes(examples, logits, class_names, count=24):
    """The most confident mistakes for a report: a list of {image, true, predicted, confidence}, the most confident first.

    Args:
        examples: `dataset.SeriesExamples`.
        logits: float array `(examples, classes)`.
        class_names: a name a class.
        count: of mistakes, at most.
    """
    positions = classification.worst(examples.labels, logits, count)
    probabilities = classification.softmax(np.asarray(logits)[positions])
    result = []
    for position, row in zip(positions, probabilities, strict=True):
        true, predicted = class_names[examples.labels[position]], class_names[row.argmax()]
        label = f"{examples.units[position]}: an example of {page.shortened(true)}, taken for {page.shortened(predicted)}"
        image = picture(examples.series[position], label)
        result.append({"image": image, "true": true, "predicted": predicted, "confidence": float(row.max())})
    return result


def sheet(examples, augment, class_names, *, count=6, versions=5, seed=0):
    """What training is fed, for a report: a few series, each with its augmented versions of the first epochs.

    Args:
        examples: `dataset.SeriesExamples`.
        augment: function `(series, labels, draw) -> (series, labels)`.
        class_names: a name a class.
        count: series, spread over the part.
        versions: epochs.
        seed: the run's.

    Returns:
        A list of dicts of `image`, `versions` (a list) and `label` for `report.write_report`; empty where nothing is changed.
    """
    positions = np.unique(np.linspace(0, len(examples) - 1, count).astype(np.intp))
    chosen = examples.subset(positions)
    before, labels = chosen.inputs, np.eye(len(class_names), dtype=np.float32)[chosen.labels]

    def epoch(number):
        return augment(before, labels, lambda stream: randomness.uniform(seed, number, chosen.keys, stream))[0]

    after = [epoch(number) for number in range(versions)]
    if all(np.array_equal(before, one, equal_nan=True) for one in after):
        return []
    rows = []
    for place, values in enumerate(before):
        name = class_names[chosen.labels[place]]
        # One scale a row, or noise and stretching could not be seen.
        own = [values, *(one[place] for one in after)]
        scale = {"low": min(np.nanmin(one) for one in own), "high": max(np.nanmax(one) for one in own)}
        texts = [f"An example of {name}", *(f"The same, augmented in epoch {number + 1}" for number in range(versions))]
        image, *others = [picture(one, text, **scale) for one, text in zip(own, texts, strict=True)]
        rows.append({"image": image, "versions": others, "label": name})
    return rows
