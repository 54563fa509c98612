"""Names of TensorFlow Datasets: which are prepared or within reach, their builders and splits; found without importing the library.

A prepared folder is read as it is (`builder_from_directory`), so it needs neither a network nor the builder's code.
"""

import difflib
import os
import re
import socket
import threading

import numpy as np

from hornbook import UserError, files

# TensorFlow Datasets itself retries for minutes where there is no network; this asks once.
_REACHABLE_HOST = ("storage.googleapis.com", 443)
_REACHABLE_SECONDS = 2.0
# NAME, perhaps a configuration, a version, and a slice as TensorFlow Datasets spells it.
_NAME = re.compile(r"(?P<prepared>\w+(/[\w.-]+)?(:\d+\.\d+\.\d+)?)(?P<slice>\[(?=.*\d)(-?\d+%?)?:(-?\d+%?)?\])?", re.ASCII)
_ACCEPTED = "tfds:NAME, tfds:NAME/CONFIG or tfds:NAME:1.2.3, and behind it a slice of its training images such as [:1000] or [:10%]"


def data_dir():
    """The folder of prepared datasets: `TFDS_DATA_DIR`, or the library's own default."""
    return files.given(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")


def prepared_folder(name):
    """The newest prepared version of `NAME[/CONFIG][:VERSION]` under `data_dir()`, or None.

    A name without a configuration takes the one that is prepared, if it is the only one.
    """
    path, _, version = name.partition(":")
    folder = data_dir() / path
    versions = _versions(folder)
    if not versions and "/" not in path:
        configured = [found for found in map(_versions, folder.glob("*/")) if found]
        versions = configured[0] if len(configured) == 1 else []
    if version:
        versions = [entry for entry in versions if entry.name == version]
    return max(versions, key=lambda entry: tuple(map(int, entry.name.split("."))), default=None)


def _versions(folder):
    return [entry.parent for entry in folder.glob("*/dataset_info.json") if re.fullmatch(r"\d+\.\d+\.\d+", entry.parent.name)]


def check(name):
    """Refuse a dataset that is neither prepared nor can be downloaded now.

    Raises:
        UserError: the name is no dataset's, or nothing is prepared and there is no network.
    """
    match = _NAME.fullmatch(name)
    if not match:
        raise UserError(f"--dataset {f'tfds:{name}'!r} is not a dataset's name; accepted is {_ACCEPTED}")
    if prepared_folder(match["prepared"]) is None and not _network():
        raise UserError(
            f"tfds:{name} is not prepared in {data_dir()} and there is no network to download it; {_what_is_prepared(match['prepared'])}; "
            "set TFDS_DATA_DIR to a folder that has it, or try --dataset digits"
        )


def _what_is_prepared(name):
    """The datasets that are prepared, for a message; those with names like `name` first."""
    infos = [*data_dir().glob("*/*/dataset_info.json"), *data_dir().glob("*/*/*/dataset_info.json")]
    prepared = {}
    for info in sorted(infos):
        prepared.setdefault(str(info.parents[1].relative_to(data_dir())), []).append(info.parents[0].name)
    own = {found: versions for found, versions in prepared.items() if name.partition(":")[0] in (found, found.partition("/")[0])}
    if own:
        return f"prepared of it: {', '.join(f'{found}:{version}' for found, versions in own.items() for version in versions)}"
    close = difflib.get_close_matches(name.lower(), prepared, n=1)
    hint = f"did you mean tfds:{close[0]}? " if close else ""
    return f"{hint}prepared there: {', '.join(prepared)}" if prepared else "nothing is prepared there"


def _network():
    """Whether the datasets' host answers, asked in a thread because a name look-up has no time limit of its own."""
    answers = []

    def connect():
        try:
            socket.create_connection(_REACHABLE_HOST, timeout=_REACHABLE_SECONDS).close()
        except OSError:
            return
        answers.append(True)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_REACHABLE_SECONDS)
    return bool(answers)


def open_builder(name):
    """The builder of a dataset that is prepared, or is prepared now.

    Args:
        name: NAME[/CONFIG][:VERSION], and perhaps a slice, which plays no part here.

    Raises:
        UserError: there is no such dataset, or it cannot be read or prepared.
    """
    import tensorflow_datasets as tfds
    from google.protobuf.json_format import ParseError

    name = _NAME.fullmatch(name)["prepared"]
    folder = prepared_folder(name)
    if folder is not None:
        _refuse_other_kinds(name, folder)
    try:
        if folder is not None:
            return tfds.builder_from_directory(folder)
        builder = tfds.builder(name, data_dir=data_dir())
    except (tfds.core.registered.DatasetNotFoundError, ValueError, AssertionError, ParseError) as error:
        if folder is None:
            raise UserError(
                f"tfds:{name} is neither a dataset of TensorFlow Datasets nor prepared in {data_dir()}; accepted is {_ACCEPTED}"
            ) from error
        missing = [one for one in ("dataset_info.json", "features.json") if not (folder / one).is_file()]
        reason = f"{missing[0]} is missing" if missing else "dataset_info.json or features.json is broken"
        raise UserError(f"tfds:{name} cannot be read from {folder}: {reason}; prepare it again") from error
    try:
        builder.download_and_prepare()
    except Exception as error:  # A builder of another author, and the network, may fail in any way.
        raise UserError(f"tfds:{name} cannot be prepared in {data_dir()}: {type(error).__name__}: {_first_line(error)}") from error
    return builder


def _refuse_other_kinds(name, folder):
    """Refuse a prepared folder with a pipe or a device in it: TensorFlow would wait for it."""
    for entry in sorted(folder.iterdir()):
        if not entry.is_file() and not entry.is_dir():
            kind = "a link to nothing" if not entry.exists() else "a pipe or a device"
            raise UserError(f"tfds:{name} cannot be read from {folder}: {entry.name} is {kind}, not a file; prepare it again")


def _first_line(error):
    return (str(error).splitlines() or ["no reason given"])[0]


def source_splits(builder, name):
    """Which of the source's splits serves as which part; of the training split only the slice that `name` has, unless that is empty."""
    piece = _NAME.fullmatch(name.removeprefix("tfds:"))["slice"]
    splits = builder.info.splits
    if "train" not in splits:
        raise UserError(f"{name} has no train split; it has {', '.join(splits) or 'none'}")
    sources = {part: part for part in ("train", "validation", "test") if part in splits and splits[part].num_examples}
    if piece and "train" in sources:
        sources["train"] += piece
        try:
            chosen = splits[sources["train"]].num_examples
        except ValueError:  # Beyond the end, or more percents than a hundred.
            chosen = 0
        if chosen <= 0:
            raise UserError(
                f"{name}: there are no such images, its train split has {splits['train'].num_examples:,}; "
                "accepted is a slice of them such as [:1000] or [:10%]"
            )
    return sources


def records(builder, source, **options):
    """A split's records in the order on disk, a `tf.data.Dataset`; `options` are those of `builder.as_dataset`.

    Without a cache: each epoch makes a new pipeline, which would fill another one. Without autotuning, which adds seconds to a fit's end.
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds

    reading = tfds.ReadConfig(try_autocache=False)
    untuned = tf.data.Options()
    untuned.autotune.enabled = False
    return builder.as_dataset(split=source, shuffle_files=False, read_config=reading, **options).with_options(untuned)


def kinds(features):
    """The names and types of a dataset's features, for messages."""
    return ", ".join(f"{key} ({type(feature).__name__})" for key, feature in sorted(features.items()))


def refuse_wrong_labels(name, source, labels, num_classes, key="label"):
    """Refuse labels of a split, int array `(records,)`, that are no class's number.

    Raises:
        UserError: with the record.
    """
    wrong = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(wrong):
        raise UserError(
            f"{name}: record {wrong[0]} of split {source} has {key} {labels[wrong[0]]}, but features.json names {num_classes} classes "
            f"(0 to {num_classes - 1})"
        )


def named_errors(records, name, source, unit="record"):
    """The same records; TensorFlow's reading errors become one line that says where."""
    import tensorflow as tf

    broken = (tf.errors.DataLossError, tf.errors.FailedPreconditionError, tf.errors.InvalidArgumentError, tf.errors.NotFoundError)
    count = 0
    while True:
        try:
            record = next(records)
        except StopIteration:
            return
        except broken as error:
            raise UserError(
                f"{name}: split {source} cannot be read past {unit} {count}: {tensorflow_reason(error)}; prepare the dataset again"
            ) from error
        yield record
        count += 1


def tensorflow_reason(error):
    """The message of an error of TensorFlow's, in a line without the names of its nodes."""
    return re.sub(r"\{\{.*?\}\}", "", str(error.message)).split("\n")[0].split("[Op:")[0].strip()[:160]
