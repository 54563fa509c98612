"""Trials on a Ray cluster: Ray places them, starts them again when a process or a node dies, and says which nodes there are."""

import pathlib
import socket
import time

from hornbook import UserError, endings, files
from hornbook.tuning.workers import preflight, trial

# Of a trial whose process or node dies; after them it is the search that decides.
_RETRIES = 5
_LOOK_EVERY_SECONDS = 2.0
_LARGEST_FILE = 200 * 2**20


class RayWorkers:
    """As `local.LocalWorkers`, on a cluster that `ray start` has made.

    Where the search's folder is on a file system that all nodes see, runs lie in it, go on from their checkpoints on whichever node takes
    them next, and can be pruned. Where it is not, a node keeps a run in `~/.cache/hornbook/tune` and its files are brought back at its end.

    Args:
        address: of the cluster, or "auto".
        cpus, gpus: of a trial.
        shared: the search's folder.

    Raises:
        UserError: Ray is not installed, or there is no such cluster, or no node of it is large enough for a trial.
    """

    def __init__(self, address, *, cpus=1, gpus=0.0):
        try:
            import ray
        except ModuleNotFoundError as error:
            raise UserError("--ray needs the package ray, which is not installed: pip install ray") from error
        self._ray, self._cpus, self._gpus = ray, cpus, gpus
        _refuse_silence(address)
        try:
            ray.init(address=address, log_to_driver=False, logging_level="error", configure_logging=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UserError(
                f"--ray {address}: there is no cluster to reach ({str(error).splitlines()[0]}); start one: ray start --head"
            ) from error
        endings.take_signals()  # Ray has a handler of its own for SIGTERM.
        self._looked, self._capacity = 0.0, 0
        self._running = {}
        if self.count == 0:
            ray.shutdown()
            raise UserError(f"--ray {address}: no node has {cpus} processor cores{f' and {gpus:g} GPUs' if gpus else ''} for a trial")

    @property
    def count(self):
        """How many trials the nodes that are alive take at a time."""
        if time.monotonic() - self._looked > _LOOK_EVERY_SECONDS:
            nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
            self._capacity = sum(self._of_node(node) for node in nodes)
            self._looked = time.monotonic()
        return self._capacity

    def _of_node(self, resources):
        room = int(resources.get("CPU", 0) // self._cpus)
        return min(room, int(resources.get("GPU", 0) / self._gpus + 1e-9)) if self._gpus else room

    @property
    def free(self):
        """How many more trials can be started."""
        return max(0, self.count - len(self._running))

    def check_nodes(self, datasets):
        """Refuse nodes that differ from this one in versions or data; see `preflight`.

        Raises:
            UserError: naming the node and what differs.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        ask = self._ray.remote(num_cpus=0, max_retries=2)(preflight.what_is_here)
        nodes = [node for node in self._ray.nodes() if node["Alive"]]
        asked = [
            ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(datasets) for node in nodes
        ]
        names = [f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})" for node in nodes]
        preflight.refuse_differences(preflight.what_is_here(datasets), dict(zip(names, self._ray.get(asked), strict=True)))
        return len(nodes)

    def start(self, key, task, folder):
        """As of `local.LocalWorkers`."""
        folder = pathlib.Path(folder).resolve()
        runs = [{**one, "output": str(pathlib.Path(one["output"]).resolve())} for one in task["runs"]]
        files.write_json(folder / "task.json", {**task, "runs": runs})
        # A process of Ray's would be used again, and TensorFlow's memory with it.
        remote = self._ray.remote(num_cpus=self._cpus, num_gpus=self._gpus, max_retries=_RETRIES, max_calls=1)(perform)
        self._running[key] = (remote.remote({**task, "runs": runs}, str(folder)), folder)

    def finished(self):
        """As of `local.LocalWorkers`."""
        by_reference = {reference: key for key, (reference, _) in self._running.items()}
        if not by_reference:
            return []
        ready, _ = self._ray.wait(list(by_reference), num_returns=len(by_reference), timeout=0)
        ended = []
        for reference in ready:
            key = by_reference[reference]
            _, folder = self._running.pop(key)
            try:
                outcome, brought = self._ray.get(reference)
            except (self._ray.exceptions.WorkerCrashedError, self._ray.exceptions.NodeDiedError, self._ray.exceptions.RaySystemError):
                ended.append((key, None))
                continue
            except self._ray.exceptions.RayError as error:
                ended.append((key, {"error": str(error).strip().splitlines()[-1]}))
                continue
            for name, content in brought.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with files.atomic(path) as temporary:
                    temporary.write_bytes(content)
            files.write_json(folder / "outcome.json", outcome)
            ended.append((key, outcome))
        return ended

    def stop(self, key):
        """Kill a running task."""
        reference, _ = self._running.pop(key)
        self._ray.cancel(reference, force=True)

    def running(self):
        """The keys of running tasks."""
        return list(self._running)

    def stop_all(self):
        """Kill what runs."""
        for key in list(self._running):
            self.stop(key)

    def close(self):
        """Kill what runs, and take leave of the cluster, which stays."""
        self.stop_all()
        self._ray.shutdown()


def _refuse_silence(address):
    """Refuse an address where nobody answers: Ray itself waits for half a minute, and then complains in many lines.

    Raises:
        UserError: with the address and how to start a cluster.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError) as error:
        raise UserError(
            f"--ray {address}: nobody answers there ({error}); start a cluster: ray start --head, and pass what it says"
        ) from error


def perform(task, folder):
    """Run a task on the node where Ray put it.

    Returns:
        (outcome, {path below `folder`: content} of the runs' files where the node does not see `folder`).
    """
    own = pathlib.Path(folder)
    shared = (own / "task.json").is_file()
    if shared:
        return trial.perform(task), {}
    own = pathlib.Path.home() / ".cache/hornbook/tune" / own.parent.name / own.name
    own.mkdir(parents=True, exist_ok=True)
    moved = [{**one, "output": str(own / pathlib.Path(one["output"]).name)} for one in task["runs"]]
    outcome = trial.perform({**task, "runs": moved})
    return outcome, {str(path.relative_to(own)): path.read_bytes() for path in _files(own)}


def _files(folder):
    return [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock" and path.stat().st_size <= _LARGEST_FILE]
