"""Which values of its options a family takes: its builder checks them here, and command lines and searches read them here."""

from hornbook.models.layers.checks import check_choice
from hornbook.models.layers.weight_normalization import WEIGHT_NORMALIZATIONS
from hornbook.models.parts.activations import ACTIVATIONS
from hornbook.models.parts.initializers import INITIALIZERS
from hornbook.models.parts.normalization import NORMALIZATIONS, refuse_groups

# Every family has these. They also take what has no name (a factory, a function, an initializer), so `Parts` checks them.
COMMON = {
    "normalization": tuple(NORMALIZATIONS),
    "weight_normalization": tuple(WEIGHT_NORMALIZATIONS),
    "activation": ACTIVATIONS,
    "initializer": INITIALIZERS,
}


class Choices:
    """The options of a family that have a list of values, and the rules that say which values go together.

    Args:
        values: Dictionary of the names that each option accepts, beside those in `COMMON`.
        *rules: Functions that are called with all options by keyword, and raise a ValueError where some do not go together. Families of
            sequences also pass `padded` (whether there is padding) and `fixed_length` (whether the time is known).
        hints: Dictionary of what to add to the list of values in an error message, by option.
        numbers: Functions likewise, of numbers that do not fit each other, such as a depth and the blocks that it is made of.
    """

    def __init__(self, values, *rules, hints=None, numbers=()):
        self.values = {**COMMON, **{option: tuple(names) for option, names in values.items()}}
        self.rules = (refuse_groups, *rules)
        self._own = tuple(values)
        self._hints = hints or {}
        self.numbers = tuple(numbers)

    def check(self, **chosen):
        """Raise a ValueError where a value is not in its list, or does not go with the others."""
        for option in self._own:
            if option not in COMMON:
                check_choice(option, chosen[option], self.values[option], hint=self._hints.get(option, ""))
        for rule in self.rules:
            rule(**chosen)

    def check_numbers(self, **chosen):
        """Raise a ValueError where numbers do not fit each other, as the builder does. `check` and `of` leave them alone."""
        for rule in self.numbers:
            rule(**chosen)

    def of(self, option, **chosen):
        """Return the names of an option that go with the other options, a tuple."""
        return tuple(name for name in self.values[option] if self._takes(**{**chosen, option: name}))

    def _takes(self, **chosen):
        try:
            self.check(**chosen)
        except ValueError:
            return False
        return True
