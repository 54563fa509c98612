import numpy as np
import pytest

from hornbook import UserError, data

CLASSES = ("no", "yes")


@pytest.fixture
def write(tfds_root, write_prepared):
    import tensorflow_datasets as tfds

    kinds = {"text": tfds.features.Text(), "title": tfds.features.Text(), "label": tfds.features.ClassLabel(names=CLASSES)}
    kinds |= {name: tfds.features.ClassLabel(names=("low", "high")) for name in ("coarse", "fine")}
    kinds |= {"topic": tfds.features.ClassLabel(names=("a", "b", "c")), "number": tfds.features.Scalar(np.int64)}

    def write(records, *names):
        return write_prepared(tfds_root, "notes", {name: kinds[name] for name in names}, records)

    return write


def notes(count, **more):
    return [{"text": f"note é {k}", "label": k % 2, **more} for k in range(count)]


def test_splits_texts_and_classes_are_the_source_s_own(write):
    write({"train": notes(47), "test": notes(11)}, "text", "label")
    dataset = data.texts.load("tfds:notes", validation_fraction=0.2)
    assert dataset.class_names == CLASSES
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 37, "validation": 10, "test": 11}
    for part in dataset.parts.values():
        for index, label, text in zip(part.indices, part.labels, part.texts(), strict=True):
            number = int(text.rpartition(" ")[2])
            assert text == f"note é {number}"
            assert label == number % 2
            assert 0 <= index < 47


def test_features_are_chosen_by_name(write):
    write({"train": notes(20, title="A title", topic=1)}, "text", "title", "label", "topic")
    dataset = data.texts.load("tfds:notes", text_columns="title,text", label_column="topic", test_fraction=0, validation_fraction=0)
    assert next(iter(dataset.train.texts())).startswith("A title\nnote é ")
    assert dataset.class_names == ("a", "b", "c")
    with pytest.raises(UserError, match=r"has no class 'title' \(--label-column\); its features are label \(ClassLabel\), text"):
        data.texts.load("tfds:notes", label_column="title")


def test_what_has_no_text_is_refused_or_left_out(write):
    write({"train": [*notes(20), {"text": " ", "label": 1}]}, "text", "label")
    with pytest.raises(UserError, match=r"1 records of split train have no text \(\d+\); pass --skip-empty"):
        data.texts.load("tfds:notes")
    assert data.texts.load("tfds:notes", skip_empty=True).left_out == 1


def test_several_labels_without_a_usual_name_are_asked_about(write):
    write({"train": [{"text": f"note {k}", "coarse": 0, "fine": 1} for k in range(20)]}, "text", "coarse", "fine")
    with pytest.raises(UserError, match="tfds:notes has the class labels coarse, fine; pass --label-column"):
        data.texts.load("tfds:notes")


def test_a_dataset_without_texts_says_what_it_has(write):
    write({"train": [{"number": k, "label": 1} for k in range(5)]}, "number", "label")
    with pytest.raises(UserError, match=r"has no text with a class label; its features are label \(ClassLabel\), number \(Scalar\)"):
        data.texts.load("tfds:notes")
