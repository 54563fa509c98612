"""Builders by name, for command lines and searches."""

import difflib
import inspect
import sys

from hornbook.models.cnn import cnn
from hornbook.models.cnn1d import cnn1d
from hornbook.models.fcn import fcn
from hornbook.models.mlp import mlp
from hornbook.models.resnet import resnet
from hornbook.models.resnet1d import resnet1d
from hornbook.models.rnn import rnn
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


_BUILDERS = _find_builders((cnn, cnn1d, fcn, mlp, resnet, resnet1d, rnn, series_transformer, text_transformer, vision_transformer))


def names():
    """Return the sorted names that `build` knows: the families and their named variants.

    Example:
        ```python
        from hornbook import models

        assert "resnet20" in models.names()
        ```
    """
    return sorted(_BUILDERS)


def options(name):
    """Return the options that the builder of this name takes, with the defaults of its family, as a dictionary.

    Example:
        ```python
        from hornbook import models

        assert models.options("cnn")["normalization"] == "batch"
        ```

    Raises:
        ValueError: No builder has this name; the nearest are named.
    """
    parameters = inspect.signature(_look_up(name)[1]).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}


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
        name: One of `names()`.
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
    taken = options(name)
    unknown = sorted(set(given) - set(taken))
    if unknown:
        near = difflib.get_close_matches(unknown[0], taken, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name} takes no option {unknown[0]!r}; it takes {', '.join(taken)}{guess}")
    return builder(input_shape, num_outputs, **given)


def _look_up(name):
    if name in _BUILDERS:
        return _BUILDERS[name]
    near = difflib.get_close_matches(str(name), _BUILDERS, n=3)
    advice = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names())}"
    raise ValueError(f"there is no model {name!r}; {advice}")
