"""Vectors of words that were learned on other texts: word2vec's and GloVe's text files, fastText's .vec, and word2vec's binary.

Files have millions of words, and a vocabulary thousands: a file is read once from its beginning to its end, and only the vectors of the
vocabulary stay in memory. Any of them may be packed by gzip.
"""

import contextlib
import dataclasses
import gzip
import re
import unicodedata
import zlib

import numpy as np

from hornbook import UserError, files, memory

_ACCEPTED = "accepted are vectors of words as text (word2vec, GloVe, fastText's .vec), or word2vec's binary"
_LONGEST_LINE, _LONGEST_WORD = 2**20, 2**12  # Bytes.
_LARGEST_SIZE, _MOST_WORDS = 2**14, 2**31
_FEWER = "pass a smaller --vocabulary-size"
_LARGEST_NUMBER = 1e4  # Vectors have numbers of about 1.
_GZIP, _FASTTEXT, _ZIP = b"\x1f\x8b", b"\xba\x16\x4f\x2f", b"PK\x03\x04"
_HEADER = re.compile(rb"(\d{1,19})[ \t]+(\d{1,19})[ \t]*\r?\n?")
_BLANK = b" \t\r\n"


@dataclasses.dataclass(frozen=True)
class Vectors:
    """The vectors of a vocabulary, as far as a file has them. Made by `read`.

    Attributes:
        path: of the file.
        ids: int64 array `(found,)`, rising, the tokens that have one.
        values: float32 array `(found, size)`.
        tokens: how many there are in the vocabulary.
    """

    path: str
    ids: np.ndarray
    values: np.ndarray
    tokens: int

    @property
    def share(self):
        """The share of the vocabulary's tokens that have a vector."""
        return len(self.ids) / max(1, self.tokens)


def size_of(path):
    """How many numbers a vector of a file has, by its first line.

    Raises:
        UserError: the file cannot be read, or holds something else.

    Example:
    ```python
    import pathlib
    import tempfile

    from hornbook.data.texts import vectors

    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(f"{folder}/vectors.txt").write_text("good 0.1 0.2 0.3\\nbad -0.1 -0.2 -0.3\\n")
        assert vectors.size_of(f"{folder}/vectors.txt") == 3
    ```
    """
    with _opened(path) as file:
        return _Layout(file, path).size


def read(path, vocabulary):
    """The vectors of a vocabulary's tokens.

    A token has the vector of the word that is spelt as it is, else of the first word of the file that differs from it in capitals alone.

    Args:
        path: of the file.
        vocabulary: dict of tokens to ids.

    Returns:
        `Vectors`.

    Raises:
        UserError: the file cannot be read, is broken or cut off, with the line or the word; or has no token of the vocabulary.

    Example:
    ```python
    import pathlib
    import tempfile

    import keras
    from hornbook.data.texts import tokenizing, vectors
    from hornbook.training.learned import transfer

    tokenizer = tokenizing.fit(["a good film", "a bad film"])
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(f"{folder}/vectors.txt").write_text("good 0.1 0.2 0.3\\nbad -0.1 -0.2 -0.3\\n")
        found = vectors.read(f"{folder}/vectors.txt", tokenizer.vocabulary)
    model = keras.Sequential([keras.Input((None,), dtype="int32"), keras.layers.Embedding(tokenizer.vocabulary_size, 3)])
    transfer.take_vectors(model, found.ids, found.values, tokenizer.vocabulary_size)
    ```
    """
    alike = {}
    for token, place in vocabulary.items():
        alike.setdefault(token.lower(), []).append(place)
    spelt, other = {}, {}
    with _opened(path) as file:
        layout = _Layout(file, path)
        memory.require(4 * layout.size * len(vocabulary), f"{path}: {len(vocabulary):,} vectors of {layout.size:,} numbers", _FEWER)
        for word, values in layout.words():
            place, like = vocabulary.get(word), alike.get(word.lower(), ())
            wanted = place is not None and place not in spelt
            wanted_too = [one for one in like if one != place and one not in other]
            if wanted or wanted_too:
                vector = values()
                spelt |= {place: vector} if wanted else {}
                other |= dict.fromkeys(wanted_too, vector)
    found = {**other, **spelt}
    if not found:
        raise UserError(f"{path} has none of the {len(vocabulary):,} tokens of the training texts; is it of another language?")
    ids = np.array(sorted(found), np.int64)
    values = np.stack([found[one] for one in ids.tolist()])
    if values.min() == values.max():
        raise UserError(f"{path} has the same number everywhere in the vectors of {len(ids):,} tokens; {_ACCEPTED}")
    return Vectors(str(path), ids, values, len(vocabulary))


@contextlib.contextmanager
def _opened(path):
    """The file, unpacked; whatever goes wrong while it is read is said in a line."""
    try:
        with files.opened(files.given(path)) as file:
            beginning = file.read(4)
            file.seek(0)
            if beginning == _FASTTEXT:
                raise UserError(f"{path} is a model of fastText with pieces of words; pass its vectors of words, the .vec file beside it")
            if beginning == _ZIP:
                raise UserError(f"{path} is a ZIP archive; unpack it, and pass the file of vectors")
            if beginning[:2] == _GZIP:
                with gzip.open(file) as unpacked:
                    yield unpacked
            else:
                yield file
    except UserError:
        raise
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is broken or cut off as a gzip file: {error}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}; {_ACCEPTED}") from error


class _Layout:
    """What the beginning of a file says: with a header or not, text or binary, and how many numbers a vector has.

    Args:
        file: open for reading bytes, at its beginning.
        path: for messages.
    """

    def __init__(self, file, path):
        self._file, self._path = file, path
        first = file.readline(_LONGEST_LINE)
        header = _HEADER.fullmatch(first)
        self.count, self._binary, self._lines = None, False, 1
        if header is None:
            self._first = first
            self.size = self._numbers_in(first)
        else:
            self.count, self.size = map(int, header.groups())
            self._check_header()
            self._first = file.readline(min(_LONGEST_LINE, _LONGEST_WORD + 64 * self.size))
            self._lines = 2
            self._binary = not _is_text(self._first)
        if not 1 <= self.size <= _LARGEST_SIZE:
            raise UserError(f"{path}, line 1: vectors of {self.size:,} numbers; accepted are 1 to {_LARGEST_SIZE:,}")

    def _check_header(self):
        if not (1 <= self.count <= _MOST_WORDS and 1 <= self.size <= _LARGEST_SIZE):
            told = f"{self.count:,} words with vectors of {self.size:,} numbers"
            raise UserError(f"{self._path}, line 1 says {told}; accepted are up to {_MOST_WORDS:,} words of 1 to {_LARGEST_SIZE:,}")

    def _numbers_in(self, first):
        """How many numbers stand at the end of the first line, behind a word."""
        fields = first.strip(_BLANK).replace(b"\t", b" ").split(b" ")
        count = 0
        while count < len(fields) - 1 and _is_number(fields[-1 - count]):
            count += 1
        if not count or len(first) == _LONGEST_LINE:
            raise UserError(f"{self._path}, line 1 is neither a word with numbers behind it nor two whole numbers; {_ACCEPTED}")
        return count

    def words(self):
        """Each word and a function that gives its vector, float32 `(size,)`, until the next word is asked for."""
        found = 0
        for word, values in self._of_bytes() if self._binary else self._of_lines():
            found += 1
            yield word, values
        if self.count is not None and found != self.count:
            raise UserError(f"{self._path}, line 1 says {self.count:,} words, and there are {found:,}; the file is cut off or joined")

    def _of_lines(self):
        line, number = self._first, self._lines
        while line:
            if len(line) >= _LONGEST_LINE:
                raise UserError(f"{self._path}, line {number:,} is longer than {_LONGEST_LINE:,} bytes; {_ACCEPTED}")
            fields = line.strip(b"\r\n").rstrip(_BLANK).replace(b"\t", b" ").rsplit(b" ", self.size)
            if fields != [b""]:
                self._refuse_length(fields, number)
                yield _decoded(fields[0].strip()), lambda fields=fields, number=number: self._parsed(fields[1:], number)
            line, number = self._file.readline(_LONGEST_LINE), number + 1

    def _refuse_length(self, fields, number):
        """Refuse a line of fewer or more numbers; a word may have blanks in it, but numbers alone are none of its pieces."""
        pieces = fields[0].split()[1:]
        if len(fields) == self.size + 1 and not (pieces and all(map(_is_number, pieces))):
            return
        there = len(fields) - 1 + len(pieces)
        raise UserError(f"{self._path}, line {number:,} has {there:,} numbers behind its word, and the first has {self.size:,}")

    def _parsed(self, fields, number):
        try:
            values = np.array(fields).astype(np.float64)
        except ValueError as error:
            wrong = next(field for field in fields if not _is_number(field))
            raise UserError(f"{self._path}, line {number:,} has {_decoded(wrong)[:40]!r} in place of a number") from error
        return self._checked(values, f"line {number:,}")

    def _of_bytes(self):
        """Words of word2vec's binary: a word, a blank, and the bytes of its numbers, with or without a line end behind them."""
        waiting = self._first
        for number in range(1, self.count + 1):
            while b" " not in waiting.lstrip(b"\n")[: _LONGEST_WORD + 1]:
                more = self._file.read(_LONGEST_WORD)
                if not more or len(waiting) > _LONGEST_WORD:
                    what = "is cut off" if not more else f"has a word of more than {_LONGEST_WORD:,} bytes"
                    raise UserError(f"{self._path} {what} at word {number:,} of {self.count:,}; {_ACCEPTED}")
                waiting += more
            word, _, waiting = waiting.lstrip(b"\n").partition(b" ")
            lacking = 4 * self.size - len(waiting)
            waiting += self._file.read(lacking) if lacking > 0 else b""
            numbers, waiting = waiting[: 4 * self.size], waiting[4 * self.size :]
            if len(numbers) < 4 * self.size:
                raise UserError(f"{self._path} is cut off at word {number:,} of {self.count:,}; get it again")
            yield _decoded(word), lambda numbers=numbers, number=number: self._checked(np.frombuffer(numbers, "<f4"), f"word {number:,}")
        if waiting.strip(b"\n") or self._file.read(2).strip(b"\n"):
            raise UserError(f"{self._path} goes on behind the {self.count:,} words that its first line says; {_ACCEPTED}")

    def _checked(self, values, where):
        # Also of what is no number, since a comparison with that is false.
        if not (np.abs(values) <= _LARGEST_NUMBER).all():
            wrong = values[~(np.abs(values) <= _LARGEST_NUMBER)][0]
            raise UserError(f"{self._path}, {where} has the number {wrong:g}; accepted are numbers of at most {_LARGEST_NUMBER:,.0f}")
        return values.astype(np.float32)


def _is_text(line):
    """Whether a line goes on as text behind its word: the bytes of numbers, such as the 0 in that of 0.5, do not."""
    behind = line.replace(b"\t", b" ").partition(b" ")[2].strip(_BLANK)
    return behind.isascii() and behind.decode("ascii").isprintable()


def _is_number(field):
    try:
        float(field)
        return True
    except ValueError:
        return False


def _decoded(word):
    """A word as the tokenizer spells it: an accent composed or not is one letter."""
    word = word.decode("utf-8", "replace")
    return word if word.isascii() else unicodedata.normalize("NFC", word)
