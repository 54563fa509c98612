"""Classical models computed in a process beside a training, which never waits for them longer than they may take."""

import os
import subprocess
import sys
import time

import numpy as np

from hornbook import files
from hornbook.evaluation.floors import comparison, tasks, worker

SECONDS = 60
"""What classical models may take, or a tenth of the training's time if that is more."""

_PROGRAM = f"from {worker.__name__} import main; main()"


class Floor:
    """The classical models of one training. A context manager: no process and no file is left behind it.

    Call `start` before the training, `network` with what it gave, then `result`. Whatever goes wrong becomes one of the result's `notes`.
    """

    def __init__(self):
        self._process, self._files, self._task, self._compared, self._alone = None, [], None, None, None
        self._notes, self._names, self._known = [], [], None

    def start(self, folder, task, labels, problem=None, *, places=None, groups=None, notes=()):
        """Begin to compute.

        Args:
            folder: of the run, where the process has its files, without names.
            task: `tasks.Task`.
            labels: of all training examples, for the constant guess.
            problem: `problem.Problem`; None: the constant guess alone.
            places: int array of the evaluated examples that the problem scores; None: all.
            groups: of those examples, see `comparison.compare`; or None.
            notes: sentences on what was left out already.
        """
        self._task, self._labels, self._places, self._groups = task, labels, places, groups
        self._notes, self._started = list(notes), time.monotonic()
        if problem is not None:
            self._names = list(problem.models())
            try:
                self._begin(folder, problem)
            except Exception as error:  # Nothing of it may be in the way of the training.
                self._notes.append(f"{_listed(self._names)} left out: {type(error).__name__}: {error}")
                self._end()

    def _begin(self, folder, problem):
        source, self._target = (self._file(folder) for _ in range(2))
        with os.fdopen(os.dup(source), "wb") as file:
            problem.write(file)
        os.lseek(source, 0, os.SEEK_SET)
        # Half of the processors: the training has the others, and threads that wait for each other must not have to wait for it.
        threads = str(max(1, (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()) // 2))
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM, str(source), str(self._target), str(SECONDS)],
            stdin=subprocess.PIPE,  # Its end is how the process knows of ours.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(source, self._target),
            env={**os.environ, **dict.fromkeys(names, threads), "OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": paths},
        )

    def _file(self, folder):
        """A file without a name in a folder: the number by which it is known."""
        self._files.append(files.unnamed(folder))
        return self._files[-1]

    def network(self, about, labels, outputs, *, alone=False):
        """Keep what the network gave for the evaluated part, for `result`.

        Args:
            about: the run's `labels.json`, or what will be.
            labels, outputs: of all examples of the part.
            alone: whether these are the outputs without a classical model that the network will be mixed with.
        """
        if self._task is None:
            return
        chosen = slice(None) if self._places is None else self._places
        if alone:
            self._alone = np.asarray(outputs)[chosen]
        else:
            self._compared = about, np.asarray(labels)[chosen], np.asarray(outputs)[chosen]

    def known(self, compared):
        """Keep a comparison that takes no classical model, as of `comparison.compare`, for `result`."""
        self._known = compared

    def result(self, training_seconds):
        """Wait for the classical models as long as they may still take, and compare the network with them.

        Args:
            training_seconds: how long the training took.

        Returns:
            A dict as of `comparison.compare`, with `seconds` that the models took and `notes` (sentences); `model` is None where nothing
            could be compared. None where there was nothing to compare.
        """
        if self._compared is None:
            return self._known
        allowed = max(SECONDS, training_seconds / worker.SHARE)
        found = self._collect(allowed - (time.monotonic() - self._started))
        about, labels, outputs = self._compared
        if about.get("thresholds"):
            self._notes.append("the network is compared at a threshold of 0.5, as the classical models are")
        seconds = round(sum(one["seconds"] for one, _ in found), 1)
        models = tasks.constants(self._task, self._labels, len(labels))
        models |= {one["name"]: array for one, array in found if "left out" not in one}
        try:
            metric = comparison.main_metric(self._task, self._labels)
            compared = comparison.compare(about, labels, outputs, models, metric, self._groups, self._alone)
        except Exception as error:
            self._notes.append(f"not compared: {type(error).__name__}: {error}")
            compared = {"model": None}
        return {**compared, "seconds": seconds, "notes": self._notes}

    def _collect(self, timeout):
        """The records of the process, when it has ended or its time is over."""
        if self._process is None:
            return []
        try:
            status = self._process.wait(max(0.0, timeout))
        except subprocess.TimeoutExpired:
            status = worker.OUT_OF_TIME
            self._process.kill()
            self._process.wait()
        found = worker.records(self._target)
        self._notes += [f"{one['name']} left out: {one['left out']}" for one, _ in found if "left out" in one]
        missing = [name for name in self._names if name not in {one["name"] for one, _ in found}]
        if missing:
            reason = "no time was left for it" if status == worker.OUT_OF_TIME else f"its process ended with status {status}"
            self._notes.append(f"{_listed(missing)} left out: {reason}")
        return found

    def _end(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process = None
        for file in self._files:
            os.close(file)
        self._files = []

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self._end()


def _listed(names):
    return " and ".join(names)
