"""Files of a run that contradict one another, or the model; and files that are not what they were when the run ended."""

import json
import shutil

import numpy as np
import pytest

from hornbook import UserError, data, files, records
from hornbook.data import splits
from hornbook.data.inputs import whole
from hornbook.inference import evaluate
from hornbook.inference.finished_run import load_model, open_run
from hornbook.inference.predict import command as predict
from hornbook.training import manifest


def change(path, **values):
    """Other values in a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def refusal(folder, given=None, load=False):
    """What is said of a run when it is used."""
    with pytest.raises(UserError) as raised:  # noqa: PT012 - whichever step refuses it.
        trained, medium = open_run(folder)
        read = whole(medium.read(given, trained)) if given else []
        if load:
            load_model(trained)
        else:
            medium.examples([value for _, value in read], trained)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("medium", "name", "values", "said"),
    [
        ("images", "labels.json", {"pixel_maximum": 0}, "pixel_maximum: expected float > 0"),
        ("images", "labels.json", {"pixel_maximum": float("nan")}, "is not JSON"),
        ("images", "labels.json", {"input_shape": [10**6, 10**6, 3]}, "takes inputs of shape [1000000, 1000000, 3], and"),
        ("images", "labels.json", {"input_shape": [4, 4]}, "input_shape: expected a list of length >= 3"),
        ("images", "labels.json", {"medium": "tables"}, "input_shape: expected a list of length <= 1"),
        ("images", "labels.json", {"medium": "rumours"}, "invalid enum value 'rumours'"),
        ("images", "labels.json", {"loss": "mse"}, "loss mse is not for a classification"),
        ("images", "labels.json", {"loss": "binary"}, "class_names has 4 names, and loss binary is for 2"),
        (
            "images",
            "labels.json",
            {"thresholds": [0.3]},
            "thresholds are for two classes or several labels, and this is a classification of 4",
        ),
        ("images", "labels.json", {"thresholds": 0.3}, "thresholds: expected array | null, got float"),
        ("images", "labels.json", {"thresholds": [1.5]}, "thresholds[0]: expected float <= 1.0"),
        (
            "images",
            "labels.json",
            {"thresholds": [0.1, 0.2], "task": "multi-label", "loss": "multi-label"},
            "thresholds has 2 numbers for 4 multi-label names",
        ),
        *(
            ("images", "labels.json", {"conformal": {"coverage": 0.9, "calibration_examples": 20, "quantiles": [0.5], **wrong}}, said)
            for wrong, said in (
                ({"coverage": 1.0}, "conformal.coverage: expected float < 1.0"),
                ({"quantiles": [0.5, 0.5]}, "conformal has 2 quantiles, and there must be 1 for this classification"),
                ({"quantiles": [1.5]}, "conformal has the quantile 1.5, and those of this classification lie in 0 to 1"),
                ({"quantiles": [None]}, "conformal has the quantile None"),
                ({"quantiles": []}, "conformal.quantiles: expected a list of length >= 1"),
                ({"quantiles": ["high"]}, "conformal.quantiles[0]: expected float | null, got str"),
                ({"calibration_examples": 0}, "conformal.calibration_examples: expected int >= 1"),
            )
        ),
        ("images", "labels.json", {"class_names": ["a", "b", "a", "c"]}, "class_names has 'a' twice"),
        ("images", "labels.json", {"task": "regression", "loss": "mse"}, "no name of what is predicted"),
        ("series", "labels.json", {"input_shape": [6, 3]}, "input_shape has 3 features, and preprocessing makes 2"),
        ("series", "config.json", {"window": -1}, "window: expected int >= 1"),
        ("tables", "labels.json", {"input_shape": [9]}, "takes inputs of shape [9], and"),
        ("tables", "labels.json", {"feature_names": ["weight"]}, "table.json has the column 'height', which is no feature in"),
        ("tables", "table.json", {"indicators": ["colour"]}, "indicators has 'colour', which is none of numbers"),
        ("tables", "table.json", {"indicators": []}, "table.json makes 3 inputs, and"),
        ("tables", "table.json", {"numbers": {"height": 1e300, "weight": 1}}, "expected float <= 3.4e+38"),
        ("tables", "config.json", {"split_seed": -5}, "split_seed: expected int >= 0"),
        ("texts", "labels.json", {"max_length": 7}, "tokenizer.json has max_length 256, and"),
        ("texts", "labels.json", {"vocabulary_size": 7}, "tokenizer.json has vocabulary_size"),
    ],
)
def test_a_file_that_contradicts_another(medium, name, values, said, copy_of, inputs):
    folder = copy_of(medium)
    change(folder / name, **values)
    assert said in refusal(folder, inputs[medium])


def test_options_that_were_left_to_the_data_are_in_chosen_json(copy_of):
    folder = copy_of("images")
    (folder / "chosen.json").write_text('{"validation_fraction": 0.1}')
    assert "test_time_augmentation: invalid enum value 'auto'" in refusal(folder)
    (folder / "chosen.json").unlink()
    assert f"{folder / 'chosen.json'} cannot be read: No such file or directory" in refusal(folder)


@pytest.mark.parametrize("medium", ["images", "texts", "series", "tables"])
@pytest.mark.parametrize("count", [2, 3, 5, 100])
def test_other_class_names_than_outputs(medium, count, copy_of):
    folder = copy_of(medium)
    change(folder / "labels.json", class_names=[f"class {number}" for number in range(count)])
    said = refusal(folder, load=True)
    assert f"{folder / 'labels.json'} has names for {count} outputs, and {folder / 'model.keras'} has outputs of shape (None, 4)" in said


def test_runs_of_tokens_that_the_tokenizer_does_not_have(copy_of, inputs):
    folder = copy_of("texts")
    for ngrams in ([[2, 999]], [[2, 3], [2, 3]]):
        (folder / "ngrams.json").write_text(json.dumps(ngrams))
        assert "has a run of tokens twice, or of a token that" in refusal(folder, inputs["texts"])


# Accident, told from age.


def test_each_file_of_a_run_is_listed(finished):
    folder = finished("texts")
    listed = set(json.loads((folder / manifest.NAME).read_text()))
    assert listed == {"chosen.json", "config.json", "labels.json", "model.keras", "ngrams.json", "tokenizer.json"}


@pytest.mark.parametrize("name", ["config.json", "chosen.json", "labels.json", "table.json", "model.keras"])
def test_one_flipped_bit(name, finished, tmp_path, inputs):
    folder = shutil.copytree(finished("tables"), tmp_path / "run")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    said = refusal(folder, inputs["tables"])
    assert said.startswith(f"{folder / name} was changed or broken since the run ended")
    assert f"remove {folder / manifest.NAME} to use the files as they are" in said


def test_files_that_were_cut_off_removed_or_added(finished, tmp_path):
    folder = shutil.copytree(finished("images"), tmp_path / "run")
    whole = (folder / "model.keras").read_bytes()
    (folder / "model.keras").write_bytes(whole[:-100])
    assert f"has {len(whole) - 100:,} bytes, and had {len(whole):,}" in refusal(folder)
    (folder / "model.keras").unlink()
    assert "model.keras was there when the run ended, and is no file now" in refusal(folder)
    (folder / "model.keras").write_bytes(whole)
    open_run(folder)
    (folder / "table.json").write_text("{}")
    assert "table.json was not there when the run ended" in refusal(folder)


def test_a_run_that_was_changed_on_purpose_and_one_of_an_earlier_release(finished, tmp_path):
    folder = shutil.copytree(finished("images"), tmp_path / "run")
    change(folder / "labels.json", class_names=["ape", "bee", "cow", "doe"])
    assert "labels.json" in refusal(folder)
    (folder / manifest.NAME).unlink()
    trained, _ = open_run(folder)
    assert trained.about["class_names"] == ["ape", "bee", "cow", "doe"]


def test_what_is_written_is_what_can_be_read(tmp_path):
    with pytest.raises(TypeError, match="Expected `int`"):
        records.write(tmp_path / "a.json", dict[str, int], {"a": "b"})
    records.write(tmp_path / "a.json", dict[str, records.Score], {"a": float("nan"), "b": 2})
    assert records.read(tmp_path / "a.json", dict[str, records.Score]) == {"a": None, "b": 2.0}


@pytest.mark.parametrize("command", [predict.predict, evaluate.evaluate])
def test_the_commands_end_with_one_line(command, copy_of, inputs, capsys):
    folder = copy_of("images")
    files.write_json(folder / "labels.json", {})
    with pytest.raises(SystemExit) as ended:
        command([str(folder), *([inputs["images"]] if command is predict.predict else [])])
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "labels.json is not as Hornbook writes it: object missing required field medium" in told.err


@pytest.mark.parametrize("written", [b"\xff\xfe", b'"' + b"x" * 200_000, b"part,source\n", b"", None, b"a\x00b\n"])
def test_a_split_that_is_no_runs(written, tmp_path):
    path = tmp_path / "split.csv"
    if written is not None:
        path.write_bytes(written)
    dataset = data.images.load("digits")
    with pytest.raises(UserError, match=r"split\.csv") as raised:
        splits.refuse_other_split(path, dataset, remedy="begin again")
    assert "\n" not in str(raised.value)


def test_names_that_are_no_texts_are_written_as_such(tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 3))
    dataset = data.tables.from_arrays(rows, np.arange(60) % 2, class_names=(0, 1))
    records.write(tmp_path / "labels.json", dataset.labels_kind, {**dataset.about(), "loss": "binary", "input_shape": [3]})
    assert records.read(tmp_path / "labels.json", dataset.labels_kind).class_names == ["0", "1"]
