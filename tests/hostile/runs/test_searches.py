"""A search's folder that somebody else wrote."""

import json
import os

import hypothesis
import keras_tuner
import pytest
from hypothesis import strategies

from hornbook import UserError
from hornbook.tuning import command, kept, settings
from hornbook.tuning.oracles import oracles
from hornbook.tuning.reports import results

SETTINGS = {
    "recipe": "image_classification",
    "options": {"epochs": 3, "model": "cnn"},
    "space": [{"class_name": "Int", "config": {"name": "width", "min_value": 1, "max_value": 9}}],
    "objective": "accuracy",
    "tuner": "random",
    "seed": 0,
}
OUTCOME = {"metrics": {"accuracy": [0.5, None]}, "seconds": 2.5, "parameters": 9, "findings": [], "floor": None}
TIMES = {"seconds": 3.5, "trials": {"0": {"began": 0.1, "ended": 3.0, "outcome": OUTCOME}, "1": {"began": 3.1}}}


def oracle(folder):
    space = keras_tuner.HyperParameters()
    space.Int("width", 1, 9)
    space.Choice("model", ["cnn", "mlp"])
    made = oracles.RandomOracle(objective=keras_tuner.Objective("accuracy", "max"), hyperparameters=space)
    made._set_project_dir(str(folder.parent), folder.name)
    return made


@pytest.fixture
def folder(tmp_path):
    """A search with a finished trial and one that runs."""
    folder = tmp_path / "search"
    folder.mkdir()
    (folder / "search.json").write_text(json.dumps(SETTINGS))
    (folder / "times.json").write_text(json.dumps(TIMES))
    made = oracle(folder)
    first = made.create_trial("a")
    made.update_trial(first.trial_id, {"accuracy": 0.5})
    first.status = "COMPLETED"
    made.end_trial(first)
    made.create_trial("b")
    made.save()
    (folder / "trial_0001" / "outcome.json").write_text(json.dumps(OUTCOME))
    return folder


def use(folder):
    """What a search that goes on, and one that learns from it, read."""
    made = oracle(folder)
    made.reload()
    log = results.Log(folder)
    results.rows(made, log)
    results.best(made, log)
    kept.outcome(folder / "trial_0001" / "outcome.json")
    results.read_trials(folder)
    lock, again = settings.claim(folder, SETTINGS, settings.SEARCH)
    os.close(lock)
    assert again


def test_the_searchs_own(folder):
    use(folder)
    objective, found = results.read_trials(folder)
    assert objective == "accuracy"
    assert [score for _, score in found] == [0.5]


@pytest.mark.parametrize(
    "name", ["search.json", "times.json", "oracle.json", "trial_0000/trial.json", "trial_0001/trial.json", "trial_0001/outcome.json"]
)
@hypothesis.given(data=strategies.data())
def test_any_value_in_any_place(name, data, folder, spoil):
    path = folder / name
    whole = json.loads(path.read_text())
    path.write_bytes(data.draw(spoil(whole)))
    try:
        use(folder)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017 - it may be taken.
    finally:
        path.parent.mkdir(exist_ok=True)  # Of a file that is no JSON, the trial is gone.
        path.write_text(json.dumps(whole))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"width": 10**9, "model": "cnn"}, "has values that do not lie in the search's space"),
        ({"width": 3, "model": "evilmod:builder"}, "has values that do not lie in the search's space"),
        ({"width": 3, "model": "cnn", "output": "/"}, "has values that do not lie in the search's space"),
        ({"width": "3", "model": "cnn"}, "has values that do not lie in the search's space"),
        ({"width": {}, "model": "cnn"}, "expected"),
    ],
)
def test_a_trial_whose_values_are_not_of_the_space(values, said, folder):
    path = folder / "trial_0000" / "trial.json"
    trial = json.loads(path.read_text())
    trial["hyperparameters"]["values"] = values
    path.write_text(json.dumps(trial))
    with pytest.raises(UserError, match=said) as raised:
        oracle(folder).reload()
    assert str(path) in str(raised.value)


def test_a_trial_that_would_be_kept_elsewhere(folder):
    path = folder / "trial_0000" / "trial.json"
    trial = json.loads(path.read_text())
    for trial_id, said in (("../../elsewhere", "trial_id: expected str matching regex"), ("1", "is of trial 1;")):
        path.write_text(json.dumps({**trial, "trial_id": trial_id}))
        with pytest.raises(UserError, match=said):
            oracle(folder).reload()


def test_a_link_to_another_folder_is_not_emptied(folder, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "trial.json").write_text("{")
    (folder / "trial_7").symlink_to(tmp_path / "mine")
    with pytest.raises(UserError, match="is not JSON"):
        oracle(folder).reload()
    assert (tmp_path / "mine" / "trial.json").exists()


@hypothesis.given(data=strategies.data())
def test_the_result_of_a_search_that_goes_on(data, folder, spoil):
    (folder / "result.json").write_bytes(data.draw(spoil({"trials": 5, "best_trial": "0000", "values": {"width": 3}})))
    with pytest.raises(UserError) as raised:
        command._refuse_finished(folder, command.Args())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("written", ["{}", "[]", "{", '{"metrics": 5}', '{"metrics": {"accuracy": ["a"]}}', "[" * 99_999])
def test_an_outcome_that_no_trial_wrote_is_none(written, tmp_path):
    (tmp_path / "outcome.json").write_text(written)
    assert kept.outcome(tmp_path / "outcome.json") is None
    assert kept.outcome(tmp_path / "nowhere.json") is None
