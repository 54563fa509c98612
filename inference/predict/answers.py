"""What a run's model says of inputs: numbers, the fields of a line, the columns of a table."""

import json
import math

import numpy as np

from hornbook import UserError
from hornbook.evaluation import conformal, scores
from hornbook.inference import saved_model

_MAY_BE = {(True, True): "no or yes", (True, False): "no", (False, True): "yes", (False, False): "neither"}


def outputs(model, inputs, trained, medium):
    """Probabilities of classes or labels, or predicted numbers: float64 `(inputs, outputs)`; of a series in windows, their mean.

    Args:
        model: the run's.
        inputs: as `medium.read` gives them, without their names.
        trained, medium: as of `open_run`.

    Raises:
        UserError: the model cannot be computed for them, or gives what is no finite number.
    """
    found = computed(model, inputs, trained, medium)
    wrong = np.flatnonzero(~np.isfinite(found).all(axis=-1))
    if len(wrong):
        raise no_number(trained, f"input {wrong[0] + 1} of {len(inputs)}")
    return found


def computed(model, inputs, trained, medium):
    """As `outputs`; what is no finite number is left in."""
    examples, sizes = medium.examples(inputs, trained)
    with np.errstate(invalid="ignore", over="ignore"):
        rows = saved_model.outputs_of_some(model, examples, trained)
        bad = ~np.isfinite(rows).all(axis=-1)
        rows = scores.answers(trained.about["loss"], np.where(bad[:, None], 0, rows))
        rows[bad] = np.nan
        if sizes is None:
            return rows
        return np.stack([part.mean(axis=0) for part in np.split(rows, np.cumsum(sizes)[:-1])])


def no_number(trained, what):
    """The `UserError` on an input that the model has no answer to."""
    return UserError(f"{trained.folder / 'model.keras'} gives no finite number for {what}: its weights or the input are too large")


def in_words(row, about, top):
    """The fields of a line: names and probabilities, first of the class that is predicted, or of all labels; or numbers.

    Where there are prediction sets, a further field has the classes of the set as a JSON list, the most probable first; of each label what
    it may be; and two further fields the ends of each number's interval.
    """
    promised = conformal.named(about, row)
    if about["task"] == "regression":
        return [f"{value:.6g}" for value in (*row, *_bounds(promised))]
    names, limits = about["class_names"], about.get("thresholds")
    if about["task"] != "multi-label":
        listed = [json.dumps(promised["set"], ensure_ascii=False)] if promised else []
        return [*(field for k in scores.ranked(about, row)[:top] for field in (names[k], f"{row[k]:.4f}")), *listed]
    # Each label has a probability of its own, and with thresholds of their own it is not to be seen which of them are predicted.
    said = [[] for _ in row] if limits is None else [["yes" if one > limit else "no"] for one, limit in zip(row, limits, strict=True)]
    may = [[" or ".join(promised["sets"][name]) or "neither"] if promised else [] for name in names]
    return [field for k, one in enumerate(row) for field in (names[k], f"{one:.4f}", *said[k], *may[k])]


def _bounds(promised):
    ends = promised.get("intervals", {}).values()
    return [end if end is not None else sign * math.inf for pair in ends for end, sign in zip(pair, (-1, 1), strict=True)]


def columns(about, top):
    """The columns of a table of answers behind the names of the inputs: dict of name to `str` or `float`.

    Args:
        about: the run's `labels.json`.
        top: how many classes to name; None: the predicted one, with the probabilities of all.
    """
    sets = about.get("conformal") is not None
    if about["task"] == "regression":
        targets, quantiles = about["target_names"], about.get("quantiles")
        of_each = [f"_{name}" for name in targets] if len(targets) > 1 else [""]
        named = [f"prediction_{quantile:g}" for quantile in quantiles] if quantiles else [f"prediction{name}" for name in of_each]
        ends = [f"{end}{name}" for name in of_each for end in ("low", "high")] if sets else []
        return dict.fromkeys([*named, *ends], float)
    names, found = about["class_names"], {}
    if about["task"] == "multi-label":
        for name in names:
            found[f"probability_{name}"] = float
            found |= {f"{kind}_{name}": str for kind, there in (("predicted", about.get("thresholds")), ("may_be", sets)) if there}
        return found
    if top is None:
        found = {"prediction": str, **{f"probability_{name}": float for name in names}}
    else:
        for place in range(1, min(top, len(names)) + 1):
            found |= {f"class_{place}": str, f"probability_{place}": float}
    return {**found, **({"set": str} if sets else {})}


def cells(rows, about, top):
    """The cells of the `columns`, a list or array a column.

    Args:
        rows: float64 `(inputs, outputs)`, finite.
        about, top: as of `columns`.
    """
    told = about.get("conformal")
    held = None if told is None else conformal.sets(about["loss"], rows, told["quantiles"])
    if about["task"] == "regression":
        return list(rows.T) if held is None else list(np.concatenate([rows, held.reshape(len(rows), -1)], axis=1).T)
    names, limits = np.array([*about["class_names"], None], object)[:-1], about.get("thresholds")
    if about["task"] == "multi-label":
        found = []
        for k in range(len(names)):
            found.append(rows[:, k])
            if limits:
                found.append(np.where(rows[:, k] > limits[k], "yes", "no").astype(object))
            if held is not None:
                found.append([_MAY_BE[bool(no), bool(yes)] for no, yes in held[:, k]])
        return found
    order = ranked = np.argsort(-rows, axis=1, kind="stable")
    if limits is not None:
        order = np.where((rows[:, 1] > limits[0])[:, None], [1, 0], [0, 1])
    if top is None:
        found = [names[order[:, 0]], *rows.T]
    else:
        first = order[:, :top]
        found = [column for k in first.T for column in (names[k], rows[np.arange(len(rows)), k])]
    if held is not None:
        within = ([k for k in places if of_row[k]] for places, of_row in zip(ranked.tolist(), held.tolist(), strict=True))
        found.append([json.dumps(names[some].tolist(), ensure_ascii=False) for some in within])
    return found
