"""`hornbook serve`: its options, and a batch of inputs of many requests."""

import threading

import pytest

pytest.importorskip("fastapi")

from hornbook.inference.serve import command
from hornbook.inference.serve.batching import Batcher
from hornbook.inference.serve.guards import Refused


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0 lets other machines in: set HORNBOOK_TOKEN"),
        (["--host", "example.com"], "lets other machines in"),
        (["--port", "70000"], "--port must be from 0 to 65535, got 70000"),
        (["--seconds", "0"], "--seconds must be from"),
        (["--batch-size", "0"], "--batch-size must be from 1"),
        ([], "nowhere holds no run"),
    ],
)
def test_options_that_cannot_be_are_refused_in_one_line(words, message, capsys, monkeypatch):
    monkeypatch.delenv("HORNBOOK_TOKEN", raising=False)
    with pytest.raises(SystemExit) as raised:
        command.serve(["nowhere", *words])
    assert raised.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("token", ["short", "with a space in it, long enough", "ünïcödé-and-long-enough"])
def test_a_weak_token_is_refused(token, monkeypatch, capsys):
    monkeypatch.setenv("HORNBOOK_TOKEN", token)
    with pytest.raises(SystemExit):
        command.serve(["nowhere"])
    assert "HORNBOOK_TOKEN must have at least 16 visible ASCII characters" in capsys.readouterr().err


def test_what_waits_together_is_computed_together():
    sizes, begin = [], threading.Event()

    def compute(inputs):
        begin.wait(30)
        sizes.append(len(inputs))
        return [2 * one for one in inputs]

    batcher = Batcher(compute, most=4, waiting=100)
    answers = batcher.submit(range(9))
    begin.set()
    assert answers.result(30) == [2 * one for one in range(9)]
    batcher.close()
    assert max(sizes) == 4
    assert sum(sizes) == 9


def test_one_input_that_cannot_be_computed_does_no_harm_to_others():
    def compute(inputs):
        return [1 / one for one in inputs]

    batcher = Batcher(compute, most=8, waiting=100)
    first, second, third = (batcher.submit(inputs) for inputs in ([1], [4, 0], [2]))
    assert first.result(30) == [1]
    assert third.result(30) == [0.5]
    with pytest.raises(ZeroDivisionError):
        second.result(30)
    batcher.close()


def test_a_request_that_was_given_up_is_not_computed():
    begun, begin, seen = threading.Event(), threading.Event(), []

    def compute(inputs):
        begun.set()
        begin.wait(30)
        seen.extend(inputs)
        return inputs

    batcher = Batcher(compute, most=1, waiting=100)
    first = batcher.submit(["first"])
    assert begun.wait(30)
    given_up, last = batcher.submit(["given up"]), batcher.submit(["last"])
    given_up.cancel()
    begin.set()
    assert first.result(30) == ["first"]
    assert last.result(30) == ["last"]
    batcher.close()
    assert seen == ["first", "last"]


def test_a_full_queue_is_said():
    batcher = Batcher(list, most=1, waiting=2)
    with pytest.raises(Refused, match="2 inputs wait already"):
        batcher.submit([1, 2, 3])
    batcher.close()
