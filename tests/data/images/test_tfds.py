import json
import os
import shutil
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from hornbook import UserError, data
from hornbook.data import batches, randomness
from hornbook.data.dataset import Examples
from hornbook.data.images import decoding
from hornbook.data.images import tfds as images_tfds

CLASSES = ("cat", "dog", "owl")
SIZES = {"train": 47, "test": 11}


@pytest.fixture(scope="module")
def write_dataset(write_prepared):
    """A function that writes a prepared dataset and gives its images and labels by split."""

    def write(root, name, *, features=None, splits=SIZES, channels=1, **record):
        import tensorflow_datasets as tfds

        features = features or {"image": tfds.features.Image(shape=(6, 5, 1)), "label": tfds.features.ClassLabel(names=CLASSES)}
        generator, written, records = np.random.default_rng(0), {}, {}
        for split, size in splits.items():
            images = generator.integers(0, 256, (size, 6, 5, channels), dtype=np.uint8)
            labels = generator.permutation(np.arange(size) % len(CLASSES))
            written[split] = images, labels
            records[split] = [{"image": image, "label": int(label), **record} for image, label in zip(images, labels, strict=True)]
        write_prepared(root, name, features, records)
        return written

    return write


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, write_dataset):
    """A folder of prepared data and what was written there."""
    root = tmp_path_factory.mktemp("tensorflow_datasets")
    return root, write_dataset(root, "animals")


@pytest.fixture(scope="module")
def loaded(prepared):
    """The dataset in memory and streamed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", str(prepared[0]))
        return [data.images.load("tfds:animals", validation_fraction=0.25, in_memory=how) for how in ("always", "never")]


@pytest.fixture
def root(prepared, monkeypatch, offline):
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared[0]))
    return prepared[0]


@pytest.fixture
def copy(prepared, tmp_path, monkeypatch, offline):
    """A copy of the prepared folder of the dataset, to be broken."""
    shutil.copytree(prepared[0], tmp_path / "copy")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "copy"))
    return tmp_path / "copy" / "animals" / "1.0.0"


def records(examples):
    """The multiset of (image, label): what a part holds, whatever its order."""
    return sorted((image.tobytes(), int(label)) for image, label in zip(examples.inputs, examples.labels, strict=True))


def test_everything_written_is_read(root, prepared, offline):
    dataset = data.images.load("tfds:animals", validation_fraction=0)
    assert not offline  # A prepared dataset needs no network.
    assert isinstance(dataset.train, Examples)  # "auto", of so few.
    assert (dataset.name, dataset.class_names, dataset.input_shape, dataset.pixel_maximum) == ("tfds:animals", CLASSES, (6, 5, 1), 255)
    assert list(dataset.parts) == ["train", "test"]
    for part, (images, labels) in prepared[1].items():
        examples = dataset.part(part)
        assert examples.source == part
        assert examples.inputs.dtype == np.uint8
        assert np.array_equal(examples.indices, np.arange(SIZES[part]))
        assert records(examples) == records(Examples(images, labels, None, part))


def test_streamed_and_in_memory_are_the_same(loaded):
    memory, streamed = loaded
    assert isinstance(memory.train, Examples)
    assert isinstance(streamed.train, images_tfds.StreamedExamples)
    for part in ("train", "validation", "test"):
        kept, read = memory.part(part), streamed.part(part)
        assert np.array_equal(kept.labels, read.labels)
        assert np.array_equal(kept.indices, read.indices)
        assert kept.size_in_bytes == read.size_in_bytes
        assert np.array_equal(read.in_memory().inputs, kept.inputs)
        batches = list(read.stream(4))
        assert [len(positions) for positions, _ in batches[:-1]] == [4] * (len(batches) - 1)
        assert np.array_equal(np.concatenate([positions for positions, _ in batches]), np.arange(len(read)))
        assert np.array_equal(np.concatenate([images for _, images in batches]), kept.inputs)
        np.testing.assert_allclose(read.moments(), kept.moments())


def test_a_part_of_a_part(loaded):
    memory, train = (dataset.train for dataset in loaded)
    positions = np.array([3, 4, 20])
    assert np.array_equal(train.subset(positions).in_memory().inputs, memory.inputs[positions])
    assert np.array_equal(train.subset(positions).indices, train.indices[positions])


def order_of(examples, drawn, batch_size=8):
    order = randomness.permutation(*drawn, len(examples))
    return order[np.concatenate([places for places, _ in examples.stream(batch_size, order)])]


def test_the_shuffle_is_that_of_examples_in_memory(loaded):
    memory, train = (dataset.train for dataset in loaded)
    for order in ((0, 0), (0, 1), (5, 0)):
        assert np.array_equal(order_of(train, order), randomness.permutation(*order, len(train)))
    order = randomness.permutation(0, 3, len(train))
    for places, batch in train.stream(8, order):
        assert np.array_equal(batch, memory.inputs[order[places]])


@pytest.mark.parametrize("order", [[7, 3, 20], [7, 3, 7, 7, 20, 0, 3], [0] * 9], ids=["fewer", "some twice", "one"])
def test_an_order_may_lack_examples_and_have_others_more_than_once(loaded, order):
    memory, train = (dataset.train for dataset in loaded)
    streamed = list(train.stream(2, np.array(order)))
    assert np.array_equal(np.concatenate([places for places, _ in streamed]), np.arange(len(order)))
    assert np.array_equal(np.concatenate([batch for _, batch in streamed]), memory.inputs[order])


def test_the_shuffle_does_not_depend_on_the_global_seed(loaded):
    train = loaded[1].train
    orders = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        orders.append(order_of(train, (0, 0)))
    assert np.array_equal(*orders)


def test_more_than_the_buffer_is_shuffled_in_stretches(loaded, monkeypatch):
    monkeypatch.setattr(images_tfds, "_SHUFFLE_BUFFER_BYTES", 1)
    train = loaded[1].train
    first, again, other = order_of(train, (0, 0)), order_of(train, (0, 0)), order_of(train, (0, 1))
    everything = np.arange(len(train))
    assert np.array_equal(np.sort(first), everything)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, everything)
    for start in range(0, len(train), 8):  # The buffer holds a batch at least.
        assert np.array_equal(np.sort(first[start : start + 8]), everything[start : start + 8])


def test_the_source_s_own_validation_split_is_used(tfds_root, write_dataset):
    written = write_dataset(tfds_root, "split", splits={"train": 20, "validation": 9, "test": 6})
    dataset = data.images.load("tfds:split", validation_fraction=0.5)
    assert len(dataset.train) == 20
    assert records(dataset.validation) == records(Examples(*written["validation"], None, ""))


def test_a_source_without_a_test_split_is_split(tfds_root, write_dataset):
    write_dataset(tfds_root, "whole", splits={"train": 60})
    dataset = data.images.load("tfds:whole", validation_fraction=0.25, test_fraction=0.2)
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 36, "validation": 12, "test": 12}
    together = np.concatenate([part.indices for part in dataset.parts.values()])
    assert np.array_equal(np.sort(together), np.arange(60))


def test_other_features_are_left_alone(tfds_root, write_dataset):
    import tensorflow_datasets as tfds

    features = {
        "about": tfds.features.Text(),
        "boxes": tfds.features.Dataset({"corner": np.int64}),
        "image": tfds.features.Image(shape=(6, 5, 1)),
        "label": tfds.features.ClassLabel(names=CLASSES),
    }
    write_dataset(tfds_root, "rich", features=features, about="a picture", boxes=[{"corner": 3}])
    assert len(data.images.load("tfds:rich", in_memory="always").test) == SIZES["test"]


@pytest.mark.parametrize("first", ["age", "zoo"])
def test_of_several_labels_the_one_called_label_is_taken(first, tfds_root, write_dataset):
    import tensorflow_datasets as tfds

    features = {
        first: tfds.features.ClassLabel(names=["young", "old"]),
        "image": tfds.features.Image(shape=(6, 5, 1)),
        "label": tfds.features.ClassLabel(names=CLASSES),
    }
    write_dataset(tfds_root, "several", features=features, **{first: 1})
    assert data.images.load("tfds:several").class_names == CLASSES


def refusal(name="animals", **options):
    with pytest.raises(UserError) as raised:
        data.images.load(f"tfds:{name}", **options)
    message = str(raised.value)
    assert "\n" not in message
    assert "{{" not in message
    return message


@pytest.mark.parametrize(
    ("piece", "count"),
    [("[:30]", 30), ("[10:]", 37), ("[-20:]", 20), ("[:50%]", 24), ("[10%:90%]", 37), ("[:-7]", 40), (":1.0.0[:30]", 30)],
)
def test_a_slice_is_of_the_training_split(root, loaded, prepared, piece, count):
    part = data.images.load(f"tfds:animals{piece}", validation_fraction=0)
    assert len(part.train) == count
    assert part.train.source == f"train{piece.removeprefix(':1.0.0')}"
    assert set(records(part.train)) <= set(records(Examples(*prepared[1]["train"], None, "train")))
    assert records(part.test) == records(loaded[0].test)


def test_a_slice_is_streamed_as_it_is_in_memory(root):
    memory, streamed = (
        data.images.load("tfds:animals[10%:90%]", validation_fraction=0, in_memory=how).train for how in ("always", "never")
    )
    order = randomness.permutation(3, 1, 37)
    batches = list(streamed.stream(8, order))
    assert np.array_equal(np.concatenate([images for _, images in batches]), memory.inputs[order])


@pytest.mark.parametrize("piece", ["[:48]", "[99:]", "[30:20]", "[60%:40%]", "[:101%]", "[5:5]"])
def test_a_slice_of_nothing_is_refused(root, piece):
    with pytest.raises(UserError, match=r"no such images, its train split has 47; accepted is a slice of them such as \[:1000\]"):
        data.images.load(f"tfds:animals{piece}")


def shards(folder, split="train"):
    return sorted(folder.glob(f"*-{split}.tfrecord*"))


@pytest.mark.parametrize(("file", "share"), [("features.json", 0), ("features.json", 0.5), ("dataset_info.json", 0.5)])
def test_broken_metadata_names_the_folder(copy, file, share):
    text = (copy / file).read_text()
    (copy / file).unlink()
    if share:
        (copy / file).write_text(text[: int(share * len(text))])
    message = refusal()
    assert str(copy) in message
    assert f"{'dataset_info.json or features.json is broken' if share else 'features.json is missing'}; prepare it again" in message


@pytest.mark.parametrize("damage", ["truncated", "corrupted", "removed"])
def test_a_broken_file_names_the_split(copy, damage):
    file = shards(copy)[1]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    if damage == "removed":
        file.unlink()
    else:
        file.write_bytes(content if damage == "corrupted" else content[:-40])
    message = refusal()
    assert message.startswith("tfds:animals: split train cannot be read past record ")
    assert 0 <= int(message.split("record ")[1].split(":")[0]) < SIZES["train"]
    assert message.endswith("prepare the dataset again")


def test_a_broken_image_is_found_when_it_is_read(copy):
    import tensorflow as tf

    # Whole records, in which one image is none.
    [file] = shards(copy, "test")
    content = [record.numpy() for record in tf.data.TFRecordDataset(str(file))]
    example = tf.train.Example.FromString(content[5])
    example.features.feature["image"].bytes_list.value[0] = b"no image"
    content[5] = example.SerializeToString()
    with tf.io.TFRecordWriter(str(file)) as writer:
        for record in content:
            writer.write(record)
    for in_memory in ("always", "never"):
        message = refusal(in_memory=in_memory)
        assert message.startswith("tfds:animals: 1 of 58 images cannot be read: record 5 of split test (Unknown image file format")
        assert "prepare the dataset again, or pass --skip-unreadable" in message
        dataset = data.images.load("tfds:animals", in_memory=in_memory, skip_unreadable=True)
        assert [file for file, _ in dataset.unreadable] == ["record 5 of split test"]
        assert dataset.test.indices.tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]
        assert sum(len(images) for _, images in dataset.test.stream(4)) == 10 if in_memory == "never" else len(dataset.test.inputs) == 10


@pytest.mark.parametrize("in_memory", ["always", "never"])
def test_a_jpeg_cut_in_half_says_nothing_beside_the_refusal(tfds_root, capfd, in_memory, write_dataset):
    import tensorflow as tf
    import tensorflow_datasets as tfds

    jpeg = tfds.features.Image(shape=(6, 5, 1), encoding_format="jpeg")
    write_dataset(tfds_root, "photos", features={"image": jpeg, "label": tfds.features.ClassLabel(names=CLASSES)})
    [file] = shards(tfds_root / "photos/1.0.0", "test")
    content = [record.numpy() for record in tf.data.TFRecordDataset(str(file))]
    example = tf.train.Example.FromString(content[5])
    [whole] = example.features.feature["image"].bytes_list.value
    example.features.feature["image"].bytes_list.value[0] = whole[: len(whole) // 2]
    content[5] = example.SerializeToString()
    with tf.io.TFRecordWriter(str(file)) as writer:
        for record in content:
            writer.write(record)
    python_s = sys.stderr
    capfd.readouterr()
    with pytest.raises(UserError, match="record 5 of split test"):
        data.images.load("tfds:photos", in_memory=in_memory)
    # TensorFlow's decoder writes to the file of standard error, past Python.
    assert capfd.readouterr().err == ""
    assert sys.stderr is python_s
    os.write(2, b"heard again")
    assert capfd.readouterr().err == "heard again"


def test_what_decoders_say_before_a_crash_is_shown(capfd):
    def crash():
        with images_tfds._decoders_kept_quiet():
            os.write(2, b"the reason")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        crash()
    assert capfd.readouterr().err == "the reason"


def test_a_label_out_of_range_names_the_record(copy, prepared):
    names = copy / "label.labels.txt"
    names.write_text("\n".join(CLASSES[:2]) + "\n")
    features = json.loads((copy / "features.json").read_text())
    features["featuresDict"]["features"]["label"]["classLabel"]["numClasses"] = "2"
    (copy / "features.json").write_text(json.dumps(features))
    message = refusal()
    assert "of split train has label 2, but features.json names 2 classes (0 to 1)" in message
    # Which record: the first with that label in the order of reading, which the intact dataset tells.
    shutil.copytree(prepared[0], copy.parents[1], dirs_exist_ok=True)
    first = np.flatnonzero(data.images.load("tfds:animals", validation_fraction=0).train.labels == 2)[0]
    assert f"record {first} of split train" in message


def test_data_of_another_kind_is_refused(tfds_root, write_dataset):
    import tensorflow_datasets as tfds

    text = {"image": tfds.features.Tensor(shape=(6, 5, 1), dtype=np.uint8), "label": tfds.features.ClassLabel(names=CLASSES)}
    write_dataset(tfds_root, "tensors", features=text)
    assert "tfds:tensors has no image with a class label; its features are image (Tensor), label (ClassLabel)" in refusal("tensors")
    write_dataset(tfds_root, "untrained", splits={"test": 9})
    assert "tfds:untrained has no train split; it has test" in refusal("untrained")
    sizes = {"image": tfds.features.Image(shape=(None, None, 1)), "label": tfds.features.ClassLabel(names=CLASSES)}
    write_dataset(tfds_root, "sizes", features=sizes)
    assert "of no fixed size; pass --image-size" in refusal("sizes")


@pytest.mark.parametrize("in_memory", ["always", "never"])
def test_images_of_several_sizes_are_brought_to_one(tfds_root, in_memory, write_dataset):
    import tensorflow_datasets as tfds

    sizes = {"image": tfds.features.Image(shape=(None, None, 3)), "label": tfds.features.ClassLabel(names=CLASSES)}
    written = write_dataset(tfds_root, "sizes", features=sizes, channels=3)
    dataset = data.images.load("tfds:sizes", image_size="8x4", in_memory=in_memory, validation_fraction=0)
    assert dataset.input_shape == (8, 4, 3)
    expected = []
    for image, label in zip(*written["test"], strict=True):
        Image.fromarray(image).save(tfds_root / "one.png")
        expected.append((decoding.decode(str(tfds_root / "one.png"), (8, 4), 3).tobytes(), int(label)))
    assert records(dataset.test.in_memory()) == sorted(expected)
    assert dataset.test.size_in_bytes == SIZES["test"] * 96
    grey = data.images.load("tfds:sizes", image_size=4, channels=1, in_memory=in_memory)
    assert grey.train.in_memory().inputs.shape[1:] == grey.input_shape == (4, 4, 1)
    for size in ("0", "8x", "large"):
        assert "--image-size must be a number" in refusal("sizes", image_size=size)


def test_a_resumed_feed_goes_on_as_the_whole_one_would(loaded):
    memory, streamed = (dataset.train for dataset in loaded)

    def feed(examples, first_epoch):
        made = batches.training_batches(examples, batch_size=8, num_classes=3, epochs=3, first_epoch=first_epoch, seed=4)
        return [tuple(array.tobytes() for array in batch) for batch in made.as_numpy_iterator()]

    whole = feed(streamed, 0)
    assert len(whole) == 12
    assert feed(streamed, 2) == whole[8:]
    assert feed(memory, 0) == whole


def test_no_record_is_kept_in_a_cache_of_tensorflow_s(loaded):
    train = loaded[1].train
    datasets, kinds = [images_tfds._dataset(train.builder, "train", "image")], []
    while datasets:
        kinds.append(type(datasets[-1]).__name__)
        datasets += datasets.pop()._inputs()
    assert len(kinds) > 5
    assert not any("Cache" in kind for kind in kinds)
