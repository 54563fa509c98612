"""Names of TensorFlow Datasets: what is prepared, what is within reach, and what is no name."""

import socket
import threading

import pytest

from hornbook import UserError, data
from hornbook.data import tfds_names


def prepare(root, *names):
    """What tells a prepared dataset, and nothing else."""
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "dataset_info.json").touch()


@pytest.fixture
def root(tfds_root):
    """A folder in which one dataset is prepared."""
    prepare(tfds_root, "animals/1.0.0")
    return tfds_root


def refusal(name):
    with pytest.raises(UserError) as raised:
        data.images.check_name(f"tfds:{name}")
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_the_newest_version_and_a_given_one(root):
    prepare(root, *(f"name/{version}" for version in ("2.0.0", "10.0.0", "9.1.0", "10.0.0.incompleteA1")))
    (root / "name" / "11.0.0").mkdir()  # Not finished: no dataset_info.json.
    assert tfds_names.prepared_folder("name").name == "10.0.0"
    assert tfds_names.prepared_folder("name:9.1.0").name == "9.1.0"
    assert tfds_names.prepared_folder("name:3.0.0") is None
    assert tfds_names.prepared_folder("other") is None


def test_the_one_prepared_configuration_needs_no_name(root):
    prepare(root, "name/small/1.0.0")
    assert tfds_names.prepared_folder("name") == root / "name/small/1.0.0"
    prepare(root, "name/large/1.0.0")
    assert tfds_names.prepared_folder("name") is None
    assert tfds_names.prepared_folder("name/large").parent.name == "large"


def test_not_prepared_and_no_network_is_one_line(root, offline):
    message = refusal("cifar10")
    assert message.startswith(f"tfds:cifar10 is not prepared in {root} and there is no network")
    assert "prepared there: animals" in message
    assert "TFDS_DATA_DIR" in message
    assert offline == [True]
    assert "animals:3.0.0 is not prepared" in refusal("animals:3.0.0")


def test_a_folder_that_is_not_there(tmp_path, monkeypatch, offline):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nowhere"))
    assert "nothing is prepared there" in refusal("animals")


@pytest.mark.parametrize(
    ("name", "words"),
    [("animals:2.0.0", "prepared of it: animals:1.0.0;"), ("Animal", "did you mean tfds:animals? prepared there: animals;")],
)
def test_what_is_there_is_said_with_the_nearest_first(root, offline, name, words):
    assert words in refusal(name)


@pytest.mark.parametrize(
    "name",
    [
        "[:5]",
        "mnist[]",
        "mnist[:]",
        "mnist[5]",
        "mnist[a:b]",
        "mnist[:5",
        "mnist[:5][:2]",
        "",
        "a b",
        "../x",
        "mnist:1.0",
        "mnist:latest",
        "mnist/",
    ],
)
def test_what_is_no_name(root, name, offline):
    assert "is not a dataset's name" in refusal(name)
    assert not offline


def test_the_network_is_asked_once_and_never_raises(monkeypatch):
    asked = []

    def connect(address, timeout):
        asked.append(address)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "create_connection", connect)
    assert tfds_names._network() is False
    assert len(asked) == 1


def test_a_network_that_hangs_is_not_waited_for(monkeypatch):
    forever = threading.Event()

    def connect(address, timeout):
        forever.wait()
        raise OSError("too late")

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(tfds_names, "_REACHABLE_SECONDS", 0.01)
    assert tfds_names._network() is False
    forever.set()
