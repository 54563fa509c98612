"""How a command ends: 0; 2 with one line for what is refused; by a signal, 128 and its number, with one line on how to go on.

Ctrl-C (130), SIGTERM (143, what a cluster sends) and SIGHUP (129, of a terminal that is closed) all raise `KeyboardInterrupt`, so that what
is open is left whole; a second one ends the process at once, as SIGKILL does, which leaves on disk what a run can go on from.
"""

import atexit
import contextlib
import errno
import math
import os
import signal
import sys
import threading
import time
import warnings

from hornbook import UserError, spelling, streams, terminal

_WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "ended, as its terminal is gone"}
_SIGNALS = {getattr(signal, name): words for name, words in _WORDS.items() if hasattr(signal, name)}
_USER, _READER_LEFT = 2, 141  # 141 is what a shell reports of a program that SIGPIPE ended.
_OF_A_BUG = (errno.EBADF, errno.EINVAL, errno.EINTR, errno.EFAULT)
# Without a file's name; ENOENT is of a folder for temporary files that is nowhere, or of a current folder that was removed meanwhile.
_OF_THE_MACHINE = (errno.ENOENT, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_AT_ONCE = 0.2  # Seconds between two signals that are one.
_FORGIVEN = b"\0"  # What takes a signal's byte back.


class _Signals:
    """The signals that a process of the command line has received.

    Python tells of a signal between two steps of the main thread. A watcher thread ends the process at the second one, should the main
    thread be in a long step of a library.
    """

    def __init__(self, program):
        self.program, self.received = program, None
        self._terminal = os.dup(2)  # Standard error as it is now: while libraries are imported it goes elsewhere.
        reads, self._writes = os.pipe()
        os.set_blocking(self._writes, False)
        # The others are ignored as `nohup` wants it, or a shell of its job in the background.
        self._taken = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
        self.take()
        signal.set_wakeup_fd(self._writes, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, args=(reads,), daemon=True).start()
        sys.unraisablehook, threading.excepthook = self._unraisable, self._in_a_thread

    def take(self):
        """Receive the signals that were not ignored."""
        for number in self._taken:
            signal.signal(number, self._receive)

    def _receive(self, number, frame):
        if self.received is None:
            self.received = number
            raise KeyboardInterrupt

    def _watch(self, reads):
        count, last = 0, -math.inf
        while True:
            for number in os.read(reads, 64):
                # `timeout` sends SIGTERM to its process and then to the process' group.
                at_once = number != signal.SIGINT and time.monotonic() - last < _AT_ONCE
                last = time.monotonic()
                count = 0 if number == _FORGIVEN[0] else count + (number in _SIGNALS and not at_once)
                if count > 1:
                    with contextlib.suppress(OSError):
                        os.write(self._terminal, f"{self.program}: {_SIGNALS[number]} twice, ended at once\n".encode())
                    os._exit(128 + number)

    def _unraisable(self, told):
        """Say again what a destructor or a callback has swallowed; of what else goes wrong in them when a command is ended, say nothing."""
        if self.received is None:
            sys.__unraisablehook__(told)
        elif issubclass(told.exc_type, KeyboardInterrupt):
            os.write(self._writes, _FORGIVEN)
            number, self.received = self.received, None
            threading.Timer(0.05, os.kill, (os.getpid(), number)).start()

    def _in_a_thread(self, told):
        if self.received is None:
            threading.__excepthook__(told)

    def leave(self):
        """Have a signal end the process without a word: its work is done, and libraries take their time to go."""
        for number in self._taken:
            signal.signal(number, lambda number, frame: os._exit(128 + number))

    def forget(self):
        """Have no further signal change how a process ends that one has ended: at its very end Python puts back what kills it."""
        if self.received:
            for number in self._taken:
                signal.signal(number, signal.SIG_IGN)


_signals = None


def process(program, command):
    """Run a function as all that this process does, and end it.

    Args:
        program: what a line about its end begins with, where `ending` says nothing better.
        command: function without arguments.
    """
    global _signals
    streams.take_over()
    if not sys.warnoptions:  # What libraries remark to who programs with them would stand beside the line that a user is told.
        warnings.simplefilter("ignore")
    with ending(program):
        _signals = _Signals(program)
        atexit.register(_signals.forget)  # As the first, so that it is the last to be called.
        try:
            _refuse_no_folder()
            command()
        finally:
            _signals.leave()
            sys.stdout.flush()


def take_signals():
    """Take back the signals of this process from a library that has taken them for itself."""
    if _signals is not None:
        _signals.take()


def _refuse_no_folder():
    try:
        os.getcwd()
    except FileNotFoundError as error:
        raise UserError("the current folder is not there any more; go to one that is") from error


def interrupted():
    """Whether a signal has ended this process, whatever error a library has made of it."""
    return _signals is not None and _signals.received is not None


@contextlib.contextmanager
def ending(program):
    """Turn what ends the block into one line on standard error and an exit code; a bug keeps its traceback.

    Args:
        program: what the line begins with.
    """
    try:
        with spelling.as_flags():
            yield
    except SystemExit:
        raise
    except BaseException as error:
        line, code = _told(error)
        if code is None:
            raise
        terminal.close_bars()
        if line:
            terminal.complain(f"{program}: {line}")
        sys.exit(code)


def _told(error):
    """The line about what has ended a command, and its exit code; no code of a bug."""
    received = _signals and _signals.received
    # An interruption within a library's C code comes out of it as an error of another kind.
    if received or isinstance(error, KeyboardInterrupt):
        number = received or signal.SIGINT
        return _SIGNALS[number] + getattr(error, "how_to_go_on", ""), 128 + number
    if isinstance(error, UserError):
        return str(error), _USER
    if isinstance(error, streams.OutputLost):
        return (None, _READER_LEFT) if error.reader_has_left else (f"cannot write to standard output: {error.error.strerror}", _USER)
    if isinstance(error, MemoryError):
        return "there is not enough memory", _USER
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        return "there can be no further thread: a limit on processes (ulimit -u) or memory is reached", _USER
    # Whatever a disk or a path does that nobody has thought of.
    if isinstance(error, OSError) and error.filename is not None and error.strerror and error.errno not in _OF_A_BUG:
        return f"{error.filename}: {error.strerror}", _USER
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        return error.strerror, _USER
    return None, None


@contextlib.contextmanager
def goes_on(tell):
    """Say how to go on where the block is interrupted.

    Args:
        tell: function to what follows the line's "interrupted", such as "; nothing is kept"; asked when the block has ended.
    """
    try:
        yield
    except BaseException as error:
        error.how_to_go_on = tell()
        raise
