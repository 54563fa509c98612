"""The arrays of a run: a data set as the settings leave it, with whatever fault they plant in it."""

import dataclasses

import numpy as np

_PARTS = ("train", "validation", "test")
_UNKNOWN = 1  # The token of words that training does not have.


@dataclasses.dataclass(frozen=True)
class Used:
    """What a run trains, validates and is scored on; shapes and types are those of `datasets.Data`.

    Attributes:
        x_train, y_train, x_validation, y_validation, x_test, y_test: arrays. With label smoothing the labels of training and validation
            are float32 `(examples, classes)`; those of the test are clean, and never so.
        medium: of the data.
        num_classes: None for regression.
        vocabulary_size: of texts; None for others.
        target_mean, target_scale: by which outputs of a regression are brought to the units of y_test.
        lost: the classes that are rare.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    medium: str
    num_classes: int | None
    vocabulary_size: int | None
    target_mean: float = 0.0
    target_scale: float = 1.0
    lost: tuple = ()


def used(data, settings):
    """The `Used` of a data set and settings."""
    generator = np.random.default_rng(settings.seed + 1)
    x = {part: getattr(data, f"x_{part}").copy() for part in _PARTS}
    y = {part: getattr(data, f"y_{part}").copy() for part in _PARTS}
    lost = _make_rare(x, y, data.num_classes, settings, generator)
    _shorten(x, y, data.num_classes, settings, generator)
    _mislabel(y, data.num_classes, settings, generator)
    if data.medium == "texts":
        _change_tokens(x, data.vocabulary_size, settings, generator)
    else:
        _change_numbers(x, settings, generator)
    if settings.validation_overlap:
        count = round(settings.validation_overlap * len(x["validation"]))
        chosen = generator.permutation(len(x["train"]))[:count]  # As many as there are, where the training part is smaller.
        x["validation"][: len(chosen)], y["validation"][: len(chosen)] = x["train"][chosen], y["train"][chosen]
    if settings.validation_swapped:
        y["validation"] = -y["validation"] if data.num_classes is None else (y["validation"] + 1) % data.num_classes
    mean, scale = 0.0, 1.0
    if data.num_classes is None:
        mean, scale = float(data.y_train.mean()), float(data.y_train.std()) / settings.target_scale
        for part in ("train", "validation"):
            y[part] = ((y[part] - mean) / scale).astype(np.float32)
    elif settings.label_smoothing:
        for part in ("train", "validation"):
            y[part] = np.eye(data.num_classes, dtype=np.float32)[y[part]]
    arrays = {f"{kind}_{part}": own[part] for kind, own in (("x", x), ("y", y)) for part in _PARTS}
    return Used(**arrays, medium=data.medium, num_classes=data.num_classes, vocabulary_size=data.vocabulary_size,
                target_mean=mean, target_scale=scale, lost=lost)  # fmt: skip


def _make_rare(x, y, num_classes, settings, generator):
    """Take examples of the last classes out of training, and as large a share of them, but one or two, out of validation."""
    if not settings.rare_classes:
        return ()
    lost = tuple(range(num_classes - settings.rare_classes, num_classes))
    for one in lost:
        share = settings.rare_examples / max(1, np.count_nonzero(y["train"] == one))
        for part in ("train", "validation"):
            places = generator.permutation(np.flatnonzero(y[part] == one))
            left = settings.rare_examples if part == "train" else max(2, round(share * len(places)))
            x[part], y[part] = (np.delete(own[part], places[left:], axis=0) for own in (x, y))
    return lost


def _shorten(x, y, num_classes, settings, generator):
    if settings.examples is None:
        return
    order = generator.permutation(len(x["train"]))
    if num_classes is not None:  # The first of each class, then the second of each, and so on.
        labels = y["train"][order]
        turns = np.zeros(len(order), int)
        for one in range(num_classes):
            turns[labels == one] = np.arange(np.count_nonzero(labels == one))
        order = order[np.argsort(turns, kind="stable")]
    x["train"], y["train"] = (own["train"][order[: settings.examples]] for own in (x, y))


def _mislabel(y, num_classes, settings, generator):
    for part in ("train", "validation"):
        if settings.shuffled:
            y[part] = generator.permutation(y[part])
        if settings.label_noise:
            places = generator.permutation(len(y[part]))[: round(settings.label_noise * len(y[part]))]
            if num_classes is None:  # Another example's number.
                y[part][places] = generator.permutation(y[part])[: len(places)]
            else:
                y[part][places] = (y[part][places] + generator.integers(1, num_classes, len(places))) % num_classes


def _change_tokens(x, vocabulary_size, settings, generator):
    columns = generator.permutation(x["train"].shape[1])[: round(settings.constant_features * x["train"].shape[1])]
    for part in _PARTS:
        x[part][:, columns] = _UNKNOWN
        if settings.duplicate_features:
            x[part] = np.concatenate([x[part], x[part][:, : round(settings.duplicate_features * x[part].shape[1])]], axis=1)
    if settings.validation_permuted:
        ids = np.concatenate([[0], 1 + generator.permutation(vocabulary_size - 1)]).astype(np.int32)
        x["validation"] = ids[x["validation"]]


def _change_numbers(x, settings, generator):
    _shift_validation(x, settings, generator)
    for part in _PARTS:
        x[part] = x[part] * settings.input_scale + settings.input_offset
        if settings.noise_features:
            noise = generator.normal(size=(len(x[part]), settings.noise_features)) * x["train"].std() + x["train"].mean()
            x[part] = np.concatenate([x[part], noise.astype(np.float32)], axis=1)
    if settings.constant_features:
        _make_constant(x, settings.constant_features, generator)
    if settings.duplicate_features:
        channels = x["train"].shape[-1]
        copies = np.arange(max(1, round(settings.duplicate_features * channels))) % channels
        for part in _PARTS:
            x[part] = np.concatenate([x[part], x[part][..., copies]], axis=-1)
    if settings.standardize:
        _standardize(x)
    for part in _PARTS:
        x[part] = x[part].astype(np.float32)
    if settings.missing:
        flat = x["train"].reshape(len(x["train"]), -1)
        rows = generator.permutation(len(flat))[: max(1, round(settings.missing * len(flat)))]
        flat[rows, generator.integers(0, flat.shape[1], len(rows))] = np.nan


def _shift_validation(x, settings, generator):
    """Scale, then add so many deviations of each channel or column."""
    deviation = x["train"].std(axis=tuple(range(x["train"].ndim - 1)))
    moved = settings.validation_scale * x["validation"] + settings.validation_offset * deviation
    if settings.validation_permuted:
        flat = moved.reshape(len(moved), -1)
        moved = flat[:, generator.permutation(flat.shape[1])].reshape(moved.shape)
    x["validation"] = moved.astype(np.float32)


def _make_constant(x, share, generator):
    shape = x["train"].shape[1:]
    chosen = np.zeros(int(np.prod(shape)), bool)
    chosen[generator.permutation(chosen.size)[: round(share * chosen.size)]] = True
    level = float(x["train"].mean())
    for part in _PARTS:
        x[part] = np.where(chosen.reshape(shape), np.float32(level), x[part])


def _standardize(x):
    """By mean and deviation of each channel, or of a table's columns; a constant one becomes 0."""
    axes = tuple(range(x["train"].ndim - 1))
    mean = x["train"].mean(axis=axes, dtype=np.float64)
    deviation = x["train"].std(axis=axes, dtype=np.float64)
    scale = np.where(deviation > 1e-6 * np.maximum(1, np.abs(mean)), deviation, 1.0)
    for part in _PARTS:
        x[part] = (x[part] - mean) / scale
