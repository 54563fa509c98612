"""Embeddings of a table's numbers against their formulas in NumPy, and what is refused."""

import keras
import numpy as np
import pytest

from hornbook import models

EDGES = ((0.0, 1.0, 3.0), (-1.0, 1.0))
ROWS = np.array([[-1.0, 0.0, 7.0], [0.5, 2.0, 8.0], [2.0, -0.5, 9.0]], "float32")


def before(model, name):
    """The output of a layer for ROWS."""
    return keras.ops.convert_to_numpy(keras.Model(model.inputs[0], model.get_layer(name).output)(ROWS))


def kernels(model, name):
    return [keras.ops.convert_to_numpy(weight) for weight in model.get_layer(name).weights]


@pytest.mark.parametrize("builder", [models.mlp, models.tabm])
def test_piecewise_numbers_fill_their_bins_one_after_the_other(builder):
    model = builder((3,), 2, number_embedding="piecewise", numbers=2, bin_edges=EDGES, number_features=4)
    bins = before(model, "bins_of_each")
    # The second number has one bin, and beside it one that is always 0.
    expected = [[[0, 0], [0.5, 0]], [[0.5, 0], [1, 0]], [[1, 0.5], [0.25, 0]]]
    np.testing.assert_allclose(bins, expected, atol=1e-6)
    kernel, bias = kernels(model, "number_embeddings")
    features = np.maximum(np.einsum("bni,nif->bnf", bins, kernel) + bias, 0).reshape(3, 8)
    np.testing.assert_allclose(before(model, "numbers"), np.concatenate([features, ROWS[:, 2:]], axis=1), rtol=1e-5, atol=1e-6)


def test_periodic_numbers_are_waves_of_learned_frequencies():
    keras.utils.set_random_seed(0)
    model = models.mlp((3,), 2, number_embedding="periodic", numbers=2, frequencies=500, frequency_scale=0.5, number_features=4)
    (frequencies,) = kernels(model, "frequencies")
    assert frequencies.shape == (2, 500)
    assert frequencies.std() == pytest.approx(0.5, rel=0.1)
    phases = 2 * np.pi * ROWS[:, :2, None] * frequencies
    np.testing.assert_allclose(before(model, "waves"), np.concatenate([np.sin(phases), np.cos(phases)], axis=-1), atol=1e-4)
    assert before(model, "numbers").shape == (3, 2 * 4 + 1)


def test_every_number_has_a_layer_of_its_own():
    keras.utils.set_random_seed(0)
    model = models.mlp((3,), 2, number_embedding="periodic", frequencies=200, number_features=50)
    kernel, _ = kernels(model, "number_embeddings")
    assert not np.array_equal(kernel[0], kernel[1])
    assert np.abs(kernel).max() <= 400**-0.5
    assert kernel.std() == pytest.approx((400 * 3) ** -0.5, rel=0.05)


def test_input_scales_begin_at_one_and_are_spared_by_weight_decay():
    plain, scaled = models.mlp((3,), 2, scale_inputs=True), models.mlp((3,), 2)
    assert plain.count_params() == scaled.count_params() + 3
    (scale,) = kernels(plain, "input_scale")
    assert scale.tolist() == [1, 1, 1]


def test_submodels_see_the_inputs_with_random_signs():
    keras.utils.set_random_seed(0)
    (signs,) = kernels(models.tabm((50,), 2, submodels=8, width=4), "submodel_scale")
    assert signs.shape == (8, 50)
    assert set(np.unique(signs)) == {-1, 1}
    assert abs(signs.mean()) < 0.2
    assert len({tuple(row) for row in signs}) == 8


def test_submodels_differ_and_the_mean_predicts():
    keras.utils.set_random_seed(0)
    model = models.tabm((3,), 2, submodels=3, width=8, output_activation="linear")
    each = keras.ops.convert_to_numpy(model(ROWS, training=True))
    assert each.shape == (3, 3, 2)
    assert not np.allclose(each[:, 0], each[:, 1])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(ROWS)), each.mean(axis=1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"number_embedding": "waves"}, "number_embedding must be one of none, piecewise, periodic, got 'waves'"),
        ({"number_embedding": "periodic", "numbers": 4}, "numbers must be at most the 3 columns that are no codes of categories, got 4"),
        ({"number_embedding": "periodic", "numbers": 3, "category_sizes": (5,)}, "at most the 2 columns"),
        ({"number_embedding": "piecewise", "bin_edges": ()}, "rising edges, .* for each of 3 numbers, got 0 lists"),
        ({"number_embedding": "piecewise", "bin_edges": EDGES}, "for each of 3 numbers, got 2 lists"),
        ({"number_embedding": "piecewise", "bin_edges": ((0, 1), (1, 0), (0, 1))}, "rising edges"),
        ({"number_embedding": "piecewise", "bin_edges": 4}, "got 4"),
        ({"number_features": 0}, "number_features must be a whole number of at least 1, got 0"),
        ({"frequency_scale": 0}, "frequency_scale"),
        ({"category_sizes": 7}, "category_sizes must hold a number for each column"),
    ],
)
@pytest.mark.parametrize("builder", [models.mlp, models.tabm])
def test_what_makes_no_sense_is_refused(builder, options, words):
    with pytest.raises(ValueError, match=words):
        builder((3,), 2, **options)


def test_images_have_no_numbers_to_embed():
    with pytest.raises(ValueError, match=r"is for a table, input_shape=\(columns,\), got \(4, 4, 1\)"):
        models.mlp((4, 4, 1), 2, number_embedding="periodic")
