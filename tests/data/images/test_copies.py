"""Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.data.images.copies import COPIES, average_over_copies


def network():
    """A model to which every pixel is of another weight, so that no two copies of an image have the same output."""
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((6, 5, 2)), keras.layers.Flatten(), keras.layers.Dense(3), keras.layers.Activation("tanh")])


def images():
    return np.random.default_rng(0).normal(size=(4, 6, 5, 2)).astype("float32")


def shifted(pictures, rows, columns):
    """The pictures moved down and to the right, pixel by pixel; beyond an edge are the pixels next to it, mirrored."""
    result = np.empty_like(pictures)
    height, width = pictures.shape[1:3]
    for row in range(height):
        for column in range(width):
            source = row - rows, column - columns
            source = [abs(place) if place < size else 2 * (size - 1) - place for place, size in zip(source, (height, width), strict=True)]
            result[:, row, column] = pictures[:, source[0], source[1]]
    return result


def outputs(model, pictures):
    return keras.ops.convert_to_numpy(model(pictures))


def test_mirrored_copies_count_half():
    model, pictures = network(), images()
    expected = (outputs(model, pictures) + outputs(model, pictures[:, :, ::-1].copy())) / 2
    np.testing.assert_allclose(outputs(average_over_copies(model, "mirror"), pictures), expected, rtol=1e-5, atol=1e-6)


def test_shifted_copies_count_half_of_all_together():
    model, pictures = network(), images()
    weights = {(0, 0): 1 / 4, (-1, -1): 1 / 8, (1, 1): 1 / 8}
    expected = 0
    for (rows, columns), weight in weights.items():
        moved = shifted(pictures, rows, columns)
        expected = expected + weight * (outputs(model, moved) + outputs(model, moved[:, :, ::-1].copy()))
    np.testing.assert_allclose(outputs(average_over_copies(model, "mirror-shift"), pictures), expected, rtol=1e-5, atol=1e-6)


def test_none_is_the_model_itself():
    model = network()
    assert average_over_copies(model, "none") is model


@pytest.mark.parametrize("copies", COPIES[1:])
def test_a_loaded_model_is_taken_too(copies, tmp_path):
    model, pictures = network(), images()
    keras.Model(model.inputs, model.outputs).save(tmp_path / "model.keras")  # As a run saves it.
    again = keras.saving.load_model(tmp_path / "model.keras")
    found = outputs(average_over_copies(again, copies), pictures)
    np.testing.assert_allclose(found, outputs(average_over_copies(model, copies), pictures), rtol=1e-6)


def test_other_words_are_refused():
    with pytest.raises(UserError, match="test_time_augmentation must be one of none, mirror, mirror-shift, got 'shift'"):
        average_over_copies(network(), "shift")
