"""Trials as forks of one process that has imported all that a recipe imports: each begins at once, not after seconds of imports.

`ForkServer` is the search's end, `python -m hornbook.tuning.workers.fork_server` the other. The server imports modules and does nothing
else: it executes no operation and looks at no device, because the threads of TensorFlow's, JAX' and PyTorch's runtimes, and a GPU's
driver once it is initialized, do not survive a fork. Each trial sets its own cores, GPUs and log before its runtime starts.

The two ends send messages over a socket: "start N TASK" and "kill N" one way, "ended N CODE" the other. Trials inherit the server's end,
so the search sees the socket closed only when the server and all trials are gone. The kernel kills the trials when the server dies, and
the server when the search dies.
"""

import contextlib
import gc
import importlib
import itertools
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import traceback

from hornbook import files, libraries
from hornbook.tuning.workers import trial

KILLED = -signal.SIGKILL
# What the recipes import where they need it. TensorFlow reads the data on every backend.
_PACKAGES = ("models", "data", "training", "evaluation", "reports", "recipes")
_LIBRARIES = (
    "tensorflow", "numpy", "scipy.stats", "sklearn.datasets", "sklearn.metrics", "sklearn.model_selection", "tyro", "tqdm", "h5py", 
    "PIL.PngImagePlugin", "PIL.JpegImagePlugin", "tokenizers",
)  # fmt: skip
_LONGEST_MESSAGE = 2**16


def is_possible():
    """Whether trials can be forks: on Linux. macOS' system libraries do not survive a fork, and Windows has none."""
    return sys.platform == "linux" and hasattr(os, "fork")


class ForkServer:
    """Starts trials, each a fork of a server process that begins with the first and begins again should it be killed.

    Args:
        cores: those that the server may use while it imports; libraries that count cores then find as many as a trial has.
        environment: variables that the server sets before it imports anything.
    """

    def __init__(self, cores, environment):
        self._cores, self._environment = cores, environment
        self._numbers = itertools.count()
        self._server = self._socket = None
        self._running, self._codes = set(), {}

    def start(self, task):
        """Start a trial: `task` is the path of its task.json. Returns what has `poll` and `kill`, as a `subprocess.Popen` has."""
        number = next(self._numbers)
        self._running.add(number)
        if self._server is None:
            self._begin(task)
        with contextlib.suppress(OSError):  # A server that has just died; `code` finds out.
            self._socket.send(f"start {number} {task}".encode())
        return _Fork(self, number)

    def code(self, number):
        """A trial's exit code, negative of one that was killed; None while it runs."""
        while number not in self._codes and self._receive(socket.MSG_DONTWAIT):
            pass
        return self._codes.get(number)

    def kill(self, number):
        """Kill a trial and wait until it is gone."""
        if self.code(number) is None:
            with contextlib.suppress(OSError):
                self._socket.send(f"kill {number}".encode())
            while number not in self._codes:
                self._receive(0)

    def close(self):
        """Kill the server and its trials, and wait until they are gone."""
        if self._server is not None:
            self._server.kill()
            while self._server is not None:
                self._receive(0)

    def _begin(self, task):
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        search = task.parent.parent  # For whoever lists processes.
        words = [str(its.fileno()), str(os.getpid()), ",".join(map(str, self._cores)), str(search)]
        with its, files.appending(task.with_name("log.txt")) as log:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "hornbook.tuning.workers.fork_server", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment},
                pass_fds=[its.fileno()],
                start_new_session=True,  # Ctrl-C is the search's to handle.
            )
        self._socket = ours

    def _receive(self, flags):
        """Take a message; False where there is none. Without flags it is waited for."""
        if self._socket is None:
            return False
        try:
            message = self._socket.recv(_LONGEST_MESSAGE, flags)
        except BlockingIOError:
            return False
        except ConnectionError:
            message = b""
        if not message:
            self._has_died()
            return False
        _, number, code = message.split()
        self._note(int(number), int(code))
        return True

    def _note(self, number, code):
        self._running.discard(number)
        self._codes[number] = code

    def _has_died(self):
        self._socket.close()
        self._server.kill()
        self._server.wait()
        self._server = self._socket = None
        for number in list(self._running):
            self._note(number, KILLED)


class _Fork:
    """A trial's process, as a `subprocess.Popen` to those who look after it."""

    def __init__(self, server, number):
        self._server, self._number = server, number

    def poll(self):
        return self._server.code(self._number)

    def kill(self):
        self._server.kill(self._number)

    def wait(self):
        """Nothing: `kill` has waited."""


def serve(channel):
    """Fork a trial for each message that asks for one, until the search is gone; `channel` is the server's end of the socket."""
    trials, waker = {}, _waker()
    while True:
        ready, _, _ = select.select([channel, waker], [], [])
        if waker in ready:
            os.read(waker, _LONGEST_MESSAGE)
            _report_ended(trials, channel)
        if channel not in ready:
            continue
        message = channel.recv(_LONGEST_MESSAGE).decode()
        if not message:  # The search's end of the socket is closed.
            return
        word, number, *task = message.split(" ", 2)
        if word == "start":
            trials[_fork(*task)] = number
        else:
            for process in [one for one, of in trials.items() if of == number]:
                os.kill(process, signal.SIGKILL)


def _waker():
    """A file that can be read when a child has ended."""
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    os.set_blocking(writes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    return reads


def _report_ended(trials, channel):
    for process in list(trials):
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            channel.send(f"ended {trials.pop(process)} {os.waitstatus_to_exitcode(status)}".encode())


def _fork(task):
    server = os.getpid()
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        trial.end_with(server)
        trial.run_fork(task)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        # Not `sys.exit`: what the server registered for its own end, it ends itself.
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def preload():
    """Import what a recipe imports. What cannot be imported is left to the trials, which say why in their logs."""
    with libraries.hold_back():
        for name in (libraries.backend(), "keras", *_LIBRARIES):
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    for package in _PACKAGES:
        with contextlib.suppress(Exception):
            folder = importlib.import_module(f"hornbook.{package}")
            for module in pkgutil.walk_packages(folder.__path__, f"{folder.__name__}."):
                with contextlib.suppress(Exception):
                    importlib.import_module(module.name)
    gc.collect()
    gc.freeze()  # A collection in a fork would write to the pages that all share.


def main():
    """The server: `python -m hornbook.tuning.workers.fork_server SOCKET PARENT CORES SEARCH`."""
    file, parent, cores, _ = sys.argv[1:]
    trial.end_with(int(parent))
    os.sched_setaffinity(0, [int(core) for core in cores.split(",")])
    preload()
    with contextlib.suppress(ConnectionError):  # The search is gone while something is said to it.
        serve(socket.socket(fileno=int(file)))
    os._exit(0)  # The trials are killed with this process: it must not linger.


if __name__ == "__main__":
    main()
