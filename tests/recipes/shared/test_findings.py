"""What a run is advised: no remedy that its recipe would refuse beside the options that it was given, whatever these are."""

import dataclasses
import itertools
import types
import typing

import numpy as np
import pytest

from hornbook import command_line, data, models
from hornbook.recipes import (
    image_classification,
    image_pretraining,
    options,
    regression,
    sequence_classification,
    sequence_pretraining,
    tabular_classification,
    text_classification,
    text_pretraining,
)
from hornbook.recipes.steps import findings
from hornbook.training import builders
from hornbook.training.diagnosis import Finding
from hornbook.training.diagnosis.rules.remedies import REMEDIES

# Of each recipe, a network's inputs and models.
RECIPES = {
    image_classification: ((None, 8, 8, 1), ("cnn", "resnet20")),
    image_pretraining: ((None, 8, 8, 1), ("cnn", "resnet20")),
    text_classification: ((None, None), ("cnn1d", "lstm")),
    text_pretraining: ((None, None), ("cnn1d", "lstm")),
    sequence_classification: ((None, None, 2), ("gru", "fcn")),
    sequence_pretraining: ((None, None, 2), ("gru", "fcn")),
    tabular_classification: ((None, 4), ("mlp",)),
    regression: ((None, 4), ("mlp",)),
}
# What excludes other options; of networks, other models.
TRAINING = (
    {},
    {"class_weights": "effective", "class_weights_beta": 0.9, "defer_class_weights": 0.8, "loss": "ldam"},
    {"logit_adjustment": "training", "logit_adjustment_strength": 2.0},
    {"logit_adjustment": "after"},
    {"sampling": "oversample"},
    {"minutes": 5.0},
    {"validation_fraction": 0.0, "evaluate": "none"},
    {"optimizer": "sgd", "momentum": 0.8},
    {"loss": "binary", "threshold": "f1", "temperature_scaling": True},
    {"loss": "quantile", "quantiles": (0.5,)},
)
NETWORKS = (
    {"normalization": "group", "groups": 2, "normalization_placement": "after"},
    {"normalization": "none", "activation": "tanh"},
    {"number_embedding": "periodic", "frequency_scale": 0.1},
    {"number_embedding": "piecewise", "bins": 8},
    {"bidirectional": True, "pooling": "last"},
    {"kernel_sizes": (3,)},
    {"ngrams": 2, "kernel_sizes": (1,), "pooling": "mean"},
)
EVERY = tuple({id(remedy): remedy for remedies in REMEDIES.values() for remedy in remedies}.values())


def advice_of(recipe, asked, *, shape=None, several=False, validation=True):
    args = recipe.Args(**{"model": RECIPES[recipe][1][0], **asked})
    settled = {name: 0.1 for name in ("dropout", "learning_rate", "weight_decay", "label_smoothing") if getattr(args, name, 0) == "auto"}
    settled |= {name: 10 for name in ("epochs", "batch_size") if getattr(args, name) == "auto"}
    model = types.SimpleNamespace(inputs=[types.SimpleNamespace(shape=shape or RECIPES[recipe][0])])
    train = types.SimpleNamespace(labels=np.zeros((4, 2)) if several else np.zeros(4, np.int64))
    held = train if validation else None
    return findings.Advice(dataclasses.replace(args, **settled), command_line.to_config("", args), model, train, held)


def cases():
    for recipe, (_, names) in RECIPES.items():
        for model, asked in [*itertools.product(names[:1], TRAINING), *itertools.product(names, NETWORKS)]:
            pooled = recipe is text_pretraining and "pooling" in asked  # Which it refuses.
            if all(hasattr(recipe.Args, name) for name in asked) and not pooled and asked.get("loss") in (None, *_words(recipe, "loss")):
                yield pytest.param(recipe, {"model": model, **asked}, id=f"{recipe.RECIPE}-{model}-{'-'.join(asked)}")


def _words(recipe, option):
    return typing.get_args(typing.get_type_hints(recipe.Args).get(option))


@pytest.mark.parametrize(("recipe", "asked"), list(cases()))
def test_nothing_is_advised_that_the_recipe_refuses(recipe, asked):
    args = recipe.Args(**asked)
    recipe.check(args)
    advice = advice_of(recipe, asked, validation=asked.get("validation_fraction") != 0)
    if builders.asked_for(args.model, *options.of_network(args)).keys() - models.options(args.model).keys():
        return  # There is no such run.
    [found] = advice.of([Finding("lost", "warning", "It is.").advised(advice.options, EVERY)])
    assert len(found.remedies) > 8
    for remedy in found.remedies:
        changed = dataclasses.replace(args, **remedy.changes)
        recipe.check(changed)
        wanted = builders.asked_for(changed.model, *options.of_network(changed))
        assert wanted.keys() <= models.options(changed.model).keys(), (remedy.words, wanted)
        if " in place of " not in remedy.words:  # The flags that are named, as somebody adds them to the command.
            told = {name: value for name, value in remedy.changes.items() if f"--{name.replace('_', '-')}" in remedy.words}
            recipe.check(dataclasses.replace(args, **told))
        if asked.get("validation_fraction") == 0:
            assert not {"temperature_scaling", "early_stopping"} & remedy.changes.keys()


def advised(recipe, problem, asked, **about):
    advice = advice_of(recipe, asked, **about)
    [found] = advice.of([Finding(problem, "warning", "It is so.").advised(advice.options, REMEDIES[problem])])
    return found


def test_what_a_remedy_takes_the_place_of_is_said_with_it():
    found = advised(tabular_classification, "rare-class-ignored", {})
    assert str(found) == "It is so. Try --logit-adjustment after, --class-weights balanced or more examples of it."
    found = advised(tabular_classification, "rare-class-ignored", {"sampling": "oversample"})
    assert str(found) == (
        "It is so. Try --logit-adjustment after in place of --sampling oversample, --class-weights balanced in place of --sampling "
        "oversample or more examples of it."
    )
    asked = {"class_weights": "effective", "class_weights_beta": 0.9, "defer_class_weights": 0.8}
    found = advised(tabular_classification, "rare-class-ignored", asked)
    first = "--logit-adjustment after in place of --class-weights effective --class-weights-beta 0.9 --defer-class-weights 0.8"
    assert found.remedies[0].words == first
    assert found.to_json()["changes"] == {
        "logit_adjustment": "after", "class_weights": "none", "class_weights_beta": 0.999, "defer_class_weights": 0.0,
    }  # fmt: skip
    found = advised(image_classification, "missing-normalization", {"model": "cnn", "depth": 20, "normalization": "none"})
    assert "--model resnet20 in place of --depth 20" in [remedy.words for remedy in found.remedies]


def test_what_the_data_do_not_allow_is_not_advised():
    several = advised(tabular_classification, "rare-class-ignored", {}, several=True)
    assert [remedy.words for remedy in several.remedies] == ["--class-weights balanced", "more examples of it"]
    # Held out are too few examples, or none: the share is left to the data, and one is held out as soon as somebody needs it.
    assert "--temperature-scaling" in str(advised(tabular_classification, "too-sure", {}, validation=False))
    none = advised(tabular_classification, "too-sure", {"validation_fraction": 0.0}, validation=False)
    assert "--temperature-scaling" not in str(none)
    assert "--early-stopping" not in str(none)


def test_a_model_is_not_advised_that_lacks_an_option_that_was_given():
    def words(**asked):
        return [remedy.words for remedy in advised(sequence_classification, "not-learned", {"model": "lstm", **asked}).remedies]

    assert "--model fcn" in words()
    assert "--model fcn" not in words(bidirectional=True)
    assert "--normalization batch" not in words(normalization="batch")


@pytest.mark.parametrize(
    ("feed", "wanted"),
    [
        ({"sampling": "none", "class_weights": None}, None),
        ({"sampling": "none", "class_weights": {0: 0.5, 1: 2.0}}, {0: 0.5, 1: 2.0}),
        ({"sampling": "oversample", "class_weights": None}, {0: 1 / 6, 1: 1 / 2}),
        ({"sampling": "none", "class_weights": {0: 1.0, 1: 3.0}, "example_weights": np.arange(8)}, {0: 2.5, 1: 3 * 6.5}),
    ],
)
def test_what_an_example_of_each_class_counts(feed, wanted):
    assert findings._by_class(np.repeat([0, 1], [6, 2]), feed) == (wanted and pytest.approx(wanted))
    assert findings._by_class(np.zeros((8, 2)), feed) is None


@pytest.mark.parametrize(
    "made_up", [{"class_weights": "balanced"}, {"sampling": "undersample", "epochs": 60}, {"logit_adjustment": "training"}], ids=str
)
def test_what_helps_a_rare_class_raises_no_false_alarm(made_up, tmp_path):
    generator = np.random.default_rng(0)
    labels = (generator.random(1000) < 0.06).astype(int)
    rows = generator.normal(size=(1000, 3)) + 2.0 * labels[:, None] * [1, 0.5, 0]
    dataset = data.tables.from_arrays(rows, labels, rows[:300], labels[:300])
    options = {"model": "mlp", "width": 16, "epochs": 15, "floor": False, "classical_share": 0.0, "output": str(tmp_path / "run")}
    result = tabular_classification.main(tabular_classification.Args(**{**options, **made_up}), dataset=dataset)
    assert result["metrics"]["balanced_accuracy"] > 0.75
    assert [found["problem"] for found in result["findings"] if found["severity"] != "note"] == []
