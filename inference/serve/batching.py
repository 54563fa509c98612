"""Inputs of many requests computed together: one thread takes what waits, up to a batch, and gives each its answer."""

import concurrent.futures
import queue
import threading

from hornbook.inference.serve.guards import Refused

_END = object()


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
        """Futures of the answers to some inputs.

        Raises:
            Refused: too many wait already.
        """
        if self._waiting.qsize() + len(inputs) > self._most_waiting:
            raise Refused(503, f"{self._most_waiting:,} inputs wait already; try again later, or with fewer")
        futures = []
        for one in inputs:
            futures.append(concurrent.futures.Future())
            self._waiting.put((one, futures[-1]))
        return futures

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
            batch = [(one, future) for one, future in batch[: len(batch) - ended] if future.set_running_or_notify_cancel()]
            if batch:
                self._answer(batch)
            if ended:
                return

    def _answer(self, batch):
        try:
            answers = self._compute([one for one, _ in batch])
        except Exception as error:
            if len(batch) == 1:
                batch[0][1].set_exception(error)
            else:  # One of them cannot be computed; the others shall not suffer for it.
                for single in batch:
                    self._answer([single])
            return
        if self._measure:
            self._measure(len(batch))
        for (_, future), answer in zip(batch, answers, strict=True):
            future.set_result(answer)
