"""Does a search that stops trials find as good a score in less time, and what does it stop wrongly? On the courses of courses.py.

python -m benchmarks.pruning.pruned_search
python -m benchmarks.pruning.pruned_search --spaces wide --repeats 5

Random searches among the recorded configurations. Without pruning they have 30 trials of 10 epochs, one after the other; with --prune
median, diagnosis or both they go on until they have used as many epochs. The target is the accuracy that the search without pruning ends
with, less 0.005. A false stop is a trial that would have ended in the best quarter of the search's trials. Two spaces: the learning rates
of tuning_surface.py, 1e-4 to 0.1, and 1e-5, 1 and 10 as well. Writes results/pruning.csv: a row a search.
"""

import argparse
import csv
import math
import random
import statistics

import numpy as np

from benchmarks import tuning_surface
from benchmarks.pruning import courses
from hornbook.tuning.pruning import Course, MedianRule

RESULTS = tuning_surface.RESULTS
EPOCHS = tuning_surface.FIXED["epochs"]
TRIALS, TOLERANCE = 30, 0.005
MODES = ("none", "median", "diagnosis", "both")
SPACES = {"narrow": courses.NARROW, "wide": courses.GRID}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spaces", nargs="+", default=list(SPACES), choices=list(SPACES))
    parser.add_argument("--repeats", type=int, default=20)
    args = parser.parse_args()
    table, rows = _table(), []
    print(f"{len(table)} configurations, {sum(key[0] in courses.NARROW['learning_rate'] for key in table)} of them in the narrow space")
    for space in args.spaces:
        found = {mode: [_search(table, space, mode, seed) for seed in range(args.repeats)] for mode in MODES}
        targets = [one["best"] - TOLERANCE for one in found["none"]]
        for mode, searches in found.items():
            for seed, (one, target) in enumerate(zip(searches, targets, strict=True)):
                one |= _time_to(target, one.pop("progress"))
                rows.append({"space": space, "prune": mode, "seed": seed, "target": round(target, 4), **one})
            print(_line(space, mode, found), flush=True)
    with open(RESULTS / "pruning.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def _table():
    """By configuration its epochs: a list of (accuracy or None, seconds), and after how many the diagnosis stops it, or None."""
    found = {}
    for row in courses.recorded():
        one = dict(zip(courses.COLUMNS, row, strict=True))
        epochs, stopped = found.setdefault((float(one["learning_rate"]), *row[1 : len(courses.GRID)]), ([], []))
        epochs.append((float(one["val_accuracy"]) if one["val_accuracy"] else None, float(one["seconds"] or 0)))
        stopped += [int(one["epoch"])] if one["stopped"] else []
    return {key: (epochs, min(stopped, default=None)) for key, (epochs, stopped) in found.items()}


def _search(table, space, mode, seed):
    """One search: what it found, what it stopped, and its progress, a list of (epochs, seconds, best so far)."""
    rule, progress, ended = MedianRule(first_epoch=3), [(0, 0.0, 0.0)], []
    rates = SPACES[space]["learning_rate"]
    configurations = sorted(key for key in table if key[0] in rates)
    random.Random(seed).shuffle(configurations)
    for key in configurations:
        if progress[-1][0] >= TRIALS * EPOCHS:
            break
        epochs, hopeless = table[key]
        used, by = _trial(epochs, hopeless, mode, rule)
        if by is None:
            rule.add(Course(tuple(-accuracy for accuracy, _ in epochs)))
        before, seconds, best = progress[-1]
        progress.append((before + used, seconds + epochs[used - 1][1], max(best, epochs[-1][0]) if by is None else best))
        ended.append((used, by, epochs[-1][0] or 0.0))
    good = np.quantile([accuracy for _, _, accuracy in ended], 0.75)
    first = ended[:TRIALS]
    return {
        "trials": len(ended),
        "best": max(best for epochs, _, best in progress if epochs <= TRIALS * EPOCHS),
        "epochs_of_first": sum(used for used, _, _ in first),
        "stopped_by_median": sum(by == "median" for _, by, _ in ended),
        "stopped_by_diagnosis": sum(by == "diagnosis" for _, by, _ in ended),
        "false_stops_by_median": sum(by == "median" and accuracy > good for _, by, accuracy in ended),
        "false_stops_by_diagnosis": sum(by == "diagnosis" and accuracy > good for _, by, accuracy in ended),
        "progress": progress,
    }


def _trial(epochs, hopeless, mode, rule):
    """After how many epochs a trial ends, and what ends it: None, "failed", "median" or "diagnosis"."""
    for epoch, (accuracy, _) in enumerate(epochs, 1):
        if accuracy is None:
            return epoch, "failed"
        if mode in ("diagnosis", "both") and epoch == hopeless:
            return epoch, "diagnosis"
        reached = Course(tuple(-one for one, _ in epochs[:epoch]))
        if mode in ("median", "both") and epoch < len(epochs) and rule.reason(reached):
            return epoch, "median"
    return len(epochs), None


def _time_to(target, progress):
    epochs, seconds = next(((epochs, seconds) for epochs, seconds, best in progress if best >= target), (math.inf, math.inf))
    return {"epochs_to_target": epochs, "seconds_to_target": round(seconds, 1)}


def _line(space, mode, found):
    """A row of the table in docs/tuning.md."""
    own, plain = found[mode], found["none"]

    def quartiles(values, form="{:.0%}"):
        # The values in between are the data's own: a search that never gets there has no finite time.
        low, middle, high = (form.format(value) for value in np.quantile(values, (0.25, 0.5, 0.75), method="nearest"))
        return f"{middle} ({low} to {high})"

    saved = [1 - one["epochs_of_first"] / (EPOCHS * min(TRIALS, one["trials"])) for one in own]
    times = [one["epochs_to_target"] / other["epochs_to_target"] for one, other in zip(own, plain, strict=True)]
    seconds = [one["seconds_to_target"] / other["seconds_to_target"] for one, other in zip(own, plain, strict=True)]
    gains = [one["best"] - other["best"] for one, other in zip(own, plain, strict=True)]
    stops = {rule: sum(one[f"stopped_by_{rule}"] for one in own) for rule in ("median", "diagnosis")}
    false = {rule: sum(one[f"false_stops_by_{rule}"] for one in own) for rule in ("median", "diagnosis")}
    told = " and ".join(f"{false[rule]} of {stops[rule]} by {rule}" for rule in stops if mode in (rule, "both"))
    reached = sum(math.isfinite(one["epochs_to_target"]) for one in own)
    return (
        f"{space:6} {mode:9} epochs saved {quartiles(saved)}; epochs to the target {quartiles(times)}, seconds "
        f"{quartiles(seconds)}, reached by {reached} of {len(own)}; gained {statistics.median(gains):+.4f}; false stops {told or 'none'}; "
        f"trials {quartiles([one['trials'] for one in own], '{:.0f}')}"
    )


if __name__ == "__main__":
    main()
