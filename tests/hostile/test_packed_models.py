"""A `model.keras` that unpacks to more than it has bytes, lacks weights, or holds what no run saves: refused before any of it is made.

And one whose weights are numbers, and whose outputs are none.
"""

import io
import tracemalloc
import types
import zipfile

import h5py
import keras
import numpy as np
import pytest

from hornbook import UserError, memory, records
from hornbook.data.dataset import Examples
from hornbook.inference import saved_model

LABELS = types.SimpleNamespace(input_shape=[3], num_outputs=2, pretext=None)
MOST = 2**27


@keras.saving.register_keras_serializable("hornbook")
class Nested(keras.layers.Layer):
    """A layer whose layers lie in lists of lists, which Keras leaves as they are, with a remark, where a file lacks them."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = [[keras.layers.Dense(2), keras.layers.Dense(2)]]

    def build(self, shape):
        self.inner[0][0].build(shape)
        self.inner[0][1].build((None, 2))

    def call(self, inputs):
        return self.inner[0][1](self.inner[0][0](inputs))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """What is in the archive of a sound model, bytes by name."""
    path = tmp_path_factory.mktemp("model") / "model.keras"
    given = keras.Input((3,))
    keras.Model(given, Nested()(keras.layers.Dense(4)(given))).save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, parts, how=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in parts:
            archive.writestr(name, content)
    return path


def loaded(path):
    """The model, or what is said against it, in little memory."""
    tracemalloc.start()
    try:
        saved_model.check(path, LABELS, path.with_name("labels.json"))
        return saved_model.load(path, LABELS, path.with_name("labels.json"))
    except UserError as error:
        return str(error)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < MOST


def test_the_sound_model_is_loaded(tmp_path, saved):
    model = loaded(write(tmp_path / "model.keras", saved.items()))
    assert model(np.ones((1, 3))).shape == (1, 2)


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packed_archive(tmp_path, saved, how):
    assert "has packed files in it, which may unpack to any size" in loaded(write(tmp_path / "model.keras", saved.items(), how))


def test_weights_of_gigabytes_of_zeros_and_a_description_of_lists(tmp_path, saved):
    for name, content in (("model.weights.h5", bytes(2**26)), ("config.json", b"[" + b"[]," * 2**22 + b"[]]")):
        path = write(tmp_path / "model.keras", {**saved, name: content}.items(), zipfile.ZIP_DEFLATED)
        assert "has packed files in it" in loaded(path)


def test_a_description_without_end(tmp_path, saved):
    path = write(tmp_path / "model.keras", {**saved, "config.json": b" " * (2**24 + 1)}.items())
    assert "has a description of more than 16,777,216 bytes, which no model needs" in loaded(path)


@pytest.mark.parametrize("name", ["assets/layers/words/vocabulary.txt", "../../outside", "/etc/cron.d/x", "a\x1b[2J"])
def test_further_files(tmp_path, saved, name):
    assert f"has {name!r} in it; accepted is the model that a run saves" in loaded(
        write(tmp_path / "model.keras", {**saved, name: b""}.items())
    )


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_there_twice(tmp_path, saved):
    assert "has a file twice in it" in loaded(write(tmp_path / "model.keras", [*saved.items(), ("config.json", b"{}")]))


def with_weights(path, saved, change):
    """The model with its HDF5 file changed."""
    file = io.BytesIO(saved["model.weights.h5"])
    with h5py.File(file, "r+") as weights:
        change(weights)
    return write(path, {**saved, "model.weights.h5": file.getvalue()}.items())


def packed(weights):
    weights.create_dataset("bomb", (20_000, 20_000), "f4", chunks=(2000, 2000), compression="gzip", fillvalue=1)


def instead(weights):
    del weights["layers/dense/vars/0"]
    weights.create_dataset("layers/dense/vars/0", (10**5, 10**5), "f4", chunks=(1000, 1000))


@pytest.mark.parametrize("change", [packed, instead])
def test_weights_that_unpack_to_more_than_there_is(tmp_path, saved, change):
    said = loaded(with_weights(tmp_path / "model.keras", saved, change))
    assert "bytes of weights that unpack to " in said


@pytest.mark.filterwarnings("ignore")  # As in a process of the command line.
@pytest.mark.parametrize("name", ["layers/nested", "layers/nested/inner", "layers/nested/inner/container"])
def test_weights_that_keras_would_leave_at_random(tmp_path, saved, name):
    said = loaded(with_weights(tmp_path / "model.keras", saved, lambda weights: weights.__delitem__(name)))
    assert "cannot be loaded, it is broken or of another release of Keras: Skipping nested container" in said


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n" + bytes(500), b"PK\x03\x04" + bytes(100), b"x" * 5000])
def test_weights_that_are_no_hdf5(tmp_path, saved, content):
    path = write(tmp_path / "model.keras", {**saved, "model.weights.h5": content}.items())
    assert "cannot be loaded, it is broken or of another release of Keras: " in loaded(path)


@pytest.mark.parametrize("content", [b"[" + b"[]," * 2**20 + b"[]]", b"[" + b"{}," * 2**20 + b"{}]", "[" + "1," * 2**20 + "1]"])
def test_json_that_becomes_twenty_times_as_much_is_counted_first(content, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 2**25)
    with pytest.raises(UserError, match=r"^labels.json takes at least \d+\.\d MiB of memory, and 32.0 MiB are free; see whether"):
        records.parsed(content, "labels.json")


@pytest.mark.parametrize(("weights", "given"), [(3e38, 1), (1, 3e38), (-3e38, 1)])
def test_outputs_that_are_no_numbers_are_no_answer(tmp_path, saved, weights, given):
    def enlarged(file):
        names = []
        file.visititems(lambda name, found: names.append(name) if isinstance(found, h5py.Dataset) else None)
        for name in names:
            file[name][...] = weights

    path = with_weights(tmp_path / "model.keras", saved, enlarged)
    inputs = np.zeros((3, 3), np.float32)
    inputs[1] = given
    trained = types.SimpleNamespace(folder=tmp_path, about={"input_shape": [3]})
    part = Examples(inputs, np.zeros(3, np.int64), np.arange(3), "all")
    with pytest.raises(UserError, match=r"model.keras gives no finite number for input [12] of 3: its weights or the input are too large"):
        saved_model.outputs(loaded(path), part, trained)


@pytest.mark.parametrize("units", [2, 1024])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_weight_of_few_or_many_that_is_no_number(tmp_path, units, value):
    model = keras.Sequential([keras.Input((512,)), keras.layers.Dense(units)])
    saved_model._refuse_weights(tmp_path, model)
    kernel = np.ones((512, units), np.float32)
    kernel[-1, -1] = value
    model.layers[0].kernel.assign(kernel)
    with pytest.raises(UserError, match=r"has a weight that is no finite number, in .*kernel: its predictions would mean nothing"):
        saved_model._refuse_weights(tmp_path, model)
