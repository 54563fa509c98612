import re

import pytest

from hornbook import UserError
from hornbook.recipes import image_classification, regression, tabular_classification
from hornbook.tuning.objectives import objective


@pytest.mark.parametrize(
    ("recipe", "args", "wanted", "name", "direction"),
    [
        ("image_classification", image_classification.Args(), None, "accuracy", "max"),
        ("image_classification", image_classification.Args(), "loss", "loss", "min"),
        ("tabular_classification", tabular_classification.Args(), "macro_f1", "macro_f1", "max"),
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
        ("regression", regression.Args(), "quantile_loss"),
        ("regression", regression.Args(loss="quantile"), "r2"),
    ],
)
def test_what_no_trial_reports(recipe, args, wanted):
    with pytest.raises(UserError, match=re.escape(f"--objective {wanted}: no trial of {recipe.replace('_', '-')} reports it; there are")):
        objective(recipe, args, wanted)
