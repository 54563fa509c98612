"""Train a classifier of series: time series and audio, from any source, any model for sequences, every technique one flag.

hornbook sequence-classification
hornbook sequence-classification --dataset ts:GunPoint_TRAIN.ts --model fcn --learning-rate 1e-3 --jitter 0 --mixup 0 --dropout 0
hornbook sequence-classification --dataset folder:recordings --model gru --time-masking 0.2 --feature-masking 0.2

The first, on scikit-learn's digits pixel by pixel: accuracy 0.9944 (1 seed) in 32 s from a cold start, with --model lstm
0.9861. The second, with --epochs 150 --batch-size 16 --validation-fraction 0 as well: 0.9973 ± 0.0060 (5 seeds).
"""

import dataclasses
import pathlib
import time
from typing import Literal

from hornbook import command_line
from hornbook.data import sources
from hornbook import files
from hornbook.recipes import running
from hornbook.training import runs
from hornbook.data.series.dataset import SeriesDataset
from hornbook import data
from hornbook.data.series import dataset as series_data
from hornbook.data import splits
from hornbook.data import csv_rows


@dataclasses.dataclass(frozen=True)
class Args:
    dataset: str = "sequential_digits"
    """Where the series come from: sequential_digits and copy (built in), ts:PATH (UCR/UEA files), csv:PATH (a row a step), folder:PATH (WAV
    files or tables, a folder a class), npz:PATH (arrays), or tfds:NAME, NAME/CONFIG or NAME:VERSION of TensorFlow Datasets."""
    id_column: str | None = None
    """The column of csv:PATH that says which series a row is of. Default: id, unit or series."""
    time_column: str | None = None
    """The column of tables that orders a series' rows, numbers or dates. Default: none, the rows stand in their order."""
    group_column: str | None = None
    """The column of csv:PATH whose values may not stand in two parts, such as a person with several series. Default: the series itself."""
    feature_columns: str | None = None
    """The columns of tables with the values, separated by commas. Default: all that have no other role."""
    label_column: str | None = None
    """The column of csv:PATH with the classes. Default: label, class, category or the like."""
    encoding: str = "auto"
    """Of tables: auto (by the byte order mark, else UTF-8, else Windows-1252), utf-8, latin-1, or another of Python's names."""
    window: int | None = None
    """Cut series into windows of so many steps, after they were split into training, validation and test. Default: whole series."""
    stride: int | None = None
    """Steps between the beginnings of two windows. Default: half a window."""
    missing: Literal["refuse", "interpolate", "mask"] = "refuse"
    """Of missing values: refuse them; interpolate between the neighbours in time; mask: the training mean, and channels that say where."""
    sample_rate: int | None = None
    """Samples a second that all audio is brought to. Default: the rate that it has in common."""
    mel_bands: int = 40
    """Features of audio: bands of frequency of its log-mel spectrogram, a frame every 10 ms."""
    length: int = 200
    """Steps of the generated problem copy."""
    examples: int = 10_000
    """Training series of the generated problem copy."""
    skip_unreadable: bool = False
    """Leave out WAV files that cannot be read, and list them in skipped.csv; else they are named before training, which does not begin."""
    model: str = "gru"
    """A builder's name (lstm, gru, simple_rnn, cnn1d, fcn, resnet1d, series_transformer and their variants, such as bidirectional_gru), or
    mymodule:builder of your own."""
    depth: int | None = None
    """Layers or blocks. Default: the model's own."""
    width: int | None = None
    """Units or filters of a layer. Default: the model's own."""
    kernel_sizes: tuple[int, ...] | None = None
    """Steps that each convolution sees, one for each, such as 8 5 3 (convolutional models only). Default: the model's own."""
    pooling: Literal["mean", "max", "last", "attention"] | None = None
    """How steps become one. Default: the model's own."""
    bidirectional: bool = False
    """Read the series in both directions (recurrent models only)."""
    residual: bool = False
    """Add each layer's input to its output (recurrent models only)."""
    recurrent_normalization: Literal["none", "layer", "batch"] | None = None
    """Normalization inside the recurrence (recurrent models only). Default: none."""
    recurrent_dropout: float | None = None
    """Share of the recurrent state dropped (recurrent models only). Default: 0."""
    heads: int | None = None
    """Attention heads (transformers only). Default: the model's own."""
    positions: Literal["sinusoidal", "learned", "rotary", "none"] | None = None
    """How steps say where they are (transformers only). Default: the model's own."""
    normalization: Literal["batch", "layer", "group", "instance", "rms", "none"] | None = None
    """Normalization of activations. Default: the model's own."""
    weight_normalization: Literal["none", "spectral", "standardized"] | None = None
    """Normalization of kernels. Default: none."""
    activation: str | None = None
    """Any activation of Keras that works in a network. Default: the model's own."""
    initializer: str = "auto"
    """Initial kernels: auto (by the activation: He, Glorot or LeCun) or a Keras initializer's name."""
    dropout: float = 0.3
    """Share of features dropped."""
    stochastic_depth: float | None = None
    """Share of residual branches dropped in the last block, rising linearly from 0 (residual networks only). Default: 0."""
    l1: float = 0.0
    """Penalty on the kernels' absolute values, added to the loss."""
    l2: float = 0.0
    """Penalty on the kernels' squares, added to the loss."""
    optimizer: Literal[
        "sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "lion", "lamb", "adafactor", "muon"
    ] = "adamw"  # fmt: skip
    """sgd has Nesterov momentum 0.9; muon takes hidden matrices and leaves the rest to adam."""
    learning_rate: float = 1e-2
    """The schedule's highest."""
    schedule: Literal["constant", "step", "cosine", "one-cycle", "exponential", "polynomial", "restarts", "plateau"] = "cosine"
    """How the learning rate goes on after the warm-up; plateau takes a tenth of it whenever the validation loss stops falling."""
    plateau_patience: int = 5
    """Epochs without a better validation loss before the schedule plateau lowers the learning rate."""
    warmup_epochs: float | None = None
    """Epochs of a linear rise of the learning rate before the schedule. Default: 1, a tenth of a shorter training, none for one-cycle."""
    weight_decay: float = 0.05
    """Decoupled weight decay of kernels, never of biases and normalization scales; each step takes learning rate times this."""
    clip_norm: float = 1.0
    """Cut the gradients' global norm to this; 0 for never. Recurrent networks have rare steep steps (Pascanu et al. 2013)."""
    clip_value: float = 0.0
    """Cut every element of the gradients to this size; 0 for never. One of the three ways."""
    clip_each_norm: float = 0.0
    """Cut the norm of each variable's gradient to this; 0 for never."""
    accumulate_steps: int = 1
    """Batches whose mean gradient makes one update: as if the batch were so many times larger, in the memory of one."""
    jitter: float = 0.3
    """Deviation of noise added to every value, in deviations of its feature; 0 for none."""
    scaling: float = 0.0
    """Deviation of a factor around 1 by which each series is stretched around the mean, such as 0.1; 0 for none."""
    time_warp: float = 0.0
    """Deviation of the logarithm of a speed that changes over time, such as 0.2; 0 for none."""
    time_masking: float = 0.0
    """Hide two stretches of time, each of at most this share of the steps, such as 0.2 (SpecAugment); 0 for none."""
    feature_masking: float = 0.0
    """Hide two bands of features, of audio of frequency, each of at most this share of them, such as 0.2 (SpecAugment); 0 for none."""
    mixup: float = 0.2
    """Alpha of mixup's Beta distribution, such as 0.2; 0 for none."""
    label_smoothing: float = 0.0
    """Share of each label that is spread over all classes, such as 0.1."""
    class_weights: Literal["none", "balanced", "effective"] = "none"
    """Weigh the loss of rare classes more: by 1 / count, or by the effective number of samples."""
    ema: float = 0.0
    """Momentum of a moving average of the weights, such as 0.999, which is what is evaluated and kept; 0 for none."""
    batch_size: int = 64
    """Examples a step."""
    epochs: int = 60
    """Passes over the training series."""
    early_stopping: int = 0
    """Stop after this many epochs without a better validation loss, and keep the best epoch's weights; 0 for never: keep the last."""
    precision: Literal["float32", "bfloat16", "float16", "auto"] = "float32"
    """Of the computation, weights and logits stay in float32; auto: bfloat16 where the machine computes in it, else float32."""
    validation_fraction: float = 0.1
    """Share of the training series held out, where the source has no validation split; 0 for none."""
    fold: str | None = None
    """Hold out one of several folds of the training examples in place of --validation-fraction: 2/5 is the second of five."""
    test_fraction: float = 0.2
    """Share of the series held out, where the source has no test split."""
    seed: int = 0
    """Of initial weights, order, augmentation and dropout."""
    split_seed: int = 0
    """Of the split into training, validation and test series, and of generated ones."""
    seeds: int = 1
    """Run this many times, with seed, seed + 1, ..., and print mean and spread."""
    evaluate: Literal["test", "validation", "none"] = "test"
    """What the result is taken on."""
    tensorboard: bool = False
    """Write logs for TensorBoard as well, to the folder tensorboard in the run's."""
    output: str | None = None
    """Folder of the run. Default: runs/sequence_classification/TIME-MODEL. An unfinished run in it is resumed."""


def build(args, dataset):
    """The model of `args` for a `SeriesDataset`: series `(batch, steps, features)` to float32 logits `(batch, classes)`.

    The first layer standardizes each feature by the training series' mean and variance. Steps that are NaN in all features are padding,
    and stay NaN behind it; where there are any, the zoo's models are told so.
    """
    import keras

    from hornbook.training.builders import asked_for, build_model

    options = asked_for(args.model, args, _MODEL_OPTIONS)
    options |= {name: True for name in ("bidirectional", "residual") if getattr(args, name)}
    if dataset.input_shape[0] is None:
        options["padded"] = True
    network = build_model(args.model, dataset.input_shape, dataset.num_classes, options)
    mean, variance = dataset.train.moments()
    series = keras.Input(dataset.input_shape, name="series")
    # In float32 under any policy: bfloat16 has 8 bits, and a mean of any size is subtracted here.
    standardized = keras.layers.Normalization(mean=mean, variance=variance, dtype="float32", name="standardize")(series)
    return keras.Model(series, network(standardized), name="sequence_classifier")


_MODEL_OPTIONS = (
    "depth", "width", "kernel_sizes", "pooling", "recurrent_normalization", "recurrent_dropout", "heads", "positions", "normalization",
    "weight_normalization", "activation", "initializer", "dropout", "stochastic_depth", "l1", "l2",
)  # fmt: skip


def main(args, callbacks=(), dataset=None):
    """Train, evaluate and report as `args` say.

    Args:
        args: `Args`.
        callbacks: further Keras callbacks.
        dataset: a `SeriesDataset` of your own, such as `dataset.series.from_arrays(...)`, in place of `args.dataset`.

    Returns:
        What `result.json` holds; with several seeds, what `seeds.json` holds.

    Raises:
        UserError: options, data or a folder that cannot be used.
    """
    check(args)
    folder = pathlib.Path(args.output or runs.default_folder("sequence_classification", args.model))
    if dataset is None:
        data.series.check_name(args.dataset)
    else:
        args = dataclasses.replace(args, dataset=dataset.name)
    if args.seeds > 1:
        return running.several_seeds(main, args, folder, "sequence_classification", callbacks, dataset)
    config = command_line.to_config("sequence_classification", args)
    with runs.Run(folder, config) as run:
        # TensorFlow takes seconds to import; whatever can be refused without it is refused before.
        with command_line.quiet_libraries():
            from hornbook.training import reproducibility
        enough_memory = command_line.enough_memory("--batch-size, --window or --width")
        with reproducibility.settings(seed=args.seed, precision=args.precision) as precision, enough_memory:
            result = _train(args, run, callbacks, dataset, precision)
    runs.print_result(result, folder, "SERIES...")
    return result


def check(args):
    """Refuse what no part would refuse in the words of a flag."""
    command_line.check_ranges(args)
    if args.tensorboard:
        command_line.require_tensorboard()


def data_options(args):
    """The options of `dataset.series.load` that `args` have, by name."""
    names = ("test_fraction", "split_seed", "window", "stride", "missing", "sample_rate", "mel_bands", "length",
             "examples", "id_column", "time_column", "group_column", "label_column", "encoding",
             "skip_unreadable")  # fmt: skip
    share = splits.validation_share(args.validation_fraction, args.fold)
    named = {name: getattr(args, name) for name in names}
    return {**named, "validation_fraction": share, "feature_columns": csv_rows.names(args.feature_columns)}


def _train(args, run, callbacks, dataset, precision):
    import keras

    from hornbook.data import batches
    from hornbook.training import diagnosis
    from hornbook.evaluation import classification
    from hornbook.training import imbalance
    from hornbook.training import optimization
    from hornbook.reports import report
    from hornbook.data.series import augmentation
    from hornbook.data.series import batches as series_batches
    from hornbook.reports import series_pictures as pictures
    from hornbook.training.callbacks import AverageWeights, EarlyStopping, History, Progress, ReduceOnPlateau, StopWhenLost
    from hornbook.training.checkpoint import Checkpoint, size_in_bytes

    started = time.monotonic()

    # Data.
    if dataset is None:
        dataset = data.series.load(args.dataset, **data_options(args))
    dataset.require_task("classification")
    evaluated = splits.evaluated_part(dataset, args.evaluate, early_stopping=args.early_stopping, schedule=args.schedule, fold=args.fold)
    splits.record_split(run.path("split.csv"), dataset, resumed=run.resumed, rows=series_data.split_rows)
    if dataset.unreadable:
        sources.write_unreadable(run.path("skipped.csv"), dataset.unreadable)
        print(f"files left out because they cannot be read: {len(dataset.unreadable):,}, listed in {run.path('skipped.csv')}")
    for note in dataset.notes:
        print(f"note: {note}")
    num_classes = dataset.num_classes
    print(f"{dataset.name}: {dataset.sizes}, {num_classes} classes")

    # Model.
    model = build(args, dataset)
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
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=args.label_smoothing),
        metrics=["accuracy"],
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
    # How every batch is made: labels one-hot, series of one length where the model takes no other.
    as_batches = {"num_classes": num_classes, "length": dataset.input_shape[0]}
    validation = dataset.validation
    if validation is not None:
        validation = series_batches.evaluation_batches(validation, batch_size=256, **as_batches)
    mean, variance = dataset.train.moments()
    augment = augmentation.augmenter(
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
    model.fit(
        series_batches.training_batches(
            dataset.train,
            batch_size=args.batch_size,
            epochs=args.epochs,
            first_epoch=first_epoch,
            seed=args.seed,
            augment=augment,
            class_weights=imbalance.class_weights(dataset.train.labels, num_classes, args.class_weights),
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
    scores, mistakes, metrics = None, [], {}
    if evaluated is not None:
        logits = model.predict(series_batches.evaluation_batches(evaluated, batch_size=256, **as_batches), verbose=0)
        scores = classification.classification(evaluated.labels, logits, dataset.class_names)
        metrics = {name: scores[name] for name in ("accuracy", "loss", "calibration_error", "macro_f1")}
        mistakes = pictures.mistakes(evaluated, logits, dataset.class_names)
    result = {
        "metrics": metrics,
        "evaluated_on": args.evaluate,
        "seconds": round(history.seconds_before + time.monotonic() - started, 1),
        "seed": args.seed,
        "precision": precision,
        "parameters": model.count_params(),
        "epochs": len(history.rows),
        "best_epoch": early_stopping.best_epoch + 1 if early_stopping else None,
        "findings": diagnosis.findings(history.rows, scores, num_classes, diagnosis.SERIES_REMEDIES),
        **runs.environment(),
    }
    runs.save_model(run, model, outputs="logits", class_names=dataset.class_names, **dataset.about())
    if "sample_rate" in dataset.preprocessing:
        from hornbook.data.series import audio

        audio.save_feature_model(run.path("features.keras"), dataset.preprocessing)
    report.write_report(
        run.path("report.html"),
        title=f"{args.model} on {dataset.name}",
        command=command_line.command("sequence_classification", args),
        config=run.config,
        history=history.rows,
        result=result,
        evaluation=scores,
        examples=mistakes,
        augmented=pictures.sheet(dataset.train, augment, dataset.class_names, seed=args.seed),
    )
    files.write_json(run.path("result.json"), {**result, "evaluation": scores})
    return result


if __name__ == "__main__":
    command_line.warn_if_another_copy(__file__)
    command_line.run(main, Args, recipe="sequence_classification")
