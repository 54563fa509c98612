"""What a recipe does where no flag says otherwise: rules on what the data are, a table in which each row names its measurement.

The length of a training is counted in updates, not in epochs: a network needs some number of them however few the examples are, and a
large set needs some number of passes. Rules look at nothing but the data and the options, so that the same command gives the same run.
"""

import dataclasses
import math

from hornbook.data import splits
from hornbook.data.selection import drawing
from hornbook.recipes import adversarial, classifying, robust_groups
from hornbook.recipes.networks import weights
from hornbook.recipes.options import USUAL, of_network

_LEAST_BATCH = 16
_BATCHES = 20  # Of a pass over the examples, about: a batch size in between keeps the gradients of a small set noisy.


@dataclasses.dataclass(frozen=True)
class Row:
    """How networks of some families are trained on a medium.

    Attributes:
        families: of models; empty for all that no row above names, builders of the user's among them.
        tasks: of data; empty for all.
        updates: the fewest of a training.
        passes: the fewest over the examples.
        largest_batch: examples that a batch has at most.
        options: dict of further options of recipes; those that a recipe lacks do not count.
        measured: where the figures stand by which the row was chosen.
        optimizers: of --optimizer, beside auto, with which the row counts; empty for all.
        per_batch: whether the learning rate is that of the largest batch, and of others in proportion (Goyal et al. 2017).
        warmup: share of the training in which the learning rate rises; None: see --warmup-epochs.
        crop: share of the shorter side by which images are shifted at most; None: see --crop-padding.
        steps: time steps that the fewest updates may read in all, of series; of longer series there are fewer, but a fifth of them.
        least: training examples, from which on the row counts.
    """

    families: tuple
    tasks: tuple
    updates: int
    passes: int
    largest_batch: int
    options: dict
    measured: str
    steps: float = math.inf
    least: int = 0
    optimizers: tuple = ()
    per_batch: bool = False
    warmup: float | None = None
    crop: float | None = None


_LEAST_SHARE = 0.2  # Of the fewest updates, however long the series are.

# The model of each medium: (medium, from how many training examples, its name, where it was measured). The first that fits counts.
MODELS = (
    ("series", 0, "h_inception1d", "benchmarks/notes/series.md"),
    ("texts", 0, "cnn1d", "docs/data/texts.md"),
    ("images", 10_000, "airbench94", "benchmarks/notes/cifar10.md"),  # Where `_suits_airbench`.
    ("images", 0, "cnn", "docs/results.md"),
    ("tables", 5000, "tabm", "benchmarks/notes/tables.md"),
    ("tables", 0, "mlp", "benchmarks/notes/tables.md"),
)

# Options that a recipe may leave to the data, by the word "auto".
OPEN = (
    "model", "epochs", "batch_size", "validation_fraction", "learning_rate", "dropout", "jitter", "mixup", "classical_share",
    "augmentation", *(name for name in USUAL if name != "precision"),
)  # fmt: skip

ROWS = {
    "series": (
        Row(
            ("inception1d", "resnet1d", "fcn", "lite", "cnn1d"), (),
            600, 12, 64,
            {"learning_rate": 1e-3, "dropout": 0.0, "jitter": 0.0, "mixup": 0.0, "classical_share": 0.5},
            "benchmarks/notes/series.md",
            steps=6e6,
        ),
        # Recurrent networks forget noise in the inputs last (docs/data/series.md).
        Row(
            ("rnn",), (),
            1200, 30, 64,
            {"learning_rate": 1e-2, "dropout": 0.3, "jitter": 0.3, "mixup": 0.2, "classical_share": 0.5},
            "docs/data/series.md",
        ),
        Row(
            (), (),
            1200, 30, 64,
            {"learning_rate": 1e-3, "dropout": 0.1, "jitter": 0.0, "mixup": 0.0, "classical_share": 0.5},
            "docs/data/series.md",
        ),
    ),
    "texts": (
        # Masked tokens: many updates, and little dropout (Devlin et al. 2019, appendix A.2).
        Row((), ("embedding",), 2000, 20, 64, {"learning_rate": 1e-3, "dropout": 0.1}, "docs/transfer.md"),
        # Vaswani et al. (2017, section 5.4). The others drop once or between few layers, and have Kim's (2014) one half.
        Row(("text_transformer",), (), 200, 6, 64, {"learning_rate": 3e-3, "dropout": 0.1, "classical_share": 0.5}, "docs/data/texts.md"),
        Row((), (), 200, 6, 64, {"learning_rate": 3e-3, "dropout": 0.5, "classical_share": 0.5}, "docs/data/texts.md"),
    ),
    "images": (
        Row(
            ("airbench",), (),
            800, 20, 512,
            {
                "learning_rate": 0.75, "optimizer": "sgd", "momentum": 0.85, "schedule": "polynomial", "weight_decay": 0.009,
                "lookahead": 5, "bias_learning_rate_factor": 64.0, "label_smoothing": 0.2, "flip": "alternating", "crop_fill": "reflect",
                "precision": "auto", "dropout": 0.0, "test_time_augmentation": "mirror-shift",
            },
            "benchmarks/notes/cifar10.md",
            optimizers=("sgd",),
            per_batch=True,
            warmup=0.23,
            crop=1 / 16,
        ),
        Row((), (), 800, 40, 64, {"learning_rate": 3e-3, "dropout": 0.0}, "docs/results.md"),
    ),
    "tables": (
        Row(
            ("tabm", "mlp"), (),
            1500, 15, 256,
            {"learning_rate": 2e-3, "dropout": 0.3, "number_embedding": "piecewise", "classical_share": 0.5},
            "benchmarks/notes/tables.md",
            least=5000,
        ),
        # Numbers to predict; from fewer rows by a smaller network.
        Row(
            ("mlp",), ("regression",),
            200, 40, 64,
            {"learning_rate": 3e-3, "normalization": "batch", "dropout": 0.1, "classical_share": 0.6},
            "benchmarks/notes/tables.md",
            least=1000,
        ),
        Row(
            ("mlp",), ("regression",),
            200, 40, 64,
            {"learning_rate": 3e-3, "width": 32, "normalization": "batch", "dropout": 0.3, "classical_share": 0.6},
            "benchmarks/defaults/classical_share.py",
        ),
        Row(
            (), ("regression",),
            200, 40, 64,
            {"learning_rate": 3e-3, "dropout": 0.1, "classical_share": 0.5},
            "benchmarks/notes/tables.md",
        ),
        # Classes; of fewer rows more gently.
        Row(
            (), (),
            200, 40, 64,
            {"learning_rate": 3e-3, "dropout": 0.1, "classical_share": 0.5},
            "benchmarks/notes/tables.md",
            least=1000,
        ),
        Row((), (), 200, 40, 64, {"learning_rate": 1e-3, "dropout": 0.3, "classical_share": 0.5}, "benchmarks/notes/tables.md"),
    ),
}  # fmt: skip


def choose(args, dataset):
    """Values for the options that are "auto", and for those of the network that are None, its builder's own.

    Args:
        args: a recipe's options.
        dataset: `data.dataset.Dataset`, loaded as they say.

    Returns:
        A dict of options to their values, `model` and `epochs` first; empty where nothing was left to the data.
    """
    model = _model(dataset) if args.model == "auto" else args.model
    size = len(dataset.train)
    row = row_of(dataset.medium, dataset.task, model, size, getattr(args, "optimizer", "auto"))
    batch_size = _batch_size(size, row.largest_batch) if args.batch_size == "auto" else args.batch_size
    values = {"model": model, "epochs": _epochs(args, dataset, batch_size, row), "batch_size": batch_size}
    values["validation_fraction"] = _held_out(args, dataset)
    values |= USUAL | row.options
    values["dropout"] = _by_depth(values["dropout"], args, model)
    if row.per_batch:
        values["learning_rate"] *= batch_size / row.largest_batch
    if row.warmup is not None:
        epochs = values["epochs"] if args.epochs == "auto" else args.epochs
        values["warmup_epochs"] = round(row.warmup * epochs, 2)
    if dataset.medium == "images":
        values |= _of_images(args, dataset, row)
    if getattr(args, "tokenizer", None) in ("character", "byte"):
        values["classical_share"] = 0.0  # Pairs of letters say too little.
    if dataset.medium == "tables" and not dataset.num_numbers:
        values["number_embedding"] = None  # There is no number to embed.
    if (dataset.medium, dataset.task) == ("series", "regression"):
        values["classical_share"] = 0.0  # There is none.
    if adversarial.is_asked_for(args) or robust_groups.is_asked_for(args):
        values["classical_share"] = 0.0  # It learns neither from attacked examples nor for the worst group.
    if dataset.medium == "series" and hasattr(args, "weights") and weights.is_head(args):
        values |= {"jitter": 0.0, "mixup": 0.0}  # Features are computed once.
    if ":" in model:  # A builder of the user's need not take an option.
        values = {name: None if name in of_network(args)[0] else value for name, value in values.items()}
    return {name: value for name, value in values.items() if _is_open(args, name, value)}


def _by_depth(dropout, args, model):
    """The share that is dropped behind each layer, so that of a deeper perceptron as much is kept in all as of one of the usual depth.

    Nothing goes around its layers: what each drops is multiplied. Twelve layers that each drop 0.3 keep 0.02 of the signal.
    """
    from hornbook import models

    if args.depth is None or model not in models.names() or models.family(model) != "mlp":
        return dropout
    usual = models.options(model)["depth"] - 1  # Behind the output layer nothing is dropped.
    return round(1 - (1 - dropout) ** min(1, usual / max(1, args.depth - 1)), 3)


def models_of(medium):
    """The names that `--model auto` may become for data of a medium; none of one that is not known."""
    return tuple(name for of, _, name, _ in MODELS if of == medium)


def settle(args, dataset):
    """The options with what `choose` chooses: none is left to the data."""
    return dataclasses.replace(args, **choose(args, dataset))


def _is_open(args, name, value):
    """Whether an option that a recipe has was left to the data, and the value is one that it does not have yet."""
    if name == "precision":  # Which is "auto" for what the machine can.
        return args.precision is None
    return hasattr(args, name) and getattr(args, name) in ("auto", None) and getattr(args, name) != value


def _held_out(args, dataset):
    """The share that was taken for validation when the data were split."""
    if dataset.validation is None:
        return 0.0
    # Series are split before they are cut into windows.
    parts = (dataset.train, dataset.validation)
    size = sum(len(set(part.units)) if dataset.medium == "series" else len(part) for part in parts)
    size //= getattr(dataset, "copies", 1)
    return float(splits.share_of(args.split["validation_fraction"], size + dataset.thinned))


def _of_images(args, dataset, row):
    """What is chosen by the size and the channels of images."""
    values = {"augmentation": "crop-flip" if dataset.input_shape[2] == 3 else "crop"}
    if hasattr(args, "weights") and weights.is_head(args):
        values["augmentation"] = "none"  # Features are computed once.
    augmentation = values["augmentation"] if args.augmentation == "auto" else args.augmentation
    if augmentation in ("crop", "none"):
        values |= {name: USUAL[name] for name in ("flip", "test_time_augmentation")}  # No mirror image was trained on.
    if row.crop is not None:
        values["crop_padding"] = max(1, round(min(dataset.input_shape[:2]) * row.crop))
    return values


def row_of(medium, task, model, size, optimizer="auto"):
    """The `Row` by which a model, by its name, is trained on so many examples of a medium and a task."""
    from hornbook import models

    family = models.family(model) if model in models.names() else None
    fitting = (row for row in ROWS[medium] if (family in row.families or not row.families) and (task in row.tasks or not row.tasks))
    return next(row for row in fitting if size >= row.least and (optimizer in ("auto", *row.optimizers) or not row.optimizers))


def in_words(chosen, dataset, steps_per_epoch):
    """The values that `choose` returned and that are not the usual ones, in a line; an empty one where there are none.

    Args:
        chosen, dataset: of `choose`.
        steps_per_epoch: updates of an epoch.
    """
    said = {name: value for name, value in chosen.items() if value is not None and USUAL.get(name) != value}
    values = {name.replace("_", " "): value for name, value in said.items()}
    words = [values.pop("model")] if "model" in values else []
    if "epochs" in values:
        epochs = values.pop("epochs")
        words.append(f"{epochs * steps_per_epoch:,} updates in {epochs:,} epochs")
    words += [f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()]
    return f"chosen: {', '.join(words)} (for {len(dataset.train):,} {_examples(dataset)})" if words else ""


def _model(dataset):
    fitting = (model for medium, least, model, _ in MODELS if medium == dataset.medium and len(dataset.train) >= least)
    return next(model for model in fitting if model != "airbench94" or _suits_airbench(dataset.input_shape))


def _suits_airbench(input_shape):
    """Whether images are small and in colour, as those that it is made for; of others nothing is measured."""
    height, width, channels = input_shape
    return channels == 3 and min(height, width) >= 16 and max(height, width) <= 64


def _batch_size(size, most):
    """The power of two nearest to a twentieth of the examples, within limits."""
    return int(min(max(2 ** round(math.log2(max(1, size / _BATCHES))), _LEAST_BATCH), most))


def _epochs(args, dataset, batch_size, row):
    size, updates = len(dataset.train), row.updates
    if math.isfinite(row.steps):
        lengths = dataset.input_shape[0] or dataset.train.lengths.mean()
        updates *= min(1, max(_LEAST_SHARE, row.steps / (lengths * min(batch_size, size) * updates)))
    steps = max(1, size // batch_size)
    epochs = max(row.passes, math.ceil(updates / steps))
    # Of drawn examples as many updates, not as many of their longer or shorter epochs.
    return math.ceil(epochs * steps / max(1, drawing.size(dataset.train.labels, classifying.sampling(args)) // batch_size))


def _examples(dataset):
    """What an example is, in words."""
    shape = dataset.input_shape
    if dataset.medium == "series":
        steps = "unequal length" if shape[0] is None else f"{shape[0]:,} steps"
        return f"series of {steps}" + (f" and {shape[1]} features" if shape[1] > 1 else "")
    if dataset.medium == "images":
        return f"images of {shape[0]}x{shape[1]} pixels"
    return "rows" if dataset.medium == "tables" else "texts"
