"""Text to token ids: words, characters, bytes, or pieces of words (byte-pair encoding), learned from training texts alone.

Hugging Face's `tokenizers` does the work. What is saved is its own `tokenizer.json`, which reads without Hornbook:

    tokenizers.Tokenizer.from_file("tokenizer.json").encode_batch(["a sentence"])[0].ids

Runs of tokens that have an id of their own (`with_ngrams`) stand beside it, in `ngrams.json`.
"""

import collections
import itertools
import json
import pathlib
from typing import Annotated, Literal

import msgspec
import numpy as np
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from hornbook import UserError, files, records, spelling

NAMES = ("word", "character", "byte", "bpe")
LEAST = {"word": 3, "character": 3, "byte": 258, "bpe": 258}
"""Tokens of the smallest vocabulary: padding, unknown and one more, or all bytes."""
# Tokens that a text is cut to, where nothing else is said: about a page.
DEFAULT_LENGTHS = {"word": 256, "character": 1024, "byte": 1024, "bpe": 256}
PADDING, UNKNOWN = 0, 1
# With a blank in them: no tokenizer here makes a token with a blank of more than one character, so no text can spell them.
SPECIAL = ("<padding token>", "<unknown token>")
# A word is letters and digits (mp3, 1970s) and keeps what stands behind an apostrophe (don't); each sign is a token. Scripts that write no
# blanks between words would make a token of a whole sentence, so there each character is one.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORDS = rf"[{_UNSPACED}]|[\p{{L}}\p{{N}}\p{{M}}&&[^{_UNSPACED}]]+(?:['\u2019]\p{{L}}+)?|[^\s\p{{L}}\p{{N}}\p{{M}}]"
_AT_A_TIME = 2048
_NGRAMS_FILE = "ngrams.json"
_NGRAMS_COUNTED = 2**22  # At a time: from then on, those met once are forgotten.


class Tokenizer:
    """Turns texts into token ids; 0 is left for padding, 1 stands for what training did not have.

    Made by `fit` or `load`.

    Attributes:
        fast: the `tokenizers.Tokenizer`.
        max_length: tokens after which a text is cut off.
        ngrams: dict of runs of tokens, tuples of ids, to ids of their own, behind those of single tokens.

    Example:
    ```python
    import keras
    from hornbook.data.texts import tokenizing

    tokenizer = tokenizing.fit(["good", "very good", "bad"], "character")
    embedding = keras.layers.Embedding(tokenizer.vocabulary_size, 8)
    model = keras.Sequential([embedding, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(tokenizer.batch(["good", "bad"]), keras.ops.array([1.0, 0.0]), verbose=0)
    assert tokenizer.decode(tokenizer.batch(["good"])[0]) == "good"
    ```
    """

    def __init__(self, fast, max_length, ngrams=None):
        self.fast, self.max_length, self.ngrams = fast, max_length, ngrams or {}
        self._sizes = sorted({len(ngram) for ngram in self.ngrams})

    @property
    def vocabulary_size(self):
        """How many ids there are, padding and unknown among them: an embedding's first size."""
        return self.fast.get_vocab_size() + len(self.ngrams)

    @property
    def vocabulary(self):
        """Dict of the single tokens to their ids, without padding and unknown."""
        return {token: place for token, place in self.fast.get_vocab().items() if place not in (PADDING, UNKNOWN)}

    def encode(self, texts):
        """Token ids of each text, uncut.

        Args:
            texts: iterable of strings.

        Yields:
            int32 arrays `(tokens,)`, never empty: a text without any token is one unknown token. Runs of tokens stand behind all single
            ones, the shorter before the longer.
        """
        texts = iter(texts)
        while some := list(itertools.islice(texts, _AT_A_TIME)):
            for encoding in self.fast.encode_batch_fast(some, add_special_tokens=False):
                yield self.with_runs(encoding.ids or [UNKNOWN])

    def with_runs(self, ids):
        """The ids of single tokens, a list, with those of their runs behind them: int32 array, uncut."""
        return np.array([*ids, *self._runs(ids)], np.int32)

    def _runs(self, ids):
        for size in self._sizes:
            for ngram in _ngrams_of(ids, size):
                if ngram in self.ngrams:
                    yield self.ngrams[ngram]

    def batch(self, texts):
        """What the model takes: int32 `(texts, tokens)`, cut at `max_length`, padded with 0 as in training."""
        return pad([ids[: self.max_length] for ids in self.encode(texts)])

    def decode(self, ids):
        """Text of token ids, as far as they tell; padding and runs of tokens are left out."""
        kept = [int(token) for token in ids if token != PADDING and token < self.fast.get_vocab_size()]
        return self.fast.decode(kept, skip_special_tokens=False)

    def save(self, path):
        """Write `tokenizer.json`, with the cut and the padding in it, for those who read it without Hornbook; runs of tokens beside it."""
        fast = tokenizers.Tokenizer.from_str(self.fast.to_str())
        fast.enable_truncation(self.max_length)
        fast.enable_padding(pad_id=PADDING, pad_token=SPECIAL[PADDING])
        if self.ngrams:
            files.write_text(pathlib.Path(path).with_name(_NGRAMS_FILE), json.dumps(list(self.ngrams)))
        files.write_text(path, fast.to_str(pretty=True))


def load(path):
    """The `Tokenizer` of a `tokenizer.json` that `Tokenizer.save` wrote.

    Raises:
        UserError: it cannot be read.

    Example:
    ```python
    import tempfile

    import keras
    from hornbook.data.texts import tokenizing

    with tempfile.TemporaryDirectory() as folder:
        tokenizing.fit(["good", "very good", "bad"]).save(f"{folder}/tokenizer.json")
        tokenizer = tokenizing.load(f"{folder}/tokenizer.json")
    embedding = keras.layers.Embedding(tokenizer.vocabulary_size, 8)
    model = keras.Sequential([embedding, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(tokenizer.batch(["good", "bad"]), keras.ops.array([1.0, 0.0]), verbose=0)
    ```
    """
    described = records.raw(path)
    max_length = records.checked(described, _File, path).truncation.max_length
    fast = _made_here(path, described)
    fast.no_truncation()
    fast.no_padding()
    beside = pathlib.Path(path).with_name(_NGRAMS_FILE)
    ngrams = [tuple(ids) for ids in records.read(beside, _Ngrams)] if beside.exists() else []
    known = fast.get_vocab_size()
    if len(set(ngrams)) < len(ngrams) or any(token >= known for ids in ngrams for token in ids):
        raise UserError(f"{beside} has a run of tokens twice, or of a token that {path} does not have; it has {known:,}")
    return Tokenizer(fast, max_length, _numbered(fast, ngrams))


class _Truncation(msgspec.Struct):
    max_length: records.Size


class _Model(msgspec.Struct):
    type: Literal["WordLevel", "BPE"]
    vocab: dict[str, records.Count]

    def __post_init__(self):
        if sorted(self.vocab.values()) != list(range(len(self.vocab))):
            raise ValueError("the ids in `vocab` are not 0, 1, 2 and so on, each once")
        if [self.vocab.get(token) for token in SPECIAL] != [PADDING, UNKNOWN]:
            raise ValueError(f"`vocab` does not begin with {SPECIAL[PADDING]!r} and {SPECIAL[UNKNOWN]!r}")


class _File(msgspec.Struct):
    """`tokenizer.json`, as far as it differs from one tokenizer of Hornbook's to another."""

    truncation: _Truncation
    model: _Model
    added_tokens: Annotated[list, msgspec.Meta(max_length=0)]


_Ngrams = list[Annotated[list[records.Count], msgspec.Meta(min_length=2, max_length=8)]]


def _made_here(path, described):
    """The library's tokenizer of a `tokenizer.json`, if it cuts texts as one of `NAMES` does: of other patterns some take for ever."""
    try:
        empty = {**described, "truncation": None, "padding": None, "model": {**described["model"], "vocab": {}, "merges": []}}
        if described["model"]["type"] == "WordLevel":
            empty["model"].pop("merges")
        way = json.loads(_from_json(empty).to_str())
        if way not in [json.loads(_empty(kind, lowercase).to_str()) for kind in NAMES for lowercase in (True, False)]:
            raise UserError(f"{path} does not cut texts as any of Hornbook's tokenizers does ({', '.join(NAMES)})")
        return _from_json(described)
    except UserError:
        raise
    # The library raises plain Exception, and what its Rust code panics with is none.
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise UserError(f"{path} cannot be read as a tokenizer: {error}") from error


def _from_json(described):
    return tokenizers.Tokenizer.from_str(msgspec.json.encode(described).decode())


@spelling.as_arguments()
def fit(texts, kind="word", *, vocabulary_size=20_000, minimum_count=1, lowercase=True, max_length=256):
    """A `Tokenizer` with the vocabulary of some texts.

    The same texts give the same ids: tokens are numbered by how often they occur, those that occur equally often by their characters.

    Args:
        texts: iterable of strings, those of the training split; read once.
        kind: one of `NAMES`. "word": words, numbers and signs, of scripts without blanks characters. "character": each character.
            "byte": each byte of UTF-8, for which nothing is learned and nothing is unknown. "bpe": pieces of words, byte-level (Sennrich et
            al. 2016, Radford et al. 2019), of which nothing is unknown either.
        vocabulary_size: at most so many ids, padding and unknown among them; bytes have 258, and bpe begins with them.
        minimum_count: tokens that occur less often are unknown (of bpe: pairs that occur less often are not joined).
        lowercase: whether capitals do not count. Bytes are left as they are.
        max_length: tokens after which a text is cut off.

    Raises:
        UserError: an unknown kind or a size out of range, or texts without a token.

    Example:
    ```python
    import keras
    from hornbook.data.texts import tokenizing

    texts = ["good", "very good", "bad", "very bad"]
    tokenizer = tokenizing.fit(texts, "word", max_length=8)
    embedding = keras.layers.Embedding(tokenizer.vocabulary_size, 8)
    model = keras.Sequential([embedding, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(tokenizer.batch(texts), keras.ops.array([1.0, 1.0, 0.0, 0.0]), verbose=0)
    ```
    """
    if kind not in NAMES:
        raise UserError(f"tokenizer must be one of {', '.join(NAMES)}, got {kind!r}")
    for name, value, low in (
        ("vocabulary_size", vocabulary_size, LEAST[kind]),
        ("minimum_count", minimum_count, 1),
        ("max_length", max_length, 1),
    ):
        if value < low:
            raise UserError(f"{name} must be at least {low}{f' for {kind}' if name == 'vocabulary_size' else ''}, got {value}")
    fast = _empty(kind, lowercase)
    if kind == "byte":
        tokens = list(SPECIAL) + sorted(pre_tokenizers.ByteLevel.alphabet())
        fast.model = models.WordLevel({token: place for place, token in enumerate(tokens)}, unk_token=SPECIAL[UNKNOWN])
    else:
        fast = _trained(fast, kind, texts, vocabulary_size, minimum_count)
    if fast.get_vocab_size() <= len(SPECIAL):
        raise UserError(f"no token occurs {minimum_count} times in the training texts; pass a smaller --minimum-count")
    return Tokenizer(fast, max_length)


def with_ngrams(tokenizer, texts, size, *, most=20_000):
    """The tokenizer with ids for runs of 2 to `size` tokens: a text's stand behind its tokens, and count as tokens in all that follows.

    For networks that take a text as a bag, as fastText does (Joulin et al. 2017, section 2.2), whose order of words they bring back. Only
    runs that occur twice have an id, and there is no hash: each has a vector of its own.

    Args:
        tokenizer: `Tokenizer`.
        texts: iterable of strings, those of the training split; read once.
        size: tokens of the longest runs.
        most: how many runs may have an id, the most frequent ones.

    Example:
    ```python
    import keras
    from hornbook.data.texts import tokenizing

    texts = ["not good", "not bad at all", "not good at all", "bad"]
    tokenizer = tokenizing.with_ngrams(tokenizing.fit(texts), texts, 2)
    model = keras.Sequential([keras.layers.Embedding(tokenizer.vocabulary_size, 8), keras.layers.GlobalAveragePooling1D()])
    model.compile("adam", "mse")
    model.fit(tokenizer.batch(texts), keras.ops.ones((4, 8)), verbose=0)
    ```
    """
    counts = collections.Counter()
    for ids in tokenizer.encode(texts):
        ids = ids.tolist()
        for length in range(2, size + 1):
            counts.update(_ngrams_of(ids, length))
        if len(counts) > _NGRAMS_COUNTED:
            counts = collections.Counter({ngram: count for ngram, count in counts.items() if count > 1})
    found = sorted((ngram for ngram, count in counts.items() if count > 1), key=lambda ngram: (-counts[ngram], ngram))
    return Tokenizer(tokenizer.fast, tokenizer.max_length, _numbered(tokenizer.fast, found[:most]))


def _ngrams_of(ids, size):
    return zip(*(ids[start:] for start in range(size)), strict=False)


def _numbered(fast, ngrams):
    return {ngram: place for place, ngram in enumerate(ngrams, start=fast.get_vocab_size())}


def pad(rows, length=None):
    """Arrays of token ids as one, padded with 0 at the end: int32 `(rows, length)`; default: `padded_length` of the longest.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.data.texts import tokenizing

    ids = tokenizing.pad([numpy.array([5, 6, 7]), numpy.array([8])])
    model = keras.Sequential([keras.layers.Embedding(9, 8, mask_zero=True), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(ids, keras.ops.array([1.0, 0.0]), verbose=0)
    ```
    """
    padded = np.zeros((len(rows), length or padded_length(max(map(len, rows)))), np.int32)
    for place, row in enumerate(rows):
        padded[place, : len(row)] = row
    return padded


def padded_length(longest):
    """The length that a batch is padded to: 8, or the next of 12, 16, 24, 32, 48, 64, ...

    Two lengths an octave: each new one has JAX compile the model again, and few would be padding. A batch is at most half as long again.
    """
    length = 8
    while length < longest:
        length = length * 3 // 2 if length & (length - 1) == 0 else length // 3 * 4
    return length


def _empty(kind, lowercase):
    """A tokenizer that knows how to cut a text to pieces, and no piece yet."""
    if kind == "bpe":
        fast = tokenizers.Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN]))
    else:
        fast = tokenizers.Tokenizer(models.WordLevel(unk_token=SPECIAL[UNKNOWN]))
    if kind != "byte":
        # An accent composed or not is one letter.
        fast.normalizer = normalizers.Sequence([normalizers.NFC(), *([normalizers.Lowercase()] if lowercase else [])])
    if kind == "word":
        fast.pre_tokenizer = pre_tokenizers.Split(tokenizers.Regex(_WORDS), "removed", invert=True)
    elif kind == "character":
        fast.pre_tokenizer = pre_tokenizers.Split(tokenizers.Regex(r"[\s\S]"), "isolated")
        fast.decoder = decoders.Fuse()
    elif kind == "byte":
        parts = [pre_tokenizers.ByteLevel(False, use_regex=False), pre_tokenizers.Split(tokenizers.Regex(r"[\s\S]"), "isolated")]
        fast.pre_tokenizer = pre_tokenizers.Sequence(parts)
        fast.decoder = decoders.ByteLevel()
    else:
        fast.pre_tokenizer = pre_tokenizers.ByteLevel(False)
        fast.decoder = decoders.ByteLevel()
    return fast


def _trained(fast, kind, texts, vocabulary_size, minimum_count):
    # The bar that the library draws counts batches of its own.
    common = {"vocab_size": vocabulary_size, "min_frequency": minimum_count, "special_tokens": list(SPECIAL), "show_progress": False}
    if kind == "bpe":
        # The library splits what is joined between threads, and breaks ties by what came first.
        trainer = trainers.BpeTrainer(**common, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    else:
        trainer = trainers.WordLevelTrainer(**common)
    fast.train_from_iterator(_in_lists(texts), trainer)
    # Training leaves the two special tokens as such that are looked for in every text. As plain entries of the vocabulary they are not.
    described = json.loads(fast.to_str())
    described["added_tokens"] = []
    return tokenizers.Tokenizer.from_str(json.dumps(described))


def _in_lists(texts):
    texts = iter(texts)
    while some := list(itertools.islice(texts, _AT_A_TIME)):
        yield some
