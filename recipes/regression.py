"""Train a network that predicts numbers: values or their quantiles, from tables or series, techniques as flags.

hornbook regression
hornbook regression --dataset csv:houses.csv --label-column price --loss quantile --quantiles 0.1 0.5 0.9
hornbook regression --dataset adding --length 200 --model lstm --clip-norm 1

The first, on scikit-learn's diabetes: R2 0.423 ± 0.048 (5 splits; --split-seed and --seed 0 to 4), 9 s from a cold start on two
cores.
"""

import dataclasses
from typing import Annotated, Literal

from hornbook import UserError, command_line, data
from hornbook.data.selection import weights
from hornbook.data.series import dataset as series
from hornbook.recipes import options
from hornbook.recipes.networks import names
from hornbook.recipes.steps import decisions, defaults, running

RECIPE = "regression"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network(options.SequenceNetwork, options.TableNetwork):
    """The options of networks for rows and series."""


@options.recipe(weight_decay=0.2)
class Args(Network, options.Table, options.Mix, options.Optimization, options.Split, options.Run):
    dataset: str = "diabetes"
    """Where the rows come from: diabetes (built in), csv:PATH (CSV or TSV), or tfds:NAME, NAME/CONFIG or NAME:VERSION of
    TensorFlow Datasets. Or series: adding (built in), ts:PATH, npz:PATH, or csv:PATH with --time-column and --id-column."""
    label_column: str | None = None
    """The column to predict. Default: target, y, value or label. Several, separated by commas, are predicted together."""
    window: Annotated[int, options.AT_LEAST_1] | None = None
    """Cut series into windows of so many steps, after they were split into training, validation and test. Default: whole series."""
    stride: Annotated[int, options.AT_LEAST_1] | None = None
    """Steps between the beginnings of two windows. Default: half a window."""
    missing: Literal["refuse", "interpolate", "mask"] = "refuse"
    """What to do with missing values in series: refuse them, interpolate in time, or mask: the training mean, and channels that say
    where."""
    length: Annotated[int, options.Range(2, 10**6)] = 200
    """Steps of the generated series adding."""
    examples: Annotated[int, options.Range(10, 10**7)] = 10_000
    """Training series of adding."""
    model: str = "auto"
    """A builder's name (mlp, tabm; for series gru, lstm, cnn1d, fcn, resnet1d, inception1d, lite, ...), mymodule:builder of your own, or
    auto: by the data."""
    loss: Literal["mse", "mae", "huber", "quantile"] = "mse"
    """Mean squared error, whose best answer is the mean; mean absolute error, the median; huber, squared up to one standard deviation of
    the target and absolute beyond; quantile, those of --quantiles."""
    quantiles: tuple[Annotated[float, options.Range(0, 1, above=True)], ...] = (0.1, 0.5, 0.9)
    """The shares of rows that are to lie below each output, with --loss quantile."""
    mixup: Annotated[float, options.NOT_NEGATIVE] = 0.0
    """Alpha of the Beta distribution of mixup, such as 0.2; 0 for none. Numbers are blended, categories are taken from either row."""


def build(args, dataset, num_outputs=None):
    """The model of `args` for a `data.tables.TableDataset` or `data.series.SeriesDataset`, to float32 outputs `(batch, num_outputs)`.

    Rows and series are standardized by its first layers. The outputs are in standard deviations from the mean of the training targets;
    `TargetScaling.in_units` puts them back.
    """
    from hornbook.training import builders

    args = defaults.settle(args, dataset)
    wanted = builders.asked_for(args.model, *options.of_network(args))
    num_outputs, model_name = num_outputs or len(dataset.target_names), "standardized_regressor"
    if dataset.medium == "series":
        return builders.series_model(args.model, dataset, num_outputs, wanted, members=args.members, model_name=model_name)
    shape = {name: getattr(args, name) for name in ("categories", "number_scaling", "bins", "members")}
    return builders.table_model(args.model, dataset, num_outputs, wanted, **shape, model_name=model_name)


def main(args, callbacks=(), dataset=None):
    """Train, evaluate and report as `args` say.

    Args:
        args: `Args`.
        callbacks: further Keras callbacks.
        dataset: a `data.tables.TableDataset` or `data.series.SeriesDataset` of your own, in place of `args.dataset`.

    Returns:
        What `result.json` holds; with several seeds, what `seeds.json` holds.

    Raises:
        UserError: options, data or a folder that cannot be used.
    """
    check(args)
    about = {"medium": _medium(args), "check_name": check_name, "inputs": "FILE..."}
    return running.run(RECIPE, _train, args, callbacks, dataset, smaller="--batch-size or --width", **about)


def check_name(args):
    """Refuse a data set that cannot be had, by its name."""
    medium = _medium(args)
    names.check(args.model, medium)
    if medium == "series":
        data.series.check_name(args.dataset, **_reading(args))
    else:
        data.tables.check_name(args.dataset, "regression")
    if args.test_dataset is not None:
        data.tables.check_name(args.test_dataset)


def check(args):
    """Refuse options that do not go together, in the words of a flag."""
    options.check(args, "tables", "series", metrics=("loss",) if args.loss == "quantile" else ("loss", "r2"))
    if args.classical_share not in ("auto", 0) and _is_series(args):
        raise UserError(f"--classical-share {args.classical_share} is for tables; of series with numbers to predict there is no such model")
    if args.quantiles != Args.quantiles and args.loss != "quantile":
        raise UserError(f"--quantiles are for --loss quantile, got {args.loss}; pass that too")
    if not args.quantiles or list(args.quantiles) != sorted(set(args.quantiles)):
        raise UserError(f"--quantiles must be rising numbers, such as 0.1 0.5 0.9, got {' '.join(map(str, args.quantiles))}")


def _medium(args):
    return "series" if _is_series(args) else "tables"


def _is_series(args):
    """Whether the dataset is one of series: by its name, or as a table of rows in time that belong together."""
    return series.is_series(args.dataset, args.time_column, args.id_column)


def load(args, folder):
    """The dataset that `args` name; a table that stays on disk has its columns in `folder`."""
    if not _is_series(args):
        return data.tables.load(args.dataset, task="regression", folder=folder, label_column=args.label_column, **args.reading)
    return data.series.load(args.dataset, **args.split, **_reading(args))


def _reading(args):
    """How series are read."""
    own = ("window", "stride", "missing", "length", "examples", "encoding", "weight_column")
    if args.dataset.startswith("csv:"):
        own += ("id_column", "time_column", "label_column", "feature_columns", "group_column")
    return {"numbers": True, **{name: getattr(args, name) for name in own}}


def _train(args, session):
    import keras

    from hornbook.training import losses, target_scaling
    from hornbook.training.classical import mixing, tables
    from hornbook.training.updates.sharpness import sharpness_aware

    # Data.
    run = session.run
    dataset = session.dataset or load(args, run.folder)
    dataset.require_task("regression")
    args, evaluated = running.begin(args, session, dataset)
    num_outputs = losses.choose_regression(args.loss, args.quantiles, len(dataset.target_names))
    quantiles = list(args.quantiles) if args.loss == "quantile" else None
    scaling = target_scaling.TargetScaling(dataset.train.labels)

    # Model.
    model = build(args, dataset, num_outputs)
    loss = losses.regression(args.loss, args.quantiles)
    # R2 has no unit; of several quantiles none is the prediction.
    metrics = [] if quantiles else [losses.OfEnsemble(keras.metrics.R2Score(name="r2"), "linear")]
    sharpness_aware(model, args.sharpness_radius)
    model.compile(running.optimizer(args, dataset.train), loss, metrics=metrics, jit_compile=keras.backend.backend() == "jax")

    # Training.
    steps, augment = None, None
    if dataset.medium == "series":
        steps, (mean, variance) = dataset.input_shape[0], dataset.train.moments()
        augment = data.series.augmenter(mean=mean, deviation=variance**0.5, mixup_alpha=args.mixup)
    else:
        augment = data.tables.row_mixer(args.mixup, dataset.num_numbers)
    as_batches = {"num_classes": None, "length": steps}
    train, validation = scaling.scaled(dataset.train), dataset.validation and scaling.scaled(dataset.validation)
    fitting = running.fitting(args, session, model, train, validation, **as_batches)
    if validation is not None:
        validation = data.evaluation_batches(validation, batch_size=1024, **as_batches)
    model.fit(
        data.training_batches(train, augment=augment, example_weights=weights.of_training(dataset), **as_batches, **fitting.feed),
        validation_data=validation,
        **fitting.fit,
    )

    # Result.
    model = scaling.in_units(fitting.finished(model, dataset.task), sort=quantiles is not None)
    about = {**dataset.about(), "loss": args.loss, "quantiles": quantiles}
    as_parts = {"batch_size": 1024, "length": steps}
    scored = running.evaluate(session, model, about, evaluated, alone=args.classical_share > 0, **as_parts)
    alone = decisions.alone(args, scored.scores)
    if args.classical_share:
        wanted = {"loss": args.loss, "quantiles": quantiles or (), "seed": args.seed}
        classical = tables.classical_model(dataset, num_outputs, "linear", **wanted)
        model = mixing.mixed(model, classical, args.classical_share, activation="linear")
        scored = running.evaluate(session, model, about, evaluated, **as_parts)
    decided = decisions.decide(args, session, model, dataset, about, scored, **as_parts)
    if dataset.medium == "tables":
        dataset.encoding.save(run.path("table.json"))
    said = {"about": decided.about, "details": {**alone, **decided.details}}
    return running.finish(args, session, decided.model, dataset, fitting, decided.scores, **said)


if __name__ == "__main__":
    command_line.script(main, Args, recipe=RECIPE, file=__file__)
