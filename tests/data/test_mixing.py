import numpy as np
import pytest
from scipy import stats

from hornbook import UserError
from hornbook.data import mixing, randomness
from hornbook.data.tables import augmentation


def images(batch=64, height=8, width=6, channels=3, dtype=np.uint8):
    """Images no two pixels of which are likely to agree, and none is black."""
    return np.random.default_rng(0).integers(1, 256, (batch, height, width, channels)).astype(dtype)


def drawing(indices, seed=0, epoch=0):
    return lambda stream: randomness.uniform(seed, epoch, indices, stream)


def blended(alpha, count=4000):
    """Mixup of one-hot labels: each example's weight of its own label."""
    labels = np.eye(count, dtype=np.float32)[:, : count + 1]
    _, mixed = mixing.mixup(np.zeros((count, 1, 1, 1), np.uint8), labels, drawing(np.arange(count)), alpha)
    return np.diag(mixed)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_mixup_weights_follow_the_beta_distribution(alpha):
    weights = blended(alpha).astype(np.float64)
    variance = 1 / (4 * (2 * alpha + 1))
    assert abs(weights.mean() - 0.5) < 4 * np.sqrt(variance / 4000)
    assert weights.var() == pytest.approx(variance, rel=0.1)
    assert stats.kstest(weights, stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_mixup_blends_images_and_labels_with_one_weight():
    batch, labels = images(batch=5), np.eye(5, dtype=np.float32)
    mixed, mixed_labels = mixing.mixup(batch, labels, drawing(np.arange(5)), 1.0)
    assert mixed.dtype == np.float32
    assert mixed_labels.dtype == np.float32
    for example in range(5):
        weight = mixed_labels[example, example]
        partner = (example + 1) % 5
        assert mixed_labels[example, partner] == pytest.approx(1 - weight, abs=1e-6)
        expected = weight * batch[example].astype(np.float64) + (1 - weight) * batch[partner]
        np.testing.assert_allclose(mixed[example], expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("alpha", [1e-6, 1e-3, 0.2, 1.0, 50.0, 1e4])
def test_mixed_labels_stay_distributions(alpha):
    soft = np.random.default_rng(0).dirichlet(np.ones(4), 300).astype(np.float32)
    batch = images(batch=300)
    mixed, labels = mixing.mixup(batch, soft, drawing(np.arange(300)), alpha)
    assert (labels >= 0).all()
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)
    assert mixed.min() >= batch.min()
    assert mixed.max() <= 255.001


@pytest.mark.parametrize("mix", [mixing.mixup, mixing.cutmix, lambda *given: mixing.mixup_or_cutmix(*given, 1.0)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_mixing_leaves_its_inputs(mix, dtype):
    batch, labels = images(batch=8, dtype=dtype), np.eye(8, dtype=np.float32)
    before = batch.copy(), labels.copy()
    mixed, mixed_labels = mix(batch, labels, drawing(np.arange(8)), 1.0)
    assert mixed.dtype == (dtype if mix is mixing.cutmix else np.float32)
    assert mixed_labels.dtype == np.float32
    assert np.array_equal(batch, before[0])
    assert np.array_equal(labels, before[1])


def pasted(batch, alpha=1.0):
    """CutMix of one-hot labels: the images, a mask of what came from the next one, and each example's weight of its own label."""
    labels, count = np.eye(len(batch), dtype=np.float32), len(batch)
    mixed, mixed_labels = mixing.cutmix(batch, labels, drawing(np.arange(count)), alpha)
    np.testing.assert_allclose(mixed_labels.sum(axis=1), 1, atol=1e-6)
    return mixed, (mixed != batch).any(axis=-1), np.diag(mixed_labels)


def test_cutmix_pastes_a_rectangle_of_the_next_example_and_weighs_labels_by_area():
    batch = np.broadcast_to(np.arange(200, dtype=np.uint8)[:, None, None, None], (200, 12, 9, 3))
    mixed, mask, kept = pasted(batch)
    assert mixed.dtype == np.uint8
    for example in range(200):
        inside = mask[example]
        assert (mixed[example][inside] == (example + 1) % 200).all()
        assert kept[example] == pytest.approx(1 - inside.mean(), abs=1e-6)
        if inside.any():
            rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
            assert inside.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    assert len(np.unique(kept)) > 30


def test_cutmix_takes_pixels_from_where_they_were():
    batch = images()
    mixed, mask, _ = pasted(batch)
    expected = np.where(mask[..., None], np.roll(batch, -1, axis=0), batch)
    assert np.array_equal(mixed, expected)
    assert mask.any(axis=(1, 2)).mean() > 0.7


def test_cutmix_alpha_is_that_of_the_beta_distribution():
    blank = np.arange(2, dtype=np.uint8).repeat(1000).reshape(2, 1000).T.reshape(2000, 1, 1, 1)
    even = np.broadcast_to(blank, (2000, 20, 20, 1))
    for alpha in (0.2, 1.0, 5.0):
        kept = pasted(even, alpha)[2]
        # What reaches out of the image is cut off, so that more is kept than drawn.
        assert 0.5 < kept.mean() < 0.75
    assert pasted(even, 0.05)[2].std() > pasted(even, 20.0)[2].std()


def test_with_both_each_example_has_one_of_them():
    batch, labels, draw = images(batch=400, dtype=np.float32), np.eye(400, dtype=np.float32), drawing(np.arange(400))
    mixed, mixed_labels = mixing.mixup_or_cutmix(batch, labels, draw, 0.4, 1.0)
    blended, cut = mixing.mixup(batch, labels, draw, 0.4), mixing.cutmix(batch, labels, draw, 1.0)
    is_blended = (mixed == blended[0]).all(axis=(1, 2, 3)) & (mixed_labels == blended[1]).all(axis=1)
    is_cut = (mixed == cut[0]).all(axis=(1, 2, 3)) & (mixed_labels == cut[1]).all(axis=1)
    assert (is_blended | is_cut).all()
    assert abs(is_cut.mean() - 0.5) < 0.1


def test_one_example_alone_is_mixed_with_itself():
    batch, labels = images(batch=1), np.eye(1, dtype=np.float32)
    for mixed, mixed_labels in (mixing.mixup(batch, labels, drawing([0]), 1.0), mixing.cutmix(batch, labels, drawing([0]), 1.0)):
        np.testing.assert_allclose(mixed, batch, rtol=1e-6)
        np.testing.assert_allclose(mixed_labels, 1, rtol=1e-6)


def rows_and_labels():
    rows = np.array([[1.0, 10.0, 1, 5], [2.0, 20.0, 2, 6], [3.0, 30.0, 3, 7]], np.float32)
    return rows, np.eye(3, dtype=np.float32)


def test_rows_blend_numbers_and_take_categories_from_either():
    rows, labels = rows_and_labels()
    numbers = {
        "mixup": np.array([0.3, 0.5, 0.9]),
        "mixup category 2": np.array([0.0, 0.999, 0.0]),
        "mixup category 3": np.array([0.999] * 3),
    }
    mixed, soft = augmentation.mixup_rows(rows, labels, lambda name: numbers[name], 1.0, 2)
    # Of alpha 1, the weight is the uniform number itself.
    np.testing.assert_allclose(mixed[:, 0], [0.3 * 1 + 0.7 * 2, 2.5, 0.9 * 3 + 0.1 * 1], rtol=1e-5)
    assert mixed[:, 2].tolist() == [1, 3, 3]
    assert mixed[:, 3].tolist() == [6, 7, 5]
    np.testing.assert_allclose(soft, [[0.3, 0.7, 0], [0, 0.5, 0.5], [0.1, 0, 0.9]], rtol=1e-5)
    assert rows[0].tolist() == [1, 10, 1, 5]  # What was given is left alone.


def test_categories_are_taken_as_often_as_labels_are_weighed():
    rows = np.zeros((20_000, 1), np.float32)
    rows[::2] = 1
    labels = np.eye(2, dtype=np.float32)[rows[:, 0].astype(int)]
    draws = np.random.default_rng(0)
    mixed, soft = augmentation.mixup_rows(rows, labels, lambda name: draws.random(len(rows)), 0.5, 0)
    assert set(np.unique(mixed)) == {0, 1}
    for low in (0.0, 0.4, 0.8):
        chosen = (soft[:, 1] >= low) & (soft[:, 1] < low + 0.2)
        assert mixed[chosen, 0].mean() == pytest.approx(soft[chosen, 1].mean(), abs=0.05)


def test_a_row_mixer_is_made_by_a_flag():
    assert augmentation.row_mixer(0.0, 2) is None
    rows, labels = rows_and_labels()
    mixed, _ = augmentation.row_mixer(0.2, 2)(rows, labels, lambda name: np.full(3, 0.5))
    assert mixed.shape == rows.shape
    for alpha in (-1, np.inf, np.nan):
        with pytest.raises(UserError, match="mixup must be 0"):
            augmentation.row_mixer(alpha, 2)
