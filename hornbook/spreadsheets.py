"""CSV that people open in a spreadsheet: no text in it is run as a formula, and who reads it as data gets the text back.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a line break for a formula, which can send what stands beside it to
somebody's server (OWASP, "CSV injection"). Such a text has an apostrophe before it, which spreadsheets take for "text follows". Numbers are
no formulas and stay as they are, those that are texts (a class called -1) among them.
"""

import csv
import io
import re

from hornbook import files

_FORMULA = r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"  # Full-width ones, too: some spreadsheets in East Asia take them.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BARE, _GUARDED = re.compile(f"'*{_FORMULA}"), re.compile(f"'+{_FORMULA}")


def guarded(cell):
    """A cell as it stands in a file: a text that would be run has an apostrophe before it; what is no text stays.

    A text that has an apostrophe there itself has one more, so that `unguarded` tells the two apart.
    """
    if not isinstance(cell, str) or not _BARE.match(cell) or _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


def unguarded(text):
    """What a cell was before `guarded`.

    Args:
        text: of a file that `write` has written.
    """
    return text[1:] if _GUARDED.match(text) else text


def write(file, rows):
    """Write rows of cells to a text file that was opened with `newline=""`."""
    csv.writer(file).writerows(map(guarded, row) for row in rows)


def save(path, rows):
    """Write rows of cells to a file, whole or not at all."""
    text = io.StringIO()
    write(text, rows)
    files.write_text(path, text.getvalue())


def lines(rows):
    """The same rows as lines of text, without their ends."""
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(map(guarded, row))
        yield line.getvalue()


def read(file):
    """The rows of a file that `write` has written: lists of texts."""
    for row in csv.reader(file):
        yield list(map(unguarded, row))
