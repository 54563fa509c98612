"""The scripts beside `hornbook compare` score what they say, and write levels as it does."""

import argparse
import csv
import importlib
import pathlib
import sys
import types

import numpy as np
import pytest

from hornbook import models

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def module(monkeypatch):
    """A function from the name of a file of benchmarks/generalisation to its module."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT)])
    return lambda name: importlib.import_module(f"benchmarks.generalisation.{name}")


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_levels_are_compared_with_the_first_of_their_measure_and_part_in_pairs_of_a_seed(module, tmp_path, capsys):
    levels = module("levels")
    values = {"a": (0.5, 0.7, 0.6), "b": (0.6, 0.81, 0.69)}
    scores = [
        levels.score("digits", name, metric, seed, value if noise == "no" else 1 - value, seconds=2, noise=noise)
        for metric in ("accuracy", "error")
        for noise in ("no", "yes")
        for name, own in values.items()
        for seed, value in enumerate(own)
    ]
    scores += [levels.score("digits", name, "accuracy", 0, 0.5, part="validation", noise="no") for name in ("b", "a")]
    levels.write(tmp_path / "out", scores, ["noise"])
    rows = read(tmp_path / "out/levels.csv")
    assert list(rows[0])[:4] == ["dataset", "noise", "level", "metric"]
    found = {(row["metric"], row["part"], row["noise"], row["level"]): row for row in rows}
    assert found["accuracy", "test", "no", "a"]["verdict"] == "compared with"
    better = found["accuracy", "test", "no", "b"]
    assert float(better["difference"]) == pytest.approx(0.1)
    assert (better["verdict"], better["n"], better["seconds"]) == ("better", "3", "2.0")
    assert float(better["p_corrected"]) == pytest.approx(2 * float(better["p"])), "two differences are compared, one a condition"
    assert found["accuracy", "test", "yes", "b"]["verdict"] == "worse"
    assert found["error", "test", "no", "b"]["verdict"] == "worse", "an error is best low"
    assert found["accuracy", "validation", "no", "b"]["verdict"] == "compared with"
    assert len(read(tmp_path / "out/scores.csv")) == len(scores)
    assert "digits no b: test accuracy 0.7 (n 3), +0.1 [" in capsys.readouterr().out


def test_corrupted_images_are_those_of_the_formulas(module):
    corruptions = module("corruptions")
    images = np.random.default_rng(1).integers(0, 17, (6, 8, 8, 1)).astype(np.uint8)
    made = corruptions.corrupted(images, 16)
    assert {(found.shape, found.dtype) for found in made.values()} == {((30, 8, 8, 1), np.dtype(np.uint8))}
    clean, least = images / 16, made["contrast"][6:12]
    mean = clean.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_array_equal(least, np.rint(((clean - mean) * 0.3 + mean) * 16))
    first = (made["noise"][:6] / 16 - clean)[(clean > 0.3) & (clean < 0.7)]
    assert first.std() == pytest.approx(0.08, abs=0.03)
    flat = np.full_like(images, 9)
    np.testing.assert_array_equal(corruptions.corrupted(flat, 16)["blur"], np.tile(flat, (5, 1, 1, 1)))
    sizes = [part.std() for part in np.split(made["blur"].astype(float), 5)]
    assert sizes == sorted(sizes, reverse=True), "each severity blurs more"


def test_the_files_of_corrupted_images_have_a_label_for_each_copy(module, tmp_path):
    files = module("corruptions").written("digits", tmp_path)
    assert list(files) == ["clean", "noise", "blur", "contrast"]
    clean, noise = np.load(files["clean"]), np.load(files["noise"])
    assert len(noise["labels"]) == len(noise["images"]) == 5 * len(clean["images"])
    np.testing.assert_array_equal(noise["labels"][: len(clean["labels"])], clean["labels"])
    assert set(clean["labels"]) == set(map(str, range(10)))


@pytest.mark.parametrize(
    ("accuracies", "found"),
    [
        ({0.1: 0.9, 0.2: 0.8, 0.4: 0.3}, 0.2),
        ({0.1: 0.9, 0.2: 0.1, 0.4: 0.9}, 0.1),
        ({0.1: 0.2, 0.2: 0.9}, 0.05),
        ({0.1: 0.5, 0.2: 0.9}, 0.2),
    ],
)
def test_the_largest_rate_is_the_last_below_which_none_fails(module, accuracies, found):
    assert module("largest_rates").largest(accuracies, 0.5) == pytest.approx(found)


def test_drawn_examples_and_the_others_have_none_in_common(module, tmp_path):
    estimates = module("estimates")
    drawn, others = estimates.written("breast_cancer", 100, 3, tmp_path)
    parts = [read(flags[1].removeprefix("csv:")) for flags in (drawn, others)]
    assert [len(part) for part in parts] == [100, 469]
    assert {row["label"] for row in parts[0]} == {"0", "1"}
    assert not {tuple(row.values()) for row in parts[0]} & {tuple(row.values()) for row in parts[1]}
    (flag, name), nothing = estimates.written("digits", 50, 3, tmp_path)
    arrays = np.load(name.removeprefix("npz:"))
    assert (flag, nothing, len(arrays["x_train"]), len(arrays["y_test"])) == ("--dataset", (), 50, 1747)


def test_an_estimate_is_one_fold_or_all_and_its_error_the_distance_from_what_was_held_out(module, monkeypatch, tmp_path):
    estimates = module("estimates")
    monkeypatch.setattr(estimates, "measured", lambda args, seed: (0.9, [0.7, 0.9, 0.9, 0.9, 0.9 + seed / 10], 50.0))
    estimates.main(argparse.Namespace(data="digits", seeds=2, output=tmp_path))
    found = {(row["level"], row["metric"]): row for row in read(tmp_path / "levels.csv")}
    assert float(found["one split", "error"]["mean"]) == pytest.approx(0.2)
    assert float(found["cross-validation", "error"]["mean"]) == pytest.approx((0.04 + 0.02) / 2)
    assert float(found["cross-validation", "bias"]["mean"]) == pytest.approx(-0.03)
    assert (found["held out", "accuracy"]["verdict"], found["one split", "error"]["verdict"]) == ("compared with", "compared with")
    assert (found["one split", "accuracy"]["seconds"], found["cross-validation", "accuracy"]["seconds"]) == ("10.0", "50.0")


def test_searches_are_compared_on_both_parts_and_the_defaults_on_test_data(module, monkeypatch, tmp_path):
    searches = module("searches")
    gains = {"random": 0.0, "bayesian": 0.1}
    result = {"validation": 0.8, "seconds": 3.0}
    monkeypatch.setattr(
        searches,
        "searched",
        lambda args, tuner, seed: {**result, "test": {"metrics": {"accuracy": {"mean": 0.6 + gains[tuner] + seed / 100}}}},
    )
    monkeypatch.setattr(searches, "defaults", lambda args, seed: (0.5, 1.0))
    searches.main(argparse.Namespace(seeds=3, flags="--dataset digits", metric="accuracy", output=tmp_path))
    found = {(row["part"], row["level"]): row for row in read(tmp_path / "levels.csv")}
    assert set(found) == {
        ("validation", "random"),
        ("validation", "bayesian"),
        ("test", "random"),
        ("test", "bayesian"),
        ("test", "defaults"),
    }
    assert float(found["test", "bayesian"]["difference"]) == pytest.approx(0.1)
    assert found["test", "defaults"]["verdict"] == "worse"


def test_kept_scores_of_ensembles_are_scores_of_two_levels(module):
    ensembles = module("ensembles")
    rows = ensembles.scores(
        [{"data": "digits", "split": 0, **{f"{kind}_{metric}": 0.5 for kind in ("member", "average") for metric in ensembles.METRICS}}]
    )
    assert [(row["level"], row["metric"]) for row in rows[:2]] == [("a member", "accuracy"), ("average", "accuracy")]
    assert len(rows) == 6


def test_losses_are_those_of_their_names(module):
    losses = module("losses")
    logits, true = np.array([[2.0, 0.0, -1.0]], "float32"), np.array([[0.0, 1.0, 0.0]], "float32")
    probability = np.exp(logits) / np.exp(logits).sum()
    found = {name: np.mean(np.asarray(loss(true, logits))) for name, loss in losses.LOSSES["classes"].items()}
    assert found["cross-entropy"] == pytest.approx(-np.log(probability[0, 1]), rel=1e-5)
    assert found["mean squared error"] == pytest.approx(np.square(probability - true).mean(), rel=1e-5)
    assert found["mean absolute error"] == pytest.approx(np.abs(probability - true).mean(), rel=1e-5)
    both = np.array([[1.0, 1.0, 0.0]], "float32")
    over_all = np.mean(np.asarray(losses.LOSSES["labels"]["cross-entropy"](both, logits)))
    assert over_all == pytest.approx(-np.log(probability[0, :2]).mean(), rel=1e-5)


def test_answers_of_each_loss_are_read_as_what_they_say(module):
    losses = module("losses")
    true = np.eye(10)[[3, 4]]
    logits = np.where(true == 1, 2.0, -2.0)
    assert losses.scored("classes", "binary", logits, true)["accuracy"] == 1
    both = np.maximum(np.eye(10)[[3, 4]], np.eye(10)[[5, 6]])
    found = losses.scored("labels", "cross-entropy", np.where(both == 1, 5.0, 0.0), both)
    assert found["accuracy"] == 1, "half of the probability for each of two labels is more than a quarter"
    assert losses.scored("outliers", "mse", np.array([[1.0], [3.0]]), np.array([[0.0], [0.0]])) == {
        "mean_absolute_error": 2.0, "mean_squared_error": 5.0,
    }  # fmt: skip


def test_two_images_side_by_side_have_the_labels_of_both(module):
    losses = module("losses")
    (images, labels), (others, _) = losses.examples("labels", "digits")
    assert images.shape[1:] == others.shape[1:] == (8, 16, 1)
    assert set(labels.sum(axis=1)) == {1, 2}
    np.testing.assert_array_equal(images[0, :, :8], images[-1, :, 8:])


def test_outliers_are_in_the_training_targets_alone(module):
    losses = module("losses")
    (_, clean), (_, test) = losses.examples("outliers", "friedman", "none")
    (_, dirty), (_, same) = losses.examples("outliers", "friedman", "one in 20")
    assert clean.mean() == pytest.approx(0, abs=1e-6)
    assert sorted(set(np.round(dirty - clean, 6).ravel())) == [0, 10]
    assert (dirty != clean).mean() == pytest.approx(0.05)
    np.testing.assert_array_equal(test, same)


@pytest.mark.parametrize("task", ["classes", "outliers"])
def test_a_script_of_losses_trains_and_writes_levels(module, task, tmp_path):
    losses = module("losses")
    name = {"classes": "digits", "outliers": "diabetes"}[task]
    args = losses.parser().parse_args(["--task", task, "--data", name, "--epochs", "1", "--seeds", "1", "--output", str(tmp_path)])
    losses.main(args)
    assert {row["level"] for row in read(tmp_path / "levels.csv")} == set(losses.LOSSES[task])


def test_relu_leaves_zeros_and_swish_does_not(module):
    activations = module("activations")
    x, _ = activations.examples("digits")
    assert (x.shape, abs(float(x.mean())) < 1e-3) == ((1797, 64), True)
    shares = {}
    for name in ("relu", "silu"):
        model = models.mlp((64,), 10, depth=3, width=8, activation=name)
        shares[name] = activations.zeros(model, x)
    assert 0.3 < shares["relu"] < 0.7
    assert shares["silu"] < 0.01


def test_steps_are_timed_in_turns_without_the_first(module, monkeypatch):
    activations = module("activations")
    moments, steps = iter([0, 9, 20, 20.001, 30, 30.003, 40, 40.002, 50, 50.005]), []
    monkeypatch.setattr(activations.time, "process_time", lambda: next(moments))
    networks = {name: types.SimpleNamespace(train_on_batch=lambda x, y, name=name: steps.append(name)) for name in ("a", "b")}
    found = activations.milliseconds(networks, None, None, 2)
    assert steps == ["a", "b"] * 3
    assert found == {"a": pytest.approx(1.5), "b": pytest.approx(4)}


def test_coverage_is_measured_once_a_split_and_told_with_its_error(module, tmp_path, monkeypatch, capsys):
    conformal = module("conformal")
    name, options = conformal.SETTINGS["breast_cancer"]
    monkeypatch.setattr(conformal, "SETTINGS", {"small": (name, {**options, "epochs": 1})})
    args = argparse.Namespace(splits=1, only=None, output=tmp_path / "conformal.csv")
    [row] = conformal.main(args)
    assert (row["calibration"], row["test"]) == (120, 171)
    assert 0.7 < row["coverage"] <= 1
    assert row["plain"] <= row["coverage"]  # A lower quantile, or the same.
    monkeypatch.setattr(conformal, "measured", lambda setting, split: {**row, "split": split, "coverage": row["coverage"] - 0.02})
    capsys.readouterr()
    conformal.main(argparse.Namespace(**{**vars(args), "splits": 2}))
    rows = read(args.output)
    assert [(one["split"], float(one["coverage"])) for one in rows] == [
        ("0", row["coverage"]),
        ("1", pytest.approx(row["coverage"] - 0.02)),
    ]
    mean = row["coverage"] - 0.01
    assert f"small: 120 calibration and 171 test examples, coverage {mean:.4f} ± 0.0100, plain" in capsys.readouterr().out
