"""Examples of a dataset as a report shows them: pictures of images and series, texts and rows in words; with and without augmentation."""

import numpy as np

from hornbook.data import randomness
from hornbook.reports import page

_WIDTH, _HEIGHT, _MARGIN = 144, 108, 6
_MOST_LINES = 3  # More cannot be told apart at that size.
_MOST_POINTS = 144


def series_picture(values, label, low=None, high=None):
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


def mistakes(dataset, part, found):
    """The most confident mistakes, each with its example.

    Args:
        dataset: `data.dataset.Dataset` of any medium.
        part: the name of the part that was scored.
        found: list of dicts as of `evaluation.scores.mistakes`.

    Returns:
        The dicts with an `image` or a `text` each, for `report.write_report`.
    """
    if not found:
        return []
    examples, positions = dataset.part(part), [one["position"] for one in found]
    if dataset.medium == "images":
        shown = [{"image": image} for image in _pictures(examples.subset(np.array(positions)).in_memory().inputs, dataset.pixel_maximum)]
    elif dataset.medium == "series":
        labels = [
            f"{examples.units[one['position']]}: an example of {page.shortened(one['true'])}, taken for {page.shortened(one['predicted'])}"
            for one in found
        ]
        shown = [{"image": series_picture(examples.series[place], label)} for place, label in zip(positions, labels, strict=True)]
    else:
        shown = [{"text": dataset.in_words(part, position)} for position in positions]
    return [{**one, **example} for one, example in zip(found, shown, strict=True)]


def augmented(dataset, augment, *, count=6, versions=5, seed=0):
    """What training is fed: a few examples, each with its augmented versions of the first epochs.

    They are those that training sees with this seed, but for mixing, which is with the next example here: with which one training mixes
    depends on the batch.

    Args:
        dataset: `data.dataset.Dataset` of images or series with classes.
        augment: function `(inputs, labels, draw) -> (inputs, labels)`.
        count: examples, spread over the training part.
        versions: epochs.
        seed: the run's.

    Returns:
        A list of dicts for `report.write_report`: `image`, `versions` (a list) and `label`; empty where nothing is changed.
    """
    positions = np.unique(np.linspace(0, len(dataset.train) - 1, count).astype(np.intp))
    chosen = dataset.train.subset(positions)
    is_series = dataset.medium == "series"
    chosen = chosen if is_series else chosen.in_memory()
    labels, keys = np.eye(dataset.num_classes, dtype=np.float32)[chosen.labels], chosen.keys if is_series else chosen.indices
    before = chosen.inputs

    def epoch(number):
        return augment(before, labels, randomness.Draw(seed, number, keys))[0]

    after = [epoch(number) for number in range(versions)]
    if all(np.array_equal(before, one, equal_nan=before.dtype.kind == "f") for one in after):
        return []
    names = [dataset.class_names[label] for label in chosen.labels]
    own = [[before[place], *(one[place] for one in after)] for place in range(len(before))]
    drawn = [_row_of_series(values, name) for values, name in zip(own, names, strict=True)] if is_series else None
    drawn = drawn or [_pictures(np.stack(images), dataset.pixel_maximum) for images in own]
    return [{"image": image, "versions": others, "label": name} for (image, *others), name in zip(drawn, names, strict=True)]


def _pictures(images, pixel_maximum):
    """uint8 pictures with 1 or 3 channels; of another number of channels only the first is shown."""
    images = images if images.shape[-1] in (1, 3) else images[..., :1]
    return list(np.rint(np.clip(images.astype(np.float64) / pixel_maximum, 0, 1) * 255).astype(np.uint8))


def _row_of_series(versions, name):
    # One scale a row, or noise and stretching could not be seen.
    scale = {"low": min(np.nanmin(one) for one in versions), "high": max(np.nanmax(one) for one in versions)}
    texts = [f"An example of {name}", *(f"The same, augmented in epoch {epoch}" for epoch in range(1, len(versions)))]
    return [series_picture(one, text, **scale) for one, text in zip(versions, texts, strict=True)]
