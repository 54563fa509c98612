"""The process beside a training in which classical models are computed, with arguments INPUT OUTPUT SECONDS.

It has neither TensorFlow nor Keras. Input and output are files without a name, given by their numbers; each model's outputs are appended as
soon as they are there, so that those of the finished ones count when the process is ended. It ends when its standard input does, which is
when the training's process ends, however that ends.
"""

import io
import json
import os
import signal
import struct
import sys
import threading
import time
import warnings

import numpy as np

from hornbook.evaluation.floors.problem import Problem
from hornbook.evaluation.floors.tasks import LeftOutError

NICE = 10
SHARE = 10
"""The classical models may take one part in so many of the training's time, or the seconds given, whichever is more."""

OUT_OF_TIME = 75
"""The exit status of a process that has taken its seconds of a processor."""

_LENGTHS = struct.Struct("<qq")


def main():
    """Compute all models of the problem in the first file, and append what they give to the second."""
    source, target, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the training's to handle, and its end is ours.
    os.nice(NICE)
    for job in (_end_with_the_training, lambda: _end_out_of_time(seconds)):
        threading.Thread(target=job, daemon=True).start()
    warnings.simplefilter("ignore")  # Of columns without variance, of solvers stopped early: the scores say how good they are.
    with os.fdopen(source, "rb") as file:
        problem = Problem.read(file)
    for name, compute in problem.models().items():
        started = time.monotonic()
        try:
            outputs = np.asarray(compute(), np.float64)
            about = {} if np.isfinite(outputs).all() else {"left out": "its outputs are not finite"}
        except LeftOutError as error:
            about, outputs = {"left out": str(error)}, np.zeros(0)
        except Exception as error:
            reason = (str(error).splitlines() or [""])[0]
            about, outputs = {"left out": f"{type(error).__name__}: {reason}"}, np.zeros(0)
        append(target, {"name": name, "seconds": round(time.monotonic() - started, 2), **about}, outputs)


def _end_with_the_training():
    while os.read(0, 1):
        pass
    os._exit(1)


def _end_out_of_time(seconds):
    started = time.monotonic()
    while time.process_time() < max(seconds, (time.monotonic() - started) / SHARE):
        time.sleep(0.2)
    os._exit(OUT_OF_TIME)


def append(target, about, array):
    """Append a record to a file: JSON values and an array.

    Args:
        target: number of an open file.
        about: dict.
        array: of numbers.
    """
    written, words = io.BytesIO(), json.dumps(about).encode()
    np.save(written, array, allow_pickle=False)
    rest = memoryview(_LENGTHS.pack(len(words), written.tell()) + words + written.getvalue())
    while len(rest):
        rest = rest[os.write(target, rest) :]


def records(source):
    """What `append` wrote to a file, a list of (about, array); a record that was not finished is not among them."""
    found, place, size = [], 0, os.fstat(source).st_size
    while place + _LENGTHS.size <= size:
        words, array = _LENGTHS.unpack(os.pread(source, _LENGTHS.size, place))
        start, place = place + _LENGTHS.size, place + _LENGTHS.size + words + array
        if place <= size:
            about = json.loads(os.pread(source, words, start))
            found.append((about, np.load(io.BytesIO(os.pread(source, array, start + words)), allow_pickle=False)))
    return found
