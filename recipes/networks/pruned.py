"""`--prune` and `--prune-channels`: weights or whole channels that go while a network trains."""

from hornbook import UserError
from hornbook.recipes.networks import weights

_FEWEST = 4  # Epochs: of fewer all is pruned at once, and nobody is left to make up for it.


def given(args):
    """The flag by which options prune, with its value; None where they do not."""
    flags = [f"--{name.replace('_', '-')} {getattr(args, name):g}" for name in ("prune", "prune_channels") if getattr(args, name)]
    if len(flags) > 1:
        raise UserError(f"{' and '.join(flags)} both prune; pass one of them")
    return flags[0] if flags else None


def check(args):
    """Refuse what would bring weights back that were pruned, or end a training before they are.

    Raises:
        UserError: with what to leave out.
    """
    pruned = given(args)
    if not args.prune and args.prune_scope != "global":
        raise UserError(f"--prune-scope {args.prune_scope} is for --prune SHARE, such as 0.9; pass that too")
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

    A network that has learned is pruned from the first epoch on, another one from a fifth of them, when it has learned what matters.

    Args:
        args: a recipe's options, checked and none of them "auto".
        model: that is trained.

    Returns:
        `training.updates.pruning.GradualPruning`, of channels `training.smaller.channels.GradualChannels`, or None.

    Raises:
        UserError: there are too few epochs to prune a little before each, or all channels must stay.
    """
    pruned = given(args)
    if not pruned:
        return None
    from hornbook.training.smaller import channels, coupling
    from hornbook.training.updates import pruning

    if args.epochs < _FEWEST:
        raise UserError(f"{pruned} prunes a little more before each epoch, and wants {_FEWEST} or more; got --epochs {args.epochs}")
    options = {"epochs": args.epochs, "begin": 0.0 if hasattr(args, "weights") and weights.is_learned(args) else pruning.BEGIN}
    if args.prune:
        made = pruning.GradualPruning(args.prune, scope=args.prune_scope, **options)
    else:
        made = channels.GradualChannels(args.prune_channels, **options)
        coupling.Coupling(model)
    pruning.keep_zeros(model)
    return made
