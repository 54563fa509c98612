"""Labels that somebody has corrected: a CSV that says which example is of which class, such as the `labels.csv` of `hornbook labels`."""

import dataclasses

import numpy as np

from hornbook import UserError
from hornbook.data import naming
from hornbook.data.selection import written

COLUMN = "correct_label"
_ACCEPTED = f"accepted is a column `{COLUMN}`, and `index` (from 0, in the order of the source) or `file`; rows without one are left alone"


def check(path):
    """Refuse a file that cannot be read, or is none of corrections by its first line; its rows are left alone.

    Raises:
        UserError: with what is accepted.
    """
    written.columns_and_rows(path, f"--label-corrections {path}", COLUMN, _ACCEPTED)


def applied(parts, class_names, path, name):
    """The parts with corrected labels, and a note on how many there are.

    Args:
        parts: dict of a part's name to its examples, before anything is held out.
        class_names: tuple.
        path: of the file, or None: the parts as they are. Its columns are `correct_label`; `index` (the position in the source) or `file`;
            where the source has parts of its own `source`, which of them the index counts in; and, where there is one, `label`, which must
            be the example's.
        name: of the dataset, for messages.

    Returns:
        The dict, and a list of sentences.

    Raises:
        UserError: the file cannot be read, or names an example or a class that is not there, or an example twice; or labels are no classes.
    """
    if path is None:
        return parts, []
    if any(part.labels.ndim > 1 or part.labels.dtype.kind == "f" for part in parts.values()):
        raise UserError(f"--label-corrections {path} is for one class an example, and {name} has none; leave it out")
    number = {str(one): place for place, one in enumerate(class_names)}
    named, seen = (
        written.Examples(parts, path, name, f"--label-corrections {path}", COLUMN, _ACCEPTED, lambda label: class_names[label]),
        {},
    )
    labels, changed = {part: one.labels.copy() for part, one in parts.items()}, 0
    by_source = {one.source: part for part, one in parts.items()}
    for line, row in named.rows:
        wanted = row[COLUMN].strip()
        if not wanted:
            continue
        source, places, key = named.places(line, row)
        if wanted not in number:
            raise UserError(f"{path} line {line}: there is no class {wanted!r}; accepted are {naming.some(class_names)}")
        if seen.setdefault((source, places[0]), wanted) != wanted:
            raise UserError(f"{path} line {line}: {key} is {seen[source, places[0]]} in another line, and {wanted} here")
        own = labels[by_source[source]]
        changed += int((own[places] != number[wanted]).any())
        own[places] = number[wanted]
    same = {part: np.array_equal(labels[part], one.labels) for part, one in parts.items()}
    found = {part: one if same[part] else dataclasses.replace(one, labels=labels[part]) for part, one in parts.items()}
    return found, [f"--label-corrections {path} changes the labels of {changed:,} {'example' if changed == 1 else 'examples'}"]
