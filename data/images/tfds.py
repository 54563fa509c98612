"""Images from TensorFlow Datasets: records that are read into memory or streamed.

Of the files that read images, this one alone imports TensorFlow, inside the functions that need it.
"""

import contextlib
import dataclasses
import os
import sys
import tempfile

import numpy as np

from hornbook import UserError
from hornbook.data import tfds_names
from hornbook.data.dataset import Brief, Examples, few
from hornbook.data.images import decoding, files
from hornbook.data.images.dataset import ImageDataset

_SHUFFLE_BUFFER_BYTES = 512 * 2**20

check = tfds_names.check


def load(name, *, image_size=None, channels=None, class_names=None):
    """An `ImageDataset` of `tfds:NAME`, streamed, with the source's own validation and test splits where it has them.

    Args:
        name: `tfds:NAME[/CONFIG][:VERSION]`, and perhaps a slice of its training split: `[:1000]`, `[10%:]`, `[-500:]`.
        image_size: text or integer, to which all images are resized, see `--image-size`; None: the size that the dataset declares.
        channels: 1 or 3; None: those that the dataset declares, else 3.
        class_names: one name, to read the images alone, all of that class; None: those of the dataset.

    Raises:
        UserError: something is wrong with the prepared data, with the split and record; or images have several sizes and there is no
            `image_size`.
    """
    size = None if image_size is None else decoding.parse_size(image_size)
    builder = tfds_names.open_builder(name.removeprefix("tfds:"))
    image_key, label_key = _keys(builder, name, labelled=class_names is None)
    class_names = class_names or tuple(map(str, builder.info.features[label_key].names))
    declared = builder.info.features[image_key].shape
    shape = (*(size or declared[:2]), channels or declared[2] or 3)
    if None in shape:
        raise UserError(f"{name}: images are of no fixed size; pass --image-size to bring all to one, such as --image-size 128")
    if shape != declared and shape[2] not in (1, 3):
        raise UserError(f"{name}: images have {shape[2]} channels and cannot be resized; accepted are 1 and 3, or no --image-size")
    parts = {}
    for part, source in tfds_names.source_splits(builder, name).items():
        if label_key is None:
            labels = np.zeros(builder.info.splits[source].num_examples, np.int64)
        else:
            labels = np.asarray(list(_labels(builder, source, image_key, label_key, name)), np.int64)
        parts[part] = StreamedExamples(builder, source, image_key, name, labels, np.arange(len(labels)), shape)
        tfds_names.refuse_wrong_labels(name, source, labels, len(class_names))
    return ImageDataset(name, class_names, shape, **parts)


def _keys(builder, name, *, labelled):
    """The names of the image and the label among the features; None for the label where there need be none."""
    import tensorflow_datasets as tfds

    # Features read from features.json have no order. The dataset's own choice counts first, then the usual names.
    usual = (*(builder.info.supervised_keys or ()), "image", "label")
    features = dict(sorted(builder.info.features.items(), key=lambda item: (item[0] not in usual, item[0])))
    keys = [[key for key, feature in features.items() if type(feature) is kind] for kind in (tfds.features.Image, tfds.features.ClassLabel)]
    kinds = tfds_names.kinds(features)
    if not labelled:
        if not keys[0]:
            raise UserError(f"{name} has no image; its features are {kinds}; accepted are datasets with an Image")
        return keys[0][0], None
    if not all(keys):
        raise UserError(
            f"{name} has no image with a class label; its features are {kinds}; accepted are datasets with an Image and a ClassLabel"
        )
    return keys[0][0], keys[1][0]


def _dataset(builder, source, image_key):
    """Undecoded records of one split in the order on disk, numbered."""
    import tensorflow_datasets as tfds

    return tfds_names.records(builder, source, decoders={image_key: tfds.decode.SkipDecoding()}).enumerate()


def _labels(builder, source, image_key, label_key, name):
    """The labels of a split; a broken file is named."""
    records = _dataset(builder, source, image_key).map(lambda _, record: record[label_key])
    yield from tfds_names.named_errors(records.as_numpy_iterator(), name, source)


def _repeats(order):
    return len(np.unique(order)) < len(order)


def _placed(records, order, length):
    """Records `(position, image)` of a part of a length as `(place in the order, image)`; without those that are not in it."""
    import tensorflow as tf

    place = np.full(length, -1, np.int64)
    place[order] = np.arange(len(order))
    place = tf.constant(place)
    records = records.map(lambda position, image: (tf.gather(place, position), image))
    return records if len(order) == length else records.filter(lambda place, _: place >= 0)


def _repeated(order):
    """A function from a record `(position, image)` to a dataset of as many `(place in the order, image)` as it has places there."""
    import tensorflow as tf

    by_position = np.argsort(order, kind="stable")
    ends = np.searchsorted(order[by_position], np.arange(int(order.max()) + 2))
    places, ends, beyond = tf.constant(by_position), tf.constant(ends), len(ends) - 1

    def of_record(position, image):
        known = tf.minimum(position, beyond - 1)
        found = places[ends[known] : tf.where(position < beyond, ends[known + 1], ends[known])]
        return tf.data.Dataset.from_tensor_slices(found).map(lambda place: (place, image))

    return of_record


@contextlib.contextmanager
def _decoders_kept_quiet():
    """Keep what TensorFlow's decoders write to standard error from the terminal: a message of ours says it in one line. A crash shows it.

    A progress bar in the block is still shown, since Python's own `sys.stderr` goes on to the terminal.
    """
    sys.stderr.flush()
    terminal, python_s = os.dup(2), sys.stderr
    with tempfile.TemporaryFile() as said, open(terminal, "w", buffering=1, encoding="utf-8", errors="backslashreplace") as shown:
        os.dup2(said.fileno(), 2)
        if python_s is sys.__stderr__:  # Else it does not end in this file, as in a notebook.
            sys.stderr = shown
        try:
            yield
        except Exception as error:
            if not isinstance(error, UserError):
                said.seek(0)
                os.write(terminal, said.read())
            raise
        finally:
            os.dup2(terminal, 2)
            sys.stderr = python_s


@dataclasses.dataclass(frozen=True)
class StreamedExamples(Brief):
    """One part of a dataset that stays on disk. It has the attributes of `Examples`; `indices` count the records of `source`.

    Images of the size that the dataset declares are decoded by TensorFlow, into the type that it declares; those to be brought to another
    `input_shape` by `decoding.decode`, as image files are.
    """

    builder: object
    source: str
    image_key: str
    name: str
    labels: np.ndarray
    indices: np.ndarray
    input_shape: tuple

    def __len__(self):
        return len(self.labels)

    @property
    def size_in_bytes(self):
        """What the decoded images would take in memory."""
        return len(self) * int(np.prod(self.input_shape)) * self._dtype.itemsize

    @property
    def _feature(self):
        return self.builder.info.features[self.image_key]

    @property
    def _as_declared(self):
        return self.input_shape == self._feature.shape

    @property
    def _dtype(self):
        return np.dtype(self._feature.np_dtype if self._as_declared else np.uint8)

    def subset(self, positions):
        """The examples at `positions`, an int array into this part."""
        return dataclasses.replace(self, labels=self.labels[positions], indices=self.indices[positions])

    def stream(self, batch_size, order=None):
        """Batches `(places, inputs)` of some examples, the last one smaller: places in their order, int arrays.

        Args:
            batch_size: examples a batch.
            order: int array of positions, in which an example may come more than once; None for all once, in the order on disk. It is kept
                to where the examples fit undecoded into 512 MiB, else within stretches of that size.
        """
        import tensorflow as tf

        position = np.full(int(self.indices.max()) + 1, -1, np.int64)
        position[self.indices] = np.arange(len(self))
        position = tf.constant(position)
        records = _dataset(self.builder, self.source, self.image_key)
        records = records.take(len(position)).map(lambda index, record: (tf.gather(position, index), record[self.image_key]))
        records = records.filter(lambda place, _: place >= 0)
        if order is not None:
            bytes_each = max(1, self.builder.info.splits[self.source].num_bytes // self.builder.info.splits[self.source].num_examples)
            stretch = int(min(len(order), max(batch_size, _SHUFFLE_BUFFER_BYTES // bytes_each)))
            # Not `shuffle`, whose order depends on TensorFlow's global seed too.
            records = records.flat_map(_repeated(order)) if _repeats(order) else _placed(records, order, len(self))

            def ranked(places, images):
                by_rank = tf.argsort(places)
                return tf.gather(places, by_rank), tf.gather(images, by_rank)

            records = records.batch(stretch).map(ranked).unbatch()
        if self._as_declared:
            feature = self._feature
            records = records.map(lambda place, image: (place, feature.decode_example(image)), num_parallel_calls=os.cpu_count())
        batches = records.batch(batch_size).prefetch(2).as_numpy_iterator()
        batches = tfds_names.named_errors(batches, self.name, self.source, f"batch of {batch_size}")
        if self._as_declared:
            yield from batches
        else:
            taken = self.indices if order is None else self.indices[order]
            yield from files.decoded_ahead(batches, self.input_shape, lambda place: f"{self.name}: {self._record(taken[place])}")

    def _record(self, index):
        return f"record {index} of split {self.source}"

    def checked(self, in_memory):
        """The part without the images that cannot be decoded, each decoded once to know: as `Examples` or as it is.

        Args:
            in_memory: whether to keep what was decoded.

        Returns:
            The part, and a list of (record, reason).
        """
        with _decoders_kept_quiet():
            try:
                if in_memory:
                    return self.in_memory(), []
                for _ in self._with_progress("checking"):
                    pass
                return self, []
            except UserError:
                unreadable = self._unreadable()
                if not unreadable:
                    raise
        part = self.subset(np.flatnonzero(~np.isin(self.indices, list(unreadable))))
        part = part.in_memory() if in_memory else part
        return part, [(self._record(index), reason) for index, reason in unreadable.items()]

    def _unreadable(self):
        """Index and reason of every image that cannot be decoded, read one by one: a batch does not tell which of it is broken."""
        import tensorflow as tf

        own, unreadable = set(self.indices.tolist()), {}
        for index, record in _dataset(self.builder, self.source, self.image_key).as_numpy_iterator():
            if int(index) not in own:
                continue
            try:
                if self._as_declared:
                    self._feature.decode_example(tf.constant(record[self.image_key]))
                else:
                    decoding.decode(record[self.image_key], self.input_shape[:2], self.input_shape[2])
            except decoding.UnreadableError as error:
                unreadable[int(index)] = str(error)
            except tf.errors.InvalidArgumentError as error:
                unreadable[int(index)] = tfds_names.tensorflow_reason(error)
        return unreadable

    def _with_progress(self, doing):
        from tqdm import tqdm

        with tqdm(total=len(self), desc=f"{doing} {self.source}", unit=" images", disable=None, leave=False) as bar:
            for positions, images in self.stream(256):
                yield positions, images
                bar.update(len(positions))

    def moments(self):
        """Mean and variance of each channel: two float64 arrays `(channels,)`, from some examples, see `dataset.few`."""
        return self.subset(few(self)).in_memory().moments()

    def in_memory(self):
        """The same part as `Examples`."""
        inputs = np.empty((len(self), *self.input_shape), self._dtype)
        for positions, images in self._with_progress("reading"):
            inputs[positions] = images
        return Examples(inputs, self.labels, self.indices, self.source)
