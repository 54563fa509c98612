"""Small data sets as arrays, by name, in four groups: thresholds were set on A and B, once more on C, and are reported on D.

Group A is built in and group D made of formulas (`generated`), but for its sentences: they need no files. Groups B and C, and those
sentences, are read by Hornbook's loaders from TensorFlow Datasets (`TFDS_DATA_DIR`) and from the folder of a corpus, which has
`series/NAME_TRAIN.ts` and `tables/NAME.csv`. A set has at most `MOST_EXAMPLES` examples in training, so that a run takes seconds. Nothing
is scaled here but pixels, to between 0 and 1: the run does that, as a fault may leave it out.
"""

import dataclasses
import functools
import pathlib

import numpy as np

from benchmarks.faults import generated

MOST_EXAMPLES = {"train": 1200, "validation": 300, "test": 1000}
_LONGEST_TEXT = 24  # Tokens: half of the texts of all sets are shorter.
_VOCABULARY = 2000
_MOST_TEXT_CLASSES = 3  # Of docstrings and questions: a thousand sentences teach little about six.


@dataclasses.dataclass(frozen=True)
class Data:
    """A data set as arrays.

    Attributes:
        name: of the set.
        group: "A", "B", "C" or "D".
        medium: "images", "series", "texts" or "tables".
        x_train, x_validation, x_test: float32 `(examples, height, width, channels)`, `(examples, steps, features)` or `(examples,
            features)`; of texts int32 `(examples, steps)`, token ids, padded with 0.
        y_train, y_validation, y_test: int64 `(examples,)`, or of regression float32 `(examples, 1)`.
        num_classes: None for regression.
        vocabulary_size: of texts; None for others.
    """

    name: str
    group: str
    medium: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    num_classes: int | None
    vocabulary_size: int | None = None

    @property
    def chance(self):
        """What a run scores that has learned nothing: balanced accuracy, or R2."""
        return 0.0 if self.num_classes is None else 1 / self.num_classes


def names(group=None):
    """The names of the sets of a group, or of all."""
    return tuple(name for name, (own, _, _, _) in _SETS.items() if group in (None, own))


def group_of(name):
    """The group that a set is in."""
    return _SETS[name][0]


def medium_of(name):
    """The medium of a set."""
    return _SETS[name][1]


@functools.lru_cache(maxsize=32)
def load(name, corpus=None):
    """The `Data` of this name.

    Args:
        name: one of `names()`.
        corpus: folder of the corpus, for those sets that are files in it.

    Raises:
        ValueError: there is no set of this name, or it is a file and no corpus was given.
    """
    if name not in _SETS:
        raise ValueError(f"there is no data set {name!r}; there are {', '.join(_SETS)}")
    group, medium, read, source = _SETS[name]
    if isinstance(source, str) and "{corpus}" in source:
        if corpus is None:
            raise ValueError(f"{name} is a file of the corpus: pass its folder with --corpus")
        source = source.format(corpus=pathlib.Path(corpus).resolve())
    return Data(name, group, medium, **read(source))


def _cut(parts, num_classes, vocabulary_size=None):
    """The arguments of `Data`, from (x, y) by part: at most so many examples, in an arbitrary order that is always the same."""
    arrays = {"num_classes": num_classes, "vocabulary_size": vocabulary_size}
    for part, (x, y) in parts.items():
        order = np.random.default_rng(0).permutation(len(x))[: MOST_EXAMPLES[part]]
        arrays[f"x_{part}"] = np.ascontiguousarray(x[order])
        arrays[f"y_{part}"] = np.ascontiguousarray(y[order])
    return arrays


def _of(dataset, inputs):
    """The arguments of `Data`, from a dataset of Hornbook and a function of part and examples to inputs."""
    parts = {name: (inputs(name, examples), examples.labels) for name, examples in dataset.parts.items()}
    return _cut(parts, dataset.num_classes)


def _images(source):
    from hornbook import data

    dataset = data.images.load(source, validation_fraction=0.2)
    shrink = dataset.input_shape[0] > 8  # To half the side, the mean of four pixels: a quarter of the time.

    def inputs(_, examples):
        pixels = np.asarray(examples.inputs, np.float32) / dataset.pixel_maximum
        if not shrink:
            return pixels
        count, height, width, channels = pixels.shape
        return pixels.reshape(count, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))

    return _of(dataset, inputs)


def _rows(source):
    """Images read row by row: as many steps as rows, as many features as columns."""
    arrays = _images(source)
    return {name: value[..., 0] if name.startswith("x_") else value for name, value in arrays.items()}


def _series(source):
    from hornbook import data

    return _of(data.series.load(source, validation_fraction=0.2), lambda _, examples: examples.inputs)


def _pooled(source):
    """Series whose training and test part are put together and split anew: the published training parts are too small for a validation.

    Those of different lengths get zeros behind their ends.
    """
    from hornbook import data

    dataset = data.series.load(source, validation_fraction=0.2)
    parts = [(np.nan_to_num(examples.inputs), examples.labels) for examples in dataset.parts.values()]
    longest = max(x.shape[1] for x, _ in parts)
    x = np.concatenate([np.pad(x, [(0, 0), (0, longest - x.shape[1]), (0, 0)]) for x, _ in parts])
    return _split(x, np.concatenate([y for _, y in parts]), dataset.num_classes)


def _split(x, y, num_classes):
    """The arguments of `Data`: half of the examples for training, a fifth for validation, the rest for the test."""
    order = np.random.default_rng(1).permutation(len(x))
    ends = np.cumsum([0, len(x) * 5 // 10, len(x) * 2 // 10, len(x)])
    parts = {part: order[low:high] for part, low, high in zip(MOST_EXAMPLES, ends[:-1], [*ends[1:-1], len(x)], strict=True)}
    return _cut({part: (x[places], y[places]) for part, places in parts.items()}, num_classes)


def _texts(source):
    from hornbook import data

    dataset = data.texts.load(source, validation_fraction=0.2)
    classes = min(dataset.num_classes, _MOST_TEXT_CLASSES)
    chosen = {}
    for name, examples in dataset.parts.items():
        order = np.random.default_rng(0).permutation(np.flatnonzero(examples.labels < classes))[: MOST_EXAMPLES[name]]
        part = examples.subset(np.sort(order))
        chosen[name] = (list(part.texts()), part.labels)
    return _encoded(chosen, classes)


def _encoded(chosen, classes):
    """The arguments of `Data`, from (texts, labels) by part."""
    from hornbook.data.texts import tokenizing

    options = {"vocabulary_size": _VOCABULARY, "max_length": _LONGEST_TEXT}
    tokenizer = tokenizing.fit(chosen["train"][0], "word", **options)
    parts = {}
    for name, (texts, labels) in chosen.items():
        ids = np.zeros((len(texts), _LONGEST_TEXT), np.int32)
        for row, found in zip(ids, tokenizer.encode(texts), strict=True):
            row[: len(found)] = found[:_LONGEST_TEXT]
        parts[name] = (ids, labels)
    return _cut(parts, classes, tokenizer.vocabulary_size)


def _tables(source, task="classification", **options):
    from hornbook import data

    dataset = data.tables.load(source, task=task, validation_fraction=0.2, **options)
    sizes = dataset.encoding.category_sizes

    def inputs(_, examples):
        numbers = examples.inputs.shape[1] - len(sizes)
        codes = examples.inputs[:, numbers:].astype(int)
        columns = [np.eye(size + 1, dtype=np.float32)[codes[:, place]] for place, size in enumerate(sizes)]
        return np.concatenate([examples.inputs[:, :numbers], *columns], axis=1).astype(np.float32)

    arrays = _of(dataset, inputs)
    return arrays if task == "classification" else {**arrays, "num_classes": None}


def _regression(source):
    label = {"label_column": "rings"} if "abalone" in source else {"label_column": "quality"} if "wine" in source else {}
    arrays = _tables(source, "regression", **label)
    return {name: value.reshape(-1, 1).astype(np.float32) if name.startswith("y_") else value for name, value in arrays.items()}


def _distinct(source, task="classification"):
    """A table without the rows that it has twice; of classes, with three others for each example of the rarest."""
    from hornbook import data

    label = {"label_column": "quality"} if "wine" in source else {}
    dataset = data.tables.load(source, task=task, validation_fraction=0.2, **label)
    x, y = (np.concatenate([getattr(part, name) for part in dataset.parts.values()]) for name in ("inputs", "labels"))
    x, places = np.unique(x.astype(np.float32), axis=0, return_index=True)
    y = y[places]
    if task == "regression":
        return _split(x, y.reshape(-1, 1).astype(np.float32), None)
    rare = y == np.bincount(y).argmin()
    others = np.random.default_rng(0).permutation(np.flatnonzero(~rare))[: 3 * np.count_nonzero(rare)]
    chosen = np.concatenate([np.flatnonzero(rare), others])
    return _split(x[chosen], y[chosen], dataset.num_classes)


def _made(make):
    """A set of `generated`."""
    x, y = make()
    numbers = y.dtype.kind == "f"
    return _split(x.astype(np.float32), y if numbers else y.astype(np.int64), None if numbers else int(y.max()) + 1)


def _made_in_order(make):
    """The same, as group A has them: the first 800 for training, then 300 and 400."""
    x, y = make()
    ends = {"train": (0, 800), "validation": (800, 1100), "test": (1100, 1500)}
    parts = {part: (x[low:high].astype(np.float32), y[low:high].astype(np.int64)) for part, (low, high) in ends.items()}
    return _cut(parts, int(y.max()) + 1)


def _made_rows(make):
    """Images of `generated` row by row."""
    return {name: value[..., 0] if name.startswith("x_") else value for name, value in _made(make).items()}


def _languages(source):
    """Sentences in two languages, from pairs of translations: of each pair one, so that none is there twice."""
    import tensorflow_datasets

    parts = {}
    for part, split in {"train": "train[:1500]", "validation": "validation", "test": "test"}.items():
        pairs = list(tensorflow_datasets.as_numpy(tensorflow_datasets.load(source, split=split, shuffle_files=False)))
        labels = np.arange(len(pairs)) % 2
        parts[part] = ([pair["de" if label else "en"].decode() for pair, label in zip(pairs, labels, strict=True)], labels)
    return _encoded(parts, 2)


# Name: (group, medium, reader, source).
_SETS = {
    "digits": ("A", "images", _images, "digits"),
    "digit_rows": ("A", "series", _rows, "digits"),
    "sequential_digits": ("A", "series", _series, "sequential_digits"),
    "cylinder_bell_funnel": ("A", "series", _made_in_order, generated.cylinder_bell_funnel),
    "synthetic_control": ("A", "series", _made_in_order, generated.synthetic_control),
    "docstrings": ("A", "texts", _texts, "docstrings"),
    "breast_cancer": ("A", "tables", _tables, "breast_cancer"),
    "wine": ("A", "tables", _tables, "wine"),
    "diabetes": ("A", "tables", _regression, "diabetes"),
    "fashion_mnist": ("B", "images", _images, "tfds:fashion_mnist[:1500]"),
    "fashion_rows": ("B", "series", _rows, "tfds:fashion_mnist[:1500]"),
    "ecg200": ("B", "series", _pooled, "ts:{corpus}/series/ECG200_TRAIN.ts"),
    "plane": ("B", "series", _pooled, "ts:{corpus}/series/Plane_TRAIN.ts"),
    "italy_power_demand": ("B", "series", _pooled, "tfds:ucr_italy_power_demand"),
    "trec6": ("B", "texts", _texts, "tfds:trec6"),
    "rt_polarity": ("B", "texts", _texts, "tfds:rt_polarity"),
    "ionosphere": ("B", "tables", _tables, "csv:{corpus}/tables/ionosphere.csv"),
    "german": ("B", "tables", _tables, "csv:{corpus}/tables/german.csv"),
    "pima": ("B", "tables", _tables, "csv:{corpus}/tables/pima-indians-diabetes.csv"),
    "abalone": ("B", "tables", _regression, "csv:{corpus}/tables/abalone.csv"),
    "mnist": ("C", "images", _images, "tfds:mnist[:1500]"),
    "cifar10": ("C", "images", _images, "tfds:cifar10[:1500]"),
    "japanese_vowels": ("C", "series", _pooled, "tfds:uea_japanese_vowels"),
    "gunpoint": ("C", "series", _pooled, "tfds:ucr_gunpoint"),
    "arrowhead": ("C", "series", _pooled, "tfds:ucr_arrowhead"),
    "control_charts": ("C", "series", _pooled, "ts:{corpus}/series/SyntheticControl_TRAIN.ts"),
    "sst2": ("C", "texts", _texts, "tfds:sst2_sentences"),
    "ringnorm": ("C", "tables", _made, generated.ringnorm),
    "adult": ("C", "tables", _tables, "tfds:adult"),
    "mammography": ("C", "tables", _distinct, "tfds:mammography"),
    "red_wine": ("C", "tables", functools.partial(_distinct, task="regression"), "csv:{corpus}/tables/winequality-red.csv"),
    "gratings": ("D", "images", _made, generated.gratings),
    "shapes": ("D", "images", _made, generated.shapes),
    "shape_rows": ("D", "series", _made_rows, generated.shapes),
    "two_patterns": ("D", "series", _made, generated.two_patterns),
    "waves": ("D", "series", _made, generated.waves),
    "walks": ("D", "series", _made, generated.walks),
    "languages": ("D", "texts", _languages, "multi30k_de_en"),
    "waveform": ("D", "tables", _made, generated.waveform),
    "sphere": ("D", "tables", _made, generated.sphere),
    "crescents": ("D", "tables", _made, generated.crescents),
    "friedman": ("D", "tables", _made, generated.friedman),
}
