import numpy as np
import pytest
from scipy import stats

from hornbook.data import randomness


def test_a_number_depends_on_its_example_alone():
    whole = randomness.uniform(3, 5, np.arange(1000), "flip")
    assert np.array_equal(randomness.uniform(3, 5, np.arange(400, 437), "flip"), whole[400:437])
    shuffled = np.random.default_rng(0).permutation(1000)
    assert np.array_equal(randomness.uniform(3, 5, shuffled, "flip"), whole[shuffled])
    assert randomness.uniform(3, 5, np.array([], np.int64), "flip").shape == (0,)


def test_a_draw_is_uniform_numbers_of_its_epoch():
    draw = randomness.Draw(3, 5, np.arange(100))
    assert np.array_equal(draw("flip"), randomness.uniform(3, 5, np.arange(100), "flip"))


def test_alternating_examples_change_in_every_epoch_and_are_half_of_each():
    epochs = [randomness.Draw(3, epoch, np.arange(4000)).alternating("flip") for epoch in range(4)]
    assert abs(epochs[0].mean() - 0.5) < 4 * 0.5 / np.sqrt(4000)
    assert np.array_equal(epochs[0], ~epochs[1])
    assert np.array_equal(epochs[0], epochs[2])
    assert np.array_equal(epochs[1], epochs[3])
    assert (randomness.Draw(4, 0, np.arange(4000)).alternating("flip") != epochs[0]).any()


def test_golden_values():
    # A run that is resumed may have begun under an earlier release: these numbers never change.
    assert randomness.uniform(0, 0, np.arange(3), "flip").tolist() == [0.593273997777491, 0.3812648606015575, 0.8602169698152263]
    assert randomness.permutation(1, 2, 8).tolist() == [5, 0, 4, 7, 1, 3, 6, 2]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((0, 0, "flip"), (1, 0, "flip")),
        ((0, 0, "flip"), (0, 1, "flip")),
        ((0, 0, "flip"), (0, 0, "crop row")),
        ((0, 1, "flip"), (1, 0, "flip")),  # Seed and epoch are not merely added up.
        ((-1, 0, "flip"), (2**64 - 2, 0, "flip")),
    ],
)
def test_seeds_epochs_and_names_are_independent(first, second):
    indices = np.arange(20000)
    a, b = (randomness.uniform(seed, epoch, indices, stream) for seed, epoch, stream in (first, second))
    assert not np.isin(a, b).any()
    assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(20000)


def test_uniform_numbers_are_uniform():
    numbers = np.concatenate([randomness.uniform(seed, epoch, np.arange(5000), "x") for seed in range(4) for epoch in range(5)])
    assert numbers.dtype == np.float64
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert stats.kstest(numbers, "uniform").pvalue > 1e-3
    # The lowest bits that a crop or a coin could use are as good as the highest.
    assert stats.kstest((numbers * 2**20) % 1, "uniform").pvalue > 1e-3


def test_neighbours_are_not_related():
    numbers = randomness.uniform(0, 0, np.arange(20001), "x")
    for lag in (1, 2, 64):
        assert abs(np.corrcoef(numbers[:-lag], numbers[lag:])[0, 1]) < 5 / np.sqrt(20000)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.uint64])
def test_the_type_of_the_indices_makes_no_difference(dtype):
    assert np.array_equal(randomness.uniform(0, 0, np.arange(100, dtype=dtype), "x"), randomness.uniform(0, 0, np.arange(100), "x"))


def test_any_integer_seeds():
    for seed in (-5, 2**63, 2**64 + 1, np.int64(7)):
        assert 0 <= randomness.uniform(seed, 0, np.arange(1), "x")[0] < 1
    assert np.array_equal(randomness.uniform(np.int64(7), 0, np.arange(9), "x"), randomness.uniform(7, 0, np.arange(9), "x"))


def test_indices_are_left_as_they_are():
    indices = np.arange(10, dtype=np.uint64)
    randomness.uniform(0, 0, indices, "x")
    assert np.array_equal(indices, np.arange(10))


def test_a_permutation_holds_everything_once():
    for length in (0, 1, 2, 1437):
        order = randomness.permutation(0, 0, length)
        assert order.dtype.kind == "i"
        assert np.array_equal(np.sort(order), np.arange(length))


def test_every_seed_and_epoch_has_its_own_order():
    orders = [tuple(randomness.permutation(seed, epoch, 30)) for seed in range(5) for epoch in range(5)]
    assert len(set(orders)) == 25
    assert orders[7] == tuple(randomness.permutation(1, 2, 30))


def test_all_places_are_equally_likely():
    # Where example 0 of 8 stands, in 4,000 epochs.
    places = [int(np.flatnonzero(randomness.permutation(0, epoch, 8) == 0)[0]) for epoch in range(4000)]
    assert stats.chisquare(np.bincount(places, minlength=8)).pvalue > 1e-3


def test_noise_is_uniform_bytes_of_each_number_alone():
    numbers = randomness.uniform(0, 0, np.arange(300), "pixels")
    noise = randomness.noise(numbers, 701)
    assert noise.shape == (300, 701)
    assert noise.dtype == np.uint8
    assert stats.chisquare(np.bincount(noise.ravel(), minlength=256)).pvalue > 1e-3
    assert np.array_equal(randomness.noise(numbers[7:8], 10)[0], noise[7, :10])
    assert (noise[0] != noise[1]).mean() > 0.9
    assert abs(np.corrcoef(noise[:, 0], noise[:, 1])[0, 1]) < 0.2
    assert randomness.noise(numbers, 0).shape == (300, 0)
