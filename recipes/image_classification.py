"""Train an image classifier: any source of labelled images, any model of the zoo, every technique one flag.

hornbook image-classification
hornbook image-classification --dataset tfds:fashion_mnist --model resnet20 --augmentation crop-flip --epochs 15

The first, on scikit-learn's digits: accuracy 0.9889 ± 0.0056 (5 seeds), 14 s from a cold start on two cores. CIFAR-10 (JPEG-compressed):
0.8923 (1 seed; the goal of 0.91 is not reached), 61 minutes of a processor on two shared cores, by --dataset tfds:cifar10 --model
resnet20 --downsampling blur --random-erasing 0.25 --augmentation crop-flip --optimizer sgd --learning-rate 0.1 --weight-decay 0.005
--batch-size 128 --epochs 60 --precision bfloat16 --validation-fraction 0.
"""

import dataclasses
import pathlib
import time
from typing import Literal

from hornbook import command_line
from hornbook.data.dataset import Dataset
from hornbook import data
from hornbook.data import sources
from hornbook import files
from hornbook.recipes import running
from hornbook.training import runs
from hornbook.data import splits


@dataclasses.dataclass(frozen=True)
class Args:
    dataset: str = "digits"
    """Where the images come from: digits (built in), folder:PATH (a folder a class), csv:PATH (a table of files), npz:PATH (arrays), or
    tfds:NAME, NAME/CONFIG, NAME:VERSION of TensorFlow Datasets, and behind it a slice of its training images: tfds:cifar10[:10%]."""
    image_size: str | None = None
    """Size to bring all images to: a number such as 64, or HEIGHTxWIDTH. Default: the size that they have in common."""
    path_column: str | None = None
    """The column of csv:PATH with the image files, relative to the table's folder. Default: path, file, filename or the like."""
    label_column: str | None = None
    """The column of csv:PATH with the classes. Default: label, class, category or the like."""
    skip_unreadable: bool = False
    """Leave out images that cannot be read, and list them in skipped.csv; else they are named before training, which does not begin."""
    model: str = "cnn"
    """A builder's name (cnn, mlp, resnet, vision_transformer and their variants, such as resnet20, wide_resnet28_10), or mymodule:builder
    of your own."""
    depth: int | None = None
    """Layers with kernels (blocks of a transformer). Default: the model's own."""
    width: int | None = None
    """Filters of the first stage (units of an mlp, features of a transformer; for wide variants the multiplier). Default: the model's
    own."""
    downsampling: Literal["max", "stride", "blur"] | None = None
    """How maps are halved: max pooling or a stride (a cnn), a stride or a blur (residual networks). Default: the model's own."""
    stem: Literal["small", "large", "patches", "convolutions"] | None = None
    """What comes first: one 3x3 or 7x7 convolution (residual networks), patches or convolutions of stride 2 (transformers). Default: the
    model's own."""
    patch_size: int | None = None
    """Side in pixels of the patches that an image is cut into; it divides height and width (transformers only). Default: the model's own,
    the largest that leaves 7 patches a side."""
    heads: int | None = None
    """Attention heads, of which the width is a multiple (transformers only). Default: the model's own."""
    positions: Literal["learned", "sinusoidal", "rotary", "none"] | None = None
    """How patches say where they are (transformers only). Default: the model's own, which is learned."""
    normalization: Literal["batch", "layer", "group", "instance", "rms", "none"] | None = None
    """Normalization of activations. Default: the model's own, which is batch, and layer in transformers."""
    weight_normalization: Literal["none", "spectral", "standardized"] = "none"
    """Normalization of kernels."""
    activation: str | None = None
    """Any activation of Keras that works in a network: relu, gelu, silu, selu, tanh, leaky_relu, ... (in transformers swiglu, geglu and
    reglu, too). Default: the model's own, which is relu, and gelu in transformers."""
    initializer: str = "auto"
    """Initial kernels: auto (by the activation: He, Glorot or LeCun) or a Keras initializer's name."""
    shortcut: Literal["auto", "identity", "projection"] | None = None
    """What goes around a block that halves the map: positions left out or a 1x1 convolution; auto: as the papers have it (residual
    networks only). Default: the model's own."""
    dropout: float = 0.0
    """Share of features dropped before the output layer (in an mlp and a transformer: after every layer)."""
    stochastic_depth: float = 0.0
    """Share of residual branches dropped in the last block, rising linearly from 0 (residual networks and transformers only)."""
    l1: float = 0.0
    """Penalty on the kernels' absolute values, added to the loss."""
    l2: float = 0.0
    """Penalty on the kernels' squares, added to the loss."""
    optimizer: Literal[
        "sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "lion", "lamb", "adafactor", "muon"
    ] = "adamw"  # fmt: skip
    """sgd has Nesterov momentum 0.9; muon takes hidden matrices and leaves the rest, kernels of convolutions too, to adam."""
    learning_rate: float = 3e-3
    """The schedule's highest."""
    schedule: Literal["constant", "step", "cosine", "one-cycle", "exponential", "polynomial", "restarts", "plateau"] = "cosine"
    """How the learning rate goes on after the warm-up; plateau takes a tenth of it whenever the validation loss stops falling."""
    plateau_patience: int = 5
    """Epochs without a better validation loss before the schedule plateau lowers the learning rate."""
    warmup_epochs: float | None = None
    """Epochs of a linear rise of the learning rate before the schedule. Default: 1, a tenth of a shorter training, none for one-cycle."""
    weight_decay: float = 0.05
    """Decoupled weight decay of kernels, never of biases and normalization scales; each step takes learning rate times this."""
    clip_norm: float = 0.0
    """Cut the gradients' global norm to this; 0 for never."""
    clip_value: float = 0.0
    """Cut every element of the gradients to this size; 0 for never. One of the three ways."""
    clip_each_norm: float = 0.0
    """Cut the norm of each variable's gradient to this; 0 for never."""
    accumulate_steps: int = 1
    """Batches whose mean gradient makes one update: as if the batch were so many times larger, in the memory of one."""
    augmentation: Literal["none", "flip", "crop", "crop-flip", "trivial", "randaugment", "augmix"] = "crop"
    """Random changes of the training images: flip mirrors left to right, crop shifts by an eighth of the size. After both, the policies
    trivial, randaugment and augmix change shapes and colours."""
    randaugment_operations: int = 2
    """Operations an image, with --augmentation randaugment."""
    randaugment_magnitude: float = 9.0
    """Their strength from 0 to 10, with --augmentation randaugment."""
    colour: float = 0.0
    """Strength of a jitter of brightness, contrast, saturation and hue, such as 0.4; 0 for none."""
    random_erasing: float = 0.0
    """Probability of an image to have a rectangle filled with random pixels, such as 0.5; 0 for never."""
    mixup: float = 0.0
    """Alpha of mixup's Beta distribution, such as 0.2; 0 for none."""
    cutmix: float = 0.0
    """Alpha of CutMix' Beta distribution, such as 1; 0 for none. With mixup as well, each example has one of them."""
    label_smoothing: float = 0.0
    """Share of each label that is spread over all classes, such as 0.1."""
    class_weights: Literal["none", "balanced", "effective"] = "none"
    """Weigh the loss of rare classes more: by 1 / count, or by the effective number of samples."""
    ema: float = 0.0
    """Momentum of a moving average of the weights, such as 0.999, which is what is evaluated and kept; 0 for none."""
    batch_size: int = 64
    """Examples a step."""
    epochs: int = 40
    """Passes over the training images."""
    early_stopping: int = 0
    """Stop after this many epochs without a better validation loss, and keep the best epoch's weights; 0 for never: keep the last."""
    precision: Literal["float32", "bfloat16", "float16", "auto"] = "float32"
    """Of the computation, weights and logits stay in float32; auto: bfloat16 where the machine computes in it, else float32."""
    validation_fraction: float = 0.1
    """Share of the training images held out, where the source has no validation split; 0 for none."""
    fold: str | None = None
    """Hold out one of several folds of the training examples in place of --validation-fraction: 2/5 is the second of five."""
    test_fraction: float = 0.2
    """Share of the images held out, where the source has no test split."""
    in_memory: Literal["auto", "always", "never"] = "auto"
    """Whether images are kept in memory or read from disk each epoch; auto: in memory if they take under a quarter of it."""
    seed: int = 0
    """Of initial weights, order, augmentation and dropout."""
    split_seed: int = 0
    """Of the split into training, validation and test images."""
    seeds: int = 1
    """Run this many times, with seed, seed + 1, ..., and print mean and spread."""
    evaluate: Literal["test", "validation", "none"] = "test"
    """What the result is taken on."""
    tensorboard: bool = False
    """Write logs for TensorBoard as well, to the folder tensorboard in the run's."""
    output: str | None = None
    """Folder of the run. Default: runs/image_classification/TIME-MODEL. An unfinished run in it is resumed."""


def build(args, dataset):
    """The model of `args` for a `Dataset`: raw pixels `(batch, height, width, channels)` to float32 logits `(batch, classes)`.

    The first layer standardizes each channel by the training images' mean and variance, so that the saved model takes pixels as they are.
    """
    import keras

    from hornbook.training.builders import asked_for, build_model

    options = asked_for(args.model, args, _MODEL_OPTIONS)
    network = build_model(args.model, dataset.input_shape, dataset.num_classes, options)
    mean, variance = dataset.train.moments()
    pixels = keras.Input(dataset.input_shape, name="pixels")
    # In float32 under any policy: bfloat16 has 8 bits, and a mean of 130 is subtracted here.
    standardized = keras.layers.Normalization(mean=mean, variance=variance, dtype="float32", name="standardize")(pixels)
    return keras.Model(pixels, network(standardized), name="image_classifier")


_MODEL_OPTIONS = (
    "depth", "width",
    "downsampling",
    "stem", "patch_size", "heads", "positions",
    "normalization", "weight_normalization", "activation", "initializer",
    "shortcut",
    "dropout", "stochastic_depth",
    "l1", "l2",
)  # fmt: skip


def main(args, callbacks=(), dataset=None):
    """Train, evaluate and report as `args` say.

    Args:
        args: `Args`.
        callbacks: further Keras callbacks.
        dataset: a `Dataset` of your own, such as `dataset.images.from_arrays(...)`, in place of `args.dataset`.

    Returns:
        What `result.json` holds; with several seeds, what `seeds.json` holds.

    Raises:
        UserError: options, data or a folder that cannot be used.
    """
    check(args)
    folder = pathlib.Path(args.output or runs.default_folder("image_classification", args.model))
    if dataset is None:
        data.images.check_name(args.dataset)
    else:
        args = dataclasses.replace(args, dataset=dataset.name)
    if args.seeds > 1:
        return running.several_seeds(main, args, folder, "image_classification", callbacks, dataset)
    config = command_line.to_config("image_classification", args)
    with runs.Run(folder, config) as run:
        # TensorFlow takes seconds to import; whatever can be refused without it is refused before.
        with command_line.quiet_libraries():
            from hornbook.training import reproducibility
        enough_memory = command_line.enough_memory("--batch-size, --image-size or --width, or --in-memory never")
        with reproducibility.settings(seed=args.seed, precision=args.precision) as precision, enough_memory:
            result = _train(args, run, callbacks, dataset, precision)
    runs.print_result(result, folder, "IMAGE...")
    return result


def check(args):
    """Refuse what no part would refuse in the words of a flag."""
    command_line.check_ranges(args)
    if args.tensorboard:
        command_line.require_tensorboard()


def _train(args, run, callbacks, dataset, precision):
    import keras

    from hornbook.reports import pictures
    from hornbook.data.images import augmentation
    from hornbook.data import batches
    from hornbook.training import diagnosis
    from hornbook.evaluation import classification
    from hornbook.training import imbalance
    from hornbook.training import optimization
    from hornbook.reports import report
    from hornbook.training.callbacks import AverageWeights, EarlyStopping, History, Progress, ReduceOnPlateau, StopWhenLost
    from hornbook.training.checkpoint import Checkpoint, size_in_bytes

    started = time.monotonic()

    # Data.
    if dataset is None:
        dataset = data.images.load(
            args.dataset,
            validation_fraction=splits.validation_share(args.validation_fraction, args.fold),
            test_fraction=args.test_fraction,
            split_seed=args.split_seed,
            in_memory=args.in_memory,
            image_size=args.image_size,
            path_column=args.path_column,
            label_column=args.label_column,
            skip_unreadable=args.skip_unreadable,
        )
    evaluated = splits.evaluated_part(dataset, args.evaluate, early_stopping=args.early_stopping, schedule=args.schedule, fold=args.fold)
    splits.record_split(run.path("split.csv"), dataset, resumed=run.resumed)
    if dataset.unreadable:
        sources.write_unreadable(run.path("skipped.csv"), dataset.unreadable)
        print(f"images left out because they cannot be read: {len(dataset.unreadable):,}, listed in {run.path('skipped.csv')}")
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
    validation = dataset.validation
    if validation is not None:
        validation = batches.evaluation_batches(validation, batch_size=256, num_classes=num_classes)
    augment = augmentation.augmenter(
        args.augmentation,
        args.mixup,
        cutmix_alpha=args.cutmix,
        random_erasing_probability=args.random_erasing,
        colour_strength=args.colour,
        randaugment_operations=args.randaugment_operations,
        randaugment_magnitude=args.randaugment_magnitude,
        pixel_maximum=dataset.pixel_maximum,
    )
    model.fit(
        batches.training_batches(
            dataset.train,
            batch_size=args.batch_size,
            num_classes=num_classes,
            epochs=args.epochs,
            first_epoch=first_epoch,
            seed=args.seed,
            augment=augment,
            class_weights=imbalance.class_weights(dataset.train.labels, num_classes, args.class_weights),
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
        logits = model.predict(batches.evaluation_batches(evaluated, batch_size=256, num_classes=num_classes), verbose=0)
        scores = classification.classification(evaluated.labels, logits, dataset.class_names)
        metrics = {name: scores[name] for name in ("accuracy", "loss", "calibration_error", "macro_f1")}
        mistakes = pictures.mistakes(evaluated, logits, dataset.class_names, dataset.pixel_maximum)
    result = {
        "metrics": metrics,
        "evaluated_on": args.evaluate,
        "seconds": round(history.seconds_before + time.monotonic() - started, 1),
        "seed": args.seed,
        "precision": precision,
        "parameters": model.count_params(),
        "epochs": len(history.rows),
        "best_epoch": early_stopping.best_epoch + 1 if early_stopping else None,
        "findings": diagnosis.findings(history.rows, scores, num_classes),
        **runs.environment(),
    }
    runs.save_model(run, model, outputs="logits", class_names=dataset.class_names, pixel_maximum=dataset.pixel_maximum)
    report.write_report(
        run.path("report.html"),
        title=f"{args.model} on {sources.short_name(dataset.name)}",
        command=command_line.command("image_classification", args),
        config=run.config,
        history=history.rows,
        result=result,
        evaluation=scores,
        examples=mistakes,
        augmented=pictures.sheet(dataset.train, augment, dataset.class_names, pixel_maximum=dataset.pixel_maximum, seed=args.seed),
    )
    files.write_json(run.path("result.json"), {**result, "evaluation": scores})
    return result


if __name__ == "__main__":
    command_line.warn_if_another_copy(__file__)
    command_line.run(main, Args, recipe="image_classification")
