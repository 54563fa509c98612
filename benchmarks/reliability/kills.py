"""Does a run that is killed at random moments end with the files of one that was not? Every recipe, data in memory and streamed.

    python benchmarks/reliability/kills.py --kills 20

Each recipe has two settings, on data that are built in or that the script makes: between them they have averaged weights, accumulated
gradients, mixup, batches of similar lengths, dropout, early stopping, a plateau, and a classical model mixed in. A run is killed with
SIGKILL, its process group with it, and started again until it has finished or has been killed after its last epoch, which is then finished;
then another begins, until as many kills have been made. The moments are spread evenly over what is left of a run, from Python's start to
the writing at the end, in seconds of the processor, which other work does not shift.

Every finished run is compared with an uninterrupted one: all arrays and values of the checkpoint (weights, optimizer, averages, seed
states, early stopping, diagnosis), the history, the result with scores and findings, the saved models, and each other file byte by byte.
Left out are seconds, the names of folders, the date in `model.keras`, the report, which is drawn from the rest, and floors (`--no-floor`),
as how many classical models are done in time is no function of the seed.

20 kills for each of five recipes take some 25 minutes of the processor.
"""

import argparse
import collections
import csv
import json
import os
import pathlib
import random
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

import numpy as np
import psutil

RESULTS = pathlib.Path(__file__).parents[1] / "results/kills.csv"
COLUMNS = ("recipe", "setting", "kill", "run", "processor_seconds", "epochs_done", "of_epochs", "moment", "identical")
_SHARED = "--no-floor --dropout 0.2 --early-stopping 4 --class-weights balanced"
_NUMBERS = "--no-floor --dropout 0.2 --early-stopping 4"

# Recipe, setting, options; {made} is the folder of `make`.
SETTINGS = [
    (
        *("image-classification", "in memory"),
        f"{_SHARED} --model resnet --depth 8 --width 8 --stochastic-depth 0.2 --augmentation crop-flip --mixup 0.2 --ema 0.99 "
        "--accumulate-steps 3 --epochs 8 --batch-size 128",
    ),
    (
        *("image-classification", "streamed"),
        f"{_SHARED} --dataset folder:{{made}}/images --in-memory never --model cnn --width 8 --augmentation trivial --cutmix 1 --mixup 0.2 "
        "--random-erasing 0.3 --colour 0.2 --lookahead 4 --ema 0.95 --optimizer sgd --epochs 6 --batch-size 32",
    ),
    (
        *("text-classification", "in memory"),
        f"{_SHARED} --dataset csv:{{made}}/texts.csv --model gru --width 16 --embedding-size 16 --word-swap 0.1 --word-dropout 0.1 "
        "--ema 0.95 --accumulate-steps 3 --epochs 6 --batch-size 32",
    ),
    (
        *("text-classification", "streamed"),
        f"{_SHARED} --dataset csv:{{made}}/texts.csv --in-memory never --model text_transformer --depth 2 --width 16 "
        "--schedule plateau --plateau-patience 1 --clip-norm 1 --classical-share 0.3 --tokenizer bpe --epochs 6 --batch-size 32",
    ),
    (
        *("sequence-classification", "unequal lengths"),
        f"{_SHARED} --dataset csv:{{made}}/series.csv --time-column time --model gru --width 16 --mixup 0.2 --jitter 0.1 --time-warp 0.1 "
        "--ema 0.95 --accumulate-steps 3 --epochs 6 --batch-size 16",
    ),
    (
        *("sequence-classification", "audio"),
        f"{_SHARED} --dataset folder:{{made}}/sounds --model cnn1d --width 8 --mixup 0.2 --time-masking 0.2 --feature-masking 0.2 "
        "--classical-share 0.3 --optimizer nadam --schedule restarts --epochs 10 --batch-size 16",
    ),
    (
        *("tabular-classification", "in memory"),
        f"{_SHARED} --dataset csv:{{made}}/table.csv --label-column kind --id-column price --model mlp --mixup 0.2 --ema 0.95 "
        "--accumulate-steps 3 --number-embedding piecewise --epochs 16 --batch-size 32",
    ),
    (
        *("tabular-classification", "streamed"),
        f"{_SHARED} --dataset csv:{{made}}/table.csv --label-column kind --id-column price --in-memory never --model tabm --width 32 "
        "--schedule plateau --plateau-patience 1 --classical-share 0.3 --categories embedding --epochs 12 --batch-size 32",
    ),
    (
        *("regression", "in memory"),
        f"{_NUMBERS} --dataset csv:{{made}}/table.csv --label-column price --loss quantile --quantiles 0.1 0.5 0.9 --model mlp --mixup 0.2 "
        "--ema 0.95 --accumulate-steps 3 --members 2 --epochs 16 --batch-size 32",
    ),
    (
        *("regression", "streamed"),
        f"{_NUMBERS} --dataset csv:{{made}}/table.csv --label-column price --in-memory never --model mlp --number-embedding periodic "
        "--optimizer muon --mixup 0.2 --ema 0.95 --classical-share 0.3 --epochs 16 --batch-size 32",
    ),
]


def make(folder):
    """Write small data of each kind, none of which a network learns in an epoch."""
    from PIL import Image
    from scipy.io import wavfile

    generator = np.random.default_rng(0)
    for number in range(900):
        kind = number % 3
        path = folder / "images" / "abc"[kind] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 200, (16, 16, 3))
        pixels[:, 4 * kind : 4 * kind + 4] += 40
        Image.fromarray(pixels.astype("uint8")).save(path)
    words = np.array([f"word{number}" for number in range(400)])
    with open(folder / "texts.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["text", "label"])
        for number in range(800):
            chances = np.ones(400)
            chances[40 * (number % 3) : 40 * (number % 3) + 40] += 1.0
            table.writerow([" ".join(generator.choice(words, generator.integers(3, 60), p=chances / chances.sum())), "abc"[number % 3]])
    with open(folder / "series.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "label", "time", "first", "second"])
        for number in range(300):
            steps = generator.normal(0.3 * (number % 2), 1, (generator.integers(10, 60), 2))
            table.writerows([number, "ab"[number % 2], time_, *row.round(4)] for time_, row in enumerate(steps))
    for number in range(240):
        path = folder / "sounds" / "ab"[number % 2] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        waves = np.sin(np.arange(generator.integers(1600, 8000)) * (0.3 + 0.1 * (number % 2)) * generator.normal(1, 0.2))
        wavfile.write(path, 8000, (3000 * waves + generator.normal(0, 3000, waves.shape)).astype("int16"))
    numbers = generator.normal(size=(1600, 6))
    colours, towns = generator.choice(["red", "green", "blue"], 1600), generator.choice([f"town{n}" for n in range(12)], 1600)
    prices = 100 + 30 * numbers[:, 0] * numbers[:, 1] + 20 * (colours == "red") + generator.normal(0, 10, 1600)
    kinds = np.where(prices + generator.normal(0, 30, 1600) > 105, "dear", "cheap")
    with open(folder / "table.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([*(f"number{n}" for n in range(6)), "colour", "town", "price", "kind"])
        for row, *others in zip(numbers.round(4), colours, towns, prices.round(2), kinds, strict=True):
            table.writerow([*("" if generator.random() < 0.03 else value for value in row), *others])


def killed(recipe, words, output, seconds=None):
    """Whether a run was killed after so many seconds of the processor; False if it finished before, or no seconds were given."""
    command = [sys.executable, "-m", "hornbook", recipe, *words, "--output", str(output)]
    with tempfile.TemporaryFile() as error:
        process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=error, start_new_session=True)
        while process.poll() is None:
            used = process.cpu_times()
            if seconds is not None and used.user + used.system >= seconds:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return True
            time.sleep(0.02)
        error.seek(0)
        if process.returncode:
            raise SystemExit(f"{shlex.join([recipe, *words])} ended with {process.returncode}: {error.read().decode()}")
    return False


def rows_of(output):
    """The rows of `history.csv`, dicts of texts; none where there is no file yet."""
    path = output / "history.csv"
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def timeless(value):
    """JSON values without seconds, folders, and what Keras writes of places in memory."""
    if isinstance(value, dict):
        return {name: timeless(one) for name, one in value.items() if name not in ("seconds", "output", "shared_object_id")}
    return [timeless(one) for one in value] if isinstance(value, list) else value


def left(output):
    """What a finished run has left: bytes or values by the names of files and what is in them."""
    found = {}
    for path in sorted(path for path in output.rglob("*") if path.is_file()):
        name = str(path.relative_to(output))
        found[name] = None
        if path.suffix == ".npz":
            with np.load(path) as file:
                found |= {f"{name}/{array}": file[array].tobytes() for array in file.files if array != "about"}
                about = timeless(json.loads(str(file["about"])))
            found |= {f"{name}/{key}": json.dumps(value) for key, value in about.items() if key != "callbacks"}
            found |= {f"{name}/callback{place}": json.dumps(value) for place, value in enumerate(about["callbacks"])}
        elif path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                found |= {f"{name}/{part}": archive.read(part) for part in archive.namelist() if part != "metadata.json"}
            found[f"{name}/config.json"] = timeless(json.loads(found[f"{name}/config.json"]))
        elif name == "history.csv":
            found[name] = timeless(rows_of(output))
        elif name == "files.json":
            found[name] = sorted(json.loads(path.read_text()))
        elif name in ("config.json", "result.json"):
            found |= {f"{name}/{key}": json.dumps(value) for key, value in timeless(json.loads(path.read_text())).items()}
        elif name != "report.html":
            found[name] = path.read_bytes()
    return found


def differing(one, other):
    """The names under which two runs have left different things."""
    return sorted(name for name in one.keys() | other.keys() if name not in one or name not in other or one[name] != other[name])


def share_left(epochs, whole, done):
    """The share of an uninterrupted run, of so many seconds, that is left after so many epochs; the first is slow in whatever run."""
    ends = [float(row["seconds"]) for row in epochs]
    return 1 - (ends[min(done, len(ends)) - 1] - ends[0]) / whole if done else 1.0


def moment_of(output, done, epochs):
    """Where in a run a kill came, in words."""
    if (output / "result.json").exists():
        return "all was written"
    if not output.exists() or not (output / "config.json").exists():
        return "imports, data"
    if not done:
        return "before the first checkpoint" if not (output / "checkpoint/last.npz").exists() else "first epoch's end"
    return "after the last epoch" if done == epochs else "between"


def try_setting(recipe, setting, words, kills, folder, generator, keep):
    """Kill runs of a setting so many times, and compare each with an uninterrupted one: the rows of the table."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    killed(recipe, words, folder / "uninterrupted")
    whole, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    length = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    expected, epochs = left(folder / "uninterrupted"), rows_of(folder / "uninterrupted")
    size = f"{len(epochs)} epochs, {len(expected)} arrays, values and files"
    print(f"{recipe}, {setting}: {whole:.1f} s, {length:.1f} of the processor, {size}", flush=True)
    shares = [(place + generator.random()) / kills for place in range(kills)]
    generator.shuffle(shares)
    rows, number = [], 0
    while len(rows) < kills:
        number += 1
        output, first = folder / f"run{number}", len(rows)
        while not (output / "result.json").exists():
            done = len(rows_of(output))
            # One kill after the last epoch is enough: more would all come there.
            if len(rows) == kills or done == len(epochs):
                killed(recipe, words, output)
                break
            seconds = shares[len(rows)] * share_left(epochs, whole, done) * length
            if not killed(recipe, words, output, seconds):
                shares[len(rows)] = generator.random()  # It was faster than the uninterrupted one, and may be so again.
                break
            done = len(rows_of(output))
            row = (recipe, setting, len(rows) + 1, number, round(seconds, 2), done, len(epochs), moment_of(output, done, len(epochs)))
            rows.append(dict(zip(COLUMNS, row, strict=False)))
            print(*row[2:], flush=True)
        other = differing(left(output), expected)
        for row in rows[first:]:
            row["identical"] = "no" if other else "yes"
        print(f"run {number}: {'identical' if not other else 'DIFFERENT: ' + ', '.join(other)}", flush=True)
        if not other or not keep:
            shutil.rmtree(output)
    return rows


def read(path):
    """The rows of an earlier table; none where there is no file."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path, rows):
    """Write the table, recipes and settings in their order."""
    order = [one[:2] for one in SETTINGS]
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(sorted(rows, key=lambda row: order.index((row["recipe"], row["setting"]))))


def show(rows):
    """Print what a page shows of the table."""
    print("| recipe | setting | kills | epochs done when killed | of | runs | identical |\n|---|---|---|---|---|---|---|")
    for recipe, setting, _ in SETTINGS:
        of_setting = [row for row in rows if (row["recipe"], row["setting"]) == (recipe, setting)]
        if not of_setting:
            continue
        epochs = sorted(collections.Counter(int(row["epochs_done"]) for row in of_setting).items())
        at = ", ".join(f"{epoch} ({count})" if count > 1 else f"{epoch}" for epoch, count in epochs)
        runs = {(row["run"], row["identical"]) for row in of_setting}
        same = sum(identical == "yes" for _, identical in runs)
        print(f"| {recipe} | {setting} | {len(of_setting)} | {at} | {of_setting[0]['of_epochs']} | {len(runs)} | {same} |")
    print("moments:", dict(collections.Counter(row["moment"] for row in rows)))


def main():
    """Kill, compare, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="for each recipe")
    parser.add_argument("--recipes", nargs="+", choices=list(dict.fromkeys(one[0] for one in SETTINGS)))
    parser.add_argument("--settings", nargs="+", choices=list(dict.fromkeys(one[1] for one in SETTINGS)))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=pathlib.Path, help="a new folder for the runs, where those that differ stay")
    parser.add_argument("--csv", type=pathlib.Path, default=RESULTS, help="keeps its rows of the settings that are not run")
    args = parser.parse_args()
    scratch = args.keep or pathlib.Path(tempfile.mkdtemp())
    rows = read(args.csv)
    try:
        (scratch / "made").mkdir(parents=True)
        make(scratch / "made")
        for place, (recipe, setting, options) in enumerate(SETTINGS):
            if recipe not in (args.recipes or recipe) or setting not in (args.settings or setting):
                continue
            alike = [one[1] for one in SETTINGS if one[0] == recipe]
            kills = args.kills // len(alike) + (alike.index(setting) < args.kills % len(alike))
            folder = scratch / str(place)
            folder.mkdir()
            words = shlex.split(options.format(made=scratch / "made"))
            found = try_setting(recipe, setting, words, kills, folder, random.Random(args.seed + place), args.keep)
            rows = [row for row in rows if (row["recipe"], row["setting"]) != (recipe, setting)] + found
            write(args.csv, rows)
    finally:
        if not args.keep:
            shutil.rmtree(scratch)
    show(rows)
    if any(row["identical"] != "yes" for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
