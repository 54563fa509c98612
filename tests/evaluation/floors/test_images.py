"""Images: both models on digits, and which images are refused."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from hornbook.evaluation.floors import images, tasks
from hornbook.evaluation.floors.tasks import Task


@pytest.fixture(scope="module")
def digits():
    found = load_digits()
    return found.images[..., None].astype(np.uint8), found.target


# The last digits are of other hands: scikit-learn's own examples have 96% there by neighbours, 91% by logistic regression.
@pytest.mark.parametrize(("model", "least"), [(images.neighbour, 0.95), (images.logistic, 0.89)])
def test_digits(model, least, digits):
    pixels, labels = digits
    found = model(Task("classification", 10), pixels[:1400], labels[:1400], pixels[1400:])
    assert found.shape == (397, 10)
    assert least < (found.argmax(axis=1) == labels[1400:]).mean() < 0.995


def test_constant_pixels():
    pixels = np.zeros((6, 4, 4, 3), np.uint8)
    for model in (images.neighbour, images.logistic):
        assert np.isfinite(model(Task("classification", 2), pixels, np.array([0, 1] * 3), pixels)).all()


def test_contrast_and_brightness_of_all_images_do_not_matter(digits):
    pixels, labels = digits
    brighter = 100 + 3 * pixels
    task = Task("classification", 10)
    first, second = (images.logistic(task, one[:200], labels[:200], one[200:300]) for one in (pixels, brighter))
    np.testing.assert_allclose(first, second, atol=0.05)


def test_a_neighbour_of_several_labels():
    pixels = np.array([0, 100, 200], np.uint8).reshape(3, 1, 1, 1)
    labels = np.array([[0, 1], [1, 1], [1, 0]], float)
    found = images.neighbour(Task("multi-label", 2), pixels, labels, pixels + np.uint8(10))
    assert (found > 0).tolist() == (labels > 0).tolist()


def test_large_images_are_refused_with_their_size():
    images.refuse_large_images("images", (32, 32, 3))
    images.refuse_large_images("series", (1000, 4))
    with pytest.raises(tasks.LeftOutError, match="images are 32x64, and pixels alone say little beyond 32x32"):
        images.refuse_large_images("images", (32, 64, 3))
