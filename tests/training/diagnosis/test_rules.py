"""Planted faults are named first and healthy trainings are left alone; how often, `benchmarks/faults` measures."""

import dataclasses

import keras
import numpy as np
import pytest

from hornbook.training import Diagnostics, check, diagnose
from hornbook.training.diagnosis import examples
from hornbook.training.diagnosis.rules import RULES, apply
from hornbook.training.diagnosis.rules.remedies import of_problem
from hornbook.training.diagnosis.rules.symptoms import Symptoms
from hornbook.training.smaller import channels
from hornbook.training.updates import pruning

RANDOM = np.random.default_rng(0)
CENTRES = RANDOM.normal(size=(3, 8)) * 1.5


def blobs(count, seed):
    random = np.random.default_rng(seed)
    classes = np.arange(count) % 3
    return (CENTRES[classes] + random.normal(size=(count, 8))).astype("float32"), classes


X, Y = blobs(384, 1)
VALIDATION = blobs(120, 2)


def network(depth=2, activation="relu", scale=1.0, softmax=0, normalized=False, frozen=0, dropout=0.0, momentum=0.9, output_frozen=False):
    initializer = keras.initializers.VarianceScaling(2.0 * scale**2, seed=1)
    layers = [keras.Input((8,))]
    for place in range(depth):
        layers += [keras.layers.Dense(24, kernel_initializer=initializer.clone(), trainable=place >= frozen)]
        layers += [keras.layers.BatchNormalization(momentum=momentum)] if normalized else []
        layers += [keras.layers.Activation(activation), keras.layers.Dropout(dropout)]
    output = keras.layers.Dense(3, "softmax" if softmax else None, kernel_initializer=initializer.clone(), trainable=not output_frozen)
    return keras.Sequential([*layers, output])


def train(x=X, y=Y, validation=VALIDATION, rate=3e-3, optimizer="Adam", epochs=12, batch_size=32, from_logits=True, clip=None, **options):
    keras.utils.set_random_seed(0)
    model = network(**options)
    rule = getattr(keras.optimizers, optimizer)(rate, global_clipnorm=clip)
    model.compile(rule, keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits), metrics=["accuracy"])
    watching = Diagnostics((x, y), validation)
    model.fit(x, y, validation_data=validation, epochs=epochs, batch_size=batch_size, verbose=0, callbacks=[watching])
    return watching.record


def shuffled(y):
    return np.random.default_rng(3).permutation(y)


def mislabelled():
    wrong = np.random.default_rng(4).random(len(Y)) < 0.4
    return np.where(wrong, (Y + 1 + np.arange(len(Y)) % 2) % 3, Y)


FAULTS = {
    "learning-rate-too-high": {"rate": 30.0},
    "learning-rate-too-low": {"rate": 1e-7},
    "clipping-always": {"optimizer": "SGD", "rate": 0.05, "clip": 1e-5},
    "too-few-updates": {"epochs": 1, "batch_size": 128, "rate": 1e-3, "scale": 0.5},
    "initialization-too-small": {"scale": 0.01, "depth": 5},
    "initialization-too-large": {"scale": 30.0, "rate": 1e-3},
    "vanishing-gradients": {"depth": 12, "activation": "sigmoid"},
    "logits-as-probabilities": {"from_logits": False},
    "frozen-layers": {"frozen": 2},
    "shuffled-labels": {"y": shuffled(Y), "validation": (VALIDATION[0], shuffled(VALIDATION[1]))},
    "label-noise": {"y": mislabelled(), "epochs": 3},
    "unscaled-inputs": {"x": X * 1e4 + 3e5, "validation": (VALIDATION[0] * 1e4 + 3e5, VALIDATION[1])},
    "constant-features": {"x": np.zeros_like(X), "validation": (np.zeros_like(VALIDATION[0]), VALIDATION[1])},
    "validation-overlap": {"validation": (X[:100], Y[:100])},
    "validation-shift": {"validation": (VALIDATION[0] + 4, VALIDATION[1])},
    "batch-too-small": {"batch_size": 1, "normalized": True, "epochs": 1},
    "running-statistics-lag": {"normalized": True, "momentum": 0.9999, "x": X + 3, "validation": (VALIDATION[0] + 3, VALIDATION[1])},
    "underfitting": {"dropout": 0.95},
    "softmax-twice": {"softmax": 1},
    "not-finite": {"x": np.where(np.arange(8) == 3, np.nan, X).astype("float32")},
    "rare-class-ignored": {"x": X[(Y < 2) | (np.arange(len(Y)) < 10)], "y": Y[(Y < 2) | (np.arange(len(Y)) < 10)], "epochs": 4},
    "overfitting": {"x": X[:12] * 0.3, "y": Y[:12], "validation": (VALIDATION[0] * 0.3, VALIDATION[1]), "epochs": 60},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*received `from_logits=True`:UserWarning")
@pytest.mark.parametrize("problem", FAULTS)
def test_a_planted_fault_is_the_first_finding(problem):
    found = diagnose(train(**FAULTS[problem]))
    assert found, "nothing was found"
    assert found[0].problem == problem, [str(finding) for finding in found]
    assert found[0].evidence.endswith(".")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"normalized": True},
        {"activation": "tanh"},
        {"optimizer": "SGD", "rate": 0.05},
        {"dropout": 0.5},
        {"batch_size": 8, "epochs": 5},
    ],
)
def test_a_healthy_training_has_no_finding(options):
    assert [str(finding) for finding in diagnose(train(**options))] == []


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights:UserWarning")
def test_a_network_of_which_nothing_is_trained():
    (first, *_) = diagnose(train(frozen=2, output_frozen=True, epochs=2))
    assert first.problem == "frozen-layers"
    assert "100% of the weights are not trained" in first.evidence


def test_numbers_that_follow_from_nothing():
    keras.utils.set_random_seed(0)
    targets = shuffled(X[:, 0])[:, None]
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    watching = Diagnostics((X, targets), (VALIDATION[0], shuffled(VALIDATION[0][:, :1])))
    model.fit(X, targets, epochs=5, verbose=0, callbacks=[watching])
    assert watching.findings()[0].problem == "shuffled-labels"


def test_advice_is_keras_code_or_the_recipes_flags():
    record = train(rate=1e-7, epochs=4)
    (finding, *_) = diagnose(record)
    assert "model.compile(keras.optimizers.Adam(0.001), ...)" in str(finding)
    (finding, *_) = diagnose(record, {"learning_rate": 1e-7})
    assert str(finding).endswith("Try --learning-rate 0.001.")
    assert finding.to_json()["changes"] == {"learning_rate": 1e-3}
    assert diagnose(record, {})[0].advice == ""


@pytest.mark.parametrize("updates", [1, 3, 10])
def test_a_few_updates_are_blamed_on_nothing_else(updates):
    for options in ({}, {"depth": 10}, {"normalized": True, "rate": 1e-4}):
        found = diagnose(train(X[: 32 * updates], Y[: 32 * updates], epochs=1, **options))
        assert [finding.problem for finding in found] in (["too-few-updates"], []), options
        assert all("fit(..., epochs=" in finding.advice for finding in found)


def test_after_a_few_updates_all_rules_would_say_more():
    record = train(epochs=1, batch_size=128, depth=12, activation="sigmoid")
    assert "vanishing-gradients" in [finding.problem for finding in apply(RULES, record, Symptoms(record), None)]
    assert [finding.problem for finding in diagnose(record)] == ["too-few-updates"]


def test_a_learning_rate_that_is_far_off_shows_in_a_few_updates():
    assert diagnose(train(X[:96], Y[:96], epochs=1, rate=30.0))[0].problem == "learning-rate-too-high"
    assert diagnose(train(X[:96], Y[:96], epochs=1, rate=1e-7))[0].problem == "learning-rate-too-low"


def test_labels_that_no_output_stands_for_are_counted():
    labels = np.where(Y == 2, 3, Y)
    assert examples.facts(X, labels, labels, 3).out_of_range == 128


def advice(x, options, **of_training):
    return diagnose(train(x, **of_training), options)[0]


def test_gaps_in_the_inputs_are_not_blamed_on_the_learning_rate():
    gaps = X.copy()
    gaps[::9, 2] = np.nan
    found = advice(gaps, {"model": "mlp", "learning_rate": 3e-3, "clip_norm": 0.0}, epochs=2)
    assert found.problem == "not-finite"
    assert found.advice == " Try to leave out such examples, or to fill in what is missing."
    assert found.to_json()["changes"] == {}


@pytest.mark.filterwarnings("ignore:.*received `from_logits=True`:UserWarning")
def test_what_no_option_does_is_said_to_a_recipe_too():
    found = advice(X, {"model": "mlp", "learning_rate": 3e-3}, softmax=1)
    assert found.problem == "softmax-twice"
    assert found.advice == " Try to leave the softmax out of the model."
    assert found.to_json()["changes"] == {}


def test_weights_that_are_little_too_small_fade_over_many_layers():
    (first, *_) = diagnose(train(depth=12, activation="tanh", scale=0.32, rate=1e-4, epochs=4))
    assert first.problem == "initialization-too-small"
    assert "behind 13 layers" in first.evidence


def test_a_class_that_is_never_found_comes_before_what_it_causes():
    few = (Y == 0) | ((Y == 1) & (np.arange(len(Y)) < 9))
    chosen = (VALIDATION[1] == 0) | ((VALIDATION[1] == 1) & (np.arange(120) < 12))
    validation = tuple(part[chosen] for part in VALIDATION)
    record = train(x=X[few] * 0.2, y=Y[few], validation=(validation[0] * 0.2, validation[1]), epochs=12)
    found = diagnose(record)
    assert found[0].evidence.startswith("The class 1 has ")
    record.task = dataclasses.replace(record.task, class_names=("cat", "dog", "owl"))
    assert diagnose(record)[0].evidence.startswith("The class dog has ")
    assert (found[0].problem, found[0].severity) == ("rare-class-ignored", "error")
    assert "metric-cannot-move" not in [finding.problem for finding in found]


def test_classes_are_spoken_of_by_their_names():
    keras.utils.set_random_seed(0)
    model = network()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    watching = Diagnostics((X, Y), class_names=("cat", "dog", "owl"))
    model.fit(X, Y, verbose=0, callbacks=[watching])
    assert [watching.record.task.name_of(label) for label in range(3)] == ["cat", "dog", "owl"]


def test_labels_that_a_network_knows_are_not_called_wrong():
    record = train()
    record.facts = dataclasses.replace(record.facts, noise=0.4, told=0.6, sure=96, sure_wrong=38)
    assert diagnose(record) == []
    record.validation = None  # It may have learned them by heart.
    record.epochs = [{"loss": epoch["loss"]} for epoch in record.epochs]
    assert [finding.problem for finding in diagnose(record)] == ["label-noise"]


def test_labels_out_of_range_are_no_rare_class():
    keras.utils.set_random_seed(0)
    labels = Y - 1  # -1 to 1, of two classes.
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
    watching = Diagnostics((X, labels[:, None]), (VALIDATION[0], VALIDATION[1][:, None] - 1))
    model.fit(X, labels[:, None], epochs=3, verbose=0, callbacks=[watching])
    problems = [finding.problem for finding in watching.findings()]
    assert problems[0] == "labels-out-of-range"
    assert "rare-class-ignored" not in problems


def test_labels_come_before_columns_that_are_constant():
    x = np.where(np.arange(8) == 3, 1.0, X).astype("float32")
    keras.utils.set_random_seed(0)
    model = network()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert [finding.problem for finding in check(model, x, shuffled(Y))][:2] == ["shuffled-labels", "constant-features"]


def test_gradients_that_explode_come_before_the_units_that_die_of_them():
    keras.utils.set_random_seed(0)
    series = np.random.default_rng(5).normal(size=(192, 30, 2)).astype("float32")
    labels = (series.mean(axis=(1, 2)) > 0).astype(int)
    start = keras.initializers.Orthogonal(gain=2.5, seed=4)
    recurrent = keras.layers.SimpleRNN(8, activation="relu", recurrent_initializer=start)
    model = keras.Sequential([keras.Input((30, 2)), recurrent, keras.layers.Dense(2)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    watching = Diagnostics((series, labels))
    model.fit(series, labels, epochs=6, verbose=0, callbacks=[watching])
    problems = [finding.problem for finding in watching.findings()]
    assert problems[0] == "exploding-gradients"
    assert "dead-relus" in problems


def test_the_loss_that_is_advised_suits_the_targets():
    keras.utils.set_random_seed(0)
    targets = (Y == 1).astype("float32")[:, None]
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)])
    model.compile("adam", "binary_crossentropy")
    (found, *_) = check(model, X, targets)
    assert found.problem == "logits-as-probabilities"
    assert "keras.losses.BinaryCrossentropy(from_logits=True)" in str(found)


@pytest.mark.parametrize(("dropout", "advised"), [(0.95, True), (0.0, False)])
def test_dropout_is_lowered_only_where_there_is_some(dropout, advised):
    record = train(dropout=dropout, epochs=2)
    found = [remedy.keras for remedy in of_problem("underfitting", record, None)]
    assert ("keras.layers.Dropout(0.1)" in found) == advised
    assert "keras.layers.Dense(256, ...)" in found


def test_a_network_of_which_pruning_left_nothing():
    keras.utils.set_random_seed(0)
    model = network()
    pruning.keep_zeros(model).compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    callbacks = [Diagnostics((X, Y)), pruning.GradualPruning(0.98, epochs=6)]
    model.fit(X, Y, epochs=6, verbose=0, callbacks=callbacks)
    (found,) = [finding for finding in callbacks[0].findings({"prune": 0.98, "dropout": 0.0}) if finding.problem == "underfitting"]
    assert "98% of its weights are 0" in found.evidence
    assert found.remedies[0].changes == {"prune": 0.94}
    lower = next(remedy for remedy in of_problem("underfitting", callbacks[0].record, {}) if "prune" in remedy.changes)
    assert lower.applies({"prune": 0.98})
    assert not lower.applies({"prune": 0.0})


def test_channels_that_were_pruned_are_no_dead_units():
    keras.utils.set_random_seed(0)
    model = network()
    pruning.keep_zeros(model).compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    callbacks = [Diagnostics((X, Y)), channels.GradualChannels(0.97, epochs=6)]
    model.fit(X, Y, epochs=6, verbose=0, callbacks=callbacks)
    problems = [finding.problem for finding in callbacks[0].findings({"prune_channels": 0.97})]
    assert max(seen.dead for seen in callbacks[0].record.looks[-1].layers if seen.dead is not None) > 0.5
    assert "dead-relus" not in problems


def test_a_usual_rate_is_never_too_low():
    record = train(**FAULTS["constant-features"])  # Hardly a weight moves, as the inputs are 0.
    assert record.travelled.min() < 0.03
    problems = [finding.problem for finding in diagnose(record)]
    assert problems[0] == "constant-features"
    assert "learning-rate-too-low" not in problems


def overlapping(counts, seed):
    """Two classes of 8 numbers that overlap, so many examples of each: inputs and labels."""
    generator = np.random.default_rng(seed)
    labels = np.repeat([0, 1], counts)
    return (generator.normal(size=(len(labels), 8)) + 0.8 * labels[:, None]).astype("float32"), labels


def test_other_shares_of_classes_alone_are_no_other_distribution():
    x, y = overlapping((570, 30), 0)
    other, labels = overlapping((300, 300), 1)
    found = examples.facts(x, y, y, 2, (other, labels, labels))
    # Without weights, half of the validation examples are of the class that is rare and hard.
    assert abs(found.agreement - found.validation_agreement) < 0.05
    assert found.shift < 0.3
    # What does differ is still seen.
    assert examples.facts(x, y, y, 2, (other + 2, labels, labels)).shift > 1


def test_equal_shares_are_not_weighed():
    x, y = overlapping((300, 300), 0)
    other, labels = overlapping((50, 50), 1)
    found = examples.facts(x, y, y, 2, (other, labels, labels))
    scale = x.std(axis=0)
    distances = np.square(other[:, None] / scale - x[None] / scale).sum(axis=-1)
    assert found.validation_agreement == pytest.approx(np.mean(y[distances.argmin(axis=1)] == labels))
