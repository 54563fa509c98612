"""Pretrain a network for series: what can be learned without labels, for other runs to begin with its weights.

hornbook sequence-pretraining --dataset npz:many.npz --window 128 --output runs/pretrained
hornbook sequence-classification --dataset csv:few-labelled.csv --weights runs/pretrained

Some steps of each series are hidden, and the network says them from the others. Labels, where there are any, are not read.
"""

from typing import Annotated, Literal

from hornbook import command_line, data
from hornbook.data.series.pretraining import masking
from hornbook.evaluation.floors import masked_steps
from hornbook.recipes import options
from hornbook.recipes.networks import weights
from hornbook.recipes.steps import defaults, running

RECIPE = "sequence_pretraining"
READING = ("window", "stride", "missing", "sample_rate", "mel_bands", "id_column", "time_column", "feature_columns", "encoding",
           "skip_unreadable")  # fmt: skip


@options.recipe(clip_norm=1.0)
class Args(options.SequenceNetwork, options.Optimization, options.Split, options.Run):
    dataset: str = "sequential_digits"
    """Where the series come from: as for sequence-classification, but csv:PATH needs no column of classes, folder:PATH no class folders
    (files at any depth), and npz:PATH no labels."""
    id_column: str | None = None
    """The column of csv:PATH that says which series a row is of. Default: id, unit or series."""
    time_column: str | None = None
    """The column of tables that orders the rows of a series, numbers or dates. Default: none, the rows stand in their order."""
    feature_columns: str | None = None
    """The columns of tables with the values, separated by commas: a column of classes is to be left out. Default: all others."""
    encoding: str = "auto"
    """Encoding of tables: auto (by the byte order mark, else UTF-8, else Windows-1252), utf-8, latin-1, or another of Python's names."""
    window: Annotated[int, options.AT_LEAST_1] | None = None
    """Cut series into windows of so many steps; series of unequal length need it. Default: whole series."""
    stride: Annotated[int, options.AT_LEAST_1] | None = None
    """Steps between the beginnings of two windows. Default: half a window."""
    missing: Literal["refuse", "interpolate"] = "refuse"
    """What to do with missing values: refuse them, or interpolate between the neighbours in time."""
    sample_rate: Annotated[int, options.Range(1000, 10**6)] | None = None
    """Samples a second that all audio is brought to. Default: the rate that it has in common."""
    mel_bands: Annotated[int, options.Range(1, 1025)] = 40
    """Features of audio: bands of frequency of its log-mel spectrogram, a frame every 10 ms."""
    skip_unreadable: bool = False
    """Leave out WAV files that cannot be read and list them in skipped.csv. Default: name them before training, which does not begin."""
    model: str = "auto"
    """A builder's name: of those that keep the steps of a series up to one pooling, fcn, resnet1d, inception1d, lite, series_transformer,
    and recurrent ones with --pooling mean; or auto: by the data."""
    masked_share: Annotated[float, options.Range(0, 1, above=True)] = 0.25
    """Share of the steps of a series that are hidden."""
    span: Annotated[int, options.AT_LEAST_1] | None = None
    """Steps of a stretch that is hidden: a line through its neighbours says short ones. Default: a twentieth of the series."""
    masked_fill: Literal["mean", "noise"] = "mean"
    """What stands in place of hidden steps: each feature's mean, or noise of its mean and deviation."""


def build(args, dataset):
    """The model of `args` for a `masking.MaskedDataset`: series `(batch, steps, features)` to standardized values of the same shape."""
    from hornbook.training import builders
    from hornbook.training.learned import transfer

    args = defaults.settle(args, dataset)
    wanted, features = builders.asked_for(args.model, *options.of_network(args)), dataset.input_shape[1]
    ends = {"change": lambda network: transfer.per_step(network, features), "model_name": "sequence_pretrainer"}
    return builders.series_model(args.model, dataset, features, wanted, **ends)


def check_name(args):
    """Refuse a data set that cannot be had, by its name."""
    data.series.check_name(args.dataset, labelled=False, **{name: getattr(args, name) for name in READING})


def main(args, callbacks=(), dataset=None):
    """Train, evaluate and report as `args` say.

    Args:
        args: `Args`.
        callbacks: further Keras callbacks.
        dataset: a `data.series.SeriesDataset` of your own, whose labels do not count, in place of `args.dataset`.

    Returns:
        What `result.json` holds; with several seeds, what `seeds.json` holds.

    Raises:
        UserError: options, data or a folder that cannot be used.
    """
    check(args)
    then = {"medium": "series", "words": ("sequence-classification", "--weights"), "inputs": "--dataset LABELLED"}
    smaller = "--batch-size, --window or --width"
    return running.run(RECIPE, _train, args, callbacks, dataset, check_name=check_name, smaller=smaller, **then)


def check(args):
    """Refuse options that do not go together, in the words of a flag."""
    options.check(args, "series", metrics=("loss",))
    weights.check_pretraining(args, ("save_predictions", False, "predicts nothing of yours"))


def load(args, folder):
    """The dataset that `args` name. Nothing of series is kept in `folder`, the run's."""
    reading = {name: getattr(args, name) for name in READING}
    return masking.dataset(data.series.load(args.dataset, labelled=False, **args.split, **reading))


def _train(args, session):
    import keras

    from hornbook.data import batches
    from hornbook.reports import examples
    from hornbook.training import losses
    from hornbook.training.updates.sharpness import sharpness_aware

    # Data.
    dataset = load(args, session.run.folder) if session.dataset is None else masking.dataset(session.dataset)
    args, evaluated = running.begin(args, session, dataset)
    mean, variance = dataset.train.moments()
    span = args.span or max(1, dataset.input_shape[0] // 20)
    masks = masking.Masking(args.masked_share, span, args.masked_fill, mean, variance**0.5)
    hidden = {name: masks.hidden(part, args.split_seed) for name, part in dataset.parts.items()}
    train, validation = masks.fed(dataset.train), hidden.get("validation")

    # Model.
    model = build(args, dataset)
    sharpness_aware(model, args.sharpness_radius)
    rule, jit_compile = running.optimizer(args, dataset.train), keras.backend.backend() == "jax"
    model.compile(rule, losses.MaskedError(), jit_compile=jit_compile)

    # Training.
    as_batches = {"num_classes": None}
    fitting = running.fitting(args, session, model, hidden["train"], validation, **as_batches)
    if validation is not None:
        validation = data.evaluation_batches(validation, batch_size=256, **as_batches)
    feed = data.training_batches(train, augment=masks.augment, **as_batches, **fitting.feed)
    model.fit(feed, validation_data=validation, **fitting.fit)

    # Result.
    about, scores = {**dataset.about(), "loss": "masked-steps"}, None
    if evaluated is not None:
        scored = hidden[args.evaluate]
        outputs = batches.predictions(model, scored)
        scores = masked_steps.scores(outputs, scored.labels)
        if args.floor:
            session.floor.known(masked_steps.floor(outputs, scored.labels))
    if "sample_rate" in dataset.preprocessing:
        from hornbook.data.series import audio

        audio.save_feature_model(session.run.path("features.keras"), dataset.preprocessing)
    sheet = examples.augmented(dataset, lambda series, labels, draw: (masks.pairs(series, draw)[0], labels), seed=args.seed)
    return running.finish(args, session, model, dataset, fitting, scores, about=about, augmented=sheet)


if __name__ == "__main__":
    command_line.script(main, Args, recipe=RECIPE, file=__file__)
