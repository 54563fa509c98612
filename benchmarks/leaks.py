"""Are planted duplicates, groups, leaks, absent classes and other distributions named, and is nothing said of clean data?

python benchmarks/leaks.py [--seeds 3] [--only wine gunpoint] [--corpus FOLDER] [--tuning] [--output benchmarks/results/leaks.csv]

Each of twelve data sets is looked at as it is (`clean`), by its own test part or a random one, and then with one fault planted at a time:

exact     a twentieth of the test examples, 3 at least, is put in place of others and taken from training as they are
near      the same, changed a little: images in brightness and by JPEG, texts by a word, series by noise of 0.01 deviations, rows of 0.005
groups    training and test examples are of groups of four; three groups stand in both
leak      a column with the label in it (of numbers: the number and noise of a twentieth of its deviation), wrong in 2% of the rows; tables
absent    the test part lacks a class
drift     test images are brighter by a third of the range, half of the test texts end with a line of their own, one feature of test series
          and one column of test rows is a deviation larger

Nothing is trained. TFDS_DATA_DIR has the prepared sets, `--corpus` the files tables/NAME.csv, with a line of names, and
series/NAME_TRAIN.ts; sets that are not there are left out. The thresholds of `data/suspicion` were chosen on other sets, those of
`--tuning`: iris, adult, CIFAR-10, trec6, sst2, Japanese vowels, eight series of the UCR archive and six tables of UCI.
"""

import argparse
import csv
import dataclasses
import io
import pathlib
import time

import numpy as np

from hornbook import UserError, data
from hornbook.data.suspicion import looking, vectors

FAULTS = ("exact", "near", "groups", "leak", "absent", "drift")
PROBLEMS = {"exact": "test-overlap", "near": "test-overlap", "groups": "test-groups", "leak": "label-leak", "absent": "absent-class"}
PROBLEMS["drift"] = "test-shift"
COLUMNS = ("data", "medium", "train", "test", "fault", "seed", "planted", "found", "named", "others", "notes", "seconds")
_SHARE, _SHARED_GROUPS, _WRONG = 0.05, 3, 0.02
_MOST = 10_000  # Examples of a part, for what is planted.


def sources(corpus):
    """The data sets: a dict of name to a function that loads it as a user would."""
    found = {
        "digits": lambda: data.images.load("digits"),
        "fashion_mnist": lambda: data.images.load("tfds:fashion_mnist", in_memory="always"),
        "rt_polarity": lambda: data.texts.load("tfds:rt_polarity"),
        "docstrings": lambda: data.texts.load("docstrings"),
        "free_spoken_digit": lambda: data.series.load("tfds:free_spoken_digit"),
        "gunpoint": lambda: data.series.load("tfds:ucr_gunpoint"),
        "arrowhead": lambda: data.series.load("tfds:ucr_arrowhead"),
        "italy_power_demand": lambda: data.series.load("tfds:ucr_italy_power_demand"),
        "breast_cancer": lambda: data.tables.load("breast_cancer"),
        "wine": lambda: data.tables.load("wine"),
        "diabetes": lambda: data.tables.load("diabetes", task="regression"),
    }
    if corpus:
        path = pathlib.Path(corpus, "tables", "abalone.csv")
        found["abalone"] = lambda: data.tables.load(f"csv:{path}", task="regression", label_column="rings")
    return found


def tuning_sources(corpus):
    """The data sets on which the thresholds were chosen, as `sources`."""
    found = {
        "iris": lambda: data.tables.load("tfds:iris"),
        "adult": lambda: data.tables.load("tfds:adult"),
        "mammography": lambda: data.tables.load("tfds:mammography"),
        "cifar10": lambda: data.images.load("tfds:cifar10[:10000]", in_memory="always"),
        "trec6": lambda: data.texts.load("tfds:trec6"),
        "sst2": lambda: data.texts.load("tfds:sst2_sentences"),
        "japanese_vowels": lambda: data.series.load("tfds:uea_japanese_vowels"),
    }
    for name in ("Beef", "Car", "Coffee", "ECG200", "FaceFour", "Lightning7", "Plane", "SyntheticControl"):
        found[name] = lambda name=name: data.series.load(f"ts:{corpus}/series/{name}")
    for name in ("german", "glass", "haberman", "ionosphere", "pima-indians-diabetes"):
        found[name] = lambda name=name: data.tables.load(f"csv:{corpus}/tables/{name}.csv")
    quality = {"task": "regression", "label_column": "quality"}
    found["winequality-red"] = lambda: data.tables.load(f"csv:{corpus}/tables/winequality-red.csv", **quality)
    return found


@dataclasses.dataclass
class Plain:
    """A data set as arrays or lists, to plant in: inputs and labels of training and test, each a dict by part."""

    dataset: object
    inputs: dict
    labels: dict
    groups: dict = dataclasses.field(default_factory=dict)
    names: list = dataclasses.field(default_factory=list)

    def made(self):
        """The data set again, split as it is."""
        own, train, test = self.dataset, "train", "test"
        given = (self.inputs[train], self.labels[train], self.inputs[test], self.labels[test])
        if own.medium == "images":
            found = data.images.from_arrays(*given, class_names=own.class_names, validation_fraction=0)
        elif own.medium == "texts":
            names = np.array(own.class_names, object)
            labels = [names[self.labels[part]].tolist() for part in (train, test)]
            found = data.texts.from_texts(
                self.inputs[train], labels[0], self.inputs[test], labels[1], class_names=own.class_names, validation_fraction=0
            )
        elif own.medium == "series":
            found = data.series.from_arrays(*given, class_names=own.class_names, validation_fraction=0)
        else:
            numbers = own.task == "regression"
            options = {"task": own.task, "column_names": self.names}
            if not numbers:
                names = np.array(own.class_names, object)
                given = (given[0], names[given[1]], given[2], names[given[3]])
            found = data.tables.from_arrays(*given, **options, validation_fraction=0)
        if not self.groups:
            return found
        if own.medium == "series":
            parts = {part: dataclasses.replace(found.part(part), groups=groups) for part, groups in self.groups.items()}
            return dataclasses.replace(found, **parts)
        return dataclasses.replace(found, groups=self.groups["train"], groups_elsewhere={found.test.source: self.groups["test"]})


def plain(dataset):
    """A loaded data set as `Plain`; tables as their cells."""
    inputs, labels, names = {}, {}, []
    for part in ("train", "test"):
        places = np.linspace(0, len(dataset.part(part)) - 1, min(_MOST, len(dataset.part(part)))).astype(int)
        labels[part] = dataset.part(part).labels[places]
        if dataset.medium == "tables":
            columns, names = dataset.columns[part].select(places), list(dataset.feature_names)
            inputs[part] = np.stack([_cells(columns, name, dataset) for name in names], axis=1)
            labels[part] = labels[part][:, 0] if labels[part].ndim == 2 else labels[part]
        else:
            inputs[part] = vectors.inputs_of(dataset, part, places)
        if dataset.medium in ("texts", "series"):
            inputs[part] = list(inputs[part])
    return Plain(dataset, inputs, labels, names=names)


def _cells(columns, name, dataset):
    return columns.texts(name) if name in dataset.encoding.categories else columns.numbers(name).astype(object)


def plant(own, fault, generator):
    """Plant a fault in a `Plain`: the changed one, and how many examples, groups, columns or classes it is of; None where it has none."""
    own = dataclasses.replace(own, inputs=dict(own.inputs), labels=dict(own.labels))
    medium, count = own.dataset.medium, len(own.labels["test"])
    if fault in ("exact", "near"):
        planted = max(3, round(_SHARE * count))
        chosen, taken = generator.choice(count, planted, replace=False), generator.choice(len(own.labels["train"]), planted, replace=False)
        own.inputs["test"], own.labels["test"] = own.inputs["test"].copy(), own.labels["test"].copy()
        spread = _spread(own)
        for place, origin in zip(chosen, taken, strict=True):
            copied = own.inputs["train"][origin]
            own.inputs["test"][place] = copied if fault == "exact" else _changed(medium, copied, spread, generator)
            own.labels["test"][place] = own.labels["train"][origin]
        return own, set(chosen.tolist())
    if fault == "groups":
        sizes = {part: len(own.labels[part]) for part in ("train", "test")}
        groups = {part: np.array([f"{part} {place // 4}" for place in range(size)], object) for part, size in sizes.items()}
        for place in range(_SHARED_GROUPS):
            groups["test"][4 * place : 4 * place + 4] = f"train {place}"
        return dataclasses.replace(own, groups=groups), _SHARED_GROUPS
    if fault == "leak":
        return _leak(own, generator) if medium == "tables" else None
    if fault == "absent":
        if own.dataset.task == "regression":
            return None
        kept = np.flatnonzero(own.labels["test"] != generator.integers(own.dataset.num_classes))
        own.labels["test"] = own.labels["test"][kept]
        own.inputs["test"] = (
            [own.inputs["test"][place] for place in kept] if isinstance(own.inputs["test"], list) else own.inputs["test"][kept]
        )
        return own, 1
    return _drift(own, generator), 1


def _spread(own):
    """How much examples differ: in each feature of series, in each column of numbers."""
    if own.dataset.medium == "series":
        steps = min(map(len, own.inputs["train"]))
        return np.sqrt(np.var([values[:steps] for values in own.inputs["train"]], axis=0).mean(axis=0))
    if own.dataset.medium == "tables":
        rows = own.inputs["train"]
        numbers = own.dataset.encoding.numbers
        return [np.nanstd(rows[:, place].astype(float)) if name in numbers else None for place, name in enumerate(own.names)]
    return None


def _changed(medium, one, spread, generator):
    """An example that was changed a little."""
    if medium == "images":
        from PIL import Image

        white = 255 if one.max() > 16 else 16
        pixels = np.clip(one.astype(float) * 0.9 + 0.03 * white, 0, white)
        file, mode = io.BytesIO(), "L" if one.shape[2] == 1 else "RGB"
        Image.fromarray((pixels * (255 / white)).astype(np.uint8).squeeze(), mode).save(file, "JPEG", quality=85)
        again = np.asarray(Image.open(file)).reshape(one.shape) * (white / 255)
        return np.round(again).astype(one.dtype)
    if medium == "texts":
        words = one.split()
        words[generator.integers(len(words))] = "something"
        return " ".join(words).capitalize()
    if medium == "series":
        return one + (0.01 * spread * generator.normal(size=one.shape)).astype(one.dtype)
    return np.array(
        [value if scale is None else value + 0.005 * scale * generator.normal() for value, scale in zip(one, spread, strict=True)], object
    )


def _leak(own, generator):
    leaks = {}
    for part, labels in own.labels.items():
        leak = labels.astype(float)
        if own.dataset.task == "regression":
            leak = leak + 0.05 * leak.std() * generator.normal(size=len(leak))
        wrong = generator.random(len(leak)) < _WRONG
        leak[wrong] = generator.permutation(leak)[wrong]
        leaks[part] = leak.astype(object)
    inputs = {part: np.concatenate([rows, leaks[part][:, None]], axis=1) for part, rows in own.inputs.items()}
    return dataclasses.replace(own, inputs=inputs, names=[*own.names, "planted"]), 1


def _drift(own, generator):
    medium, test = own.dataset.medium, own.inputs["test"]
    if medium == "images":
        white = 255 if test.max() > 16 else 16
        own.inputs["test"] = np.clip(test.astype(int) + white // 3, 0, white).astype(test.dtype)
    elif medium == "texts":
        own.inputs["test"] = [f"{text}\nSent from my telephone" if place % 2 else text for place, text in enumerate(test)]
    elif medium == "series":
        more = np.zeros(test[0].shape[1], np.float32)
        more[generator.integers(len(more))] = 1
        own.inputs["test"] = [values + more * _spread(own) for values in test]
    else:
        spread = _spread(own)
        numbers = [column for column, scale in enumerate(spread) if scale]
        column, changed = numbers[generator.integers(len(numbers))], test.copy()
        changed[:, column] = changed[:, column].astype(float) + spread[column]
        own.inputs["test"] = changed
    return own


def look(name, dataset, fault, seed, planted):
    """A row of the table: what is said of a data set in which so much was planted."""
    began = time.monotonic()
    said = looking.look(dataset)
    seconds = time.monotonic() - began
    warned = {one.problem: one for one in said if one.severity != "note"}
    wanted = warned.pop(PROBLEMS.get(fault), None)
    found = planted if isinstance(planted, int) and wanted else 0
    if isinstance(planted, set):
        pairs = () if wanted is None else wanted.pairs
        held = {looking.named(dataset, "test", place) for place in planted}
        found, planted = len(held & {pair[1] for pair in pairs}), len(planted)
    if fault == "leak" and wanted:
        found = int("planted" in wanted.told)
    notes = [one.problem for one in said if one.severity == "note"]
    named = "" if fault == "clean" else "yes" if wanted and found else "no"
    sizes = len(dataset.train), len(dataset.test)
    row = (name, dataset.medium, *sizes, fault, seed, planted, found, named, " ".join(warned), " ".join(notes), f"{seconds:.2f}")
    print("  ".join(map(str, row)), flush=True)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--corpus")
    parser.add_argument("--tuning", action="store_true")
    parser.add_argument("--output", default="benchmarks/results/leaks.csv")
    args = parser.parse_args()
    rows = []
    for name, load in (tuning_sources if args.tuning else sources)(args.corpus).items():
        if args.only and name not in args.only:
            continue
        try:
            dataset = load()
        except UserError as error:
            print(f"{name} is left out: {error}")
            continue
        rows.append(look(name, dataset, "clean", "", 0))
        own = plain(dataset)
        for fault in FAULTS:
            for seed in range(args.seeds):
                made = plant(own, fault, np.random.default_rng(seed))
                if made is not None:
                    rows.append(look(name, made[0].made(), fault, seed, made[1]))
    with open(args.output, "w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    for fault in FAULTS:
        of_it = [row for row in rows if row[4] == fault]
        named = sum(row[8] == "yes" for row in of_it)
        print(f"{fault}: named in {named} of {len(of_it)}; found {sum(row[7] for row in of_it)} of {sum(row[6] for row in of_it)}")
    clean = [row for row in rows if row[4] == "clean"]
    print(f"clean: {sum(bool(row[9]) for row in clean)} of {len(clean)} with a warning: {[(row[0], row[9]) for row in clean if row[9]]}")
    print(f"something else said: {[(row[0], row[4], row[9]) for row in rows if row[4] != 'clean' and row[9]]}")


if __name__ == "__main__":
    main()
