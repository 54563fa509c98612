"""The parts of airbench's training as flags of the recipe for images: whitening, and the mean over copies of the test images."""

import json

import keras
import numpy as np
import pytest

from hornbook import data
from hornbook.inference.evaluate import evaluate
from hornbook.recipes import image_classification
from hornbook.recipes.image_classification import Args, main
from hornbook.recipes.steps import defaults

PLAIN = {"depth": 4, "width": 4, "epochs": 1, "batch_size": 128}


def test_the_whole_plan_runs(tmp_path):
    steps = {
        "optimizer": "sgd",
        "learning_rate": 0.5,
        "momentum": 0.85,
        "schedule": "polynomial",
        "lookahead": 5,
        "bias_learning_rate_factor": 64.0,
    }
    images = {"augmentation": "crop-flip", "flip": "alternating", "crop_padding": 2, "crop_fill": "reflect", "label_smoothing": 0.2}
    more = {"model": "airbench94", "width": 4, "precision": "bfloat16", "test_time_augmentation": "mirror-shift", "epochs": 2}
    result = main(Args(**steps, **images, **more, output=str(tmp_path / "run")))
    assert all(np.isfinite(value) for value in result["metrics"].values())
    assert result["metrics"]["accuracy"] > 0.15


def test_whitening_is_of_the_training_images_alone(colour_images):
    images, labels = colour_images[0].copy(), colour_images[1]
    kernels = []
    for brightness in (0, 100):
        images[labels == 1] = np.minimum(images[labels == 1], 155) + brightness
        dataset = data.images.from_arrays(images[labels == 0], np.arange(90) % 2, images, labels, validation_fraction=0.0)
        model = image_classification.build(Args(model="airbench", width=4, validation_fraction=0.0), dataset)
        kernels.append(keras.ops.convert_to_numpy(model.get_layer("airbench").get_layer("whitening").kernel))
    assert np.array_equal(*kernels)
    # Independent pixels of unit variance: the directions keep their lengths.
    np.testing.assert_allclose(np.linalg.norm(kernels[0].reshape(12, 24), axis=0), 1, atol=0.1)


def test_test_time_augmentation_is_marked_wherever_the_score_is(tmp_path, capsys):
    folder, without = tmp_path / "run", tmp_path / "without"
    result = main(Args(**PLAIN, test_time_augmentation="mirror", output=str(folder)))
    assert "test with test-time augmentation (mirror): accuracy" in capsys.readouterr().out
    written = json.loads((folder / "result.json").read_text())
    assert written["test_time_augmentation"] == "mirror"
    report = (folder / "report.html").read_text()
    assert "which training never saw, with test-time augmentation (mirror)" in report
    assert ">Single images<" in report
    alone = main(Args(**PLAIN, output=str(without)))
    assert written["single_images"] == pytest.approx(alone["metrics"], abs=1e-4)
    assert not {"test_time_augmentation", "single_images"} & set(alone)
    assert "with test-time" not in (without / "report.html").read_text()
    # The weights are those of a run without, and the saved model gives mean logits.
    test = data.images.load("digits").test
    model, plain = (keras.saving.load_model(path / "model.keras") for path in (folder, without))
    assert all(np.array_equal(first, second) for first, second in zip(model.get_weights(), plain.get_weights(), strict=True))
    logits = (plain.predict(test.inputs, verbose=0) + plain.predict(test.inputs[:, :, ::-1], verbose=0)) / 2
    np.testing.assert_allclose(model.predict(test.inputs, verbose=0), logits, rtol=1e-4, atol=1e-5)
    assert result["metrics"]["accuracy"] == pytest.approx((logits.argmax(-1) == test.labels).mean())
    # The command scores as the run did, and says so.
    capsys.readouterr()
    evaluate([str(folder)])
    rows = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert float(rows["accuracy"]) == pytest.approx(result["metrics"]["accuracy"], abs=1e-4)
    assert rows["test-time augmentation"] == "mirror"


@pytest.mark.parametrize(("flags", "copies"), [({}, "mirror-shift"), ({"augmentation": "crop"}, "none"), ({"model": "cnn"}, "none")])
def test_copies_are_the_default_of_what_was_measured_with_them(colour_images, flags, copies):
    dataset = data.images.from_arrays(*colour_images, *colour_images, validation_fraction=0.0)
    assert defaults.settle(Args(**{"model": "airbench94", **flags}), dataset).test_time_augmentation == copies
