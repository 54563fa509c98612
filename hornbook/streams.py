"""The standard streams of a process of the command line: whole where they were closed, safe to print to, and lost in one way."""

import errno
import io
import os
import sys

from hornbook import terminal


class OutputLost(BaseException):
    """Standard output cannot be written: its reader has left, its disk is full, or it is closed; `error` is the `OSError`.

    No `Exception`: what has an answer to a computation that fails has none to this.
    """

    def __init__(self, error):
        super().__init__(str(error))
        self.error = error

    @property
    def reader_has_left(self):
        """Whether it is a pipe that nobody reads any more (`| head -1`): nobody is there to be told."""
        return self.error.errno == errno.EPIPE


class _Stream(io.TextIOWrapper):
    """A stream in which libraries' text does no harm to a terminal. What its encoding lacks is spelt out."""

    def __init__(self, descriptor, encoding, lost):
        raw = io.FileIO(descriptor, "w", closefd=False)
        super().__init__(io.BufferedWriter(raw), encoding, errors="backslashreplace", line_buffering=True)
        self._lost = lost

    def write(self, text):
        try:
            return super().write(terminal.shown_of_libraries(text))
        except OSError as error:
            return self._end(error, len(text))

    def flush(self):
        try:
            super().flush()
        except OSError as error:
            self._end(error, None)

    def _end(self, error, result):
        """Let what is still in the buffer go nowhere, so that the process' end does not fail as well."""
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), self.fileno())
        if self._lost is not None:
            raise self._lost(error) from error
        return result


def take_over():
    """Replace this process' standard output and standard error.

    A line is written when it is said, so that a log file shows it. Standard output that fails raises `OutputLost`; standard error, by which
    there is nobody to tell, is silent from then on.
    """
    _occupy_closed()
    encodings = [getattr(stream, "encoding", None) or "utf-8" for stream in (sys.stdout, sys.stderr)]
    sys.stdout = sys.__stdout__ = _Stream(1, encodings[0], OutputLost)
    sys.stderr = sys.__stderr__ = _Stream(2, encodings[1], None)


def _occupy_closed():
    """Open something in place of a standard stream that is closed: the next file to be opened, a checkpoint perhaps, would be in its place.

    Standard output's can be read alone, so that writing to it fails as to a closed one.
    """
    for descriptor, way in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, way)
            os.dup2(opened, descriptor)
            if opened != descriptor:
                os.close(opened)
            os.set_inheritable(descriptor, True)
