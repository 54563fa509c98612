"""A run's folder: claimed before anything is computed, resumed where it was cut off, never overwritten once finished.

`config.json` is written first and `result.json` last, so what is there tells how far a run came. Needs no Keras.
"""

import contextlib
import datetime
import fcntl
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import shlex
import shutil
from typing import Annotated, Literal

import msgspec

from hornbook import UserError, command_line, files, records, terminal

# Options that say where a run is kept, not what it computes: a folder that was moved still resumes.
_NOT_COMPARED = ("output",)
_YEARS = range(1980, 2108)  # Of a file in a zip archive.
# Folders of many runs: the file that they begin with, what they are called, and where their runs are.
_COLLECTIONS = (
    ("search.json", "a search", ("final/*/*", "trial_*/seed-*")),
    ("comparison.json", "a comparison", ("runs/*/run",)),
    ("cross_validation.json", "a cross-validation", ("repeat-*-fold-*/run",)),
    ("nested.json", "a nested search", ("outer-*/final/*/*",)),
)
REMEDY = "remedy.json"  # What a second run tries, of the first one's findings; see `recipes.repeats.remedied`.


class Finding(msgspec.Struct):
    """A finding in `result.json`, as `diagnosis.Finding.to_json` writes it."""

    problem: str
    severity: Literal["error", "warning", "note"]
    evidence: str
    layers: list[str]
    advice: str
    changes: dict[str, records.Option]


class Compared(msgspec.Struct):
    """How a network compares with the floor, as `evaluation.floors` writes it; all but `model` are there where `model` is one."""

    model: str | None
    metric: str = ""
    score: records.Score = None
    network: records.Score = None
    difference: records.Score = None
    interval: Annotated[list[records.Score], msgspec.Meta(min_length=2, max_length=2)] | None = None
    higher_is_better: bool = True


class MemberOf(msgspec.Struct):
    """A run that an ensemble averages."""

    run: str
    weight: Annotated[float, msgspec.Meta(gt=0, le=1)]


class Ensemble(msgspec.Struct):
    """What a result says of the runs that were averaged."""

    members: Annotated[list[MemberOf], msgspec.Meta(min_length=1)]
    selected: bool


class Result(msgspec.Struct):
    """`result.json`, as far as it is read again."""

    metrics: dict[str, records.Score]
    seconds: records.Seconds
    evaluated_on: Literal["test", "validation", "none"] = "test"
    findings: list[Finding] = []
    floor: Compared | None = None
    network_alone: dict[str, records.Score] = {}
    parameters: records.Count = 0
    ensemble: Ensemble | None = None


class Spread(msgspec.Struct):
    """A score over several seeds, as `evaluation.intervals.spread` gives it."""

    mean: records.Score
    standard_deviation: records.Score


class Seeds(msgspec.Struct):
    """`seeds.json`, as far as it is read again."""

    metrics: dict[str, Spread]
    seconds: records.Seconds
    seeds: Annotated[list[records.Count], msgspec.Meta(min_length=1)]


class Remedy(msgspec.Struct):
    """`remedy.json`: of a second run, what it changes of the first."""

    first_run: str
    problem: str
    changes: dict[str, records.Option]
    metrics: dict[str, Annotated[list[records.Score], msgspec.Meta(min_length=2, max_length=2)]] = {}


Options = dict[str, records.Option]  # `config.json` and `chosen.json`: what a recipe's own types say of them, a recipe knows.


def refuse_clock():
    """Refuse a clock that stands in a year in which nothing can be written into an archive, as checkpoints and models are.

    Raises:
        UserError: with the year; some boards begin in 1970 whenever they are switched on.
    """
    year = datetime.datetime.now().year
    if year not in _YEARS:
        raise UserError(f"the clock of this machine says the year {year}, and a model's file knows 1980 to 2107; set the clock")


class TrainingLost(UserError):
    """A training that ended before its end, as its loss is no number any more; `findings` are those of a result, JSON values."""

    def __init__(self, message, findings):
        super().__init__(message)
        self.findings = findings


class Run:
    """A claimed run's folder; a context manager that gives the claim back, and leaves nothing of a run that failed before a checkpoint.

    Args:
        folder: made if it is not there.
        config: the run's options, JSON values; an unfinished run in the folder must have begun with the same.

    Attributes:
        folder: `pathlib.Path`.
        asked: the options as they were given, JSON values; `config` has in place of some of them what `choose` was given.
        resumed: whether an unfinished run of the same options was found.

    Raises:
        UserError: the folder cannot be written, another process is at work in it, or it holds something else than this run, unfinished.
    """

    def __init__(self, folder, config):
        self.folder, self.config = pathlib.Path(folder), json.loads(json.dumps(config))
        self.asked = self.config
        self._refuse_finished()
        # The folders that claiming it makes, the innermost first.
        self._made = [one for one in (self.folder, *self.folder.parents) if not one.exists()]
        self._lock = lock(self.folder)
        try:
            self.resumed = self.checkpoint.exists()
            if self.resumed:
                refuse_other_options(self.folder, self.config)
            else:
                files.write_json(self.path("config.json"), self.config)
            self.checkpoint.parent.mkdir(exist_ok=True)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise

    def choose(self, values, options):
        """Keep the values that were chosen for options left to the data; of a run that goes on, those that it began with.

        Args:
            values: dict of options, JSON values.
            options: the recipe's dataclass of options, which says what each takes.

        Returns:
            The values that hold.

        Raises:
            UserError: `chosen.json` has what was not left to the data, or what no option takes.
        """
        path = self.path("chosen.json")
        if self.resumed and path.exists():
            kept = records.read(path, Options)
            for name, value in kept.items():
                # A file says what was chosen among Hornbook's own, never which code of somebody's runs.
                if name not in values or (command_line.names_code(name, value) and value != values[name]):
                    raise UserError(f"{path} has {name} {value!r}, which was not left to the data; remove the folder to begin again")
            values = {**values, **command_line.of_their_types(options, kept, path)}
        else:
            files.write_json(path, values)
        self.config = {**self.config, **values}
        return values

    @property
    def checkpoint(self):
        """The file that a resumed run goes on from."""
        return self.path("checkpoint/last.npz")

    @property
    def options(self):
        """What the run was told and what was chosen for it, JSON values, by which another training would be another run."""
        return {name: value for name, value in self.config.items() if name not in _NOT_COMPARED}

    def path(self, name):
        """A file of the run."""
        return self.folder / name

    def require_space(self, size_in_bytes):
        """Refuse a disk that has no room for so many bytes.

        Raises:
            UserError: with what is needed and what there is.
        """
        free = shutil.disk_usage(self.folder).free
        if free < size_in_bytes:
            told = f"{self.folder} has {free / 2**20:.0f} MiB free and this run needs about {size_in_bytes / 2**20:.0f} MiB"
            raise UserError(f"{told} for its model and checkpoint; free space or pass another --output")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind is not None and not self.checkpoint.exists():
            self._clear()
        os.close(self._lock)

    def _clear(self):
        """Remove what a run wrote that has nothing to go on from, so that the corrected command can take its place."""
        of_data = ("split.csv", "skipped.csv", "copies.csv")
        for name in ("config.json", "chosen.json", REMEDY, *of_data, "history.csv", "predictions.npz", ".lock"):
            self.path(name).unlink(missing_ok=True)
        shutil.rmtree(self.path("tensorboard"), ignore_errors=True)
        for folder in (self.checkpoint.parent, *self._made):
            with contextlib.suppress(OSError):  # Not there yet, or whatever else is in there is not ours.
                folder.rmdir()

    def _refuse_finished(self):
        if self.path("result.json").exists():
            raise UserError(f"{self.folder} holds a finished run, which is never overwritten; pass another --output or remove it")
        if self.folder.is_dir() and not self.path("config.json").exists():
            ours = (".lock", "checkpoint", REMEDY)  # What a run killed in its first moment leaves.
            strange = [one.name for one in self.folder.iterdir() if one.name not in ours and not files.is_temporary(one.name)]
            if strange:
                raise UserError(f"{self.folder} is not empty and not a run's folder (it has {strange[0]}); pass another --output")


def options_of(folder):
    """The options of a run: those that it was given, and what was chosen for those left to the data.

    Raises:
        UserError: a file of them cannot be read.
    """
    given, chosen = (records.read(pathlib.Path(folder, name), Options) for name in ("config.json", "chosen.json"))
    return {**given, **chosen}


def lock(folder):
    """Make a folder if it is not there and lock it: the lock goes with the process, however that ends.

    Nothing that is in the folder leads out of it afterwards, and what killed processes left half written is gone.

    Returns:
        A file descriptor, whose end is the lock's.

    Raises:
        UserError: the folder cannot be written, has links in it, or another process is at work in it.
    """
    folder = pathlib.Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.refuse_links(folder)
        probe = files.unnamed(folder)
        try:
            os.write(probe, b" ")  # What a probe can write now, a checkpoint can write later.
        finally:
            os.close(probe)
        held = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise UserError(f"--output {folder} cannot be written: {error.strerror}; pass a folder that can") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(held)
        raise UserError(f"another process is at work in {folder}; wait for it or pass another --output") from error
    except OSError as error:  # Some network file systems know no locks.
        terminal.say(f"note: {folder} is on a file system without locks ({error.strerror}): start no second process on it")
    files.remove_temporary(folder)
    return held


def refuse_other_options(folder, config):
    """Refuse to go on with a run that was begun with other options than `config`.

    Raises:
        UserError: with the first option that differs.
    """
    began = records.read(pathlib.Path(folder, "config.json"), Options)
    config = json.loads(json.dumps(config))  # A tuple is a list in the file.
    for name in sorted(began.keys() | config.keys()):
        if name not in _NOT_COMPARED and began.get(name) != config.get(name):
            flag = "--" + name.replace("_", "-")
            raise UserError(
                f"{folder} holds a run with {flag} {began.get(name)}, and this one has {config.get(name)}; "
                "go on with the options that began it, or pass another --output"
            )


def finished(folder):
    """The `result.json` of a finished run's folder, JSON values.

    Raises:
        UserError: there is none, or it is not as a run writes it.
    """
    folder = pathlib.Path(folder)
    for name, called, patterns in _COLLECTIONS:
        if (folder / name).is_file():
            inside = sorted(path.parent for pattern in patterns for path in folder.glob(f"{pattern}/result.json"))
            raise UserError(f"{folder} holds {called}; pass the folder of one of its runs{f', such as {inside[0]}' if inside else ''}")
    if not (folder / "result.json").is_file():
        state = "an unfinished run" if (folder / "config.json").is_file() else "no run"
        raise UserError(f"{folder} holds {state}; pass the folder of a finished one, which has a result.json")
    return records.values(folder / "result.json", Result)


def finished_with(folder, config):
    """The result of a finished run of these options, which need not be run again; None where there is none.

    Raises:
        UserError: there is a finished run of other options.
    """
    if not pathlib.Path(folder, "result.json").exists():
        return None
    refuse_other_options(folder, config)
    return finished(folder)


def remedy_of(folder):
    """What a run changes of another, as a remedy, for its result: {"remedied": {"first_run", "problem", "changes"}}; {} of other runs."""
    path = pathlib.Path(folder, REMEDY)
    return {"remedied": records.values(path, Remedy)} if path.exists() else {}


def save_model(folder, model, labels=dict, **about):
    """Write `model.keras`, uncompiled, and `labels.json`, which says what its inputs and outputs mean.

    Args:
        folder: of the run.
        model: functional `keras.Model` from raw inputs to outputs.
        labels: the type that describes `labels.json`, `Dataset.labels_kind`.
        **about: JSON values for `labels.json`.

    Returns:
        Names of the layers' classes that Keras lacks: where there are any, the model loads only after `import hornbook.models`.
    """
    import keras

    uncompiled = keras.Model(model.inputs, model.outputs, name=model.name)
    with files.atomic(folder / "model.keras") as temporary:
        uncompiled.save(temporary)
    ours = sorted(set(re.findall(r'"hornbook>(\w+)"', uncompiled.to_json())))
    records.write(folder / "labels.json", labels, {**about, "input_shape": model.input_shape[1:], "requires": ours})
    if ours:
        terminal.say(f"model.keras loads after `import hornbook.models`: Keras has no {', '.join(ours)}")
    return ours


def print_result(result, folder, inputs, words=("predict",)):
    """Print a finished run's scores, findings and where they are.

    Args:
        result: as in `result.json`.
        folder: the run's.
        inputs: what `hornbook predict` takes, such as "IMAGE...", or what else stands behind the folder.
        words: the command that the run is for, before the folder.
    """
    scores = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in result["metrics"].items())
    copies = f" with test-time augmentation ({result['test_time_augmentation']})" if "test_time_augmentation" in result else ""
    terminal.say(f"{result['evaluated_on']}{copies}: {scores or 'not evaluated'}; {result['seconds']:.0f} s")
    for finding in result["findings"]:
        terminal.say(in_words(finding))
    terminal.say(f"report: {folder / 'report.html'}", f"{words[0]}: {shlex.join(['hornbook', *words, str(folder)])} {inputs}")


def in_words(finding):
    """A finding of a result in a line, its severity first."""
    return f"{finding['severity']}: {finding['evidence']} {finding['advice']}".rstrip()


def environment():
    """What a run's figures depend on besides its options: versions, backend and threads."""
    import keras

    packages = ("hornbook", "keras", "tensorflow", "jax", "torch", "numpy", "scikit-learn")
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    # The processors that this process may use, where the system tells: TensorFlow takes as many threads.
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"versions": versions, "backend": keras.backend.backend(), "threads": threads, "machine": platform.machine()}
