"""Train an image classifier: any source of labelled images, any model of the zoo, techniques as flags.

hornbook image-classification
hornbook image-classification --dataset tfds:fashion_mnist --model resnet20 --augmentation crop-flip --epochs 15

The first, on scikit-learn's digits: accuracy 0.9889 ± 0.0056 (5 seeds), 14 s from a cold start on two cores. CIFAR-10 (JPEG-compressed), by
--dataset tfds:cifar10: 0.9101 (1 seed; single images 0.8975), 43 minutes on two cores beside other work.
"""

from typing import Annotated, Literal

from hornbook import UserError, command_line, data
from hornbook.recipes import adversarial, classifying, options, robust_groups
from hornbook.recipes.networks import teachers, weights
from hornbook.recipes.steps import decisions, defaults, running

RECIPE = "image_classification"
COLUMNS = ("path_column", "label_column", "group_column", "time_column", "weight_column")


@options.recipe(choices=classifying.ONE_CLASS, stochastic_depth=0.0)
class Args(
    options.ImageNetwork,
    options.Transfer,
    options.Classification,
    options.Optimization,
    options.Adversarial,
    options.RobustPattern,
    options.ClassSplit,
    options.Run,
):
    dataset: str = "digits"
    """Where the images come from: digits (built in), folder:PATH (a folder a class), csv:PATH (a table of files), npz:PATH (arrays), or
    tfds:NAME, NAME/CONFIG, NAME:VERSION of TensorFlow Datasets, and behind it a slice of its training images: tfds:cifar10[:10%]."""
    image_size: str | None = None
    """Size to bring all images to: a number such as 64, or HEIGHTxWIDTH. Default: the size that they have in common."""
    path_column: str | None = None
    """The column of csv:PATH with the image files, relative to the table's folder. Default: path, file, filename or the like."""
    label_column: str | None = None
    """The column of csv:PATH with the classes. Default: label, class, category or the like."""
    group_column: str | None = None
    """A column of csv:PATH such as patient or camera: images of one value stand in one part, and in one fold."""
    time_column: str | None = None
    """A column of csv:PATH of numbers or dates: train on the past, validate on what came later, test on the latest."""
    weight_column: str | None = None
    """What each training image counts in the loss: a column of csv:PATH, or an array of npz:PATH, of numbers of 0 or more; their mean is
    made 1. Scores are not weighted."""
    skip_unreadable: bool = False
    """Leave out images that cannot be read and list them in skipped.csv. Default: name them before training, which does not begin."""
    in_memory: Literal["auto", "always", "never"] = "auto"
    """Whether images are kept in memory or read from disk each epoch; auto: in memory if they take under a quarter of what is free."""
    model: str = "auto"
    """A builder's name (airbench, cnn, mlp, resnet, vision_transformer and their variants, such as resnet20, wide_resnet28_10),
    mymodule:builder of your own, or auto: by the data."""
    augmentation: Literal["none", "flip", "crop", "crop-flip", "trivial", "randaugment", "augmix"] | options.Auto = "auto"
    """Random changes of the training images: flip mirrors left to right, crop shifts by an eighth of the size. After both, the policies
    trivial, randaugment and augmix change shapes and colours. auto: crop-flip for images in colour, crop for others, which may be
    letters."""
    flip: Literal["random", "alternating"] | options.Auto = "auto"
    """Which images a flip mirrors: each with probability 1/2 in every epoch, or in every other epoch, some in the even and some in the odd
    ones. auto: random, or as the model was measured."""
    crop_padding: Annotated[int, options.AT_LEAST_1] | None = None
    """Pixels by which a crop shifts at most. Default: an eighth of the shorter side, or as the model was measured."""
    crop_fill: Literal["zeros", "reflect"] | options.Auto = "auto"
    """What comes into an image that is shifted: zeros, or its own pixels, mirrored at its edge. auto: zeros, or as the model was
    measured."""
    randaugment_operations: Annotated[int, options.Range(1, 100)] = 2
    """Operations an image, with --augmentation randaugment."""
    randaugment_magnitude: Annotated[float, options.Range(0, 10, through=True)] = 9.0
    """Strength of the operations from 0 to 10, with --augmentation randaugment."""
    colour: Annotated[float, options.TO_1] = 0.0
    """Strength of a jitter of brightness, contrast, saturation and hue, such as 0.4; 0 for none."""
    random_erasing: Annotated[float, options.TO_1] = 0.0
    """Probability of an image to have a rectangle filled with random pixels, such as 0.5; 0 for never."""
    test_time_augmentation: Literal["none", "mirror", "mirror-shift"] | options.Auto = "auto"
    """The saved model gives the mean of the outputs over copies of each image: mirrored, or mirrored and shifted by a pixel too. It takes 2
    or 6 times as long; result and report say so, and what single images score. auto: none, or as the model was measured."""
    mixup: Annotated[float, options.NOT_NEGATIVE] = 0.0
    """Alpha of the Beta distribution of mixup, such as 0.2; 0 for none."""
    cutmix: Annotated[float, options.NOT_NEGATIVE] = 0.0
    """Alpha of the Beta distribution of CutMix, such as 1; 0 for none. With mixup as well, each example has one of them."""


def build(args, dataset):
    """The model of `args` for a `data.images.ImageDataset`.

    It takes raw pixels `(batch, height, width, channels)` and gives float32 logits `(batch, classes)`. Its first layers standardize each
    channel, and whiten patches where the network does so, by the training images alone, so that the saved model takes pixels as they are.
    """
    from hornbook.training.builders import asked_for, image_model

    args = defaults.settle(args, dataset)
    asked = asked_for(args.model, *options.of_network(args))
    further, source = weights.of_network(args, "images")
    shape = {"members": args.members, **classifying.last_layer(args), "source": source}
    return image_model(args.model, dataset, dataset.num_classes, {**asked, **further}, **shape, model_name="image_classifier")


def check_name(args):
    """Refuse a data set that cannot be had, by its name."""
    data.images.check_name(args.dataset, **{name: getattr(args, name) for name in COLUMNS})


def main(args, callbacks=(), dataset=None):
    """Train, evaluate and report as `args` say.

    Args:
        args: `Args`.
        callbacks: further Keras callbacks.
        dataset: a `data.images.ImageDataset` of your own, such as `data.images.from_arrays(...)`, in place of `args.dataset`.

    Returns:
        What `result.json` holds; with several seeds, what `seeds.json` holds.

    Raises:
        UserError: options, data or a folder that cannot be used.
    """
    check(args)
    args = weights.with_source(args, "images")
    about = {"medium": "images", "check_name": check_name, "inputs": "IMAGE..."}
    smaller = "--batch-size, --image-size or --width, or --in-memory never"
    return running.run(RECIPE, _train, args, callbacks, dataset, smaller=smaller, **about)


def check(args):
    """Refuse options that do not go together, in the words of a flag."""
    options.check(args, "images")
    adversarial.check(args)
    robust_groups.check(args)
    weights.check(args, "images")
    teachers.check(args, "images")
    policies = ("randaugment", "trivial", "augmix")
    needed = {
        "randaugment_operations": ("randaugment",),
        "randaugment_magnitude": ("randaugment",),
        "flip": ("crop-flip", "flip", *policies),
        "crop_padding": ("crop-flip", "crop", "auto", *policies),
        "crop_fill": ("crop-flip", "crop", "auto", *policies),
    }
    for name, accepted in needed.items():
        if options.is_asked_for(args, name) and args.augmentation not in accepted:
            raise UserError(f"--{name.replace('_', '-')} is for --augmentation {accepted[0]}, got {args.augmentation}; pass that too")


def load(args, folder):
    """The dataset that `args` name. Nothing of images is kept in `folder`, the run's."""
    given = {name: getattr(args, name) for name in ("in_memory", "image_size", *COLUMNS)}
    return data.images.load(args.dataset, **args.split, **given, skip_unreadable=args.skip_unreadable)


def _train(args, session):
    import keras

    from hornbook.reports import examples
    from hornbook.training.updates.sharpness import sharpness_aware

    # Data.
    dataset = session.dataset or load(args, session.run.folder)
    dataset.require_task("classification")
    args, evaluated = running.begin(args, session, dataset)
    objective = classifying.objective(args, dataset, teachers.of(args, dataset))

    # Model.
    model = build(args, dataset)
    trained, train, validation = weights.trained_part(args, model, dataset.train, dataset.validation)
    rule, jit_compile = running.optimizer(args, train), keras.backend.backend() == "jax"
    sharpness_aware(trained, args.sharpness_radius)
    adversarial.prepare(args, model, trained, dataset)
    robust_groups.prepare(args, trained, dataset)
    trained.compile(rule, objective.loss, metrics=[objective.accuracy], jit_compile=jit_compile)

    # Training.
    num_classes = objective.num_classes
    fitting = running.fitting(args, session, trained, train, validation, feed=objective.feed, num_classes=num_classes)
    adversarial.watch(args, fitting, validation, dataset)
    robust_groups.watch(args, fitting, validation, dataset)
    augment = data.images.augmenter(
        args.augmentation,
        args.mixup,
        flipping=args.flip,
        crop_padding=args.crop_padding,
        crop_fill=args.crop_fill,
        cutmix_alpha=args.cutmix,
        random_erasing_probability=args.random_erasing,
        colour_strength=args.colour,
        randaugment_operations=args.randaugment_operations,
        randaugment_magnitude=args.randaugment_magnitude,
        pixel_maximum=dataset.pixel_maximum,
    )
    if validation is not None:
        validation = data.evaluation_batches(validation, batch_size=256, num_classes=num_classes)
    trained.fit(
        data.training_batches(train, num_classes=num_classes, augment=augment, **objective.feed, **fitting.feed),
        validation_data=validation,
        **fitting.fit,
    )

    # Result.
    of_groups = robust_groups.told(args, trained, dataset)
    model = objective.finished(fitting.finished(model, dataset.task))
    about = {**dataset.about(), **objective.about}
    scored = running.evaluate(session, model, about, evaluated)
    single = decisions.single_images(args, scored.scores)
    if args.test_time_augmentation != "none":
        model = data.images.average_over_copies(model, args.test_time_augmentation)
        scored = running.evaluate(session, model, about, evaluated)
    sheet = examples.augmented(dataset, augment, seed=args.seed)
    decided = decisions.decide(args, session, model, dataset, about, scored)
    said = {"about": decided.about, "mistakes": decided.mistakes, "augmented": sheet, "details": {**single, **of_groups, **decided.details}}
    return running.finish(args, session, decided.model, dataset, fitting, decided.scores, **said)


if __name__ == "__main__":
    command_line.script(main, Args, recipe=RECIPE, file=__file__)
