"""Each fault of KerasTuner 1.4.8 that `oracles` mends, shown in KerasTuner first; then what is ours alone."""

import json
import math

import keras_tuner
import numpy as np
import pytest
import threadpoolctl
from keras_tuner.engine import base_tuner

from hornbook.tuning.oracles import oracles

OBJECTIVE = keras_tuner.Objective("score", "min")
OURS = (oracles.RandomOracle, oracles.GridOracle, oracles.SobolOracle, oracles.BayesianOracle, oracles.HyperbandOracle)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with threadpoolctl.threadpool_limits(1):
        yield


def small():
    """Four configurations."""
    hp = keras_tuner.HyperParameters()
    hp.Choice("word", ["a", "b"])
    hp.Choice("number", [1, 2])
    return hp


def ranges(number=2):
    hp = keras_tuner.HyperParameters()
    for place in range(number):
        hp.Float(f"x{place}", 0.0, 1.0)
    return hp


def conditional():
    hp = keras_tuner.HyperParameters()
    hp.Choice("kind", ["plain", "deep"])
    with hp.conditional_scope("kind", ["deep"]):
        hp.Int("layers", 1, 8)
    return hp


class Quick(base_tuner.BaseTuner):
    """A tuner whose trials are a function of their values."""

    def __init__(self, oracle, folder, score):
        self.score = score
        super().__init__(oracle, directory=folder.parent, project_name=folder.name)

    def run_trial(self, trial):
        return {"score": self.score(trial.hyperparameters.values)}


def in_folder(oracle, folder):
    oracle._set_project_dir(str(folder.parent), folder.name)
    return oracle


def begin(oracle, name=None):
    return oracle.create_trial(name or f"asks{len(oracle.trials)}")


def end(oracle, trial, score, status="COMPLETED"):
    if score is not None:
        oracle.update_trial(trial.trial_id, {"score": score})
    trial.status = status
    oracle.end_trial(trial)


def search(oracle, score, trials):
    """The values of trials one after the other, and their scores."""
    found = []
    for _ in range(trials):
        trial = begin(oracle)
        if trial.status != "RUNNING":
            break
        found.append(dict(trial.hyperparameters.values))
        end(oracle, trial, score(found[-1]))
    return found, [oracle.trials[one].score for one in oracle.start_order]


def killed(values):
    raise KeyboardInterrupt


# KerasTuner's faults, and ours mended.


def killed_in_its_first_trial(oracle, folder):
    """Trials that a tuner knows of when it is started again."""
    with pytest.raises(KeyboardInterrupt):
        Quick(oracle(objective=OBJECTIVE, max_trials=3, hyperparameters=ranges()), folder, killed).search()
    again = Quick(oracle(objective=OBJECTIVE, max_trials=3, hyperparameters=ranges()), folder, lambda values: 1.0)
    known = list(again.oracle.trials)
    again.search()
    return known, again.oracle


def test_a_search_killed_in_its_first_trial_goes_on(tmp_path, capsys):
    known, _ = killed_in_its_first_trial(keras_tuner.oracles.RandomSearchOracle, tmp_path / "theirs")
    assert known == []
    known, oracle = killed_in_its_first_trial(oracles.RandomOracle, tmp_path / "ours")
    assert known == ["0"]
    # The trial that was cut off is run again.
    assert [trial.status for trial in oracle.trials.values()] == ["COMPLETED"] * 3


def test_an_oracle_file_that_was_cut_off(tmp_path):
    for oracle in (keras_tuner.oracles.RandomSearchOracle, oracles.RandomOracle):
        made = in_folder(oracle(objective=OBJECTIVE, max_trials=5, hyperparameters=ranges()), tmp_path / oracle.__name__)
        search(made, lambda values: values["x0"], 3)
        path = tmp_path / oracle.__name__ / "oracle.json"
        path.write_text(path.read_text()[:-20])
    theirs = keras_tuner.oracles.RandomSearchOracle(objective=OBJECTIVE, max_trials=5, hyperparameters=ranges())
    with pytest.raises(json.JSONDecodeError):
        in_folder(theirs, tmp_path / "RandomSearchOracle").reload()
    ours = in_folder(oracles.RandomOracle(objective=OBJECTIVE, max_trials=5, hyperparameters=ranges()), tmp_path / "RandomOracle")
    ours.reload()
    assert ours.start_order == ours.end_order == ["0", "1", "2"]
    assert [ours.trials[one].score for one in ours.end_order] == [made.trials[one].score for one in made.end_order]
    search(ours, lambda values: values["x0"], 9)
    assert len(ours.trials) == 5


def test_a_trial_file_that_was_cut_off(tmp_path):
    for oracle in (keras_tuner.oracles.RandomSearchOracle, *OURS):
        folder = tmp_path / oracle.__name__

        def made(oracle=oracle, folder=folder):
            options = {"max_epochs": 9} if "Hyperband" in oracle.__name__ else {"max_trials": 6}
            return in_folder(oracle(objective=OBJECTIVE, hyperparameters=ranges(), **options), folder)

        one = made()
        search(one, lambda values: values["x0"], 4)
        lost = one.start_order[1]
        kept = {trial_id: trial.hyperparameters.values for trial_id, trial in one.trials.items() if trial_id != lost}
        path = folder / f"trial_{lost}" / "trial.json"
        path.write_text(path.read_text()[:40])
        again = made()
        if oracle is keras_tuner.oracles.RandomSearchOracle:
            with pytest.raises(json.JSONDecodeError):
                again.reload()
            continue
        again.reload()
        assert again.start_order == [trial_id for trial_id in one.start_order if trial_id != lost]
        # What is proposed next takes no finished trial's place.
        values, _ = search(again, lambda values: values["x0"], 2)
        assert len(values) == 2
        for trial_id, own in kept.items():
            assert again.trials[trial_id].hyperparameters.values == own, oracle
        assert len(again.trials) == 5


def test_files_are_replaced_in_whole(tmp_path, monkeypatch):
    oracle = in_folder(oracles.RandomOracle(objective=OBJECTIVE, max_trials=5, hyperparameters=ranges()), tmp_path / "search")
    search(oracle, lambda values: 1.0, 1)
    before = {path: path.read_text() for path in (tmp_path / "search").rglob("*.json")}
    assert {path.name for path in before} == {"oracle.json", "trial.json", "tuner0.json"}

    def killed(*_):
        raise KeyboardInterrupt

    # Killed when the new file is written and before it takes the old one's place.
    monkeypatch.setattr("os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        oracle.save()
    with pytest.raises(KeyboardInterrupt):
        oracle._save_trial(oracle.trials["0"])
    assert {path: path.read_text() for path in before} == before


@pytest.mark.filterwarnings("ignore:All-NaN axis:RuntimeWarning")
@pytest.mark.parametrize("score", [math.inf, -math.inf, math.nan])
def test_a_score_that_is_no_number_fails_its_trial(score, tmp_path):
    theirs = in_folder(keras_tuner.oracles.RandomSearchOracle(objective=OBJECTIVE, hyperparameters=ranges()), tmp_path / "theirs")
    end(theirs, begin(theirs), score)
    assert theirs.trials[theirs.start_order[0]].status == ("FAILED" if math.isnan(score) else "COMPLETED")
    for kind in OURS:
        folder = tmp_path / kind.__name__
        ours = in_folder(kind(objective=OBJECTIVE, hyperparameters=ranges(), max_consecutive_failed_trials=None), folder)
        end(ours, begin(ours), score)
        (trial,) = ours.trials.values()
        assert (trial.status, trial.score, trial.message) == ("FAILED", None, f"score is {score}")
        # Strict JSON, which other programs read too.
        for path in folder.rglob("*.json"):
            json.loads(path.read_text(), parse_constant=pytest.fail)


@pytest.mark.filterwarnings("ignore")  # What scikit-learn says of KerasTuner's process.
def test_no_configuration_is_proposed_twice(tmp_path):
    def score(values):
        return values["number"] + (values["word"] == "a")

    theirs = keras_tuner.oracles.BayesianOptimizationOracle(
        objective=OBJECTIVE, max_trials=10, num_initial_points=2, seed=1, hyperparameters=small()
    )
    values, _ = search(in_folder(theirs, tmp_path / "theirs"), score, 10)
    assert len({tuple(one.values()) for one in values}) < len(values)
    for kind in (oracles.RandomOracle, oracles.GridOracle, oracles.SobolOracle, oracles.BayesianOracle):
        for seed in range(3):
            ours = kind(objective=OBJECTIVE, max_trials=10, seed=seed, hyperparameters=small())
            values, _ = search(in_folder(ours, tmp_path / f"{kind.__name__}{seed}"), score, 10)
            assert len({tuple(one.values()) for one in values}) == len(values) == 4


def test_failures_are_counted_backwards(tmp_path):
    def fail(oracle):
        end(oracle, begin(oracle), None, "FAILED")

    theirs = keras_tuner.oracles.RandomSearchOracle(objective=OBJECTIVE, max_trials=10, hyperparameters=ranges())
    in_folder(theirs, tmp_path / "theirs")
    ours = in_folder(
        oracles.RandomOracle(objective=OBJECTIVE, hyperparameters=ranges(), max_consecutive_failed_trials=3), tmp_path / "ours"
    )
    for oracle in (theirs, ours):
        fail(oracle)
        fail(oracle)
    with pytest.raises(RuntimeError):
        fail(theirs)
    with pytest.raises(RuntimeError, match="3 trials in a row failed"):
        fail(ours)
    # Theirs raised before it saved that trial, which is running for ever.
    states = [json.loads((tmp_path / path).read_text())["status"] for path in ("theirs/trial_02/trial.json", "ours/trial_0002/trial.json")]
    assert states == ["RUNNING", "FAILED"]
    again = oracles.RandomOracle(objective=OBJECTIVE, hyperparameters=ranges(), max_consecutive_failed_trials=3)
    in_folder(again, tmp_path / "ours").reload()
    assert again.failures_in_a_row() == 3
    end(again, begin(again), 1.0)
    assert again.failures_in_a_row() == 0
    fail(again)
    fail(again)
    with pytest.raises(RuntimeError, match="3 trials in a row failed"):
        fail(again)


def test_zero_is_a_seed(tmp_path):
    assert len({keras_tuner.oracles.RandomSearchOracle(objective=OBJECTIVE, seed=0).seed for _ in range(5)}) > 1
    for kind in OURS:
        seeds = [kind(objective=OBJECTIVE, seed=seed, hyperparameters=ranges()) for seed in (0, 0, 1)]
        first, second, other = (
            search(in_folder(oracle, tmp_path / f"{kind.__name__}{place}"), lambda values: values["x0"], 6)[0]
            for place, oracle in enumerate(seeds)
        )
        assert first == second, kind
        assert kind is oracles.GridOracle or first != other


def test_a_grid_that_is_resumed_goes_on(tmp_path, capsys):
    left = []
    for kind in (keras_tuner.oracles.GridSearchOracle, oracles.GridOracle):
        folder = tmp_path / kind.__name__
        Quick(kind(objective=OBJECTIVE, hyperparameters=small(), max_trials=2), folder, lambda values: 1.0).search()
        again = Quick(kind(objective=OBJECTIVE, hyperparameters=small()), folder, lambda values: 1.0)
        again.search()
        left.append([tuple(trial.hyperparameters.values.values()) for trial in again.oracle.trials.values()])
    assert len(left[0]) < 4
    assert left[1] == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


# What is ours.


@pytest.mark.parametrize("kind", [*OURS])
def test_a_search_that_is_cut_off_goes_on_as_one_that_is_not(kind, tmp_path):
    def score(values):
        return (values["x0"] - 0.3) ** 2 + values["x1"]

    def made(folder):
        return in_folder(kind(objective=OBJECTIVE, hyperparameters=ranges(), seed=3), tmp_path / folder)

    whole, _ = search(made("whole"), score, 9)
    parts = []
    for _ in range(3):
        oracle = made("parts")
        if parts:
            oracle.reload()
        parts += search(oracle, score, 3)[0]
    assert parts == whole


def test_sobol_points_cover_the_space(tmp_path):
    def largest_gap(kind, seed):
        oracle = in_folder(kind(objective=OBJECTIVE, hyperparameters=ranges(3), seed=seed), tmp_path / f"{kind.__name__}{seed}")
        points = np.array([list(values.values()) for values in search(oracle, lambda values: 1.0, 32)[0]])
        counts, _ = np.histogramdd(points, bins=2, range=[(0, 1)] * 3)
        return counts.min(), np.abs(points.mean(axis=0) - 0.5).max()

    for seed in range(3):
        least, off = largest_gap(oracles.SobolOracle, seed)
        assert least == 4  # Of 32 points, 4 in each of the 8 corners.
        assert off < 0.02


def test_bayesian_search_is_better_than_random(tmp_path):
    def score(values):
        # The lowest is 0, in a narrow valley; x3 does not matter.
        return (values["x0"] - 0.2) ** 2 + 4 * (values["x1"] - 0.7 * values["x0"]) ** 2 + abs(values["x2"] - 0.6)

    best = {}
    for kind in (oracles.RandomOracle, oracles.BayesianOracle):
        for seed in range(3):
            oracle = in_folder(kind(objective=OBJECTIVE, hyperparameters=ranges(4), seed=seed), tmp_path / f"{kind.__name__}{seed}")
            best.setdefault(kind, []).append(min(search(oracle, score, 25)[1]))
    assert np.median(best[oracles.BayesianOracle]) < 0.3 * np.median(best[oracles.RandomOracle])


def test_bayesian_search_maximizes(tmp_path):
    objective = keras_tuner.Objective("score", "max")
    oracle = in_folder(oracles.BayesianOracle(objective=objective, hyperparameters=ranges(1)), tmp_path / "search")
    _, scores = search(oracle, lambda values: -((values["x0"] - 0.8) ** 2), 14)
    assert max(scores) > -1e-3
    assert oracle.get_best_trials()[0].hyperparameters.values["x0"] == pytest.approx(0.8, abs=0.03)


def test_what_is_not_active_is_not_there(tmp_path):
    for kind in OURS:
        oracle = in_folder(kind(objective=OBJECTIVE, hyperparameters=conditional()), tmp_path / kind.__name__)
        values, _ = search(oracle, lambda values: values.get("layers", 9.0), 9)
        assert {one["kind"] for one in values} == {"plain", "deep"} or kind is oracles.HyperbandOracle
        assert all(("layers" in one) == (one["kind"] == "deep") for one in values)
        assert sum(one["kind"] == "plain" for one in values) == 1 or kind is oracles.HyperbandOracle


def test_it_begins_with_the_configuration_that_it_is_given(tmp_path):
    for kind in (oracles.RandomOracle, oracles.SobolOracle, oracles.BayesianOracle):
        first = {"kind": "plain", "layers": 4}
        oracle = in_folder(kind(objective=OBJECTIVE, hyperparameters=conditional(), first=first), tmp_path / kind.__name__)
        values, _ = search(oracle, lambda values: 1.0, 2)
        assert values[0] == {"kind": "plain"}


def test_trials_of_earlier_searches_are_learnt_from(tmp_path):
    def score(values):
        return (values["x0"] - 0.9) ** 2 + (values["x1"] - 0.1) ** 2

    points = np.random.default_rng(0).random((15, 2))
    known = [({"x0": a, "x1": b}, score({"x0": a, "x1": b})) for a, b in points.tolist()]
    warm = in_folder(oracles.BayesianOracle(objective=OBJECTIVE, hyperparameters=ranges(), known=known), tmp_path / "warm")
    assert min(search(warm, score, 3)[1]) < 0.01
    cold = in_folder(oracles.BayesianOracle(objective=OBJECTIVE, hyperparameters=ranges()), tmp_path / "cold")
    assert min(search(cold, score, 3)[1]) > 0.05


def test_trials_that_were_stopped_count_as_bad_and_are_not_proposed_again(tmp_path):
    oracle = in_folder(oracles.BayesianOracle(objective=OBJECTIVE, hyperparameters=ranges(1), num_initial=6), tmp_path / "search")
    found = []
    for _ in range(18):
        trial = begin(oracle)
        found.append(trial.hyperparameters.values["x0"])
        stopped = found[-1] > 0.5  # As networks that are too slow are, before anybody knows how good they would be.
        end(oracle, trial, None if stopped else -found[-1], "STOPPED" if stopped else "COMPLETED")
    assert len(set(found)) == 18
    assert sum(value > 0.6 for value in found[6:]) <= 1
    assert 0.4 < -min(trial.score for trial in oracle.trials.values() if trial.score is not None) <= 0.5


def test_trials_that_run_are_not_proposed_again(tmp_path):
    oracle = in_folder(oracles.BayesianOracle(objective=OBJECTIVE, hyperparameters=ranges(), num_initial=4), tmp_path / "search")
    search(oracle, lambda values: (values["x0"] - 0.5) ** 2 + values["x1"], 8)
    together = np.array([list(begin(oracle).hyperparameters.values.values()) for _ in range(4)])
    assert len(np.unique(together, axis=0)) == 4
    assert [trial.trial_id for trial in oracle.take_running()] == oracle.start_order[-4:]


@pytest.mark.parametrize("kind", OURS)
def test_keras_tuner_reads_the_folder(kind, tmp_path, capsys):
    oracle = in_folder(kind(objective=OBJECTIVE, hyperparameters=ranges(), seed=3), tmp_path / "search")
    _, scores = search(oracle, lambda values: values["x0"], 4)
    reader = keras_tuner.oracles.RandomSearchOracle(objective=OBJECTIVE, hyperparameters=ranges())
    tuner = Quick(reader, tmp_path / "search", lambda values: 1.0)
    tuner.oracle.reload()
    assert tuner.oracle.get_best_trials()[0].score == min(scores)
    tuner.results_summary(2)
    assert f"Score: {min(scores)}" in capsys.readouterr().out


def test_hyperband_trains_the_best_for_longer(tmp_path):
    oracle = in_folder(oracles.HyperbandOracle(objective=OBJECTIVE, max_epochs=9, hyperparameters=ranges()), tmp_path / "search")
    values, _ = search(oracle, lambda values: values["x0"] / values["tuner/epochs"], 100)
    by_epochs = {}
    for one in values:
        by_epochs.setdefault(one["tuner/epochs"], []).append(one["x0"])
    assert set(by_epochs) == {1, 3, 9}
    assert len(by_epochs[1]) > len(by_epochs[9])
    first = [one["x0"] for one in values if one["tuner/bracket"] == 2 and one["tuner/round"] == 0]
    second = [one["x0"] for one in values if one["tuner/bracket"] == 2 and one["tuner/round"] == 1]
    assert sorted(second) == sorted(first)[: len(second)]
