"""What a SavedModel has before its network: the encoding of a table's columns, and the tokenizer of texts, of TensorFlow's own operations.

A front has `specs`, the names and types of its inputs, `kept`, what it looks up in, and is called with a dict of tensors.
"""

import functools
import re
import unicodedata

import numpy as np

from hornbook.data.tables.encoding import MISSING_CATEGORY
from hornbook.data.texts.tokenizing import UNKNOWN

_SPACES = r"[\s\x{85}\pZ]"  # As Unicode has them; RE2's \s is of ASCII alone.
_BLOCK = 200  # Ranges of characters that RE2 takes in one class without a word of complaint about its size.


class Columns:
    """Columns of a table to the inputs of its network, as `data.tables.encoding.Encoding.encode` makes them.

    Args:
        encoding: `Encoding`.
        missing: texts in lower case that stand for a missing value.

    Attributes:
        names: dict of column to the name of its input: TensorFlow takes letters, digits and underscores.
    """

    def __init__(self, encoding, missing):
        import tensorflow as tf

        self.encoding, self.missing = encoding, list(missing)
        self.names = _names(encoding.columns)
        kinds = {**dict.fromkeys(encoding.numbers, tf.float32), **dict.fromkeys(encoding.categories, tf.string)}
        self.specs = {self.names[name]: tf.TensorSpec((None,), kind, name=self.names[name]) for name, kind in kinds.items()}
        self.tables = {name: _table(values, range(1, len(values) + 1), 0) for name, values in encoding.categories.items()}
        self.kept = list(self.tables.values())

    def __call__(self, inputs):
        import tensorflow as tf

        numbers = {name: inputs[self.names[name]] for name in self.encoding.numbers}
        parts = [tf.where(tf.math.is_nan(values), np.float32(self.encoding.numbers[name]), values) for name, values in numbers.items()]
        parts += [tf.cast(tf.math.is_nan(numbers[name]), tf.float32) for name in self.encoding.indicators]
        for name, table in self.tables.items():
            texts = tf.strings.regex_replace(inputs[self.names[name]], f"^{_SPACES}+|{_SPACES}+$", "")
            lower = tf.strings.lower(texts, encoding="utf-8")
            is_missing = functools.reduce(tf.logical_or, [lower == one for one in self.missing])
            parts.append(tf.cast(table.lookup(tf.where(is_missing, MISSING_CATEGORY, texts)), tf.float32))
        return tf.stack(parts, axis=1)


class Texts:
    """Texts to token ids `(batch, tokens)`, padded with 0, as `data.texts.tokenizing.Tokenizer` makes them; of a word, character or byte
    tokenizer. Texts must be composed (NFC): TensorFlow cannot compose them.

    Args:
        tokenizer: `Tokenizer`.
    """

    def __init__(self, tokenizer):
        import tensorflow as tf

        self.kind, self.max_length = kind_of(tokenizer), tokenizer.max_length
        self.specs = {"texts": tf.TensorSpec((None,), tf.string, name="texts")}
        normalizer = tokenizer.fast.normalizer
        self.lower = normalizer is not None and normalizer.normalize_str("A") == "a"
        vocabulary = tokenizer.fast.get_vocab()
        if self.kind == "byte":
            vocabulary = {bytes([byte]): vocabulary[letter] for byte, letter in _letters_of_bytes(tokenizer).items()}
        self.tokens = _table(list(vocabulary), vocabulary.values(), UNKNOWN)
        self.runs = (
            _table([" ".join(map(str, run)) for run in tokenizer.ngrams], tokenizer.ngrams.values(), 0) if tokenizer.ngrams else None
        )
        self.sizes = sorted({len(run) for run in tokenizer.ngrams})
        self.kept = [table for table in (self.tokens, self.runs) if table is not None]
        self.word = word_pattern(tokenizer) if self.kind == "word" else None

    def __call__(self, inputs):
        import tensorflow as tf

        texts = inputs["texts"]
        if self.lower:
            texts = tf.strings.lower(texts, encoding="utf-8")
        if self.kind == "word":
            texts = tf.strings.regex_replace(texts, f"{_SPACES}+", " ")
            parts = tf.strings.split(tf.strings.regex_replace(texts, self.word, r" \0 "), sep=" ")
            parts = tf.ragged.boolean_mask(parts, parts != "")
        else:
            parts = tf.strings.bytes_split(texts) if self.kind == "byte" else tf.strings.unicode_split(texts, "UTF-8")
        ids = tf.ragged.map_flat_values(self.tokens.lookup, parts)
        empty = tf.cast(ids.row_lengths() == 0, tf.int64)  # A text without any token is one unknown token.
        ids = tf.concat([ids, tf.RaggedTensor.from_row_lengths(tf.fill([tf.reduce_sum(empty)], UNKNOWN), empty)], axis=1)
        found = [ids]
        for size in self.sizes:
            runs = tf.strings.ngrams(tf.ragged.map_flat_values(tf.strings.as_string, ids), size, separator=" ")
            known = tf.ragged.map_flat_values(self.runs.lookup, runs)
            found.append(tf.ragged.boolean_mask(known, known > 0))
        ids = tf.concat(found, axis=1) if len(found) > 1 else ids
        return ids[:, : self.max_length].to_tensor()


def kind_of(tokenizer):
    """What a tokenizer cuts texts into: "word", "character", "byte" or "bpe"."""
    if tokenizer.fast.normalizer is None:
        return "byte"
    if type(tokenizer.fast.model).__name__ == "BPE":
        return "bpe"
    return "word" if len(tokenizer.fast.pre_tokenizer.pre_tokenize_str("ab")) == 1 else "character"


def word_pattern(tokenizer):
    """RE2's pattern of a word tokenizer's tokens, in place of the library's, which cuts classes of characters out of others.

    Which characters join to words, the tokenizer is asked: each letter, digit and mark as it stands behind another letter.
    """
    every = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code))[0] in "LNM"]
    cut = tokenizer.fast.pre_tokenizer.pre_tokenize_str("\n".join(f"x{character}" for character in every))
    joined = [piece[1] for piece, _ in cut if len(piece) == 2 and piece[0] == "x"]
    ranges, start = [], None
    codes = sorted(map(ord, joined))
    for place, code in enumerate(codes):
        start = code if start is None else start
        if place + 1 == len(codes) or codes[place + 1] != code + 1:
            ranges.append(rf"\x{{{start:x}}}-\x{{{code:x}}}")
            start = None
    letters = "|".join(f"[{''.join(ranges[k : k + _BLOCK])}]" for k in range(0, len(ranges), _BLOCK))
    return rf"(?:{letters})+(?:['\x{{2019}}]\pL+)?|[^\s\x{{85}}\pZ]"


def _letters_of_bytes(tokenizer):
    """The letter that stands for each byte, a dict."""
    from tokenizers import pre_tokenizers

    cut = pre_tokenizers.ByteLevel(False, use_regex=False)
    found = {}
    for text in map(chr, (*range(0x80), *range(0x80, 0x800), *range(0x800, 0xD800, 64), *range(0x10000, 0x110000, 4096))):
        written = "".join(piece for piece, _ in cut.pre_tokenize_str(text))
        found |= dict(zip(text.encode(), written, strict=True))
    known = tokenizer.fast.get_vocab()
    return {byte: letter for byte, letter in found.items() if letter in known}


def _table(keys, values, other):
    import tensorflow as tf

    # Of a list of strings NumPy makes an array without the zero characters at their ends.
    keys = [key if isinstance(key, bytes) else key.encode() for key in keys]
    keys, values = tf.constant(np.array(keys, object), tf.string), tf.constant(list(values), tf.int32)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), other)


def _names(columns):
    """A name of letters, digits and underscores for each column, none of them twice."""
    found = {}
    for column in columns:
        plain = re.sub(r"\W", "_", column, flags=re.ASCII)
        plain = plain if re.match(r"[A-Za-z]", plain) else f"column_{plain}"
        name, number = plain, 2
        while name.lower() in {other.lower() for other in found.values()}:
            name, number = f"{plain}_{number}", number + 1
        found[column] = name
    return found
