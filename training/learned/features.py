"""Features of examples, computed once by a network and kept on disk: from them a head is trained in seconds, again and again."""

import hashlib
import json
import os
import pathlib

import numpy as np

from hornbook import UserError, files, terminal
from hornbook.data import batches
from hornbook.data.dataset import Examples

_OF_LAYERS = {"trainable", "batch_shape", "inbound_nodes"}  # What a description has that is a layer's or an operation's.
_AT_A_TIME = 2**24  # Bytes that a checksum is taken of.


def folder():
    """Where features are kept: `hornbook/features` in the user's folder of caches, `XDG_CACHE_HOME` or `~/.cache`. It may be removed."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(home) / "hornbook" / "features"


def computed(network, part, *, batch_size=64, length=None, where=None):
    """The features of a part of a dataset, read from disk where they were computed before.

    They are found again by a checksum of the network, its weights, and the part's inputs (of image files: of what is in them).

    Args:
        network: `keras.Model` from the part's inputs to `(batch, features)`.
        part: of a dataset, in memory or not, or its tokens.
        batch_size, length: as of `batches.predictions`.
        where: the folder that they are kept in; default: `folder()`.

    Returns:
        `Examples` of float32 `(examples, features)`, with the part's labels and places.

    Example:
    ```python
    import tempfile

    import keras
    from hornbook import data
    from hornbook.training.learned import features

    digits = data.images.load("digits")
    network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3), keras.layers.Flatten()])
    with tempfile.TemporaryDirectory() as cache:
        part = features.computed(network, digits.train, where=cache)
    head = keras.Sequential([keras.Input(part.inputs.shape[1:]), keras.layers.Dense(10)])
    head.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    head.fit(part.inputs, part.labels, verbose=0)
    ```
    """
    shape = (len(part), network.output_shape[-1])
    path = pathlib.Path(where or folder()) / f"{_checksum(network, part)}.npy"
    found = _read(path, shape)
    if found is None:
        terminal.say(f"computing {shape[1]:,} features of {shape[0]:,} examples, kept in {path}")
        found = batches.predictions(network, part, batch_size=batch_size, length=length).astype(np.float32)
        _write(path, found)
    return Examples(found, part.labels, part.indices, getattr(part, "source", "all"), getattr(part, "files", None))


def _checksum(network, part):
    digest = hashlib.sha256(json.dumps([_without_names(network), network.dtype_policy.name]).encode())
    for weight in network.get_weights():
        digest.update(np.ascontiguousarray(weight).data)
    if isinstance(part, Examples):
        digest.update(repr((part.inputs.shape, part.inputs.dtype)).encode())
        rows = max(1, _AT_A_TIME * len(part) // max(1, part.inputs.nbytes))
        for start in range(0, len(part), rows):  # A contiguous copy of some, not of everything.
            digest.update(np.ascontiguousarray(part.inputs[start : start + rows]).data)
    elif getattr(part, "files", None) is not None:
        digest.update(repr(part.input_shape).encode())
        for file in part.files:  # Which is faster than to unpack it.
            with files.opened(file) as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    elif hasattr(part, "lengths"):  # Tokens, or series.
        digest.update(np.ascontiguousarray(part.lengths).data)
        for start in range(0, len(part), 256):
            positions = np.arange(start, min(start + 256, len(part)))
            digest.update(np.ascontiguousarray(part.padded(positions, int(part.lengths[positions].max()))).data)
    else:
        for _, inputs in part.stream(256):
            digest.update(np.ascontiguousarray(inputs).data)
    return digest.hexdigest()[:32]


def _without_names(network):
    """The description of a network in which its layers and operations are numbered: Keras counts on in their names whenever one is made."""
    described, names = json.loads(network.to_json()), {}

    def find(value):
        if isinstance(value, dict) and isinstance(value.get("name"), str) and value.keys() & _OF_LAYERS:
            names.setdefault(value["name"], f"layer {len(names)}")
        for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            find(one)

    def numbered(value):
        if isinstance(value, dict):
            return {key: numbered(one) for key, one in value.items()}
        if isinstance(value, list):
            return [numbered(one) for one in value]
        return names.get(value, value) if isinstance(value, str) else value

    find(described)
    return numbered(described)


def _read(path, shape):
    """The array in a file, or None where there is none of this shape."""
    try:
        with files.opened(path) as file:
            found = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.shape == shape and found.dtype == np.float32 and np.isfinite(found).all() else None


def _write(path, found):
    """Keep an array; a disk without room leaves it in memory alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.atomic(path) as temporary, open(temporary, "wb") as file:
            np.save(file, found)
    except (OSError, UserError) as error:
        terminal.say(f"note: the features are not kept: {error}")
