"""`csv:PATH` as images: a table that names image files and their classes."""

import functools
import os

import numpy as np

from hornbook import UserError
from hornbook.data import csv_rows, naming
from hornbook.data.images import files
from hornbook.data.images.dataset import ImageDataset
from hornbook.data.selection import groups, times, weights

# What people call them, the most telling first; compared without regard to case.
_PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "file_path", "image_path", "image", "image_id")

check = csv_rows.check


def load(name, *, path_column=None, label_column=None, group_column=None, time_column=None, weight_column=None, image_size=None,
         channels=None, class_names=None, labelled=True):  # fmt: skip
    """An `ImageDataset` of `csv:PATH`, its one part `files.FileExamples`.

    Args:
        name: `csv:PATH`. Paths in the table are relative to the table's folder.
        path_column, label_column: names of columns; default: the first of the usual names that is there.
        group_column, time_column, weight_column: names of columns of groups, times and weights, or None.
        image_size, channels: to which all images are converted, or None, see `files.choose_shape`.
        class_names: the classes in their order, such as a trained model's; default: the labels that occur.
        labelled: False to read the files alone, all of one class, `class_names`.

    Raises:
        UserError: something is wrong with the table, with the line.
    """
    table = csv_rows.read(name.removeprefix("csv:"))
    path_column = table.choose(path_column, _PATH_COLUMNS, "--path-column")
    if not labelled:
        paths = _paths(table, path_column, [path.strip() for path in table.column(path_column)])
        shape = files.choose_shape(paths, name, image_size, channels)
        number = np.arange(len(paths))
        return ImageDataset(name, class_names, shape, files.FileExamples(np.array(paths, object), 0 * number, number, "all", shape))
    label_column = table.choose(label_column, naming.LABEL_COLUMNS, "--label-column")
    if path_column == label_column:
        raise UserError(
            f"{table.path}: {path_column!r} cannot be both --path-column and --label-column; it has {naming.listed(table.columns)}"
        )
    used = {path_column: "--path-column", label_column: "--label-column"}
    paths = [path.strip() for path in table.column(path_column)]
    labels = [label.strip() for label in table.column(label_column)]
    _refuse_empty(table, label_column, labels)
    paths = _paths(table, path_column, paths)
    if class_names is None:
        class_names = naming.in_order(set(labels))
        naming.refuse_one_class_spelt_twice(class_names, lambda label: f"{table.path} line {table.lines[labels.index(label)]}")
    class_names = tuple(class_names)
    if len(class_names) < 2:
        raise UserError(f"{table.path}: column {label_column!r} has one class, {class_names[0]!r}; at least two are needed")
    number = {label: place for place, label in enumerate(class_names)}
    unknown = [place for place, label in enumerate(labels) if label not in number]
    if unknown:
        raise UserError(
            f"{table.path} line {table.lines[unknown[0]]}: the class {labels[unknown[0]]!r} is unknown in training; "
            f"accepted are {naming.some(class_names)}"
        )
    shape = files.choose_shape(paths, name, image_size, channels)
    labels = np.array([number[label] for label in labels], np.int64)
    part = files.FileExamples(np.array(paths, object), labels, np.arange(len(labels)), "all", shape)
    further = {"group": group_column, "time": time_column, "weight": weight_column}
    return ImageDataset(name, class_names, shape, part, **_further(table, further, used))


def _paths(table, column, given):
    """The files that a table names, of whose paths none is empty or stands twice."""
    _refuse_empty(table, column, given)
    paths = [str(table.path.parent / path) for path in given]
    _refuse_twice(table, paths)
    return paths


def _refuse_empty(table, column, values):
    empty = [line for value, line in zip(values, table.lines, strict=True) if not value]
    if empty:
        raise UserError(f"{table.path}: column {column!r} is empty in {_lines(empty)}; fill it in, or remove the row")


def _further(table, columns, used):
    """Groups, times and weights of the rows, those that there is a column of: arguments of a dataset."""
    found, read = {}, {"group": groups.checked, "time": times.parsed, "weight": weights.parsed}
    for kind, column in columns.items():
        if column is None:
            continue
        naming.require(table.path, table.columns, (column,), f"--{kind}-column")
        if column in used:
            raise UserError(f"{table.path}: {column!r} cannot be both {used[column]} and --{kind}-column")
        where = functools.partial(_cell, table, column)
        found[f"{kind}s"] = read[kind](table.column(column), where)
    return found


def _cell(table, column, row):
    return f"{table.path} line {table.lines[row]}, column {column!r}"


def _refuse_twice(table, paths):
    first = {}
    for file, line in zip(paths, table.lines, strict=True):
        other = first.setdefault(os.path.normpath(file), line)
        if other != line:
            raise UserError(f"{table.path}: {file} is on line {other} and on line {line}, so training and test could share it; remove one")


def _lines(lines):
    shown = ", ".join(map(str, lines[:5]))
    return f"line {shown}" if len(lines) == 1 else f"{len(lines)} lines ({shown}{', ...' if len(lines) > 5 else ''})"
