"""What a search says while it runs."""

import types

import keras_tuner
import pytest

from hornbook.tuning.reports import progress


def search(scores, running=1, seconds=10.0):
    made = {}
    for place, score in enumerate(scores):
        status = "RUNNING" if score == "running" else "FAILED" if score is None else "COMPLETED"
        made[str(place)] = types.SimpleNamespace(trial_id=str(place), status=status, score=score, message="no memory\nat all")
    ended = [one for one, trial in made.items() if trial.status != "RUNNING"]
    best = max((trial for trial in made.values() if trial.status == "COMPLETED"), key=lambda trial: trial.score, default=None)
    rows = [{"began": 0.0, "ended": seconds if one in ended else None, "seconds": 1.0} for one in made]
    return types.SimpleNamespace(
        oracle=types.SimpleNamespace(trials=made, end_order=ended),
        best=lambda: best,
        workers=types.SimpleNamespace(running=lambda: list(range(running))),
        durations=lambda: rows,
    )


def shown(total=8, at_a_time=2):
    return progress.Progress(keras_tuner.Objective("macro_f1", "max"), total, at_a_time)


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        ([], "0/8 trials done, 1 running"),
        ([0.5], "1/8 trials done, 1 running, best 0.5000, 35 s left"),
        ([0.5, None, 0.75, "running"], "3/8 trials done, 1 running, 1 failed, best 0.7500, 25 s left"),
        ([None], "1/8 trials done, 1 running, 1 failed, 35 s left"),
    ],
)
def test_one_line(scores, told):
    assert shown().told(search(scores)) == told


def test_without_a_known_number_of_trials():
    assert shown(total=None).told(search([0.5])) == "1 trials done, 1 running, best 0.5000"


def test_a_line_a_trial_that_ended_where_there_is_no_terminal(capsys):
    with shown() as one:
        one(search([]))
        one(search([0.5, "running"]))
        one(search([0.5, None]))
        one(search([0.5, None]))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("trial 0: macro f1 0.5000; 1/8 trials done")
    assert lines[1].startswith("trial 1: no memory; 2/8 trials done")
