"""The command line: what is parsed, and what is refused in one line before any training, with nothing left behind."""

import json
import subprocess
import sys

import pytest

from hornbook import command_line
from hornbook.recipes import image_classification, tabular_classification
from hornbook.tuning import command, driver


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # What a refused command did not come to.
    monkeypatch.setattr("hornbook.tuning.workers.local.LocalWorkers.start", lambda *_: pytest.fail("a trial was started"))


@pytest.fixture
def asked(monkeypatch):
    """What the driver was asked for."""
    calls = []
    monkeypatch.setattr(driver, "search", lambda *given: calls.append(given))
    return calls


def refused(capsys, *arguments):
    """The one line of a command that is refused."""
    with pytest.raises(SystemExit) as stop:
        command.tune(list(arguments))
    assert stop.value.code == 2
    told = capsys.readouterr().err.strip()
    assert "\n" not in told
    assert told.startswith("hornbook tune: ")
    return told.removeprefix("hornbook tune: ")


def test_options_of_the_search_and_of_the_recipe(asked):
    command.tune(
        ["tabular-classification", "--trials", "6", "--epochs", "3", "--vary", "learning_rate=log:1e-4..1e-1", "normalization=batch,none",
         "--optimizer", "sgd", "--workers=2", "--dataset", "wine", "--tuner", "random", "--seed", "4", "--no-tensorboard"]
    )  # fmt: skip
    (recipe_name, recipe, args, recipe_args, folder, given) = asked[0]
    assert (recipe_name, recipe) == ("tabular_classification", tabular_classification)
    assert (args.trials, args.workers, args.tuner, args.seed) == (6, 2, "random", 4)
    assert args.vary == ("learning_rate=log:1e-4..1e-1", "normalization=batch,none")
    assert (recipe_args.epochs, recipe_args.optimizer, recipe_args.dataset, recipe_args.seed) == (3, "sgd", "wine", 0)
    assert folder.parts[:2] == ("runs", "tune")
    assert folder.name.endswith("-tabular_classification")
    assert {"epochs", "optimizer", "dataset"} <= set(given)


def test_vary_may_be_given_several_times(asked):
    command.tune(["tabular-classification", "--vary", "width=8,16", "dropout=0,0.5", "--epochs", "3", "--vary=depth=2,3"])
    (_, _, args, recipe_args, _, _) = asked[0]
    assert args.vary == ("width=8,16", "dropout=0,0.5", "depth=2,3")
    assert recipe_args.epochs == 3


def test_a_runs_configuration_is_the_base(asked, tmp_path):
    config = command_line.to_config("image_classification", image_classification.Args(width=8, learning_rate=0.5))
    (tmp_path / "config.json").write_text(json.dumps(config))
    command.tune(["image-classification", "--config", "config.json", "--epochs", "2", "--vary", "learning_rate=0.1,0.2"])
    (*_, recipe_args, _, given) = asked[0]
    assert (recipe_args.width, recipe_args.epochs) == (8, 2)
    assert "learning_rate" not in given  # The file's are where the search begins, not what it must keep.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name the recipe first: hornbook tune RECIPE, one of image-classification"),
        (["--trials", "3"], "name the recipe first"),
        (["tabular"], "there is no recipe 'tabular'"),
        (["tabular-classification", "--trails", "3"], "there is no option --trails, did you mean --trials?"),
        (["tabular-classification", "--trials", "many"], "--trials"),
        (["tabular-classification", "--trials", "0"], "--trials must be at least 1 and less than 1000000, got 0"),
        (["tabular-classification", "--tuner", "bayes"], "--tuner"),
        (["tabular-classification", "--workers", "0"], "--workers must be at least 1 and less than 10000, got 0"),
        (["tabular-classification", "--threads-per-trial", "4096"], "--threads-per-trial 4096: this machine lets us use"),
        (["tabular-classification", "--cross-validate", "1"], "--cross-validate must be 0 or at least 2, got 1"),
        (["tabular-classification", "--budget-minutes", "nan"], "--budget-minutes must be at least 0 and less than 1000000, got nan"),
        (["tabular-classification", "--stop-slower-than", "1"], "--stop-slower-than must be 0 for never, or more than 1, got 1.0"),
        (["tabular-classification", "--stop-slower-than", "nan"], "--stop-slower-than must be 0 for never, or more than 1, got nan"),
        (["tabular-classification", "--seeds", "3"], "the search sets --seeds itself, run by run; leave it out"),
        (["tabular-classification", "--evaluate", "none"], "the search sets --evaluate itself"),
        (["tabular-classification", "--fold", "1/3"], "the search sets --fold itself"),
        (["tabular-classification", "--tensorboard"], "the search sets --tensorboard itself"),
        (["tabular-classification", "--threshold", "f1", "--cross-validate", "3"], "--threshold f1 is not for --cross-validate 3"),
        (["tabular-classification", "--prune", "median", "--cross-validate", "3"], "--prune median is for trials of one run"),
        (["tabular-classification", "--tuner", "random", "--warm-start", "x"], "--warm-start is for --tuner bayesian"),
        (["tabular-classification", "--warm-start", "nowhere"], "nowhere holds no search; pass the folder of one"),
        (["tabular-classification", "--ray", "auto", "--workers", "2"], "--ray places trials by --cpus-per-trial"),
        (["tabular-classification", "--epochs", "0"], "--epochs must be at least 1"),
        (["tabular-classification", "--objective", "speed"], "--objective speed: no trial of tabular-classification reports it; there are"),
        (
            ["regression", "--objective", "accuracy"],
            "--objective accuracy: no trial of regression reports it; there are mean_squared_error",
        ),
        (
            ["tabular-classification", "--vary", "widht=8,16"],
            "'widht' cannot be varied: it is no option of tabular-classification; did you mean width?",
        ),
        (["tabular-classification", "--vary", "width=8,16", "--width", "8"], "--width is given and varied as well; leave one out"),
        (["tabular-classification", "--space", "zzz"], "there is no space 'zzz'"),
        (["tabular-classification", "--output", "file/search"], "--output file/search leads through file, which is a file"),
        (["tabular-classification", "--output", "full"], "full is not empty and not the folder of a search (it has thesis.tex)"),
    ],
)
def test_what_is_wrong_is_one_line(arguments, words, capsys, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.tex").touch()
    assert words in refused(capsys, *arguments)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["file", "full", "full/thesis.tex"]


def test_two_searches_on_one_folder(capsys, tmp_path):
    from hornbook.training import runs

    held = runs.lock(tmp_path / "search")
    told = refused(capsys, "tabular-classification", "--output", "search", "--vary", "width=8,16")
    assert "another process is at work in search; wait for it or pass another --output" in told
    import os

    os.close(held)


def test_finished_folders(capsys, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/result.json").write_text('{"metrics": {}}')
    assert "holds a finished run, which is never overwritten" in refused(capsys, "tabular-classification", "--output", "run")
    (tmp_path / "run/search.json").write_text("{}")
    (tmp_path / "run/result.json").write_text('{"trials": 20}')
    told = "run holds a finished search of 20 trials; pass more --trials to go on with it, or another --output"
    for more in ([], ["--trials", "20"]):
        assert told in refused(capsys, "tabular-classification", "--output", "run", *more)


def test_help_needs_no_tensorflow():
    code = "import sys; from hornbook.tuning import command\ntry: command.tune(['--help'])\nfinally: assert 'tensorflow' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--vary" in done.stdout
    assert "hornbook tune image-classification --trials 20 --workers 2" in done.stdout


def test_what_is_left_to_the_data_is_the_same_for_all_trials():
    from hornbook.recipes.steps import defaults
    from hornbook.tuning import driver

    settled = driver._settled(tabular_classification, tabular_classification.Args(dataset="wine", learning_rate=0.5))
    assert [name for name in defaults.OPEN if getattr(settled, name, None) == "auto"] == []
    # Trials need validation data, however few rows there are.
    assert (settled.learning_rate, settled.validation_fraction, settled.evaluate) == (0.5, 0.1, "test")
