"""What the cases of several causes need."""

import signal

import pytest


@pytest.fixture
def no_wait():
    """A case that hangs, or takes as long as the square of what it is given, fails."""

    def waited(number, frame):
        raise TimeoutError("it waits")

    before = signal.signal(signal.SIGALRM, waited)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
