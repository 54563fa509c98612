"""`folder:PATH` as texts: text files, a folder a class."""

import pathlib

import numpy as np

from hornbook import UserError, files
from hornbook.data import folders
from hornbook.data.texts.dataset import TextDataset, TextExamples, TextStore

_LARGEST_FILE = 2**26  # Bytes of one text in a folder.


check = folders.check


def load(name, *, encoding="auto", skip_empty=False, class_names=None):
    """A `TextDataset` of `folder:PATH`, with the folder's own validation and test parts where it has them.

    Args:
        name: `folder:PATH`.
        encoding: of the files, see `csv_rows.layout`.
        skip_empty: whether to leave out files without a word.
        class_names: the classes in their order, such as a trained model's; default: the training folders.

    Raises:
        UserError: the folder has another layout, or files cannot be read, with the names of the first few.
    """
    class_names, everything = folders.labelled_files(name.removeprefix("folder:"), class_names, "texts")
    parts, faults, total, left_out = {}, [], 0, 0
    for part, examples in everything.items():
        texts, labels, paths = [], [], []
        for path, label in examples:
            text, fault = read_file(path, encoding)
            if text is not None and not text.strip() and skip_empty:
                left_out += 1
            elif fault or not text.strip():
                faults.append(f"{path} ({fault or 'is empty'})")
            else:
                texts.append(text)
                labels.append(label)
                paths.append(str(path))
        total += len(examples)
        labels = np.array(labels, np.int64)
        parts["train" if part == "all" else part] = TextExamples(
            TextStore(texts), labels, np.arange(len(labels)), part, np.array(paths, object)
        )
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        skippable = " (--skip-empty leaves out empty ones)" if any(fault.endswith("(is empty)") for fault in faults) else ""
        raise UserError(
            f"{name}: {len(faults)} of {total} texts cannot be read: {', '.join(faults[:3])}{more}; repair or remove them{skippable}"
        )
    empty = next((part for part, examples in parts.items() if not len(examples)), None)
    # A model's classes need not all have a text here; those that have files must have one that is left.
    began = {label for _, label in everything.get("train", everything.get("all", ()))}
    lost = sorted(began - set(parts["train"].labels.tolist())) if "train" in parts else ()
    if empty or len(lost):
        raise UserError(f"{name}: no text with a word in it is left of {class_names[lost[0]] if len(lost) else f'the {empty} part'}")
    return TextDataset(name, class_names, (None,), **{"train": None, **parts}, left_out=left_out)


def read_file(path, encoding="auto"):
    """The text of a file and None, or None and what is wrong with the file."""
    path = pathlib.Path(path)
    try:
        with files.opened(path) as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        return None, "is a folder" if path.is_dir() else "no such file" if not path.exists() else error.strerror
    if len(content) > _LARGEST_FILE:
        return None, f"is larger than {_LARGEST_FILE / 2**20:.0f} MiB"
    try:
        text, _ = files.decoded(path, content, encoding)
    except files.EncodingError:
        return None, "is no text in that encoding" if encoding != "auto" else "is no text"
    return (None, "has NUL bytes, so it is no text") if "\0" in text else (text.removeprefix(files.BYTE_ORDER_MARK), None)
