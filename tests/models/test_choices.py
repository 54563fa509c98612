"""What `models.choices` says is what the builders take: each value is built, and each that it leaves out is refused."""

import sys

import keras
import pytest

from hornbook import models
from hornbook.models import registry

TAKEN = {family.__name__: sys.modules[family.__module__].TAKES.values for _, family in registry._BUILDERS.values()}
KNOWN = {option: {name for values in TAKEN.values() for name in values.get(option, ())} for values in TAKEN.values() for option in values}
# Long lists that every family hands to the same code: tried where that code is called in another way.
LONG, TRIED_BY = ("activation", "initializer"), ("mlp", "rnn", "series_transformer")
BOTH = [(name, padded) for name in models.names() for padded in (False, True) if not padded or "padded" in models.options(name)]


def differ():
    """Yield the names in `BOTH` but for variants that are an earlier one at another size, which tiny networks do not have."""
    found = set()
    for name, padded in BOTH:
        settings = {option: value for option, value in models.options(name).items() if option not in ("depth", "width", "name")}
        if (key := (models.family(name), padded, repr(settings))) not in found:
            found.add(key)
            yield name, padded


@pytest.mark.parametrize(("name", "padded"), list(differ()))
def test_every_value_is_built(name, padded, tiny):
    named = {option: models.choices(name, option, padded=padded) for option in models.options_with_choices(name)}
    waiting = {(option, value) for option in named for value in named[option] if option not in LONG or (name in TRIED_BY and not padded)}
    # Several options at once. A value that the others refuse waits for a turn in which they are different.
    for turn in range(2 * max(map(len, named.values()))):
        chosen = {}
        for option in named:
            values = models.choices(name, option, padded=padded, **chosen)
            chosen[option] = next((value for value in values if (option, value) in waiting), values[turn % len(values)])
        # Without values for the weights, which take half of the time.
        with keras.StatelessScope():
            assert tiny(name, padded, **chosen).output_shape == (None, 3)
        waiting -= set(chosen.items())
        if not waiting:
            break
    assert not waiting


@pytest.mark.parametrize(("name", "padded"), BOTH)
def test_every_value_left_out_is_refused(name, padded, tiny):
    for option in models.options_with_choices(name):
        for value in sorted(KNOWN[option] - set(models.choices(name, option, padded=padded))):
            with pytest.raises(ValueError, match=value):
                tiny(name, padded, **{option: value})


@pytest.mark.parametrize(
    ("name", "option", "given", "expected"),
    [
        ("cnn", "normalization", {}, ("batch", "layer", "group", "instance", "rms", "none")),
        ("mlp", "normalization", {}, ("batch", "layer", "group", "rms", "none")),
        ("cnn", "normalization", {"normalization_placement": "after"}, ("batch", "layer", "group", "rms", "none")),
        ("cnn", "normalization", {"groups": 2}, ("group",)),
        ("cnn", "normalization_placement", {"normalization": "instance"}, ("before",)),
        ("fcn", "normalization", {"padded": True}, ("batch", "layer", "rms", "none")),
        ("rnn", "recurrent_normalization", {}, ("none", "layer", "batch")),
        ("simple_rnn", "recurrent_normalization", {}, ("none",)),
        ("simple_rnn", "recurrent_normalization", {"cell": "gru"}, ("none", "layer", "batch")),
        ("rnn", "cell", {"recurrent_normalization": "batch"}, ("lstm", "gru")),
        ("resnet50", "bottleneck_stride", {}, ("3x3", "1x1")),
        ("resnet20", "bottleneck_stride", {}, ("3x3",)),
        ("vit_s16", "normalization", {}, ("batch", "layer", "group", "instance", "rms", "none")),
        ("vit_s16", "pooling", {"normalization": "instance"}, ("class", "max", "last", "attention")),
        ("series_transformer", "positions", {"padded": True}, ("sinusoidal", "rotary", "none")),
        ("text_transformer", "weight_normalization", {}, ("none",)),
    ],
)
def test_values_depend_on_the_data_and_on_the_other_options(name, option, given, expected):
    assert models.choices(name, option, **given) == expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: models.choices("cnnn", "normalization"), "there is no model 'cnnn'; did you mean cnn"),
        (lambda: models.choices("cnn", "pooling"), "cnn takes no option 'pooling'"),
        (lambda: models.choices("cnn", "depth"), "depth of cnn has no list of values; those that have one are activation, downsampling"),
        (lambda: models.choices("rnn", "pooling", cel="gru"), "rnn takes no option 'cel'.* did you mean 'cell'"),
        (lambda: models.choices("resnet", "normalization", padded=True), "resnet takes no sequences, so padded must be False"),
    ],
)
def test_what_has_no_list_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_variant_has_its_own_defaults():
    assert models.options("resnet56")["depth"] == 56
    assert models.options("vit_ti16") == {**models.options("vit_b16"), "width": 192, "heads": 3, "name": "vit_ti16"}
    for name in models.names():
        assert models.options(name)["name"] == name
        assert set(models.options(name)) == set(models.options(models.family(name)))
