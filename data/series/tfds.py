"""Series and audio from TensorFlow Datasets, read into memory."""

import numpy as np

from hornbook import UserError
from hornbook.data import tfds_names
from hornbook.data.series import audio, folders
from hornbook.data.series.source import Series, Source, feature_names, float32, place, without_padding

check = tfds_names.check


def read(name, options):
    """A `source.Source` of a dataset with one series or audio and one class label, or with one number to predict.

    Args:
        name: NAME[/CONFIG][:VERSION].
        options: `source.Options`.

    Raises:
        UserError: something is wrong with the prepared data, with the split and the record.
    """
    builder, name = tfds_names.open_builder(name), f"tfds:{name}"
    key, label_key, is_audio = _keys(builder, name, options)
    class_names = None if options.numbers else builder.info.features[label_key].names
    parts, rate = {}, None
    splits = tfds_names.source_splits(builder, name)
    for part, split in splits.items():
        labels, values = zip(*((record[label_key], record[key]) for record in _records(builder, split, name)), strict=True)
        labels = _labels(np.array(labels), class_names, name, split)
        records = [(f"{name} {split} record {place}", *pair) for place, pair in enumerate(zip(labels, values, strict=True))]
        if is_audio:
            rate = builder.info.features[key].sample_rate or options.sample_rate
            if not rate:
                raise UserError(f"{name} does not say how many samples a second has; pass --sample-rate")
            parts[part] = folders.series_of_waves(list(_waves(records, rate)), options.sample_rate or rate, options)
        else:
            parts[part] = [_series(*record) for record in records]
    if len(parts) == 1:
        parts = {"all": parts["train"]}
    if is_audio:
        return Source(parts, folders.band_names(options.mel_bands), (), options.sample_rate or rate)
    return Source(parts, feature_names(next(iter(parts.values()))))


def _keys(builder, name, options):
    """The names of the series and of the label among the features, and whether the first is audio."""
    import tensorflow_datasets as tfds

    features = dict(builder.info.features.items())
    sounds = [key for key, feature in features.items() if isinstance(feature, tfds.features.Audio)]
    series = [
        key
        for key, feature in features.items()
        if type(feature) is tfds.features.Tensor and len(feature.shape) in (1, 2) and np.dtype(feature.np_dtype).kind in "uif"
    ]
    if options.numbers:
        labels = [key for key, feature in features.items() if feature.shape == () and np.dtype(feature.np_dtype or object).kind in "uif"]
    else:
        labels = [key for key, feature in features.items() if isinstance(feature, tfds.features.ClassLabel)]
    usual = (*(builder.info.supervised_keys or ()), "audio", "series", "label", "target")
    sounds, series, labels = (sorted(keys, key=lambda key: (key not in usual, key)) for keys in (sounds, series, labels))
    if not (sounds or series) or not labels:
        wanted = "a number to predict" if options.numbers else "a class label"
        raise UserError(f"{name} has no series or audio with {wanted}; its features are {tfds_names.kinds(features)}")
    return (sounds or series)[0], labels[0], bool(sounds)


def _records(builder, split, name):
    yield from tfds_names.named_errors(tfds_names.records(builder, split).as_numpy_iterator(), name, split)


def _labels(values, class_names, name, split):
    """A list of the names of classes, or of numbers to predict."""
    if class_names is not None:
        tfds_names.refuse_wrong_labels(name, split, values, len(class_names))
        return [str(class_names[value]) for value in values]
    lost = np.flatnonzero(~np.isfinite(values))
    if len(lost):
        raise UserError(f"{name}: record {lost[0]} of split {split} has {values[lost[0]]} to predict; accepted are finite numbers")
    return values.astype(float).tolist()


def _waves(records, rate):
    for name, label, samples in records:
        try:
            yield name, label, audio.waveform(samples), rate
        except audio.UnreadableError as error:
            raise UserError(f"{name} {error}; prepare the dataset again") from error


def _series(name, label, values):
    values = without_padding(float32(values[:, None] if values.ndim == 1 else values))
    return Series(values, label, name, name, place(name))
