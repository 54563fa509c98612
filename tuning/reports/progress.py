"""Live progress of a search: one line in a terminal, elsewhere a line a finished trial."""

import sys
import time

from keras_tuner.engine import trial as trials

from hornbook import terminal
from hornbook.reports import page


class Progress:
    """A function of a `Search` that prints; a context manager that leaves the terminal's line clean.

    Args:
        objective: `keras_tuner.Objective`.
        total: trials in all, or None.
        at_a_time: trials at a time.
    """

    def __init__(self, objective, total, at_a_time):
        self.objective, self.total, self.at_a_time = objective, total, at_a_time
        self._seen, self._shown, self._width = None, 0.0, 0
        self._terminal = sys.stdout.isatty()

    def __call__(self, search):
        ended = len(search.oracle.end_order)
        if self._seen is None:
            self._seen = ended
        while self._seen < ended:
            self._trial(search, search.oracle.trials[search.oracle.end_order[self._seen]])
            self._seen += 1
        if self._terminal and time.monotonic() - self._shown >= 0.5:
            self._shown = time.monotonic()
            self._line(self.told(search))

    def told(self, search):
        """What there is to say, in one line: trials done, running, failed, the best, the time left."""
        states = [trial.status for trial in search.oracle.trials.values()]
        failed = states.count(trials.TrialStatus.FAILED)
        ended, running = len(search.oracle.end_order), len(search.workers.running())
        parts = [f"{ended}{f'/{self.total}' if self.total else ''} trials done, {running} running"]
        if failed:
            parts.append(f"{failed} failed")
        best = search.best()
        if best is not None:
            parts.append(f"best {best.score:.4f}")
        if self.total and ended:
            rows = [row for row in search.durations() if row["began"] is not None and row["ended"] is not None]
            times = [row["ended"] - row["began"] for row in rows]  # With what a process takes to start, which is most of a short one.
            if times:
                parts.append(f"{page.duration(max(self.total - ended, 0) * sum(times) / len(times) / self.at_a_time)} left")
        return ", ".join(parts)

    def _trial(self, search, trial):
        told = (
            f"{self.objective.name.replace('_', ' ')} {trial.score:.4f}" if trial.status == trials.TrialStatus.COMPLETED else trial.message
        )
        self._line("")
        terminal.say(f"trial {trial.trial_id}: {(told or '').strip().splitlines()[0]}; {self.told(search)}")

    def _line(self, text):
        if self._terminal:
            text = text[:100]
            sys.stdout.write("\r" + terminal.shown(text).ljust(self._width) + ("" if text else "\r"))
            sys.stdout.flush()
            self._width = len(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._line("")
