"""A checkpoint that somebody else wrote, or that is broken: one line, and neither the model nor a callback has taken any of it."""

import io
import json
import zipfile

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies

from hornbook import UserError
from hornbook.training import callbacks, checkpoint, diagnosis, pace

X, Y = np.arange(12, dtype="float32").reshape(4, 3), np.ones((4, 1), "float32")


def trained(path, epochs=2, restore=None):
    """A model and its callbacks after a training with a checkpoint, or those that take one up."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5, seed=1), keras.layers.Dense(2), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    own = [
        callbacks.History(path.with_name("history.csv")),
        callbacks.EarlyStopping("loss", patience=9),
        callbacks.ReduceOnPlateau("loss"),
        pace.Pace(9, 1),
        diagnosis.Diagnostics((X, Y)),
    ]
    kept = checkpoint.Checkpoint(path, own, options={"dropout": 0.3})
    for one in (*own, kept):
        one.set_model(model)
    if restore is None:
        model.fit(X, Y, epochs=epochs, verbose=0, shuffle=False, callbacks=[*own, kept])
    return model, own, kept


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The arrays of a checkpoint, by name, and what it says of itself."""
    path = tmp_path_factory.mktemp("whole") / "last.npz"
    trained(path)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    return json.loads(str(arrays.pop("about"))), arrays


def write(path, about, arrays):
    np.savez(path, about=np.array(about if isinstance(about, str) else json.dumps(about)), **arrays)


@pytest.fixture
def fresh(tmp_path):
    return trained(tmp_path / "last.npz", restore=True)


def refusal(fresh, epochs=9):
    model, _, kept = fresh
    before = [np.array(value) for value in model.get_weights()]
    with pytest.raises(UserError) as raised:
        kept.restore(model, epochs)
    assert "\n" not in str(raised.value)
    assert str(kept.path) in str(raised.value)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    return str(raised.value)


def test_a_whole_one(whole, fresh):
    write(fresh[2].path, *whole)
    assert fresh[2].restore(fresh[0], 9) == 2
    assert len(fresh[1][0].rows) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"next_epoch": -5}, "next_epoch: expected int >= 0"),
        ({"next_epoch": 10**9}, "goes on with epoch 1000000001, and the training has 9"),
        ({"next_epoch": 1.5}, "next_epoch: expected int, got float"),
        ({"next_epoch": float("nan")}, "next_epoch: expected int, got float"),
        ({"format": 7}, "is of another model, optimizer or callbacks"),
        ({"paths": []}, "is of another model, optimizer or callbacks"),
        ({"callbacks": []}, "is of another model, optimizer or callbacks"),
        ({"callbacks": 5}, "callbacks: expected a list, got int"),
        (
            {"options": {"dropout": 0.5}},
            "is of a training with dropout 0.5, and this one has 0.3; restore the run's config.json and chosen",
        ),
        ({"options": {}}, "is of a training with dropout None, and this one has 0.3"),
        ({"options": {"dropout": {}}}, "options[any]: expected"),
    ],
)
def test_what_it_says_of_itself(change, said, whole, fresh):
    write(fresh[2].path, {**whole[0], **change}, whole[1])
    assert said in refusal(fresh)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("variable1", lambda array: array * np.nan, "has what is no finite number in"),
        ("variable1", lambda array: array + np.inf, "has what is no finite number in"),
        ("variable1", lambda array: array.astype("float64"), "has float64 for"),
        ("variable1", lambda array: array.astype("complex64"), "has complex64 for"),
        ("variable0", lambda array: array.astype("float32"), "has float32 for"),  # The state of a seed.
        ("variable1", lambda array: array[:1], "is of another model"),
        ("variable1", lambda array: np.array("text"), "is of another model"),
        ("callback1_0", lambda array: array[:1], "a state of EarlyStopping that cannot be: the best weights are not of this model"),
        ("callback1_0", lambda array: array * np.nan, "a state of EarlyStopping that cannot be: the best weights are no finite numbers"),
        ("callback4_1", lambda array: array[:-1], "a state of Diagnostics that cannot be"),
    ],
)
def test_its_arrays(name, change, said, whole, fresh):
    write(fresh[2].path, whole[0], {**whole[1], name: change(whole[1][name])})
    assert said in refusal(fresh)


def test_an_array_that_is_not_there(whole, fresh):
    write(fresh[2].path, whole[0], {name: array for name, array in whole[1].items() if name != "variable1"})
    assert "is of another model" in refusal(fresh)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": []}, "History"),
        ({"rows": [{"epoch": 2, "seconds": 1}]}, "History"),
        ({"rows": [{"epoch": 1, "seconds": -1}]}, "History"),
        ({"rows": [{"epoch": 1, "seconds": 1, "loss": "0.5"}]}, "History"),
    ],
)
def test_a_history_that_cannot_be(change, said, whole, fresh):
    states = [{**whole[0]["callbacks"][0], "values": change}, *whole[0]["callbacks"][1:]]
    write(fresh[2].path, {**whole[0], "callbacks": states}, whole[1])
    assert f"a state of {said} that cannot be" in refusal(fresh)


@hypothesis.given(data=strategies.data())
def test_any_value_in_any_place(data, whole, fresh, spoil):
    model, _, kept = fresh
    write(kept.path, data.draw(spoil(whole[0])).decode("utf-8", "surrogatepass"), whole[1])
    try:
        kept.restore(model, 9)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017 - it may be taken.


@hypothesis.given(data=strategies.data())
def test_any_byte(data, whole, fresh):
    model, _, kept = fresh
    write(kept.path, *whole)
    content = bytearray(kept.path.read_bytes())
    for _ in range(data.draw(strategies.integers(1, 4))):
        content[data.draw(strategies.integers(0, len(content) - 1))] = data.draw(strategies.integers(0, 255))
    kept.path.write_bytes(content[: data.draw(strategies.integers(0, len(content)))])
    try:
        kept.restore(model, 9)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017 - it may be taken.


def test_what_unpacks_to_more_than_it_is(whole, fresh):
    np.savez_compressed(fresh[2].path, about=np.array(json.dumps(whole[0])), **whole[1])
    assert "is compressed, which no checkpoint is" in refusal(fresh)


def test_an_array_that_says_that_it_is_huge(whole, fresh):
    write(fresh[2].path, *whole)
    with zipfile.ZipFile(fresh[2].path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    claim = io.BytesIO()
    np.lib.format.write_array_header_1_0(claim, {"descr": "<f4", "fortran_order": False, "shape": (2**40,)})
    parts["variable1.npy"] = claim.getvalue() + bytes(16)
    with zipfile.ZipFile(fresh[2].path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert "does not hold the numbers that it says" in refusal(fresh)
