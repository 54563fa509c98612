"""Reports show what the network looked at in its mistakes, in every medium; what goes wrong there costs no run."""

import json

import numpy as np
import pytest

from hornbook.inference.explain import checks
from hornbook.recipes import image_classification, regression, sequence_classification, tabular_classification, text_classification
from hornbook.recipes.steps import looked_at

PLAIN = {"epochs": 1, "floor": False, "diagnosis": False, "data_check": False}
RUNS = {
    "images": (image_classification, {"model": "mlp", "width": 4}, "<img"),
    "series": (sequence_classification, {"model": "fcn", "width": 2, "classical_share": 0}, '<rect class="'),
    "texts": (
        text_classification,
        {"model": "cnn1d", "width": 2, "embedding_size": 2, "train_fraction": 0.02, "classical_share": 0},
        "<bdi>",
    ),
    "tables": (tabular_classification, {"width": 2, "classical_share": 0, "learning_rate": 1e-6}, "Adds"),
}


def trained(recipe, options, folder):
    recipe.main(recipe.Args(**PLAIN, **options, output=str(folder)))
    return (folder / "report.html").read_text()


@pytest.mark.parametrize("medium", RUNS)
def test_mistakes_stand_under_their_heat(medium, looked_at_mistakes, tmp_path, capsys):
    recipe, options, drawn = RUNS[medium]
    with looked_at_mistakes():
        page = trained(recipe, options, tmp_path / "run")
    part = page[page.index("What it looked at") :]
    assert "note: the report does not show" not in capsys.readouterr().out
    assert drawn in part[: part.index("</section>")]


def test_numbers_have_no_mistakes(looked_at_mistakes, tmp_path):
    with looked_at_mistakes():
        assert "What it looked at" not in trained(regression, {"width": 2}, tmp_path / "run")


def test_a_picture_that_cannot_be_made_costs_no_run(looked_at_mistakes, tmp_path, monkeypatch, capsys):
    def fails(*args, **options):
        raise TypeError("no gradient\ngoes through")

    monkeypatch.setattr(checks.Run, "heat_of", fails)
    with looked_at_mistakes():
        page = trained(*RUNS["images"][:2], tmp_path / "run")
    assert "What it looked at" not in page
    assert "note: the report does not show what the network looked at in its mistakes: no gradient\n" in capsys.readouterr().out
    assert json.loads((tmp_path / "run" / "result.json").read_text())["metrics"]


def test_the_class_that_was_said_is_explained_and_time_is_bounded(looked_at_mistakes, tmp_path, monkeypatch):
    asked = []
    heat_of = checks.Run.heat_of
    monkeypatch.setattr(checks.Run, "heat_of", lambda run, place, said: asked.append((run, place, said)) or heat_of(run, place, said))
    monkeypatch.setattr(looked_at, "_SECONDS", 0.0)
    monkeypatch.setattr(looked_at, "_SHARE", 0.0)
    with looked_at_mistakes():
        page = trained(*RUNS["images"][:2], tmp_path / "run")
    ((run, place, said),) = asked
    assert (place, said) == (0, int(np.argmax(run.rows[0])))
    part = page[page.index("What it looked at") :]
    assert part[: part.index("</section>")].count("<figcaption>") == 1
