"""The numbers that options take. Each has an upper end, too: beyond it, a flag was mistyped, or asks for what no machine has.

What several options make together, such as depth and width, is compared with the memory that there is, before anything slow is imported.
"""

import dataclasses
import math
import typing

from hornbook import UserError, memory

Auto = typing.Literal["auto"]  # The value of an option that is chosen by what the data are, see `defaults`.


@dataclasses.dataclass(frozen=True)
class Range:
    """The numbers that an option takes: from `low` to below `high`, unless told otherwise."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    """Whether `low` itself is too low."""
    through: bool = False
    """Whether `high` itself is accepted."""

    def accepts(self, value):
        """Whether a number lies in it; NaN does not."""
        return (self.low < value if self.above else self.low <= value) and (value <= self.high if self.through else value < self.high)

    def __str__(self):
        low = f"more than {self.low}" if self.above else f"at least {self.low}"
        if self.high == math.inf:
            return low + (" and finite" if self.above else "")
        return f"{low} and {'at most' if self.through else 'less than'} {self.high}"


# Factors. The square of a larger one, and what it multiplies, is beyond float32.
NOT_NEGATIVE, POSITIVE, SHARE, TO_1 = Range(0, 1e18), Range(0, 1e18, above=True), Range(0, 1), Range(0, 1, through=True)
# Counts. A million epochs, steps or examples is more than anybody waits for, and products of a few such counts fit into 64 bits.
AT_LEAST_1, UP_FROM_0 = Range(1, 10**6), Range(0, 10**6)
FEW = Range(1, 10**4)  # Runs, folds or processors: ten thousand are more than anybody has.
SEED = Range(0, 2**32)  # Of NumPy and scikit-learn.
# A weight, its gradient and the two averages of an optimizer such as adam, in float32.
_BYTES_A_WEIGHT = 16
# A layer's part in the graph of a training, at least: a stack of 1,001 layers at a quarter of the usual width took 2.4 GB.
_BYTES_A_LAYER = 2**18


def of(hint):
    """The `Range`s of a type, those of its alternatives and of a tuple's items among them."""
    own = [part for part in getattr(hint, "__metadata__", ()) if isinstance(part, Range)]
    return own + [found for part in typing.get_args(hint) for found in of(part)]


def check_numbers(args):
    """Refuse numbers out of the range of their option.

    Args:
        args: options, a dataclass whose annotations have a `Range`.

    Raises:
        UserError: with the flag and what is accepted.
    """
    for name, hint in typing.get_type_hints(type(args), include_extras=True).items():
        given = getattr(args, name)
        for value in given if isinstance(given, tuple) else (given,):
            for accepted in of(hint):
                if isinstance(value, int | float) and not accepted.accepts(value):
                    raise UserError(f"--{name.replace('_', '-')} must be {accepted}, got {value}")


def check(args):
    """Refuse options out of range, and networks that the memory cannot hold.

    Args:
        args: a recipe's options.

    Raises:
        UserError: with the flag and what is accepted.
    """
    check_numbers(args)
    # Of every family a lower bound, with the smallest defaults: most layers have a kernel of width times width or more.
    depth, width = args.depth or 1, args.width or 1
    weights = max(1, depth - 1) * width**2 * args.members
    what = " ".join(f"--{name} {getattr(args, name)}" for name in ("depth", "width", "members") if getattr(args, name) not in (None, 1))
    memory.require(_BYTES_A_WEIGHT * weights + _BYTES_A_LAYER * depth, what, "pass less of one")
