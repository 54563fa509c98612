"""Train a network that predicts numbers from tables or series: from files or TensorFlow Datasets, every technique one flag.

hornbook regression
hornbook regression --dataset csv:houses.csv --label-column price --loss quantile --quantiles 0.1 0.5 0.9
hornbook regression --dataset adding --length 200 --model lstm --clip-norm 1

The first, on scikit-learn's diabetes: R2 0.382 ± 0.025 (5 splits), beside ridge regression's 0.418; 9 s of a processor from a cold start.
"""

import dataclasses
import pathlib
import time
from typing import Literal

from hornbook import command_line
from hornbook import files
from hornbook.recipes import running
from hornbook.training import runs
from hornbook.data.series.dataset import SeriesDataset
from hornbook import data
from hornbook.data.series import dataset as series_data
from hornbook.data import splits
from hornbook.data.tables.dataset import TableDataset
from hornbook.data import csv_rows


@dataclasses.dataclass(frozen=True)
class Args:
    dataset: str = "diabetes"
    """Where the rows come from: diabetes (built in), csv:PATH (CSV or TSV), or tfds:NAME, NAME/CONFIG or NAME:VERSION of
    TensorFlow Datasets. Or series: adding (built in), ts:PATH, npz:PATH, or csv:PATH with --time-column."""
    test_dataset: str | None = None
    """Another table to test on, such as csv:test.csv. Default: the source's own test split, else a share of its rows."""
    label_column: str | None = None
    """The column to predict. Default: target, y, value or label. Several, separated by commas, are predicted together."""
    feature_columns: str | None = None
    """The columns to predict from, separated by commas. Default: all others."""
    categorical_columns: str | None = None
    """Columns of numbers that are categories, such as codes, separated by commas. Columns of text are categories in any case."""
    id_column: str | None = None
    """Columns to leave out, separated by commas: identifiers, free text, what would not be known beforehand."""
    missing_values: str | None = None
    """Further words for a missing value, separated by commas, besides nothing, NaN, NA, N/A, NULL and ?."""
    rare_categories: int = 5
    """A category of fewer training rows counts as one that training never saw."""
    encoding: str = "auto"
    """Of a file: auto (by its byte order mark, else UTF-8, else Windows-1252), utf-8, latin-1, or another of Python's names."""
    header: Literal["auto", "yes", "no"] = "auto"
    """Whether a file's first line names the columns; auto: unless it has a number in it. Else they are called column1, column2, ..."""
    decimal: Literal["auto", "point", "comma"] = "auto"
    """What a file's numbers have; auto: commas where fields are separated by something else and a column has commas alone."""
    time_column: str | None = None
    """The column of csv:PATH that orders the rows of a series, which --id-column tells apart. Default: each row is for itself."""
    window: int | None = None
    """Cut series into windows of so many steps, after they were split into training, validation and test. Default: whole series."""
    stride: int | None = None
    """Steps between the beginnings of two windows. Default: half a window."""
    missing: Literal["refuse", "interpolate", "mask"] = "refuse"
    """Of missing values in series: refuse them, interpolate in time, or mask: the training mean, and channels that say where."""
    length: int = 200
    """Steps of the generated series adding."""
    examples: int = 10_000
    """Training series of adding."""
    model: str = "mlp"
    """A builder's name (mlp), or mymodule:builder of your own."""
    depth: int | None = None
    """Layers with kernels. Default: the model's own."""
    width: int | None = None
    """Units of a layer. Default: 32 for tables, as those with numbers to predict are mostly small; for series the model's own."""
    bins: int = 0
    """Beside each number, as many inputs that rise one after the other as it passes through bins of equally many training rows; 0: none."""
    categories: Literal["one-hot", "embedding"] = "one-hot"
    """What a model is given of categories: zeros and ones, or their codes, for a model that embeds them."""
    normalization: Literal["batch", "layer", "group", "rms", "none"] | None = None
    """Normalization of activations. Default: batch for tables, for series the model's own."""
    weight_normalization: Literal["none", "spectral", "standardized"] = "none"
    """Normalization of kernels."""
    activation: str | None = None
    """Any activation of Keras that works in a network: relu, gelu, silu, selu, tanh, leaky_relu, ... Default: the model's own."""
    initializer: str = "auto"
    """Initial kernels: auto (by the activation: He, Glorot or LeCun) or a Keras initializer's name."""
    dropout: float | None = None
    """Share of features dropped after every layer. Default: 0.3 for tables, for series the model's own."""
    l1: float = 0.0
    """Penalty on the kernels' absolute values, added to the loss."""
    l2: float = 0.0
    """Penalty on the kernels' squares, added to the loss."""
    loss: Literal["mse", "mae", "huber", "quantile"] = "mse"
    """Mean squared error, whose best answer is the mean; mean absolute error, the median; huber, squared up to one standard deviation of
    the target and absolute beyond; quantile, those of --quantiles."""
    quantiles: tuple[float, ...] = (0.1, 0.5, 0.9)
    """The shares of rows that are to lie below each output, with --loss quantile."""
    optimizer: Literal[
        "sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "lion", "lamb", "adafactor", "muon"
    ] = "adamw"  # fmt: skip
    """sgd has Nesterov momentum 0.9; muon takes hidden matrices and leaves the rest to adam."""
    learning_rate: float = 3e-3
    """The schedule's highest."""
    schedule: Literal["constant", "step", "cosine", "one-cycle", "exponential", "polynomial", "restarts", "plateau"] = "cosine"
    """How the learning rate goes on after the warm-up; plateau takes a tenth of it whenever the validation loss stops falling."""
    plateau_patience: int = 5
    """Epochs without a better validation loss before the schedule plateau lowers the learning rate."""
    warmup_epochs: float | None = None
    """Epochs of a linear rise of the learning rate before the schedule. Default: 1, a tenth of a shorter training, none for one-cycle."""
    weight_decay: float = 0.2
    """Decoupled weight decay of kernels, never of biases and normalization scales; each step takes learning rate times this."""
    clip_norm: float = 0.0
    """Cut the gradients' global norm to this; 0 for never."""
    clip_value: float = 0.0
    """Cut every element of the gradients to this size; 0 for never. One of the three ways."""
    clip_each_norm: float = 0.0
    """Cut the norm of each variable's gradient to this; 0 for never."""
    accumulate_steps: int = 1
    """Batches whose mean gradient makes one update: as if the batch were so many times larger, in the memory of one."""
    mixup: float = 0.0
    """Alpha of mixup's Beta distribution, such as 0.2; 0 for none. Numbers are blended, categories are taken from either row."""
    ema: float = 0.0
    """Momentum of a moving average of the weights, such as 0.999, which is what is evaluated and kept; 0 for none."""
    batch_size: int = 64
    """Examples a step."""
    epochs: int = 40
    """Passes over the training rows."""
    early_stopping: int = 0
    """Stop after this many epochs without a better validation loss, and keep the best epoch's weights; 0 for never: keep the last."""
    precision: Literal["float32", "bfloat16", "float16", "auto"] = "float32"
    """Of the computation, weights and outputs stay in float32; auto: bfloat16 where the machine computes in it, else float32."""
    validation_fraction: float = 0.1
    """Share of the training rows held out, where the source has no validation split; 0 for none."""
    fold: str | None = None
    """Hold out one of several folds of the training examples in place of --validation-fraction: 2/5 is the second of five."""
    test_fraction: float = 0.2
    """Share of the rows held out, where there is no test split and no --test-dataset."""
    in_memory: Literal["auto", "always", "never"] = "auto"
    """Whether the columns of csv:PATH are kept in memory or on disk, in the run's folder; auto: in memory up to 256 MiB (tables only)."""
    seed: int = 0
    """Of initial weights, order, augmentation and dropout."""
    split_seed: int = 0
    """Of the split into training, validation and test rows."""
    seeds: int = 1
    """Run this many times, with seed, seed + 1, ..., and print mean and spread."""
    evaluate: Literal["test", "validation", "none"] = "test"
    """What the result is taken on."""
    tensorboard: bool = False
    """Write logs for TensorBoard as well, to the folder tensorboard in the run's."""
    output: str | None = None
    """Folder of the run. Default: runs/regression/TIME-MODEL. An unfinished run in it is resumed."""


def build(args, dataset, num_outputs=None):
    """The model of `args` for a `TableDataset`: encoded rows `(batch, inputs)` to float32 outputs `(batch, num_outputs)`.

    The first layers standardize numbers and turn categories into zeros and ones. The outputs are in standard deviations from the mean of
    the training rows' targets; `in_units` puts them back.
    """
    import keras

    from hornbook.data.tables import layers
    from hornbook.training.builders import asked_for, build_model

    if isinstance(dataset, SeriesDataset):
        return _build_for_series(args, dataset, num_outputs or len(dataset.target_names))
    inputs = keras.Input(dataset.input_shape, name="columns")
    one_hot = args.categories == "one-hot" or not dataset.encoding.categories
    features = layers.features(inputs, dataset.encoding, dataset.train.inputs, bins=args.bins, one_hot=one_hot)
    options = asked_for(args.model, args, _MODEL_OPTIONS)
    if ":" not in args.model:
        options = {**_FOR_TABLES, **options}
    if not one_hot:
        options["category_sizes"] = dataset.encoding.category_sizes
    network = build_model(args.model, features.shape[1:], num_outputs or len(dataset.target_names), options)
    return keras.Model(inputs, network(features), name="standardized_regressor")


def _build_for_series(args, dataset, num_outputs):
    import keras

    from hornbook.training.builders import asked_for, build_model

    # A model for series is given what was asked for, and has its own defaults for the rest.
    options = asked_for(":", args, _MODEL_OPTIONS)
    if dataset.input_shape[0] is None:
        options["padded"] = True
    network = build_model(args.model, dataset.input_shape, num_outputs, options)
    mean, variance = dataset.train.moments()
    series = keras.Input(dataset.input_shape, name="series")
    standardized = keras.layers.Normalization(mean=mean, variance=variance, dtype="float32", name="standardize")(series)
    return keras.Model(series, network(standardized), name="standardized_regressor")


_FOR_TABLES = {"width": 32, "normalization": "batch", "dropout": 0.3}
_MODEL_OPTIONS = (
    "depth", "width", "normalization", "weight_normalization", "activation", "initializer", "dropout", "l1", "l2",
)  # fmt: skip


def main(args, callbacks=(), dataset=None):
    """Train, evaluate and report as `args` say.

    Args:
        args: `Args`.
        callbacks: further Keras callbacks.
        dataset: a `TableDataset` of your own, such as `dataset.tables.from_arrays(...)`, in place of `args.dataset`.

    Returns:
        What `result.json` holds; with several seeds, what `seeds.json` holds.

    Raises:
        UserError: options, data or a folder that cannot be used.
    """
    check(args)
    folder = pathlib.Path(args.output or runs.default_folder("regression", args.model))
    if dataset is None and series_data.is_series(args.dataset, args.time_column):
        data.series.check_name(args.dataset)
    elif dataset is None:
        data.tables.check_name(args.dataset)
    else:
        args = dataclasses.replace(args, dataset=dataset.name)
    if args.seeds > 1:
        return running.several_seeds(main, args, folder, "regression", callbacks, dataset)
    config = command_line.to_config("regression", args)
    with runs.Run(folder, config) as run:
        # TensorFlow takes seconds to import; whatever can be refused without it is refused before.
        with command_line.quiet_libraries():
            from hornbook.training import reproducibility
        enough_memory = command_line.enough_memory("--batch-size or --width")
        with reproducibility.settings(seed=args.seed, precision=args.precision) as precision, enough_memory:
            result = _train(args, run, callbacks, dataset, precision)
    runs.print_result(result, folder, "FILE...")
    return result


def _load_series(args):
    options = {name: getattr(args, name) for name in ("window", "stride", "missing", "length", "examples", "encoding")}
    if args.dataset.startswith("csv:"):
        options |= {name: getattr(args, name) for name in ("id_column", "time_column", "label_column")}
        options["feature_columns"] = csv_rows.names(args.feature_columns)
    fractions = {name: getattr(args, name) for name in ("test_fraction", "split_seed")}
    fractions["validation_fraction"] = splits.validation_share(args.validation_fraction, args.fold)
    return data.series.load(args.dataset, numbers=True, **fractions, **options)


def check(args):
    """Refuse what no part would refuse in the words of a flag."""
    command_line.check_ranges(args, _RANGES)
    if args.tensorboard:
        command_line.require_tensorboard()


_RANGES = (
    ("bins", 0, 1000), ("rare_categories", 1, None),
)  # fmt: skip


def _train(args, run, callbacks, dataset, precision):
    import keras

    from hornbook.data import batches
    from hornbook.training import diagnosis
    from hornbook.training import losses
    from hornbook.data.tables import augmentation
    from hornbook.training import optimization
    from hornbook.evaluation import regression
    from hornbook.reports import report
    from hornbook.data.series import augmentation
    from hornbook.data.series import batches as series_batches
    from hornbook.training import target_scaling
    from hornbook.training.callbacks import AverageWeights, EarlyStopping, History, Progress, ReduceOnPlateau, StopWhenLost
    from hornbook.training.checkpoint import Checkpoint, size_in_bytes

    started = time.monotonic()

    # Data.
    if dataset is None and series_data.is_series(args.dataset, args.time_column):
        dataset = _load_series(args)
    elif dataset is None:
        dataset = data.tables.load(
            args.dataset,
            task="regression",
            label_column=args.label_column,
            feature_columns=args.feature_columns,
            categorical_columns=args.categorical_columns,
            id_column=args.id_column,
            missing_values=args.missing_values,
            encoding=args.encoding,
            header=args.header,
            decimal=args.decimal,
            in_memory=args.in_memory,
            folder=run.folder,
            rare_categories=args.rare_categories,
            test_dataset=args.test_dataset,
            validation_fraction=splits.validation_share(args.validation_fraction, args.fold),
            test_fraction=args.test_fraction,
            split_seed=args.split_seed,
        )
    dataset.require_task("regression")
    evaluated = splits.evaluated_part(dataset, args.evaluate, early_stopping=args.early_stopping, schedule=args.schedule, fold=args.fold)
    num_outputs = losses.choose_regression(args.loss, args.quantiles, len(dataset.target_names))
    quantiles = list(args.quantiles) if args.loss == "quantile" else None
    scaling = target_scaling.TargetScaling(dataset.train.labels)
    is_series = isinstance(dataset, SeriesDataset)
    rows = series_data.split_rows if is_series else splits.split_rows
    splits.record_split(run.path("split.csv"), dataset, resumed=run.resumed, rows=rows)
    print(f"{dataset.name}: {dataset.sizes}, to predict {', '.join(dataset.target_names)}")

    # Model.
    model = build(args, dataset, num_outputs)
    print(f"{args.model}: {model.count_params():,} parameters, {precision}; run folder {run.folder}")

    # Training.
    steps_per_epoch = batches.steps_per_epoch(dataset.train, args.batch_size)
    batches.note_smaller_batch(dataset.train, args.batch_size)
    optimization.check_accumulation(args.accumulate_steps, steps_per_epoch * args.epochs)
    length = {"steps_per_epoch": steps_per_epoch, "epochs": args.epochs, "warmup_epochs": args.warmup_epochs}
    model.compile(
        optimization.optimizer(
            args.optimizer,
            optimization.schedule(args.schedule, args.learning_rate, **length),
            weight_decay=args.weight_decay,
            clip_norm=args.clip_norm,
            clip_value=args.clip_value,
            clip_each_norm=args.clip_each_norm,
            ema=args.ema,
            accumulate_steps=args.accumulate_steps,
        ),
        losses.regression(args.loss, args.quantiles),
        # R2 has no unit; of several quantiles none is the prediction.
        metrics=[] if quantiles else [keras.metrics.R2Score(name="r2")],
        # On TensorFlow, XLA takes longer to compile than a small training does, and was slower than TensorFlow's own kernels on a CPU.
        jit_compile=keras.backend.backend() == "jax",
    )
    early_stopping = EarlyStopping("val_loss", patience=args.early_stopping) if args.early_stopping else None
    plateau = None
    if args.schedule == "plateau":
        plateau = ReduceOnPlateau(patience=args.plateau_patience, warmup_steps=optimization.warmup_steps(args.schedule, **length))
    history = History(run.path("history.csv"))
    checkpoint = Checkpoint(run.checkpoint, [callback for callback in (history, early_stopping, plateau) if callback])
    run.require_space(size_in_bytes(model))
    first_epoch = checkpoint.restore(model)
    if first_epoch:
        print(f"going on after epoch {len(history.rows)} of {args.epochs}")
    if is_series:
        feed, as_batches = series_batches, {"num_classes": None, "length": dataset.input_shape[0]}
        mean, variance = dataset.train.moments()
        augment = augmentation.augmenter(mean=mean, deviation=variance**0.5, mixup_alpha=args.mixup)
    else:
        feed, as_batches, augment = batches, {"num_classes": None}, augmentation.row_mixer(args.mixup, dataset.num_numbers)
    validation = dataset.validation
    if validation is not None:
        validation = feed.evaluation_batches(scaling.scaled(validation), batch_size=1024, **as_batches)
    model.fit(
        feed.training_batches(
            scaling.scaled(dataset.train),
            batch_size=args.batch_size,
            epochs=args.epochs,
            first_epoch=first_epoch,
            seed=args.seed,
            augment=augment,
            **as_batches,
        ),
        steps_per_epoch=steps_per_epoch,
        initial_epoch=first_epoch,
        epochs=args.epochs,
        validation_data=validation,
        shuffle=False,
        verbose=0,
        callbacks=[
            *([AverageWeights()] if args.ema else []),
            StopWhenLost(),
            *([early_stopping] if early_stopping else []),
            history,
            *([plateau] if plateau else []),
            Progress(first_epoch),
            *([keras.callbacks.TensorBoard(run.path("tensorboard"), write_graph=False)] if args.tensorboard else []),
            *callbacks,
            checkpoint,
        ],
    )

    # Result.
    model = scaling.in_units(model, sort=quantiles is not None)
    scores, metrics = None, {}
    if evaluated is not None:
        outputs = model.predict(feed.evaluation_batches(evaluated, batch_size=1024, **as_batches), verbose=0)
        scores = regression.regression(evaluated.labels, outputs, dataset.target_names, quantiles)
        metrics = {name: scores[name] for name in regression.METRICS if name in scores}
    result = {
        "metrics": metrics,
        "evaluated_on": args.evaluate,
        "seconds": round(history.seconds_before + time.monotonic() - started, 1),
        "seed": args.seed,
        "precision": precision,
        "parameters": model.count_params(),
        "epochs": len(history.rows),
        "best_epoch": early_stopping.best_epoch + 1 if early_stopping else None,
        "findings": diagnosis.regression_findings(history.rows, scores),
        **runs.environment(),
    }
    if not is_series:
        files.write_json(run.path("table.json"), dataset.encoding.to_json())
    runs.save_model(run, model, loss=args.loss, quantiles=quantiles, class_names=(), **dataset.about())
    report.write_report(
        run.path("report.html"),
        title=f"{args.model} on {dataset.name}",
        command=command_line.command("regression", args),
        config=run.config,
        history=history.rows,
        result=result,
        evaluation=scores,
    )
    files.write_json(run.path("result.json"), {**result, "evaluation": scores})
    return result


if __name__ == "__main__":
    command_line.warn_if_another_copy(__file__)
    command_line.run(main, Args, recipe="regression")
