"""Networks that learn from images without labels, and the runs that begin with them."""

import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from hornbook import UserError, data
from hornbook.__main__ import run as hornbook
from hornbook.data.images.pretraining import unlabelled, views
from hornbook.evaluation.floors import contrastive
from hornbook.inference import finished_run
from hornbook.recipes import image_classification
from hornbook.recipes.image_pretraining import Args, main

SMALL = {"depth": 4, "width": 4, "epochs": 2, "batch_size": 128}


def run(tmp_path, images=None, name="run", **options):
    folder = tmp_path / name
    return folder, main(Args(**{**SMALL, "output": str(folder), **options}), dataset=images)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, floors, diagnosis):
    with floors(), diagnosis():
        return run(tmp_path_factory.mktemp("finished"))


def weights_of(folder):
    network = keras.saving.load_model(folder / "model.keras").get_layer("cnn")
    return {weight.path: np.array(weight) for weight in network.weights}


def test_a_run_leaves_what_every_run_leaves(finished, promised):
    folder, result = finished
    assert {entry.name for entry in folder.iterdir()} == promised
    assert result["floor"]["all"]["most frequent class"]["accuracy"] == 0.25
    assert 0.25 < result["metrics"]["accuracy"] <= 1
    labels = json.loads((folder / "labels.json").read_text())
    assert labels["pretext"] == "rotation"
    assert labels["class_names"] == ["0 degrees", "90 degrees", "180 degrees", "270 degrees"]
    assert "Was pretrained by rotation, on no labels" in (folder / "MODEL_CARD.md").read_text()
    assert (folder / "split.csv").read_text().count("\n") == 1798  # An image once, not once a turn.
    assert '<section id="augmented">' in (folder / "report.html").read_text()


def test_the_score_is_that_of_the_saved_model_on_turned_test_images(finished):
    folder, result = finished
    rows = [line.split(",") for line in (folder / "split.csv").read_text().splitlines()]
    whole = data.images.load("digits", validation_fraction=0, test_fraction=0).train
    chosen = whole.inputs[[int(index) for part, _, index, _ in rows if part == "test"]]
    model = keras.saving.load_model(folder / "model.keras")
    found = [model.predict(np.rot90(chosen, turn, axes=(1, 2)), verbose=0).argmax(axis=1) == turn for turn in range(4)]
    assert np.mean(found) == pytest.approx(result["metrics"]["accuracy"])


@pytest.fixture(scope="module")
def contrasted(tmp_path_factory, floors, diagnosis):
    with floors(), diagnosis():
        return run(tmp_path_factory.mktemp("contrasted"), task="contrastive", mirrored=False, projection_size=16)


def test_a_contrastive_run_leaves_what_every_run_leaves(contrasted, promised):
    folder, result = contrasted
    assert {entry.name for entry in folder.iterdir()} == promised
    floor = result["floor"]
    assert (floor["model"], floor["score"], floor["network"]) == ("a guess", 1 / 511, result["metrics"]["accuracy"])
    assert result["metrics"].keys() == {"accuracy", "loss"}
    labels = json.loads((folder / "labels.json").read_text())
    assert (labels["task"], labels["pretext"], labels["loss"], len(labels["target_names"])) == ("embedding", "contrastive", "nt-xent", 16)
    assert "Was pretrained by contrastive" in (folder / "MODEL_CARD.md").read_text()
    assert '<section id="augmented">' in (folder / "report.html").read_text()
    assert "val_accuracy" in (folder / "history.csv").read_text().splitlines()[0]
    with pytest.raises(UserError, match="was pretrained by contrastive, without labels"):
        finished_run.open_run(folder)


def test_the_contrastive_score_is_that_of_the_saved_model(contrasted):
    folder, result = contrasted
    model = keras.saving.load_model(folder / "model.keras")
    dataset = unlabelled.load("digits")
    pairs = views.PairedExamples(dataset.test, views.Views(mirrored=False, pixel_maximum=16), 0).in_memory().inputs
    found = np.stack([model.predict(pairs[:, view], verbose=0) for view in (0, 1)], axis=1)
    assert contrastive.scores(found, 0.5)["accuracy"] == pytest.approx(result["metrics"]["accuracy"])


def test_a_contrastive_run_that_was_cut_off_ends_with_the_same_weights(tmp_path):
    class Cut(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise RuntimeError("cut off")

    options = {"task": "contrastive", "noise": 0.05, "blur": 0.5, "swa": 0.5, "epochs": 4}
    whole, _ = run(tmp_path, name="whole", **options)
    with pytest.raises(RuntimeError, match="cut off"):
        main(Args(**{**SMALL, **options, "output": str(tmp_path / "cut")}), callbacks=[Cut()])
    cut, _ = run(tmp_path, name="cut", **options)
    first, second = weights_of(whole), weights_of(cut)
    assert all(first[path].tobytes() == second[path].tobytes() for path in first)


def test_options_of_views_reach_the_views(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(views.Views, "augment", lambda self, images, labels, draw: made.append(self) or (self.pair(images, draw), labels))
    asked = {"smallest_crop": 0.5, "mirrored": False, "colour": 0.1, "blur": 0.3, "noise": 0.2}
    folder, _ = run(tmp_path, task="contrastive", epochs=1, projection_size=8, temperature=0.1, **{**asked})
    assert {name: getattr(made[0], name) for name in asked} == asked
    assert keras.saving.load_model(folder / "model.keras").output_shape == (None, 8)


@pytest.mark.parametrize("task", ["rotation", "contrastive"])
def test_the_next_run_begins_with_the_weights_that_were_learned(task, request, tmp_path):
    folder, _ = request.getfixturevalue({"rotation": "finished", "contrastive": "contrasted"}[task])
    begun = {}

    class Begun(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            begun.update({weight.path: np.array(weight) for weight in self.model.get_layer("cnn").weights})

    small = {"epochs": 1, "batch_size": 128, "samples_per_class": 10, "output": str(tmp_path / "next")}
    image_classification.main(image_classification.Args(weights=str(folder), **small), callbacks=[Begun()])
    learned = {weight.path: np.array(weight) for weight in keras.saving.load_model(folder / "model.keras").get_layer("cnn").weights}
    head = {path for path in begun if "logits" in path}
    assert len(head) == 2
    assert begun.keys() == learned.keys()
    for path in begun.keys() - head:
        np.testing.assert_array_equal(begun[path], learned[path])
    assert {begun[path].shape[-1] for path in head} == {10}
    config = json.loads((tmp_path / "next" / "config.json").read_text())
    assert (config["model"], config["depth"], config["width"]) == ("cnn", 4, 4)


@pytest.mark.parametrize("command", ["predict {} x.png", "evaluate {}", "export {} --format keras", "serve {}", "labels {}"])
def test_what_says_classes_refuses_it_in_a_line_that_says_what_it_is_for(finished, command, capsys):
    folder, _ = finished
    with pytest.raises(SystemExit) as ended:
        hornbook(command.format(folder).split())
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert (
        f"was pretrained by rotation, without labels, for other runs to begin with: hornbook image-classification --weights {folder}"
        in said
    )


def test_the_last_line_is_the_command_that_it_is_for(tmp_path, capsys):
    folder, _ = run(tmp_path)
    said = capsys.readouterr().out
    assert f"image-classification: hornbook image-classification --weights {folder} --dataset LABELLED" in said


def test_a_run_that_was_cut_off_ends_with_the_same_weights(tmp_path):
    class Cut(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise RuntimeError("cut off")

    options = {"colour": 0.3, "augmentation": "crop-flip", "dropout": 0.2}
    whole, _ = run(tmp_path, name="whole", **options)
    with pytest.raises(RuntimeError, match="cut off"):
        main(Args(**{**SMALL, **options, "output": str(tmp_path / "cut")}), callbacks=[Cut()])
    cut, _ = run(tmp_path, name="cut", **options)
    first, second = weights_of(whole), weights_of(cut)
    assert all(first[path].tobytes() == second[path].tobytes() for path in first)


def test_files_on_disk_and_their_labels_do_not_count(tmp_path):
    generator = np.random.default_rng(0)
    for number in range(40):
        path = tmp_path / "images" / ("a", "b/c")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (12, 12, 3)).astype(np.uint8)).save(path)
    asked = {"dataset": f"folder:{tmp_path / 'images'}", "model": "cnn", "in_memory": "never", "validation_fraction": 0.2, "batch_size": 16}
    folder, result = run(tmp_path, **asked)
    assert result["evaluated_on"] == "test"
    assert json.loads((folder / "labels.json").read_text())["input_shape"] == [12, 12, 3]
    by_labels, _ = run(tmp_path, name="again", **asked)
    shutil.rmtree(tmp_path / "images")
    assert all(np.array_equal(*pair) for pair in zip(weights_of(folder).values(), weights_of(by_labels).values(), strict=True))


def test_a_dataset_of_the_callers(tmp_path, colour_images):
    images, labels = colour_images
    _, result = run(tmp_path, data.images.from_arrays(images, labels, images[:10], labels[:10]), model="cnn")
    assert result["metrics"].keys() >= {"accuracy", "loss"}


def test_runs_are_compared_on_the_validation_part(tmp_path, capsys):
    words = "--vary noise=0,0.1 --task contrastive --depth 4 --width 4 --epochs 1 --seeds 1 --workers 1 --output"
    hornbook(["compare", "image-pretraining", *words.split(), str(tmp_path / "compared")])
    said = capsys.readouterr().out
    assert "2/2" in said
    with open(tmp_path / "compared" / "comparison.csv") as file:
        assert file.read().count("\n") == 3


def test_what_a_search_aims_at(tmp_path):
    from hornbook.tuning import driver

    assert driver.objective("image_pretraining", Args(), None).name == "accuracy"
    assert driver.objective("image_pretraining", Args(task="contrastive"), "loss").direction == "min"
    with pytest.raises(UserError, match="there are accuracy, loss"):
        driver.objective("image_pretraining", Args(task="contrastive"), "auc")


def test_a_cross_validation_is_refused_before_it_begins(tmp_path, capsys):
    with pytest.raises(SystemExit):
        hornbook(["cross-validate", "image-pretraining", "--folds", "2", "--output", str(tmp_path / "folds")])
    assert "a pretraining has no labels to score folds by" in capsys.readouterr().err


@pytest.mark.parametrize("task", ["rotation", "contrastive"])
def test_a_check_trains_nothing(task, tmp_path):
    found = main(Args(**{**SMALL, "task": task, "check_only": True, "output": str(tmp_path / "run")}))
    assert "findings" in found
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"members": 2}, "--members 2: a pretraining begins other runs with the weights of one network"),
        ({"schedule": "restarts", "cycles": 2, "snapshots": 2}, "--snapshots 2: a pretraining begins other runs"),
        ({"coverage": 0.9}, "--coverage 0.9: a pretraining has no classes of yours"),
        ({"test_fold": "1/5"}, "--test-fold 1/5: a pretraining has no labels to score folds by"),
        ({"temperature": 0.1}, "--temperature 0.1 is for --task contrastive, got rotation"),
        ({"mirrored": False}, "--no-mirrored is for --task contrastive, got rotation"),
        ({"task": "contrastive", "augmentation": "crop"}, "--augmentation crop is for --task rotation"),
        ({"task": "contrastive", "save_predictions": True}, "--save-predictions is for --task rotation"),
        ({"dataset": "folder:nowhere"}, "is not there; accepted is a folder with files below it"),
        ({"dataset": "csv:nowhere"}, "is not there"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        run(tmp_path, **options)
