"""The command line of a cross-validation, and one that is run."""

import pytest

from hornbook.tuning.cross_validation import command, driver


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["tabular-classification", "--folds", "1"], "--folds must be"),
        (["tabular-classification", "--repeats", "0"], "--repeats must be"),
        (["tabular-classification", "--seeds", "3"], "the cross-validation sets --seeds itself"),
        (["tabular-classification", "--threshold", "f1"], "--threshold f1 is not for a cross-validation"),
        (["tabular-classification", "--evaluate", "none"], "the cross-validation sets --evaluate itself"),
        (["tabular-classification", "--split-seed", str(2**32 - 1), "--repeats", "2"], "goes beyond the last seed"),
        (["tabular-classification", "--fold", "2"], "--fold"),
        (["tabular-classification", "--flods", "3"], "there is no option --flods, did you mean --folds?"),
        ([], "name the recipe first: hornbook cross-validate RECIPE"),
    ],
)
def test_what_is_refused(words, told, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "cross_validate", lambda *_: pytest.fail("it began"))
    with pytest.raises(SystemExit) as stop:
        command.cross_validate(words)
    assert stop.value.code == 2
    line = capsys.readouterr().err.strip()
    assert told in line
    assert "\n" not in line
    assert not list(tmp_path.iterdir())


def test_it_runs_and_says_what_was_found(capsys, tmp_path):
    words = ["--dataset", "wine", "--folds", "2", "--epochs", "1", "--workers", "1", "--no-diagnosis", "--classical-share", "0"]
    command.cross_validate(["tabular-classification", *words, "--output", "out"])
    said = capsys.readouterr().out
    assert "accuracy: " in said
    assert " examples, " in said
    assert "over 2 folds" in said
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        ".lock", "cross_validation.json", "folds.csv", "predictions.csv", "repeat-1-fold-1", "repeat-1-fold-2", "report.html",
        "result.json",
    }  # fmt: skip


def test_help_lists_its_own_options_alone(capsys):
    with pytest.raises(SystemExit) as stop:
        command.cross_validate(["--help"])
    assert stop.value.code in (0, None)
    said = capsys.readouterr().out
    assert "--repeats" in said
    assert "--learning-rate" not in said
