"""What does Hornbook do with folders and data that are broken at random? Outcomes of many commands on mutated files.

    PYTHONPATH=. python benchmarks/reliability/fuzz.py --minutes 60

Small finished and unfinished runs of each medium, and a file of data of each kind, are made once, outside the time. Then, for as many
minutes, one of them is copied, one to three of its files are changed at random (half of the finished runs lose `files.json` first, so that
more is looked at than checksums), and a command is run on it in a process of its own. A row of `results/fuzz.csv` is an outcome:

    refused             exit code 2 and one line on standard error
    fine                exit code 0; of predictions and scores, those of the sound run
    other answer        exit code 0, and other predictions or scores: to be looked at, as a weight may be another finite number
    traceback, lines    more than one line on standard error, or another exit code
    hang                longer than 20 seconds, and three times what the sound command takes
    memory              more than twice what the sound command takes at its peak
    written elsewhere   a file outside of the run's folder changed
"""

import argparse
import collections
import csv
import os
import pathlib
import random
import resource
import shutil
import signal
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.reliability import mutations
from hornbook import libraries

RESULTS = pathlib.Path(__file__).parents[1] / "results/fuzz.csv"
COLUMNS = ("case", "target", "change", "outcome", "exit_code", "seconds", "peak_mb", "said")
_PATIENCE = 20
_SHORT = ("--epochs", "2", "--no-floor", "--no-diagnosis")
_RECIPES = {
    "images": ("image-classification", "--model", "mlp", "--width", "8"),
    "texts": ("text-classification", "--model", "cnn1d", "--width", "8"),
    "series": ("sequence-classification", "--model", "gru", "--width", "8"),
    "tables": ("tabular-classification", "--model", "mlp", "--width", "8"),
    "numbers": ("regression", "--model", "mlp", "--width", "8"),
}


class Target:
    """What is broken, and the command that meets it.

    Args:
        name: of the table.
        folder: pristine; copied for each case.
        words: of the command, which is run in the copy.
        answers: whether its output is compared with that of the sound command.
    """

    def __init__(self, name, folder, words, answers=False):
        self.name, self.folder, self.words, self.answers = name, folder, words, answers
        self.sound = None


def command(words, folder, patience):
    """Run a command line in a child of this process, in a folder: (exit code or None, seconds, peak in MB, output, errors)."""
    outputs = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115
    began = time.monotonic()
    child = os.fork()
    if not child:
        try:
            os.setsid()
            os.chdir(folder)
            for number, file in enumerate(outputs, start=1):
                os.dup2(file.fileno(), number)
            sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
            from hornbook.__main__ import main

            main(list(words))
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        except BaseException:
            import traceback

            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)
    status, usage, hung = None, None, False
    while status is None:
        done, found, usage = os.wait4(child, os.WNOHANG)
        if done:
            status = found
        elif time.monotonic() - began > patience and not hung:
            os.killpg(child, signal.SIGKILL)
            hung = True
        else:
            time.sleep(0.02)
    seconds, texts = time.monotonic() - began, []
    for file in outputs:
        file.seek(0)
        texts.append(file.read().decode("utf-8", "replace"))
        file.close()
    return None if hung else os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss / 1024, *texts


def _train(words, folder, stop_before=None):
    """Train in a child process, to the end or until an epoch begins, which kills it."""
    child = os.fork()
    if not child:
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
        os.chdir(folder)
        import importlib

        import keras

        class Kill(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == stop_before:
                    os._exit(0)

        recipe = importlib.import_module(f"hornbook.recipes.{words[0].replace('-', '_')}")
        args = recipe.command_line.parse(recipe.Args, list(words[1:]), "hornbook", "")
        recipe.main(args, callbacks=[Kill()])
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"{' '.join(words)} failed")


def runs(scratch):
    """Targets that are runs: finished ones to predict and evaluate with, unfinished ones to go on with."""
    inputs = _inputs(scratch)
    for medium, recipe in _RECIPES.items():
        finished, unfinished = scratch / f"{medium}-finished", scratch / f"{medium}-unfinished"
        for folder, stop_before in ((finished, None), (unfinished, 1)):
            folder.mkdir()
            _train((*recipe, *_SHORT, "--output", "run"), folder, stop_before)
        shutil.copy(inputs[medium], finished / inputs[medium].name)
        yield Target(f"predict {medium}", finished, ("predict", "run", inputs[medium].name), answers=True)
        yield Target(f"evaluate {medium}", finished, ("evaluate", "run"), answers=True)
        yield Target(f"go on {medium}", unfinished, (*recipe, *_SHORT, "--output", "run"))
    many = scratch / "many-finished"
    for medium in ("images", "tables"):
        shutil.copytree(scratch / f"{medium}-finished" / "run", many / "run" / medium)
    yield Target("list runs", many, ("runs", "run"))


def _inputs(scratch):
    """A file to predict of each medium."""
    from PIL import Image
    from sklearn import datasets

    numbers = np.random.default_rng(0)
    Image.fromarray(numbers.integers(0, 255, (8, 8), np.uint8)).save(scratch / "digit.png")
    (scratch / "texts.txt").write_text("Return the sum.\nOpen a file.\n")
    np.save(scratch / "series.npy", numbers.normal(size=(3, 64, 1)).astype("float32"))
    for name, load in (("cancer", datasets.load_breast_cancer), ("diabetes", datasets.load_diabetes)):
        data = load()
        rows = [data.feature_names, *data.data[:5]]
        (scratch / f"{name}.csv").write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    files = {"images": "digit.png", "texts": "texts.txt", "series": "series.npy", "tables": "cancer.csv", "numbers": "diabetes.csv"}
    return {medium: scratch / name for medium, name in files.items()}


def data(scratch):
    """Targets that are data: a small set of each kind of source."""
    from PIL import Image
    from scipy.io import wavfile

    numbers, made = np.random.default_rng(0), {}
    for kind in ("table", "text", "series", "npz", "ts", "photos", "sounds"):
        made[kind] = scratch / f"data-{kind}"
        made[kind].mkdir()
    rows = [f"{a:.3f},{b:.3f},{'xyz'[i % 3]},{'ab'[int(a > b)]}" for i, (a, b) in enumerate(numbers.normal(size=(60, 2)))]
    (made["table"] / "rows.csv").write_text("\n".join(["first,second,kind,label", *rows]) + "\n")
    texts = [f'"a {word}, and {"more of it" * (i % 3)}",{i % 2}' for i, word in enumerate(["word", "thing"] * 30)]
    (made["text"] / "texts.csv").write_text("\n".join(["text,label", *texts]) + "\n")
    lines = [",".join(f"{value:.3f}" for value in row) + f":{'ab'[i % 2]}" for i, row in enumerate(numbers.normal(size=(40, 12)))]
    head = ["@problemName Walk", "@univariate true", "@classLabel true a b", "@data"]
    (made["ts"] / "Walk_TRAIN.ts").write_text("\n".join([*head, *lines]) + "\n")
    x, y = numbers.normal(size=(60, 12, 1)).astype("float32"), np.arange(60) % 2
    np.savez(made["npz"] / "series.npz", x_train=x, y_train=y)
    for kind in ("a", "b"):
        for folder in (made["photos"], made["sounds"]):
            (folder / "all" / kind).mkdir(parents=True)
        for number in range(12):
            pixels = numbers.integers(0, 255, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(made["photos"] / "all" / kind / f"{number}.{'png' if number % 2 else 'jpg'}")
            sound = numbers.normal(size=2000) * 8000
            wavfile.write(made["sounds"] / "all" / kind / f"{number}.wav", 8000, sound.astype("int16"))
    made.pop("series").rmdir()
    sources = {
        "table": ("tables", "csv:rows.csv"), "text": ("texts", "csv:texts.csv"), "npz": ("series", "npz:series.npz"),
        "ts": ("series", "ts:Walk_TRAIN.ts"), "photos": ("images", "folder:all"), "sounds": ("series", "folder:all"),
    }  # fmt: skip
    for kind, (medium, source) in sources.items():
        yield Target(f"data {kind}", made[kind], (*_RECIPES[medium], *_SHORT, "--dataset", source, "--output", "run"))


def snapshot(folder):
    """Size and time of every file of a case that is not the run's."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.relative_to(folder).parts[0] != "run" and not path.is_dir()
    }


def case(number, target, scratch, generator):
    """A row: a target is copied, changed and met by its command."""
    folder = scratch / f"case-{number}"
    shutil.copytree(target.folder, folder)
    changes = []
    inside = folder / "run" if (folder / "run").is_dir() else folder
    if inside != folder and generator.random() < 0.5:
        for manifest in inside.rglob("files.json"):
            manifest.unlink()
        changes.append("no files.json")
    changes += [mutations.mutate(inside, generator) for _ in range(generator.choice((1, 1, 2, 3)))]
    before, (sound_seconds, sound_peak, answer) = snapshot(folder), target.sound
    code, seconds, peak, output, errors = command(target.words, folder, max(_PATIENCE, 3 * sound_seconds))
    if code is None:
        outcome = "hang"
    elif snapshot(folder) != before:
        outcome = "written elsewhere"
    elif peak > 2 * sound_peak:
        outcome = "memory"
    elif "Traceback" in errors or code not in (0, 2) or errors.count("\n") > (code == 2):
        outcome = "traceback, lines"
    elif code == 2:
        outcome = "refused"
    else:
        outcome = "other answer" if target.answers and output != answer else "fine"
    shutil.rmtree(folder)
    values = (number, target.name, "; ".join(changes), outcome, code, f"{seconds:.1f}", f"{peak:.0f}", (errors or output).strip()[-600:])
    return dict(zip(COLUMNS, values, strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="targets whose names have this in them")
    parser.add_argument("--output", type=pathlib.Path, default=RESULTS)
    args = parser.parse_args()
    with libraries.quiet_libraries():
        import keras  # noqa: F401 - each child has it; no child waits for it.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    generator, rows = random.Random(args.seed), []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        targets = [target for target in [*runs(scratch), *data(scratch)] if args.only in target.name]
        for target in targets:
            folder = scratch / "sound"
            shutil.copytree(target.folder, folder)
            code, seconds, peak, output, errors = command(target.words, folder, 600)
            shutil.rmtree(folder)
            if code != 0:
                raise RuntimeError(f"{target.name} fails on what is sound: {errors}")
            target.sound = seconds, peak, output
            print(f"{target.name}: {seconds:.1f} s, {peak:.0f} MB", flush=True)
        began = time.monotonic()
        while time.monotonic() - began < 60 * args.minutes:
            rows.append(case(len(rows), generator.choice(targets), scratch, generator))
            if rows[-1]["outcome"] not in ("refused", "fine"):
                print(rows[-1], flush=True)
            with open(args.output, "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
    outcomes = sorted({row["outcome"] for row in rows})
    counts = collections.Counter((row["target"].split()[0], row["outcome"]) for row in rows)
    print("command", *outcomes, sep=", ")
    for kind in sorted({kind for kind, _ in counts}):
        print(kind, *(counts[kind, outcome] for outcome in outcomes), sep=", ")


if __name__ == "__main__":
    main()
