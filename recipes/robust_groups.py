"""Group DRO (Sagawa et al. 2020): the options of recipes whose examples have groups that must not do badly, and what these come to."""

import dataclasses
from typing import Annotated, Literal

import numpy as np

from hornbook import UserError, terminal
from hornbook.data import naming
from hornbook.data.selection import arranging
from hornbook.evaluation import subgroups
from hornbook.recipes.ranges import NOT_NEGATIVE, POSITIVE

_MOST_GROUPS = 200
_MOST_WATCHED = 4096  # Validation examples that are looked at after each epoch.
_MISSING = "missing"


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupRobust:
    """How training cares for the group that does worst."""

    robust_method: Literal["dro", "balanced", "none"] = "dro"
    """With --robust-column or --robust-pattern. dro: batches have as many examples of each group, and a group that does badly counts more
    (Sagawa et al. 2020); balanced: the first of these alone; none: training is as it would be, and groups are scored."""
    robust_step: Annotated[float, POSITIVE] = 0.01
    """With --robust-method dro: how fast a group with a high loss comes to count more."""
    robust_adjustment: Annotated[float, NOT_NEGATIVE] = 0.0
    """With --robust-method dro: by how much over the square root of its size a group's loss counts as larger, such as 1 to 5, since a small
    group is learned by heart first."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RobustColumn(GroupRobust):
    """Groups by a column of a table."""

    robust_column: str | None = None
    """Train for the worst group, see --robust-method, the groups being each class with each value of this column, such as sex or hospital.
    The column stays a feature unless --id-column leaves it out."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RobustPattern(GroupRobust):
    """Groups by the names of files."""

    robust_pattern: str | None = None
    """Train for the worst group, see --robust-method, the groups being each class with each text that the brackets of this regular
    expression catch in the name of a file, such as '_(land|water)_'. With a slash in it, it is looked for in the whole path."""


def _asked(args):
    """The flag and the value that say what the groups are, or None."""
    for name in ("robust_column", "robust_pattern"):
        if getattr(args, name, None) is not None:
            return f"--{name.replace('_', '-')} {getattr(args, name)}"
    return None


def has_groups(args):
    """Whether a recipe has these options, and scores groups."""
    return _asked(args) is not None


def is_asked_for(args):
    """Whether a recipe has these options, and trains otherwise for its groups."""
    return _asked(args) is not None and args.robust_method != "none"


def check(args):
    """Refuse options that do not go together, in the words of a flag.

    Args:
        args: a recipe's options.

    Raises:
        UserError: with what to pass.
    """
    flag = _asked(args)
    if flag is None:
        name = "robust_column" if hasattr(args, "robust_column") else "robust_pattern"
        for own in ("robust_method", "robust_step", "robust_adjustment"):
            if getattr(args, own) != getattr(type(args), own):
                raise UserError(
                    f"--{own.replace('_', '-')} {getattr(args, own)} is for --{name.replace('_', '-')}, got none; pass that too"
                )
        return
    for own in ("robust_step", "robust_adjustment"):
        if getattr(args, own) != getattr(type(args), own) and args.robust_method != "dro":
            given = f"--{own.replace('_', '-')} {getattr(args, own):g}"
            raise UserError(f"{given} is for --robust-method dro, got {args.robust_method}; leave it out")
    if args.robust_method == "none":
        return
    if args.adversarial != "none" or args.teacher is not None:
        other = "--teacher" if args.teacher is not None else f"--adversarial {args.adversarial}"
        raise UserError(f"{flag} and {other} both change what is learned from; pass one of them")
    for name in ("sampling", "class_weights", "logit_adjustment"):
        if getattr(args, name) != "none":
            given = f"--{name.replace('_', '-')} {getattr(args, name)}"
            raise UserError(f"{flag} draws and weighs groups of each class already, got {given}; leave it out")


def feed(args, dataset):
    """Arguments of `batches.training_batches`, which go before those that have no groups; {} where none are asked for.

    Raises:
        UserError: as `names_of`; or there are too many groups, or one alone.
    """
    if not is_asked_for(args):
        return {}
    _, ids, _ = _training_groups(args, dataset)
    return {"groups": ids, "sampling": "balanced-batches", "with_groups": args.robust_method == "dro"}


def prepare(args, model, dataset):
    """Have a network's `fit` learn for the worst group, where the options say so.

    Args:
        args: a recipe's options, none of them "auto".
        model: what is trained.
        dataset: of classification.
    """
    from hornbook.training.updates.group_robust import group_robust

    if _asked(args) is None:
        return
    names, _, sizes = _training_groups(args, dataset)
    if args.robust_method == "dro":
        group_robust(model, sizes, step=args.robust_step, adjustment=args.robust_adjustment)
    smallest = int(np.argmin(sizes))
    told = f"{len(names)} groups by {_asked(args)}, the smallest {names[smallest]} with {sizes[smallest]:,} of {sizes.sum():,}"
    terminal.say(told)


def watch(args, fitting, validation, dataset):
    """Have the worst group's accuracy on the validation examples in the history, after each epoch.

    Args:
        args: a recipe's options.
        fitting: `running.Fitting`, whose callbacks it joins.
        validation: part of the dataset as it is trained on, or None: then there is nothing to watch.
        dataset: of classification.
    """
    from hornbook.data import batches
    from hornbook.training.updates.group_robust import WorstGroupAccuracy

    if _asked(args) is None or validation is None:
        return
    names, ids = np.unique(names_of(args, dataset, "validation"), return_inverse=True)
    label_of = np.array([validation.labels[np.argmax(ids == group)] for group in range(len(names))])
    by_group = dataclasses.replace(validation, labels=ids.astype(np.int64))
    x, member = batches.some_arrays(by_group, most=_MOST_WATCHED, num_classes=max(2, len(names)))
    groups = member.argmax(axis=1)
    fitting.fit["callbacks"].insert(1, WorstGroupAccuracy(x, label_of[groups], groups))


def told(args, model, dataset):
    """What `result.json` has of it: `group_weights`, the weight of each group at the end, by its name; {} where none are asked for."""
    from hornbook.training.updates.group_robust import group_weights

    if not is_asked_for(args) or args.robust_method != "dro":
        return {}
    names, _, _ = _training_groups(args, dataset)
    return {"group_weights": dict(zip(names.tolist(), map(float, group_weights(model)), strict=True))}


def scored(args, dataset, about, scores, outputs):
    """The scores of a part with those of its groups: `robust_groups`, and `worst_group_accuracy`; as they are where none are asked for.

    Args:
        args: a recipe's options.
        dataset: of classification.
        about: what `labels.json` will hold.
        scores: of the evaluated part.
        outputs: of the model for it.
    """
    if _asked(args) is None:
        return scores
    names, _, sizes = _training_groups(args, dataset)
    known = dict(zip(names.tolist(), sizes.tolist(), strict=True))
    rows = subgroups.by_group(about, dataset.part(args.evaluate).labels, outputs, names_of(args, dataset, args.evaluate))
    rows = [{**row, "training_examples": known.get(row["name"], 0)} for row in rows]
    return {**scores, "worst_group_accuracy": min(row["accuracy"] for row in rows), "robust_groups": rows}


def names_of(args, dataset, part):
    """The group of each example of a part, a text: its class and its value.

    Args:
        args: a recipe's options, which ask for groups.
        dataset: of classification.
        part: name of the part.

    Raises:
        UserError: there is no such column, or no such text in the name of a file; or several labels an example.
    """
    flag = _asked(args)
    if dataset.task != "classification":
        raise UserError(f"{flag} is for one class an example, and {dataset.name} has several labels; leave it out")
    examples = dataset.part(part)
    if getattr(args, "robust_column", None) is not None:
        values = _column(args.robust_column, dataset, part)
    else:
        values = arranging.of_files(getattr(examples, "files", None), args.robust_pattern, dataset.name, flag="--robust-pattern")
    classes = [str(dataset.class_names[label]) for label in examples.labels.tolist()]
    return np.array([f"{one}, {value}" for one, value in zip(classes, values.tolist(), strict=True)])


def _column(name, dataset, part):
    columns = dataset.columns[part]
    if name not in columns.cells:
        raise UserError(f"--robust-column {name} is no column of {columns.name}; it has {naming.some(tuple(columns.cells))}")
    texts = columns.joined(lambda block: block.texts(name))
    return np.array([_MISSING if text is None else text for text in texts.tolist()], object)


def _training_groups(args, dataset):
    """The names of the groups of the training part, the number of each example's, and how many each has."""
    names, ids, sizes = np.unique(names_of(args, dataset, "train"), return_inverse=True, return_counts=True)
    if len(names) > _MOST_GROUPS:
        raise UserError(f"{_asked(args)} makes {len(names):,} groups, {_MOST_GROUPS} at most; pass one with fewer values")
    if len(names) <= dataset.num_classes:
        raise UserError(f"{_asked(args)} makes no groups within the classes: {naming.some(tuple(names.tolist()))}; leave it out")
    return names, ids, sizes
