import numpy as np
import pytest
from sklearn.utils import compute_class_weight

from hornbook import UserError
from hornbook.training import imbalance


def class_weights(labels, num_classes, *args):
    """As an array in the order of the classes."""
    found = imbalance.class_weights(labels, num_classes, *args)
    assert list(found) == list(range(num_classes))
    return np.array(list(found.values()))


LABELS = np.repeat([0, 1, 2], [900, 90, 10])


def test_balanced_is_scikit_learn_s():
    weights = class_weights(LABELS, 3)
    np.testing.assert_allclose(weights, compute_class_weight("balanced", classes=np.arange(3), y=LABELS), rtol=1e-6)


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.99, 0.999, 0.9999])
def test_effective_follows_its_formula(beta):
    counts = np.array([900, 90, 10])
    effective = np.array([sum(beta**power for power in range(count)) for count in counts])  # (1 - beta^n) / (1 - beta), as a series.
    expected = 1 / effective
    weights = class_weights(LABELS, 3, "effective", beta)
    np.testing.assert_allclose(weights / weights[0], expected / expected[0], rtol=1e-5)


def test_effective_lies_between_equal_and_balanced():
    np.testing.assert_allclose(class_weights(LABELS, 3, "effective", 0.0), 1, rtol=1e-6)
    balanced = class_weights(LABELS, 3)
    np.testing.assert_allclose(class_weights(LABELS, 3, "effective", 1 - 1e-9), balanced, rtol=1e-4)
    effective = class_weights(LABELS, 3, "effective")
    assert 1 < effective[2] / effective[0] < balanced[2] / balanced[0]


@pytest.mark.parametrize("method", ["balanced", "effective"])
def test_the_mean_over_the_examples_is_one(method):
    weights = class_weights(LABELS, 3, method)
    assert weights[LABELS].mean() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("method", ["balanced", "effective"])
def test_a_class_without_examples_gets_nothing(method):
    weights = class_weights(np.array([0, 0, 3]), 5, method)
    assert weights.shape == (5,)
    assert (weights[[1, 2, 4]] == 0).all()
    assert np.isfinite(weights).all()
    assert weights[[0, 0, 3]].mean() == pytest.approx(1, rel=1e-5)


def test_none():
    assert imbalance.class_weights(LABELS, 3, "none") is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "focal"}, "class_weights must be one of none, balanced, effective, got 'focal'"),
        ({"beta": 1.0}, r"beta must be in \[0, 1\), got 1.0"),
        ({"beta": -0.1}, r"beta must be in \[0, 1\), got -0.1"),
        ({"beta": float("nan")}, r"beta must be in \[0, 1\), got nan"),
    ],
)
def test_refusals(options, words):
    with pytest.raises(UserError, match=words):
        imbalance.class_weights(LABELS, 3, **options)


def test_of_several_labels_zeros_and_ones_are_weighed_as_two_classes():
    labels = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 1], [0, 1, 1]], np.float32)
    weights = imbalance.class_weights(labels, 3, "balanced")
    assert weights.keys() == {0, 1, 2}
    assert weights[0] == weights[1] == pytest.approx((4 / 6, 2.0))  # Three without it for one that has it.
    assert weights[2] == pytest.approx((0.0, 1.0))
    for method in ("balanced", "effective"):
        found = imbalance.class_weights(labels, 3, method, 0.9)
        for label, (without, having) in found.items():
            assert np.where(labels[:, label] > 0, having, without).mean() == pytest.approx(1)
    assert imbalance.class_weights(np.eye(3), 3, "none") is None


def test_the_shift_of_logits_is_the_logarithm_of_the_shares():
    shift = imbalance.logit_shift(LABELS, 3, 2.0)
    np.testing.assert_allclose(shift - shift[0], 2 * np.log([1, 0.1, 1 / 90]), rtol=1e-6)
    # A class that training does not have is never preferred.
    absent = imbalance.logit_shift(LABELS, 4)
    assert absent[3] == absent[0]
    with pytest.raises(UserError, match="one class an example"):
        imbalance.logit_shift(np.eye(3), 3)


def test_an_adjusted_model_is_one_of_keras_own_layers(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    rows = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    shift = imbalance.logit_shift(LABELS, 3)
    adjusted = imbalance.adjusted(model, shift)
    np.testing.assert_allclose(adjusted.predict(rows, verbose=0), model.predict(rows, verbose=0) - shift, atol=1e-5)
    adjusted.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert {type(layer).__module__.partition(".")[0] for layer in loaded.layers} == {"keras"}
    assert loaded.count_params() == model.count_params()
    np.testing.assert_array_equal(loaded.predict(rows, verbose=0), adjusted.predict(rows, verbose=0))


def test_keras_weighs_the_loss_by_them():
    import keras

    inputs, labels = np.zeros((20, 3)), np.repeat([0, 1], [15, 5])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    constant = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, bias_initializer=lambda shape, dtype: keras.ops.array([1.0, 0.0]))]
    )
    constant.compile(keras.optimizers.SGD(0.0), loss)
    weights = imbalance.class_weights(labels, 2)
    fitted = constant.fit(inputs, labels, batch_size=20, class_weight=weights, verbose=0)
    each = np.log1p(np.exp([-1.0, 1.0]))[labels]  # Cross-entropies of the logits 1 and 0.
    expected = np.mean(each * np.array([weights[label] for label in labels]))
    assert fitted.history["loss"] == [pytest.approx(expected, rel=1e-5)]
    assert expected > 1.2 * each.mean()  # The rare class, mistaken for the other, counts for more.


def test_a_class_is_as_frequent_as_its_examples_count():
    labels, weights = np.array([0, 0, 0, 1, 1]), np.array([1.0, 1.0, 0.0, 4.0, 2.0])
    np.testing.assert_allclose(imbalance.logit_shift(labels, 2, weights=weights), imbalance.logit_shift([0, 1, 1, 1], 2))
