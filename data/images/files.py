"""Examples that are image files: checked, decoded in parallel by Pillow, kept in memory or streamed. No TensorFlow."""

import collections
import dataclasses
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from hornbook import UserError
from hornbook.data import sources
from hornbook.data.dataset import Brief, Examples, few
from hornbook.data.images import decoding

# Images in a task: few enough that a task of large photographs ends soon, many enough that starting it costs nothing.
_AT_ONCE = 16
_BATCHES_AHEAD = 3
# Images of more pixels are photographs as cameras take them, hardly meant to be trained on at full size.
_LARGEST_BY_DEFAULT = 2**20


@dataclasses.dataclass(frozen=True)
class FileExamples(Brief):
    """One part of a dataset that stays in image files, which threads decode a few batches ahead.

    Attributes:
        files: object array `(examples,)` of paths.
        labels: int64 array `(examples,)`, an index into the class names.
        indices: int64 array `(examples,)`, the position in the source.
        source: the source's own split that the indices count in ("train", "test", "all").
        input_shape: `(height, width, channels)`, to which `decoding.decode` converts every image.
    """

    files: np.ndarray
    labels: np.ndarray
    indices: np.ndarray
    source: str
    input_shape: tuple

    def __len__(self):
        return len(self.labels)

    @property
    def size_in_bytes(self):
        """How many bytes the decoded images would take in memory."""
        return len(self) * int(np.prod(self.input_shape))

    def subset(self, positions):
        """The examples at `positions`, an int array into this part."""
        return dataclasses.replace(self, files=self.files[positions], labels=self.labels[positions], indices=self.indices[positions])

    def stream(self, batch_size, order=None):
        """Batches `(places, inputs)` of some examples, the last one smaller: rising places in their order, int arrays.

        Args:
            batch_size: examples a batch.
            order: int array of positions, in which an example may come more than once; None for all once, in the order of the source.

        Raises:
            UserError: a file can no longer be read, though it could before training.
        """
        order = np.arange(len(self)) if order is None else order
        places = np.arange(len(order))
        batches = (places[start : start + batch_size] for start in range(0, len(order), batch_size))
        named = self.files[order]
        yield from decoded_ahead(((chosen, named[chosen]) for chosen in batches), self.input_shape, named.__getitem__)

    def checked(self, in_memory):
        """The part without the files that cannot be read, as `Examples` or as it is. Every file is decoded once to find out.

        Args:
            in_memory: whether to keep what was decoded.

        Returns:
            The part, and a list of (file, reason).
        """
        inputs = np.empty((len(self) if in_memory else 0, *self.input_shape), np.uint8)

        def check(position):
            try:
                pixels = decoding.decode(self.files[position], self.input_shape[:2], self.input_shape[2])
            except decoding.UnreadableError as error:
                return str(error)
            if in_memory:
                inputs[position] = pixels
            return None

        what = "images" if self.source == "all" else self.source
        reasons = in_parallel(check, len(self), f"{'reading' if in_memory else 'checking'} {what}")
        unreadable = [(self.files[position], reason) for position, reason in enumerate(reasons) if reason is not None]
        part = Examples(inputs, self.labels, self.indices, self.source, self.files) if in_memory else self
        if unreadable:
            part = part.subset(np.array([position for position, reason in enumerate(reasons) if reason is None], np.int64))
        return part, unreadable

    def in_memory(self):
        """The same part as `Examples`.

        Raises:
            UserError: a file cannot be read.
        """
        inputs = np.empty((len(self), *self.input_shape), np.uint8)
        for positions, images in self.stream(256):
            inputs[positions] = images
        return Examples(inputs, self.labels, self.indices, self.source, self.files)

    def moments(self):
        """Mean and variance of each channel: two float64 arrays `(channels,)`, from some examples, see `dataset.few`."""
        return self.subset(few(self)).in_memory().moments()


def decoded_ahead(batches, input_shape, named):
    """Batches `(positions, inputs)` of `batches` `(positions, files)`, decoded in threads while the ones before are used.

    Args:
        batches: iterable of an int array and a sequence of paths or of the files' bytes.
        input_shape: `(height, width, channels)` of every image.
        named: function of a position that gives what a message calls the file.

    Raises:
        UserError: an image cannot be read, although it could when all were checked before training.
    """

    def decode(positions, sources, inputs):
        for place, source in enumerate(sources):
            try:
                inputs[place] = decoding.decode(source, input_shape[:2], input_shape[2])
            except decoding.UnreadableError as error:
                raise UserError(f"{named(positions[place])} cannot be read: {error}; accepted are {decoding.ACCEPTED}") from error

    def finished(positions, inputs, tasks):
        for task in tasks:
            task.result()
        return positions, inputs

    decoding.quiet_pillow()
    pool, ahead = _pool(), collections.deque()
    try:
        for positions, sources in batches:
            inputs = np.empty((len(positions), *input_shape), np.uint8)
            tasks = [pool.submit(decode, positions[some], sources[some], inputs[some]) for some in _slices(len(positions))]
            ahead.append((positions, inputs, tasks))
            if len(ahead) > _BATCHES_AHEAD:
                yield finished(*ahead.popleft())
        while ahead:
            yield finished(*ahead.popleft())
    finally:  # After the last batch, or when the caller stops.
        pool.shutdown(cancel_futures=True)


def _slices(length):
    return [slice(start, start + _AT_ONCE) for start in range(0, length, _AT_ONCE)]


def _pool():
    # More threads than processors, since some wait for the disk; Pillow lets others run while it decodes.
    return ThreadPoolExecutor(2 * (os.cpu_count() or 1), thread_name_prefix="images")


def in_parallel(function, length, doing):
    """`[function(0), ..., function(length - 1)]`, by threads, with a progress bar called `doing` where there is a terminal."""
    from tqdm import tqdm

    decoding.quiet_pillow()
    results = []
    pool = _pool()
    try:
        some = [range(length)[one] for one in _slices(length)]
        with tqdm(total=length, desc=doing, unit=" images", disable=None, leave=False) as bar:
            for part in pool.map(lambda positions: [function(position) for position in positions], some):
                results += part
                bar.update(len(part))
    finally:  # Ctrl-C, too, should not wait for the rest.
        pool.shutdown(cancel_futures=True)
    return results


def choose_shape(files, name, image_size=None, channels=None):
    """`(height, width, channels)` to bring all images to: their common size, unless `image_size` is given; grey if all of them are.

    Args:
        files: sequence of paths.
        name: the dataset's, for messages.
        image_size: see `--image-size`; or None.
        channels: 1 or 3, or None.

    Raises:
        UserError: images of several sizes and no `image_size`, naming two; or none that can be read.
    """
    size = None if image_size is None else decoding.parse_size(image_size)
    if size is not None and channels is not None:
        return (*size, channels)

    def look(position):
        try:
            return decoding.survey(files[position])
        except decoding.UnreadableError as error:
            return str(error)

    seen = in_parallel(look, len(files), "looking at images")
    shapes = {position: shape for position, shape in enumerate(seen) if not isinstance(shape, str)}
    if not shapes:
        unreadable = list(zip(files, seen, strict=True))
        sources.refuse_unreadable(name, unreadable, len(files), accepted=decoding.ACCEPTED, can_skip=False)
    if channels is None:
        channels = max(shape[2] for shape in shapes.values())
    if size is None:
        size = _common_size(files, {position: shape[:2] for position, shape in shapes.items()}, name)
    return (*size, channels)


def _common_size(files, sizes, name):
    counts = collections.Counter(sizes.values())
    (size, count), *others = counts.most_common()
    first = {}
    for position, one in sizes.items():
        first.setdefault(one, position)
    if others:
        advice = written(size) if 2 * count > len(sizes) and size[0] * size[1] <= _LARGEST_BY_DEFAULT else "128"
        other = others[0][0]
        raise UserError(
            f"{name}: images have {len(counts)} sizes: {files[first[size]]} is {size[0]}x{size[1]} (height x width), "
            f"{files[first[other]]} is {other[0]}x{other[1]}; pass --image-size to bring all to one, such as --image-size {advice}"
        )
    if size[0] * size[1] > _LARGEST_BY_DEFAULT:
        raise UserError(
            f"{name}: images are {size[0]}x{size[1]} (height x width, {files[first[size]]}), too large to train on unless asked for; "
            f"pass --image-size, such as --image-size 128, or --image-size {written(size)} to keep them"
        )
    return size


def written(size):
    """A size as `--image-size` takes it."""
    return str(size[0]) if size[0] == size[1] else f"{size[0]}x{size[1]}"
