"""What recipes that classify share: the options of their loss and of classes of unequal size, and what these come to for a dataset."""

import dataclasses
from typing import Annotated, Literal

import numpy as np

from hornbook import UserError
from hornbook.data.selection import weights as of_examples
from hornbook.data.tables import synthetic
from hornbook.evaluation import thresholds
from hornbook.recipes import robust_groups
from hornbook.recipes.ranges import NOT_NEGATIVE, POSITIVE, SHARE, Auto, Range

# What recipes take whose examples have one class each, and are no rows of a table.
ONE_CLASS = {
    "loss": ("auto", "cross-entropy", "focal", "ldam"),
    "sampling": ("none", "oversample", "undersample", "balanced-batches"),
}


_RARER = 0.5  # Examples of the first of two classes for one of the second: of fewer it may be the one that is looked for.
_MAKE_UP = ("class_weights", "logit_adjustment", "sampling")  # For rare classes, each in full.


@dataclasses.dataclass(frozen=True, kw_only=True)
class Classification:
    """What the loss of a classifier takes, and what is done about rare classes."""

    loss: Literal["auto", "cross-entropy", "focal", "ldam", "binary", "multi-label"] = "auto"
    """auto: multi-label for several label columns, else cross-entropy. focal counts less what the network is sure of; ldam wants rare
    classes to be ahead by larger margins (one class an example); binary is for two classes, with one logit."""
    focal_gamma: Annotated[float, NOT_NEGATIVE] = 2.0
    """How much less --loss focal counts what the network is sure of; 0 is cross-entropy."""
    label_smoothing: Annotated[float, SHARE] | Auto = "auto"
    """Share of each label that is spread over all classes, such as 0.1. auto: 0, or as the model was measured."""
    class_weights: Literal["none", "balanced", "effective"] = "none"
    """Weigh the loss of rare classes more: by 1 / count, or by the effective number of samples. Of several labels an example, each label's
    zeros and ones are weighed as two classes. The mean weight is 1."""
    class_weights_beta: Annotated[float, SHARE] = 0.999
    """Of the effective number of samples: 0 weighs all classes alike, towards 1 it becomes balanced."""
    defer_class_weights: Annotated[float, SHARE] = 0.0
    """Share of the epochs after which the weights count, such as 0.8; until then all are 1 (deferred reweighting, Cao et al. 2019)."""
    logit_adjustment: Literal["none", "training", "after"] = "none"
    """Answer as if all classes were equally frequent: by adding the logarithms of their shares to the logits in the loss (training; this is
    balanced softmax too), or by subtracting them from the outputs of the saved model (after), which costs no training."""
    logit_adjustment_strength: Annotated[float, POSITIVE] = 1.0
    """Factor on these logarithms; above 1 rare classes are preferred."""
    sampling: Literal["none", "oversample", "undersample", "balanced-batches", "smote"] = "none"
    """Which training examples an epoch has. oversample: as many of every class as the largest has; undersample: as the smallest has, others
    each epoch; balanced-batches: as many as there are, in batches of equally many of each class; smote (of tables): as oversample, the
    further rows made between neighbours, by pip install 'hornbook[imbalance]'."""
    threshold: str = "none"
    """What the probability above which the second of two classes is predicted, or each of several labels, is chosen for on the validation
    part: f1, balanced-accuracy, mcc, precision:0.95 or recall:0.9 (at least so much, and as much of the other as can be had), or cost:1:20
    (of a false alarm and of a miss). It is saved with the run. none: 0.5."""
    positive_class: str | None = None
    """Of two classes the one that is looked for: whose average precision is reported, and whose F1, precision, recall and misses
    --threshold is about. Default: the second by name."""
    teacher: str | None = None
    """The folder of a finished run on the same classes, or of `hornbook ensemble`, whose probabilities the network learns from beside the
    labels (distillation, Hinton et al. 2015): to make a smaller network as good as a large one. Its network may be of any family."""
    temperature: Annotated[float, Range(0, 1000, above=True)] = 4.0
    """With --teacher: by which the logits of both are divided while the network learns, so that what the teacher says of the wrong classes
    counts; 4 is usual where logits are far apart, 1 leaves the probabilities as they are."""
    distillation_weight: Annotated[float, Range(0, 1, through=True)] = 0.9
    """With --teacher: its share in the loss; the labels have the rest. 1: labels do not count."""
    temperature_scaling: bool = False
    """Divide the outputs by a number that is fitted on the validation part, so that the network is as sure as it is right (Guo et al.
    2017). It is a layer of the saved model."""


def check(args):
    """Refuse options of `Classification` that do not go together, in the words of a flag.

    Raises:
        UserError: with what to pass.
    """
    needed = {
        "focal_gamma": (args.loss == "focal", "--loss focal", f"--loss {args.loss}"),
        "class_weights_beta": (args.class_weights == "effective", "--class-weights effective", f"--class-weights {args.class_weights}"),
        "defer_class_weights": (args.class_weights != "none", "--class-weights balanced or effective", "--class-weights none"),
        "logit_adjustment_strength": (args.logit_adjustment != "none", "--logit-adjustment training or after", "--logit-adjustment none"),
        "temperature": (args.teacher is not None, "--teacher RUN", "none"),
        "distillation_weight": (args.teacher is not None, "--teacher RUN", "none"),
    }
    for name, (there, wanted, given) in needed.items():
        if getattr(args, name) != getattr(type(args), name) and not there:
            raise UserError(f"--{name.replace('_', '-')} {getattr(args, name):g} is for {wanted}, got {given}; pass that too")
    given = [f"--{name.replace('_', '-')} {getattr(args, name)}" for name in _MAKE_UP if getattr(args, name) != "none"]
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)} both make up for rare classes, and would do it twice; pass one of them")
    adjusted = f"--logit-adjustment {args.logit_adjustment}"
    if args.logit_adjustment != "none" and args.loss == "multi-label":
        raise UserError(f"{adjusted} is for one class an example, got --loss multi-label; pass --class-weights balanced in its place")
    if args.logit_adjustment == "after" and args.threshold != thresholds.NONE:
        raise UserError(f"{adjusted} and --threshold {args.threshold} both move the decision between classes; pass one of them")
    if args.defer_class_weights and args.minutes is not None:
        deferred = f"--defer-class-weights {args.defer_class_weights:g}"
        raise UserError(f"{deferred} counts epochs, which --minutes {args.minutes:g} may cut off; pass one of them")
    if args.sampling == "smote" and getattr(args, "weight_column", None):
        raise UserError(f"--sampling smote makes rows that have no weight, got --weight-column {args.weight_column}; pass one of them")
    if args.sampling == "smote":
        synthetic.require()
    thresholds.parse(args.threshold)


def sampling(args):
    """The `--sampling` of a recipe's options; of those that have none "none"."""
    return getattr(args, "sampling", "none")


def steps(args, train):
    """The updates of an epoch.

    Args:
        args: a recipe's options, the batch size no "auto".
        train: the training part, or its tokens.
    """
    from hornbook.data import batches

    return batches.steps_per_epoch(train, args.batch_size, sampling(args))


def last_layer(args):
    """How a network ends, arguments of `training.builders`: LDAM, whose margins are distances, wants cosines, times its scale."""
    return {"cosine_scale": 30.0 if args.loss == "ldam" else None}


@dataclasses.dataclass(frozen=True)
class Objective:
    """What a classifier is trained for, and how its outputs are read.

    Attributes:
        loss, accuracy: for `compile`.
        read_as: how outputs are read, the `loss` of `labels.json`: "cross-entropy", "binary" or "multi-label".
        num_outputs: of the network.
        num_classes: as `data.training_batches` takes it.
        feed: further arguments of `data.training_batches`.
        shift: by which logits are adjusted, float array `(outputs,)`, or None.
        after: whether the network is adjusted after its training.
        positive_class: the one that was named, or None.
    """

    loss: object
    accuracy: object
    read_as: str
    num_outputs: int
    num_classes: int | None
    feed: dict
    shift: object
    after: bool
    positive_class: str | None

    @property
    def about(self):
        """What `labels.json` has of it: how outputs are read, and the class that is looked for where one was named."""
        return {"loss": self.read_as, **({} if self.positive_class is None else {"positive_class": self.positive_class})}

    def finished(self, network):
        """The trained network, adjusted where it was not trained so."""
        from hornbook.training import imbalance

        return imbalance.adjusted(network, self.shift) if self.after else network

    def beside(self, classical):
        """A classical model as it is mixed with the network, adjusted as the network is."""
        from hornbook.training import imbalance

        return classical if self.shift is None else imbalance.AdjustedClassical(classical, self.shift)


def objective(args, dataset, teacher=None):
    """The `Objective` of a recipe's options for a dataset.

    Args:
        args: none of them "auto" but the loss.
        dataset: of classification or multi-label.
        teacher: `training.learned.distillation.Teacher`, or None.

    Raises:
        UserError: a loss, weights or an adjustment that do not fit the labels.
    """
    from hornbook.training import imbalance, losses

    labels, num_classes, counts_for = dataset.train.labels, dataset.num_classes, of_examples.of_training(dataset)
    if counts_for is not None and args.sampling == "smote":
        raise UserError("--sampling smote makes rows that have no weight, and the training rows have weights; pass another --sampling")
    read_as = losses.choose_classification(args.loss, dataset.task, num_classes)
    num_outputs = losses.num_outputs(read_as, num_classes)
    by_class = imbalance.class_weights(labels, num_classes, args.class_weights, args.class_weights_beta)
    several, shift = dataset.task == "multi-label", None
    if args.logit_adjustment != "none":
        shift = imbalance.logit_shift(labels, num_classes, args.logit_adjustment_strength, num_outputs=num_outputs, weights=counts_for)
    loss, accuracy = losses.classification(
        read_as,
        args.label_smoothing,
        focal_gamma=args.focal_gamma if args.loss == "focal" else None,
        margins=losses.margins([(labels == label).sum() for label in range(num_classes)]) if args.loss == "ldam" else None,
        shift=shift if args.logit_adjustment == "training" else None,
        each_label=several and by_class is not None,
        distillation=None if teacher is None else (args.temperature, args.distillation_weight),
    )
    return Objective(
        loss,
        accuracy,
        read_as,
        num_outputs,
        None if several else num_outputs,
        {
            "class_weights": by_class,
            "weights_from": round(args.defer_class_weights * args.epochs),
            "sampling": args.sampling,
            "example_weights": counts_for,
            "teacher": teacher,
            **robust_groups.feed(args, dataset),
        },
        shift,
        args.logit_adjustment == "after",
        args.positive_class,
    )


def notes(args, dataset):
    """What is to be known of the class that is looked for, sentences: nothing, or that it is not the rarer one.

    Args:
        args: a recipe's options, of classes or of numbers.
        dataset: loaded as they say.

    Raises:
        UserError: a `--positive-class` that is none of two classes.
    """
    if not isinstance(args, Classification):
        return []
    names, named = tuple(map(str, dataset.class_names)), args.positive_class
    if dataset.task != "classification" or len(names) != 2:
        if named is not None:
            what = f"{len(names)} labels an example" if dataset.task == "multi-label" else f"{len(names)} classes"
            raise UserError(f"--positive-class {named} is for two classes, and there are {what}; leave it out")
        return []
    if named is not None and named not in names:
        raise UserError(f"--positive-class {named} is none of the classes; accepted are {' and '.join(names)}")
    counts = np.bincount(dataset.train.labels, minlength=2)
    if named is not None or counts[0] >= _RARER * counts[1]:
        return []
    aim = thresholds.parse(args.threshold)
    both = aim is not None and aim.name not in ("balanced-accuracy", "mcc")
    about = f"average precision and --threshold {args.threshold} are" if both else "average precision is"
    told = f"the class {names[0]} is the rarer one, with {counts[0]:,} of {counts.sum():,} training examples, and {about} about {names[1]}"
    return [f"{told}, the second by name; pass --positive-class {names[0]} if that is the one to find"]
