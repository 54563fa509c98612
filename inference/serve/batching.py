"""Inputs of many requests computed together: one thread takes what waits, up to a batch, and gives each request its answers."""

import concurrent.futures
import queue
import threading

from hornbook.inference.serve.guards import Refused

_END = object()


class _Asked:
    """The inputs of one request, of which each may be computed in another batch.

    Args:
        count: of inputs.
    """

    def __init__(self, count):
        self.future, self._answers, self._left = concurrent.futures.Future(), [None] * count, count

    def answer(self, place, answer):
        """Note the answer to one input; the last one ends the request."""
        self._answers[place] = answer
        self._left -= 1
        if not self._left and self.future.set_running_or_notify_cancel():
            self.future.set_result(self._answers)

    def fail(self, error):
        """End the request, of which one input cannot be computed."""
        if not self.future.done() and self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


class Batcher:
    """A thread that computes inputs in batches.

    While a batch is computed, others come in, and are the next one: no request waits for others on purpose, and
    under load batches are full.

    Args:
        compute: function of a list of inputs that gives a list of answers; it is called in one thread alone.
        most: inputs of a batch.
        waiting: the most inputs that may wait.
        measure: function of the size of each batch, or None.
    """

    def __init__(self, compute, *, most, waiting, measure=None):
        self._compute, self._most, self._measure = compute, most, measure
        self._waiting, self._most_waiting = queue.SimpleQueue(), waiting
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def submit(self, inputs):
        """A future of the list of answers to some inputs, at least one.

        Raises:
            Refused: too many wait already.
        """
        if self._waiting.qsize() + len(inputs) > self._most_waiting:
            raise Refused(503, f"{self._most_waiting:,} inputs wait already; try again later, or with fewer")
        asked = _Asked(len(inputs))
        for place, one in enumerate(inputs):
            self._waiting.put((one, place, asked))
        return asked.future

    def close(self):
        """End the thread after what waits."""
        self._waiting.put(_END)
        self._thread.join()

    def _run(self):
        while True:
            batch = [self._waiting.get()]
            while len(batch) < self._most and batch[-1] is not _END:
                try:
                    batch.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            ended = batch[-1] is _END
            # A request may have been given up, or have failed by another input of its own.
            batch = [waiting for waiting in batch[: len(batch) - ended] if not waiting[2].future.done()]
            if batch:
                self._answer(batch)
            if ended:
                return

    def _answer(self, batch):
        try:
            answers = self._compute([one for one, _, _ in batch])
        except Exception as error:
            if len(batch) == 1:
                batch[0][2].fail(error)
            else:  # One of them cannot be computed; the others shall not suffer for it.
                for single in batch:
                    self._answer([single])
            return
        if self._measure:
            self._measure(len(batch))
        for (_, place, asked), answer in zip(batch, answers, strict=True):
            asked.answer(place, answer)
