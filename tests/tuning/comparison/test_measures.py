"""Numbers of a run, from files that the test writes."""

import json
import math

import pytest

from hornbook import UserError
from hornbook.tuning.comparison import measures

HISTORY = "epoch,loss,val_loss,accuracy,val_accuracy,seconds\n1,2.0,2.1,0.3,0.2,5.0\n2,1.0,1.5,0.6,0.5,6.0\n3,0.5,1.7,0.9,0.7,8.0\n"
INSIDE = {"gradients": [[1e-4, 1.0], [1e-2, 1.0]], "dead": [[0.0, 0.5], [None, None]], "saturated": [[0.0, 0.25], [0.0, 0.75]]}
OUTCOME = {"metrics": {"accuracy": [0.7]}, "evaluated_on": "validation", "further": {"test": {"accuracy": 0.65}}, "seconds": 9.5,
           "parameters": 30, "recalls": {"validation": {"cat": 0.25}, "test": {"cat": 0.5, "dog: small": 1.0}}}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    (tmp_path / "history.csv").write_text(HISTORY)
    (tmp_path / "diagnosis.json").write_text(json.dumps(INSIDE))
    return measures.Finished(tmp_path, OUTCOME)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seconds", 9.5), ("parameters", 30), ("epochs", 3), ("seconds_an_epoch", 1.5),
        ("last:val_loss", 1.7), ("best:val_loss", 1.5), ("best:val_accuracy", 0.7), ("gap:accuracy", 0.9 - 0.7),
        ("epochs_to:val_accuracy>=0.5", 2), ("epochs_to:loss<=0.5", 3),
        ("first_gradient", 1e-4), ("gradient_ratio", 1e-2), ("dead", 0.5), ("saturated", 0.5),
    ],
)  # fmt: skip
def test_measures_of_the_training(run, name, value):
    assert run.value(measures.parse(name), "test") == pytest.approx(value)


def test_errors_are_what_the_result_says(run, tmp_path):
    assert measures.Finished(tmp_path, OUTCOME).errors == {}  # Without the file.
    findings = [
        {"problem": "not-learned", "severity": "error", "evidence": "It has not learned.", "layers": [], "advice": ""},
        {"problem": "overfitting", "severity": "warning", "evidence": "It overfits."},
    ]
    (tmp_path / "result.json").write_text(json.dumps({"findings": findings, "metrics": {"accuracy": 0.7}}))
    assert run.errors == {"not-learned": "It has not learned."}


def test_scores_are_of_a_part(run):
    accuracy = measures.parse("accuracy")
    assert run.value(accuracy, "validation") == 0.7
    assert run.value(accuracy, "test") == 0.65
    assert math.isnan(run.value(measures.parse("auc"), "test"))


def test_the_recall_of_a_class_is_of_a_part_too(run):
    cat, dog = measures.parse("recall:cat"), measures.parse("recall:dog: small")
    assert [run.value(cat, part) for part in ("validation", "test")] == [0.25, 0.5]
    assert run.value(dog, "test") == 1.0
    assert math.isnan(run.value(dog, "validation"))  # It has no example there.
    assert (cat.in_words, cat.limits, cat.higher_is_better) == ("recall of cat", (0.0, 1.0), True)


@pytest.mark.parametrize("name", ["epochs_to:val_accuracy>=0.99", "last:val_f1", "gap:auc"])
def test_what_never_was_is_no_number(run, name):
    assert math.isnan(run.value(measures.parse(name), "test"))


@pytest.mark.parametrize("name", ["epochs", "first_gradient", "last:loss", "seconds_an_epoch", "epochs_to:loss<=1"])
def test_a_folder_without_files(tmp_path, name):
    value = measures.Finished(tmp_path, OUTCOME).value(measures.parse(name), "test")
    assert value == 0 if name == "epochs" else math.isnan(value)


@pytest.mark.parametrize(
    ("name", "higher"),
    [("accuracy", True), ("loss", False), ("seconds", False), ("dead", None), ("gap:accuracy", None), ("best:val_loss", False),
     ("last:val_accuracy", True), ("epochs_to:val_accuracy>=0.9", False), ("calibration_error", False), ("r2", True),
     ("balanced_accuracy", True), ("interval_coverage", None)],
)  # fmt: skip
def test_what_is_better(name, higher):
    assert measures.parse(name).higher_is_better is higher


@pytest.mark.parametrize("name", ["acuracy", "last:", "epochs_to:val_accuracy>0.9", "epochs_to:val_accuracy>=--", "best:a b", "=1+1"])
def test_what_is_no_measure(name):
    with pytest.raises(UserError, match="--metrics "):
        measures.parse(name)


@pytest.mark.parametrize("content", ["", "[]", '{"gradients": 3}', '{"dead": [["a"]]}', "[" * 100_000])
def test_a_diagnosis_that_no_run_has_written(run, tmp_path, content):
    (tmp_path / "diagnosis.json").write_text(content)
    assert math.isnan(run.value(measures.parse("dead"), "test"))
    assert math.isnan(run.value(measures.parse("gradient_ratio"), "test"))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"epoch\n" * 3, b"epoch,loss\n1,nan\n2,inf\n", b'epoch,loss\n1,"2\n'])
def test_a_history_that_no_run_has_written(run, tmp_path, content):
    (tmp_path / "history.csv").write_bytes(content)
    assert math.isnan(run.value(measures.parse("best:loss"), "test")) or b'"2' in content


@pytest.mark.parametrize(
    ("name", "words", "limits"),
    [
        ("balanced_accuracy", "balanced accuracy", (0.0, 1.0)), ("matthews_correlation", "matthews correlation", (-1.0, 1.0)),
        ("loss", "loss", None), ("seconds_an_epoch", "seconds an epoch", None), ("best:val_loss", "best val loss", None),
        ("gap:accuracy", "accuracy of training less that of validation", None),
        ("epochs_to:val_accuracy>=0.5", "epochs until val accuracy >= 0.5", None),
    ],
)  # fmt: skip
def test_a_measure_in_words_and_where_it_ends(name, words, limits):
    measure = measures.parse(name)
    assert (measure.in_words, measure.limits) == (words, limits)
