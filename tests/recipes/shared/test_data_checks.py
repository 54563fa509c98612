"""What is suspicious in the data is said before the training, stands in result and report, and is said once."""

import json
import pathlib

import numpy as np
import pytest

from hornbook import data
from hornbook.recipes import tabular_classification, text_classification

SMALL = {"model": "mlp", "width": 4, "epochs": 1, "floor": False, "classical_share": 0.0}


@pytest.fixture(scope="module")
def leaking():
    """Rows of which a tenth of the test stands in training too, with a column that is the label."""
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(200, 5)), generator.integers(0, 2, 200)
    x[:, 4] = y + 0.01 * generator.normal(size=200)
    test = generator.normal(size=(50, 5))
    test[:, 4] = np.arange(50) % 2
    test[:5] = x[:5]
    return data.tables.from_arrays(x, y, test, np.concatenate([y[:5], np.arange(5, 50) % 2]), column_names=["a", "b", "c", "d", "gone"])


def test_a_run_says_it_before_and_after(tmp_path, leaking, data_checks, capsys):
    with data_checks():
        result = tabular_classification.main(tabular_classification.Args(output=f"{tmp_path}/run", **SMALL), dataset=leaking)
    before, _, after = capsys.readouterr().out.partition("run folder")
    assert "before training, warning: A column gives the label away: gone alone tells " in before
    assert "before training, warning: 5 of 50 test examples are training or validation examples too" in before
    assert "gives the label away" in after
    problems = [finding["problem"] for finding in result["findings"]]
    assert {"label-leak", "test-overlap"} <= set(problems)
    assert len(problems) == len(set(problems))
    assert "Try --id-column" in next(one for one in result["findings"] if one["problem"] == "label-leak")["advice"]
    assert "gives the label away" in pathlib.Path(tmp_path, "run", "report.html").read_text()
    lines = pathlib.Path(tmp_path, "run", "copies.csv").read_text().splitlines()
    assert lines[0] == "part,example,other_part,other_example,how"
    assert len(lines) == 6
    assert "copies.csv" in json.loads(pathlib.Path(tmp_path, "run", "files.json").read_text())


def test_it_can_be_left_out(tmp_path, leaking, data_checks):
    with data_checks():
        args = tabular_classification.Args(output=f"{tmp_path}/run", data_check=False, diagnosis=False, **SMALL)
        found = tabular_classification.main(args, dataset=leaking)["findings"]
    assert not {"label-leak", "test-overlap"} & {finding["problem"] for finding in found}
    assert not pathlib.Path(tmp_path, "run", "copies.csv").exists()


def test_the_check_alone_has_it(leaking, data_checks):
    with data_checks():
        found = tabular_classification.main(tabular_classification.Args(check_only=True, **SMALL), dataset=leaking)["findings"]
    assert "label-leak" in [finding["problem"] for finding in found]


def test_texts_that_recur_are_said_once(tmp_path, data_checks):
    texts = [f"the {word} film number {number} was {word} to the end" for number in range(40) for word in ("good", "bad")]
    labels = ["yes", "no"] * 40
    dataset = data.texts.from_texts(texts, labels, texts[:20], labels[:20])
    with data_checks():
        args = text_classification.Args(output=f"{tmp_path}/run", **{**SMALL, "model": "cnn1d"})
        problems = [finding["problem"] for finding in text_classification.main(args, dataset=dataset)["findings"]]
    assert "test-overlap" in problems
    assert "repeated-texts" not in problems


def test_what_cannot_be_looked_at_ends_nothing(monkeypatch, leaking, data_checks, capsys):
    from hornbook.data.suspicion import looking
    from hornbook.recipes.steps import findings

    monkeypatch.setattr(looking, "look", lambda dataset: 1 / 0)
    with data_checks():
        assert findings.suspicions(leaking) == []
    assert "note: the data could not be checked for duplicates and leaks: division by zero" in capsys.readouterr().out
