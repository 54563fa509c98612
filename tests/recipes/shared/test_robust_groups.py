"""Group DRO by recipes, at toy size: that the options reach the training, what is scored, a run that goes on, and what is refused."""

import csv
import json

import keras
import numpy as np
import PIL.Image
import pytest

from hornbook import UserError, data
from hornbook.recipes import image_classification, robust_groups, tabular_classification
from hornbook.recipes.steps import defaults

SMALL = {"width": 8, "epochs": 4, "batch_size": 32, "learning_rate": 0.02, "floor": False, "validation_fraction": 0.2, "test_fraction": 0.5}


class Interrupt(keras.callbacks.Callback):
    """Stop a run after two epochs and the checkpoint of them."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def birds(tmp_path_factory):
    """A table in which the place says the class of 90%, and the beak that of all, with noise."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 1500)
    places = np.where(draw.random(1500) < 0.9, labels, 1 - labels)
    beaks = 2 * labels - 1 + draw.normal(0, 1.2, 1500)
    path = tmp_path_factory.mktemp("birds") / "birds.csv"
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("beak", "place", "bird"))
        rows.writerows((f"{beak:.4f}", ("land", "water")[place], ("gull", "owl")[k]) for beak, place, k in zip(beaks, places, labels))  # noqa: B905
    return f"csv:{path}"


def run(birds, folder, callbacks=(), **options):
    args = tabular_classification.Args(
        **{"dataset": birds, "label_column": "bird", "robust_column": "place", **SMALL, "output": str(folder), **options}
    )
    return tabular_classification.main(args, callbacks=callbacks)


@pytest.fixture(scope="module")
def found(birds, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "dro"
    return run(birds, folder, robust_step=0.1, robust_adjustment=2.0), folder


def test_the_worst_group_is_scored(found):
    result, folder = found
    rows = result["evaluation"]["robust_groups"]
    assert sorted(row["name"] for row in rows) == ["gull, land", "gull, water", "owl, land", "owl, water"]
    assert result["metrics"]["worst_group_accuracy"] == min(row["accuracy"] for row in rows)
    assert sum(row["examples"] for row in rows) == result["evaluation"]["examples"] == 750
    assert sum(row["training_examples"] for row in rows) == 600
    right = sum(row["accuracy"] * row["examples"] for row in rows)
    assert right / 750 == pytest.approx(result["metrics"]["accuracy"])
    weights = result["group_weights"]
    assert sum(weights.values()) == pytest.approx(1)
    assert np.ptp(list(weights.values())) > 0.001
    with open(folder / "history.csv", newline="") as file:
        assert all(0 <= float(row["val_worst_group_accuracy"]) <= 1 for row in csv.DictReader(file))
    page = (folder / "report.html").read_text()
    assert "gull, water" in page
    assert "The group that does worst" in page
    assert "| gull, water |" in (folder / "MODEL_CARD.md").read_text()


def test_it_cares_for_those_that_the_place_misleads(birds, found, tmp_path):
    plain = run(birds, tmp_path / "plain", robust_method="none", classical_share=0.0)
    assert "group_weights" not in plain

    def of_misled(result):
        rows = [row for row in result["evaluation"]["robust_groups"] if row["name"] in ("gull, water", "owl, land")]
        return sum(row["accuracy"] * row["examples"] for row in rows) / sum(row["examples"] for row in rows)

    assert of_misled(found[0]) > of_misled(plain) + 0.2


def test_options_reach_the_training(birds, tmp_path, monkeypatch):
    from hornbook.training.updates import group_robust

    told, original = [], group_robust.group_robust

    def spy(model, sizes, **options):
        told.append((np.sort(sizes).tolist(), options))
        return original(model, sizes, **options)

    monkeypatch.setattr(group_robust, "group_robust", spy)
    run(birds, tmp_path / "dro", robust_step=0.3, robust_adjustment=1.5, epochs=1, mixup=0.2, members=2, sharpness_radius=0.05)
    [(sizes, options)] = told
    assert options == {"step": 0.3, "adjustment": 1.5}
    assert sum(sizes) == 600
    run(birds, tmp_path / "balanced", robust_method="balanced", epochs=1)
    assert len(told) == 1


def test_batches_have_as_many_of_each_group(birds):
    table = data.tables.load(birds, label_column="bird")
    args = tabular_classification.Args(dataset=birds, label_column="bird", robust_column="place")
    feed = robust_groups.feed(args, table)
    batches = data.training_batches(table.train, batch_size=32, num_classes=2, epochs=1, **feed)
    seen = []
    for _, labels in batches:
        labels = np.asarray(labels)
        assert labels.shape == (32, 2 + 4)
        assert labels[:, 2:].sum(axis=0).tolist() == [8, 8, 8, 8]
        # Behind a label stands a group of that class: gull in land, gull in water, owl in land, owl in water.
        assert (labels[:, 2:].argmax(axis=1) // 2 == labels[:, :2].argmax(axis=1)).all()
        seen.append(labels)
    assert len(seen) == len(table.train) // 32


def test_a_run_that_is_cut_off_ends_with_the_same_model(birds, tmp_path):
    whole = run(birds, tmp_path / "whole", robust_step=0.1, dropout=0.2)
    with pytest.raises(KeyboardInterrupt):
        run(birds, tmp_path / "cut", [Interrupt()], robust_step=0.1, dropout=0.2)
    cut = run(birds, tmp_path / "cut", robust_step=0.1, dropout=0.2)
    assert cut["group_weights"] == whole["group_weights"]
    models = [keras.saving.load_model(tmp_path / name / "model.keras") for name in ("whole", "cut")]
    assert all(np.array_equal(a, b) for a, b in zip(*(model.get_weights() for model in models), strict=True))


def test_early_stopping_watches_the_worst_group(birds, tmp_path):
    metric = "val_worst_group_accuracy"
    result = run(birds, tmp_path / "run", early_stopping=2, early_stopping_metric=metric)
    with open(tmp_path / "run" / "history.csv", newline="") as file:
        values = [float(row[metric]) for row in csv.DictReader(file)]
    assert result["best_epoch"] == 1 + int(np.argmax(values))
    with pytest.raises(UserError, match="--early-stopping-metric must be one of val_loss, loss, val_accuracy, accuracy, got"):
        tabular_classification.check(tabular_classification.Args(early_stopping=2, early_stopping_metric=metric))


def test_images_have_groups_by_the_names_of_their_files(tmp_path):
    draw = np.random.default_rng(0)
    for label, name in enumerate(("gull", "owl")):
        (tmp_path / "birds" / name).mkdir(parents=True)
        for k in range(40):
            place = ("land", "water")[label if k % 5 else 1 - label]
            pixels = (draw.integers(0, 60, (8, 8)) + 150 * label).astype("uint8")
            PIL.Image.fromarray(pixels).save(tmp_path / "birds" / name / f"{k:02}_{place}.png")
    args = image_classification.Args(
        dataset=f"folder:{tmp_path / 'birds'}", robust_pattern=r"_(land|water)\.", depth=4, width=4, epochs=2, batch_size=16,
        learning_rate=0.02, floor=False, data_check=False, validation_fraction=0.2, output=str(tmp_path / "run"),
    )  # fmt: skip
    result = image_classification.main(args)
    assert {row["name"] for row in result["evaluation"]["robust_groups"]} <= set(result["group_weights"])
    assert len(result["group_weights"]) == 4
    assert json.loads((tmp_path / "run" / "result.json").read_text())["metrics"]["worst_group_accuracy"] <= 1


def test_a_classical_model_that_knows_no_groups_is_left_out(birds):
    table = data.tables.load(birds, label_column="bird")
    of_groups = {"dataset": birds, "label_column": "bird", "robust_column": "place"}
    for method, left_out in (("dro", True), ("balanced", True), ("none", False)):
        chosen = defaults.choose(tabular_classification.Args(**of_groups, robust_method=method), table)
        assert (chosen["classical_share"] == 0) == left_out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"robust_step": 0.1}, "--robust-step 0.1 is for --robust-column"),
        ({"robust_method": "none"}, "--robust-method none is for --robust-column"),
        ({"robust_column": "place", "robust_method": "balanced", "robust_step": 0.1}, "--robust-step 0.1 is for --robust-method dro"),
        ({"robust_column": "place", "sampling": "oversample"}, "got --sampling oversample; leave it out"),
        ({"robust_column": "place", "class_weights": "balanced"}, "got --class-weights balanced; leave it out"),
        ({"robust_column": "place", "logit_adjustment": "after"}, "got --logit-adjustment after; leave it out"),
        ({"robust_column": "place", "teacher": "runs/a"}, "--robust-column place and --teacher both"),
        ({"robust_column": "place", "adversarial": "pgd", "epsilon": "0.1"}, "--adversarial pgd both change"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, told):
    with pytest.raises(UserError) as raised:
        robust_groups.check(tabular_classification.Args(**options))
    assert told in str(raised.value)


@pytest.mark.parametrize(("column", "told"), [("sex", "--robust-column sex is no column"), ("beak", "groups, 200 at most")])
def test_columns_that_make_no_groups_are_refused(birds, tmp_path, column, told):
    with pytest.raises(UserError) as raised:
        run(birds, tmp_path / "run", robust_column=column)
    assert told in str(raised.value)


def test_a_pattern_without_files_and_a_column_that_is_the_label_are_refused(birds, tmp_path):
    with pytest.raises(UserError, match="--robust-pattern 'x' is for examples that are files, and those of digits are not"):
        image_classification.main(image_classification.Args(robust_pattern="x", epochs=1, output=str(tmp_path / "digits")))
    with pytest.raises(UserError, match="makes no groups within the classes"):
        run(birds, tmp_path / "run", robust_column="bird")
