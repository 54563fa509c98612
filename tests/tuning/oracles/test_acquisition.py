import keras_tuner
import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from hornbook.tuning.oracles import acquisition
from hornbook.tuning.oracles.encoding import Encoding


class Known:
    """A process whose mean and deviation are what the points say."""

    def predict(self, points):
        return points[:, 0], points[:, 1]


def test_the_expected_improvement_is_the_integral_and_its_logarithm_never_ends():
    points = np.array([[0.0, 1.0], [1.0, 0.5], [-2.0, 0.1], [3.0, 1.0]])
    got = acquisition._log_expected_improvement(Known(), points, 0.5)
    for (mean, deviation), value in zip(points, got, strict=True):
        density = scipy.stats.norm(mean, deviation)
        expected, _ = scipy.integrate.quad(lambda score, d=density: (0.5 - score) * d.pdf(score), mean - 12 * deviation, 0.5)
        assert value == pytest.approx(np.log(expected), rel=1e-4)
    # So far below that a float has no such probability, and at the joint of the two formulas.
    far = acquisition._log_expected_improvement(Known(), np.array([[z, 1.0] for z in np.linspace(5.5, 60, 200)]), 0.0)
    assert np.isfinite(far).all()
    assert (np.diff(far) < 0).all()


def test_how_bad_a_bad_score_is_does_not_matter():
    flat = acquisition._flattened(np.array([1.0, 2.0, 3.0, 4.0, 1e9]))
    assert flat[:3].tolist() == [1.0, 2.0, 3.0]
    assert flat[3] < flat[4] < 50
    assert acquisition._flattened(np.full(3, 2.0)).tolist() == [2.0] * 3


def test_the_best_and_the_latest_are_kept():
    tried = [({"x": place}, float(score)) for place, score in enumerate(np.random.default_rng(0).permutation(1000))]
    kept = acquisition._kept(tried)
    assert len(kept) == 300
    assert {score for _, score in kept} >= set(range(150))
    assert {values["x"] for values, _ in kept} >= set(range(900, 1000))
    assert acquisition._kept(tried[:50]) == tried[:50]


def space(step=None):
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0, step=step)
    hp.Choice("word", ["a", "b"])
    return Encoding(hp.space)


def propose(encoding, tried, failed=(), waiting=(), gone=()):
    gone = [*gone, *(values for values, _ in tried), *failed, *waiting]
    generator = np.random.default_rng(0)
    return acquisition.propose(encoding, tried, list(failed), list(waiting), is_tried=lambda values: values in gone, generator=generator)


def tried(*places, word="a"):
    return [({"x": x, "word": word}, (x - 0.3) ** 2) for x in places]


def test_it_looks_where_the_scores_are_low():
    values = propose(space(), [*tried(0.0, 0.2, 0.4, 0.6, 0.8, 1.0), *(({"x": x, "word": "b"}, 1.0) for x in (0.1, 0.3, 0.5, 0.9))])
    assert values["word"] == "a"
    assert values["x"] == pytest.approx(0.3, abs=0.1)


def test_it_keeps_away_from_what_failed():
    encoding = space()
    near = propose(encoding, tried(0.0, 0.5, 1.0))
    failed = [{"x": x, "word": word} for x in (0.2, 0.25, 0.3, 0.35) for word in ("a", "b")]
    away = propose(encoding, tried(0.0, 0.5, 1.0), failed)
    assert min(abs(away["x"] - one["x"]) for one in failed) > min(abs(near["x"] - one["x"]) for one in failed)


def test_a_small_space_is_gone_through_to_its_end():
    encoding, gone = space(step=0.25), []
    for _ in range(8):
        values = propose(encoding, tried(0.0, 0.5), gone=gone)
        assert values not in gone
        gone.append(values)
    assert propose(encoding, tried(0.0, 0.5), gone=gone) is None
