"""Builders by name, for command lines and searches."""

import difflib
import functools
import inspect
import sys
import types

from hornbook.models.airbench import airbench
from hornbook.models.cnn import cnn
from hornbook.models.cnn1d import cnn1d
from hornbook.models.fcn import fcn
from hornbook.models.inception1d import inception1d
from hornbook.models.layers.checks import check_choice
from hornbook.models.libraries.pretrained import PREFIXES, check_pretrained, pretrained
from hornbook.models.lite import lite
from hornbook.models.mlp import mlp
from hornbook.models.parts.activations import resolve_activation
from hornbook.models.parts.choices import COMMON
from hornbook.models.parts.initializers import resolve_initializer
from hornbook.models.resnet import resnet
from hornbook.models.resnet1d import resnet1d
from hornbook.models.rnn import rnn
from hornbook.models.tabm import tabm
from hornbook.models.transformer import series_transformer, text_transformer
from hornbook.models.vision_transformer import vision_transformer


def _find_builders(families):
    """Return, by name, (builder, family) for each family and for the variants that its file defines; variants have a file of one family."""
    found = {}
    for family in families:
        for name, value in inspect.getmembers(sys.modules[family.__module__], inspect.isfunction):
            defined_here = value.__module__ == family.__module__
            if defined_here and list(inspect.signature(value).parameters)[:2] == ["input_shape", "num_outputs"]:
                found[name] = (value, value if value in families else family)
    return found


_BUILDERS = _find_builders(
    (
        airbench,
        cnn,
        cnn1d,
        fcn,
        inception1d,
        lite,
        mlp,
        resnet,
        resnet1d,
        rnn,
        series_transformer,
        tabm,
        text_transformer,
        vision_transformer,
    )
)


def names():
    """Return the sorted names of the zoo: the families and their named variants. `build` knows those of `pretrained` too.

    Example:
        ```python
        from hornbook import models

        assert "resnet20" in models.names()
        ```
    """
    return sorted(_BUILDERS)


def options(name):
    """Return the options that the builder of this name takes, with its defaults, as a dictionary.

    Example:
        ```python
        from hornbook import models

        assert models.options("cnn")["normalization"] == "batch"
        assert models.options("resnet56")["depth"] == 56
        ```

    Raises:
        ValueError: No builder has this name; the nearest are named.
    """
    builder, family = _look_up(name)
    parameters = inspect.signature(family).parameters.values()
    defaults = {parameter.name: parameter.default for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
    return defaults if builder is family or family is pretrained else {**defaults, **_set_by(builder, family)}


def choices(name, option, /, *, padded=False, **given):
    """Return the values of an option that the builder of this name takes, a tuple of strings.

    Command lines and searches offer these: the builder refuses all others by the same tables. Only inputs that are too small for a value
    (instance normalization of a map that has shrunk to one position), numbers that do not fit (`groups`, `heads`) and
    `zero_init_residual` can still lead to a refusal. Functions, factories and initializers, which have no name, are taken beside them.

    Args:
        name: One of `names()`.
        option: One that has a list of values, such as "normalization", "pooling" or "cell".
        padded: Whether sequences differ in length: there is padding, and the time in the input shape is None. Refused for builders of
            images and tables, which have none.
        **given: Other options that are chosen, where they are not the builder's defaults: "recurrent_normalization" depends on `cell`.

    Raises:
        ValueError: No builder has this name, it does not take an option, or the option has no list of values.

    Example:
        ```python
        from hornbook import models

        assert models.choices("fcn", "pooling") == ("max", "mean", "attention")
        assert "group" not in models.choices("fcn", "normalization", padded=True)
        assert models.choices("rnn", "recurrent_normalization", cell="simple") == ("none",)
        ```
    """
    chosen = _taken(name, {option: None, **given})
    takes = sys.modules[_look_up(name)[1].__module__].TAKES
    if option not in takes.values:
        raise ValueError(f"{option} of {name} has no list of values; those that have one are {', '.join(sorted(takes.values))}")
    if padded and "padded" not in chosen:
        raise ValueError(f"{name} takes no sequences, so padded must be False")
    return takes.of(option, **{**chosen, "padded": padded, "fixed_length": not padded})


def options_with_choices(name):
    """Return the options of this builder that have a list of values, a sorted list; see `choices`.

    Example:
        ```python
        from hornbook import models

        assert "activation" in models.options_with_choices("mlp")
        ```

    Raises:
        ValueError: No builder has this name; the nearest are named.
    """
    return sorted(sys.modules[_look_up(name)[1].__module__].TAKES.values)


def family(name):
    """Return the name of the family that a builder is of: "resnet" for "resnet20".

    Example:
        ```python
        from hornbook import models

        assert models.family("resnet20") == "resnet"
        ```

    Raises:
        ValueError: No builder has this name; the nearest are named.
    """
    return _look_up(name)[1].__name__


def build(name, /, input_shape, num_outputs, **given):
    """Build a model by name: an uncompiled functional `keras.Model` with float32 logits (batch, num_outputs).

    Args:
        name: One of `names()`, or a network of another library as `pretrained` knows it, such as "keras:VGG16".
        input_shape: Sizes without the batch axis, (height, width, channels) for images, (time, features) for series, (time,) for tokens.
        num_outputs: Classes, or values to predict.
        **given: Options of the builder; see `options`. One of them is the model's own `name`.

    Raises:
        ValueError: The name is unknown, the builder does not take an option, or an option is out of range.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.build("resnet20", (8, 8, 1), 10, normalization="group")
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        ```
    """
    builder, _ = _look_up(name)
    _taken(name, given)
    return builder(input_shape, num_outputs, **given)


def check(name, /, **given):
    """Refuse what `build` would refuse whatever the inputs are: the name, options that the builder lacks, values that it does not take.

    What depends on the sizes of the inputs is left to `build`, and so are most numbers out of range.

    Args:
        name: As of `build`.
        **given: Options of the builder.

    Raises:
        ValueError: As `build`.
        ImportError: The name is of a library that is not installed.

    Example:
        ```python
        import pytest
        from hornbook import models

        models.check("resnet", depth=20)
        with pytest.raises(ValueError, match="depth must be 6n"):
            models.check("resnet", depth=21)
        ```
    """
    _, of_family = _look_up(name)
    chosen = _taken(name, given)
    if of_family is pretrained:
        check_pretrained(name, weights=chosen["weights"])
        return
    takes = sys.modules[of_family.__module__].TAKES
    named = {option: value for option, value in chosen.items() if option in COMMON and isinstance(value, str)}
    for option in sorted(option for option, value in named.items() if value not in takes.values[option]):
        if option == "activation":
            resolve_activation(chosen[option])  # Which has reasons against some.
        if option == "initializer":
            resolve_initializer(chosen[option], "relu")
        check_choice(option, chosen[option], takes.values[option])
    takes.check(**{**chosen, "padded": False, "fixed_length": True})
    takes.check_numbers(**chosen)


def _taken(name, given):
    """Return all options of a builder, those given and the defaults of the others."""
    taken = options(name)
    unknown = sorted(set(given) - set(taken))
    if unknown:
        near = difflib.get_close_matches(unknown[0], taken, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name} takes no option {unknown[0]!r}; it takes {', '.join(taken)}{guess}")
    return {**taken, **given}


@functools.cache
def _set_by(builder, family):
    """Return the options that a variant hands to its family: it runs in a copy of its file where the family returns what it is given."""
    file = dict(builder.__globals__)
    for name, value in builder.__globals__.items():
        # A variant may build on another one.
        if isinstance(value, types.FunctionType) and value.__globals__ is builder.__globals__:
            file[name] = types.FunctionType(value.__code__, file, value.__name__, value.__defaults__)
    file[family.__name__] = lambda input_shape, num_outputs, **options: options
    return file[builder.__name__](None, None)


def _look_up(name):
    if name in _BUILDERS:
        return _BUILDERS[name]
    if str(name).startswith(PREFIXES):
        return functools.partial(pretrained, name), pretrained
    near = difflib.get_close_matches(str(name), _BUILDERS, n=3)
    advice = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names())}"
    raise ValueError(f"there is no model {name!r}; {advice}")
