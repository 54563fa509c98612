"""The loss and the accuracy of hidden tokens, against their formulas. Runs on every Keras backend."""

import keras
import numpy as np

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
