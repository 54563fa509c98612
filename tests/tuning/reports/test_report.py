import html
import re

import keras_tuner
import pytest

from hornbook.recipes import tabular_classification
from hornbook.tuning import search
from hornbook.tuning.oracles import oracles
from hornbook.tuning.reports import report, results

EVIL = "<script>alert(1)</script>"


def space():
    hp = keras_tuner.HyperParameters()
    hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
    hp.Choice("activation", ["relu", EVIL])
    hp.Float("dropout", 0.0, 0.5)
    return hp


def rows(number, failed=(), stopped=()):
    made = []
    for place in range(number):
        lost = place in failed or place in stopped
        values = {"learning_rate": 9e-2 - 1e-4 * place, "activation": ("relu", EVIL)[place % 2], "dropout": 0.2 + 0.001 * (place % 7)}
        made.append(
            {
                "trial": f"{place:04d}",
                "state": "failed" if place in failed else "stopped early" if place in stopped else "finished",
                "score": None if lost else 0.9 - 0.001 * abs(place - 3),
                "seconds": 2.0,
                "began": 1.0,
                "ended": 60.0 * place,
                "metrics": {},
                "values": values,
                "reason": f"no memory {EVIL}" if lost else None,
            }
        )
    return made


def result(found, test=0.85):
    best = max((row for row in found if row["score"] is not None), key=lambda row: row["score"])
    spread = {"mean": test, "standard_deviation": 0.01, "minimum": test, "maximum": test}
    return {
        "best_trial": best["trial"], "objective": "accuracy", "validation": best["score"], "values": best["values"],
        "test": None if test is None else {"metrics": {"accuracy": spread}, "seeds": [1, 2, 3], "seconds": 9.0}, "trials": len(found),
        "seconds": 120.0, "finished_at": "2026-01-01 00:00:00", "versions": {"keras": "3.15.1"},
    }  # fmt: skip


def written(tmp_path, found, test=0.85, first=None, **args):
    oracle = oracles.RandomOracle(objective=keras_tuner.Objective("accuracy", "max"), hyperparameters=space(), first=first)
    plan = search.Plan("tabular_classification", tabular_classification.Args(**args), lambda hp: {})
    path = tmp_path / "report.html"
    report.write_report(path, result(found, test), found, oracle, plan, train_command=f"hornbook {EVIL}", search_command="hornbook tune a")
    return path.read_text(encoding="utf-8")


def text(page):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", "", page)))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return written(
        tmp_path_factory.mktemp("report"), rows(14, failed=(5, 6), stopped=(7,)), dataset=f"csv:/tmp/{EVIL}.csv", model=f"own:{EVIL}"
    )


def test_a_users_names_are_text(page):
    assert "alert(1)" in page
    assert "<script" not in page


def test_it_loads_nothing(page):
    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!#|data:)""", page)
    assert not re.findall(r"@import|url\((?!['\"]?data:)", page)


def test_it_says_how_optimistic_the_search_was(page):
    assert "The search's own best score was 0.05 better than what the same configuration has on the test data" in text(page)
    assert "on the test data, the mean of 3 other seeds (deviation 0.01)" in text(page)


def test_it_says_what_to_widen(page):
    assert "The best trials have learning_rate 0.0897, at the upper end of what was tried: widen learning_rate upward" in text(page)


def test_it_says_what_failed_and_why(page):
    assert "2 of 14 trials failed, see below; the first: no memory" in text(page)
    assert re.search(r"0005\s*failed\s*.*?no memory", text(page))
    assert "1 of 14 trials were stopped early, see below; the first: no memory" in text(page)
    assert re.search(r"0007\s*stopped early\s*.*?no memory", text(page))


def test_headings_and_links(page):
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == [
        "What to do next", "Best so far", "What mattered", "Slices", "All at once", "Trials", "Failed and stopped trials", "Commands",
    ]  # fmt: skip
    anchors = re.findall(r'href="#([^"]*)"', page)
    assert len(anchors) == 8
    assert all(f'id="{anchor}"' in page for anchor in anchors)


def test_without_a_test_and_of_few_trials(tmp_path):
    page = text(written(tmp_path, rows(2), test=None))
    assert "best accuracy on validation data, trial 0001" in page
    assert "better than what the same configuration has" not in page
    assert "Too few finished trials to tell" in page
    assert "options nearest to the defaults" not in page  # Nobody gave it one.
    alone = text(written(tmp_path, rows(1), first={"dropout": 0.2}))
    assert "Search of" in alone


def test_importance_that_is_a_guess_is_not_shown(tmp_path):
    found = rows(8)
    for place, score in enumerate((0.9, 0.1, 0.5, 0.3, 0.2, 0.8, 0.4, 0.6)):
        found[place]["score"] = score
        found[place]["values"] = {**found[place]["values"], "learning_rate": 1e-3, "dropout": 0.1 * (place % 2), "activation": "relu"}
    page = text(written(tmp_path, found))
    assert "These trials do not tell: a forest fitted to some of them cannot predict the accuracy of the others" in page
    assert "can hardly be predicted from their options: there are too few trials, or these options do not matter" in page


def test_the_gain_on_the_first(tmp_path):
    page = text(written(tmp_path, rows(14), first={"dropout": 0.2}))
    assert "The first trial, with the options nearest to the defaults, scored 0.897: the search gained 0.003 on it" in page


def test_a_search_of_many_trials_is_a_page_that_opens(tmp_path):
    written(tmp_path, rows(400))
    assert (tmp_path / "report.html").stat().st_size < 3e6


def test_floors_of_the_last_runs(tmp_path, monkeypatch):
    one = {
        "model": "boosting", "metric": "accuracy", "score": 0.9, "network": 0.95, "difference": 0.05, "interval": [0.01, 0.09],
        "higher_is_better": True, "notes": [],
    }  # fmt: skip
    other = {**one, "network": 0.85, "difference": -0.05, "interval": [-0.09, -0.01]}
    found = results.floor([one, other, one])
    assert (found["above"], found["below"], found["runs"]) == (2, 1, 3)
    assert found["difference"] == pytest.approx(0.05 / 3)
    told = "boosting 0.9000, network 0.9167, difference +0.0167; better by more than luck in 2 of 3 runs, worse in 1"
    assert results.floor_in_words(found) == told
    error = {**one, "metric": "mean_absolute_error", "higher_is_better": False}
    assert (results.floor([error])["above"], results.floor([error])["below"]) == (0, 1)
    assert results.floor_in_words(results.floor([error])).startswith("mean absolute error of boosting 0.9000")
    assert results.floor([one, None]) is None
    assert results.floor([{"model": None, "notes": []}]) is None
    whole = result

    def with_floor(*args):
        made = whole(*args)
        return {**made, "test": {**made["test"], "floor": found}}

    monkeypatch.setitem(globals(), "result", with_floor)
    assert f"Classical models on the same test data: {told}." in written(tmp_path, rows(6))
