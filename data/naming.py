"""Names of classes and columns: their order, which two are most likely one, and how a message lists them."""

import collections
import re
import unicodedata

from hornbook import UserError

# What people call a column of classes, the most telling first; compared without regard to case.
LABEL_COLUMNS = ("label", "class", "class_name", "category", "target")


def in_order(names):
    """Names of classes in their order: by number if all are whole numbers, else by their characters."""
    names = sorted(names)
    whole = all(re.fullmatch(r"[+-]?\d+", name, re.ASCII) for name in names)
    return sorted(names, key=int) if whole else names


def spelt_twice(names, *, capitals_tell="never"):
    """Names that are most likely one, of classes or other things, and in what they differ, in words; None where there are none.

    Args:
        names: iterable of text.
        capitals_tell: whether names that differ in capitals alone are two: "never", "of letters" (`A` is not `a`), or "always".
    """
    names = list(names)
    # Of codes with other characters among them, such as 250 and 250.0, each may be a class of its own.
    whole = all(re.fullmatch(r"[+-]?[0-9]+(\.0*)?", name.strip()) for name in names)

    def without_capitals(name):
        words = " ".join(name.split())
        return words if capitals_tell == "always" or (capitals_tell == "of letters" and len(words) == 1) else words.casefold()

    ways = {
        f"differ in {'' if capitals_tell == 'always' else 'capitals or '}blanks alone": without_capitals,
        "look alike and differ in characters that are not seen": _as_seen,
        "are one number": lambda name: int(float(name)) if whole else name,
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
    """Refuse names of classes that are most likely one, see `spelt_twice`. Single letters may differ: `A` is not `a`.

    Args:
        names: iterable of text.
        where: function of a name that says where it stands, for the message.

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
