import json
import os
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from hornbook import data
from hornbook.data.images import inputs as image_inputs
from hornbook.inference.evaluate import evaluate
from hornbook.inference.predict.command import predict
from hornbook.recipes import image_classification as recipe


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of the smallest kind."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    recipe.main(recipe.Args(epochs=3, depth=4, width=4, batch_size=32, learning_rate=0.02, output=str(folder)))
    return folder


@pytest.fixture(scope="module")
def digits():
    return data.images.load("digits").test


@pytest.fixture(scope="module")
def expected(run, digits):
    """Class probabilities of the test images by plain Keras."""
    logits = keras.saving.load_model(run / "model.keras").predict(digits.inputs, verbose=0)
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def refusal(capsys, command, *words):
    """The line of a command that ends with code 2."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as raised:
        command([str(word) for word in words])
    assert raised.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


def lines(capsys, *words):
    capsys.readouterr()
    predict([str(word) for word in words])
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


def test_predict_arrays(run, digits, expected, tmp_path, capsys):
    np.save(tmp_path / "some.npy", digits.inputs[:20])
    rows = lines(capsys, run, tmp_path / "some.npy")
    assert [row[0] for row in rows] == [f"{tmp_path / 'some.npy'}[{place}]" for place in range(20)]
    assert [int(row[1]) for row in rows] == expected[:20].argmax(axis=1).tolist()
    np.testing.assert_allclose([float(row[2]) for row in rows], expected[:20].max(axis=1), atol=1e-4)


def test_predict_one_array(run, digits, expected, tmp_path, capsys):
    np.save(tmp_path / "one.npy", digits.inputs[3].astype(np.float64))
    [row] = lines(capsys, run, tmp_path / "one.npy")
    assert int(row[1]) == expected[3].argmax()


def test_predict_pictures(run, digits, expected, tmp_path, capsys):
    # A picture of 0 to 255 is what the model knows as 0 to 16, whatever its size.
    names = []
    for place in range(10):
        picture = (digits.inputs[place, :, :, 0] * (255 / 16)).round().astype(np.uint8)
        names.append(str(tmp_path / f"{place}.png"))
        Image.fromarray(picture).save(names[-1])
    rows = lines(capsys, run, *names)
    assert [row[0] for row in rows] == names
    probabilities = np.array([float(row[2]) for row in rows])
    np.testing.assert_allclose(probabilities, expected[:10].max(axis=1), atol=0.05)
    assert [int(row[1]) for row in rows] == expected[:10].argmax(axis=1).tolist()


def test_predict_several_classes_the_most_probable_first(run, digits, expected, tmp_path, capsys):
    np.save(tmp_path / "some.npy", digits.inputs[:5])
    for row, probabilities in zip(lines(capsys, run, tmp_path / "some.npy", "--top", "3"), expected, strict=False):
        assert len(row) == 1 + 2 * 3
        assert [int(name) for name in row[1::2]] == np.argsort(-probabilities, kind="stable")[:3].tolist()
    assert len(lines(capsys, run, tmp_path / "some.npy", "--top", "99")[0]) == 1 + 2 * 10


def test_pictures_and_arrays_together(run, digits, tmp_path, capsys):
    np.save(tmp_path / "two.npy", digits.inputs[:2])
    Image.fromarray(np.zeros((30, 20, 3), np.uint8)).save(tmp_path / "a.png")
    rows = lines(capsys, run, tmp_path / "a.png", tmp_path / "two.npy")
    assert [row[0].rpartition("/")[2] for row in rows] == ["a.png", "two.npy[0]", "two.npy[1]"]


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("shape.npy", np.zeros((2, 9, 8, 1)), "has shape (2, 9, 8, 1); the model takes (examples, 8, 8, 1)"),
        ("flat.npy", np.zeros((2, 8, 8)), "has shape (2, 8, 8)"),
        ("number.npy", np.float64(3), "has shape ()"),
        ("none.npy", np.zeros((0, 8, 8, 1)), "has shape (0, 8, 8, 1)"),
        ("text.npy", np.full((1, 8, 8, 1), "black"), "holds <U5; accepted are numbers"),
        ("complex.npy", np.full((1, 8, 8, 1), 1j), "holds complex128; accepted are numbers"),
        ("hole.npy", np.where(np.arange(64) == 9, np.nan, 1).reshape(1, 8, 8, 1), "has a pixel that is not finite"),
        ("objects.npy", np.full((1, 8, 8, 1), None), "cannot be read as a NumPy array"),
    ],
)
def test_predict_refuses_arrays(run, tmp_path, capsys, name, array, words):
    np.save(tmp_path / name, array)
    message = refusal(capsys, predict, run, tmp_path / name)
    assert message.startswith(f"hornbook predict: {tmp_path / name}")
    assert words in message


def test_predict_refuses_what_is_no_array(run, tmp_path, capsys):
    (tmp_path / "empty.npy").write_bytes(b"")
    (tmp_path / "text.npy").write_text("not an array")
    np.savez(tmp_path / "several.npz", images=np.zeros((1, 8, 8, 1)))
    (tmp_path / "several.npz").rename(tmp_path / "several.npy")
    for name in ("empty.npy", "text.npy", "several.npy", "nosuch.npy"):
        message = refusal(capsys, predict, run, tmp_path / name)
        assert str(tmp_path / name) in message
        assert "accepted are arrays that numpy.save wrote" in message
        assert "pickle" not in message
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\x01")
    assert "cut.npy cannot be read as a NumPy array" in refusal(capsys, predict, run, tmp_path / "cut.npy")
    assert "nosuch.png: no such file; accepted are image files" in refusal(capsys, predict, run, tmp_path / "nosuch.png")


def test_a_line_an_input_whatever_it_is_called(run, digits, tmp_path, capfd):
    for name in (b"a\nb.png", b"a\tb.png", b"\xff.png"):
        path = os.path.join(os.fsencode(tmp_path), name)
        Image.fromarray(digits.inputs[0, ..., 0] * 15).save(os.fsdecode(path))
        [words] = lines(capfd, run, os.fsdecode(path))
        assert len(words) == 3
    assert words[0].endswith("\\udcff.png")


def test_predict_refuses_wrong_words(run, tmp_path, capsys):
    assert "nothing to predict" in refusal(capsys, predict, run)
    assert "hornbook predict --help" in refusal(capsys, predict)
    assert "--top" in refusal(capsys, predict, run, "a.png", "--top", "many")
    assert "holds no run" in refusal(capsys, predict, tmp_path, "a.png")


def evaluated(capsys, *words):
    capsys.readouterr()
    evaluate([str(word) for word in words])
    return capsys.readouterr().out


def test_evaluate_gives_the_run_s_own_result(run, capsys):
    metrics = json.loads((run / "result.json").read_text())["metrics"]
    rows = dict(line.split("\t") for line in evaluated(capsys, run).splitlines())
    assert int(rows.pop("examples")) == 360
    assert {name.replace(" ", "_"): value for name, value in rows.items()} == {name: f"{value:.4f}" for name, value in metrics.items()}


def test_evaluate_as_json_on_another_part(run, capsys):
    scores = json.loads(evaluated(capsys, run, "--part", "validation", "--json"))
    assert scores["examples"] == 144
    assert len(scores["per_class"]) == 10
    assert scores["accuracy"] > 0.5
    assert json.loads(evaluated(capsys, run, "--dataset", "digits", "--part", "train", "--json"))["examples"] == 1293


def test_of_another_dataset_all_is_scored(run, tmp_path, capsys):
    part = data.images.load("digits").train
    np.savez(tmp_path / "other.npz", images=part.inputs[:50], labels=part.labels[:50])
    other = f"npz:{tmp_path / 'other.npz'}"
    assert json.loads(evaluated(capsys, run, "--dataset", other, "--json"))["examples"] == 50
    assert "has no validation part; it has examples alone" in refusal(capsys, evaluate, run, "--dataset", other, "--part", "validation")
    np.savez(
        tmp_path / "split.npz", x_train=part.inputs[:50], y_train=part.labels[:50], x_test=part.inputs[50:70], y_test=part.labels[50:70]
    )
    split = f"npz:{tmp_path / 'split.npz'}"
    assert json.loads(evaluated(capsys, run, "--dataset", split, "--json"))["examples"] == 20
    assert json.loads(evaluated(capsys, run, "--dataset", split, "--part", "train", "--json"))["examples"] == 50


def test_evaluate_refuses(run, capsys, tmp_path, monkeypatch):
    assert "digits has no exam part; it has train, validation, test" in refusal(capsys, evaluate, run, "--part", "exam")
    assert "did you mean 'digits'" in refusal(capsys, evaluate, run, "--dataset", "digit")
    assert "holds no run" in refusal(capsys, evaluate, tmp_path)

    inputs, labels = np.zeros((40, 8, 8, 1), np.uint8), np.arange(40) % 2
    other = data.images.from_arrays(inputs, labels, inputs, labels, class_names=("cat", "dog"), name="digits")
    monkeypatch.setattr(image_inputs, "load", lambda name, **options: other)
    assert "has the classes cat, dog; the run was trained on 0, 1, 2, 3, 4, ... (10 in all)" in refusal(capsys, evaluate, run)
    labels = np.arange(40) % 10
    other = data.images.from_arrays(np.zeros((40, 9, 8, 1)), labels, np.zeros((40, 9, 8, 1)), labels, validation_fraction=0, name="digits")
    assert "digits has images (9, 8, 1); the run's model takes (8, 8, 1)" in refusal(capsys, evaluate, run)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "model.keras").write_bytes(b"PK"), "model.keras has 2 bytes, and had"),
        (lambda folder: (folder / "model.keras").unlink(), "model.keras was there when the run ended"),
        (lambda folder: (folder / "labels.json").write_text("{"), "labels.json has 1 bytes, and had"),
        (lambda folder: (folder / "labels.json").unlink(), "labels.json was there when the run ended"),
        (lambda folder: (folder / "result.json").unlink(), "holds an unfinished run"),
    ],
    ids=["broken-model", "no-model", "broken-labels", "no-labels", "unfinished"],
)
def test_a_run_that_is_not_whole(run, digits, tmp_path, capsys, damage, words):
    shutil.copytree(run, tmp_path / "run")
    damage(tmp_path / "run")
    np.save(tmp_path / "one.npy", digits.inputs[:1])
    assert words in refusal(capsys, predict, tmp_path / "run", tmp_path / "one.npy")
    assert words in refusal(capsys, evaluate, tmp_path / "run")


def test_evaluate_leaves_out_what_cannot_be_read_if_asked(tmp_path, capsys):
    for label in ("cat", "dog"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(6):
            pixels = np.random.default_rng(number).integers(0, 256, (6, 5, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number}.png")
    name = f"folder:{tmp_path / 'photos'}"
    recipe.main(recipe.Args(dataset=name, model="mlp", width=4, epochs=1, output=str(tmp_path / "run")))
    rows = (tmp_path / "run" / "split.csv").read_text().splitlines()
    tested = next(row for row in rows if row.startswith("test,")).split(",")[-1]
    broken = (tmp_path / tested).read_bytes()
    (tmp_path / tested).write_text("no")
    assert f"{tested} (is no image" in refusal(capsys, evaluate, tmp_path / "run")
    rows = dict(line.split("\t") for line in evaluated(capsys, tmp_path / "run", "--skip-unreadable").splitlines())
    assert rows["left out"] == "1"
    (tmp_path / "photos/dog/00.png").write_bytes(broken)
    assert "has changed since the run began" in refusal(capsys, evaluate, tmp_path / "run", "--skip-unreadable")


def test_evaluate_scores_a_test_part_that_stands_alone(tmp_path, capsys):
    for folder in ("photos/train", "photos/test", "new/test"):
        for label in ("cat", "dog"):
            (tmp_path / folder / label).mkdir(parents=True)
            for number in range(6):
                pixels = np.random.default_rng(number).integers(0, 256, (6, 5, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / folder / label / f"{number}.png")
    dataset = f"folder:{tmp_path / 'photos'}"
    recipe.main(recipe.Args(dataset=dataset, validation_fraction=0.5, model="mlp", width=4, epochs=1, output=str(tmp_path / "run")))
    other = f"folder:{tmp_path / 'new'}"
    for words in ((), ("--part", "test")):
        rows = dict(line.split("\t") for line in evaluated(capsys, tmp_path / "run", "--dataset", other, *words).splitlines())
        assert rows["examples"] == "12"
    assert "has no train part; it has test" in refusal(capsys, evaluate, tmp_path / "run", "--dataset", other, "--part", "train")
    (tmp_path / "new/test/cat/broken.png").write_text("no")
    assert "left out\t1" in evaluated(capsys, tmp_path / "run", "--dataset", other, "--skip-unreadable")
    shutil.rmtree(tmp_path / "photos/train")
    assert "examples\t12" in evaluated(capsys, tmp_path / "run")


def test_predict_refuses_a_top_of_none(run, capsys):
    assert "--top must be at least 1, got 0" in refusal(capsys, predict, run, "a.png", "--top", "0")


def test_data_of_a_relative_path_are_named_from_elsewhere(tmp_path, capsys, monkeypatch):
    for label in ("cat", "dog"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(6):
            pixels = np.random.default_rng(number).integers(0, 256, (6, 5, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    recipe.main(recipe.Args(dataset="folder:photos", model="mlp", width=4, epochs=1, output="run"))
    assert "examples" in evaluated(capsys, "run")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    said = refusal(capsys, evaluate, "../run")
    assert "the run was trained on folder:photos, which is not there, seen from" in said
    assert "or pass the data as --dataset" in said


def test_scores_that_are_no_numbers_are_null_in_json(run, tmp_path, capsys):
    part = data.images.load("digits").train
    ones = np.flatnonzero(part.labels == 1)[:5]
    zeros = np.flatnonzero(part.labels == 0)[:5]
    labels = {"y_train": part.labels[np.r_[zeros, ones]], "y_test": part.labels[ones]}
    np.savez(tmp_path / "one.npz", x_train=part.inputs[np.r_[zeros, ones]], x_test=part.inputs[ones], **labels)
    written = evaluated(capsys, run, "--dataset", f"npz:{tmp_path / 'one.npz'}", "--json")
    assert "NaN" not in written
    assert json.loads(written)["auc"] is None
