"""What is done with a finished run: `hornbook predict RUN INPUT...` and `hornbook evaluate RUN`."""

import dataclasses
import importlib
import json
import pathlib
from typing import Annotated

import numpy as np
import tyro

from hornbook import UserError
from hornbook.training import command_line, data, evaluation, pictures, runs

_HOMES = {"sequence_classification": "series_afterwards"}  # Of recipes that read something else than images.
_BATCH = 256  # Inputs at a time; the result does not depend on it.


@dataclasses.dataclass(frozen=True)
class PredictArgs:
    run: Annotated[str, tyro.conf.Positional]
    """Folder of a finished run."""
    inputs: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Image files, or .npy arrays (examples, height, width, channels) of raw pixels; of a run on series, WAV, CSV or .npy files."""
    top: int = 1
    """How many classes to name for each input, the most probable first."""


@dataclasses.dataclass(frozen=True)
class EvaluateArgs:
    run: Annotated[str, tyro.conf.Positional]
    """Folder of a finished run."""
    dataset: str | None = None
    """As for training. Default: what the run was trained on, split as it was."""
    part: str = "test"
    """Which part of it: train, validation or test."""
    json: bool = False
    """Print everything as JSON: per-class scores, confusion matrix and calibration with it."""


def predict(arguments):
    """The command `hornbook predict`: a line an input, its name, then class and probability, separated by tabs."""
    with command_line.ending("hornbook predict"):
        args = command_line.parse(PredictArgs, arguments, "hornbook predict", "Classify inputs with a finished run's model.")
        if not args.inputs:
            raise UserError("nothing to predict: pass image files or .npy arrays")
        about, config = labels(args.run), runs.read_json(pathlib.Path(args.run, "config.json"))
        home = _home(config)
        if home is None:
            named = [entry for path in args.inputs for entry in _read(path, about)]
            rows = probabilities(load_model(args.run), np.stack([image for _, image in named]))
        else:
            named = [entry for path in args.inputs for entry in home.read(path, about)]
            rows = home.probabilities(load_model(args.run), [series for _, series in named])
        for (name, _), row in zip(named, rows, strict=True):
            best = np.argsort(-row, kind="stable")[: max(1, args.top)]
            print(name, *(f"{about['class_names'][k]}\t{row[k]:.4f}" for k in best), sep="\t")


def evaluate(arguments):
    """The command `hornbook evaluate`: the scores of a run's model on a part of a dataset."""
    with command_line.ending("hornbook evaluate"):
        args = command_line.parse(EvaluateArgs, arguments, "hornbook evaluate", "Score a finished run's model on a dataset.")
        about, config = labels(args.run), runs.read_json(pathlib.Path(args.run, "config.json"))
        home = _home(config)
        if home is not None:
            _print_scores(home.score(args.dataset, args.part, about, config, lambda: load_model(args.run)), args.json)
            return
        name = args.dataset or config["dataset"]
        data.check_name(name)
        model = load_model(args.run)
        dataset = data.load(name, **_as_trained(name, config, about))
        part = dataset.part(args.part)
        if list(dataset.class_names) != about["class_names"]:
            raise UserError(
                f"{name} has the classes {data.some(dataset.class_names)}; the run was trained on {data.some(about['class_names'])}"
            )
        if list(dataset.input_shape) != about["input_shape"]:
            raise UserError(f"{name} has images {dataset.input_shape}; the run's model takes {tuple(about['input_shape'])}")
        from hornbook.training import batches

        feed = batches.evaluation_batches(part, batch_size=_BATCH, num_classes=dataset.num_classes)
        scores = evaluation.classification(part.labels, model.predict(feed, verbose=0), dataset.class_names)
        _print_scores(scores, args.json)


def _home(config):
    """The file that reads the inputs of a run's recipe, None for images."""
    home = _HOMES.get(config.get("recipe"))
    return home and importlib.import_module(f"hornbook.training.{home}")


def _print_scores(scores, as_json):
    if as_json:
        print(json.dumps(scores, ensure_ascii=False))
        return
    for metric in ("accuracy", "loss", "calibration_error", "macro_f1"):
        print(f"{metric.replace('_', ' ')}\t{scores[metric]:.4f}")
    print(f"examples\t{scores['examples']}")


def _as_trained(name, config, about):
    """Options of `data.load` that read `name` as the run's own data were read."""
    height, width, channels = about["input_shape"]
    # A run of an earlier release has no options for image files.
    options = {"split_seed": config["split_seed"], "skip_unreadable": config.get("skip_unreadable", False)}
    options |= {key: config[key] for key in ("validation_fraction", "test_fraction")}
    if name.startswith("csv:"):
        options |= {key: config.get(key) for key in ("path_column", "label_column")}
    if name.startswith(("folder:", "csv:")) or (name.startswith("tfds:") and config.get("image_size")):
        options |= {"image_size": f"{height}x{width}", "channels": channels}
    return {**options, "class_names": about["class_names"]}


def labels(run):
    """The `labels.json` of a finished run."""
    runs.finished(run)
    return runs.read_json(pathlib.Path(run, "labels.json"))


def load_model(run):
    """The saved model of a run.

    Raises:
        UserError: there is none, or it is broken.
    """
    with command_line.quiet_libraries():
        import keras

        import hornbook.models  # noqa: F401 - registers the layers that Keras lacks.
    path = pathlib.Path(run, "model.keras")
    try:
        return keras.saving.load_model(path)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} cannot be loaded: {str(error).splitlines()[0]}") from error


def probabilities(model, inputs):
    """Class probabilities, float64 `(examples, classes)`, of raw inputs `(examples, height, width, channels)`."""
    return evaluation.softmax(model.predict(inputs, batch_size=_BATCH, verbose=0))


def _read(path, about):
    """Pairs of name and input from one file."""
    shape = tuple(about["input_shape"])
    if not path.endswith(".npy"):
        return [(path, pictures.from_file(path, shape, about["pixel_maximum"]))]
    try:
        array = np.asarray(np.load(path, allow_pickle=False), np.float32)
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise UserError(f"{path} cannot be read as a NumPy array: {error}") from error
    array = array[None] if array.shape == shape else array
    if array.shape[1:] != shape or len(array) == 0:
        raise UserError(f"{path} has shape {array.shape}; the model takes {('examples', *shape)}".replace("'", ""))
    return [(f"{path}[{place}]", image) for place, image in enumerate(array)]
