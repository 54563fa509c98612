"""SIGKILL at random moments, of a trial, of the server that trials are forked from, of the search itself, of a Ray worker and of a Ray
node: does the search finish, and whole? And the same of a comparison and a cross-validation.

python benchmarks/reliability/kill_search.py
python benchmarks/reliability/kill_search.py --of compare --what trial driver --kills 4
python benchmarks/reliability/kill_search.py --of cross-validate --what trial driver --kills 4

Each has six runs on scikit-learn's wine, two at a time; it takes several kills and, where it was itself killed, is started
again by the same command until it ends. Afterwards: it ended well, every run has a score, no finished run was made again (its result.json
is the file that it first was), and no process is left. Prints a line a search and writes results/kill_search.csv, kill_compare.csv or
kill_cross_validate.csv.
"""

import argparse
import csv
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import psutil

RESULTS = pathlib.Path(__file__).parents[1] / "results"
KINDS = ("trial", "server", "driver", "worker", "node")
TRIALS = 6
_WORDS = {
    "tune": [
        "--tuner",
        "bayesian",
        "--trials",
        str(TRIALS),
        "--final-seeds",
        "1",
        "--vary",
        "learning_rate=log:1e-4..1e-1",
        "dropout=0..0.5",
    ],
    "compare": ["--seeds", str(TRIALS // 2), "--vary", "dropout=0,0.5"],
    "cross-validate": ["--folds", str(TRIALS // 2), "--repeats", "2"],
}
_TABLES = {"tune": "trials.csv", "compare": "comparison.csv", "cross-validate": "folds.csv"}
_RESULTS_OF_RUNS = {"tune": "*/seed-*", "compare": "runs/*/run", "cross-validate": "*/run"}
_FILES = {"tune": "kill_search.csv", "compare": "kill_compare.csv", "cross-validate": "kill_cross_validate.csv"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--of", choices=list(_WORDS), default="tune")
    parser.add_argument("--what", nargs="+", choices=KINDS, help="default: all that there are")
    parser.add_argument("--kills", type=int, default=20, help="of each kind")
    parser.add_argument("--kills-a-search", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    generator = random.Random(args.seed)
    rows = []
    for kind in args.what or (KINDS if args.of == "tune" else KINDS[:3]):
        done = 0
        while done < args.kills:
            cluster = Cluster() if kind in ("worker", "node") else None
            try:
                row = one_search(args.of, kind, min(args.kills_a_search, args.kills - done), generator, cluster)
            finally:
                if cluster is not None:
                    cluster.stop()
            rows.append(row)
            done += row["kills"]
            print(f"{kind}: {row['kills']} kills, {row}", flush=True)
        good = sum(row["whole"] for row in rows if row["killed"] == kind)
        total = sum(row["killed"] == kind for row in rows)
        print(f"{kind}: {done} kills in {total} searches, {good} of {total} ended whole", flush=True)
        with open(RESULTS / _FILES[args.of], "w", newline="") as file:
            table = csv.DictWriter(file, rows[0].keys())
            table.writeheader()
            table.writerows(rows)


def one_search(of, kind, kills, generator, cluster):
    """A search, comparison or cross-validation that is killed `kills` times; what became of it, a dict."""
    folder = pathlib.Path(tempfile.mkdtemp()) / "search"
    command = [sys.executable, "-m", "hornbook", of, "tabular-classification", "--dataset", "wine", "--epochs", "4", *_WORDS[of]]
    command += ["--output", str(folder)]
    command += ["--ray", cluster.address] if cluster else ["--workers", "2"]
    watcher = Watcher(folder, f"{_RESULTS_OF_RUNS[of]}/result.json")
    started = time.time()
    log = open(folder.parent / "log.txt", "ab")  # noqa: SIM115 - the search writes to it for as long as it lives.
    process = subprocess.Popen(command, stdout=log, stderr=log)
    killed = 0
    next_kill = time.time() + generator.uniform(0, 25)
    starts = 1
    while True:
        time.sleep(0.05)
        if process.poll() is not None:
            if process.returncode == -signal.SIGKILL and starts < 50:
                process = subprocess.Popen(command, stdout=log, stderr=log)
                starts += 1
                continue
            break
        if killed < kills and time.time() > next_kill:
            victim = _victim(kind, process, folder, cluster, generator)
            if victim is not None:
                victim.kill()
                killed += 1
                next_kill = time.time() + generator.uniform(0, 25)
                if kind == "node":
                    cluster.add_node()
    watcher.stop()
    time.sleep(1.0)  # What dies with its parent needs a moment to be gone.
    left = _left_behind(folder, cluster)
    finished = _finished(folder / _TABLES[of])
    row = {
        "killed": kind,
        "kills": killed,
        "starts": starts,
        "exit_code": process.returncode,
        "trials_with_a_score": finished,
        "run_twice": watcher.changed,
        "processes_left": len(left),
        "seconds": round(time.time() - started, 1),
    }
    row["whole"] = int(process.returncode == 0 and finished == TRIALS and not watcher.changed and not left)
    if row["whole"]:
        shutil.rmtree(folder.parent)
    else:
        print(f"kept: {folder.parent}")
    return row


def _victim(kind, process, folder, cluster, generator):
    """The process to kill, or None where there is none at this moment."""
    try:
        if kind == "driver":
            return psutil.Process(process.pid)
        if kind in ("trial", "server"):
            found = [one for one in psutil.Process(process.pid).children() if "hornbook.tuning.workers.fork_server" in one.cmdline()]
            if kind == "trial":
                found = [trial for server in found for trial in server.children()]
            return generator.choice(found) if found else None
        if kind == "worker":
            found = [one for one in psutil.process_iter(["cmdline"]) if "ray::perform" in " ".join(one.info["cmdline"] or [])]
            return generator.choice(found) if found else None
        return generator.choice(cluster.nodes())
    except psutil.NoSuchProcess:
        return None


def _left_behind(folder, cluster):
    """Processes of this search that are still there."""
    left = []
    for one in psutil.process_iter(["cmdline"]):
        words = " ".join(one.info["cmdline"] or [])
        if str(folder) in words or (cluster and "ray::perform" in words):
            left.append(words)
    return left


def _finished(path):
    try:
        with open(path, newline="") as file:
            return sum(row.get("state", "finished") == "finished" for row in csv.DictReader(file))
    except OSError:
        return 0


class Watcher:
    """Notes every result.json when it first appears, and whether it is ever another file."""

    def __init__(self, folder, pattern):
        self.folder, self.pattern, self.seen, self.changed, self._on = folder, pattern, {}, 0, True
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        while self._on:
            self._look()
            time.sleep(0.1)

    def _look(self):
        for path in self.folder.glob(self.pattern):
            try:
                about = os.stat(path)
            except OSError:
                continue
            now = (about.st_ino, about.st_mtime_ns)
            if self.seen.setdefault(path, now) != now:
                self.changed += 1
                self.seen[path] = now

    def stop(self):
        self._on = False
        self._thread.join()
        self._look()


class Cluster:
    """A Ray cluster on this machine: a head without processors and two nodes of one each."""

    def __init__(self, port=6399):
        self.address = f"127.0.0.1:{port}"
        self._ray = str(pathlib.Path(sys.executable).with_name("ray"))
        # Ray runs its workers at niceness 15, beside which anything else on a small machine takes all of it.
        self._environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
        self.stop()
        self._start("--head", "--port", str(port), "--num-cpus", "0", "--include-dashboard=false")
        self._head = {one.pid for one in self._raylets()}
        for _ in range(2):
            self.add_node()

    def add_node(self):
        self._start("--address", self.address, "--num-cpus", "1")

    def nodes(self):
        """The processes whose death is a node's, the head's apart."""
        return [one for one in self._raylets() if one.pid not in self._head]

    def stop(self):
        subprocess.run([self._ray, "stop", "--force"], check=False, capture_output=True, env=self._environment)

    def _raylets(self):
        return [one for one in psutil.process_iter(["name"]) if one.info["name"] == "raylet"]

    def _start(self, *words):
        subprocess.run([self._ray, "start", *words, "--disable-usage-stats"], check=True, capture_output=True, env=self._environment)


if __name__ == "__main__":
    main()
