"""Examples of a dataset as a report shows them."""

import numpy as np
import pytest

from hornbook import data
from hornbook.data import randomness
from hornbook.data.series import augmentation
from hornbook.evaluation import scores
from hornbook.reports import classification, examples, inputs


def test_a_few_features_are_lines_and_many_are_a_map():
    ramp = np.arange(10.0)[:, None]
    lines = examples.series_picture(np.concatenate([ramp, -ramp], axis=1), 'a <"ramp">')
    assert lines.count("<polyline") == 2
    assert "&lt;&quot;ramp&quot;&gt;" in lines
    image = examples.series_picture(np.repeat(ramp, 4, axis=1) * [0, 0, 0, 1], "map")
    assert image.dtype == np.uint8
    assert image.shape == (64, 10, 1)
    assert (image[:16, -1] == 255).all()  # The last feature is at the top.
    assert (image[16:] == 0).all()


def test_padding_is_not_drawn_and_no_spike_is_lost():
    values = np.zeros((1000, 1))
    values[517] = 1
    values[900:] = np.nan
    drawn = examples.series_picture(values, "spike")
    assert drawn.count(",") < 160
    heights = [float(point.split(",")[1]) for point in drawn.split('points="')[1].split('"')[0].split()]
    assert min(heights) < max(heights) - 50
    assert "nan" not in drawn


def test_a_constant_series_is_drawn():
    assert "nan" not in examples.series_picture(np.full((5, 1), 3.0), "flat")


def test_mistakes_are_the_surest_ones_and_go_into_the_report():
    dataset = data.series.from_arrays(np.random.default_rng(0).normal(size=(4, 9)), [0, 1, 0, 1], validation_fraction=0)
    logits = np.array([[0.0, 5.0], [0.0, 5.0], [0.0, 1.0], [2.0, 0.0]])
    found = scores.mistakes({"loss": "cross-entropy", "class_names": ("down", "up")}, dataset.train.labels, logits)
    found = examples.mistakes(dataset, "train", found)
    assert [(one["true"], one["predicted"]) for one in found] == [("down", "up"), ("up", "down"), ("down", "up")]
    html = classification.mistakes(found)
    assert html.count("<svg") == 3
    assert "said <bdi>up</bdi>" in html


def test_the_sheet_shows_what_augmentation_does_or_is_left_out():
    dataset = data.series.from_arrays(np.random.default_rng(0).normal(size=(10, 9)), np.arange(10) % 2, validation_fraction=0)
    on = augmentation.augmenter(mean=[0], deviation=[1], jitter_strength=0.3)
    off = augmentation.augmenter(mean=[0], deviation=[1])
    rows = examples.augmented(dataset, on, count=3, versions=2)
    assert [len(row["versions"]) for row in rows] == [2, 2, 2]
    assert inputs.sheet(rows).count("<svg") == 9
    assert examples.augmented(dataset, off) == []


def test_the_recall_of_few_examples_is_marked():
    labels = np.array([0] * 10 + [1] * 4)
    scored = scores.scores("cross-entropy", labels, np.eye(3)[labels] * 5, ("many", "few", "none"))
    html = classification.classes(scored)
    rows = {name: next(row for row in html.split("<tr>") if f"<bdi>{name}</bdi>" in row) for name in ("many", "few", "none")}
    assert "100.0%*" in rows["few"]
    assert "*" not in rows["many"]
    assert rows["none"].count("\N{EN DASH}") == 1
    assert "A recall marked * is of fewer than 5 examples" in html
    assert "marked" not in classification.classes(scores.scores("cross-entropy", labels[:10] % 2, np.eye(2)[labels[:10]], ("a", "b")))


def test_texts_and_rows_are_shown_in_words():
    texts = data.texts.from_texts(["good film", "a bad film"] * 4, ["yes", "no"] * 4, validation_fraction=0)
    found = [{"position": 1, "true": "no", "predicted": "yes", "confidence": 0.9}]
    assert examples.mistakes(texts, "train", found)[0]["text"] == "a bad film"
    rows = data.tables.from_arrays(np.arange(20.0)[:, None], np.arange(20) % 2, column_names=("age",), validation_fraction=0)
    assert "age 1" in examples.mistakes(rows, "train", found)[0]["text"]


def test_images_are_pictures_of_bytes():
    pixels = np.arange(32, dtype=np.uint8).reshape(2, 4, 4, 1)
    dataset = data.images.from_arrays(pixels, np.array([0, 1]), validation_fraction=0)
    found = [{"position": 1, "true": "1", "predicted": "0", "confidence": 0.9}]
    np.testing.assert_array_equal(examples.mistakes(dataset, "train", found)[0]["image"], pixels[1])
    augment = data.images.augmenter("flip")
    rows = examples.augmented(dataset, augment, count=2, versions=4)
    assert len(rows) == 2
    assert any((version == rows[0]["image"][:, ::-1]).all() for version in rows[0]["versions"])
    assert examples.augmented(dataset, data.images.augmenter("none")) == []


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_sheet_of_images_shows_what_training_sees(channels):
    pixels = np.random.default_rng(0).integers(1, 256, (40, 8, 6, channels)).astype(np.float32) / 255
    dataset = data.images.from_arrays(pixels, np.arange(40) % 2, class_names=("cat", "dog"), validation_fraction=0)
    augment = data.images.augmenter("crop-flip", pixel_maximum=1.0)
    shown = examples.augmented(dataset, augment, count=4, versions=3, seed=7)
    kept = slice(None) if channels != 4 else slice(1)  # Of four channels the first is shown.
    assert [one["label"] for one in shown] == ["cat", "dog", "cat", "dog"]
    for position, one in zip((0, 13, 26, 39), shown, strict=True):
        assert np.array_equal(one["image"], np.rint(pixels[position][..., kept] * 255))
        for epoch, version in enumerate(one["versions"]):
            expected, _ = augment(
                pixels[position : position + 1],
                np.zeros((1, 2), np.float32),
                lambda stream, place=position, epoch=epoch: randomness.uniform(7, epoch, np.array([place]), stream),
            )
            assert version.dtype == np.uint8
            assert np.array_equal(version, np.rint(expected[0][..., kept] * 255))
