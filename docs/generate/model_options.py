"""Write the tables of every family of models against every option into docs/models.md, from the builders themselves.

python docs/generate/model_options.py

The tables stand between `<!-- options -->` and `<!-- end of options -->`; what is around them stays as it is.
"""

import pathlib
import re

import keras

from hornbook import models

PAGE = pathlib.Path(__file__).parents[1] / "models.md"
FAMILIES = sorted({models.family(name) for name in models.names()})
_SECTION = re.compile(r"(?<=<!-- options -->\n)(.*?)(?=<!-- end of options -->)", re.DOTALL)
_SHAPES = {**dict.fromkeys(("mlp", "tabm", "text_transformer"), (4,))}
_SHAPES |= dict.fromkeys(("airbench", "cnn", "resnet", "vision_transformer"), (8, 8, 1))


def filled(text):
    """A page with its tables of options as they are in this version."""
    return _SECTION.sub(lambda _: f"{defaults()}\n\n{values()}\n", text)


def defaults():
    """The defaults of every option of every family, as a table in Markdown."""
    taken = {family: models.options(family) for family in FAMILIES}
    listed = dict.fromkeys(option for options in taken.values() for option in options if option != "name")
    # What all families have comes first.
    order = sorted(listed, key=lambda option: -sum(option in options for options in taken.values()))
    rows = [_row("option", *(f"`{family}`" for family in FAMILIES)), "|---" * (len(FAMILIES) + 1) + "|"]
    return "\n".join([*rows, *(_row(f"`{option}`", *(_default(family, option) for family in FAMILIES)) for option in order)])


def values():
    """The values of every option that has a list of them, by family, as a table in Markdown; with padding where it makes a difference."""
    rows = [_row("option", "families", "values", "where sequences are padded"), "|---|---|---|---|"]
    for option in sorted({option for family in FAMILIES for option in models.options_with_choices(family)}):
        alike = {}
        for family in FAMILIES:
            if option in models.options_with_choices(family):
                alike.setdefault(_values_of(family, option), []).append(f"`{family}`")
        for (plain, padded), families in alike.items():
            rows.append(_row(f"`{option}`", ", ".join(families), plain, padded))
    return "\n".join(rows)


def _row(*cells):
    return f"| {' | '.join(cells)} |"


def _default(family, option):
    options = models.options(family)
    if option not in options:
        return "-"
    if option == "weight_normalization" and models.choices(family, option) == ("none",):
        return "must be none"
    if option == "stochastic_depth" and _refuses_stochastic_depth(family):
        return "must be 0"
    return f"`{options[option]!r}`"


def _refuses_stochastic_depth(family):
    given = {"vocabulary_size": 2} if family == "text_transformer" else {}
    # A recurrent network has branches to drop where it is residual.
    given |= {"residual": True, "depth": 2} if family == "rnn" else {}
    try:
        with keras.StatelessScope():
            models.build(family, _SHAPES.get(family, (4, 1)), 1, stochastic_depth=0.1, **given)
    except ValueError:
        return True
    return False


def _values_of(family, option):
    plain = models.choices(family, option)
    padded = models.choices(family, option, padded=True) if "padded" in models.options(family) else plain
    return _names(option, plain), "" if padded == plain else _names(option, padded)


def _names(option, names):
    if option == "initializer":
        return "those in `models.INITIALIZERS`"
    if option != "activation":
        return ", ".join(names)
    without = "".join(f" but {name}" for name in models.ACTIVATIONS if name not in names)
    beside = [name for name in names if name not in models.ACTIVATIONS]
    return f"those in `models.ACTIVATIONS`{without}" + (f", and {', '.join(beside)}" if beside else "")


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
