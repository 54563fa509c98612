"""What people read in a terminal: every line goes through `say` or `complain`, in which text from outside can do no harm."""

import contextlib
import difflib
import re
import sys
import unicodedata

_LONGEST_WORD, _LONGEST_MESSAGE = 300, 2000
_LISTED, _NEAREST = 12, 3
_AS_WRITTEN = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}
# Format characters that are seen, or join letters and pictures. The others hide or reorder what stands beside them.
_HARMLESS = "\u200c\u200d\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
# Colours, a cleared line and a cursor moved up, which bars of progress and tyro's help write; and what else may be harmful.
_OF_LIBRARIES = re.compile(r"(\x1b\[[0-9;]*[mAK])|([^\t\n\r\x20-\x7e])")


def shown(text):
    """A text as a terminal shows it, whatever is in it: in one line, and what moves, colours, hides or reorders is spelt out.

    Control characters, escape sequences, line breaks of every kind, bidirectional overrides and bytes that are no text become what JSON and
    Python call them, such as `\\n`, `\\u001b` and `\\u202e`; letters of all scripts stay.
    """
    text = str(text)
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character):
    harmful = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp", "Cf") and character not in _HARMLESS
    if not harmful:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    named = "".join(rf"\u{units[k] << 8 | units[k + 1]:04x}" for k in range(0, len(units), 2))
    return _AS_WRITTEN.get(character, named)


def shown_of_libraries(text):
    """What somebody else's code prints, as `shown`; its line breaks, tabs, colours and bars of progress stay."""
    return text if text.isascii() and text.isprintable() else _OF_LIBRARIES.sub(lambda found: found[1] or _shown(found[2]), text)


def say(*lines):
    """Print lines, each as `shown`, above the bar of progress where there is one."""
    tqdm = getattr(sys.modules.get("tqdm"), "tqdm", None)  # Where nobody has imported it, there is no bar.
    for line in lines:
        (tqdm.write if tqdm else print)(shown(line))


def say_fields(*fields):
    """Print a line of fields with tabs between them, which no field has itself."""
    print(*map(shown, fields), sep="\t")


def close_bars():
    """Leave the bars of progress as they are, each on a line of its own: what they showed has ended."""
    for bar in list(getattr(getattr(sys.modules.get("tqdm"), "tqdm", None), "_instances", ())):
        bar.close()


def complain(line):
    """Print a line on standard error, as `shown`, its long words and its whole cut to what can be read; wherever that ends, or nowhere."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            print(shown(shortened(line)), file=sys.stderr, flush=True)


def shortened(message):
    """A message without the middle of its words of hundreds of characters, and without its own where it is thousands long."""
    words = (_without_middle(word, _LONGEST_WORD) for word in re.split(r"(\s+)", message))
    return _without_middle("".join(words), _LONGEST_MESSAGE)


def _without_middle(text, longest):
    kept = longest // 2
    return text if len(text) <= longest else f"{text[:kept]}...({len(text) - 2 * kept:,} characters)...{text[-kept:]}"


def accepted(words, given):
    """What to write in place of a word that is not accepted: all that are, or of many the nearest.

    Args:
        words: those that are accepted.
        given: the word that is not.
    """
    words = [str(word) for word in words]
    if len(words) <= _LISTED:
        return ", ".join(words)
    given = str(given)[:_LONGEST_WORD]  # To compare longer ones takes seconds.
    near = difflib.get_close_matches(given, words, n=_NEAREST, cutoff=0)
    return f"{', '.join(near)} (the nearest of {len(words)})"
