"""`--prune` and `--prune-channels`: weights or whole channels that go while a network trains."""

import random

from hornbook import UserError, files
from hornbook.recipes.networks import weights

_FEWEST = 4  # Epochs: of fewer all is pruned at once, and nobody is left to make up for it.


def given(args):
    """The flag by which options prune while a network trains, with its value; None where they do not."""
    flags = [f"--{name.replace('_', '-')} {getattr(args, name):g}" for name in ("prune", "prune_channels") if getattr(args, name)]
    given = flags + ([] if args.prune_as is None else [f"--prune-as {args.prune_as}"])
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)} both prune; pass one of them")
    return flags[0] if flags else None


def check(args):
    """Refuse what would bring weights back that were pruned, or end a training before they are.

    Raises:
        UserError: with what to leave out.
    """
    pruned = given(args)
    if not args.prune and args.prune_scope != "global":
        raise UserError(f"--prune-scope {args.prune_scope} is for --prune SHARE, such as 0.9; pass that too")
    if args.prune_as is not None and not files.given(args.prune_as).is_dir():
        raise UserError(f"--prune-as {args.prune_as}: there is no such folder; accepted is that of a finished run with --prune")
    if not pruned:
        return
    for name in ("ema", "swa", "snapshots"):
        if getattr(args, name):
            raise UserError(f"--{name} {getattr(args, name):g} averages with weights from before {pruned} made them 0; pass one of them")
    if args.early_stopping:
        raise UserError(f"--early-stopping {args.early_stopping} keeps an epoch in which {pruned} may not be done; pass one of them")
    if args.minutes is not None:
        raise UserError(f"{pruned} counts epochs, which --minutes {args.minutes:g} may cut off; pass one of them")


def of(args, model):
    """What prunes a model in its training, a callback with `told` and `finished(model)`; the model is changed to keep its zeros.

    A network that has learned is pruned from the first epoch on, another one once it has begun to learn what matters.

    Args:
        args: a recipe's options, checked and none of them "auto".
        model: that is trained.

    Returns:
        `training.updates.pruning.GradualPruning` or `KeptZeros`, of channels `training.smaller.channels.GradualChannels`, or None.

    Raises:
        UserError: there are too few epochs to prune a little before each, all channels must stay, or another run's network is another.
    """
    if args.prune_as is not None:
        return _as_another(args, model)
    pruned = given(args)
    if not pruned:
        return None
    from hornbook.training.smaller import channels, coupling
    from hornbook.training.updates import pruning

    if args.epochs < _FEWEST:
        raise UserError(f"{pruned} prunes a little more before each epoch, and wants {_FEWEST} or more; got --epochs {args.epochs}")
    options = {"epochs": args.epochs}
    if hasattr(args, "weights") and weights.is_learned(args):
        options["begin"] = 0.0
    if args.prune:
        made = pruning.GradualPruning(args.prune, scope=args.prune_scope, **options)
    else:
        made = channels.GradualChannels(args.prune_channels, **options)
        coupling.Coupling(model)
    pruning.keep_zeros(model)
    return made


def _as_another(args, model):
    from hornbook.inference import finished_run
    from hornbook.training.updates import pruning

    name = f"--prune-as {args.prune_as}"
    try:
        trained, _ = finished_run.open_run(files.given(args.prune_as), as_weights=True)
    except UserError as error:
        raise UserError(f"--prune-as: {error}") from error
    state = random.getstate()
    other = finished_run.load_model(trained)
    random.setstate(state)  # Keras' initializers draw from it.
    pruning.prune_as(model, other, name)
    pruning.keep_zeros(model)
    return pruning.KeptZeros()
