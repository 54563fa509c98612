"""A model file that is broken, inside or out."""

import io
import json
import warnings
import zipfile

import h5py
import keras
import numpy as np
import pytest

from hornbook import UserError, records
from hornbook.inference.finished_run import load_model, open_run


def refusal(folder):
    with pytest.raises(UserError) as raised:  # noqa: PT012 - whichever step refuses it.
        trained, _ = open_run(folder)
        load_model(trained)
    assert "\n" not in str(raised.value)
    assert str(raised.value).count(str(folder / "model.keras")) == 1
    return str(raised.value)


def test_a_whole_one(copy_of):
    trained, _ = open_run(copy_of("images"))
    assert load_model(trained).output_shape == (None, 4)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_flipped_byte(place, copy_of):
    path = copy_of("images") / "model.keras"
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 0xFF
    path.write_bytes(content)
    try:
        trained, _ = open_run(path.parent)
        load_model(trained)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017 - it may be taken.


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
@pytest.mark.parametrize("bit", [1, 128])
def test_a_flipped_bit_of_what_is_in_it(name, bit, copy_of):
    path = copy_of("images") / "model.keras"
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = content.index(archive.read(name))
        content[start + archive.getinfo(name).file_size // 2] ^= bit
    path.write_bytes(content)
    assert "is broken" in refusal(path.parent)


@pytest.mark.parametrize("kept", [0, 10, 0.5, -1])
def test_one_that_is_cut_off(kept, copy_of):
    path = copy_of("images") / "model.keras"
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    assert "is broken, cut off or changed" in refusal(path.parent)


def test_what_is_no_file(copy_of):
    path = copy_of("images") / "model.keras"
    path.unlink()
    assert "is not there" in refusal(path.parent)
    path.mkdir()
    (path / "config.json").write_text("{}")
    assert "is not a file" in refusal(path.parent)


def test_an_archive_of_something_else(copy_of):
    path = copy_of("images") / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "b")
    assert "has no config.json in it" in refusal(path.parent)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "is not JSON"),
        ("null", "has no layer of inputs"),
        ("[" * 99_999, "nested too deep"),
        ('{"config": {}, "config": {}}', "it has 'config' twice in one place"),
        ('{"config": {"layers": 5}}', "has no layer of inputs"),
        ('{"config": {"layers": [{"class_name": "InputLayer", "config": {"batch_shape": 3}}]}}', "has no layer of inputs"),
        ('{"config": {"layers": [{"class_name": "InputLayer", "config": {"batch_shape": [null, 4, 4, 1]}}]}}', "cannot be loaded"),
    ],
)
def test_a_description_of_something_else(written, said, copy_of, rewritten):
    path = copy_of("images") / "model.keras"
    rewritten(path, text=written)
    assert said in refusal(path.parent)


def test_weights_of_something_else_whose_checksum_is_right(copy_of, rewritten):
    path = copy_of("images") / "model.keras"
    rewritten(path, weights=lambda content: content[: len(content) // 2])
    assert "cannot be loaded, it is broken" in refusal(path.parent)
    rewritten(path, weights=lambda content: b"\x89HDF\r\n\x1a\n" + bytes(999))
    assert "cannot be loaded, it is broken" in refusal(path.parent)


def test_layers_without_weights_are_not_left_to_chance(copy_of, rewritten):
    def without_layers(content):
        file = io.BytesIO(content)
        with h5py.File(file, "a") as archive:
            archive.move("layers", "somewhere else")
        return file.getvalue()

    path = copy_of("images") / "model.keras"
    rewritten(path, weights=without_layers)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        said = refusal(path.parent)
    assert "cannot be loaded, it is broken" in said
    assert not told


def test_a_weight_that_is_no_number(copy_of, tmp_path):
    import keras

    folder = copy_of("images")
    model = keras.saving.load_model(folder / "model.keras")
    kernel = model.layers[-1].kernel
    kernel.assign(np.where(np.arange(kernel.shape[1]) == 2, np.nan, kernel.numpy()))
    model.save(folder / "model.keras")
    assert "has a weight that is no finite number" in refusal(folder)


def test_an_example_larger_than_memory(copy_of, rewritten):
    folder = copy_of("images")
    shape = [10**6, 10**6, 3]
    labels = json.loads((folder / "labels.json").read_text())
    (folder / "labels.json").write_text(json.dumps({**labels, "input_shape": shape}))

    def change(described):
        described["config"]["layers"][0]["config"]["batch_shape"] = [None, *shape]

    rewritten(folder / "model.keras", change)
    assert "numbers for one example" in refusal(folder)


def test_more_weights_than_the_file_has(copy_of, rewritten):
    folder = copy_of("images")

    def change(described):
        described["config"]["layers"][-1]["config"]["units"] = 10**10

    rewritten(folder / "model.keras", change)
    assert "describes a model of 170,000,000,000 weights, and has" in refusal(folder)
    with keras.StatelessScope():
        pass  # At its end Keras gives values to all variables that have none: there are none left to fill the memory.


def test_all_objects_of_a_description_are_looked_at():
    deep = {"class_name": "a", "config": [{"b": {"class_name": "c"}}]}
    assert [one["class_name"] for one in records.classes_named(deep)] == ["a", "c"]
    assert list(records.classes_named(io.BytesIO())) == []
