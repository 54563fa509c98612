"""What would end after hours: seeds, folds, members and folders that there cannot be are refused before anything trains."""

import contextlib
import os
import tempfile

import keras
import pytest

from hornbook import UserError, command_line
from hornbook.inference import evaluate
from hornbook.inference.predict import command as predict
from hornbook.recipes import image_classification, tabular_classification
from hornbook.recipes.steps import checking
from hornbook.training import folders
from hornbook.tuning import command as tuning

LAST = 2**32 - 1
WASTED = [
    (image_classification, {"seed": LAST - 3, "seeds": 5}, f"--seeds 5 from --seed {LAST - 3} on goes beyond the last seed, {LAST}"),
    (image_classification, {"seed": LAST + 1}, f"--seed must be at least 0 and less than {LAST + 1}"),
    (tabular_classification, {"split_seed": LAST + 1}, f"--split-seed must be at least 0 and less than {LAST + 1}"),
    (tabular_classification, {"dataset": "wine", "members": 200}, "--members 200 is more than there are training examples, "),
    (image_classification, {"fold": "1/1001"}, "which cannot stand in 1001 folds; pass fewer folds"),
    (tabular_classification, {"output": "/tmp/\udcff"}, r"--output '/tmp/\udcff' is not UTF-8"),
    (image_classification, {"output": "x" * 300}, "cannot be used: File name too long; pass another folder"),
]


@pytest.mark.parametrize(("recipe", "options", "said"), WASTED, ids=lambda value: str(value)[:30])
def test_what_cannot_end_is_refused_before_anything_trains(recipe, options, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keras.Model, "fit", None)
    with pytest.raises(UserError) as raised:
        recipe.main(recipe.Args(**{"output": str(tmp_path / "run"), **options}))
    assert said in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seed", str(LAST)], "--executions-per-trial 1 and --final-seeds 3 from --seed"),
        (["--seed", str(LAST), "--final-seeds", "0", "--executions-per-trial", "2"], "--executions-per-trial 2 from --seed"),
        (["--cross-validate", "9999"], "which cannot stand in 9999 folds; pass fewer"),
        (["--output", "x" * 300], "cannot be used: File name too long; pass another folder"),
        (["--vary", "nosuch_option=1,2"], "it is no option of image-classification; there are "),
    ],
)
def test_a_search_that_cannot_end_is_refused_before_its_first_trial(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as raised:
        tuning.tune(["image-classification", *words])
    assert raised.value.code == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_stays_behind_among_the_system_s_temporary_files(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "a.csv").write_text("a,b,label\n" + "".join(f"{k},{k * k % 7},{'xy'[k % 2]}\n" for k in range(60)))
    options = {"dataset": f"csv:{tmp_path / 'a.csv'}", "in_memory": "never", "model": "mlp", "width": 4, "epochs": 1}
    tabular_classification.main(tabular_classification.Args(**options, output=str(tmp_path / "run")))
    with contextlib.suppress(SystemExit):  # It has something to say of so short a training.
        checking.check(["tabular-classification", *command_line.flags(options)])
    predict.predict([str(tmp_path / "run"), str(tmp_path / "a.csv")])
    evaluate.evaluate([str(tmp_path / "run")])
    assert not os.listdir(tmp_path / "temporary")


def test_a_folder_s_default_name_is_free(tmp_path, monkeypatch):
    class Stopped(folders.datetime.datetime):  # Of a clock that was put back, or of two runs in a second.
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 1, 1)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(folders.datetime, "datetime", Stopped)
    names = []
    with contextlib.ExitStack() as at_work:
        for _ in range(3):
            # None has written anything yet.
            names.append(at_work.enter_context(folders.output(None, "job", "mlp")).name)
        assert sorted(names) == sorted(os.listdir(tmp_path / "runs" / "job"))
    assert names == ["20260101-000000-mlp", "20260101-000000-mlp-2", "20260101-000000-mlp-3"]
    assert not os.listdir(tmp_path)


def test_a_default_folder_stays_with_what_is_in_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with folders.output(None, "job", "mlp") as folder:
        (folder / "history.csv").touch()
    assert os.listdir(folder) == ["history.csv"]


def test_a_default_folder_where_none_can_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").touch()
    with pytest.raises(UserError, match=r"--output runs/job/\S+ leads through runs, which is a file; accepted is a folder"):
        folders.output(None, "job", "mlp").__enter__()
    (tmp_path / "runs").unlink()
    with pytest.raises(UserError, match=r"cannot be written: File name too long"):
        folders.output(None, "job", "x" * 300).__enter__()
    assert not os.listdir(tmp_path)
