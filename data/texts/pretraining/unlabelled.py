"""Texts whose labels are not read: sentences, a column of a table, any text files below a folder. All are kept in memory."""

import dataclasses

import numpy as np

from hornbook import UserError, spelling
from hornbook.data import folders, naming, splits
from hornbook.data import sources as named
from hornbook.data.selection import arranging, thinning
from hornbook.data.texts import csv
from hornbook.data.texts.dataset import BUILT_IN, TextDataset, TextExamples, TextStore
from hornbook.data.texts.dataset import load as load_labelled
from hornbook.data.texts.folders import read_file

CLASS_NAMES = ("unlabelled",)
SUFFIXES = (".txt", ".text", ".md", ".rst")
_NAMED = 3


@dataclasses.dataclass(frozen=True)
class UnlabelledTexts(TextDataset):
    """Texts of which a network learns to say which tokens were hidden."""

    task: str = "embedding"

    def about(self):
        """See `Dataset.about`; and what was learned in place of labels."""
        return {**super().about(), "pretext": "masked-tokens"}


@spelling.as_arguments(dataset="name")
def check_name(name):
    """Refuse a name that is no dataset's of texts; folders need no class folders here.

    Raises:
        UserError: with what is accepted.
    """
    kind, _, rest = name.partition(":")
    if kind == "folder":
        folders.check_any(rest)
    else:
        named.check_name(name, "texts", BUILT_IN, ("csv", "folder", "tfds"))


@spelling.as_arguments(arranging.Arrangement, thinning.Thinning, dataset="name")
def load(name, *, text_columns=None, encoding="auto", header="auto", quoted=True, skip_empty=False, validation_fraction=0.1,
         test_fraction=0.2, split_seed=0, kept=thinning.ALL, arranged=arranging.NONE):  # fmt: skip
    """`UnlabelledTexts` by name.

    Args:
        name: `docstrings`, `csv:PATH` (a column of texts), `folder:PATH` (text files at any depth below it; train/, validation/ and test/
            are parts where no other folder is beside them), or `tfds:NAME`.
        text_columns, encoding, header, quoted, skip_empty, validation_fraction, test_fraction, split_seed, kept, arranged: as of
            `texts.load`.

    Raises:
        UserError: something is wrong with the name or the data, with the file and line and what is accepted.

    Example:
    ```python
    import pathlib
    import tempfile

    from hornbook.data.texts.pretraining import unlabelled

    with tempfile.TemporaryDirectory() as folder:
        for number in range(30):
            pathlib.Path(f"{folder}/{number}.txt").write_text(f"page {number} of a book")
        pages = unlabelled.load(f"folder:{folder}")
    print(pages.sizes)
    ```
    """
    check_name(name)
    kind = name.partition(":")[0]
    if kind == "csv":
        dataset = _table(name, text_columns, {"encoding": encoding, "header": header, "quoted": quoted}, skip_empty)
    elif kind == "folder":
        dataset = _folder(name, encoding, skip_empty)
    else:
        nothing = {"validation_fraction": 0, "test_fraction": 0}
        dataset = without_labels(load_labelled(name, text_columns=text_columns, skip_empty=skip_empty, **nothing))
    fractions = {"test_fraction": test_fraction, "validation_fraction": validation_fraction}
    dataset = splits.complete(dataset, **fractions, split_seed=split_seed, arranged=arranged)
    return thinning.thinned(dataset, kept, split_seed).noted()


def without_labels(dataset):
    """The `UnlabelledTexts` of a `TextDataset`, whose labels are not looked at."""
    parts = {name: dataclasses.replace(part, labels=np.zeros(len(part), np.int64)) for name, part in dataset.parts.items()}
    fields = {field.name: getattr(dataset, field.name) for field in dataclasses.fields(dataset)}
    return UnlabelledTexts(**{**fields, **parts, "class_names": CLASS_NAMES, "task": "embedding"})


def _examples(texts, source):
    number = np.arange(len(texts))
    return TextExamples(TextStore(texts), 0 * number, number, source)


def _table(name, text_columns, reading, skip_empty):
    columns = naming.names(text_columns, "--text-columns")
    texts, left_out = [], 0
    for _, said in csv.to_predict(name.removeprefix("csv:"), columns, None, reading):
        if not isinstance(said, UserError):
            texts.append(said)
        elif skip_empty:
            left_out += 1
        else:
            raise UserError(f"{said}, or pass --skip-empty to leave such rows out")
    if not texts:
        raise UserError(f"{name} has no row with a text; accepted are tables with a column of texts")
    return UnlabelledTexts(name, CLASS_NAMES, (None,), _examples(texts, "all"), left_out=left_out)


def _folder(name, encoding, skip_empty):
    found, others = folders.unlabelled_files(name.removeprefix("folder:"), SUFFIXES)
    parts, faults, left_out = {}, [], 0
    for part, listed in found.items():
        read = [(path, *read_file(path, encoding)) for path in listed]
        faults += [f"{path} ({fault})" for path, _, fault in read if fault]
        empty = [path for path, text, _ in read if text is not None and not text.strip()]
        left_out += len(empty)
        faults += [] if skip_empty else [f"{path} (is empty)" for path in empty]
        own = [(path, text) for path, text, _ in read if text and text.strip()]
        if not own and not faults:
            raise UserError(f"{name}: no text with a word in it is left of {part}")
        examples = _examples([text for _, text in own], part)
        parts["train" if part == "all" else part] = dataclasses.replace(examples, files=np.array([path for path, _ in own], object))
    if faults:
        more = f" and {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
        remedy = "repair or remove them, or pass --skip-empty where they are empty"
        raise UserError(f"{name}: {len(faults)} texts cannot be read: {', '.join(faults[:_NAMED])}{more}; {remedy}")
    note = (f"{len(others):,} files that are no texts by their names are left out, such as {others[0]}",) if others else ()
    return UnlabelledTexts(name, CLASS_NAMES, (None,), **parts, left_out=left_out, notes=note)
