"""Image files: streamed, checked, brought to one shape."""

import threading

import numpy as np
import pytest
from PIL import Image

from hornbook import UserError
from hornbook.data import batches, randomness
from hornbook.data.dataset import Examples
from hornbook.data.images.decoding import parse_size
from hornbook.data.images.files import FileExamples, choose_shape, in_parallel

SHAPE = (6, 5, 3)


@pytest.fixture
def folder(tmp_path):
    """Fifty pictures of random colours as FileExamples, with their pixels."""
    generator, files, pixels = np.random.default_rng(0), [], []
    for number in range(50):
        pixels.append(generator.integers(0, 256, SHAPE, dtype=np.uint8))
        files.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(pixels[-1]).save(files[-1])
    labels = np.arange(50) % 3
    return FileExamples(np.array(files, object), labels, np.arange(50) * 2, "train", SHAPE), np.stack(pixels)


def test_streamed_and_in_memory_are_the_same(folder):
    examples, pixels = folder
    kept = examples.in_memory()
    assert isinstance(kept, Examples)
    assert np.array_equal(kept.inputs, pixels)
    assert kept.size_in_bytes == examples.size_in_bytes == pixels.nbytes
    for name in ("labels", "indices", "files"):
        assert np.array_equal(getattr(kept, name), getattr(examples, name))
    assert kept.source == examples.source
    np.testing.assert_allclose(examples.moments(), kept.moments())


@pytest.mark.parametrize("batch_size", [1, 7, 50, 64])
@pytest.mark.parametrize("order", [None, randomness.permutation(5, 0, 50), np.array([4, 4, 40, 4, 0])], ids=["none", "all", "some"])
def test_batches_in_order(folder, batch_size, order):
    examples, pixels = folder
    streamed = list(examples.stream(batch_size, order))
    order = np.arange(50) if order is None else order
    assert np.array_equal(np.concatenate([places for places, _ in streamed]), np.arange(len(order)))
    assert np.array_equal(np.concatenate([inputs for _, inputs in streamed]), pixels[order])
    assert all(len(inputs) == batch_size for _, inputs in streamed[:-1])


def test_a_part_of_a_part(folder):
    examples, pixels = folder
    some = examples.subset(np.array([30, 4, 5]))
    assert np.array_equal(some.in_memory().inputs, pixels[[30, 4, 5]])
    assert some.indices.tolist() == [60, 8, 10]
    assert np.array_equal(examples.in_memory().subset(np.array([30])).files, examples.files[[30]])


def test_the_training_feed_is_that_of_memory(folder):
    examples, _ = folder

    def feed(part, first_epoch=0):
        made = batches.training_batches(part, batch_size=8, num_classes=3, epochs=3, first_epoch=first_epoch, seed=4)
        made = made.as_numpy_iterator() if hasattr(made, "as_numpy_iterator") else (made[number] for number in range(len(made)))
        return [tuple(np.asarray(array).tobytes() for array in batch) for batch in made]

    if not hasattr(batches.training_batches(examples.in_memory(), batch_size=8, num_classes=3, epochs=1), "as_numpy_iterator"):
        pytest.skip("streamed data are fed by TensorFlow")
    whole = feed(examples)
    assert len(whole) == 18
    assert whole == feed(examples.in_memory())
    assert feed(examples, 2) == whole[12:]


def test_threads_end_with_whoever_reads(folder):
    def decoding():
        return [thread for thread in threading.enumerate() if thread.name.startswith("images")]

    stream = folder[0].stream(4)
    next(stream)
    assert decoding()
    stream.close()
    assert not decoding()


def test_all_broken_files_are_found_at_once(folder, tmp_path):
    examples, pixels = folder
    whole = (tmp_path / "9.png").read_bytes()
    (tmp_path / "9.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "20.png").write_text("a picture")
    (tmp_path / "21.png").write_bytes(b"")
    (tmp_path / "49.png").unlink()
    for in_memory in (True, False):
        part, unreadable = examples.checked(in_memory)
        assert [file for file, _ in unreadable] == [str(tmp_path / f"{number}.png") for number in (9, 20, 21, 49)]
        reasons = [reason for _, reason in unreadable]
        assert "format" in reasons[1]
        assert reasons[2:] == ["is empty", "no such file"]
        left = [number for number in range(50) if number not in (9, 20, 21, 49)]
        assert part.indices.tolist() == [2 * number for number in left]
        assert np.array_equal(part.in_memory().inputs, pixels[left])


def test_a_file_that_breaks_later_is_named(folder, tmp_path):
    examples, _ = folder
    part, unreadable = examples.checked(in_memory=False)
    assert part is examples
    assert unreadable == []
    (tmp_path / "30.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"30\.png cannot be read: is empty; accepted are JPEG"):
        list(part.stream(8))


def saved(path, size, mode="RGB"):
    Image.new(mode, (size[1], size[0]), 7 if mode == "L" else (7, 8, 9)).save(path)
    return str(path)


def test_the_size_that_all_have(tmp_path):
    grey = [saved(tmp_path / f"{number}.png", (4, 7), "L") for number in range(3)]
    assert choose_shape(grey, "x") == (4, 7, 1)
    assert choose_shape([*grey, saved(tmp_path / "c.png", (4, 7))], "x") == (4, 7, 3)
    assert choose_shape(grey, "x", image_size=9) == (9, 9, 1)
    assert choose_shape(grey, "x", image_size="9X5", channels=3) == (9, 5, 3)
    (tmp_path / "0.png").write_bytes(b"")
    assert choose_shape(grey, "x") == (4, 7, 1)


def test_several_sizes_are_named(tmp_path):
    files = [saved(tmp_path / f"{number}.png", (8, 8)) for number in range(3)] + [saved(tmp_path / "odd.png", (2, 400))]
    with pytest.raises(UserError) as raised:
        choose_shape(files, "folder:x")
    for word in ("folder:x", "0.png is 8x8", "odd.png is 2x400", "--image-size 8"):
        assert word in str(raised.value)
    assert choose_shape(files, "folder:x", image_size="8") == (8, 8, 3)


def test_photographs_are_not_trained_on_at_full_size_unasked(tmp_path, monkeypatch):
    monkeypatch.setattr("hornbook.data.images.files._LARGEST_BY_DEFAULT", 100)
    files = [saved(tmp_path / "a.png", (20, 30))]
    with pytest.raises(UserError, match=r"images are 20x30 .*a\.png\), too large .* or --image-size 20x30 to keep them"):
        choose_shape(files, "x")
    assert choose_shape(files, "x", image_size="20x30") == (20, 30, 3)


def test_nothing_can_be_read(tmp_path):
    (tmp_path / "a.jpg").write_text("no")
    with pytest.raises(UserError, match=r"1 of 1 images cannot be read: .*a\.jpg") as raised:
        choose_shape([str(tmp_path / "a.jpg")], "x")
    assert "--skip-unreadable" not in str(raised.value)


@pytest.mark.parametrize("size", ["", "0", "-3", "3.5", "8x", "x8", "8x8x8", "large", "0x8", "99999", "8*8", "٣"])
def test_what_is_no_size(size):
    with pytest.raises(UserError, match="--image-size must be a number such as 64, or HEIGHTxWIDTH such as 48x64"):
        parse_size(size)


def test_sizes():
    assert parse_size(64) == parse_size("64") == parse_size(" 64x64 ") == (64, 64)
    assert parse_size("48x64") == (48, 64)


def test_results_come_in_order_and_errors_come_through():
    assert in_parallel(lambda number: number**2, 100, "squaring") == [number**2 for number in range(100)]
    assert in_parallel(int, 0, "nothing") == []
    with pytest.raises(ZeroDivisionError):
        in_parallel(lambda number: 1 / (number - 40), 100, "dividing")
