"""What does Hornbook do with folders and data that are broken at random? Outcomes of many commands on mutated files.

    PYTHONPATH=. python benchmarks/reliability/fuzz.py --minutes 60

Small finished and unfinished runs of each medium, searches, and a file of data of each kind (`targets.py`) are made once, outside the time.
Then, for as many minutes, one of them is copied, one to three of its files are changed at random (`mutations.py`; most finished runs
lose `files.json` first, so that more is looked at than checksums), and a command is run on it in a process of its own, in a folder where
nothing else may change, with a folder of its own for temporary files. A row of `results/fuzz.csv` is an outcome:

    refused             exit code 2 and one line on standard error
    fine                exit code 0; of predictions and scores, those of the sound run
    other answer        exit code 0, and other predictions or scores: to be looked at, as a weight may be another finite number
    traceback, lines    more than one line on standard error, or another exit code
    hang                more than 20 seconds of the processor, and three times what the sound command takes; or six times that by the clock
    raw characters      control characters reach the terminal
    memory              more than twice what the sound command, or one of its kind, takes at its peak
    written elsewhere   a file outside of the run's folder changed, or one in it by a command that only reads, or one was left behind
"""

import argparse
import collections
import csv
import itertools
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import unicodedata

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.reliability import mutations, targets
from hornbook import libraries, terminal

RESULTS = pathlib.Path(__file__).parents[1] / "results/fuzz.csv"
COLUMNS = ("case", "target", "change", "outcome", "exit_code", "seconds", "peak_mb", "said")
_PATIENCE, _OTHERS_TIME = 20, 6


def command(words, folder, temporary, patience, most):
    """Run a command line in a child of this process.

    Args:
        words: of the command.
        folder: in which it runs.
        temporary: its system's folder for temporary files.
        patience, most: seconds of the processor, which others may use as well, and MB after which it is killed.

    Returns:
        Exit code or None, seconds of the processor, peak in MB, output, errors.
    """
    outputs = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115
    began = time.monotonic()
    child = os.fork()
    if not child:
        try:
            os.setsid()
            os.chdir(folder)
            sys.path.insert(0, os.getcwd())
            os.environ["TMPDIR"], tempfile.tempdir = str(temporary), None
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
        elif not hung and (time.monotonic() - began > _OTHERS_TIME * patience or _beyond(child, patience, most)):
            os.killpg(child, signal.SIGKILL)
            hung = True
        else:
            time.sleep(0.02)
    seconds, texts = usage.ru_utime + usage.ru_stime, []
    for file in outputs:
        file.seek(0)
        texts.append(file.read().decode("utf-8", "replace"))
        file.close()
    return None if hung else os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss / 1024, *texts


def _beyond(process, seconds, most):
    """Whether a process has taken more seconds of the processor or more MB than this."""
    try:
        status = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    ticks, pages = int(status[11]) + int(status[12]), int(status[21])
    return ticks / os.sysconf("SC_CLK_TCK") > seconds or pages * os.sysconf("SC_PAGE_SIZE") / 2**20 > most


def _train(words, folder, stop_before=None):
    """Run a command in a child process to its end, or until an epoch begins, which kills it."""
    child = os.fork()
    if not child:
        try:
            with open(os.devnull, "w") as nothing:
                os.dup2(nothing.fileno(), 1)
            os.chdir(folder)
            _run(words, stop_before)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"{' '.join(words)} failed")


def _run(words, stop_before):
    import importlib

    import keras

    from hornbook import __main__

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == stop_before:
                os._exit(0)

    if stop_before is None:
        __main__.run(list(words))
        return
    recipe = importlib.import_module(f"hornbook.recipes.{words[0].replace('-', '_')}")
    args = recipe.command_line.parse(recipe.Args, list(words[1:]), "hornbook", "")
    recipe.main(args, callbacks=[Kill()])


def snapshot(world, target):
    """Size and time of every file that a command may not touch, and the folders in which a file may be left behind."""
    free = world / "case" / "in" / "run" if target.writes else None
    found = {}
    for inside, folders, names in os.walk(world):
        folders[:] = [name for name in folders if pathlib.Path(inside, name) != free]
        for name in [*folders, *names]:
            path = pathlib.Path(inside, name)
            status = path.lstat()
            found[str(path.relative_to(world))] = (status.st_size, status.st_mtime_ns) if name in names else None
    return found


def _scores(folder):
    """The scores of what has ended in a case's folder."""
    for name in ("result.json", "seeds.json"):
        path = folder / "run" / name
        if path.is_file():
            return json.loads(path.read_bytes())["metrics"]
    return None


def met(target, scratch, change):
    """A pristine target copied, changed by `change(folder)` and met by its command.

    Returns:
        The exit code, seconds, peak in MB, output, errors, answer, and the names of the files that were touched outside of the run.
    """
    world = scratch / "world"
    folder = world / "case" / "in"
    shutil.copytree(target.folder, folder, symlinks=True)
    (world / "tmp").mkdir()
    (world / "precious").write_text("precious\n")
    change(folder / target.broken)
    before = snapshot(world, target)
    seconds, peak = target.sound[:2] if target.sound else (200, 10**5)
    code, seconds, peak, output, errors = command(target.words, folder, world / "tmp", max(_PATIENCE, 3 * seconds), 4 * peak)
    after = snapshot(world, target)
    touched = sorted(name for name in before.keys() | after.keys() if before.get(name, 0) != after.get(name, 0))
    answer = (_scores(folder) if target.writes else output) if target.answers and code == 0 else None
    shutil.rmtree(world)
    return code, seconds, peak, output, errors, answer, touched


def case(seed, number, targets, scratch):
    """A row; which target it is and what becomes of it are a function of seed and number."""
    generator, changes = random.Random(f"{seed}-{number}"), []
    target = generator.choice(targets)
    others = [path for one in targets for path in one.files if one.folder != target.folder]

    def change(broken):
        if target.broken == "run" and generator.random() < 0.75:
            for manifest in sorted(broken.rglob("files.json")):
                manifest.unlink()
                changes.append("no files.json")
        precious = broken.parents[2] / "precious"
        changes.extend(mutations.mutate(broken, generator, others, precious) for _ in range(generator.choice((1, 1, 2, 3))))

    code, seconds, peak, output, errors, answer, touched = met(target, scratch, change)
    _, sound_peak, sound_answer = target.sound
    if touched:
        outcome = "written elsewhere"
    elif code is None and peak <= 2 * sound_peak:
        outcome = "hang"
    elif peak > 2 * sound_peak:
        outcome = "memory"
    elif "Traceback" in errors or code not in target.codes or errors.count("\n") > (code == 2):
        outcome = "traceback, lines"
    elif any(unicodedata.category(character) in ("Cc", "Cf") for character in re.sub(r"[\n\t\r]", "", output + errors)):
        outcome = "raw characters"
    elif code == 2:
        outcome = "refused"
    else:
        outcome = "other answer" if answer != sound_answer else "fine"
    said = " ".join([*(f"[touched: {name}]" for name in touched[:3]), (errors or output).strip()[-600:]])
    values = (number, target.name, "; ".join(changes), outcome, code, f"{seconds:.1f}", f"{peak:.0f}", terminal.shown(said))
    return dict(zip(COLUMNS, values, strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, nargs="+", help="these numbers of the seed alone; prints all of each")
    parser.add_argument("--folder", type=pathlib.Path, help="where sound runs are kept, or are taken from; the same cases need the same")
    parser.add_argument("--output", type=pathlib.Path, default=RESULTS)
    args = parser.parse_args()
    with libraries.quiet_libraries():
        import keras  # noqa: F401 - each child has it; no child waits for it.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as scratch:
        scratch, rows = pathlib.Path(scratch), []
        targets = the_targets(args.folder or scratch / "sound", scratch)
        began = time.monotonic()
        for number in args.cases or itertools.count():
            if not args.cases and time.monotonic() - began > 60 * args.minutes:
                break
            rows.append(case(args.seed, number, targets, scratch))
            if args.cases or rows[-1]["outcome"] not in ("refused", "fine"):
                print(rows[-1], flush=True)
            if not args.cases:
                with open(args.output, "w", newline="", encoding="utf-8") as file:
                    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                    writer.writeheader()
                    writer.writerows(rows)
    outcomes = sorted({row["outcome"] for row in rows})
    counts = collections.Counter((row["target"].split()[0], row["outcome"]) for row in rows)
    print("command", *outcomes, sep=", ")
    for kind in sorted({kind for kind, _ in counts}):
        print(kind, *(counts[kind, outcome] for outcome in outcomes), sep=", ")


def the_targets(folder, scratch):
    """All targets, each with what its command does with what is sound."""
    folder.mkdir(exist_ok=True)
    found = targets.made(folder, _train)
    kept = folder / "sound.json"
    sound = json.loads(kept.read_text()) if kept.exists() else {}
    for target in found:
        target.files = [path for path in sorted((target.folder / target.broken).rglob("*")) if path.is_file()]
        if target.name not in sound:
            code, seconds, peak, _, errors, answer, touched = met(target, scratch, lambda broken: None)
            if code not in target.codes or code == 2 or touched:
                raise RuntimeError(f"{target.name} fails on what is sound: {code} {errors} {touched}")
            sound[target.name] = seconds, peak, answer
            kept.write_text(json.dumps(sound))
            print(f"{target.name}: {seconds:.1f} s, {peak:.0f} MB", flush=True)
        target.sound = sound[target.name]
    for target in found:
        # A search whose last trial is broken trains it again: what it takes is what its kind takes.
        kind = [sound[one.name][1] for one in found if one.words[0] == target.words[0]]
        target.sound = (target.sound[0], max(kind), target.sound[2])
    return found


if __name__ == "__main__":
    main()
