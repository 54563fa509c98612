"""The command line of a comparison: what is parsed, and what is refused in one line before any training."""

import pytest

from hornbook import UserError, tuning
from hornbook.tuning.comparison import command, driver


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def asked(monkeypatch):
    """The plans that were made; nothing is trained."""
    plans = []
    monkeypatch.setattr(driver, "compare", lambda plan, folder, **options: plans.append((plan, folder, options)) or [])
    monkeypatch.setattr("hornbook.tuning.comparison.report.in_words", lambda plan, rows: [])
    return plans


def test_options_of_the_comparison_and_of_the_recipe(asked):
    command.compare(
        ["tabular-classification", "--vary", "normalization=batch,none", "--epochs", "3", "--vary", "width=8,16", "--seeds", "2", "--seed",
         "7", "--datasets", "wine, breast_cancer", "--metrics", "accuracy,loss", "--workers=2"]
    )  # fmt: skip
    [(plan, folder, options)] = asked
    assert [factor.name for factor in plan.factors] == ["normalization", "width"]
    assert [measure.name for measure in plan.chosen] == ["accuracy", "loss"]
    assert plan.parts == ("validation", "test")
    assert len(plan.cells) == 2 * 2 * 2 * 2
    assert {cell.dataset for cell in plan.cells} == {"wine", "breast_cancer"}
    assert {cell.seed for cell in plan.cells} == {7, 8}
    assert all(cell.options["epochs"] == 3 for cell in plan.cells)
    assert options == {"workers": 2, "threads": None, "retry_failed": False}
    assert folder.parts[:2] == ("runs", "compare")


def test_named_levels_come_first(asked):
    command.compare(["tabular-classification", "--levels", "plain", "smoothed: --label-smoothing 0.1", "--vary", "width=8,16"])
    [(plan, *_)] = asked
    assert [factor.name for factor in plan.factors] == ["level", "width"]
    assert plan.cells[2].options["label_smoothing"] == 0.1


def test_regression_is_compared_by_its_loss(asked):
    command.compare(["regression", "--vary", "width=8,16", "--loss", "quantile"])
    [(plan, *_)] = asked
    assert plan.chosen[0].name == "quantile_loss"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["tabular-classification"], "nothing to compare; pass --vary NAME=A,B"),
        (["tabular-classification", "--vary", "width=8,16", "--vary", "width=4,5"], "--vary width is given twice"),
        (["tabular-classification", "--vary", "width=8,16", "--seeds", "0"], "--seeds must be"),
        (["tabular-classification", "--vary", "width=8,16", "--fold", "1/5"], "the comparison sets --fold itself"),
        (["tabular-classification", "--vary", "width=8,16", "--seed", str(2**32 - 2)], "goes beyond the last seed"),
        (["tabular-classification", "--vary", "width=8,16", "--metrics", "f2"], "--metrics f2: accepted are"),
        (["tabular-classification", "--vary", "width=8,16", "--datasets", ","], "--datasets , names no data set"),
        (["tabular-classification", "--vary", "width=8,0"], "width 0: --width must be"),
        (["tabular-classification", "--vary", "width=8,16", "--epoch", "3"], "there is no option --epoch, did you mean --epochs?"),
        (["image-classification", "--levels", "plain", "b: --epoch 3"], "there is no option --epoch, did you mean --epochs?"),
        (["tabular-classification", "--vary", "width=8,16", "--datasets", "wine,wiine"], "got 'wiine'; did you mean 'wine'?"),
        (["tabular-classification", "--vary", "width=default,16", "--width", "16"], "width default is the same as width 16: all options"),
        (["tabular-classification", "--vary", "seeds=1,2"], "--seeds is set run by run, so it cannot be varied"),
        (["wine", "--vary", "width=8,16"], "there is no recipe 'wine'"),
        ([], "name the recipe first: hornbook compare RECIPE"),
    ],
)
def test_what_is_refused(words, told, capsys, tmp_path, asked):
    with pytest.raises(SystemExit) as stop:
        command.compare(words)
    assert stop.value.code == 2
    line = capsys.readouterr().err.strip()
    assert told in line
    assert "\n" not in line
    assert not asked
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"vary": {"normalization": "batch"}}, r"vary\['normalization'\] must be a list of levels, such as \['batch', ...\], got 'batch'"),
        ({"vary": {"epochs": 3}}, r"vary\['epochs'\] must be a list of levels"),
        ({"vary": {"normalization": ["batch", "none"]}, "seeds": "two"}, "seeds must be a number of runs, such as 5, got 'two'"),
    ],
)
def test_python_refuses_what_is_no_list_and_no_number(wrong, words):
    with pytest.raises(UserError, match=words):
        tuning.compare("tabular-classification", **wrong)
