"""Checks of series before training: options that make no sense, values that cannot be computed with, labels that do not fit."""

import numpy as np

from hornbook import UserError
from hornbook.data import naming
from hornbook.data.series.missing import METHODS
from hornbook.data.series.source import UNLABELLED

_TABLE_FLAGS = ("id_column", "time_column", "group_column", "feature_columns", "label_column")
_GENERATED = ("copy", "adding")
# The model computes in float32, which ends at 3.4e38, and the variance is of squares.
LARGEST = 1e18


def refuse_wrong_options(name, options):
    """Refuse options out of range, and flags that mean nothing for this source.

    Raises:
        UserError: with the flag and what is accepted.
    """
    for flag, least in (("window", 1), ("stride", 1), ("sample_rate", 1000), ("mel_bands", 1), ("length", 2), ("examples", 10)):
        value = getattr(options, flag)
        if value is not None and value < least:
            raise UserError(f"--{flag.replace('_', '-')} must be at least {least}, got {value}")
    if options.stride and not options.window:
        raise UserError(f"--stride {options.stride} needs --window, the steps of a window")
    if options.missing not in METHODS:
        raise UserError(f"--missing must be one of {', '.join(METHODS)}, got {options.missing!r}")
    columns = [flag for flag in _TABLE_FLAGS if getattr(options, flag)]
    if columns and not name.startswith(("csv:", "folder:")):
        raise UserError(f"--{columns[0].replace('_', '-')} is for csv:PATH and folder:PATH; {name} has no columns")
    if options.weight_column and not name.startswith(("csv:", "npz:")):
        raise UserError(f"--weight-column is for csv:PATH, and for npz:PATH as the name of an array; {name} has no weights")
    if name == "adding" and not options.numbers:
        raise UserError("adding has numbers to predict, not classes; try hornbook regression --dataset adding")
    if name in _GENERATED and options.window:
        raise UserError(f"--window would cut off the beginning of each series, which {name} asks for; pass --length for shorter series")


def refuse_wrong_series(name, parts, feature_names, options, class_names):
    """Refuse parts without series, another number of features, values that cannot be computed with, and labels that do not fit.

    Args:
        name: of the dataset.
        parts: dict of lists of `source.Series`.
        feature_names: tuple of text.
        options: `source.Options`.
        class_names: the classes in their order, or None: those of training.

    Returns:
        The class names, a tuple; empty where numbers are predicted.

    Raises:
        UserError: with the first place.
    """
    for part, series in parts.items():
        if not series:
            raise UserError(f"{name} has no series in its {part} part; add some, or remove the part")
        for one in series:
            _refuse_wrong_values(one, feature_names, options)
    if options.numbers:
        return ()
    if not options.labelled:
        return (UNLABELLED,)
    if class_names is None:
        first = parts.get("train") or parts["all"]
        class_names = naming.in_order({one.label for one in first})
        _refuse_one_class_spelt_twice(first, class_names)
    class_names = tuple(class_names)
    if len(class_names) < 2:
        raise UserError(f"{name} has one class, {class_names[0]!r}; at least two are needed")
    known = set(class_names)
    for series in parts.values():
        for one in series:
            if one.label not in known:
                raise UserError(f"{one.unit}: the class {one.label!r} is unknown in training; accepted are {naming.some(class_names)}")
    return class_names


def _refuse_wrong_values(one, feature_names, options):
    if one.values.shape[1] != len(feature_names):
        raise UserError(
            f"{one.unit} has {one.values.shape[1]} features, the others {len(feature_names)} ({naming.some(feature_names)}); "
            "all series must have the same"
        )
    if not len(one.values):
        raise UserError(f"{one.unit} has no steps; add values, or remove it")
    too_large = np.abs(one.values) > LARGEST
    if too_large.any():
        step, feature = np.argwhere(too_large)[0].tolist()
        raise UserError(f"{one.place(step, feature)} is infinite or beyond {LARGEST:g}; accepted are numbers up to that size")
    if options.missing == "refuse":
        missing = np.isnan(one.values)
        if missing.any():
            step, feature = np.argwhere(missing)[0].tolist()
            more = f" ({int(missing.sum())} in this series)" if missing.sum() > 1 else ""
            raise UserError(f"{one.place(step, feature)} is missing{more}; fill it in, or pass --missing interpolate or --missing mask")


def _refuse_one_class_spelt_twice(series, class_names):
    found = naming.spelt_twice(class_names)
    if found:
        (other, label, *_), how = found
        units = [next(one.unit for one in series if one.label == name) for name in (other, label)]
        raise UserError(f"the classes {other!r} ({units[0]}) and {label!r} ({units[1]}) {how}; spell them alike")


def refuse_lost_classes(name, train, class_names):
    """Refuse windows that leave a class without any.

    Raises:
        UserError: with the class.
    """
    lost = np.flatnonzero(np.bincount(train.labels, minlength=len(class_names)) == 0)
    if len(lost):
        raise UserError(f"{name}: class {class_names[lost[0]]} has no stretch as long as a window in training; pass a shorter --window")
