"""Names of classes and columns: their order, two that most likely mean one thing, usual ones, and how a message lists them."""

import collections
import csv
import re
import unicodedata

from hornbook import UserError

# What people call a column of classes or of numbers to predict, the most telling first; compared without regard to case.
LABEL_COLUMNS = ("label", "class", "class_name", "category", "target")
TARGET_COLUMNS = ("target", "y", "value", "label")
# Texts that stand for a missing value, compared without regard to case. Not "none", which is a category of its own in many tables.
MISSING = ("", "nan", "?", "n/a", "na", "#n/a", "<na>", "null")
MISSING_NUMBERS = (*MISSING, "none", "-")  # Where nothing but numbers can stand.
MISSING_LABELS = ("", "nan")  # A class may well be called none, or NA.
_LISTED = 16  # Columns in a message.
_DIGITS = "[0-9]{1,300}"  # Of a name that is a number. Python makes none of thousands of digits, and nobody a code of hundreds.


def in_order(names):
    """Names of classes in their order: by number if all are whole numbers, else by their characters."""
    names = sorted(names)
    whole = all(re.fullmatch(rf"[+-]?{_DIGITS}", name) for name in names)
    return sorted(names, key=int) if whole else names


def names(text, flag):
    """The column names in a flag's value: separated by commas, in quotes where they have one themselves. An empty tuple for None."""
    try:
        return tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])) if text else ()
    except csv.Error as error:
        raise UserError(f"{flag} must be names separated by commas, in quotes where they have one or a line break, got {text!r}") from error


def spelt_twice(names, *, capitals_tell="never"):
    """Names that most likely mean one thing, such as a class.

    Args:
        names: iterable of text.
        capitals_tell: whether names that differ in capitals alone are two: "never", "of letters" (`A` is not `a`), or "always".

    Returns:
        (list of such names, how they differ, in words), or None if all names differ clearly.
    """
    names = list(names)
    # Codes such as 250 and 250.0 may be two classes where other names are no numbers.
    whole = all(re.fullmatch(rf"[+-]?{_DIGITS}(\.0*)?", name.strip()) for name in names)

    def without_capitals(name):
        words = " ".join(name.split())
        return words if capitals_tell == "always" or (capitals_tell == "of letters" and len(words) == 1) else words.casefold()

    ways = {
        f"differ in {'' if capitals_tell == 'always' else 'capitals or '}blanks alone": without_capitals,
        "look alike and differ in characters that are not seen": _as_seen,
        "are one number": lambda name: int(name.partition(".")[0]) if whole else name,
    }
    for how, seen_as in ways.items():
        alike = collections.defaultdict(list)
        for name in names:
            alike[seen_as(name)].append(name)
        twice = next((found for found in alike.values() if len(found) > 1), None)
        if twice:
            return twice, how
    return None


def _as_seen(name):
    composed = unicodedata.normalize("NFC", name)
    return "".join(character for character in composed if unicodedata.category(character) != "Cf").strip()


def refuse_one_class_spelt_twice(names, where):
    """Refuse names of classes that most likely mean one class, see `spelt_twice`. Single letters may differ: `A` is not `a`.

    Args:
        names: iterable of text.
        where: function from a name to its place, for the message.

    Raises:
        UserError: with both names.
    """
    found = spelt_twice(sorted(names), capitals_tell="of letters")
    if found:
        (first, second, *_), how = found
        raise UserError(f"{where(second)}: the classes {first!r} ({where(first)}) and {second!r} {how}; spell them alike")


def some(names):
    """The first few of some names, for a message."""
    names = list(map(str, names))
    return f"{', '.join(names[:5])}, ... ({len(names)} in all)" if len(names) > 5 else ", ".join(names)


def listed(columns):
    """The names of columns for a message, the first few of many."""
    names = list(map(repr, columns))
    return ", ".join(names if len(names) <= _LISTED else [*names[: _LISTED - 1], f"... ({len(names)} in all)"])


def usual(columns, names):
    """The first of some usual `names` that is a column's, without regard to case; None if none is."""
    known = {column.lower(): column for column in reversed(list(columns))}
    return next((known[name] for name in names if name in known), None)


def choose(where, columns, name, names, flag, hint=""):
    """The name of a column: `name` if it is given, else the first of the usual `names` that is there.

    Args:
        where: the table, for messages.
        columns: names of those that there are.
        name: as the user gave it, or None.
        names: usual names, in lower case.
        flag: that names the column.
        hint: what else to do, at the end of the message.

    Raises:
        UserError: there is no such column, with those that there are.
    """
    if name is not None:
        require(where, columns, [name], flag)
        return name
    found = usual(columns, names)
    if found is None:
        raise UserError(f"{where}: none of its columns {listed(columns)} is called {', '.join(names)}; pass {flag}{hint}")
    return found


def require(where, columns, names, flag):
    """Refuse `names` that stand twice, or are not among the `columns` of a table.

    Raises:
        UserError: with those that there are.
    """
    known, seen = set(columns), set()
    for name in names:
        if name in seen:
            raise UserError(f"{flag} names {name!r} twice")
        seen.add(name)
        if name not in known:
            raise UserError(f"{where} has no column {name!r} ({flag}); it has {listed(columns)}")
