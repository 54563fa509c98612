"""Fixed convolutions against their definition, and each series by itself."""

import numpy as np
import pytest

from hornbook.data.series.convolutions import KERNELS, Convolutions


def noise(count, unequal=False, features=1):
    generator = np.random.default_rng(0)
    lengths = generator.integers(30, 60, count) if unequal else [48] * count
    return [generator.normal(3, 0.5, (steps, features)).cumsum(axis=0).astype(np.float32) for steps in lengths]


def test_a_feature_is_the_share_of_a_convolution_above_its_threshold():
    inputs = noise(6)
    made = Convolutions(inputs)
    found = made.features(inputs)
    assert KERNELS.shape == (84, 9)
    assert made.dilations == [1, 2, 4]
    everything = np.concatenate(inputs).astype(np.float64)
    scaled = (inputs[3][:, 0] - everything.mean()) / everything.std()
    place = 0
    for number, dilation in enumerate(made.dilations):
        for threshold in range(made.thresholds_each):
            for kernel in (0, 1, 83):
                weights = np.zeros(8 * dilation + 1)
                weights[::dilation] = KERNELS[kernel]
                padded = np.pad(scaled, 4 * dilation) if kernel % 2 == 0 else scaled
                convolved = np.correlate(padded, weights, mode="valid")
                expected = (convolved > made.thresholds[number, kernel, threshold]).mean()
                assert found[3, place + kernel] == pytest.approx(expected, abs=1.1 / len(convolved))  # Of float32, one step may differ.
            place += len(KERNELS)
    assert place == found.shape[1]


def test_features_do_not_depend_on_the_other_series():
    inputs = noise(30, unequal=True, features=3)
    made = Convolutions(inputs)
    together = made.features([*inputs, np.zeros((4, 3), np.float32)])
    assert together.min() >= 0
    assert together.max() <= 1
    np.testing.assert_allclose(together[7], made.features([inputs[7]])[0], atol=0.04)
    np.testing.assert_array_equal(together, Convolutions(inputs).features([*inputs, np.zeros((4, 3), np.float32)]))


def test_the_seed_chooses_features_and_series():
    inputs = noise(40, features=4)
    first, again, other = (Convolutions(inputs, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.features(inputs[:3]), again.features(inputs[:3]))
    assert (first.features(inputs[:3]) != other.features(inputs[:3])).any()


def test_a_constant_feature_is_no_division_by_zero():
    found = Convolutions([np.full((20, 1), 7, np.float32)] * 3).features([np.full((20, 1), 7, np.float32)])
    assert np.isfinite(found).all()
