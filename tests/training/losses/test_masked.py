"""What was hidden and is said, tokens and steps: losses and scores against their formulas."""

import keras
import numpy as np
import pytest

from hornbook.evaluation.floors import masked_steps
from hornbook.training import losses


def some():
    generator = np.random.default_rng(0)
    targets = generator.integers(0, 7, (6, 4)).astype(np.float32)
    targets[generator.random((6, 4)) < 0.4] = -1
    targets[2] = -1  # A text without a token that is known.
    return targets, generator.normal(size=(6, 4, 7)).astype(np.float32)


def test_the_loss_is_the_mean_cross_entropy_over_the_places_of_each_text():
    targets, logits = some()
    each = losses.MaskedCrossentropy(reduction="none")(targets, logits)
    logarithms = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    expected = [
        -np.mean([logarithms[row, place, int(token)] for place, token in enumerate(own) if token >= 0] or [0.0])
        for row, own in enumerate(targets)
    ]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(each), expected, rtol=1e-5)
    assert expected[2] == 0


def test_the_accuracy_counts_tokens_over_batches_of_any_size():
    targets, logits = some()
    metric = losses.MaskedAccuracy()
    assert float(metric.result()) == 0
    for rows in (slice(0, 1), slice(1, 6)):
        metric.update_state(targets[rows], logits[rows])
    there = targets >= 0
    expected = (logits.argmax(axis=-1) == targets)[there].mean()
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 0


def example(series=6, steps=9, features=2, seed=0):
    generator = np.random.default_rng(seed)
    hidden = generator.random((series, steps, 1)) < 0.4
    hidden[:, 0], hidden[:, 4] = False, True
    values = generator.normal(size=(series, steps, features))
    return generator.normal(size=(series, steps, features)), np.concatenate([values, hidden], axis=2)


def by_hand(outputs, targets):
    found = []
    for said, asked in zip(outputs, targets, strict=True):
        errors = [np.square(one[:-1] - own).mean() for own, one in zip(said, asked, strict=True) if one[-1] == 1]
        found.append(np.mean(errors))
    return np.array(found)


def test_the_loss_and_the_score_are_those_of_the_formula():
    outputs, targets = example()
    expected = by_hand(outputs, targets)
    each = losses.MaskedError().call(targets.astype("float32"), outputs.astype("float32"))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(each), expected, rtol=1e-5)
    np.testing.assert_allclose(masked_steps.errors(outputs, targets), expected)
    assert masked_steps.scores(outputs, targets)["mean_squared_error"] == pytest.approx(expected.mean())


def test_what_is_seen_does_not_count():
    outputs, targets = example()
    changed = np.where(targets[..., -1:] == 1, outputs, 1e6)
    np.testing.assert_allclose(masked_steps.errors(changed, targets), masked_steps.errors(outputs, targets))


def test_a_line_between_seen_steps_says_lines():
    line = np.tile(np.linspace(-1, 3, 9)[None, :, None], (3, 1, 2))
    hidden = np.zeros((3, 9, 1))
    hidden[:, [2, 3, 6]] = 1
    targets = np.concatenate([line, hidden], axis=2)
    np.testing.assert_allclose(masked_steps.interpolated(targets), line, atol=1e-12)
    floor = masked_steps.floor(np.zeros((3, 9, 2)), targets)
    assert floor["model"] == "linear interpolation"
    assert floor["score"] == pytest.approx(0, abs=1e-20)
    assert floor["all"]["mean"]["mean_squared_error"] == pytest.approx(by_hand(np.zeros((3, 9, 2)), targets).mean())
    assert floor["difference"] == pytest.approx(floor["network"])
    assert not floor["higher_is_better"]


def test_ends_that_are_hidden_are_as_what_is_next_to_them():
    targets = np.zeros((1, 4, 2))
    targets[0, :, 0], targets[0, [0, 3], 1] = [9, 1, 2, 9], 1
    np.testing.assert_array_equal(masked_steps.interpolated(targets)[0, :, 0], [1, 1, 2, 2])


def test_outputs_that_are_no_numbers_are_counted():
    outputs, targets = example()
    outputs[2] = np.nan
    found = masked_steps.scores(outputs, targets)
    assert found["not_finite"] == 1
    assert np.isnan(found["mean_squared_error"])
