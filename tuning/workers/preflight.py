"""Whether all nodes of a cluster have the same versions and the same data, asked before any training."""

import hashlib
import importlib.metadata
import os
import pathlib
import platform

from hornbook import UserError, files

_PACKAGES = ("hornbook", "keras", "tensorflow", "jax", "torch", "numpy", "scikit-learn", "keras-tuner", "tensorflow-datasets")
_CHUNK = 2**22


def what_is_here(datasets):
    """The versions and the data of this node.

    Args:
        datasets: as of a recipe's `--dataset` and `--test-dataset`.

    Returns:
        {"python", a version a package, "data DATASET": as of `checksum`}.
    """
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return {**found, **{f"data {dataset}": checksum(dataset) for dataset in datasets}}


def checksum(dataset):
    """SHA-256 of a dataset's files, their names and contents: "none" where there are none, "built in" where the dataset has none.

    Of a table that names files of images it is the table's.
    """
    kind, colon, place = dataset.partition(":")
    if not colon:
        return "built in"
    if kind == "tfds":
        name = place.partition("/")[0].partition(":")[0]
        place = pathlib.Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets"), name)
    path = pathlib.Path(os.path.expanduser(place))
    paths = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path] if path.is_file() else []
    if kind == "ts" and not paths:  # Named up to what is added for training and test.
        paths = sorted(one for one in path.parent.glob(f"{path.name}*") if one.is_file())
    if not paths:
        return "none"
    digest = hashlib.sha256()
    for one in paths:
        digest.update(str(one.relative_to(path if path.is_dir() else path.parent)).encode() + b"\0")
        with files.opened(one) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def refuse_differences(here, nodes):
    """Refuse nodes that differ.

    Args:
        here: `what_is_here` of the process that drives the search.
        nodes: the same of each node, by its name.

    Raises:
        UserError: naming the first node that differs, what, and what is needed.
    """
    for node, there in nodes.items():
        for name, wanted in here.items():
            if there.get(name) == wanted:
                continue
            if name.startswith("data "):
                dataset, sums = name.removeprefix("data "), f"(SHA-256 {there[name][:12]}, here {wanted[:12]})"
                what = f"has no {dataset}" if there[name] == "none" else f"has another {dataset} {sums}"
                raise UserError(f"node {node} {what}; put the same files at the same path on every node")
            raise UserError(f"node {node} has {name} {there.get(name)}, and this one {wanted}; install the same versions on every node")
