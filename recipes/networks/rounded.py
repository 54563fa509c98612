"""`--quantization-aware`: the last epochs are trained with the rounding of int8.

What is saved is float32 all the same; `hornbook export --precision int8` makes it int8, and calibrates it as every other run.
"""

from hornbook import UserError, terminal


def check(args):
    """Refuse what may end a training before it is rounded, or keep a network from before.

    Args:
        args: a recipe's options.

    Raises:
        UserError: with what to leave out.
    """
    given = f"--quantization-aware {args.quantization_aware:g}"
    if not args.quantization_aware:
        return
    if args.early_stopping:
        raise UserError(f"--early-stopping {args.early_stopping} may keep an epoch from before {given} begins; pass one of them")
    if args.minutes is not None:
        raise UserError(f"{given} counts epochs, which --minutes {args.minutes:g} may cut off; pass one of them")


def of(args, model):
    """What rounds a model in its training, `training.smaller.rounding.QuantizationAware`, or None; the model is changed to be able to.

    Args:
        args: a recipe's options, checked and none of them "auto".
        model: that is trained.

    Returns:
        A callback with `told`, for `result.json`.

    Raises:
        UserError: it has no layer that can be rounded.
    """
    if not args.quantization_aware:
        return None
    from hornbook.training.smaller import rounding

    if not rounding.layers_rounded(model):
        raise UserError(
            f"--quantization-aware {args.quantization_aware:g} finds no layer in {args.model} whose kernel it could round; leave it out"
        )
    left = rounding.layers_left(model)
    if left:
        terminal.say(f"note: --quantization-aware leaves the kernels of {', '.join(left)} in float32")
    rounding.may_round(model)
    return rounding.QuantizationAware(args.quantization_aware, args.epochs)
