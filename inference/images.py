"""`hornbook predict` and `hornbook evaluate` for runs of image_classification."""

import numpy as np

from hornbook import UserError, data
from hornbook.data import naming
from hornbook.data.images import decoding
from hornbook.evaluation import classification
from hornbook.inference import commands


def predict(args, about):
    """Print a line an image: its file, then class and probability of the most probable classes."""
    named = [entry for path in args.inputs for entry in _read(path, about)]
    model = commands.load_model(args.run)
    for (name, _), row in zip(named, probabilities(model, np.stack([image for _, image in named])), strict=True):
        best = np.argsort(-row, kind="stable")[: max(1, args.top)]
        words = (f"{commands.field(about['class_names'][k])}\t{row[k]:.4f}" for k in best)
        print(commands.field(name), *words, sep="\t")


def evaluate(args, about, config):
    """The scores, and the names of those to print."""
    own = args.dataset in (None, config["dataset"])
    name = config["dataset"] if own else args.dataset
    data.images.check_name(name)
    model = commands.load_model(args.run)
    options = _as_trained(name, config, about)
    if not own:  # Nothing of it was trained on.
        options |= {"validation_fraction": 0, "test_fraction": 0}
    dataset = data.images.load(name, **{**options, "skip_unreadable": options["skip_unreadable"] or args.skip_unreadable})
    part = dataset.part(args.part or "test") if own else dataset.part(commands.named_part(dataset.parts, name, args.part))
    if list(dataset.class_names) != about["class_names"]:
        raise UserError(
            f"{name} has the classes {naming.some(dataset.class_names)}; the run was trained on {naming.some(about['class_names'])}"
        )
    if list(dataset.input_shape) != about["input_shape"]:
        raise UserError(f"{name} has images {dataset.input_shape}; the run's model takes {tuple(about['input_shape'])}")
    from hornbook.data import batches

    feed = batches.evaluation_batches(part, batch_size=commands.BATCH, num_classes=dataset.num_classes)
    scores = classification.classification(part.labels, model.predict(feed, verbose=0), dataset.class_names)
    if dataset.unreadable:
        scores["left_out"] = len(dataset.unreadable)
    return scores, ("accuracy", "loss", "calibration_error", "macro_f1")


def _as_trained(name, config, about):
    """Options of `dataset.images.load` that read `name` as the run's own data were read."""
    height, width, channels = about["input_shape"]
    # A run of an earlier release has no options for image files.
    options = {"split_seed": config["split_seed"], "skip_unreadable": config.get("skip_unreadable", False)}
    options |= {key: config[key] for key in ("validation_fraction", "test_fraction")}
    if name.startswith("csv:"):
        options |= {key: config.get(key) for key in ("path_column", "label_column")}
    if name.startswith(("folder:", "csv:")) or (name.startswith("tfds:") and config.get("image_size")):
        options |= {"image_size": f"{height}x{width}", "channels": channels}
    return {**options, "class_names": about["class_names"]}


def probabilities(model, inputs):
    """Class probabilities, float64 `(examples, classes)`, of raw inputs `(examples, height, width, channels)`."""
    return classification.softmax(model.predict(inputs, batch_size=commands.BATCH, verbose=0))


def _read(path, about):
    """Pairs of name and input from one file."""
    shape = tuple(about["input_shape"])
    if not path.endswith(".npy"):
        return [(path, decoding.from_file(path, shape, about["pixel_maximum"]))]
    array = commands.array(path)
    array = array[None] if array.shape == shape else array
    if array.shape[1:] != shape or len(array) == 0:
        raise UserError(f"{path} has shape {array.shape}; the model takes {('examples', *shape)}".replace("'", ""))
    if not np.isfinite(array).all():
        raise UserError(f"{path}[{np.argwhere(~np.isfinite(array))[0][0]}] has a pixel that is not finite; accepted are numbers")
    return [(f"{path}[{place}]", image) for place, image in enumerate(array)]
