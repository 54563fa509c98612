"""`hornbook predict` and `hornbook evaluate` for runs of text_classification."""

import os
import pathlib

import numpy as np

from hornbook import UserError, data
from hornbook.data import csv_rows, naming
from hornbook.data.texts import csv
from hornbook.data.texts import dataset as text_data
from hornbook.data.texts import tokens as text_tokens
from hornbook.data.texts.dataset import TextExamples, TextStore
from hornbook.evaluation import scores
from hornbook.inference import commands
from hornbook.training import runs

_LONGEST_SHOWN = 60  # Characters of a text that stands for itself in a line of the output.
_TEXT_SUFFIXES = (".txt", ".text", ".md", ".csv", ".tsv")


def predict(args, about):
    """Print a line a text: its name, then class and probability."""
    from hornbook.data.texts import tokenizing

    config = files.read_json(pathlib.Path(args.run, "config.json"))
    named = [entry for given in args.inputs for entry in read(given, config)]
    tokenizer = tokenizing.load(pathlib.Path(args.run, "tokenizer.json"))
    model = commands.load_model(args.run)
    for block in text_data.blocks(named, 4096):
        outputs = _logits(model, tokenizer, [text for _, text in block], np.zeros(len(block), np.int64))
        for (name, _), row in zip(block, scores.probabilities("cross-entropy", outputs), strict=True):
            best = np.argsort(-row, kind="stable")[: max(1, args.top)]
            print(name, *(f"{about['class_names'][k]}\t{row[k]:.4f}" for k in best), sep="\t")


def evaluate(args, about, config):
    """The scores, and the names of those to print."""
    from hornbook.data.texts import batches, tokenizing

    own = args.dataset in (None, config["dataset"])
    name = config["dataset"] if own else args.dataset
    data.texts.check_name(name)
    options = {key: config[key] for key in ("encoding", "header", "quoted", "skip_empty", "in_memory", "split_seed")}
    if name.startswith(("csv:", "tfds:")):
        options |= {key: config[key] for key in ("text_columns", "label_column")}
    if own:
        options |= {key: config[key] for key in ("validation_fraction", "test_fraction")}
    else:
        # Of other data without splits all is scored, none of it having been trained on.
        options |= {"validation_fraction": 0, "test_fraction": 0}
    dataset = data.texts.load(name, **options, class_names=about["class_names"])
    if list(dataset.class_names) != about["class_names"]:
        raise UserError(
            f"{name} has the classes {naming.some(dataset.class_names)}; the run was trained on {naming.some(about['class_names'])}"
        )
    part = args.part or ("test" if own or "test" in dataset.parts else "train")
    if args.part and not own and list(dataset.parts) == ["train"]:
        raise UserError(f"{name} has no {part} part; all of it is scored without --part")
    tokenizer = tokenizing.load(pathlib.Path(args.run, "tokenizer.json"))
    tokens = text_tokens.encode(dataset.part(part), tokenizer)
    logits = batches.logits(commands.load_model(args.run), tokens)
    return scores.scores("cross-entropy", tokens.labels, logits, about["class_names"]), scores.METRICS


def read(given, config):
    """The texts that one argument means: pairs of a name and a text.

    Args:
        given: a file (of lines, a text each; or a CSV or TSV with the columns that the run was trained on, with or without the label), else
            a text itself.
        config: the run's options.

    Raises:
        UserError: a file that cannot be read, or a text with nothing in it.
    """
    if os.path.isfile(given):
        if given.lower().endswith((".csv", ".tsv")):
            return _rows(given, config)
        return [(f"{given}:{line}", text) for line, text in csv.read_lines(given, config["encoding"])]
    if not given.strip():
        raise UserError("a text to predict has nothing in it; pass a sentence or a file")
    if os.path.isdir(given) or given.lower().endswith(_TEXT_SUFFIXES):
        raise UserError(f"{given} {'is a folder' if os.path.isdir(given) else 'is not there'}; pass a sentence, or a file of lines or rows")
    shown = " ".join(given.split())
    return [(shown if len(shown) <= _LONGEST_SHOWN else shown[: _LONGEST_SHOWN - 3] + "...", given)]


def _rows(path, config):
    """The rows of a table, by the text columns of the run's own."""
    columns = csv_rows.names(config["text_columns"])
    reading = {key: config[key] for key in ("encoding", "header", "quoted")}
    scanned = csv.scan(path, columns, config["label_column"], reading, labelled=False)
    return [(f"{path}:{line}", text) for line, text in zip(scanned.row_lines, scanned.store().all, strict=True)]


def _logits(model, tokenizer, texts, labels):
    from hornbook.data.texts import batches

    examples = TextExamples(TextStore(texts), labels, np.arange(len(texts)), "all")
    return batches.logits(model, text_tokens.encode(examples, tokenizer))
