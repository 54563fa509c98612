"""Does the diagnosis call sound labels of few examples wrong, and does it see wrong ones? 100, 200 and 400 examples, sound and broken.

    python -m benchmarks.faults.few.examples --corpus FOLDER              # without a validation part: minutes, nothing is trained
    python -m benchmarks.faults.few.examples --corpus FOLDER --trained    # a fifth of the examples validate a small network
    python -m benchmarks.faults.few.examples --summary

A case is some examples of a set of `datasets`, drawn at random: as they are, with a class of 7% (`rare`), with 10, 20 or 40% of the labels
wrong, or with all labels in another order (`shuffled`). Without a validation part nothing that a network learns can refute what is said of
labels, so none is trained. `results/few_examples.csv` has a row a case: what the rules say, and what they said when they were thresholds
on shares whatever the number of examples (`formerly`). Thresholds were chosen on the sets of `TUNED_ON`; the others are reported.
"""

import argparse
import collections
import csv
import itertools
import math
import pathlib
import types

import numpy as np

from benchmarks.faults import datasets
from benchmarks.faults.few import share

RESULTS = pathlib.Path(__file__).parents[2] / "results/few_examples.csv"
COLUMNS = ("name", "part", "validated", "examples", "classes", "fault", "seed", "findings", "formerly")
TUNED_ON = (
    "cylinder_bell_funnel", "synthetic_control", "docstrings", "breast_cancer", "wine", "ecg200", "plane", "ionosphere", "german",
    "ringnorm", "trec6",
)  # fmt: skip
_IMAGES = ("digits", "fashion_mnist", "cifar10")  # Their classes 0 to 4 were tuned on, 5 to 9 are reported, in pairs and all five.
_LEFT_OUT = ("mnist", "digit_rows", "fashion_rows", "sequential_digits", "shape_rows")  # The same again, or not prepared everywhere.
EXAMPLES = (100, 200, 400)
FAULTS = ("sound", "rare", "10%", "20%", "40%", "shuffled")
_SEEDS = {False: 3, True: 1}
_RARE = 0.07
_TRAINED = {"examples": (200,), "faults": ("sound", "rare", "20%")}
_PROBLEMS = ("label-noise", "shuffled-labels")


def sets(corpus):
    """(name, whether it was tuned on, medium, x, y, classes) of each set of classes."""
    for name in datasets.names():
        if name in _LEFT_OUT:
            continue
        data = datasets.load(name, corpus)
        if data.num_classes is None:
            continue
        x, y = (np.concatenate([getattr(data, f"{axis}_{part}") for part in ("train", "validation", "test")]) for axis in "xy")
        if name not in _IMAGES:
            yield name, name in TUNED_ON, data.medium, x, y, data.num_classes
            continue
        for first in (0, 5):
            five = range(first, first + 5)
            for classes in (*itertools.combinations(five, 2), tuple(five)):
                kept = np.isin(y, classes)
                label = f"{name} {'-'.join(map(str, classes))}"
                yield label, first == 0, data.medium, x[kept], np.searchsorted(classes, y[kept]), len(classes)


def broken(x, y, classes, count, fault, seed):
    """So many examples of a set, with a fault; None where it has too few."""
    random = np.random.default_rng([seed, count, FAULTS.index(fault)])
    order = random.permutation(len(y))
    if fault == "rare":
        rare = round(_RARE * count)
        last, others = order[y[order] == classes - 1][:rare], order[y[order] != classes - 1][: count - rare]
        order = random.permutation(np.concatenate([last, others]))
    if len(order) < count or (fault == "rare" and np.sum(y[order] == classes - 1) < rare):
        return None
    x, y = x[order[:count]], y[order[:count]].copy()
    if fault == "shuffled":
        y = random.permutation(y)
    if fault.endswith("%"):
        wrong = random.permutation(count)[: round(count * int(fault[:-1]) / 100)]
        y[wrong] = (y[wrong] + random.integers(1, classes, len(wrong))) % classes
    return x, y


def untrained(x, y, classes, medium):
    """(record, symptoms) of a training without a validation part, as far as the rules on labels ask for them."""
    from hornbook.training.diagnosis import examples

    texts = medium == "texts"
    facts = examples.facts(x, y, y, classes, tokens=texts, numbers=False)
    shares = np.bincount(y, minlength=classes) / len(y)
    network = types.SimpleNamespace(embedded=texts)
    unknown = types.SimpleNamespace(validation_skill=math.nan, best_validation_skill=math.nan, training_skill=math.nan, hardly_begun=False)
    return types.SimpleNamespace(facts=facts, task=types.SimpleNamespace(shares=shares), network=network), unknown


def trained(x, y, classes, medium, name):
    """The same after a training of a small network, validated on a fifth."""
    from benchmarks.faults import settings, training
    from hornbook.training.diagnosis import Diagnostics
    from hornbook.training.diagnosis.rules.symptoms import Symptoms

    fifth, made = len(y) // 5, []
    parts = {"train": slice(2 * fifth, None), "validation": slice(0, fifth), "test": slice(fifth, 2 * fifth)}
    arrays = {f"{axis}_{part}": values[own] for part, own in parts.items() for axis, values in (("x", x), ("y", y))}
    data = datasets.Data(name, "", medium, **arrays, num_classes=classes, vocabulary_size=2000 if medium == "texts" else None)
    base = {"images": "digits", "series": "ecg200", "texts": "trec6", "tables": "pima"}[medium]
    chosen = settings.sound(base, "cnn1d" if medium == "texts" else "mlp", batch_size=16, epochs=12)

    def watching(_, used):
        made.append(Diagnostics((used.x_train, used.y_train), (used.x_validation, used.y_validation)))
        return made

    training.train(chosen, watching, data=data)
    return made[0].record, Symptoms(made[0].record)


def formerly(record, symptoms):
    """What the rules said when they did not ask how many examples there are."""
    facts, most = record.facts, float(record.task.shares.max())
    if facts.examples < 100 or facts.agreement is None or facts.by_chance > 0.9:
        return []
    error = math.sqrt(facts.by_chance * (1 - facts.by_chance) / min(facts.examples, 2000))
    luck = 3 * math.sqrt(0.25 / max(1, facts.validation_examples or 0)) / max(1e-9, 1 - most)
    unlearned = not (symptoms.validation_skill > 0.1 or symptoms.best_validation_skill > 0.1 + luck)
    if facts.agreement < facts.by_chance + 3 * error and facts.votes < most + 2 * error and unlearned:
        return ["shuffled-labels"]
    if facts.noise is None or facts.noise <= 0.2 or record.network.embedded:
        return []
    known = min(symptoms.training_skill, symptoms.best_validation_skill)
    return [] if most + known * (1 - most) > 1 - facts.noise + 0.05 else ["label-noise"]


def rows(corpus, validated):
    """A row of each case, a dict."""
    from hornbook.training.diagnosis.rules import generalisation

    for place, (name, tuned, medium, x, y, classes) in enumerate(sets(corpus)):
        if validated and (tuned or (place % 3 and " " in name)):  # Of the pairs of images every third: trainings take seconds.
            continue
        for count, fault, seed in itertools.product(EXAMPLES, FAULTS, range(_SEEDS[validated])):
            if validated and (count not in _TRAINED["examples"] or fault not in _TRAINED["faults"]):
                continue
            drawn = broken(x, y, classes, count, fault, 100 + seed)
            if drawn is None:
                continue
            record, symptoms = trained(*drawn, classes, medium, name) if validated else untrained(*drawn, classes, medium)
            found = [finding.problem for finding in generalisation.labels(record, symptoms)]
            about = {"name": name, "part": "tuned on" if tuned else "reported", "validated": validated, "examples": count}
            about |= {"classes": classes, "fault": fault, "seed": seed}
            yield {**about, "findings": " ".join(found), "formerly": " ".join(formerly(record, symptoms))}
        print(name, flush=True)


def summary(kept):
    """Print how many cases of each kind have a finding on labels, now and formerly."""
    cells = collections.defaultdict(list)
    for row in kept:
        cells[row["part"], row["validated"], int(row["examples"]), row["fault"]].append(row)
    for (part, validated, count, fault), own in sorted(cells.items(), key=lambda cell: (*cell[0][:3], FAULTS.index(cell[0][3]))):
        told = [f"{part}, {'with' if validated == 'True' else 'without'} validation, {count} examples, {fault:8} n {len(own):3}"]
        for column in ("formerly", "findings"):
            for problem in _PROBLEMS:
                told.append(f"{column} {problem} {share(sum(row[column] == problem for row in own), len(own))}")
        print("; ".join(told))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", help="folder with series/ and tables/")
    parser.add_argument("--trained", action="store_true", help="train a small network with a validation part")
    parser.add_argument("--summary", action="store_true", help="run nothing")
    args = parser.parse_args()
    kept = []
    if RESULTS.exists():
        with open(RESULTS, newline="") as file:
            kept = list(csv.DictReader(file))
    if not args.summary:
        kept = [row for row in kept if row["validated"] != str(args.trained)]
        kept += [{name: str(value) for name, value in row.items()} for row in rows(args.corpus, args.trained)]
        with open(RESULTS, "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept)
    summary(kept)


if __name__ == "__main__":
    main()
