"""`csv:PATH` as series: a table in long form, with a row a step and a column that names the series; and files of one series each."""

import dataclasses
import datetime
import itertools

import numpy as np

from hornbook import UserError, files
from hornbook.data import csv_rows, naming
from hornbook.data.selection import weights as of_examples
from hornbook.data.series.source import UNLABELLED, Series, Source, float32, is_number

_IDS = ("id", "unit", "series", "series_id", "unit_id")

check = csv_rows.check


def read(path, options):
    """A `source.Source` of a table whose rows are steps of series.

    The rows of one value in the id column are a series, ordered by the time column; without one, in the order of the file.

    Args:
        path: of a CSV or TSV file.
        options: `source.Options`; the id column defaults to the first of id, unit, series, the label column to label, class, ...; the
            feature columns to all others.

    Raises:
        UserError: something is wrong with the table, with line and column.
    """
    table = csv_rows.read(path, encoding=options.encoding)
    columns = {
        "id": table.choose(options.id_column, _IDS, "--id-column"),
    }
    if options.labelled:
        columns["label"] = table.choose(options.label_column, naming.LABEL_COLUMNS, "--label-column")
    for kind, name in (("time", options.time_column), ("group", options.group_column), ("weight", options.weight_column)):
        if name:
            columns[kind] = table.choose(name, (), f"--{kind}-column")
    features = _features(table, options, columns)
    values = np.stack([_numbers(table, name) for name in features], axis=1)
    ids = [value.strip() for value in table.column(columns["id"])]
    labels = [value.strip() for value in table.column(columns["label"])] if options.labelled else [UNLABELLED] * len(ids)
    groups = [value.strip() for value in table.column(columns["group"])] if "group" in columns else ids
    for kind, texts in (("id", ids), ("label", labels), ("group", groups)):
        wrong = next((k for k, text in enumerate(texts) if text.lower() in naming.MISSING_LABELS), None)
        if wrong is not None:
            raise UserError(f"{table.path} line {table.lines[wrong]}: column {columns.get(kind, columns['id'])!r} is empty; fill it in")
    for kind, texts in (("id", ids), ("group", groups)):
        # Taken for two, one series or person would stand in two parts.
        found = naming.spelt_twice(dict.fromkeys(texts), capitals_tell="always")
        if found:
            (first, second, *_), how = found
            before, here = (table.lines[texts.index(one)] for one in (first, second))
            column = columns.get(kind, columns["id"])
            raise UserError(
                f"{table.path} line {here}, column {column!r}: {second!r} and {first!r} (line {before}) {how}; spell them alike"
            )
    if options.numbers:
        labels = _numbers(table, columns["label"], missing=False).tolist()
    weights = None
    if "weight" in columns:
        place = f"column {columns['weight']!r}"
        weights = of_examples.checked(_numbers(table, columns["weight"]), lambda row: f"{table.path} line {table.lines[row]}, {place}")
    rows = {}
    for row, unit in enumerate(ids):
        rows.setdefault(unit, []).append(row)
    series = []
    for unit, own in rows.items():
        own = _in_time(table, own, unit, options.time_column)
        if len({groups[row] for row in own}) > 1:
            raise UserError(f"{table.path}: {columns['id']} {unit!r} has several values of {columns['group']!r}; a series is of one group")
        if weights is not None and np.ptp(weights[own]) > 0:
            raise UserError(f"{table.path}: {columns['id']} {unit!r} has several values of {columns['weight']!r}; a series has one weight")
        weight = None if weights is None else float(weights[own[0]])
        stretches = _stretches(table, unit, own, values, labels, groups[own[0]], features, options)
        series += [dataclasses.replace(one, weight=weight) for one in stretches]
    return Source({"all": series}, features)


def has_series(path):
    """Whether a table has a column of ids by its usual name, such as `unit`, in which one stands in several rows. It reads up to there."""
    if files.what_is(path) != "is a file":
        return False
    found = csv_rows.layout(path, encoding="auto")
    places = [place for place, column in enumerate(found.columns) if column.lower() in _IDS]
    if not places:
        return False
    seen = set()
    return any(row[places[0]].strip() in seen or seen.add(row[places[0]].strip()) for *_, row in csv_rows.rows(found))


def _features(table, options, columns):
    naming.require(table.path, table.columns, options.feature_columns, "--feature-columns")
    features = tuple(options.feature_columns) or tuple(name for name in table.columns if name not in columns.values())
    both = [name for name in features if name in columns.values()]
    if both:
        raise UserError(f"{table.path}: {both[0]!r} cannot be among --feature-columns and have another role")
    if not features:
        raise UserError(f"{table.path} has no column of values beside {', '.join(map(repr, columns.values()))}")
    return features


def _numbers(table, name, missing=True):
    """A column as float32, NaN where a value is missing."""
    texts = [text.strip() for text in table.column(name)]
    texts = ["nan" if text.lower() in naming.MISSING_NUMBERS else text for text in texts]
    try:
        numbers = np.array(texts, np.float64)
    except ValueError:
        wrong = next(k for k, text in enumerate(texts) if not is_number(text))
        raise UserError(
            f"{table.path} line {table.lines[wrong]}, column {name!r} is {texts[wrong]!r}, no number; accepted are numbers such as 1.5; "
            "name the columns of values by --feature-columns"
        ) from None
    if not missing and not np.isfinite(numbers).all():
        wrong = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise UserError(f"{table.path} line {table.lines[wrong]}, column {name!r} is no finite number; fill it in, or remove the row")
    return float32(numbers)


def _in_time(table, rows, unit, time_column):
    """The rows of a unit in the order of time."""
    if not time_column:
        gap = next((k for k in range(1, len(rows)) if rows[k] != rows[k - 1] + 1), None)
        if gap is not None:
            raise UserError(
                f"{table.path} line {table.lines[rows[gap]]}: {unit!r} goes on here after rows of another series; "
                "pass --time-column, or keep the rows of each together"
            )
        return rows
    place = table.columns.index(time_column)
    times = [_time(table.rows[row][place].strip(), table, row, time_column) for row in rows]
    if len({type(one) for one in times}) > 1:
        raise UserError(f"{table.path}: column {time_column!r} has numbers and dates in the series {unit!r}; accepted is either")
    try:
        order = sorted(range(len(rows)), key=times.__getitem__)
    except TypeError:
        raise UserError(f"{table.path}: column {time_column!r} has times with and without a zone in the series {unit!r}") from None
    for before, after in itertools.pairwise(order):
        if times[before] == times[after]:
            lines, time = sorted((table.lines[rows[before]], table.lines[rows[after]])), table.rows[rows[after]][place].strip()
            raise UserError(f"{table.path}: {unit!r} has the time {time!r} on line {lines[0]} and on line {lines[1]}; remove one")
    return [rows[k] for k in order]


def _time(text, table, row, column):
    try:
        if is_number(text) and np.isfinite(np.float64(text)):
            return float(text)
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        raise UserError(
            f"{table.path} line {table.lines[row]}, column {column!r} is {text!r}, no time; accepted are numbers and dates such as "
            "2024-01-31 or 2024-01-31T12:00:00"
        ) from None


def _stretches(table, unit, rows, values, labels, group, features, options):
    """A unit as one series; where windows are to be cut, as one for every stretch of one label."""
    changes = [k for k in range(1, len(rows)) if labels[rows[k]] != labels[rows[k - 1]]]
    if changes and (options.numbers or not options.window):
        line, before, after = table.lines[rows[changes[0]]], labels[rows[changes[0] - 1]], labels[rows[changes[0]]]
        raise UserError(
            f"{table.path} line {line}: the label of {unit!r} changes from {before!r} to {after!r}; "
            + ("a series has one number to predict" if options.numbers else "pass --window to cut it into windows of one label each")
        )
    for first, last in zip([0, *changes], [*changes, len(rows)], strict=True):
        own = rows[first:last]
        yield Series(values[own], labels[own[0]], unit, group, _place(table, own, features), first)


def _place(table, rows, features):
    return lambda step, feature: f"{table.path} line {table.lines[rows[step]]}, column {features[feature]!r}"


def one_file(path, options, features=None):
    """The values of a file that holds one series, float32 `(steps, features)`, with the features' names and a function for places.

    Args:
        path: of a CSV or TSV file with a line of names, then a row a step.
        options: `source.Options`; feature and time columns count.
        features: names of columns that the file must have; None: all but the time column.

    Raises:
        UserError: something is wrong with the file, with line and column.
    """
    table = csv_rows.read(path, encoding=options.encoding)
    columns = {"time": table.choose(options.time_column, (), "--time-column")} if options.time_column else {}
    if features is not None:
        naming.require(table.path, table.columns, features, "needed here")
        names = tuple(features)
    else:
        names = _features(table, options, columns)
    values = np.stack([_numbers(table, name) for name in names], axis=1)
    rows = _in_time(table, list(range(len(table.rows))), str(table.path), options.time_column)
    return values[rows], names, _place(table, rows, names)


def refuse_several(path, options, features):
    """Refuse a table of several series, which `one_file` would join into one.

    Args:
        path: of a CSV or TSV file.
        options: `source.Options`; the id column counts, by default one that is called so.
        features: names of columns, which are no ids.

    Raises:
        UserError: with the column that tells the series apart.
    """
    table = csv_rows.read(path, encoding=options.encoding)
    known = (options.id_column,) if options.id_column else _IDS
    for column in table.columns:
        series = len(set(table.column(column))) if column.lower() in [name.lower() for name in known] and column not in features else 1
        if series > 1:
            raise UserError(f"{table.path} has {series:,} series (column {column!r}), where one is wanted; put each into a file of its own")
