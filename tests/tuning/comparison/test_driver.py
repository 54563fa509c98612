"""Comparisons with a fleet that trains nothing: what is trained, what is not trained again, what is written."""

import csv
import dataclasses
import json
import math
import pathlib

import pytest

from hornbook import UserError, files
from hornbook.recipes import regression, tabular_classification
from hornbook.tuning.comparison import command, driver, grid, report
from hornbook.tuning.workers import many

ARGS = command.Args(vary=("width=8,16",), seeds=3, metrics="accuracy,seconds_an_epoch")
BASE = tabular_classification.Args(dataset="wine", epochs=2)
HISTORY = "epoch,loss,seconds\n1,2.0,5.0\n2,1.0,6.0\n"


class Fleet:
    """What `LocalWorkers` is to a comparison; `outcome` is a function of a run's options to an outcome, None for a kill."""

    outcome, begun = None, []

    def __init__(self, count, threads):
        self.count, self._running = count, {}

    @property
    def free(self):
        return self.count - len(self._running)

    def start(self, key, task, folder):
        self.begun.append(key)
        self._running[key] = task, pathlib.Path(folder)

    def finished(self):
        ended = []
        for key, (task, folder) in self._running.items():
            options = task["runs"][0]["options"]
            outcome = type(self).outcome(options)
            if outcome:
                files.write_json(folder / "outcome.json", outcome)
            if outcome and "metrics" in outcome:
                (folder / "run").mkdir(exist_ok=True)
                (folder / "run/history.csv").write_text(HISTORY)
            ended.append((key, outcome))
        self._running = {}
        return ended

    def running(self):
        return list(self._running)

    def stop_all(self):
        pass

    def close(self):
        pass


def trained(options):
    score = 0.8 + options["width"] / 100 + options["seed"] / 1000 * (1 if options["width"] == 8 else 3)
    further = {"test": {"accuracy": score - 0.1}}
    return {"metrics": {"accuracy": [score]}, "evaluated_on": "validation", "further": further, "seconds": 4.0, "parameters": 10}


@pytest.fixture
def fleet(monkeypatch):
    monkeypatch.setattr(many.local, "LocalWorkers", Fleet)
    monkeypatch.setattr(Fleet, "outcome", staticmethod(trained))
    monkeypatch.setattr(Fleet, "begun", [])
    return Fleet


def plan(args=ARGS, base=BASE):
    factors = [grid.vary_factor(written, tabular_classification) for written in args.vary]
    return driver.plan("tabular_classification", tabular_classification, args, base, factors)


def compare(folder, args=ARGS, **options):
    said = []
    rows = driver.compare(plan(args, **options), folder, workers=2, said=said.append)
    return rows, said


def table(folder, name="comparison.csv"):
    return list(csv.DictReader((folder / name).read_text().splitlines()))


def test_every_level_is_trained_once_a_seed(fleet, tmp_path):
    rows, said = compare(tmp_path)
    assert len(fleet.begun) == len(set(fleet.begun)) == len(rows) == 6
    found = table(tmp_path)
    assert [(row["width"], row["seed"]) for row in found] == [("8", "0"), ("16", "0"), ("8", "1"), ("16", "1"), ("8", "2"), ("16", "2")]
    assert [float(row["validation_accuracy"]) for row in found[:2]] == pytest.approx([0.88, 0.96])
    assert float(found[0]["test_accuracy"]) == pytest.approx(0.78)
    assert found[0]["seconds_an_epoch"] == "1.0"
    [_, wide, *_] = table(tmp_path, "levels.csv")
    assert float(wide["difference"]) == pytest.approx(0.082)
    assert wide["verdict"] == "better"
    assert "width 8, seed 0: accuracy 0.8800" in said[1]
    assert (tmp_path / "report.html").exists()


def test_runs_are_scored_on_validation_data_and_the_test_data_once(fleet, tmp_path):
    tasks = []
    fleet.outcome = staticmethod(lambda options: tasks.append(options) or trained(options))
    compare(tmp_path)
    assert {options["evaluate"] for options in tasks} == {"validation"}
    assert not any(options["floor"] for options in tasks)


def test_what_has_finished_is_not_trained_again(fleet, tmp_path):
    compare(tmp_path)
    before = (tmp_path / "levels.csv").read_text()
    fleet.begun.clear()
    compare(tmp_path)
    assert not fleet.begun
    assert (tmp_path / "levels.csv").read_text() == before


def test_more_levels_seeds_and_metrics_are_added(fleet, tmp_path):
    compare(tmp_path)
    first = set(fleet.begun)
    fleet.begun.clear()
    compare(tmp_path, command.Args(vary=("width=8,16,32",), seeds=4, metrics="parameters"))
    assert not first & set(fleet.begun)
    assert len(fleet.begun) == 3 * 4 - 6
    assert {row["parameters"] for row in table(tmp_path)} == {"10.0"}


def test_a_level_of_another_option_is_added(fleet, tmp_path):
    def compared(*levels):
        factor = grid.Factor(grid.NAMED, tuple(grid.Level(str(place), options) for place, options in enumerate(levels)))
        made = driver.plan("tabular_classification", tabular_classification, ARGS, BASE, [factor])
        driver.compare(made, tmp_path, workers=2, said=lambda line: None)

    compared({"width": 8}, {"width": 16})
    first = set(fleet.begun)
    fleet.begun.clear()
    compared({"width": 8}, {"width": 16}, {"width": 8, "dropout": 0.3})
    assert not first & set(fleet.begun)
    assert len(fleet.begun) == 3


def test_options_that_the_recipe_had_not_yet_are_as_if_left_out(fleet, tmp_path):
    compare(tmp_path)
    asked = json.loads((tmp_path / "comparison.json").read_text())
    del asked["options"]["dropout"]
    (tmp_path / "comparison.json").write_text(json.dumps(asked))
    fleet.begun.clear()
    compare(tmp_path)
    assert fleet.begun == []
    with pytest.raises(UserError, match=r"holds a comparison with options dropout None, and this one has 0\.3"):
        compare(tmp_path, base=dataclasses.replace(BASE, dropout=0.3))


def test_other_options_are_another_comparison(fleet, tmp_path):
    compare(tmp_path)
    with pytest.raises(UserError, match=r"holds a comparison with options epochs 2, and this one has 3; .*pass another --output"):
        compare(tmp_path, base=tabular_classification.Args(dataset="wine", epochs=3))


def test_the_folder_of_something_else_is_left_alone(fleet, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match=r"not the folder of a comparison \(it has thesis.txt\)"):
        compare(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_run_that_fails_is_reported_and_the_others_finish(fleet, tmp_path):
    fail = {"error": "the labels are <b>odd</b>"}
    fleet.outcome = staticmethod(lambda options: fail if (options["width"], options["seed"]) == (16, 1) else trained(options))
    rows, said = compare(tmp_path)
    assert [row.state for row in rows].count("failed") == 1
    [failed] = [row for row in table(tmp_path) if row["state"] == "failed"]
    assert (failed["width"], failed["seed"], failed["error"]) == ("16", "1", "the labels are <b>odd</b>")
    assert any("the labels are" in line for line in said)
    page = (tmp_path / "report.html").read_text()
    assert "the labels are &lt;b&gt;odd&lt;/b&gt;" in page
    assert "1 of 3 runs failed" in " ".join(report.in_words(plan(), rows))


def test_what_failed_is_begun_again_only_where_that_is_asked_for(fleet, tmp_path):
    fleet.outcome = staticmethod(lambda options: {"error": "no"} if options["width"] == 16 else trained(options))
    rows, _ = compare(tmp_path)
    failed = next(row for row in rows if row.state == "failed")
    left = tmp_path / "runs" / failed.cell.folder / "run/checkpoint"
    left.mkdir(parents=True)
    fleet.outcome = staticmethod(trained)
    fleet.begun.clear()
    compare(tmp_path)
    assert not fleet.begun
    rows = driver.compare(plan(), tmp_path, workers=2, retry_failed=True, said=lambda line: None)
    assert len(fleet.begun) == 3
    assert {row.state for row in rows} == {"finished"}
    assert not left.exists()


def test_all_runs_failed(fleet, tmp_path):
    fleet.outcome = staticmethod(lambda options: {"error": "no such data"})
    with pytest.raises(UserError, match="all 6 runs failed; the first: no such data"):
        compare(tmp_path)


def test_a_process_that_is_killed_is_begun_again_but_not_for_ever(fleet, tmp_path):
    fleet.outcome = staticmethod(lambda options: None if (options["width"], options["seed"]) == (16, 1) else trained(options))
    rows, _ = compare(tmp_path)
    [failed] = [row for row in rows if row.state == "failed"]
    assert fleet.begun.count(failed.cell.folder) == 3
    assert failed.error == "its process was killed; is there enough memory for it?"


@pytest.mark.parametrize("content", ['{"metrics": "many"}', '{"metrics": {"accuracy": []}}', '{"stopped": "too slow"}', "{}"])
def test_an_outcome_that_nobody_wrote_is_trained_again(fleet, tmp_path, content):
    rows, _ = compare(tmp_path)
    (tmp_path / "runs" / rows[0].cell.folder / "outcome.json").write_text(content)
    fleet.begun.clear()
    compare(tmp_path)
    assert fleet.begun == [rows[0].cell.folder]


def test_what_an_outcome_leaves_out_is_nothing(fleet, tmp_path):
    rows, _ = compare(tmp_path)
    (tmp_path / "runs" / rows[0].cell.folder / "outcome.json").write_text('{"metrics": {"accuracy": [0.5]}}')
    fleet.begun.clear()
    again, _ = compare(tmp_path)
    assert fleet.begun == []
    assert again[0].seconds == 0.0
    assert math.isnan(again[0].value(plan().chosen[0], "test"))


def test_a_data_set_twice(fleet, tmp_path):
    with pytest.raises(UserError, match="--datasets wine,wine has one twice"):
        plan(command.Args(vary=("width=8,16",), datasets="wine,wine"))


def test_names_in_the_report_are_texts(fleet, tmp_path):
    factors = [grid.Factor("level", (grid.Level("<script>", {"width": 8}), grid.Level("b\x1b[2J", {"width": 16})))]
    made = driver.plan("tabular_classification", tabular_classification, ARGS, BASE, factors)
    driver.compare(made, tmp_path, workers=2, said=lambda line: None)
    page = (tmp_path / "report.html").read_text()
    assert "<script>" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page


def test_settings_are_whole_json(fleet, tmp_path):
    compare(tmp_path)
    asked = json.loads((tmp_path / "comparison.json").read_text())
    assert asked["recipe"] == "tabular_classification"
    assert asked["factors"] == ["width"]
    assert asked["options"]["width"] == BASE.width
    assert "dataset" not in asked["options"]


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"recipe": 3}', "[" * 100_000])
def test_settings_that_no_comparison_wrote(fleet, tmp_path, content):
    (tmp_path / "comparison.json").write_text(content)
    with pytest.raises(UserError, match=r"comparison\.json is not") as refused:
        compare(tmp_path)
    assert "\n" not in str(refused.value)
    assert not fleet.begun


def test_a_link_in_its_folder_is_not_followed(fleet, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/comparison.csv").symlink_to(tmp_path / "elsewhere/theirs.csv")
    (tmp_path / "out/comparison.json").write_text("{}")
    with pytest.raises(UserError, match=r"comparison\.csv is a link"):
        compare(tmp_path / "out")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_data_that_change_are_refused_before_and_behind_the_runs(fleet, tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("size,label\n1,a\n2,b\n")
    own, folder = dataclasses.replace(BASE, dataset=f"csv:{rows}"), tmp_path / "out"

    def written_meanwhile(options):
        rows.write_text(rows.read_text() + "3,a\n")
        return trained(options)

    fleet.outcome = staticmethod(written_meanwhile)
    with pytest.raises(UserError, match=r"rows.csv has changed since a comparison"):
        compare(folder, base=own)
    assert len(table(folder)) == 6  # What the runs gave is kept.
    fleet.begun.clear()
    with pytest.raises(UserError, match=r"rows.csv has changed since a comparison"):
        compare(folder, base=own)
    assert not fleet.begun


def test_the_recall_of_a_class_is_for_classes(fleet, tmp_path):
    fleet.outcome = staticmethod(lambda options: {**trained(options), "recalls": {"validation": {"class_1": options["width"] / 100}}})
    compare(tmp_path, dataclasses.replace(ARGS, metrics="recall:class_1"))
    assert [row["validation_recall:class_1"] for row in table(tmp_path)][:2] == ["0.08", "0.16"]
    factors, args = [grid.vary_factor("width=8,16", regression)], command.Args(vary=("width=8,16",), metrics="recall:a")
    with pytest.raises(UserError, match="no run of regression reports it"):
        driver.plan("regression", regression, args, regression.Args(), factors)


def test_the_worst_group_is_of_runs_that_have_groups_and_of_one_part():
    worst = dataclasses.replace(ARGS, metrics="worst_group_accuracy")
    with pytest.raises(UserError, match="no run of tabular-classification reports it"):
        plan(worst)
    grouped = dataclasses.replace(BASE, robust_column="place")
    with pytest.raises(UserError, match="pass --evaluate test or validation"):
        plan(dataclasses.replace(worst, evaluate="both"), grouped)
    assert plan(dataclasses.replace(worst, evaluate="test"), grouped).chosen[0].name == "worst_group_accuracy"
