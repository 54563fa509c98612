"""Series and sound for a finished run's model, see `data.inputs`."""

import dataclasses
import itertools
import os
from typing import Literal

import msgspec
import numpy as np

from hornbook import UserError, records
from hornbook.data import inputs
from hornbook.data.dataset import sample as sampled
from hornbook.data.series import audio, checks, csv, ts
from hornbook.data.series import missing as filling
from hornbook.data.series import windows as cutting
from hornbook.data.series.dataset import SeriesExamples, check_name, load
from hornbook.data.series.source import Options, float32, without_padding

THREADED = ()
ACCEPTED = "WAV files, CSV or TSV files of one series each, .ts files, or .npy arrays (steps, features) or (examples, steps, features)"


class Settings(inputs.Settings, kw_only=True):
    """See `data.inputs`; a recipe for series has some of them."""

    window: records.Size | msgspec.UnsetType | None = msgspec.UNSET
    stride: records.Size | msgspec.UnsetType | None = msgspec.UNSET
    missing: Literal["refuse", "interpolate", "mask"] | msgspec.UnsetType = msgspec.UNSET
    id_column: str | msgspec.UnsetType | None = msgspec.UNSET
    time_column: str | msgspec.UnsetType | None = msgspec.UNSET
    group_column: str | msgspec.UnsetType | None = msgspec.UNSET
    weight_column: str | msgspec.UnsetType | None = msgspec.UNSET
    feature_columns: str | msgspec.UnsetType | None = msgspec.UNSET
    label_column: str | msgspec.UnsetType | None = msgspec.UNSET
    encoding: str | msgspec.UnsetType = msgspec.UNSET
    sample_rate: records.Size | msgspec.UnsetType | None = msgspec.UNSET
    mel_bands: records.Size | msgspec.UnsetType = msgspec.UNSET
    length: records.Size | msgspec.UnsetType = msgspec.UNSET
    examples: records.Size | msgspec.UnsetType = msgspec.UNSET
    skip_unreadable: bool | msgspec.UnsetType = msgspec.UNSET


def read(given, trained, skip=0):
    """Pairs of a name and a list of windows, float32 arrays `(steps, features)`: of a series that is not cut, it alone.

    See `data.inputs`.

    Args:
        given: path of a WAV file where the model takes audio, else of a table with the columns that it was trained on, of a .ts file, whose
            labels do not count, or of a .npy array.
        trained: `inputs.Trained`.
        skip: how many of them are left out.

    Raises:
        UserError: the file cannot be read, or is of another shape than the model takes.
    """
    for name, values, place in itertools.islice(_series(given, trained), skip, None):
        try:
            yield name, _as_trained(name, values, place, trained.about)
        except UserError as error:
            yield name, error


def suffixes(trained):
    """How the names of files of series, or of sounds, end, see `data.inputs`."""
    return (".wav", ".wave") if "sample_rate" in trained.about["preprocessing"] else (".csv", ".tsv", ".ts", ".npy")


def _series(given, trained):
    """The name, the values `(steps, features)` and a function for places, or None, of each series of a file."""
    preprocessing = trained.about["preprocessing"]
    suffix = os.path.splitext(given)[1].lower()
    if "sample_rate" in preprocessing:
        return [(given, _frames(given, suffix, preprocessing), None)]
    if suffix == ".npy":
        return _arrays(given)
    if suffix == ".ts":
        return [(one.unit, one.values, one.place) for one in ts.to_predict(given)]
    if suffix not in (".csv", ".tsv"):
        raise UserError(f"{given} is of an unknown format; accepted are {ACCEPTED}")
    options = Options(
        id_column=trained.config.get("id_column"), time_column=preprocessing["time_column"], encoding=preprocessing["encoding"]
    )
    # A table of one column has the one feature, whatever it is called: arrays and archives have no names to go by.
    names = None if preprocessing["features"] == ["value"] else preprocessing["features"]
    if trained.config["dataset"].startswith("csv:"):
        csv.refuse_several(given, options, preprocessing["features"])
    values, _, place = csv.one_file(given, options, names)
    return [(given, values, place)]


def examples(series, trained):
    """Lists of windows as `SeriesExamples`, and how many each series has."""
    flat = [window for windows in series for window in windows]
    values = np.empty(len(flat), object)
    values[:] = flat
    numbers = np.arange(len(flat))
    units = numbers.astype(object)
    part = SeriesExamples(values, np.zeros(len(flat), np.int64), numbers, "all", units, units, np.zeros(len(flat), np.int64))
    return part, [len(windows) for windows in series]


def taken(dataset, trained):
    """The training part of a dataset of series, which must be prepared as those that the run's model takes."""
    about, own = trained.about, dataset.preprocessing
    for key, flag in (("window", "window"), ("missing", "missing"), ("sample_rate", "sample-rate"), ("mel_bands", "mel-bands")):
        wanted, has = (one.get(key) for one in (about["preprocessing"], own))
        if wanted != has:
            raise UserError(f"it was read with --{flag} {has}, and the run with --{flag} {wanted}; pass that")
    steps, features = about["input_shape"]
    if features != dataset.input_shape[1] or steps not in (None, dataset.input_shape[0]):
        raise UserError(f"its series are {_in_words(dataset.input_shape)}, and the run's model takes {_in_words(about['input_shape'])}")
    return dataset.train


def _in_words(shape):
    """Of steps, or None, and features."""
    return f"{shape[0] or 'any number of'} steps of {shape[1]} features"


def scored(name, part, trained, skip_unreadable):
    """The part of a dataset of series to score."""
    check_name(name)
    about, config = trained.about, trained.config
    keys = {field.name for field in dataclasses.fields(Options)} & config.keys() - {"split_seed"}
    options = {key: config[key] for key in keys}
    if not name.startswith(("csv:", "folder:")):
        kept = ("weight_column",) if trained.is_own(name) else ()  # Its split.csv has weights.
        options = {key: value for key, value in options.items() if key in kept or not key.endswith(("_column", "_columns"))}
    elif not trained.is_own(name) and options.pop("weight_column", None):  # Of other data no weight is asked for, and it is no feature.
        options["feature_columns"] = tuple(about["preprocessing"]["features"])
    options |= {"preprocessing": about["preprocessing"], "numbers": about["task"] == "regression"}
    if skip_unreadable:
        options["skip_unreadable"] = True
    dataset = load(name, **options, **trained.split(name), class_names=trained.class_names(name) or None)
    steps, features = about["input_shape"]
    if dataset.input_shape[1] != features:
        raise UserError(f"{name} has {dataset.input_shape[1]} features; the run's model takes {features}")
    if steps and dataset.input_shape[0] != steps:
        raise UserError(f"{name} has series of {dataset.input_shape[0] or 'unequal'} steps; the run's model takes {steps}")
    return inputs.scored_part(dataset, part, trained), len(dataset.unreadable)


def sample(trained, count, part=None):
    """Pairs of a series `(steps, features)` with its missing values, or of sound a waveform `(samples,)`, and its windows.

    Those of a part, or, without one, unseen ones.
    """
    name, preprocessing = trained.config["dataset"], trained.about["preprocessing"]

    def read(part):
        return scored(name, part, trained, True)

    part, _ = inputs.unseen(read) if part is None else read(part)
    places = sampled(len(part), count).tolist()
    if "sample_rate" in preprocessing:
        paths = [str(part.units[place]) for place in places]
        if not all(map(os.path.isfile, paths)):
            raise UserError(f"{name} has no WAV files of its own")
        return [_sounding(audio.read(path), path, trained) for path in paths]
    series = [_as_measured(part.series[place], preprocessing) for place in places]
    if preprocessing["window"]:
        series = [np.concatenate([series[place - 1], series[place]]) for place in range(len(series))]
    return [(values, _as_trained(f"series {place}", values, None, trained.about)) for place, values in enumerate(series)]


def generated(trained, count):
    """Pairs of a series of random numbers, or of noise, and its windows, see `data.inputs`."""
    preprocessing, draw = trained.about["preprocessing"], np.random.default_rng(0)
    steps = trained.about["input_shape"][0]
    if "sample_rate" in preprocessing:
        rate = preprocessing["sample_rate"]
        sizes = [round(audio.HOP_SECONDS * rate) * (steps - 1 if steps else int(frames)) for frames in draw.integers(20, 120, count)]
        return [_sounding((draw.normal(0, 0.1, size).astype(np.float32), rate), "noise", trained) for size in sizes]
    sizes = [2 * steps if preprocessing["window"] else steps or int(size) for size in draw.integers(8, 64, count)]
    fill = np.array(preprocessing["fill"], np.float32)
    found = []
    for size in sizes:
        values = (fill + draw.normal(size=(size, len(fill)))).astype(np.float32)
        if preprocessing["missing"] != "refuse":
            values[draw.random(values.shape) < 0.1] = np.nan
        found.append((values, _as_trained("made-up series", values, None, trained.about)))
    return found


def _sounding(read, name, trained):
    """A waveform at the rate that the model takes, and its frames."""
    preprocessing = trained.about["preprocessing"]
    wave = audio.resampled(*read, preprocessing["sample_rate"])
    frames = audio.features([wave], preprocessing["sample_rate"], preprocessing["mel_bands"])[0]
    return wave, _as_trained(name, frames, None, trained.about)


def _as_measured(values, preprocessing):
    """A prepared series with its missing values missing again, as far as it tells them."""
    features = len(preprocessing["features"])
    return np.where(values[:, features:] > 0, np.nan, values[:, :features]) if preprocessing["missing"] == "mask" else values


def _frames(path, suffix, preprocessing):
    if suffix not in (".wav", ".wave"):
        raise UserError(f"{path} is no WAV file, which this run's model was trained on")
    try:
        wave, rate = audio.read(path)
    except audio.UnreadableError as error:
        raise UserError(f"{path} {error}; accepted are {audio.ACCEPTED}") from error
    wanted = preprocessing["sample_rate"]
    return audio.features([audio.resampled(wave, rate, wanted)], wanted, preprocessing["mel_bands"])[0]


def _arrays(path):
    array = inputs.array(path)
    if not 1 <= len(array.shape) <= 3:
        raise UserError(f"{path} holds {array.dtype} of shape {array.shape}; accepted are numbers (steps, features)")
    if len(array.shape) < 3:
        values = array[:]
        yield path, without_padding(float32(values[:, None] if values.ndim == 1 else values)), None
        return
    for first, some in array.blocks():
        for place, one in enumerate(some, start=first):
            yield f"{path}[{place}]", without_padding(float32(one)), None


def _as_trained(name, values, place, about):
    """The windows of one series, missing values handled."""
    preprocessing = about["preprocessing"]
    features = preprocessing["features"]
    place = place or (lambda step, feature: f"{name}, step {step}, feature {feature}")
    if not len(values) or values.shape[1] != len(features):
        raise UserError(f"{name} has the shape {values.shape}; the model takes (steps, {len(features)})")
    too_large = np.abs(values) > checks.LARGEST
    for wrong, said in ((too_large, f"infinite or beyond {checks.LARGEST:g}"), (np.isnan(values), "missing")):
        if wrong.any() and not (said == "missing" and preprocessing["missing"] != "refuse"):
            raise UserError(f"{place(*np.argwhere(wrong)[0].tolist())} is {said}; the model was trained on numbers alone")
    values = filling.filled(values, preprocessing["missing"], preprocessing["fill"])
    if preprocessing["window"]:
        starts = cutting.window_starts(len(values), preprocessing["window"], preprocessing["stride"])
        if not len(starts):
            raise UserError(f"{name} has {len(values)} steps, fewer than the model's window of {preprocessing['window']}")
        return [values[start : start + preprocessing["window"]] for start in starts]
    steps = about["input_shape"][0]
    if steps and len(values) != steps:
        raise UserError(f"{name} has {len(values)} steps; the model was trained on series of {steps} alone")
    return [values]
