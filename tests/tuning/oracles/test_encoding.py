import keras_tuner
import numpy as np
import pytest

from hornbook.tuning.oracles.encoding import Encoding


def mixed():
    hp = keras_tuner.HyperParameters()
    hp.Choice("word", ["a", "b", "c"])
    hp.Float("rate", 1e-4, 1e-2, sampling="log")
    hp.Boolean("flag")
    hp.Int("steps", 2, 8, step=2)
    hp.Choice("size", [16, 32, 64, 128])
    hp.Fixed("epochs", 3)
    with hp.conditional_scope("word", ["c"]):
        hp.Float("strength", 0.0, 2.0)
    return hp.space


def test_a_point_and_back():
    encoding = Encoding(mixed())
    for point in np.random.default_rng(0).random((50, 6)):
        values = encoding.values(point)
        assert encoding.values(encoding.point(values)) == pytest.approx(values)
        assert ("strength" in values) == (values["word"] == "c")
        assert values["epochs"] == 3


def test_what_a_vector_means():
    encoding = Encoding(mixed())
    vector = encoding.vector({"word": "b", "rate": 1e-3, "flag": True, "steps": 2, "size": 16, "epochs": 3})
    words, rate, flag, steps, size, strength = vector[:3], vector[3], vector[4:6], vector[6], vector[7], vector[8]
    assert words.tolist() == [0, 1, 0]
    assert rate == pytest.approx(0.5)  # A factor of ten is the same step everywhere.
    assert flag.tolist() == [0, 1]
    assert 0 < steps < 0.5
    assert 0 < size < 0.25
    assert strength == 0.5  # Not active: in the middle.
    assert encoding.groups().tolist() == [0, 0, 0, 1, 2, 2, 3, 4, 5]
    assert encoding.is_word().tolist() == [True, False, True, False, False, False]


def test_every_configuration_once():
    hp = keras_tuner.HyperParameters()
    hp.Choice("word", ["a", "b"])
    with hp.conditional_scope("word", ["b"]):
        hp.Int("number", 1, 3)
    hp.Boolean("flag")
    encoding = Encoding(hp.space)
    every = list(encoding.every())
    assert len(every) == 2 + 6
    assert len({tuple(values.items()) for values in every}) == 8
    assert every[0] == {"word": "a", "flag": False}
    assert encoding.number_of_configurations() == 12  # Conditions are not counted.
    assert Encoding(mixed()).number_of_configurations() == np.inf


def test_a_range_without_steps_has_ten_values_in_order():
    hp = keras_tuner.HyperParameters()
    hp.Float("rate", 1e-4, 1e-2, sampling="log")
    rates = [values["rate"] for values in Encoding(hp.space).every()]
    assert len(rates) == 10
    assert rates == sorted(rates)


def test_a_space_of_nothing_but_fixed_values():
    hp = keras_tuner.HyperParameters()
    hp.Fixed("epochs", 3)
    encoding = Encoding(hp.space)
    assert list(encoding.every()) == [{"epochs": 3}]
    assert encoding.vector({"epochs": 3}).shape == (0,)
    assert encoding.number_of_configurations() == 1
