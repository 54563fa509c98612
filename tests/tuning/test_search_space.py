import dataclasses
import re

import keras_tuner
import pytest

from hornbook import UserError, models
from hornbook.recipes import image_classification, regression, sequence_classification, tabular_classification, text_classification
from hornbook.tuning import search_space as space

ARGS = tabular_classification.Args(model="mlp", epochs=40, batch_size=64, learning_rate=3e-3, dropout=0.1)


def build(*varied, names=(), args=ARGS, recipe=tabular_classification, given=()):
    return space.build(recipe, args, list(names), list(varied), given)


def only(found):
    (hp,) = found.space
    return hp


@pytest.mark.parametrize(
    ("written", "kind", "expected"),
    [
        ("learning_rate=log:1e-4..1e-1", "Float", {"min_value": 1e-4, "max_value": 0.1, "sampling": "log", "step": None}),
        ("dropout=0..0.5", "Float", {"min_value": 0.0, "max_value": 0.5, "sampling": "linear"}),
        ("dropout=0.1..0.5:0.1", "Float", {"min_value": 0.1, "step": 0.1}),
        ("depth=2..6", "Int", {"min_value": 2, "max_value": 6, "step": 1}),
        ("depth=2..6:2", "Int", {"step": 2}),
        ("batch-size=log:16..256", "Int", {"name": "batch_size", "sampling": "log"}),
        ("normalization=batch,layer,none", "Choice", {"values": ["batch", "layer", "none"]}),
        ("activation=relu, gelu", "Choice", {"values": ["relu", "gelu"]}),
        ("width=32,64", "Choice", {"values": [32, 64], "ordered": True}),
        ("label_smoothing=0,0.1", "Choice", {"values": [0.0, 0.1]}),
        ("weight_decay=1e-3,1E-2", "Choice", {"values": [1e-3, 1e-2]}),
    ],
)
def test_every_form_of_vary(written, kind, expected):
    function, found = build(written)
    hp = only(found)
    assert type(hp).__name__ == kind
    for name, value in expected.items():
        own = getattr(hp, name)
        assert (list(own) if name == "values" else own) == value
    assert set(function(keras_tuner.HyperParameters())) == {hp.name}


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("learning_rat=0.1,0.2", "'learning_rat' cannot be varied: it is no option of tabular-classification; did you mean learning_rate?"),
        ("zzz=1,2", "'zzz' cannot be varied: it is no option of tabular-classification; there are "),
        ("seed=1,2", "--seed is set run by run, so it cannot be varied"),
        ("split-seed=1..5", "--split-seed is set run by run"),
        ("learning_rate", "--vary learning_rate: --vary takes NAME=A,B,C"),
        ("learning_rate=", "--vary takes NAME=A,B,C"),
        ("learning_rate=0.1", "two or more different values are needed, got 0.1"),
        ("width=32,32", "two or more different values are needed"),
        ("learning_rate=0.1..0.01", "a range goes from a lower to a higher number"),
        ("learning_rate=0.1..0.1", "a range goes from a lower to a higher number"),
        ("learning_rate=log:0..0.1", "on a log scale both above 0"),
        ("dropout=0..0.5:0", "steps are above 0"),
        ("learning_rate=log:1e-4..1e-1:0.5", "steps are above 1"),
        ("learning_rate=log:1e-4..1e999", "a range goes from a lower to a higher number"),
        ("dropout=0...5", "--vary takes NAME=A,B,C"),
        ("dropout=0..", "--vary takes NAME=A,B,C"),
        ("dropout=a..b", "--vary takes NAME=A,B,C"),
        ("learning_rate=small,large", "--learning-rate takes float or auto"),
        ("depth=2.5..4", "depth takes whole numbers"),
        ("depth=2,2.5", "depth takes int, got 2, 2.5"),
        ("normalization=1..3", "normalization is not a number; list its values"),
        ("normalization=batch,bacth", "the space has normalization bacth"),
        ("dropout=0..1", "dropout must be at least 0 and less than 1, got 1.0"),
        ("epochs=0..5", "epochs must be at least 1 and less than 1000000, got 0"),
        ("optimizer=adam,admw", "the space has optimizer admw"),
    ],
)
def test_what_cannot_be_varied_is_refused_in_one_line(written, words):
    with pytest.raises(UserError, match=re.escape(words)) as raised:
        build(written)
    assert "\n" not in str(raised.value)


def test_what_the_model_refuses_for_these_data_is_refused_before_any_training():
    with pytest.raises(UserError, match=r"the space has normalization group: --.* takes .*batch, layer, rms, none$"):
        build("normalization=batch,group", args=text_classification.Args(), recipe=text_classification)
    with pytest.raises(UserError, match=r"the space has pooling last: --model fcn takes --pooling max, mean, attention$"):
        build("pooling=max,last", args=sequence_classification.Args(model="fcn"), recipe=sequence_classification)
    with pytest.raises(UserError, match=r"the space has heads 2: --model resnet does not take --heads; it takes --depth, --width, "):
        build("heads=2,4", args=image_classification.Args(model="resnet"), recipe=image_classification)
    # Series may all be of one length: what is written is tried, though no space of ours proposes it.
    args = sequence_classification.Args(model="fcn")
    assert only(build("normalization=batch,group", args=args, recipe=sequence_classification)[1]).values == ["batch", "group"]
    # A builder of one's own says itself what it takes.
    assert build("normalization=batch,group", args=dataclasses.replace(ARGS, model="own:builder"))[1].space


def test_one_option_twice():
    with pytest.raises(UserError, match="--vary has learning_rate more than once"):
        build("learning_rate=0.1,0.2", "learning-rate=1e-3,1e-2")


def test_vary_wins_over_the_same_in_a_space():
    _, found = build("learning_rate=log:1e-3..1e-2", names=["training"])
    assert [hp.name for hp in found.space].count("learning_rate") == 1
    (hp,) = [hp for hp in found.space if hp.name == "learning_rate"]
    assert (hp.min_value, hp.max_value) == (1e-3, 1e-2)
    assert len(found.space) > 4


def test_what_is_given_stays():
    args = dataclasses.replace(ARGS, optimizer="sgd", width=64)
    function, found = build(names=["model", "training"], args=args, given={"optimizer", "width"})
    assert not {"optimizer", "width"} & {hp.name for hp in found.space}
    assert not {"optimizer", "width"} & function(keras_tuner.HyperParameters()).keys()
    with pytest.raises(UserError, match="--width is given and varied as well; leave one out"):
        build("width=32,64", args=args, given={"width"})


def test_a_space_by_name():
    names = {hp.name for hp in build(names=["model", "training"])[1].space}
    assert {"depth", "width", "normalization", "activation", "initializer", "learning_rate", "batch_size"} <= names
    assert not {"augmentation", "stochastic_depth"} & names  # Tables have none.
    images = image_classification.Args(model="cnn")
    found = build(names=["cnn"], args=images, recipe=image_classification)[1]
    assert {"depth", "width"} <= {hp.name for hp in found.space}
    named = dataclasses.replace(images, model="resnet20")
    found = build(names=["model"], args=named, recipe=image_classification)[1]
    assert not {"depth", "width"} & {hp.name for hp in found.space}  # What makes it resnet20.
    assert "randaugment_magnitude" in {hp.name for hp in build(names=["training"], args=images, recipe=image_classification)[1].space}


def test_options_that_the_task_has_no_use_for_are_left_out():
    names = {hp.name for hp in build(names=["training"], args=dataclasses.replace(ARGS, loss="binary"))[1].space}
    assert not {"label_smoothing", "mixup"} & names
    names = {hp.name for hp in build(names=["training"], args=regression.Args(), recipe=regression)[1].space}
    assert "class_weights" not in names


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("zzz", "there is no space 'zzz'; there are model, training, airbench, cnn"),
        ("nowhere:space", "--space nowhere:space: there is no module 'nowhere' in "),
        ("own_space:zzz", "--space own_space:zzz: module 'own_space' has no 'zzz'"),
        ("own_space:wrong", "a space must return a dict of options, got list"),
        ("own_space:unknown", "'widht' cannot be varied: it is no option of tabular-classification; did you mean width?"),
        ("own_space:reserved", "--seed is set run by run"),
        ("own_space:nothing", "there is nothing to vary; pass --vary learning_rate=log:1e-4..1e-1 or --space model,training"),
    ],
)
def test_spaces_that_cannot_be_used(name, words, own_space):
    with pytest.raises(UserError, match=re.escape(words)) as raised:
        build(names=[name])
    assert "\n" not in str(raised.value)


@pytest.fixture
def own_space(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_space.py").write_text(
        "def space(hp):\n"
        "    options = {'normalization': hp.Choice('normalization', ['batch', 'none']), 'epochs': hp.Fixed('epochs', 2)}\n"
        "    with hp.conditional_scope('normalization', ['none']):\n"
        "        strength = hp.Float('weight_decay', 0.1, 0.5)\n"
        "    return options if strength is None else {**options, 'weight_decay': strength}\n"
        "def wrong(hp):\n    return [hp.Choice('width', [1, 2])]\n"
        "def unknown(hp):\n    return {'widht': hp.Choice('widht', [1, 2])}\n"
        "def reserved(hp):\n    return {'seed': hp.Choice('seed', [1, 2])}\n"
        "def nothing(hp):\n    return {}\n"
    )
    yield
    import sys

    sys.modules.pop("own_space", None)
    if str(tmp_path) in sys.path:
        sys.path.remove(str(tmp_path))


def test_a_space_of_ones_own(own_space):
    function, found = build(names=["own_space:space"])
    assert [hp.name for hp in found.space] == ["normalization", "epochs", "weight_decay"]
    assert space.options_of(function, {"normalization": "batch", "epochs": 2}) == {"normalization": "batch", "epochs": 2}
    assert space.options_of(function, {"normalization": "none", "epochs": 2, "weight_decay": 0.3})["weight_decay"] == 0.3
    assert space.defaults(found, ARGS)["epochs"] == 2
    assert space.has_values(found, {"normalization": "batch", "epochs": 2})
    assert not space.has_values(found, {"normalization": "batch", "epochs": 2, "weight_decay": 0.3})
    assert not space.has_values(found, {"normalization": "none", "epochs": 2})


def test_each_hyperparameter_once():
    _, found = build(names=["training"], args=image_classification.Args(), recipe=image_classification)
    names = [hp.name for hp in found.space]
    assert "randaugment_magnitude" in names  # Under a condition, so that the space was called more than once.
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("written", "value", "first"),
    [
        ("learning_rate=log:1e-4..1e-1", 0.02, 0.02),
        ("learning_rate=log:1e-5..1e-3", 0.02, 1e-3),
        ("learning_rate=0.1,0.01,0.05", 0.02, 0.01),
        ("dropout=0.3..0.5", 0.1, 0.3),
        ("batch_size=32..128:32", 64, 64),
        ("batch_size=32..128:32", 100, 96),
        ("batch_size=log:16..256", 512, 256),
        ("depth=1..6", None, models.options("mlp")["depth"]),  # The model's own.
        ("width=8,16", 7, 8),
        ("normalization=layer,none", "batch", "layer"),
        ("normalization=layer,batch", "batch", "batch"),
    ],
)
def test_the_first_trial_is_nearest_to_what_is_given(written, value, first):
    _, found = build(written)
    (hp,) = found.space
    assert space.defaults(found, dataclasses.replace(ARGS, **{hp.name: value})) == {hp.name: first}


@pytest.mark.parametrize(
    ("values", "lies"),
    [
        ({"dropout": 0.2, "depth": 4, "normalization": "batch"}, True),
        ({"dropout": 0.2, "depth": 3, "normalization": "batch"}, False),
        ({"dropout": 0.6, "depth": 4, "normalization": "batch"}, False),
        ({"dropout": 0.2, "depth": 4, "normalization": "group"}, False),
        ({"dropout": 0.2, "depth": 4}, False),
        ({"dropout": 0.2, "depth": 4, "normalization": "batch", "width": 3}, False),
    ],
)
def test_whether_a_trial_of_an_earlier_search_lies_in_a_space(values, lies):
    _, found = build("dropout=0..0.5", "depth=2..6:2", "normalization=batch,none")
    assert space.has_values(found, values) is lies


@pytest.mark.parametrize("change", [{"sampling": "oversample"}, {"logit_adjustment": "after"}])
def test_class_weights_are_not_varied_beside_what_else_makes_up_for_rare_classes(change):
    _, found = build(names=["training"], args=dataclasses.replace(ARGS, **change))
    assert "class_weights" not in {hp.name for hp in found.space}
    assert "class_weights" in {hp.name for hp in build(names=["training"])[1].space}
