"""How far a prediction is: a line that is rewritten on a terminal, a line now and then in a log file, on standard error."""

import sys
import time

_FIRST, _NEXT = 2.0, 0.5  # Seconds until there is a line on a terminal, and between two.
_FIRST_IN_LOG, _NEXT_IN_LOG = 30.0, 60.0
_CLEAR = "\r\x1b[K"


class Progress:
    """What is said of a prediction while it goes on; nothing of a short one. A context, which takes the line away.

    Args:
        total: about how many inputs there are, or None.
        done: how many were behind when it began.
        quiet: whether nothing is said: the answers themselves go to the same terminal.
        stream: where it is said; None: standard error.
        clock: function to seconds.
    """

    def __init__(self, total=None, done=0, *, quiet=False, stream=None, clock=time.monotonic):
        self._stream = sys.stderr if stream is None else stream
        self._total, self._first, self._clock = total, done, clock
        self._terminal = self._stream is not None and self._stream.isatty()
        self._quiet, self._shown = quiet or self._stream is None, False
        self._began = clock()
        self._due = self._began + (_FIRST if self._terminal else _FIRST_IN_LOG)

    def at(self, done):
        """Say, where it is time, how many inputs are behind."""
        now = self._clock()
        if self._quiet or now < self._due:
            return
        line = self.line(done, now - self._began)
        self._due = now + (_NEXT if self._terminal else _NEXT_IN_LOG)
        self._shown = True
        self._write(f"{_CLEAR}{line}" if self._terminal else f"{line}\n")

    def line(self, done, seconds):
        """The line after some seconds: inputs, inputs a second, and the time that is left where their number is known."""
        rate = (done - self._first) / seconds if seconds > 0 else 0.0
        told = f"{done:,} of about {max(self._total, done):,} inputs" if self._total else f"{done:,} inputs"
        told += f", {rate:,.0f} a second" if rate >= 10 else f", {rate:.2g} a second"
        if self._total and rate > 0:
            told += f", {_in_words(max(0, self._total - done) / rate)} left"
        return told

    def _write(self, text):
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # Nobody reads it any more, which is no reason to end.
            self._quiet = True

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if self._shown and self._terminal and not self._quiet:
            self._write(_CLEAR)


def _in_words(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
