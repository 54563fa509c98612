"""`hornbook check`: what is wrong is said before any training, and nothing is left behind."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from hornbook.recipes import image_classification, tabular_classification
from hornbook.recipes.steps import checking


def problems(recipe, **options):
    found = recipe.main(recipe.Args(check_only=True, **options))
    return [finding["problem"] for finding in found["findings"]]


@pytest.mark.parametrize(
    ("recipe", "options"),
    [
        (image_classification, {"depth": 4, "width": 8}),
        (tabular_classification, {}),
        # A rise of 50 epochs: the first 60 steps have next to no learning rate.
        (tabular_classification, {"epochs": 100, "warmup_epochs": 50.0}),
    ],
)
def test_sound_options(recipe, options, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert problems(recipe, **options) == []
    assert "nothing stands out" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_learning_rate_is_told_with_a_flag(capsys):
    assert problems(image_classification, depth=4, width=8, learning_rate=30.0)[0] == "learning-rate-too-high"
    assert "Try --learning-rate 0." in capsys.readouterr().out


def test_validation_examples_that_are_training_examples(tmp_path):
    x, y = load_digits(return_X_y=True)
    x = x.reshape(-1, 8, 8, 1)
    np.savez(tmp_path / "digits.npz", x_train=x[:900], y_train=y[:900], x_validation=x[:200], y_validation=y[:200])
    assert problems(image_classification, dataset=f"npz:{tmp_path}/digits.npz", depth=4, width=8)[0] == "validation-overlap"


def test_the_command_ends_with_1_where_it_finds_an_error(capsys):
    with pytest.raises(SystemExit) as stopped:
        checking.check(["tabular-classification", "--learning-rate", "1e-9"])
    assert stopped.value.code == 1
    assert "error: The learning rate of 1e-09 is too low" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "name the recipe first"),
        (["--seed", "1"], "name the recipe first"),
        (["images"], "there is no recipe 'images'"),
        (["regresion"], "did you mean regression?"),
    ],
)
def test_a_recipe_must_be_named(words, told, capsys):
    with pytest.raises(SystemExit) as stopped:
        checking.check(words)
    assert stopped.value.code == 2
    assert told in capsys.readouterr().err
