import keras_tuner
import numpy as np
import pytest

from hornbook.tuning.oracles.encoding import Encoding
from hornbook.tuning.reports.importance import edges, importance


def space():
    hp = keras_tuner.HyperParameters()
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Choice("word", ["a", "b", "c"])
    hp.Float("dropout", 0.0, 0.5)
    hp.Choice("width", [16, 32, 64])
    return hp.space


def configurations(number=40):
    encoding = Encoding(space())
    return [encoding.values(point) for point in np.random.default_rng(0).random((number, 4))]


def test_it_finds_the_one_that_matters():
    tried = configurations()
    for name, score in (("rate", lambda values: np.log10(values["rate"])), ("word", lambda values: float(values["word"] == "b"))):
        ranked, r2 = importance(space(), tried, [score(values) for values in tried])
        assert ranked[0][0] == name
        assert ranked[0][1] > 0.8
        assert sum(share for _, share in ranked) == pytest.approx(1)
        assert r2 > 0.5
    # A trial that diverged is not all there is to explain.
    assert importance(space(), tried, [*(np.log10(values["rate"]) for values in tried[:-1]), 1e9])[0][0][0] == "rate"


def test_scores_of_chance_are_said_to_be():
    _, r2 = importance(space(), configurations(), np.random.default_rng(1).random(40))
    assert r2 < 0.2


def test_too_few_or_equal_scores_tell_nothing():
    assert importance(space(), configurations(5), [1.0, 2.0, 3.0, 4.0, 5.0]) == ([], None)
    assert importance(space(), configurations(10), [1.0] * 10) == ([], None)


BASE = {"rate": 3e-3, "word": "a", "dropout": 0.2, "width": 32}


@pytest.mark.parametrize(
    ("best", "expected"),
    [
        ({}, []),
        ({"rate": 1.2e-4}, [("rate", "down", 1.2e-4)]),
        ({"rate": 0.09}, [("rate", "up", 0.09)]),
        ({"dropout": 0.49}, [("dropout", "up", 0.49)]),
        ({"dropout": 0.0}, []),  # Nothing lies below.
        ({"width": 64}, [("width", "up", 64)]),
        ({"width": 16}, [("width", "down", 16)]),
        ({"word": "c"}, []),
    ],
)
def test_the_edges_of_a_range(best, expected):
    tried = [{**BASE, **best}] * 3 + [BASE] * 5
    for direction, scores in (("min", [0.1, 0.2, 0.3] + [1.0] * 5), ("max", [0.9, 0.8, 0.7] + [0.1] * 5)):
        assert edges(space(), tried[0], tried, scores, direction) == expected
    # One of the three best stands elsewhere.
    assert edges(space(), tried[0], [tried[0], BASE, BASE], [0.1, 0.2, 0.3], "min") == []
