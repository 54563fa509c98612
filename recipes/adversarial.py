"""Training on attacked examples: the options of recipes that classify images, series and tables, and what these come to for a dataset."""

import dataclasses
from typing import Annotated, Literal

import numpy as np

from hornbook import UserError
from hornbook.recipes.ranges import AT_LEAST_1, POSITIVE
from hornbook.training.adversarial import box as boxes

_WATCHED = 256  # Validation examples that are attacked after each epoch.


@dataclasses.dataclass(frozen=True, kw_only=True)
class Adversarial:
    """Training on examples that were changed a little so that the network errs."""

    adversarial: Literal["none", "fgsm", "pgd", "trades"] = "none"
    """Attack each batch before learning from it. fgsm: one step from a random place, twice the time, and with larger --epsilon the risk
    that the network resists this attack alone, which the diagnosis looks for; pgd: many steps; trades: examples as they are, and that
    attacked ones are judged alike."""
    epsilon: str | None = None
    """How far each number may be moved, with --adversarial. Of images on a scale from 0, black, to 1, white, such as 8/255; of series and
    tables in standard deviations of each feature, such as 0.1."""
    attack_steps: Annotated[int, AT_LEAST_1] | None = None
    """Steps of each attack. Default: 7 for pgd (Madry et al. 2018), 10 for trades (Zhang et al. 2019); fgsm has one."""
    attack_step_size: Annotated[float, POSITIVE] | None = None
    """Size of a step, as a share of --epsilon. Default: 1.25 for fgsm (Wong et al. 2020), else 2.5 / steps."""
    trades_beta: Annotated[float, POSITIVE] = 6.0
    """How much --adversarial trades counts that attacked examples are judged alike: 1 to 10; more is more robust and less accurate."""


def check(args):
    """Refuse options that do not go together, in the words of a flag.

    Args:
        args: a recipe's options.

    Raises:
        UserError: with what to pass.
    """
    method = args.adversarial
    if method == "none":
        for name in ("epsilon", "attack_steps", "attack_step_size", "trades_beta"):
            value = getattr(args, name)
            if value != getattr(type(args), name):
                raise UserError(f"--{name.replace('_', '-')} {value} is for --adversarial fgsm, pgd or trades, got none; pass that too")
        return
    if args.epsilon is None:
        raise UserError(f"--adversarial {method} needs --epsilon: how far each number may be moved, such as --epsilon 0.03")
    boxes.epsilon(args.epsilon)
    if args.teacher is not None:
        raise UserError(f"--adversarial {method} learns from attacked examples, which --teacher was not asked about; leave one of them out")
    if method == "fgsm" and args.attack_steps not in (None, 1):
        raise UserError(
            f"--attack-steps {args.attack_steps} is for --adversarial pgd or trades; fgsm is one step: pass another, or leave it out"
        )
    if args.trades_beta != type(args).trades_beta and method != "trades":
        raise UserError(f"--trades-beta {args.trades_beta:g} is for --adversarial trades, got {method}; pass that too")


def is_asked_for(args):
    """Whether a recipe has these options, and attacks its batches."""
    return getattr(args, "adversarial", "none") != "none"


def box(args, dataset):
    """How far each number of an example may be moved, `box.Box`.

    Args:
        args: a recipe's options, which attack its batches.
        dataset: of images, series or tables.

    Raises:
        UserError: an epsilon of another scale, or nothing to move.
    """
    radius = boxes.epsilon(args.epsilon)
    if dataset.medium == "images":
        white = dataset.pixel_maximum
        boxes.refuse_scale(args.epsilon, radius, white)
        return boxes.Box(np.float32(radius * white), 0.0, float(white))
    if dataset.medium == "series":
        deviation = np.sqrt(dataset.train.moments()[1])
        deviation[len(dataset.preprocessing["features"]) :] = 0  # Marks of missing values.
    else:
        numbers = len(dataset.encoding.numbers)
        if not numbers:
            raise UserError(f"{dataset.name} has categories alone, which --adversarial does not change; leave it out")
        inputs = dataset.train.inputs
        deviation = np.zeros(inputs.shape[1])
        deviation[:numbers] = [np.std(inputs[:, place], dtype=np.float64) for place in range(numbers)]
    return boxes.Box((radius * deviation).astype(np.float32))


def prepare(args, model, trained, dataset):
    """Have a network's `fit` attack its batches where the options say so.

    Args:
        args: a recipe's options, none of them "auto".
        model: the whole network.
        trained: what of it is trained.
        dataset: of classification.

    Raises:
        UserError: an epsilon of another scale, several labels an example, or a head alone that is trained on features.
    """
    from hornbook.training.adversarial.training import adversarial_training

    if not is_asked_for(args):
        return
    if dataset.task != "classification":
        raise UserError(
            f"--adversarial {args.adversarial} is for one class an example, and {dataset.name} has several labels; leave it out"
        )
    if trained is not model:
        raise UserError(f"--adversarial {args.adversarial} changes inputs, and the output layer alone is trained; pass --unfreeze all too")
    options = {"steps": args.attack_steps, "share": args.attack_step_size, "beta": args.trades_beta, "seed": args.seed}
    adversarial_training(model, args.adversarial, box(args, dataset), **options)


def watch(args, fitting, validation, dataset, **as_batches):
    """Have the validation examples attacked after each epoch, by one step and by several: two more columns of the history.

    Args:
        args: a recipe's options.
        fitting: `running.Fitting`, whose callbacks it joins.
        validation: part of the dataset, or None: then there is nothing to watch.
        dataset: of classification.
        as_batches: `length` of `batches.some_arrays`.
    """
    from hornbook.data import batches
    from hornbook.training.adversarial.watching import RobustAccuracy

    if not is_asked_for(args) or validation is None:
        return
    x, labels = batches.some_arrays(validation, most=_WATCHED, num_classes=dataset.num_classes, **as_batches)
    # Before the history, which keeps what it adds.
    fitting.fit["callbacks"].insert(1, RobustAccuracy(np.asarray(x, np.float32), labels.argmax(axis=1), box(args, dataset), seed=args.seed))
