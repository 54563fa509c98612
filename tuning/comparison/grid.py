"""What a comparison trains: levels, the conditions under which they are compared, data sets and seeds; a run for each combination."""

import dataclasses
import itertools
import re
import shlex
import typing
import zlib

from hornbook import UserError, command_line, spelling, terminal
from hornbook.tuning import vary

NAMED = "level"  # The factor of `--levels`.
DEFAULT = "default"  # The level at which an option is left as it is.
_ACCEPTED = "accepted is NAME=A,B,C, such as normalization=batch,none"
_LONGEST = 40  # Letters of a level in the name of a folder.
MOST_RUNS = 10**5


@dataclasses.dataclass(frozen=True)
class Level:
    """One way to train.

    Attributes:
        name: as it is shown, such as "batch".
        options: dict of the recipe's options that it sets, typed.
    """

    name: str
    options: dict


@dataclasses.dataclass(frozen=True)
class Factor:
    """What differs: one option, or several at once; the first level is what the others are compared with."""

    name: str
    levels: tuple


@dataclasses.dataclass(frozen=True)
class Cell:
    """One run.

    Attributes:
        dataset, seed: of the run.
        levels: dict of a factor's name to a level's, those of the first factor first.
        options: all options of the run, JSON values.
        folder: name within the comparison's folder, by what the run is, not by its place: a comparison with more levels finds it again.
    """

    dataset: str
    seed: int
    levels: dict
    options: dict
    folder: str


def vary_factor(written, recipe):
    """The factor of `--vary NAME=A,B,C`: the option's values, each in the option's type.

    Args:
        written: as above; `default` is the option left as it is; of an option that takes several values they stand with blanks between.
        recipe: the recipe's module.

    Raises:
        UserError: there is no such option, or it does not take such a value.
    """
    name, words = vary.name_of(written), [word.strip() for word in written.partition("=")[2].split(",")]
    if not words[0] or "" in words:
        raise UserError(f"--vary {written}: {_ACCEPTED}")
    _refuse_unknown(name, recipe)
    if len(set(words)) < max(2, len(words)):
        raise UserError(f"--vary {written}: two or more different values are needed, got {', '.join(words)}")
    hint = typing.get_type_hints(recipe.Args, include_extras=True)[name]
    return Factor(name, tuple(Level(word, {} if word == DEFAULT else {name: _value(written, name, word, hint, recipe)}) for word in words))


def _value(written, name, word, hint, recipe):
    """A word as the value of an option: a number where it is one, else a truth, else the word."""
    kinds = vary.alternatives(hint)
    several = any(typing.get_origin(kind) is tuple for kind in kinds)
    pieces = [_plain(piece) for piece in word.split()] if several else _plain(word)
    for candidate in (pieces, word):
        try:
            [value] = command_line.of_their_types(recipe.Args, {name: candidate}, "--vary").values()
            return value
        except UserError as error:
            refused = error
    raise UserError(str(refused).replace("--vary:", f"--vary {written}:", 1))


def _plain(word):
    """A word as JSON has it: a whole number, a truth, a number or a text."""
    if re.fullmatch(r"[+-]?\d{1,300}", word, re.ASCII):
        return int(word)
    truth = {"true": True, "yes": True, "false": False, "no": False}.get(word.lower())
    if truth is not None:
        return truth
    try:
        return word if word.isalpha() else float(word)  # `nan` and `infinity` are words.
    except ValueError:
        return word


def levels_factor(written, parse, base):
    """The factor of `--levels`: whole sets of options, each with a name.

    Args:
        written: texts such as `plain` and `weighted: --class-weights balanced`; one without a colon is the command as it is.
        parse: function from words of a command line to the recipe's options.
        base: the options of the words that all levels share.

    Raises:
        UserError: fewer than two, two of one name, or options that there are not.
    """
    levels = []
    for text in written:
        name, _, flags = text.partition(":")
        if re.search(r"(^|\s)--", name):
            raise UserError(f"--levels {text!r}: flags stand behind a colon, such as 'weighted: --class-weights balanced'")
        try:
            words = shlex.split(flags)
        except ValueError as error:
            raise UserError(f"--levels {text!r}: {error}; accepted is NAME: FLAGS, quoted as in a shell") from None
        try:
            found = parse(words)
        except UserError as error:
            raise UserError(f"--levels {text!r}: {error}") from error
        values, shared = command_line.to_config("", found), command_line.to_config("", base)
        changed = {key: value for key, value in values.items() if value != shared[key]}
        reserved = next((key for key in changed if key in vary.RESERVED), None)
        if reserved:
            raise UserError(f"--levels {text!r}: the comparison sets --{reserved.replace('_', '-')} itself; leave it out")
        levels.append(Level(name.strip(), changed))
    names = [level.name for level in levels]
    if len(names) < 2 or len(set(names)) < len(names) or "" in names:
        raise UserError(
            f"--levels needs two or more different names, such as plain 'weighted: --class-weights balanced', got {', '.join(names)}"
        )
    return Factor(NAMED, tuple(levels))


def given_factor(name, levels, recipe):
    """The factor of levels given in Python: `levels` is a dict of a level's name to a dict of options.

    Raises:
        UserError: fewer than two levels, or options that there are not.
    """
    if len(levels) < 2:
        raise UserError(f"{name} has {len(levels)} levels; two or more different ones are needed")
    for options in levels.values():
        for option in options:
            _refuse_unknown(option, recipe)
    typed = {level: command_line.of_their_types(recipe.Args, options, f"{name} {level}") for level, options in levels.items()}
    return Factor(name, tuple(Level(level, options) for level, options in typed.items()))


def _refuse_unknown(name, recipe):
    if name not in {field.name for field in dataclasses.fields(recipe.Args)} or name in vary.RESERVED:
        vary.refuse(name, recipe)


def cells(factors, datasets, seeds, base, *, new_splits=False):
    """All runs, seed by seed, so that after the first seed each level has a score.

    Args:
        factors: list of `Factor`.
        datasets: names, as of `--dataset`.
        seeds: integers.
        base: the options that all runs share, JSON values.
        new_splits: whether each seed has a split of its own.

    Raises:
        UserError: two factors set one option, or there are too many runs.
    """
    count = len(datasets) * len(seeds)
    for factor in factors:
        count *= len(factor.levels)
    if count > MOST_RUNS:
        raise UserError(f"{count:,} runs are more than the {MOST_RUNS:,} that a comparison has at most; pass fewer levels or seeds")
    for first, second in itertools.combinations(factors, 2):
        twice = _options_of(first) & _options_of(second)
        if twice:
            raise UserError(f"{first.name} and {second.name} both set {min(twice)}; leave it out of one")
    made = []
    for seed, dataset in itertools.product(seeds, datasets):
        for levels in itertools.product(*(factor.levels for factor in factors)):
            own = {"dataset": dataset, "seed": seed, **({"split_seed": seed} if new_splits else {})}
            for level in levels:
                own.update(level.options)
            names = {factor.name: level.name for factor, level in zip(factors, levels, strict=True)}
            made.append(Cell(dataset, seed, names, {**base, **own}, _folder(dataset, names, seed, own)))
    return made


def _options_of(factor):
    return {name for level in factor.levels for name in level.options}


def _folder(dataset, levels, seed, options):
    """A name that says what the run is, and a checksum of its own options, by which two of a comparison are never taken for one."""
    words = [re.sub(r"[^a-z0-9.]+", "-", word.lower()).strip("-.")[:_LONGEST] for word in (dataset, *levels.values())]
    compared = sorted((name, repr(value)) for name, value in options.items())
    return f"{'_'.join(word or 'x' for word in words)[:150]}_seed-{seed}_{zlib.crc32(repr(compared).encode()):08x}"


@spelling.as_flags()
def check(cells, recipe):
    """Refuse a combination that the recipe refuses, levels that are the same, and data sets that there are not, before any is trained.

    Args:
        cells: as of `cells`.
        recipe: the recipe's module.

    Raises:
        UserError: with the first combination that it does not take.
    """
    checked, seen = set(), {}
    for cell in cells:
        same = seen.setdefault(repr(sorted(cell.options.items())), cell)
        if same is not cell:
            one, other = (" and ".join(f"{name} {level}" for name, level in each.levels.items()) for each in (same, cell))
            raise UserError(f"{one} is the same as {other}: all options are equal; leave one out")
        key = (cell.dataset, *cell.levels.items())
        if key in checked:
            continue
        checked.add(key)
        told = ", ".join(f"{name} {level}" for name, level in key[1:])
        try:
            args = recipe.Args(**command_line.of_their_types(recipe.Args, cell.options, "the comparison"))
            recipe.check(args)
        except UserError as error:
            raise UserError(f"{terminal.shortened(told)}: {error}") from error
        recipe.check_name(args)
