"""The score of a run's model on corrupted examples: each kind at five strengths, some examples at a time."""

import csv
import io

import numpy as np

from hornbook import UserError, files, terminal
from hornbook.data.dataset import sample
from hornbook.evaluation import regression, subgroups
from hornbook.evaluation.intervals import mean_interval, wilson_interval
from hornbook.inference import saved_model
from hornbook.inference.corruptions import page
from hornbook.inference.predict.progress import Progress
from hornbook.training import runs

_AT_A_TIME = 256


def measured(model, trained, medium, subject, *, examples, seed=0):
    """What `corruptions.json` holds, and an example under each corruption.

    Args:
        model: the run's.
        trained, medium: as of `finished_run.open_run`.
        subject: `subjects.Subject`.
        examples: how many at most, drawn at random.
        seed: by which they are drawn.

    Returns:
        A dict, and a dict of each kind to a list: the example as it is, then at each strength.

    Raises:
        UserError: the model cannot be computed for the examples, or gives what is no number.
    """
    part, about = subject.part, trained.about
    places = sample(len(part), examples, seed)
    cells = [(kind, place) for kind in subject.strengths for place in range(len(subject.strengths[kind]))]
    values, shown = {cell: [] for cell in [None, *cells]}, {}

    def worth(inputs, labels):
        return subgroups.per_example(about, labels, saved_model.outputs_of_some(model, subject.examples(inputs, trained, medium), trained))

    with Progress(len(places)) as progress:
        for start in range(0, len(places), _AT_A_TIME):
            some = places[start : start + _AT_A_TIME]
            inputs, labels, keys = subject.read(some), part.labels[some], subject.keys[some]
            values[None].append(worth(inputs, labels))
            for kind, place in cells:
                changed = subject.change(inputs, kind, subject.strengths[kind][place], keys)
                values[kind, place].append(worth(changed, labels))
                if not start:
                    shown.setdefault(kind, [inputs[0]]).append(changed[0])
            progress.at(start + len(some))
    of_numbers = about["loss"] in regression.LOSSES
    score = "mean_absolute_error" if of_numbers else "accuracy"
    summed = {cell: _summary(np.concatenate(found), score) for cell, found in values.items()}
    if not np.isfinite(summed[None][score]):
        raise UserError(f"{trained.folder / 'model.keras'} gives no finite number: its weights or the inputs are too large")
    kinds = [_of_kind(kind, subject, summed, score) for kind in subject.strengths]
    found = {
        "run": str(trained.folder),
        "examples": len(places),
        "of": len(part),
        "left_out": subject.left_out,
        "score": score,
        "clean": summed[None],
        "mean": float(np.mean([one["mean"] for one in kinds])),
        "corruptions": kinds,
        "seed": seed,
        **runs.environment(),
    }
    return found, shown


def _summary(values, score):
    if score == "accuracy":
        return {score: float(values.mean()), "interval": wilson_interval(int(values.sum()), len(values))}
    return {score: float(values.mean()), "interval": mean_interval(values)}


def _of_kind(kind, subject, summed, score):
    amounts = subject.strengths[kind]
    curve = [{"strength": place + 1, "amount": amount, **summed[kind, place]} for place, amount in enumerate(amounts)]
    mean = float(np.mean([one[score] for one in curve]))
    return {"corruption": kind, "counts": subject.counts[kind], "mean": mean, "curve": curve}


def say(found):
    """Print the table: a line a corruption, the score at each strength and their mean."""
    score = found["score"]
    strengths = range(1, 1 + max(len(one["curve"]) for one in found["corruptions"]))
    clean = f"{found['clean'][score]:.4f}"
    rows = [(score.replace("_", " "), 0, *strengths, "mean")]
    for one in found["corruptions"]:
        rows.append((one["corruption"], clean, *(f"{point[score]:.4f}" for point in one["curve"]), f"{one['mean']:.4f}"))
    width = max(len(row[0]) for row in rows)
    for name, *others in rows:
        terminal.say_fields(f"{name:{width}}", *others)
    terminal.say_fields(f"mean {score.replace('_', ' ')} of corrupted examples", f"{found['mean']:.4f}")


def write(folder, found, shown, trained):
    """Write `corruptions.json`, `corruptions.csv` and `corruptions.html`."""
    files.write_json(folder / "corruptions.json", found)
    score, text = found["score"], io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("corruption", "strength", "amount", score, "low", "high"))
    rows.writerow(("none", 0, "", found["clean"][score], *(found["clean"]["interval"] or ("", ""))))
    for one in found["corruptions"]:
        for point in one["curve"]:
            rows.writerow((one["corruption"], point["strength"], point["amount"], point[score], *(point["interval"] or ("", ""))))
    files.write_text(folder / "corruptions.csv", text.getvalue())
    files.write_text(folder / "corruptions.html", page.text(found, shown, trained))
