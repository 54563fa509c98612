"""Features that are computed once and kept on disk."""

import keras
import numpy as np
import pytest

from hornbook.data.dataset import Examples
from hornbook.training.learned import features, transfer


@pytest.fixture
def part():
    generator = np.random.default_rng(0)
    return Examples(generator.integers(0, 256, (10, 4, 4, 1)).astype(np.uint8), np.arange(10) % 2, np.arange(5, 15), "train")


def network(seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])


def refuse(*_, **__):
    raise AssertionError("computed again")


def test_they_are_what_the_network_computes(part, tmp_path):
    model = network()
    found = features.computed(model, part, where=tmp_path)
    np.testing.assert_allclose(found.inputs, model.predict(part.inputs, verbose=0), rtol=1e-6)
    for name in ("labels", "indices"):
        np.testing.assert_array_equal(getattr(found, name), getattr(part, name))
    assert found.source == "train"


def test_they_are_read_where_they_were_computed_before(part, tmp_path, monkeypatch):
    first = features.computed(network(), part, where=tmp_path)
    monkeypatch.setattr(features.batches, "predictions", refuse)
    again = features.computed(network(), part, where=tmp_path)
    np.testing.assert_array_equal(again.inputs, first.inputs)


def test_another_network_or_other_inputs_have_features_of_their_own(part, tmp_path):
    first = features.computed(network(), part, where=tmp_path)
    others = Examples(part.inputs[::-1].copy(), part.labels, part.indices, part.source)
    assert not np.array_equal(features.computed(network(1), part, where=tmp_path).inputs, first.inputs)
    np.testing.assert_allclose(features.computed(network(), others, where=tmp_path).inputs, first.inputs[::-1], rtol=1e-6)
    assert len(list(tmp_path.glob("*.npy"))) == 3


@pytest.mark.parametrize("content", [b"", b"no array", None], ids=["empty", "broken", "another shape"])
def test_a_file_that_is_not_theirs_is_computed_anew(part, tmp_path, content):
    first = features.computed(network(), part, where=tmp_path)
    (path,) = tmp_path.glob("*.npy")
    if content is None:
        np.save(path, np.zeros((3, 3), np.float32))
    else:
        path.write_bytes(content)
    np.testing.assert_array_equal(features.computed(network(), part, where=tmp_path).inputs, first.inputs)
    assert np.load(path).shape == (10, 3)


def test_where_nothing_can_be_kept_they_are_used_all_the_same(part, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    found = features.computed(network(), part, where=tmp_path / "file" / "below")
    assert found.inputs.shape == (10, 3)
    assert "note: the features are not kept" in capsys.readouterr().out


def test_tokens_are_known_by_their_ids(tmp_path, monkeypatch):
    from hornbook import data, models
    from hornbook.data.texts import tokenizing

    def network():
        keras.utils.set_random_seed(0)
        return transfer.features(models.cnn1d((None,), 2, vocabulary_size=9, width=2, embedding_size=3))

    def tokens(*texts):
        found = data.texts.from_texts(list(texts) * 4, [0, 1] * 4, validation_fraction=0)
        return data.texts.encode(found.train, tokenizing.fit(["one two three four five"], "word"))

    part = tokens("one two three", "four")
    first = features.computed(network(), part, where=tmp_path)
    np.testing.assert_allclose(first.inputs[1], first.inputs[3])
    assert not np.allclose(first.inputs[0], first.inputs[1])
    features.computed(network(), tokens("one two five", "four"), where=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr(features.batches, "predictions", refuse)  # Operations of another network have other names, and are the same.
    np.testing.assert_array_equal(features.computed(network(), part, where=tmp_path).inputs, first.inputs)


def test_image_files_are_known_by_what_is_in_them(tmp_path):
    from PIL import Image

    from hornbook.data.images.files import FileExamples

    def part(folder, shade):
        (tmp_path / folder).mkdir(exist_ok=True)
        Image.new("L", (4, 4), shade).save(tmp_path / folder / "0.png")
        return FileExamples(np.array([str(tmp_path / folder / "0.png")], object), np.array([0]), np.array([0]), "all", (4, 4, 1))

    first = features.computed(network(), part("a", 10), where=tmp_path / "kept")
    moved = features.computed(network(), part("b", 10), where=tmp_path / "kept")
    np.testing.assert_array_equal(first.inputs, moved.inputs)
    assert len(list((tmp_path / "kept").iterdir())) == 1
    changed = features.computed(network(), part("a", 200), where=tmp_path / "kept")  # Of the same size, within the same second.
    assert not np.array_equal(changed.inputs, first.inputs)
