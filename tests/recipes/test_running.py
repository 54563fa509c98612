import json
import statistics

import pytest

from hornbook import UserError, files
from hornbook.recipes import running

CONFIG = {"recipe": "r", "epochs": 3, "output": None}


def runner(ran):
    """A run that takes no time, and says so."""

    def run_one(seed, folder):
        ran.append(seed)
        folder.mkdir(parents=True)
        result = {"metrics": {"accuracy": 0.9 + seed / 100, "loss": 1.0 - seed / 10}, "seconds": 2.0}
        files.write_json(folder / "config.json", {**CONFIG, "seed": seed, "output": str(folder)})
        files.write_json(folder / "result.json", result)
        return result

    return run_one


def test_mean_and_spread_of_all_seeds(tmp_path):
    ran = []
    summary = running.over_seeds(runner(ran), range(2, 5), tmp_path / "all", CONFIG)
    assert ran == [2, 3, 4]
    assert summary["seeds"] == [2, 3, 4]
    assert summary["seconds"] == 6.0
    scores = [0.92, 0.93, 0.94]
    assert summary["metrics"]["accuracy"]["mean"] == pytest.approx(statistics.mean(scores))
    assert summary["metrics"]["accuracy"]["standard_deviation"] == pytest.approx(statistics.stdev(scores))
    assert summary["metrics"]["loss"]["mean"] == pytest.approx(0.7)
    assert sorted(entry.name for entry in (tmp_path / "all").iterdir()) == ["seed-2", "seed-3", "seed-4", "seeds.json"]
    assert json.loads((tmp_path / "all" / "seeds.json").read_text()) == json.loads(json.dumps(summary))


def test_finished_runs_are_read_not_run_again(tmp_path):
    first = running.over_seeds(runner([]), range(2), tmp_path, CONFIG)
    ran = []
    assert running.over_seeds(runner(ran), range(2), tmp_path, CONFIG) == first
    assert ran == []
    more = running.over_seeds(runner(ran), range(3), tmp_path, CONFIG)
    assert ran == [2]
    assert more["seeds"] == [0, 1, 2]


def test_finished_runs_of_other_options_are_refused(tmp_path):
    running.over_seeds(runner([]), range(2), tmp_path, CONFIG)
    ran = []
    with pytest.raises(UserError, match="--epochs 3, and this one has 4"):
        running.over_seeds(runner(ran), range(2), tmp_path, {**CONFIG, "epochs": 4})
    assert ran == []


def test_a_seed_that_fails_stops_the_rest_and_leaves_the_finished(tmp_path):
    whole = runner([])

    def run_one(seed, folder):
        if seed == 1:
            raise UserError("the loss is nan")
        return whole(seed, folder)

    with pytest.raises(UserError, match="the loss is nan"):
        running.over_seeds(run_one, range(3), tmp_path, CONFIG)
    assert [entry.name for entry in tmp_path.iterdir()] == ["seed-0"]
