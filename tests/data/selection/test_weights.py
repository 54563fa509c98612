"""What each training example counts: read from every source, of mean 1, beside its example in the feed, refused where it is none."""

import csv

import keras
import numpy as np
import pytest
from PIL import Image

from hornbook import UserError, data
from hornbook.data import mixing
from hornbook.data.dataset import Examples
from hornbook.data.selection import drawing, weights
from hornbook.training import imbalance

COUNT = 40
WEIGHTS = np.round(np.random.default_rng(0).uniform(0, 3, COUNT), 3)


def read(feed):
    return [feed[number] for number in range(len(feed))] if isinstance(feed, keras.utils.PyDataset) else list(feed.as_numpy_iterator())


def some(labels, count=COUNT):
    """Examples whose number says which they are."""
    return Examples(np.arange(count, dtype=np.float32)[:, None], labels, np.arange(count) * 2, "train")


# The feed.


@pytest.mark.parametrize("sampling", drawing.NAMES)
def test_the_mean_over_an_epoch_is_one_with_and_without_class_weights(sampling):
    labels = np.repeat([0, 1, 2], [20, 13, 7])
    by_class = np.array([0.5, 1.0, 2.0], np.float32)
    alone, _ = weights.relative(labels, WEIGHTS, None, sampling)
    both, scale = weights.relative(labels, WEIGHTS, by_class, sampling)
    np.testing.assert_array_equal(alone, both)
    np.testing.assert_allclose(alone / alone[0], WEIGHTS / WEIGHTS[0], rtol=1e-6)
    products = alone * by_class[labels] * scale
    if sampling == "none":
        assert (alone.mean(), products.mean()) == (pytest.approx(1), pytest.approx(1))
    else:  # An epoch has as many of every class.
        for found in (alone, products):
            assert np.mean([found[labels == label].mean() for label in range(3)]) == pytest.approx(1)


def test_each_example_comes_with_its_weight():
    examples = some(np.arange(COUNT) % 3)
    options = {"batch_size": 8, "num_classes": 3, "epochs": 2, "example_weights": WEIGHTS}
    for inputs, labels, counts in read(data.training_batches(examples, **options)):
        own = inputs[:, 0].astype(int)
        assert counts.dtype == labels.dtype == np.float32
        assert labels.shape == (8, 3)
        np.testing.assert_allclose(counts, WEIGHTS[own] / WEIGHTS.mean(), rtol=1e-6)
    by_class = imbalance.class_weights(examples.labels % 2, 3, "balanced") | {2: 4.0}
    products = WEIGHTS * np.array([by_class[label] for label in examples.labels])
    for inputs, _, counts in read(data.training_batches(examples, class_weights=by_class, **options)):
        np.testing.assert_allclose(counts, products[inputs[:, 0].astype(int)] / products.mean(), rtol=1e-5)


def test_deferred_class_weights_leave_the_examples_own_until_then():
    examples, by_class = some(np.arange(COUNT) % 2), {0: 0.5, 1: 1.5}
    fed = read(
        data.training_batches(
            examples, batch_size=COUNT, num_classes=2, epochs=2, class_weights=by_class, weights_from=1, example_weights=WEIGHTS
        )
    )
    products = WEIGHTS * np.where(examples.labels == 1, 1.5, 0.5)
    for (inputs, _, counts), wanted in zip(fed, (WEIGHTS, products), strict=True):
        np.testing.assert_allclose(counts, (wanted / wanted.mean())[inputs[:, 0].astype(int)], rtol=1e-5)


def test_a_mixed_example_has_the_shares_of_both_weights():
    shares = []

    def augment(inputs, labels, draw):
        shares.append(mixing.beta(1.0, draw("mixup")))
        return mixing.blend(inputs, shares[-1]), mixing.blend(labels, shares[-1])

    examples = some(np.arange(COUNT) % 2)
    examples.inputs[:] = (WEIGHTS / WEIGHTS.mean())[:, None]  # What is mixed of the inputs is what the weight must be.
    for inputs, labels, counts in read(
        data.training_batches(examples, batch_size=8, num_classes=2, epochs=1, example_weights=WEIGHTS, augment=augment)
    ):
        np.testing.assert_allclose(counts, inputs[:, 0], rtol=1e-5)
        np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)
    assert any((share % 1 > 0).any() for share in shares)


def test_of_several_labels_each_weight_is_multiplied():
    labels = (np.random.default_rng(1).random((COUNT, 2)) < [0.5, 0.2]).astype(np.float32)
    by_label = imbalance.class_weights(labels, 2, "balanced")
    [(inputs, found, counts)] = read(
        data.training_batches(some(labels), batch_size=COUNT, num_classes=None, epochs=1, class_weights=by_label, example_weights=WEIGHTS)
    )
    products = WEIGHTS[:, None] * np.where(labels == 1, [by_label[k][1] for k in (0, 1)], [by_label[k][0] for k in (0, 1)])
    assert counts.shape == found.shape
    before = {"class_weights": by_label, "example_weights": WEIGHTS, "weights_from": 1}
    [(inputs, _, alone)] = read(data.training_batches(some(labels), batch_size=COUNT, num_classes=None, epochs=1, **before))
    np.testing.assert_allclose(alone, np.tile((WEIGHTS / WEIGHTS.mean())[inputs[:, 0].astype(int), None], 2), rtol=1e-6)
    [(inputs, _, counts)] = read(data.training_batches(some(labels), batch_size=COUNT, num_classes=None, epochs=2, first_epoch=1, **before))
    assert counts.mean() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(counts, (products / products.mean())[inputs[:, 0].astype(int)], rtol=1e-5)


def test_a_weighted_training_finds_what_scikit_learn_finds():
    from sklearn.linear_model import LinearRegression

    generator = np.random.default_rng(2)
    inputs = generator.normal(size=(COUNT, 2)).astype(np.float32)
    targets = (inputs @ [[1.0], [-2.0]] + generator.normal(size=(COUNT, 1)) * (1 + 2 * (WEIGHTS < 1))[:, None]).astype(np.float32)
    examples = Examples(inputs, targets, np.arange(COUNT), "train")
    feed = data.training_batches(examples, batch_size=COUNT, num_classes=None, epochs=400, example_weights=WEIGHTS)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    model.fit(feed, steps_per_epoch=1, epochs=400, shuffle=False, verbose=0)
    fitted = LinearRegression().fit(inputs, targets, WEIGHTS)
    np.testing.assert_allclose(model.get_weights()[0].T, fitted.coef_, atol=1e-3)
    assert np.abs(fitted.coef_ - LinearRegression().fit(inputs, targets).coef_).max() > 0.02


# Sources.


def weighted_rows(weight=WEIGHTS):
    return [(f"sentence number {k}", ("no", "yes")[k % 2], k % 7, f"g{k // 4}", value) for k, value in enumerate(weight)]


@pytest.fixture
def table(tmp_path):
    def write(rows, name="t.csv", header=("text", "label", "x", "author", "trust")):
        with open(tmp_path / name, "w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return f"csv:{tmp_path / name}"

    return write


@pytest.mark.parametrize("in_memory", ["always", "never"])
def test_tables(table, in_memory):
    name = table(weighted_rows())
    options = {"label_column": "label", "id_column": "text,author", "in_memory": in_memory}
    found = data.tables.load(name, weight_column="trust", **options)
    assert found.feature_names == ("x",)
    np.testing.assert_array_equal(found.weights, WEIGHTS)
    own = WEIGHTS[found.train.indices]
    np.testing.assert_allclose(weights.of_training(found), own / own.mean())
    rows = list(found.split_rows())
    assert rows[0] == ("part", "source", "index", "label", "weight")
    assert [row[4] for row in rows[1:] if row[0] == "train"] == own.tolist()
    assert {row[4] for row in rows[1:] if row[0] == "test"} == {""}
    assert data.tables.load(name, feature_columns="x", **options).weights is None


@pytest.mark.parametrize("in_memory", ["always", "never"])
def test_texts(table, in_memory):
    name = table(weighted_rows())
    found = data.texts.load(name, weight_column="trust", group_column="author", in_memory=in_memory)
    np.testing.assert_array_equal(found.weights, WEIGHTS)
    parts = [set(found.groups[part.indices]) for part in found.parts.values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 10
    alone = table([(text, label, trust) for text, label, _, _, trust in weighted_rows()], "u.csv", ("said", "label", "trust"))
    assert next(data.texts.load(alone, weight_column="trust", in_memory=in_memory).train.texts()).startswith("sentence")
    rows = weighted_rows()
    rows[3] = ("", *rows[3][1:])
    skipped = data.texts.load(table(rows, "v.csv"), weight_column="trust", skip_empty=True, in_memory=in_memory)
    np.testing.assert_array_equal(skipped.weights, np.delete(WEIGHTS, 3))


@pytest.mark.parametrize("in_memory", ["always", "never"])
def test_image_files(table, tmp_path, in_memory):
    for k in range(COUNT):
        Image.new("L", (4, 4), k).save(tmp_path / f"{k}.png")
    rows = [(f"{k}.png", label, group, value) for k, (_, label, _, group, value) in enumerate(weighted_rows())]
    name = table(rows, header=("path", "label", "camera", "trust"))
    found = data.images.load(name, weight_column="trust", group_column="camera", in_memory=in_memory)
    np.testing.assert_array_equal(found.weights, WEIGHTS)
    parts = [set(found.groups[part.indices]) for part in found.parts.values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 10
    # The pixel of a batch says which image it is.
    feed = data.training_batches(found.train, batch_size=4, num_classes=2, epochs=1, example_weights=weights.of_training(found))
    for images, _, counts in read(feed):
        own = WEIGHTS[images[:, 0, 0, 0].astype(int)]
        np.testing.assert_allclose(counts, own / WEIGHTS[found.train.indices].mean(), rtol=1e-5)


def test_series_and_their_windows(table):
    rows = [(unit, step, np.sin(unit + step), ("no", "yes")[unit % 2], WEIGHTS[unit]) for unit in range(COUNT) for step in range(10)]
    name = table(rows, header=("id", "time", "x", "label", "trust"))
    found = data.series.load(name, weight_column="trust", time_column="time", window=4)
    assert found.preprocessing["features"] == ["x"]
    np.testing.assert_allclose(found.weights, WEIGHTS, rtol=1e-6)
    own = WEIGHTS[np.array(found.train.units, int)]
    assert len(own) > 2 * len(set(found.train.units))
    np.testing.assert_allclose(weights.of_training(found), own / own.mean(), rtol=1e-6)
    assert next(iter(found.split_rows()))[-1] == "weight"
    rows[5] = (*rows[5][:4], 9.0)
    with pytest.raises(UserError, match=r"id '0' has several values of 'trust'; a series has one weight"):
        data.series.load(table(rows, header=("id", "time", "x", "label", "trust")), weight_column="trust", time_column="time")


def test_arrays_of_a_numpy_file(tmp_path):
    x, y = np.random.default_rng(0).integers(0, 9, (COUNT, 4, 4)), np.arange(COUNT) % 2
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, trust=WEIGHTS, short=WEIGHTS[1:], **{"x_test": x[:6], "y_test": y[:6]})
    name = f"npz:{tmp_path / 'a.npz'}"
    for load in (data.images.load, data.series.load):
        np.testing.assert_array_equal(load(name, weight_column="trust").weights, WEIGHTS)
        with pytest.raises(UserError, match="short must be numbers of shape"):
            load(name, weight_column="short")
        with pytest.raises(UserError, match="has no array 'weight'; it has "):
            load(name, weight_column="weight")


def test_of_python_arrays():
    rows = np.random.default_rng(0).random((COUNT, 2))
    dataset = data.tables.from_arrays(rows, np.arange(COUNT) % 2, rows, np.arange(COUNT) % 2, validation_fraction=0.25)
    found = data.weighted(dataset, WEIGHTS)
    assert [row[4] for row in found.split_rows() if row[0] == "train"] == WEIGHTS[dataset.train.indices].tolist()
    with pytest.raises(UserError, match=r"needs 40 weights, numbers \(examples,\), got float64 of shape \(30,\)"):
        data.weighted(dataset, WEIGHTS[:30])
    with pytest.raises(UserError, match=r"arrays:\w+, example 3: the weight is -1; accepted are numbers of 0 or more"):
        data.weighted(dataset, np.where(np.arange(COUNT) == 3, -1, 1))
    with pytest.raises(UserError, match="the weights of all 30 training examples are 0, which leaves nothing to learn from"):
        weights.of_training(data.weighted(dataset, np.zeros(COUNT)))


@pytest.mark.parametrize("medium", ["tables", "texts"])
@pytest.mark.parametrize("in_memory", ["always", "never"])
@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("-0.5", "line 5, column 'trust': the weight is -0.5; accepted are numbers of 0 or more"),
        ("", "line 5, column 'trust': the weight is missing; accepted are numbers of 0 or more"),
        ("NA", "line 5, column 'trust': the weight is missing"),
        ("inf", "line 5, column 'trust': "),
        ("high", "line 5, column 'trust': .*'high'"),
    ],
)
def test_what_is_no_weight(table, medium, in_memory, cell, told):
    name = table(weighted_rows([*WEIGHTS[:3], cell, *WEIGHTS[4:]]))
    with pytest.raises(UserError, match=told) as raised:
        getattr(data, medium).load(name, label_column="label", weight_column="trust", in_memory=in_memory)
    assert "missing-values" not in str(raised.value)


def test_a_weight_that_cannot_be(table):
    name = table(weighted_rows())
    with pytest.raises(UserError, match=r"has no column 'worth' \(--weight-column\)"):
        data.tables.load(name, label_column="label", weight_column="worth")
    with pytest.raises(UserError, match="'label' cannot be both --label-column and --weight-column"):
        data.texts.load(name, weight_column="label")
    with pytest.raises(UserError, match="--weight-column is for csv:PATH, and for npz:PATH as the name of an array; digits has no weights"):
        data.images.load("digits", weight_column="trust")
    with pytest.raises(UserError, match="--weight-column is for csv:PATH, got docstrings; leave it out"):
        data.texts.load("docstrings", weight_column="trust")
    with pytest.raises(UserError, match="--group-column is for csv:PATH; digits has no columns"):
        data.images.load("digits", group_column="camera")
    with pytest.raises(UserError, match="sequential_digits has no weights"):
        data.series.load("sequential_digits", weight_column="trust")
