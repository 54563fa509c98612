import numpy as np
import pytest

from hornbook.data import randomness
from hornbook.data.images import operations as image_operations
from hornbook.data.images import policies


def images(batch=64, height=16, width=16, channels=3):
    return np.random.default_rng(0).integers(0, 256, (batch, height, width, channels)).astype(np.uint8)


def drawing(count, seed=0):
    return lambda stream: randomness.uniform(seed, 0, np.arange(count), stream)


@pytest.fixture
def applied(monkeypatch):
    """What the policies ask of `operations.apply`: a list of (names of operations, magnitudes), one a call."""
    calls, apply = [], image_operations.apply

    def recorded(batch, operations, magnitudes):
        calls.append((np.array(image_operations.OPERATIONS)[operations], np.asarray(magnitudes)))
        return apply(batch, operations, magnitudes)

    monkeypatch.setattr(image_operations, "apply", recorded)
    return calls


def ranges(names, magnitudes):
    """Lowest and highest magnitude of each operation that occurs."""
    return {str(name): (magnitudes[names == name].min(), magnitudes[names == name].max()) for name in np.unique(names)}


def test_trivial_takes_one_operation_of_fourteen_over_the_wide_ranges(applied):
    policies.trivial(images(8000, 8, 40), drawing(8000))
    ((names, magnitudes),) = applied
    counts = np.unique(names, return_counts=True)[1]
    assert len(counts) == 14
    assert np.abs(counts / 8000 - 1 / 14).max() < 4 * np.sqrt(1 / 14 / 8000)
    found = ranges(names, magnitudes)
    factors = (pytest.approx(0.01), pytest.approx(1.99))
    assert [found[name] for name in ("brightness", "contrast", "colour", "sharpness")] == [factors] * 4
    assert found["posterize"] == (2, 8)
    assert found["solarize"] == (0, 256)
    assert found["rotate"] == (-135, 135)
    assert found["shear x"] == (-0.99, 0.99)
    assert found["translate x"] == (-32, 32)
    assert found["translate y"] == (-8, 8)  # No more than the side.
    assert len(np.unique(magnitudes[names == "solarize"])) == 31


@pytest.mark.parametrize("operations", [1, 2, 4])
def test_randaugment_takes_operations_of_one_strength(applied, operations):
    policies.randaugment(images(2000, 32, 16), drawing(2000), operations, 5)
    assert len(applied) == operations
    for names, magnitudes in applied:
        assert len(np.unique(names)) == 14
        assert np.unique(magnitudes[names == "rotate"]).tolist() == [-15, 15]
        assert np.unique(magnitudes[names == "brightness"]) == pytest.approx([0.55, 1.45])
        assert np.unique(magnitudes[names == "posterize"]).tolist() == [6]
        assert np.unique(magnitudes[names == "solarize"]).tolist() == [128]
        assert np.unique(magnitudes[names == "translate y"]) == pytest.approx([-16 * 150 / 331, 16 * 150 / 331])
    if operations > 1:
        assert abs((applied[0][0] == applied[1][0]).mean() - 1 / 14) < 0.03  # Drawn anew, and again by chance.


def test_randaugment_of_no_magnitude_only_stretches_contrast(applied):
    batch = images(500)
    result = policies.randaugment(batch, drawing(500), 1, 0)
    names = applied[0][0]
    changed = (result != batch).any(axis=(1, 2, 3))
    assert set(names[changed]) <= {"autocontrast", "equalize"}


def test_augmix_uses_nine_operations_in_chains_of_one_to_three(applied):
    policies.augmix(images(1000, 12, 12), drawing(1000), severity=3.0)
    sizes = [len(names) for names, _ in applied]
    assert sizes[0] == 3000
    assert sizes[1] / 3000 == pytest.approx(2 / 3, abs=0.04)
    assert sizes[2] / 3000 == pytest.approx(1 / 3, abs=0.04)
    names, magnitudes = applied[0]
    found = ranges(names, magnitudes)
    assert len(found) == 9
    assert not {"brightness", "contrast", "colour", "sharpness"} & found.keys()
    assert found["rotate"] == (pytest.approx(-9, abs=0.2), pytest.approx(9, abs=0.2))
    assert found["translate x"] == (pytest.approx(-1.2, abs=0.1), pytest.approx(1.2, abs=0.1))
    assert set(np.rint(magnitudes[names == "posterize"])) == {3, 4}


def test_augmix_is_a_blend_of_the_image_and_its_chains(monkeypatch):
    # Operations that make black: what is left of a white image is its own weight, uniform in [0, 1].
    monkeypatch.setattr(image_operations, "apply", lambda batch, operations, magnitudes: np.zeros_like(batch))
    result = policies.augmix(np.full((4000, 2, 2, 3), 255, np.uint8), drawing(4000))
    assert (result == result[:, :1, :1, :1]).all()
    kept = result[:, 0, 0, 0] / 255
    assert abs(kept.mean() - 0.5) < 0.02
    assert kept.std() == pytest.approx(1 / np.sqrt(12), rel=0.05)
    # Operations that change nothing: the weights sum to 1.
    monkeypatch.setattr(image_operations, "apply", lambda batch, operations, magnitudes: batch)
    assert np.array_equal(policies.augmix(images(), drawing(64)), images())


def test_colour_jitters_around_one(applied):
    policies.colour(images(3000, 4, 4), drawing(3000), 0.4)
    assert [str(names[0]) for names, _ in applied] == ["brightness", "contrast", "colour", "hue"]
    for names, magnitudes in applied:
        assert (names == names[0]).all()
        middle, reach = (0, 0.1) if names[0] == "hue" else (1, 0.4)
        assert magnitudes.mean() == pytest.approx(middle, abs=reach * 0.05)
        assert (magnitudes.min(), magnitudes.max()) == (pytest.approx(middle - reach, abs=0.01), pytest.approx(middle + reach, abs=0.01))


def test_grey_images_have_no_saturation_and_no_hue(applied):
    grey = images(2000, 4, 4, 1)
    policies.colour(grey, drawing(2000))
    policies.trivial(grey, drawing(2000))
    assert [str(names[0]) for names, _ in applied[:2]] == ["brightness", "contrast"]
    assert len(applied) == 3
    assert len(np.unique(applied[2][0])) == 13
    assert "colour" not in applied[2][0]
