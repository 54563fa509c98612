"""Texts with typing errors: letters swapped, left out, doubled, or the key beside the right one."""

import numpy as np

from hornbook.data import randomness

_SHARES = (0.01, 0.03, 0.06, 0.1, 0.2)
STRENGTHS = {"swapped letters": _SHARES, "missing letters": _SHARES, "doubled letters": _SHARES, "wrong keys": _SHARES}
COUNTS = dict.fromkeys(STRENGTHS, "share of the letters and digits")

_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")


def corrupted(texts, kind, strength, *, keys, seed=0):
    """Texts, each with typing errors.

    Errors are at letters and digits of any script; blanks, marks and line ends stay. The neighbours of a key are those of a keyboard that
    begins with QWERTY; a letter that is not on it gives way to another one of the same text.

    Args:
        texts: list of strings.
        kind: a key of `STRENGTHS`.
        strength: share of the letters and digits that have the error, in expectation.
        keys: int array `(texts,)`, a number that is each text's own.
        seed: of what is drawn.

    Returns:
        A list of strings.

    Example:
    ```python
    from hornbook.data.corruptions import texts

    assert texts.corrupted(["an old hat"], "doubled letters", 1.0, keys=[0]) == ["aann oolldd hhaatt"]
    ```
    """
    change = {"swapped letters": _swapped, "missing letters": _without, "doubled letters": _doubled, "wrong keys": _wrong}[kind]
    return [_changed(text, change, strength, randomness.generator(seed, key, kind)) for text, key in zip(texts, keys, strict=True)]


def _changed(text, change, share, draw):
    letters = list(text)
    # A number for every character, whatever the share: at a larger one the same letters are wrong, and others too.
    numbers, which = draw.random((2, len(letters)))
    places = [place for place in np.flatnonzero(numbers < share).tolist() if letters[place].isalnum()]
    return change(letters, places, which)


def _swapped(letters, places, which):
    """Each with the one behind it, of the same word."""
    last = -1
    for place in places:
        if place > last and place + 1 < len(letters) and letters[place + 1].isalnum():
            letters[place], letters[place + 1] = letters[place + 1], letters[place]
            last = place + 1
    return "".join(letters)


def _without(letters, places, which):
    for place in places:
        letters[place] = ""
    return "".join(letters)


def _doubled(letters, places, which):
    for place in places:
        letters[place] *= 2
    return "".join(letters)


def _wrong(letters, places, which):
    others = sorted({letter for letter in letters if letter.isalpha()}) if places else []
    for place in places:
        letter = letters[place]
        near = _BESIDE.get(letter.lower()) or [one for one in others if one != letter] or [letter]
        found = near[int(which[place] * len(near))]
        letters[place] = found.upper() if letter.isupper() and letter.lower() in _BESIDE else found
    return "".join(letters)


def _beside():
    """The keys beside each key: in its row, and in the rows above and below, which stand half a key to the side."""
    found = {}
    for row, keys in enumerate(_ROWS):
        for place, key in enumerate(keys):
            near = [(row, place - 1), (row, place + 1), (row - 1, place), (row - 1, place + 1), (row + 1, place - 1), (row + 1, place)]
            found[key] = [_ROWS[r][p] for r, p in near if 0 <= r < len(_ROWS) and 0 <= p < len(_ROWS[r])]
    return found


_BESIDE = _beside()
