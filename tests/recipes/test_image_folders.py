"""Folders of photos, from files to a prediction."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from PIL import Image

from hornbook import UserError, data
from hornbook.inference.evaluate import evaluate
from hornbook.inference.predict.command import predict
from hornbook.recipes.image_classification import Args, main

SMALL = {"depth": 4, "width": 4, "epochs": 2, "batch_size": 128}


def run(tmp_path, **options):
    folder = tmp_path / "run"
    return folder, main(Args(**{**SMALL, "output": str(folder), **options}))


@pytest.fixture
def photos(tmp_path, colour_images):
    """The coloured images as files of several sizes, in a folder a class."""
    for number, (image, label) in enumerate(zip(*colour_images, strict=True)):
        path = tmp_path / "photos" / ("blau & grün", "赤")[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).resize((12 + number % 3, 12)).save(path)
    return tmp_path / "photos"


def test_a_folder_of_photos_to_a_prediction(photos, tmp_path, capsys):
    (photos / "赤/notes.jpg").write_text("not a picture")
    folder = tmp_path / "run"
    args = Args(**{**SMALL, "epochs": 12, "batch_size": 16}, dataset=f"folder:{photos}", image_size="12", output=str(folder))
    with pytest.raises(UserError, match=r"notes\.jpg \(is no image of an accepted format\).* --skip-unreadable"):
        main(args)
    assert not folder.exists()
    with pytest.raises(UserError, match="pass --image-size"):
        main(dataclasses.replace(args, image_size=None))
    result = main(dataclasses.replace(args, skip_unreadable=True, augmentation="flip"))
    assert result["metrics"]["accuracy"] > 0.9
    assert f"{photos}/赤/notes.jpg,is no image" in (folder / "skipped.csv").read_text()
    assert f",blau & grün,{photos}/blau & grün/0.png\n" in (folder / "split.csv").read_text()
    capsys.readouterr()
    evaluate([str(folder), "--json"])
    assert json.loads(capsys.readouterr().out)["accuracy"] == pytest.approx(result["metrics"]["accuracy"])
    one = data.images.load(args.dataset, image_size="12", skip_unreadable=True).test.subset(np.array([0]))
    logits = keras.saving.load_model(folder / "model.keras").predict(one.inputs, verbose=0)
    predict([str(folder), one.files[0]])
    name, label, probability = capsys.readouterr().out.strip().split("\t")
    assert (name, label) == (one.files[0], ("blau & grün", "赤")[logits.argmax()])
    assert float(probability) == pytest.approx(1 / np.exp(logits - logits.max()).sum(), abs=1e-4)


def test_streamed_photos_train_the_same_model_with_floors_and_without(photos, tmp_path, floors, diagnosis):
    weights, found = [], []
    for name, options in {"memory": {"in_memory": "always"}, "disk": {"in_memory": "never"}, "none": {"floor": False}}.items():
        args = Args(**SMALL, dataset=f"folder:{photos}", image_size="12", output=str(tmp_path / name), **options)
        with floors(), diagnosis():
            found.append(main(args)["floor"])
        weights.append(keras.saving.load_model(tmp_path / name / "model.keras").get_weights())
    assert all(np.array_equal(one, other) and np.array_equal(one, third) for one, other, third in zip(*weights, strict=True))
    assert found[0]["all"].keys() == {"most frequent class", "nearest neighbour", "logistic regression on pixels"}
    assert {**found[0], "seconds": 0} == {**found[1], "seconds": 0}
    assert found[2] is None


def test_photos_that_change_before_a_run_goes_on(photos, tmp_path):
    args = Args(dataset=f"folder:{photos}", model="mlp", width=4, epochs=2, image_size="8", output=str(tmp_path / "run"))

    class Cut(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        main(args, callbacks=[Cut()])
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    moved = next(photos.rglob("*.png"))
    moved.rename(moved.with_name(f"other-{moved.name}"))
    with pytest.raises(UserError, match=rf"has changed since the run began: {tmp_path}/run/split.csv has .* where there is .* now"):
        main(args)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before
    moved.with_name(f"other-{moved.name}").rename(moved)
    assert main(args)["epochs"] == 2
