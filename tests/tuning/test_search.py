"""Searches with a fleet that trains nothing: what is written, what is run again and what is not."""

import csv
import json
import pathlib

import keras_tuner
import pytest

from hornbook import UserError, command_line, files
from hornbook.recipes import tabular_classification
from hornbook.tuning import pruning, search, settings
from hornbook.tuning.oracles import oracles

OBJECTIVE = keras_tuner.Objective("loss", "min")
KILLED = None


class Watched:
    """A rule that stops no trial and keeps what it is told."""

    def __init__(self):
        self.seen = []

    def add(self, course):
        self.seen.append(course)

    def reason(self, course):
        return None


class Fleet:
    """What `LocalWorkers` is to a search; `outcome` is a function from a trial's key and first options to an outcome, None for a kill."""

    def __init__(self, outcome, count=1):
        self.outcome, self.count, self.begun, self.stopped, self.closed = outcome, count, [], [], False
        self._running = {}

    @property
    def free(self):
        return self.count - len(self._running)

    def start(self, key, task, folder):
        assert pathlib.Path(folder).is_dir()
        self.begun.append(key)
        self._running[key] = task, folder

    def finished(self):
        ended = []
        for key, (task, folder) in list(self._running.items()):
            outcome = self.outcome(key, task["runs"][0]["options"])
            if outcome == "running":
                continue
            del self._running[key]
            if outcome is not None:
                files.write_json(folder / "outcome.json", outcome)
                outcome = json.loads((folder / "outcome.json").read_text())
            ended.append((key, outcome))
        return ended

    def stop(self, key):
        self.stopped.append(key)
        del self._running[key]

    def running(self):
        return list(self._running)

    def stop_all(self):
        self._running.clear()
        self.closed = True


def scored(value):
    values = value if isinstance(value, list) else [value]
    return {"metrics": {"loss": values, "accuracy": [0.5] * len(values)}, "seconds": 1.0, "parameters": 7, "findings": []}


def by_dropout(key, options):
    return scored(options["dropout"])


def space(hp):
    return {"dropout": hp.Float("dropout", 0.0, 0.5)}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(search, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(search, "_RULES_SECONDS", 0.0)


def made(folder, fleet, trials=4, **options):
    """A search in a folder, taken up again where there is one."""
    hp = keras_tuner.HyperParameters()
    space(hp)
    oracle = oracles.RandomOracle(objective=OBJECTIVE, max_trials=trials, hyperparameters=hp, max_consecutive_failed_trials=None)
    folder.mkdir(exist_ok=True)
    oracle._set_project_dir(str(folder.parent), folder.name)
    if (folder / "oracle.json").exists():
        oracle.reload()
    plan_options = {name: options.pop(name) for name in ("seeds", "folds") if name in options}
    plan = search.Plan("tabular_classification", tabular_classification.Args(epochs=7), space, **plan_options)
    return search.Search(folder, plan, oracle, fleet, show=lambda one: None, **options)


def table(folder):
    with open(folder / "trials.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_what_a_search_leaves(tmp_path):
    fleet = Fleet(by_dropout, count=2)
    best = made(tmp_path / "search", fleet).run()
    rows = table(tmp_path / "search")
    assert [row["trial"] for row in rows] == fleet.begun == ["0", "1", "2", "3"]
    assert {row["state"] for row in rows} == {"finished"}
    assert [float(row["loss"]) for row in rows] == pytest.approx([float(row["dropout"]) for row in rows])
    assert best.score == min(float(row["loss"]) for row in rows)
    config = json.loads((tmp_path / "search/best.json").read_text())
    assert config["dropout"] == best.hyperparameters.values["dropout"]
    args = command_line.from_config(tabular_classification.Args, config, "best.json")
    assert (args.epochs, args.evaluate, args.output) == (7, "test", None)
    assert fleet.closed


def test_of_equal_scores_the_smallest_network_is_the_best(tmp_path):
    sizes = {"0": 90, "1": 50, "2": 70, "3": 10}
    fleet = Fleet(lambda key, options: {**scored(0.75 if key == "3" else 0.5), "parameters": sizes[key]})
    best = made(tmp_path / "search", fleet).run()
    assert (best.trial_id, best.score) == ("1", 0.5)
    assert json.loads((tmp_path / "search/best.json").read_text())["dropout"] == best.hyperparameters.values["dropout"]


def test_the_runs_of_a_trial(tmp_path):
    seen = []

    class Watched(Fleet):
        def start(self, key, task, folder):
            seen.extend(task["runs"])
            super().start(key, task, folder)

    made(tmp_path / "search", Watched(lambda key, options: scored([0.2, 0.4, 0.6, 0.8])), trials=1, seeds=(3, 4), folds=2).run()
    assert [(one["options"]["seed"], one["options"]["fold"]) for one in seen] == [(3, "1/2"), (3, "2/2"), (4, "1/2"), (4, "2/2")]
    assert {one["options"]["evaluate"] for one in seen} == {"validation"}  # The test data are never seen.
    assert len({one["output"] for one in seen}) == 4
    assert float(table(tmp_path / "search")[0]["loss"]) == pytest.approx(0.5)


def test_a_killed_trial_is_started_again(tmp_path):
    kills = {"1": 2}

    def outcome(key, options):
        if kills.get(key):
            kills[key] -= 1
            return KILLED
        return by_dropout(key, options)

    fleet = Fleet(outcome)
    made(tmp_path / "search", fleet).run()
    assert [row["state"] for row in table(tmp_path / "search")] == ["finished"] * 4
    assert fleet.begun == ["0", "1", "1", "1", "2", "3"]


def test_a_trial_killed_three_times_without_progress_fails(tmp_path):
    def epochs_of(key):
        return tmp_path / f"search/trial_{key}/seed-0/history.csv"

    kills = []

    def outcome(key, options):
        if key == "1":
            return KILLED
        if key == "2" and len(kills) < 5:  # Gets further each time.
            kills.append(key)
            epochs_of(key).parent.mkdir(exist_ok=True)
            epochs_of(key).write_text("epoch,val_loss\n" + "1,0.5\n" * len(kills))
            return KILLED
        return by_dropout(key, options)

    fleet = Fleet(outcome)
    made(tmp_path / "search", fleet).run()
    rows = table(tmp_path / "search")
    assert [row["state"] for row in rows] == ["finished", "failed", "finished", "finished"]
    assert "killed 3 times without finishing an epoch" in rows[1]["reason"]
    assert (fleet.begun.count("1"), fleet.begun.count("2")) == (3, 6)


def test_failures_in_a_row_stop_it_with_the_first_and_it_can_go_on(tmp_path):
    broken = True

    def outcome(key, options):
        return {"error": f"no such thing as {key}"} if broken and key != "0" else by_dropout(key, options)

    with pytest.raises(UserError) as raised:
        made(tmp_path / "search", Fleet(outcome), trials=9, stop_after_failures=3).run()
    told = str(raised.value)
    assert "3 trials failed one after the other" in told
    assert "trial 1: no such thing as 1; see " in told
    assert "\n" not in told
    assert [row["state"] for row in table(tmp_path / "search")] == ["finished", "failed", "failed", "failed"]
    assert table(tmp_path / "search")[2]["reason"] == "no such thing as 2"
    broken = False
    fleet = Fleet(outcome)
    assert made(tmp_path / "search", fleet, trials=9, stop_after_failures=3).run() is not None
    assert fleet.begun == ["4", "5", "6", "7", "8"]


def test_failures_that_are_not_in_a_row_do_not_stop_it(tmp_path):
    fleet = Fleet(lambda key, options: {"error": "wrong"} if int(key) % 2 else by_dropout(key, options))
    made(tmp_path / "search", fleet, trials=8, stop_after_failures=2).run()
    assert [row["state"] for row in table(tmp_path / "search")] == ["finished", "failed"] * 4


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, [0.1, None]])
def test_an_objective_that_is_no_number_fails_its_trial(value, tmp_path):
    fleet = Fleet(lambda key, options: scored(value) if key == "0" else by_dropout(key, options))
    best = made(tmp_path / "search", fleet, trials=3).run()
    rows = table(tmp_path / "search")
    assert [row["state"] for row in rows] == ["failed", "finished", "finished"]
    assert rows[0]["loss"] == ""
    assert "loss is not a number: the training diverged" in rows[0]["reason"]
    assert best.trial_id != "0"


def test_the_budget_begins_no_trial_after_it(tmp_path):
    fleet = Fleet(by_dropout)
    assert made(tmp_path / "search", fleet, budget_seconds=0).run() is None
    assert fleet.begun == []
    made(tmp_path / "search", fleet, budget_seconds=1e6).run()
    assert len(fleet.begun) == 4


class DriverDied(BaseException):
    pass


def test_an_outcome_that_nobody_read_is_read_and_not_run_again(tmp_path):
    class Dies(Fleet):
        """The driver dies after the trials ended and before it reads of the last; another is half done."""

        def finished(self):
            if len(self.begun) < 4:
                return super().finished()
            key = self.begun[2]
            assert "began" in json.loads((tmp_path / "search/times.json").read_text())["trials"][key]  # A killed driver writes no more.
            files.write_json(tmp_path / f"search/trial_{key}/outcome.json", scored(0.125))
            raise DriverDied

    fleet = Dies(by_dropout, count=2)
    with pytest.raises(DriverDied):
        made(tmp_path / "search", fleet, trials=6).run()
    assert fleet.closed
    again, rule = Fleet(by_dropout), Watched()
    made(tmp_path / "search", again, trials=6, rules=[rule]).run()
    assert len(rule.seen) == 6
    assert all(course.elapsed >= 1.0 for course in rule.seen)  # The seconds that the trials say they took.
    unread, half = fleet.begun[2], fleet.begun[3]
    assert again.begun == [half, "4", "5"]
    rows = {row["trial"]: row for row in table(tmp_path / "search")}
    assert len(rows) == 6
    assert {row["state"] for row in rows.values()} == {"finished"}
    assert float(rows[unread]["loss"]) == 0.125


def test_a_finished_search_goes_on_with_more_trials(tmp_path):
    made(tmp_path / "search", Fleet(by_dropout), trials=8).run()
    before = {row["trial"]: row["dropout"] for row in table(tmp_path / "search")}
    fleet = Fleet(by_dropout)
    made(tmp_path / "search", fleet, trials=12).run()
    after = table(tmp_path / "search")
    assert len(after) == 12
    assert len({row["trial"] for row in after}) == 12
    assert {row["trial"]: row["dropout"] for row in after[:8]} == before
    assert len(fleet.begun) == 4


@pytest.mark.parametrize(
    ("rule", "bad", "good", "reason"),
    [
        (
            pruning.MedianRule(),
            "1,0.9,1.0\n",
            "1,0.5,1.0\n2,0.4,2.0\n",
            "stopped after epoch 1: worse than the median of the others by then",
        ),
        (pruning.SlowRule(10), "1,0.1,10.5\n", "1,0.5,1.0\n2,0.4,2.0\n", "stopped after epoch 1 as too slow: 10 s, more than 10 times"),
    ],
)
def test_a_trial_that_a_rule_stops_is_no_failure(rule, bad, good, reason, tmp_path):
    def outcome(key, options):
        path = tmp_path / f"search/trial_{key}/seed-0/history.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("epoch,val_loss,seconds\n" + (bad if key in ("4", "5") else good))
        return "running" if key in ("4", "5") else by_dropout(key, options)

    fleet = Fleet(outcome)
    made(tmp_path / "search", fleet, trials=7, rules=[rule], stop_after_failures=1).run()
    rows = table(tmp_path / "search")
    assert [row["state"] for row in rows] == ["finished"] * 4 + ["stopped early"] * 2 + ["finished"]
    assert rows[4]["reason"].startswith(reason)
    assert rows[4]["loss"] == ""
    assert float(rows[4]["seconds"]) >= 0
    assert fleet.stopped == ["4", "5"]


def test_a_search_that_goes_on_tells_its_rules_what_has_finished(tmp_path):
    made(tmp_path / "search", Fleet(by_dropout), trials=3, rules=[Watched()]).run()
    rule = Watched()
    made(tmp_path / "search", Fleet(by_dropout), trials=5, rules=[rule]).run()
    assert len(rule.seen) == 5
    assert all(course.elapsed >= 0 for course in rule.seen)


def plan():
    return search.Plan("tabular_classification", tabular_classification.Args(), space)


def test_the_best_is_trained_again_and_tested(tmp_path):
    seen = []

    class Watched(Fleet):
        def start(self, key, task, folder):
            seen.append(task["runs"][0]["options"])
            super().start(key, task, folder)

    kills = [5]

    def outcome(key, options):
        return KILLED if key in kills and not kills.remove(key) else scored(options["seed"] / 10)

    found = search.train_best(tmp_path / "final", plan(), {"dropout": 0.25}, Watched(outcome, count=2), seeds=(4, 5, 6))
    assert found["metrics"]["loss"]["mean"] == pytest.approx(0.5)
    assert found["metrics"]["loss"]["standard_deviation"] == pytest.approx(0.1)
    assert found["seeds"] == [4, 5, 6]
    assert {(one["dropout"], one["evaluate"]) for one in seen} == {(0.25, "test")}
    assert sorted(one["seed"] for one in seen) == [4, 5, 5, 6]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ({"error": "no disk"}, "the best configuration, trained again with seed 1: no disk; see "),
        (KILLED, "its process was killed; is there enough memory for it"),
        (scored(None), "seed 1: loss is not a number"),
    ],
)
def test_the_best_cannot_be_trained_again(outcome, words, tmp_path):
    fleet = Fleet(lambda key, options: outcome)
    with pytest.raises(UserError, match=words):
        search.train_best(tmp_path / "final", plan(), {"dropout": 0.25}, fleet, seeds=(1, 2), objective="loss")
    assert fleet.closed


def test_a_metric_that_a_final_run_lacks_is_left_out(tmp_path):
    fleet = Fleet(lambda key, options: {"metrics": {"loss": [0.5], "auc": [None]}, "seconds": 1.0})
    found = search.train_best(tmp_path / "final", plan(), {"dropout": 0.25}, fleet, seeds=(1,), objective="loss")
    assert found["metrics"].keys() == {"loss"}


SETTINGS = {
    "recipe": "a",
    "options": {"epochs": 3, "width": 8},
    "space": [{"config": {"name": "x", "max": 1}}],
    "tuner": "random",
    "objective": "r2",
}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"options": {"epochs": 4, "width": 8}}, "holds a search with options epochs 3, and this one has 4; go on with what it began with"),
        ({"space": [{"config": {"name": "x", "max": 2}}]}, "another space: x is not the same"),
        ({"space": []}, "another space: x is not the same"),
        ({"tuner": "bayesian"}, "holds a search with tuner random, and this one has bayesian"),
    ],
)
def test_a_search_that_was_asked_otherwise_is_refused(changed, words, tmp_path):
    import os

    lock, again = settings.claim(tmp_path / "search", SETTINGS, settings.SEARCH)
    assert not again
    with pytest.raises(UserError, match="another process is at work in"):
        settings.claim(tmp_path / "search", SETTINGS, settings.SEARCH)
    os.close(lock)
    with pytest.raises(UserError, match=words) as raised:
        settings.claim(tmp_path / "search", {**SETTINGS, **changed}, settings.SEARCH)
    assert f"--output NEW --warm-start {tmp_path / 'search'}" in str(raised.value)
    lock, again = settings.claim(tmp_path / "search", SETTINGS, settings.SEARCH)  # The refused one let go of the folder.
    assert again
    os.close(lock)


def test_a_folder_of_something_else_is_left_as_it_is(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UserError, match=r"is not empty and not the folder of a search \(it has thesis.tex\); pass another --output"):
        settings.claim(tmp_path, SETTINGS, settings.SEARCH)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(UserError, match=r"--output .* cannot be written"):
        settings.claim(tmp_path / "thesis.tex" / "search", SETTINGS, settings.SEARCH)
