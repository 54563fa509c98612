import re

import pytest

from hornbook import UserError
from hornbook.tuning.workers import preflight

HERE = {"python": "3.11.7", "keras": "3.15.1", "jax": "not installed", "data csv:x": "a" * 64}


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ({"keras": "3.15.0"}, "node b (10.0.0.2) has keras 3.15.0, and this one 3.15.1; install the same versions on every node"),
        ({"python": "3.12.1"}, "node b (10.0.0.2) has python 3.12.1, and this one 3.11.7"),
        ({"jax": "0.6"}, "has jax 0.6, and this one not installed"),
        ({"data csv:x": "none"}, "node b (10.0.0.2) has no csv:x; put the same files at the same path on every node"),
        ({"data csv:x": "b" * 64}, "has another csv:x (SHA-256 bbbbbbbbbbbb, here aaaaaaaaaaaa)"),
    ],
)
def test_a_node_that_differs_is_named(there, words):
    preflight.refuse_differences(HERE, {"a": HERE})
    with pytest.raises(UserError, match=re.escape(words)):
        preflight.refuse_differences(HERE, {"a": HERE, "b (10.0.0.2)": {**HERE, **there}})


def test_what_is_here():
    found = preflight.what_is_here(["digits"])
    assert found["data digits"] == "built in"
    assert re.match(r"\d+\.\d+", found["keras"])
    assert {"python", "hornbook", "tensorflow", "torch"} <= found.keys()


@pytest.mark.parametrize(
    ("dataset", "files", "changed"),
    [
        ("csv:{}/table.csv", {"table.csv": "a,b\n"}, {"table.csv": "a,c\n"}),
        ("npz:{}/arrays.npz", {"arrays.npz": "1"}, {"arrays.npz": "2"}),
        ("folder:{}/images", {"images/cat/1.png": "1", "images/dog/2.png": "2"}, {"images/cat/3.png": "1"}),
        ("ts:{}/Gun", {"Gun_TRAIN.ts": "1", "Gun_TEST.ts": "2"}, {"Gun_TEST.ts": "3"}),
        ("ts:{}/Gun.ts", {"Gun.ts": "1"}, {"Gun.ts": "3"}),
        ("tfds:mnist", {"mnist/3.0.1/a": "1"}, {"mnist/3.0.1/a": "2"}),
        ("tfds:mnist:3.0.1", {"mnist/3.0.1/a": "1"}, {"mnist/3.0.1/b": "1"}),
    ],
)
def test_the_checksum_of_data(dataset, files, changed, tmp_path, monkeypatch):
    def write(place, contents):
        for name, text in contents.items():
            path = tmp_path / place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def checksum(place):
        monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / place))
        return preflight.checksum(dataset.format(tmp_path / place))

    assert checksum("here") == "none"
    write("here", files)
    write("there", files)
    write("other", files)
    write("other", changed)
    assert re.fullmatch("[0-9a-f]{64}", checksum("here"))
    assert checksum("here") == checksum("there") != checksum("other")
