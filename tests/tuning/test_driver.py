import re

import pytest

from hornbook import UserError
from hornbook.recipes import image_classification, regression, tabular_classification
from hornbook.tuning import asked
from hornbook.tuning.driver import objective


@pytest.mark.parametrize(
    ("recipe", "args", "wanted", "name", "direction"),
    [
        ("image_classification", image_classification.Args(), None, "accuracy", "max"),
        ("image_classification", image_classification.Args(), "loss", "loss", "min"),
        ("tabular_classification", tabular_classification.Args(), "macro_f1", "macro_f1", "max"),
        ("tabular_classification", tabular_classification.Args(), "balanced_accuracy", "balanced_accuracy", "max"),
        ("tabular_classification", tabular_classification.Args(), "matthews_correlation", "matthews_correlation", "max"),
        ("tabular_classification", tabular_classification.Args(), "average_precision", "average_precision", "max"),
        ("tabular_classification", tabular_classification.Args(), "calibration_error", "calibration_error", "min"),
        ("regression", regression.Args(), None, "mean_squared_error", "min"),
        ("regression", regression.Args(), "r2", "r2", "max"),
        ("regression", regression.Args(loss="quantile"), None, "quantile_loss", "min"),
    ],
)
def test_what_a_search_aims_at(recipe, args, wanted, name, direction):
    found = objective(recipe, args, wanted)
    assert (found.name, found.direction) == (name, direction)


@pytest.mark.parametrize(
    ("recipe", "args", "wanted"),
    [
        ("image_classification", image_classification.Args(), "mean_squared_error"),
        ("tabular_classification", tabular_classification.Args(), "r2"),
        ("regression", regression.Args(), "quantile_loss"),
        ("regression", regression.Args(loss="quantile"), "r2"),
    ],
)
def test_what_no_trial_reports(recipe, args, wanted):
    with pytest.raises(UserError, match=re.escape(f"--objective {wanted}: no trial of {recipe.replace('_', '-')} reports it; there are")):
        objective(recipe, args, wanted)


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["a", "--trials", "3"], ["a", "--trials", "3"]),
        (["a", "--output", "here", "--trials", "3"], ["a", "--trials", "3"]),
        (["a", "--trials", "3", "--output=here"], ["a", "--trials", "3"]),
        ([], []),
    ],
)
def test_the_command_that_makes_a_search_again_names_no_folder(words, left):
    assert asked.without(words, "output") == left
