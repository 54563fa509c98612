"""Texts for a finished run's model, see `data.inputs`."""

import contextlib
import functools
import hashlib
import itertools
import os
from typing import Literal

import numpy as np

from hornbook import UserError, files
from hornbook.data import inputs, naming
from hornbook.data.dataset import sample as sampled
from hornbook.data.texts.dataset import TextExamples, TextStore, check_name, load

THREADED = ()
_LONGEST_SHOWN = 60  # Characters of a text that stands for itself in a line of the output.
_SUFFIXES = (".txt", ".text", ".md", ".csv", ".tsv")


class Settings(inputs.Settings, kw_only=True):
    """See `data.inputs`."""

    text_columns: str | None
    label_column: str | None = None
    group_column: str | None = None
    time_column: str | None = None
    weight_column: str | None = None
    encoding: str
    header: Literal["auto", "yes", "no"]
    quoted: bool
    skip_empty: bool
    in_memory: Literal["auto", "always", "never"] = "auto"


def read(given, trained, skip=0):
    """Pairs of a name and a text: from a file of lines, from a CSV or TSV with the run's text columns, else the argument itself."""
    if os.path.isfile(given):
        for line, text in itertools.islice(_of_file(given, trained), skip, None):
            yield f"{given}:{line}", text
        return
    if not given.strip():
        raise UserError("a text to predict has nothing in it; pass a sentence or a file")
    if os.path.exists(given) or given.lower().endswith(_SUFFIXES):
        raise UserError(f"{given} {files.what_is(given)}; pass a sentence, or a file of lines or rows")
    shown = " ".join(given.split())
    if not skip:
        yield (shown if len(shown) <= _LONGEST_SHOWN else shown[: _LONGEST_SHOWN - 3] + "..."), given


def _of_file(path, trained):
    """The line of each text of a file, and the text or the `UserError` on it."""
    from hornbook.data.texts import csv

    config = trained.config
    if not path.lower().endswith((".csv", ".tsv")):
        return csv.lines_to_predict(path, config["encoding"])
    columns = naming.names(config["text_columns"], f"{trained.folder / 'config.json'}: --text-columns")
    reading = trained.options("encoding", "header", "quoted")
    return csv.to_predict(path, columns, config["label_column"], reading, apart=_apart(trained))


def suffixes(trained):
    """How the names of files of texts end, see `data.inputs`."""
    return _SUFFIXES


def examples(texts, trained):
    """Texts as tokens of the run's tokenizer."""
    part = TextExamples(TextStore(list(texts)), np.zeros(len(texts), np.int64), np.arange(len(texts)), "all")
    return _tokens(part, trained), None


def taken(dataset, trained):
    """The training part of a dataset as tokens of the run's tokenizer."""
    return _tokens(dataset.train, trained)


def scored(name, part, trained, skip_unreadable):
    """The part of a dataset of texts to score."""
    found, left_out = texts_scored(name, part, trained)
    return _tokens(found, trained), left_out


def sample(trained, count):
    """Pairs of a text and the same text, see `data.inputs`."""
    part, _ = inputs.unseen(lambda name: texts_scored(trained.config["dataset"], name, trained))
    return [(text, text) for text in part.texts(sampled(len(part), count))]


def generated(trained, count):
    """Pairs of a text of random tokens and the same text, see `data.inputs`."""
    from hornbook.data.texts import tokenizing

    tokenizer, draw = tokenizing.load(trained.folder / "tokenizer.json"), np.random.default_rng(0)
    known = tokenizer.fast.get_vocab_size()
    texts = [tokenizer.decode(draw.integers(2, known, size)) for size in draw.integers(1, tokenizer.max_length + 8, count)]
    return [(text, text) for text in texts]


def texts_scored(name, part, trained):
    """As `scored`, the part as texts, `TextExamples`."""
    check_name(name)
    options = trained.options("encoding", "header", "quoted", "skip_empty", "in_memory")
    if name.startswith(("csv:", "tfds:")):
        options |= trained.options("text_columns", "label_column")
    if name.startswith("csv:"):
        options |= {"apart": _apart(trained)} | (
            trained.options("group_column", "time_column", "weight_column") if trained.is_own(name) else {}
        )
    dataset = load(name, **options, **trained.split(name), class_names=trained.class_names(name))
    return inputs.scored_part(dataset, part, trained), dataset.left_out


def _apart(trained):
    """The columns that are no texts, whether the data have them or not."""
    return tuple(filter(None, trained.options("group_column", "time_column", "weight_column").values()))


@functools.lru_cache(maxsize=1)
def _tokenizer(path, checksum):
    """The run's, kept for the next texts: to read a large vocabulary takes as long as to encode a thousand of them."""
    from hornbook.data.texts import tokenizing

    return tokenizing.load(path)


def _checksum(path):
    """Of what is in a file; None of none, which its reader has a line about."""
    with contextlib.suppress(OSError), files.opened(path, buffering=0) as file:
        return hashlib.file_digest(file, "sha256").digest()
    return None


def _tokens(part, trained):
    from hornbook.data.texts import tokens

    path = trained.folder / "tokenizer.json"
    tokenizer, about = _tokenizer(path, _checksum(path)), trained.about
    for name, has in (("max_length", tokenizer.max_length), ("vocabulary_size", tokenizer.vocabulary_size)):
        if name in about and about[name] != has:
            raise UserError(f"{path} has {name} {has:,}, and {trained.folder / 'labels.json'} says {about[name]:,}")
    return tokens.encode(part, tokenizer)
