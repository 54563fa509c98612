"""Are the defaults good on data that nobody tuned them for? Every set of a corpus, with no flag but its name and columns.

    python benchmarks/defaults/corpus.py --corpus FOLDER                        # the defaults, three seeds: hours on two cores
    python benchmarks/defaults/corpus.py --corpus FOLDER --media series --seeds 0       # one medium, one seed
    python benchmarks/defaults/corpus.py --corpus FOLDER --media series --variant fcn --flags "--model fcn"
    python benchmarks/defaults/corpus.py --summary                              # what results/defaults.csv says

A row of `results/defaults.csv` is a run: its score, the floor (the best classical model on the same split) with the difference and its
interval, and the seconds. Rows that are there are not run again. The summary ranks variants by their mean rank over the sets, says which
would be chosen if each set in turn were left out, and in how many sets the defaults are above and not below the floor.

FOLDER has `series/NAME_TRAIN.ts` and `tables/NAME.csv`; other sets are read by TensorFlow Datasets (`TFDS_DATA_DIR`) or built in. Sets that
are not there are left out. The summary has a published accuracy of series beside ours.
"""

import argparse
import collections
import csv
import json
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile

import numpy as np

RESULTS = pathlib.Path(__file__).parents[1] / "results/defaults.csv"
COLUMNS = ("variant", "set", "seed", "metric", "score", "floor", "floor_model", "difference", "low", "high", "seconds", "commit")
LOWER_IS_BETTER = ("mean_absolute_error",)

UCR = {"Beef": 75.3, "Car": 91.7, "Coffee": 100.0, "ECG200": 87.4, "FaceFour": 95.5, "Lightning7": 82.7, "Plane": 100.0,
       "SyntheticControl": 99.7}  # fmt: skip
PREPARED = {"ucr_gunpoint": 99.1, "ucr_arrowhead": 83.8, "ucr_italy_power_demand": 96.2, "uea_japanese_vowels": 99.2}
PUBLISHED = UCR | PREPARED  # Accuracy in % of the residual network of hfawaz/dl-4-tsc, mean of 5 runs.
TABLES = ("german", "glass", "haberman", "ionosphere", "pima-indians-diabetes")
SLICES = ("[:200]", "[:1000]", "[:5000]")
FOLDERS = (200, 1000, 5000)  # Image files in train/CLASS/, and all test images in test/CLASS/.


def sets(corpus):
    """The sets of a corpus: (medium, name, recipe, flags, whether each seed splits anew)."""
    for name in UCR:
        yield "series", name, "sequence-classification", ["--dataset", f"ts:{corpus}/series/{name}_TRAIN.ts"], False
    for name in PREPARED:
        yield "series", name, "sequence-classification", ["--dataset", f"tfds:{name}"], False
    for name in ("trec6", "rt_polarity", "sst2_sentences"):
        yield "texts", name, "text-classification", ["--dataset", f"tfds:{name}"], False
    yield "texts", "docstrings", "text-classification", [], False
    for name in TABLES:
        yield "tables", name, "tabular-classification", ["--dataset", f"csv:{corpus}/tables/{name}.csv"], True
    for name in ("breast_cancer", "wine", "tfds:iris", "tfds:mammography"):
        yield "tables", name.removeprefix("tfds:"), "tabular-classification", ["--dataset", name], True
    yield "tables", "adult", "tabular-classification", ["--dataset", "tfds:adult"], False
    for name, label in {"abalone": "rings", "winequality-red": "quality"}.items():
        yield "regression", name, "regression", ["--dataset", f"csv:{corpus}/tables/{name}.csv", "--label-column", label], True
    yield "regression", "diabetes", "regression", [], True
    yield "images", "digits", "image-classification", [], False
    for name in ("fashion_mnist", "cifar10"):
        for part in SLICES:
            yield "images", name + part, "image-classification", ["--dataset", f"tfds:{name}{part}"], False
        for count in FOLDERS:
            yield "folders", f"{name} folder of {count}", "image-classification", ["--dataset", f"folder:{name}:{count}"], False


def write_folder(name, count, folder):
    """The first images of a set of TensorFlow Datasets as PNG files, a folder a class, and all of its test images."""
    from PIL import Image

    from hornbook import data

    dataset = data.images.load(f"tfds:{name}[:{count}]", validation_fraction=0.0)
    for part, examples in {"train": dataset.train, "test": dataset.test}.items():
        for place, (pixels, label) in enumerate(zip(examples.inputs, examples.labels, strict=True)):
            path = pathlib.Path(folder, part, dataset.class_names[label].replace("/", " "), f"{place}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.asarray(pixels, "uint8").squeeze()).save(path)


def run(recipe, flags):
    """A run's `result.json`, in a folder that is removed."""
    with tempfile.TemporaryDirectory() as folder:
        kind, _, rest = flags[1].partition(":") if flags else ("", "", "")
        if kind == "folder":
            name, count = rest.split(":")
            write_folder(name, int(count), f"{folder}/images")
            flags = ["--dataset", f"folder:{folder}/images", *flags[2:]]
        command = [sys.executable, "-m", "hornbook", recipe, *flags, "--output", f"{folder}/run"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        if done.returncode:
            raise SystemExit(f"{shlex.join(command)} failed:\n{done.stderr[-2000:]}")
        return json.loads(pathlib.Path(folder, "run/result.json").read_text())


def row_of(variant, name, seed, result, commit):
    floor = result["floor"]
    low, high = floor["interval"]
    return {
        "variant": variant, "set": name, "seed": seed, "metric": floor["metric"], "score": f"{floor['network']:.4f}",
        "floor": f"{floor['score']:.4f}", "floor_model": floor["model"], "difference": f"{floor['difference']:.4f}",
        "low": f"{low:.4f}", "high": f"{high:.4f}", "seconds": f"{result['seconds']:.0f}", "commit": commit,
    }  # fmt: skip


def rows(path=RESULTS):
    """The rows of a CSV file as dicts of texts; none where it is not there."""
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def append(new, path=RESULTS, columns=COLUMNS):
    """Write further rows, dicts, to the end of a CSV file; with its header where it is not there."""
    header = not path.exists()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        if header:
            writer.writeheader()
        writer.writerows(new)


def means(found):
    """{(variant, set): mean score, with its sign turned where lower is better}."""
    scores = collections.defaultdict(list)
    for row in found:
        sign = -1 if row["metric"] in LOWER_IS_BETTER else 1
        scores[row["variant"], row["set"]].append(sign * float(row["score"]))
    return {key: statistics.mean(values) for key, values in scores.items()}


def mean_ranks(scores, names, variants):
    """The mean rank of each variant over sets, 1 for the best; equals share their ranks."""
    ranks = collections.defaultdict(list)
    for name in names:
        own = {variant: scores[variant, name] for variant in variants}
        for variant, score in own.items():
            better = sum(other > score for other in own.values())
            equal = sum(other == score for other in own.values())
            ranks[variant].append(better + (equal + 1) / 2)
    return {variant: statistics.mean(values) for variant, values in ranks.items()}


def summary():
    found = rows()
    scores = means(found)
    variants = list(dict.fromkeys(row["variant"] for row in found))
    for variant in variants:
        own = [row for row in found if row["variant"] == variant]
        print(f"\n{variant}: {len(own)} runs")
        print(f"{'set':24}{'n':>3} {'metric':20}{'score':>8}{'sd':>8}{'floor':>8}{'difference':>11}{'published':>10}{'seconds':>8}")
        for name in dict.fromkeys(row["set"] for row in own):
            runs = [row for row in own if row["set"] == name]
            values = [float(row["score"]) for row in runs]
            spread = f"{statistics.stdev(values):8.4f}" if len(values) > 1 else " " * 8
            mean = {key: statistics.mean(float(row[key]) for row in runs) for key in ("score", "floor", "difference", "seconds")}
            scored = f"{mean['score']:8.4f}{spread}{mean['floor']:8.4f}{mean['difference']:+11.4f}"
            known = f"{PUBLISHED[name] / 100:10.4f}" if name in PUBLISHED else " " * 10
            print(f"{name:24}{len(runs):3} {runs[0]['metric']:20}{scored}{known}{mean['seconds']:8.0f}")
        sign = [-1 if row["metric"] in LOWER_IS_BETTER else 1 for row in own]
        low = [float(row["low"]) if one > 0 else -float(row["high"]) for one, row in zip(sign, own, strict=True)]
        high = [float(row["high"]) if one > 0 else -float(row["low"]) for one, row in zip(sign, own, strict=True)]
        middle = [one * float(row["difference"]) for one, row in zip(sign, own, strict=True)]
        print(f"not below the floor by more than the interval: {sum(value >= 0 for value in high)} of {len(own)} runs; above it: "
              f"{sum(value > 0 for value in middle)}, by more than the interval {sum(value > 0 for value in low)}")  # fmt: skip
    shared = [name for name in dict.fromkeys(row["set"] for row in found) if all((variant, name) in scores for variant in variants)]
    if len(variants) > 1 and len(shared) > 1:
        print(f"\nmean rank over {len(shared)} sets that all variants have:")
        for variant, rank in sorted(mean_ranks(scores, shared, variants).items(), key=lambda one: one[1]):
            print(f"  {rank:.2f} {variant}")
        chosen = collections.Counter()
        for left_out in shared:
            ranks = mean_ranks(scores, [name for name in shared if name != left_out], variants)
            chosen[min(ranks, key=ranks.get)] += 1
        print("chosen with each set in turn left out: " + ", ".join(f"{variant} {count}" for variant, count in chosen.most_common()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", help="folder with series/ and tables/")
    parser.add_argument("--media", nargs="+", default=["series", "texts", "tables", "regression", "images", "folders"])
    parser.add_argument("--sets", nargs="+", help="names; default: all of the media")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--variant", default="defaults", help="what to call these runs")
    parser.add_argument("--flags", default="", help="flags of the variant, in one word")
    parser.add_argument("--summary", action="store_true", help="run nothing")
    args = parser.parse_args()
    if not args.summary:
        if args.corpus is None:
            parser.error("--corpus is needed, or --summary")
        corpus = pathlib.Path(args.corpus).resolve()
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
        done = {(row["variant"], row["set"], row["seed"]) for row in rows()}
        for seed in args.seeds:
            for medium, name, recipe, flags, splits in sets(corpus):
                path = pathlib.Path(flags[1].partition(":")[2]) if flags else corpus
                missing = str(corpus) in str(path) and not path.exists()
                wanted = medium in args.media and (args.sets is None or name in args.sets)
                if missing or not wanted or (args.variant, name, str(seed)) in done:
                    continue
                seeds = ["--seed", str(seed), *(["--split-seed", str(seed)] if splits else [])]
                row = row_of(args.variant, name, seed, run(recipe, [*flags, *seeds, *shlex.split(args.flags)]), commit)
                append([row])
                print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    summary()


if __name__ == "__main__":
    main()
