"""What a table says of runs whose scores the test knows."""

import csv
import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from hornbook.evaluation import paired
from hornbook.tuning.comparison import driver, grid, measures, report, table

ACCURACY = measures.parse("accuracy")


class Run:
    """A finished run with one score."""

    def __init__(self, score):
        self.score = score

    def value(self, measure, part):
        return self.score if part == "validation" else self.score - 0.5


def rows(scores, factors, dataset="data"):
    """Rows of runs: `scores` is a dict of a tuple of levels to the scores of its seeds, None for one that failed."""
    found = []
    for levels, own in scores.items():
        for seed, score in enumerate(own):
            named = dict(zip((factor.name for factor in factors), levels, strict=True))
            cell = grid.Cell(dataset, seed, named, {}, f"{dataset}-{'-'.join(levels)}-{seed}")
            state = "failed" if score is None else "finished"
            run = None if score is None else Run(score)
            found.append(table.Row(cell, state, run, None if run else "=the reason", None if score is None else 2.0))
    return found


def factor(name, *levels):
    return grid.Factor(name, tuple(grid.Level(level, {}) for level in levels))


NORMALIZATION, RATE = factor("normalization", "none", "batch", "layer"), factor("rate", "low", "high")
NONE, BATCH, LAYER = [0.5, 0.6, 0.7, 0.65, 0.55], [0.6, 0.71, 0.79, 0.76, 0.66], [0.51, 0.58, 0.71, 0.66, 0.53]


def test_levels_are_compared_seed_by_seed():
    found = table.compared(
        rows({("none",): NONE, ("batch",): BATCH, ("layer",): LAYER}, [NORMALIZATION]), [NORMALIZATION], ACCURACY, "validation"
    )
    none, batch, layer = found
    assert none.difference is None
    assert batch.difference["p"] == pytest.approx(stats.ttest_rel(BATCH, NONE).pvalue)
    assert [batch.p, layer.p] == pytest.approx(paired.holm([batch.difference["p"], layer.difference["p"]]))
    assert batch.spread["mean"] == pytest.approx(np.mean(BATCH))
    assert [one.verdict(True) for one in found] == ["compared with", "better", "no difference shown at n = 5"]
    assert batch.verdict(False) == "worse"
    assert batch.verdict(None) == "higher"


def test_two_runs_are_too_few_and_equal_ones_are_called_so():
    scores = {("none",): [0.5] * 5, ("batch",): [0.5] * 5, ("layer",): [0.625] * 5}
    found = table.compared(rows(scores, [NORMALIZATION]), [NORMALIZATION], ACCURACY, "validation")
    told = ["no difference at all in 5 runs", "the same difference in all 5 runs: no spread to test"]
    assert [one.verdict(True) for one in found[1:]] == told
    scores = {("none",): NONE[:2], ("batch",): [0.61, 0.7101]}
    found = table.compared(rows(scores, [NORMALIZATION]), [NORMALIZATION], ACCURACY, "validation")
    assert found[1].p < 0.05
    assert found[1].verdict(True) == "too few runs to tell"


def test_a_failed_run_is_counted_and_its_seed_left_out():
    found = table.compared(
        rows({("none",): NONE, ("batch",): [None, *BATCH[1:]]}, [NORMALIZATION]), [NORMALIZATION], ACCURACY, "validation"
    )
    assert (found[1].failed, found[1].runs, len(found[1].scores)) == (1, 5, 4)
    assert found[1].difference["n"] == 4
    assert found[1].difference["p"] == pytest.approx(stats.ttest_rel(BATCH[1:], NONE[1:]).pvalue)


def test_a_level_of_which_nothing_finished():
    found = table.compared(rows({("none",): NONE[:2], ("batch",): [None, None]}, [NORMALIZATION]), [NORMALIZATION], ACCURACY, "validation")
    assert found[1].spread is None
    assert found[1].verdict(True) == "no run finished"


def test_further_factors_are_conditions():
    factors = [NORMALIZATION, RATE]
    scores = {("none", "low"): NONE, ("batch", "low"): BATCH, ("none", "high"): BATCH, ("batch", "high"): NONE}
    found = {(one.level, one.conditions["rate"]): one for one in table.compared(rows(scores, factors), factors, ACCURACY, "validation")}
    assert found["batch", "low"].difference["mean"] == pytest.approx(-found["batch", "high"].difference["mean"])
    assert found["none", "high"].difference is None
    # Two differences are tested.
    assert found["batch", "low"].p == pytest.approx(2 * found["batch", "low"].difference["p"])


def test_ranks_over_data_sets():
    every = []
    for place in range(4):
        scores = {("none",): [0.1 + place], ("batch",): [0.3 + place], ("layer",): [0.2 + place]}
        every += rows(scores, [NORMALIZATION], dataset=f"data{place}")
    found = table.compared(every, [NORMALIZATION], ACCURACY, "validation")
    ranks = table.ranked(found, NORMALIZATION, ACCURACY)
    assert (ranks["n"], ranks["mean_ranks"]) == (4, [3, 1, 2])
    assert ranks["p"] < 0.05
    failed = [dataclasses.replace(one, spread=None, failed=1) if one.level == "batch" else one for one in found]
    assert table.ranked(failed, NORMALIZATION, ACCURACY)["mean_ranks"] == [2, 3, 1]
    lost = [dataclasses.replace(one, spread=None, failed=1) if one.dataset == "data0" else one for one in found]
    assert table.ranked(lost, NORMALIZATION, ACCURACY)["n"] == 3
    assert table.ranked(found, NORMALIZATION, measures.parse("gap:accuracy")) is None
    assert table.ranked([one for one in found if one.dataset == "data0"], NORMALIZATION, ACCURACY) is None


def test_the_files_have_a_row_a_run_and_a_row_a_level(tmp_path):
    every = rows({("none",): NONE, ("batch",): [None, *BATCH[1:]]}, [NORMALIZATION])
    table.write_runs(tmp_path / "comparison.csv", every, [NORMALIZATION], [ACCURACY], ("validation", "test"))
    found = list(csv.DictReader((tmp_path / "comparison.csv").read_text().splitlines()))
    assert len(found) == 10
    assert float(found[1]["validation_accuracy"]) == 0.6
    assert float(found[1]["test_accuracy"]) == pytest.approx(0.1)
    # What a spreadsheet would take for a formula is guarded.
    assert (found[5]["state"], found[5]["validation_accuracy"], found[5]["error"]) == ("failed", "", "'=the reason")
    table.write_levels(tmp_path / "levels.csv", every, [NORMALIZATION], [ACCURACY], ("validation", "test"))
    levels = list(csv.DictReader((tmp_path / "levels.csv").read_text().splitlines()))
    assert [(one["normalization"], one["part"], one["n"], one["failed"]) for one in levels] == [
        ("none", "validation", "5", "0"), ("batch", "validation", "4", "1"), ("layer", "validation", "0", "0"),
        ("none", "test", "5", "0"), ("batch", "test", "4", "1"), ("layer", "test", "0", "0"),
    ]  # fmt: skip


def test_the_same_as_a_data_frame():
    pandas = pytest.importorskip("pandas")
    found = table.frame(rows({("none",): NONE, ("batch",): BATCH}, [NORMALIZATION]), [NORMALIZATION], [ACCURACY], ("validation",))
    assert isinstance(found, pandas.DataFrame)
    assert list(found.columns[:2]) == ["dataset", "normalization"]
    assert math.isnan(found["difference"][0])
    assert found["difference"][1] == pytest.approx(np.mean(np.subtract(BATCH, NONE)))


def test_a_difference_without_spread_is_not_called_shown():
    found = table.compared(rows({("none",): [0.5] * 3, ("batch",): [0.75] * 3}, [NORMALIZATION]), [NORMALIZATION], ACCURACY, "validation")
    assert found[1].verdict(True) == "the same difference in all 3 runs: no spread to test"


def test_what_went_wrong_in_a_level_s_runs_is_said():
    found = rows({("none",): NONE, ("batch",): [0.5] * 3, ("layer",): [None]}, [NORMALIZATION])
    for row in found:
        if row.run:
            row.run.errors = {}
    found[6].run.errors = {"not-learned": "It has not learned."}
    found[7].run.errors = {"not-learned": "Nor this.", "dead-units": "All are dead."}
    plan = driver.Plan("image_classification", [NORMALIZATION], [row.cell for row in found], [ACCURACY], ("validation",), {})
    assert report.in_words(plan, found)[-2:] == [
        "normalization batch: 2 of 3 runs went wrong, the first: It has not learned.",
        "normalization batch: 1 of 3 runs went wrong, the first: All are dead.",
    ]
