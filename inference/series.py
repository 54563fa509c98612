"""`hornbook predict` and `hornbook evaluate` for runs on series."""

import dataclasses
import os

import numpy as np

from hornbook import UserError, data
from hornbook.data import csv_rows
from hornbook.data.series import audio, checks, csv, missing
from hornbook.data.series import windows as series_split
from hornbook.data.series.source import Options, float32, without_padding
from hornbook.evaluation import classification, regression
from hornbook.inference import commands

INPUTS = "WAV files, CSV or TSV files of one series each, or .npy arrays (steps, features) or (examples, steps, features)"
_BATCH = 256
_METRICS = ("accuracy", "loss", "calibration_error", "macro_f1")


def predict(args, about):
    """Print a line a series: its file, then class and probability of the most probable classes, or a number for each target or quantile."""
    named = [entry for path in args.inputs for entry in read(path, about)]
    rows = outputs(commands.load_model(args.run), [series for _, series in named], about)
    for (name, _), row in zip(named, rows, strict=True):
        if about["task"] == "regression":
            print(name, *(f"{value:.6g}" for value in row), sep="\t")
        else:
            best = np.argsort(-row, kind="stable")[: max(1, args.top)]
            print(name, *(f"{about['class_names'][k]}\t{row[k]:.4f}" for k in best), sep="\t")


def read(path, about):
    """Pairs of a name and a series as the model takes it, from one file.

    Args:
        path: of a WAV file where the model takes audio, else of a table with the columns that it was trained on, or of a .npy array.
        about: the run's `labels.json`.

    Returns:
        A list of (name, list of float32 arrays `(steps, features)`): the windows of each series, or it alone.

    Raises:
        UserError: the file cannot be read, or is of another shape than the model takes.
    """
    preprocessing = about["preprocessing"]
    suffix = os.path.splitext(path)[1].lower()
    if "sample_rate" in preprocessing:
        if suffix not in (".wav", ".wave"):
            raise UserError(f"{path} is no WAV file, which this run's model was trained on")
        try:
            wave, rate = audio.read(path)
        except audio.UnreadableError as error:
            raise UserError(f"{path} {error}; accepted are {audio.ACCEPTED}") from error
        rates = preprocessing["sample_rate"]
        found = [(path, audio.features([audio.resampled(wave, rate, rates)], rates, preprocessing["mel_bands"])[0], None)]
    elif suffix == ".npy":
        found = _arrays(path, len(preprocessing["features"]))
    elif suffix in (".csv", ".tsv"):
        options = Options(time_column=preprocessing["time_column"], encoding=preprocessing["encoding"])
        # A table of one column has the one feature, whatever it is called: arrays and archives have no names to go by.
        names = None if preprocessing["features"] == ["value"] else preprocessing["features"]
        values, _, place = csv.one_file(path, options, names)
        found = [(path, values, place)]
    else:
        raise UserError(f"{path} is of an unknown format; accepted are {INPUTS}")
    return [(name, _as_trained(name, values, place, about)) for name, values, place in found]


def _arrays(path, features):
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise UserError(f"{path} cannot be read as a NumPy array: {error}") from error
    if array.dtype.kind not in "uif" or not 1 <= array.ndim <= 3 or not array.size:
        raise UserError(f"{path} holds {array.dtype} of shape {array.shape}; accepted are numbers (steps, features)")
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim == 2:
        return [(path, without_padding(float32(array)), None)]
    return [(f"{path}[{place}]", without_padding(float32(one)), None) for place, one in enumerate(array)]


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
    values = missing.filled(values, preprocessing["missing"], preprocessing["fill"])
    if preprocessing["window"]:
        starts = series_split.window_starts(len(values), preprocessing["window"], preprocessing["stride"])
        if not len(starts):
            raise UserError(f"{name} has {len(values)} steps, fewer than the model's window of {preprocessing['window']}")
        return [values[start : start + preprocessing["window"]] for start in starts]
    steps = about["input_shape"][0]
    if steps and len(values) != steps:
        raise UserError(f"{name} has {len(values)} steps; the model was trained on series of {steps} alone")
    return [values]


def outputs(model, inputs, about):
    """Class probabilities or predicted numbers, float64 `(examples, outputs)`, of what `read` gives: of a series in windows, their mean."""
    flat = [window for windows in inputs for window in windows]
    batch = np.full((len(flat), max(map(len, flat)), flat[0].shape[1]), np.nan, np.float32)
    for row, window in zip(batch, flat, strict=True):
        row[: len(window)] = window
    rows = model.predict(batch, batch_size=_BATCH, verbose=0).astype(np.float64)
    rows = rows if about["task"] == "regression" else classification.softmax(rows)
    ends = np.cumsum([len(windows) for windows in inputs])[:-1]
    return np.stack([part.mean(axis=0) for part in np.split(rows, ends)])


def evaluate(args, about, config):
    """The scores, and the names of those to print."""
    from hornbook.data.series import batches

    part, own = args.part or "test", args.dataset in (None, config["dataset"])
    dataset = _as_in_training(args.dataset or config["dataset"], own, about, config)
    steps = about["input_shape"][0]
    if dataset.input_shape[1] != about["input_shape"][1]:
        raise UserError(f"{dataset.name} has {dataset.input_shape[1]} features; the run's model takes {about['input_shape'][1]}")
    if steps and dataset.input_shape[0] != steps:
        raise UserError(f"{dataset.name} has series of {dataset.input_shape[0] or 'unequal'} steps; the run's model takes {steps}")
    # Other data than the run's are all there to be scored, where they are not split.
    chosen = dataset.train if not own and part == "test" and dataset.test is None else dataset.part(part)
    num_classes = None if about["task"] == "regression" else len(about["class_names"])
    feed = batches.evaluation_batches(chosen, batch_size=_BATCH, num_classes=num_classes, length=steps)
    outputs = commands.load_model(args.run).predict(feed, verbose=0)
    if about["task"] == "regression":
        scores = regression.regression(chosen.labels, outputs, about["target_names"], about["quantiles"])
        return scores, [metric for metric in regression.METRICS if metric in scores]
    return classification.classification(chosen.labels, outputs, about["class_names"]), _METRICS


def _as_in_training(name, own, about, config):
    """A dataset read as the run's own was, and split so if it is that."""
    data.series.check_name(name)
    keys = {field.name for field in dataclasses.fields(Options)} & config.keys() - {"feature_columns", "split_seed"}
    options = {key: config[key] for key in keys}
    if name.startswith(("csv:", "folder:")):
        options["feature_columns"] = csv_rows.names(config["feature_columns"])
    else:
        options = {key: value for key, value in options.items() if not key.endswith("_column")}
    options |= {key: config[key] if own else 0 for key in ("validation_fraction", "test_fraction")}
    about = {"class_names": about["class_names"] or None, "preprocessing": about["preprocessing"], "numbers": about["task"] == "regression"}
    return data.series.load(name, **options, **about, split_seed=config["split_seed"])
