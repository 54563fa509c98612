"""Several trainings of a recipe: one a seed, or a second one after a remedy."""

import json
import statistics

import pytest

from hornbook import UserError, command_line, files, records
from hornbook.recipes import repeats
from hornbook.recipes.tabular_classification import Args, main
from hornbook.training import runs
from hornbook.training.runs import TrainingLost

CONFIG = {"recipe": "r", "epochs": 3, "output": None}


def runner(ran):
    """A run that takes no time, and says so."""

    def run_one(seed, folder):
        ran.append(seed)
        folder.mkdir(parents=True)
        result = {"metrics": {"accuracy": 0.9 + seed / 100, "loss": 1.0 - seed / 10}, "seconds": 2.0}
        files.write_json(folder / "config.json", {**CONFIG, "seed": seed, "output": str(folder)})
        files.write_json(folder / "result.json", result)
        return result

    return run_one


def test_mean_and_spread_of_all_seeds(tmp_path):
    ran = []
    summary = repeats.over_seeds(runner(ran), range(2, 5), tmp_path / "all", CONFIG)
    assert ran == [2, 3, 4]
    assert summary["seeds"] == [2, 3, 4]
    assert summary["seconds"] == 6.0
    scores = [0.92, 0.93, 0.94]
    assert summary["metrics"]["accuracy"]["mean"] == pytest.approx(statistics.mean(scores))
    assert summary["metrics"]["accuracy"]["standard_deviation"] == pytest.approx(statistics.stdev(scores))
    assert summary["metrics"]["loss"]["mean"] == pytest.approx(0.7)
    assert sorted(entry.name for entry in (tmp_path / "all").iterdir()) == ["seed-2", "seed-3", "seed-4", "seeds.json"]
    assert json.loads((tmp_path / "all" / "seeds.json").read_text()) == json.loads(json.dumps(summary))


def test_finished_runs_are_read_not_run_again(tmp_path):
    first = repeats.over_seeds(runner([]), range(2), tmp_path, CONFIG)
    ran = []
    assert repeats.over_seeds(runner(ran), range(2), tmp_path, CONFIG) == first
    assert ran == []
    more = repeats.over_seeds(runner(ran), range(3), tmp_path, CONFIG)
    assert ran == [2]
    assert more["seeds"] == [0, 1, 2]


def test_finished_runs_of_other_options_are_refused(tmp_path):
    repeats.over_seeds(runner([]), range(2), tmp_path, CONFIG)
    ran = []
    with pytest.raises(UserError, match="--epochs 3, and this one has 4"):
        repeats.over_seeds(runner(ran), range(2), tmp_path, {**CONFIG, "epochs": 4})
    assert ran == []


def test_a_seed_that_fails_stops_the_rest_and_leaves_the_finished(tmp_path):
    whole = runner([])

    def run_one(seed, folder):
        if seed == 1:
            raise UserError("the loss is nan")
        return whole(seed, folder)

    with pytest.raises(UserError, match="the loss is nan"):
        repeats.over_seeds(run_one, range(3), tmp_path, CONFIG)
    assert [entry.name for entry in tmp_path.iterdir()] == ["seed-0"]


def finding(problem, changes=(), severity="error"):
    return {"problem": problem, "severity": severity, "evidence": problem, "layers": [], "advice": "", "changes": dict(changes)}


def test_the_remedy_of_the_most_pressing_finding():
    rate, clip = finding("rate", {"learning_rate": 0.1}), finding("clip", {"clip_norm": 1.0}, "warning")
    assert repeats.remedy([rate, clip]) == (rate, {"learning_rate": 0.1})
    assert repeats.remedy([finding("labels", severity="warning"), clip]) == (clip, {"clip_norm": 1.0})
    # What only a person can mend comes first; a note is no reason to train again.
    assert repeats.remedy([finding("labels"), rate]) is None
    assert repeats.remedy([finding("longer", {"epochs": 9}, "note")]) is None
    assert repeats.remedy([]) is None


def trained(ran, findings=(), lost=None):
    """A training that takes no time: its accuracy is 1 less the learning rate."""

    def once(args, folder):
        ran.append((args.learning_rate, args.remedy, folder.name))
        if lost and args.learning_rate > 1:
            raise lost
        folder.mkdir(parents=True, exist_ok=True)
        result = {"metrics": {"accuracy": 1 - min(1.0, args.learning_rate)}, "seconds": 1.0, "findings": list(findings)}
        files.write_json(folder / "config.json", command_line.to_config("tabular_classification", args))
        files.write_json(folder / "result.json", result)
        return result

    return once


TOO_HIGH = finding("learning-rate-too-high", {"learning_rate": 0.25})


def test_a_remedy_is_tried_beside_the_first_run(tmp_path, capsys):
    ran = []
    args = Args(learning_rate=0.5, remedy=True)
    result = repeats.remedied(trained(ran, [TOO_HIGH]), args, tmp_path / "a", "tabular_classification")
    assert ran == [(0.5, True, "a"), (0.25, False, "a-remedied")]
    assert result["metrics"] == {"accuracy": 0.75}
    assert (tmp_path / "a" / "result.json").exists()
    about = runs.remedy_of(tmp_path / "a-remedied")["remedied"]
    assert about["problem"] == "learning-rate-too-high"
    assert about["changes"] == {"learning_rate": 0.25}
    assert about["metrics"] == {"accuracy": [0.5, 0.75]}
    assert "accuracy 0.5000 -> 0.7500" in capsys.readouterr().out


def test_a_remedy_that_did_not_help_is_called_so(tmp_path, capsys):
    worse = finding("learning-rate-too-low", {"learning_rate": 0.75})
    repeats.remedied(trained([], [TOO_HIGH]), Args(learning_rate=0.5, remedy=True), tmp_path / "a", "tabular_classification")
    assert "did not help" not in capsys.readouterr().out
    repeats.remedied(trained([], [worse]), Args(learning_rate=0.5, remedy=True), tmp_path / "b", "tabular_classification")
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == (
        "the remedy did not help: accuracy is worse with --learning-rate 0.75 than without (0.5000 -> 0.2500); "
        f"the run to keep is {tmp_path / 'b'}"
    )


def test_a_remedy_that_loses_the_loss_as_well(tmp_path, capsys):
    lost = TrainingLost("the loss is nan", [finding("learning-rate-too-high", {"learning_rate": 5.0})])
    with pytest.raises(TrainingLost):
        repeats.remedied(trained([], lost=lost), Args(learning_rate=50.0, remedy=True), tmp_path / "a", "tabular_classification")
    assert "the remedy did not help: the loss is lost with --learning-rate 5.0 as well" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("problem", "gained", "useless"),
    [
        ("overfitting", {"accuracy": [0.8, 0.8]}, True),
        ("overfitting", {"accuracy": [0.8, 0.81], "loss": [0.5, 0.6]}, False),
        ("overfitting", {"accuracy of the network alone": [0.8, 0.7], "accuracy": [0.8, 0.9]}, True),
        ("not-learned", {"mean_squared_error": [2.0, 1.0]}, False),
        ("not-learned", {"mean_squared_error": [1.0, 2.0]}, True),
        ("not-finite", {"accuracy": [None, 0.1]}, False),
        ("underfitting", {}, False),
        # What finds the rare class costs accuracy.
        ("rare-class-ignored", {"accuracy": [0.95, 0.9], "balanced_accuracy": [0.5, 0.8]}, False),
        ("rare-class-ignored", {"accuracy": [0.9, 0.95], "balanced_accuracy": [0.8, 0.5]}, True),
    ],
)
def test_what_a_remedy_is_judged_by(problem, gained, useless):
    assert (repeats._worse(problem, gained) is not None) == useless


def test_a_network_is_compared_without_its_classical_model():
    result = {"metrics": {"accuracy": 0.9}, "network_alone": {"accuracy": 0.4}}
    assert list(repeats._scores(result).items()) == [("accuracy of the network alone", 0.4), ("accuracy", 0.9)]
    assert repeats._scores({"metrics": {"accuracy": 0.9}}) == {"accuracy": 0.9}


def test_a_finished_first_run_is_read(tmp_path):
    args, ran = Args(learning_rate=0.5, remedy=True), []
    trained([], [TOO_HIGH])(args, tmp_path / "a")
    repeats.remedied(trained(ran), args, tmp_path / "a", "tabular_classification")
    assert ran == [(0.25, False, "a-remedied")]
    with pytest.raises(UserError, match=r"--learning-rate 0\.5, and this one has 0.4"):
        repeats.remedied(trained(ran), Args(learning_rate=0.4, remedy=True), tmp_path / "a", "tabular_classification")


def test_a_run_that_lost_its_loss_is_remedied_too(tmp_path, capsys):
    ran, lost = [], TrainingLost("the loss is nan", [TOO_HIGH])
    repeats.remedied(trained(ran, lost=lost), Args(learning_rate=50.0, remedy=True), tmp_path / "a", "tabular_classification")
    assert [rate for rate, _, _ in ran] == [50.0, 0.25]
    printed = capsys.readouterr().out
    assert "error: the loss is nan" in printed
    assert "accuracy no result -> 0.7500" in printed
    unmended = trained([], lost=TrainingLost("the loss is nan", []))
    with pytest.raises(TrainingLost, match="the loss is nan"):
        repeats.remedied(unmended, Args(learning_rate=50.0, remedy=True), tmp_path / "b", "tabular_classification")


def test_a_sound_run_is_left_as_it_is(tmp_path, capsys):
    ran = []
    result = repeats.remedied(trained(ran), Args(learning_rate=0.5, remedy=True), tmp_path / "a", "tabular_classification")
    assert len(ran) == 1
    assert result["metrics"] == {"accuracy": 0.5}
    assert "nothing was found to be wrong" in capsys.readouterr().out


@pytest.mark.parametrize("options", [{"seeds": 2}, {"diagnosis": False}])
def test_a_remedy_goes_by_the_diagnosis_of_one_run(options, tmp_path):
    with pytest.raises(UserError, match="--remedy goes by the diagnosis of one run"):
        main(Args(remedy=True, output=str(tmp_path / "a"), **options))


def test_a_learning_rate_that_is_too_low_is_raised(tmp_path, diagnosis):
    options = {"learning_rate": 1e-7, "epochs": 3, "classical_share": 0.0, "remedy": True}
    with diagnosis():
        result = main(Args(**options, output=str(tmp_path / "a")))
    first, second = (records.raw(tmp_path / name / "result.json") for name in ("a", "a-remedied"))
    assert first["findings"][0]["problem"] == "learning-rate-too-low"
    assert second["metrics"] == result["metrics"]
    assert second["metrics"]["loss"] < first["metrics"]["loss"]
    assert second["remedied"]["problem"] == "learning-rate-too-low"
    assert "Remedy tried" in (tmp_path / "a-remedied" / "report.html").read_text()
    assert "Remedy tried" not in (tmp_path / "a" / "report.html").read_text()
    assert records.raw(tmp_path / "a-remedied" / "config.json")["learning_rate"] == first["findings"][0]["changes"]["learning_rate"]
