"""Texts with their classes: functions that read them, and say how they are refused."""

import pytest

from hornbook import UserError, data


@pytest.fixture
def load():
    """A function that reads a dataset without a validation part."""

    def load(name, **options):
        return data.texts.load(name, **{"validation_fraction": 0.0, "test_fraction": 0.25, **options})

    return load


@pytest.fixture
def refusal(load):
    """A function that gives the message by which a dataset is refused."""

    def refusal(name, **options):
        with pytest.raises(UserError) as raised:
            load(name, **options)
        assert "\n" not in str(raised.value)
        return str(raised.value)

    return refusal


@pytest.fixture
def pairs():
    """A function that gives every text with its class, by its place in the source."""

    def pairs(dataset):
        found = {}
        for part in dataset.parts.values():
            classes = [dataset.class_names[label] for label in part.labels]
            found |= dict(zip(part.indices.tolist(), zip(part.texts(), classes, strict=True), strict=True))
        return [found[index] for index in sorted(found)]

    return pairs


@pytest.fixture
def folder_of_texts(tmp_path):
    """A folder of eight text files in two class folders."""
    for k in range(8):
        path = tmp_path / "texts" / ("good & fine", "bad")[k % 2] / f"{k}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text number {k}\nof two lines", encoding="utf-8-sig" if k % 3 else "utf-8")
    return tmp_path / "texts"
