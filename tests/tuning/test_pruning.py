import math

import pytest

from hornbook.tuning.pruning import Course, MedianRule, SlowRule, course

FINISHED = [(0.9, 0.5, 0.1), (0.8, 0.4, 0.2), (0.7, 0.6, 0.3), (0.6, 0.3, 0.4)]


@pytest.mark.parametrize(
    ("values", "stopped"),
    [
        ((), False),
        ((0.76,), True),  # The median of 0.9, 0.8, 0.7, 0.6 is 0.75.
        ((0.75,), False),
        ((0.9, 0.44), False),  # Of 0.5, 0.4, 0.6, 0.3: 0.45.
        ((0.9, 0.46), True),
        ((0.1, 0.9, 0.9), False),  # Its best epoch counts.
        ((0.9, 0.9, 0.9, 0.9), False),  # Nobody came as far.
        ((math.inf, math.inf), True),
    ],
)
def test_the_median_rule(values, stopped):
    rule = MedianRule()
    for one in FINISHED:
        rule.add(Course(one))
    told = f"stopped after epoch {len(values)}: worse than the median of the others by then" if stopped else None
    assert rule.reason(Course(values)) == told


def test_not_before_enough_have_finished_nor_before_an_epoch():
    rule = MedianRule(first_epoch=2, least=2)
    assert rule.reason(Course((9.0, 9.0))) is None
    rule.add(Course((0.1, 0.1)))
    rule.add(Course())  # One that left no history.
    assert rule.reason(Course((9.0, 9.0))) is None
    rule.add(Course((0.2, 0.2)))
    assert rule.reason(Course((9.0,))) is None
    assert rule.reason(Course((9.0, 9.0))) is not None


@pytest.mark.parametrize(
    ("seconds", "elapsed", "told"),
    [
        ((9.0,), 12.0, None),  # The median of 1, 1, 1, 3 is 1.
        ((10.5,), 12.0, "stopped after epoch 1 as too slow: 10 s, more than 10 times the median of the others by then (1.0 s)"),
        (
            (2.0, 21.0),
            25.0,
            "stopped after epoch 2 as too slow: 21 s, more than 10 times the median of the others by then (2.0 s)",
        ),
        ((2.0, 19.0), 99.0, None),
        ((2.0, 21.0, 99.0), 99.0, None),  # Hyperband's longer trials: too few others have come as far.
        ((), 79.0, None),  # Its start and its data may take as long as they take for others.
        ((), 81.0, "stopped in epoch 1 as too slow: 81 s, more than 10 times the longest trial (8.0 s)"),
    ],
)
def test_the_rule_for_slow_trials(seconds, elapsed, told):
    rule = SlowRule(10)
    for one in ((1.0, 2.0), (1.0, 2.0, 3.0), (1.0, 2.0)):
        rule.add(Course((), one, 4.0))
        assert rule.reason(Course((), (99.0,), 99.0)) is None  # At least four must have finished.
    rule.add(Course((), (3.0, 6.0), 8.0))
    assert rule.reason(Course((), seconds, elapsed)) == told


@pytest.mark.parametrize(
    ("text", "values", "seconds"),
    [
        ("epoch,val_loss,val_accuracy,seconds\n1,0.7,0.5,1.5\n2,0.6,0.75,2.0\n", (-0.5, -0.75), (1.5, 2.0)),
        ("epoch,val_loss,val_r2\n1,0.7,0.5\n", (-0.5,), (0.0,)),
        ("epoch,loss,val_loss,seconds\n1,0.9,0.7,1\n2,0.9,nan,2\n3,0.9,,3\n", (0.7, math.inf, math.inf), (1.0, 2.0, 3.0)),
        ("epoch,val_accuracy,seconds\n1,0.5,1\n2,nan,2\n", (-0.5, math.inf), (1.0, 2.0)),
        ("epoch,loss,seconds\n1,0.7,1\n", (), (1.0,)),
        ("epoch,val_loss\n", (), ()),
        ("", (), ()),
    ],
)
def test_the_course_of_a_run(text, values, seconds, tmp_path):
    (tmp_path / "history.csv").write_text(text)
    assert course([tmp_path / "history.csv", tmp_path / "nowhere.csv"], 7.0) == Course(values, seconds, 7.0)


def test_the_runs_of_a_trial_follow_one_another(tmp_path):
    for seed in (0, 1):
        (tmp_path / f"{seed}.csv").write_text("epoch,val_loss,seconds\n1,0.5,1.0\n2,0.4,2.0\n")
    assert course([tmp_path / "0.csv", tmp_path / "1.csv"], 9.0) == Course((0.5, 0.4, 0.5, 0.4), (1.0, 2.0, 3.0, 4.0), 9.0)
