"""Trials on this machine: a process each, the cores and GPUs shared out among as many as run at a time."""

import math
import os
import pathlib
import shutil
import subprocess
import sys

from hornbook import UserError, files
from hornbook.tuning import kept
from hornbook.tuning.workers import fork_server


class LocalWorkers:
    """Processes of `trial`: forks of one that has imported everything, or, where a fork is not safe, each begun afresh.

    Args:
        count: how many at a time.
        threads: cores a trial; None for an equal share of those that this process may use.
        gpus: of a trial: a whole number, or a share such as 0.5 for two trials on one; None for an equal share, and all without any.

    Raises:
        UserError: more cores or GPUs are asked for than there are.
    """

    def __init__(self, count=1, threads=None, gpus=None):
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count()))
        if threads is None:
            threads = max(1, len(cores) // count)
        if threads > len(cores):
            raise UserError(f"--threads-per-trial {threads}: this machine lets us use {len(cores)} cores")
        # Where there are fewer cores than trials ask for, they take turns on them.
        self._cores = [[cores[(slot * threads + place) % len(cores)] for place in range(threads)] for slot in range(count)]
        shares = share_gpus(visible_gpus(), count, gpus)
        self._environments = [{} if shares is None else _gpu_environment(shares[slot]) for slot in range(count)]
        forks = fork_server.is_possible()
        self._processes = fork_server.ForkServer(self._cores[0], self._environments[0]) if forks else _NewProcesses()
        self._running, self.count = {}, count

    @property
    def free(self):
        """How many more trials can be started."""
        return self.count - len(self._running)

    def start(self, key, task, folder):
        """Start a task.

        Args:
            key: the caller's name for it.
            task: as of `trial.perform`.
            folder: an existing one, for the task, its outcome and its log.
        """
        folder = pathlib.Path(folder)
        slot = next(slot for slot in range(self.count) if slot not in {taken for taken, *_ in self._running.values()})
        (folder / "outcome.json").unlink(missing_ok=True)
        files.write_json(folder / "task.json", {**task, "cores": self._cores[slot], "environment": self._environments[slot]})
        self._running[key] = (slot, self._processes.start((folder / "task.json").resolve()), folder)

    def finished(self):
        """Tasks that ended since the last call: a list of (key, outcome); an outcome None is of a process that was killed or crashed."""
        ended = []
        for key, (_, process, folder) in list(self._running.items()):
            code = process.poll()
            if code is None:
                continue
            del self._running[key]
            outcome = kept.outcome(folder / "outcome.json")
            if outcome is None and code > 0:
                outcome = {"error": f"the trial's process ended with code {code}; see {folder / 'log.txt'}"}
            ended.append((key, outcome))
        return ended

    def stop(self, key):
        """Kill a running task and wait for its end."""
        _, process, _ = self._running.pop(key)
        process.kill()
        process.wait()

    def running(self):
        """The keys of running tasks."""
        return list(self._running)

    def stop_all(self):
        """Kill what runs; a run that was cut off goes on from its checkpoint."""
        if self._running:
            self._processes.close()  # All at once, and without waiting for a server that still imports.
        for key in list(self._running):
            self.stop(key)

    def close(self):
        """Kill what runs, and leave no process behind."""
        self._processes.close()
        self.stop_all()


class _NewProcesses:
    """Trials that each begin a process and import everything themselves."""

    def start(self, task):
        """As of `fork_server.ForkServer`."""
        with files.appending(task.with_name("log.txt")) as log:
            return subprocess.Popen(
                [sys.executable, "-m", "hornbook.tuning.workers.trial", str(task), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is the search's to handle.
            )

    def close(self):
        """Nothing is kept between trials."""


def _gpu_environment(gpus):
    # Without the second, the first of two trials on a GPU takes all its memory. Without the third, PyTorch initializes CUDA's driver to say
    # whether there is a GPU, which Keras asks while it is imported, and the driver does not survive the fork.
    return {
        "CUDA_VISIBLE_DEVICES": ",".join(gpus),
        "TF_FORCE_GPU_ALLOW_GROWTH": os.environ.get("TF_FORCE_GPU_ALLOW_GROWTH", "true"),
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    }


def visible_gpus():
    """The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them: a list of strings."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return [one for one in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if one.strip() and one.strip() != "-1"]
    if not shutil.which("nvidia-smi"):
        return []
    listed = subprocess.run(["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"], capture_output=True, text=True, check=False)
    return listed.stdout.split() if listed.returncode == 0 else []


def share_gpus(gpus, count, wanted):
    """The GPUs of each of `count` trials at a time: a list of lists, or None where there are none and none are asked for.

    Args:
        gpus: names of those there are.
        count: trials at a time.
        wanted: a trial's share; None for an equal one.

    Raises:
        UserError: more than there are.
    """
    if not gpus:
        if wanted:
            raise UserError(f"--gpus-per-trial {wanted:g}: this machine has no GPU that can be seen")
        return None
    if wanted is None:
        wanted = len(gpus) // count or 1 / math.ceil(count / len(gpus))
    if wanted == 0:
        return [[] for _ in range(count)]
    whole = int(wanted) if wanted >= 1 else 1
    together = 1 if wanted >= 1 else int(1 / wanted + 1e-9)
    if count * whole > len(gpus) * together:
        raise UserError(
            f"{count} trials at a time with {wanted:g} GPUs each need more than the {len(gpus)} there are; pass fewer --workers"
        )
    # The first trials get GPUs of their own, and only then are GPUs shared.
    return [[gpus[(slot * whole + place) % len(gpus)] for place in range(whole)] for slot in range(count)]
