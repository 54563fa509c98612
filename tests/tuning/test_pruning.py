import math

import pytest

from hornbook.tuning.pruning import MedianRule, epochs

FINISHED = [[0.9, 0.5, 0.1], [0.8, 0.4, 0.2], [0.7, 0.6, 0.3], [0.6, 0.3, 0.4]]


@pytest.mark.parametrize(
    ("history", "hopeless"),
    [
        ([], False),
        ([0.76], True),  # The median of 0.9, 0.8, 0.7, 0.6 is 0.75.
        ([0.75], False),
        ([0.9, 0.44], False),  # Of 0.5, 0.4, 0.6, 0.3: 0.45.
        ([0.9, 0.46], True),
        ([0.1, 0.9, 0.9], False),  # Its best epoch counts.
        ([0.9, 0.9, 0.9, 0.9], False),  # Nobody came as far.
        ([math.inf, math.inf], True),
    ],
)
def test_the_median_rule(history, hopeless):
    rule = MedianRule()
    for one in FINISHED:
        rule.add(one)
    assert rule.is_hopeless(history) is hopeless


def test_not_before_enough_have_finished_nor_before_an_epoch():
    rule = MedianRule(first_epoch=2, least=2)
    assert not rule.is_hopeless([9.0, 9.0])
    rule.add([0.1, 0.1])
    rule.add([])  # One that left no history.
    assert not rule.is_hopeless([9.0, 9.0])
    rule.add([0.2, 0.2])
    assert not rule.is_hopeless([9.0])
    assert rule.is_hopeless([9.0, 9.0])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("epoch,val_loss,val_accuracy\n1,0.7,0.5\n2,0.6,0.75\n", [-0.5, -0.75]),
        ("epoch,val_loss,val_r2\n1,0.7,0.5\n", [-0.5]),
        ("epoch,loss,val_loss\n1,0.9,0.7\n2,0.9,nan\n3,0.9,\n", [0.7, math.inf, math.inf]),
        ("epoch,loss\n1,0.7\n", []),
        ("epoch,val_loss\n", []),
        ("", []),
    ],
)
def test_a_runs_epochs(text, values, tmp_path):
    (tmp_path / "history.csv").write_text(text)
    assert epochs(tmp_path / "history.csv") == values
    assert epochs(tmp_path / "nowhere.csv") == []
