"""What networks for texts begin with: a tokenizer, their own or that of another run, and vectors of words, random or from a file."""

import dataclasses
from typing import Annotated, Literal

from hornbook import UserError, files, terminal
from hornbook.recipes.networks import names, weights
from hornbook.recipes.networks.families import SequenceNetwork
from hornbook.recipes.ranges import Range

_FEW = 0.5  # Share of the tokens with a vector, below which a run says so.
# Texts differ in length: no normalization can take its statistics over all positions, and no position can have a vector of its own.
OF_TEXTS = {"normalization": ("batch", "layer", "rms", "none"), "positions": ("sinusoidal", "rotary", "none")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenNetwork(SequenceNetwork):
    """What networks for tokens have as well."""

    embedding_size: Annotated[int, Range(1, 2**14)] | None = None
    """Numbers that stand for a token. Default: the model's own, or as many as vectors have that were learned before."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextNetwork(TokenNetwork):
    """What networks for texts have as well, which may begin with what was learned before."""

    embedding_training: Literal["tuned", "frozen", "both"] | None = None
    """Which vectors of tokens are trained, with --embeddings or --weights: tuned, all; frozen, none; both, two of each token, of which one
    is trained and the other is not (Kim 2014). Default: tuned."""


def check(args):
    """Refuse options about vectors of words that do not go together, in the words of a flag.

    Args:
        args: a recipe's options, of texts.

    Raises:
        UserError: with what to pass.
    """
    given = f"--embeddings {args.embeddings}"
    if args.embeddings is None:
        if args.embedding_training is not None and weights.source_folder(args) is None:
            asked = f"--embedding-training {args.embedding_training}"
            raise UserError(f"{asked} is about vectors that were learned before; pass --embeddings FILE, or leave it out")
        return
    if args.tokenizer != "word":
        raise UserError(f"{given} has vectors of words, got --tokenizer {args.tokenizer}; pass --tokenizer word, or leave it out")
    if weights.source_folder(args) is not None:
        raise UserError(f"{given} and --weights {args.weights} both say which vectors tokens begin with; pass one of them")
    if files.what_is(args.embeddings) != "is a file":
        raise UserError(f"{given} {files.what_is(args.embeddings)}; accepted is a file of vectors of words")
    with_size(args)


def check_vocabulary(args):
    """Refuse a vocabulary that lacks what a tokenizer always has.

    Raises:
        UserError: with the smallest that it takes.
    """
    from hornbook.data.texts import tokenizing

    if weights.source_folder(args) is None and args.vocabulary_size < tokenizing.LEAST[args.tokenizer]:
        least = f"--vocabulary-size must be at least {tokenizing.LEAST[args.tokenizer]} for --tokenizer {args.tokenizer}"
        raise UserError(f"{least}, got {args.vocabulary_size}")


def with_size(args):
    """The options with the size of the vectors of `--embeddings`: as the embedding's, or as the width of a transformer, which has no other.

    Args:
        args: a recipe's options, of texts.

    Raises:
        UserError: another size was asked for, or the file cannot be read.
    """
    from hornbook.data.texts import vectors

    if args.embeddings is None:
        return args
    size = vectors.size_of(args.embeddings)
    of_width = args.model in names.OF_WIDTH
    name, wanted = ("width", 2 * size if args.embedding_training == "both" else size) if of_width else ("embedding_size", size)
    if getattr(args, name) not in (None, wanted):
        asked, both = f"--{name.replace('_', '-')} {getattr(args, name)}", ", and two of each token" if wanted != size else ""
        raise UserError(f"{asked}: --embeddings {args.embeddings} has vectors of {size:,} numbers{both}; pass {wanted:,}, or leave it out")
    return dataclasses.replace(args, **{name: wanted})


def tokenizer(args, train):
    """The tokenizer of the training texts, or that of the run whose weights are taken, by which token ids mean the same.

    Args:
        args: a recipe's options, of texts.
        train: the training part, `data.texts.dataset.TextExamples`.
    """
    from hornbook.data.texts import tokenizing

    length = tokenizing.DEFAULT_LENGTHS[args.tokenizer] if args.max_length is None else args.max_length
    folder, ngrams = weights.source_folder(args), getattr(args, "ngrams", 1)
    if folder is not None:
        found = tokenizing.load(folder / "tokenizer.json")
        return tokenizing.Tokenizer(found.fast, length, found.ngrams if ngrams > 1 else None)  # Else a classical model's alone.
    own = {name: getattr(args, name) for name in ("vocabulary_size", "minimum_count", "lowercase")}
    made = tokenizing.fit(train.texts(), args.tokenizer, max_length=length, **own)
    return tokenizing.with_ngrams(made, train.texts(), ngrams, most=args.vocabulary_size) if ngrams > 1 else made


def tokenized(args, dataset, folder):
    """The tokenizer of a run and the tokens of the parts that it needs, a dict; prints what they are.

    Args:
        args: a recipe's options, of texts.
        dataset: `data.texts.TextDataset`.
        folder: of the run, where many tokens are kept.
    """
    from hornbook.data.texts import tokens

    made = tokenizer(args, dataset.train)
    wanted = [name for name in dataset.parts if name in ("train", "validation", args.evaluate)]
    found = {name: tokens.encode(dataset.parts[name], made, folder) for name in wanted}
    terminal.say(tokens.in_words(made, {name: part.statistics for name, part in found.items()}))
    return made, found


def vectors(args, made):
    """What `--embeddings` has for a tokenizer's words, `data.texts.vectors.Vectors`; None without. Prints how many there are.

    Args:
        args: a recipe's options, of texts.
        made: `data.texts.tokenizing.Tokenizer`.

    Raises:
        UserError: the file cannot be read.
    """
    from hornbook.data.texts import vectors

    if args.embeddings is None:
        return None
    found = vectors.read(args.embeddings, made.vocabulary)
    terminal.say(f"{args.embeddings}: vectors of {_in_words(found)}")
    return found


def told(found):
    """What `result.json` has of `vectors`, a dict; empty without."""
    if found is None:
        return {}
    return {"embeddings": {"file": found.path, "size": found.values.shape[1], "found": len(found.ids), "tokens": found.tokens}}


def findings(args, statistics, made, found=None):
    """What stands out in the tokens of all parts and in `vectors`, as of `tokens.findings`.

    Args:
        args: a recipe's options, of texts.
        statistics, made: as of `tokens.findings`.
        found: as of `vectors`.
    """
    from hornbook.data.texts import tokens

    return [*tokens.findings(statistics, made, of_another=weights.source_folder(args) is not None), *_few(found)]


def _few(found):
    if found is None or found.share >= _FEW:
        return []
    sentence = f"{found.path} has vectors of {_in_words(found)} alone; the others begin with random numbers."
    return [("few-vectors", sentence, "vectors that were learned on more texts, or on texts like these")]


def _in_words(found):
    return f"{len(found.ids):,} of the {found.tokens:,} tokens, {found.share:.1%}, with {found.values.shape[1]:,} numbers each"
