"""Train a classifier of series: time series and audio, any model for sequences, techniques as flags.

hornbook sequence-classification
hornbook sequence-classification --dataset ts:GunPoint_TRAIN.ts
hornbook sequence-classification --dataset folder:recordings --model gru --time-masking 0.2 --feature-masking 0.2

The first is on scikit-learn's digits pixel by pixel: accuracy 0.9944 (1 seed) in 75 s from a cold start. The second: 1.0000 (1
seed) in 44 s on two cores; the mean over twelve sets is 0.939 (docs/defaults.md).
"""

from typing import Annotated, Literal

from hornbook import command_line, data
from hornbook.recipes import adversarial, classifying, options
from hornbook.recipes.networks import teachers, weights
from hornbook.recipes.steps import decisions, defaults, running

RECIPE = "sequence_classification"
READING = ("window", "stride", "missing", "sample_rate", "mel_bands", "length", "examples", "id_column", "time_column", "group_column",
           "weight_column", "feature_columns", "label_column", "encoding", "skip_unreadable")  # fmt: skip


# Recurrent networks have rare steep steps, which clipping cuts (Pascanu et al. 2013).
@options.recipe(choices=classifying.ONE_CLASS, clip_norm=1.0)
class Args(
    options.SequenceNetwork,
    options.Transfer,
    options.Mix,
    options.Classification,
    options.Optimization,
    options.Adversarial,
    options.ClassSplit,
    options.Run,
):
    dataset: str = "sequential_digits"
    """Where the series come from: sequential_digits and copy (built in), ts:PATH (UCR/UEA files), csv:PATH (a row a step), folder:PATH (WAV
    files or tables, a folder a class), npz:PATH (arrays), or tfds:NAME, NAME/CONFIG or NAME:VERSION of TensorFlow Datasets."""
    id_column: str | None = None
    """The column of csv:PATH that says which series a row is of. Default: id, unit or series."""
    time_column: str | None = None
    """The column of tables that orders the rows of a series, numbers or dates. Default: none, the rows stand in their order."""
    group_column: str | None = None
    """The column of csv:PATH whose values may not stand in two parts, such as a person with several series. Default: the series itself."""
    weight_column: str | None = None
    """What each training series counts in the loss: a column of csv:PATH, or an array of npz:PATH, of numbers of 0 or more; their mean is
    made 1. Scores are not weighted."""
    feature_columns: str | None = None
    """The columns of tables with the values, separated by commas. Default: all that have no other role."""
    label_column: str | None = None
    """The column of csv:PATH with the classes. Default: label, class, category or the like."""
    encoding: str = "auto"
    """Encoding of tables: auto (by the byte order mark, else UTF-8, else Windows-1252), utf-8, latin-1, or another of Python's names."""
    window: Annotated[int, options.AT_LEAST_1] | None = None
    """Cut series into windows of so many steps, after they were split into training, validation and test. Default: whole series."""
    stride: Annotated[int, options.AT_LEAST_1] | None = None
    """Steps between the beginnings of two windows. Default: half a window."""
    missing: Literal["refuse", "interpolate", "mask"] = "refuse"
    """What to do with missing values: refuse them; interpolate between the neighbours in time; mask: the training mean, and channels that
    say where."""
    sample_rate: Annotated[int, options.Range(1000, 10**6)] | None = None
    """Samples a second that all audio is brought to. Default: the rate that it has in common."""
    mel_bands: Annotated[int, options.Range(1, 1025)] = 40
    """Features of audio: bands of frequency of its log-mel spectrogram, a frame every 10 ms."""
    length: Annotated[int, options.Range(2, 10**6)] = 200
    """Steps of the generated problem copy."""
    examples: Annotated[int, options.Range(10, 10**7)] = 10_000
    """Training series of the generated problem copy."""
    skip_unreadable: bool = False
    """Leave out WAV files that cannot be read and list them in skipped.csv. Default: name them before training, which does not begin."""
    model: str = "auto"
    """A builder's name (lstm, gru, simple_rnn, cnn1d, fcn, resnet1d, inception1d, h_inception1d, lite, series_transformer and their
    variants, such as bidirectional_gru), mymodule:builder of your own, or auto: by the data."""
    jitter: Annotated[float, options.NOT_NEGATIVE] | options.Auto = "auto"
    """Standard deviation of noise added to every value, in standard deviations of its feature; 0 for none, auto: by the model."""
    scaling: Annotated[float, options.NOT_NEGATIVE] = 0.0
    """Standard deviation of a factor around 1 by which each series is stretched around the mean, such as 0.1; 0 for none."""
    time_warp: Annotated[float, options.NOT_NEGATIVE] = 0.0
    """Standard deviation of the logarithm of a speed that changes over time, such as 0.2; 0 for none."""
    time_masking: Annotated[float, options.TO_1] = 0.0
    """Hide two stretches of time, each of at most this share of the steps, such as 0.2 (SpecAugment); 0 for none."""
    feature_masking: Annotated[float, options.TO_1] = 0.0
    """Hide two bands of features (of audio: of frequency), each of at most this share of them, such as 0.2 (SpecAugment); 0 for none."""
    mixup: Annotated[float, options.NOT_NEGATIVE] | options.Auto = "auto"
    """Alpha of the Beta distribution of mixup, such as 0.2; 0 for none, auto: by the model."""


def build(args, dataset):
    """The model of `args` for a `data.series.SeriesDataset`: series `(batch, steps, features)` to float32 logits `(batch, classes)`.

    The first layer standardizes each feature by the mean and variance of the training series, or of those that the weights were learned on.
    """
    from hornbook.training.builders import asked_for, series_model

    args = defaults.settle(args, dataset)
    wanted = asked_for(args.model, *options.of_network(args))
    _, source = weights.of_network(args, "series")
    ends = {"members": args.members, **classifying.last_layer(args), "source": source}
    return series_model(args.model, dataset, dataset.num_classes, wanted, **ends, model_name="sequence_classifier")


def check_name(args):
    """Refuse a data set that cannot be had, by its name."""
    data.series.check_name(args.dataset, **{name: getattr(args, name) for name in READING})


def main(args, callbacks=(), dataset=None):
    """Train, evaluate and report as `args` say.

    Args:
        args: `Args`.
        callbacks: further Keras callbacks.
        dataset: a `data.series.SeriesDataset` of your own, such as `data.series.from_arrays(...)`, in place of `args.dataset`.

    Returns:
        What `result.json` holds; with several seeds, what `seeds.json` holds.

    Raises:
        UserError: options, data or a folder that cannot be used.
    """
    check(args)
    args = weights.with_source(args, "series")
    about = {"medium": "series", "check_name": check_name, "inputs": "SERIES..."}
    return running.run(RECIPE, _train, args, callbacks, dataset, smaller="--batch-size, --window or --width", **about)


def check(args):
    """Refuse options that do not go together, in the words of a flag."""
    options.check(args, "series")
    adversarial.check(args)
    weights.check(args, "series")
    teachers.check(args, "series")


def load(args, folder):
    """The dataset that `args` name. Nothing of series is kept in `folder`, the run's."""
    return data.series.load(args.dataset, **args.split, **{name: getattr(args, name) for name in READING})


def _train(args, session):
    import keras

    from hornbook.reports import examples
    from hornbook.training.classical import convolution_ridge, mixing
    from hornbook.training.updates.sharpness import sharpness_aware

    # Data.
    dataset = session.dataset or load(args, session.run.folder)
    dataset.require_task("classification")
    args, evaluated = running.begin(args, session, dataset)
    objective, steps = classifying.objective(args, dataset, teachers.of(args, dataset)), dataset.input_shape[0]

    # Model.
    model = build(args, dataset)
    trained, train, validation = weights.trained_part(args, model, dataset.train, dataset.validation, length=steps)
    rule, jit_compile = running.optimizer(args, train), keras.backend.backend() == "jax"
    sharpness_aware(trained, args.sharpness_radius)
    adversarial.prepare(args, model, trained, dataset)
    trained.compile(rule, objective.loss, metrics=[objective.accuracy], jit_compile=jit_compile)

    # Training.
    # How every batch is made: labels one-hot, series of one length where the model takes no other.
    as_batches = {"num_classes": objective.num_classes, "length": steps}
    fitting = running.fitting(args, session, trained, train, validation, feed=objective.feed, **as_batches)
    adversarial.watch(args, fitting, validation, dataset, length=steps)
    mean, variance = dataset.train.moments()
    augment = data.series.augmenter(
        mean=mean,
        deviation=variance**0.5,
        jitter_strength=args.jitter,
        scaling_strength=args.scaling,
        time_warp_strength=args.time_warp,
        time_masking_share=args.time_masking,
        feature_masking_share=args.feature_masking,
        mixup_alpha=args.mixup,
        measured=len(dataset.preprocessing["features"]),
    )
    if validation is not None:
        validation = data.evaluation_batches(validation, batch_size=256, **as_batches)
    trained.fit(
        data.training_batches(train, augment=augment, **objective.feed, **as_batches, **fitting.feed),
        validation_data=validation,
        **fitting.fit,
    )

    # Result.
    model = objective.finished(fitting.finished(model, dataset.task))
    about = {**dataset.about(), **objective.about}
    scored = running.evaluate(session, model, about, evaluated, length=steps, alone=args.classical_share > 0)
    alone = decisions.alone(args, scored.scores)
    if args.classical_share:
        ridge = convolution_ridge.ConvolutionRidge(dataset.train.series, dataset.train.labels, dataset.num_classes, seed=args.seed)
        model = mixing.mixed(model, objective.beside(ridge), args.classical_share)
        scored = running.evaluate(session, model, about, evaluated, length=steps)
    if "sample_rate" in dataset.preprocessing:
        from hornbook.data.series import audio

        audio.save_feature_model(session.run.path("features.keras"), dataset.preprocessing)
    decided = decisions.decide(args, session, model, dataset, about, scored, length=steps)
    said = {"about": decided.about, "mistakes": decided.mistakes, "details": {**alone, **decided.details}}
    sheet = examples.augmented(dataset, augment, seed=args.seed)
    return running.finish(args, session, decided.model, dataset, fitting, decided.scores, augmented=sheet, **said)


if __name__ == "__main__":
    command_line.script(main, Args, recipe=RECIPE, file=__file__)
