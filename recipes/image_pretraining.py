"""Pretrain a network for images: what can be learned without labels, for other runs to begin with its weights.

hornbook image-pretraining --dataset folder:photos --image-size 64 --output runs/pretrained
hornbook image-classification --dataset folder:few-labelled --weights runs/pretrained

The network learns which way up an image is (Gidaris, Singh and Komodakis 2018). Labels, where there are any, are not read.
"""

from typing import Literal

from hornbook import UserError, command_line, data
from hornbook.data.images.pretraining import rotation, unlabelled
from hornbook.recipes import options
from hornbook.recipes.steps import defaults, running

RECIPE = "image_pretraining"


@options.recipe(stochastic_depth=0.0)
class Args(options.ImageNetwork, options.Optimization, options.Split, options.Run):
    dataset: str = "digits"
    """Where the images come from: digits (built in), folder:PATH (images at any depth), csv:PATH (a table of files), npz:PATH (arrays:
    x_train or images), or tfds:NAME, and behind it a slice of its training images: tfds:cifar10[:10%]."""
    task: Literal["rotation"] = "rotation"
    """What is learned in place of labels. rotation: which of four quarter turns an image was shown in; a guess is right in 0.25."""
    image_size: str | None = None
    """Size to bring all images to: a number such as 64, or HEIGHTxWIDTH. Default: the size that they have in common."""
    path_column: str | None = None
    """The column of csv:PATH with the image files, relative to the table's folder. Default: path, file, filename or the like."""
    skip_unreadable: bool = False
    """Leave out images that cannot be read and list them in skipped.csv. Default: name them before training, which does not begin."""
    in_memory: Literal["auto", "always", "never"] = "auto"
    """Whether images are kept in memory or read from disk each epoch; auto: in memory if they take under a quarter of what is free."""
    model: str = "auto"
    """A builder's name (airbench, cnn, mlp, resnet, vision_transformer and their variants), keras:NAME, which begins at random,
    mymodule:builder of your own, or auto: by the data. The run that begins with the weights has the same."""
    augmentation: Literal["none", "flip", "crop", "crop-flip", "trivial", "randaugment", "augmix"] | options.Auto = "auto"
    """Random changes of the images as they stand upright, before they are turned, see image-classification. auto: crop-flip for images in
    colour, crop for others."""
    colour: float = 0.0
    """Strength of a jitter of brightness, contrast, saturation and hue, such as 0.4; 0 for none."""


def build(args, dataset):
    """The model of `args` for a `data.images.pretraining.rotation.RotationDataset`.

    It takes raw pixels `(batch, height, width, channels)` and gives float32 logits `(batch, 4)`. Its first layers standardize each channel.
    """
    from hornbook.training.builders import asked_for, image_model

    args = defaults.settle(args, dataset)
    asked = asked_for(args.model, *options.of_network(args))
    further = {"weights": None} if args.model.startswith("keras:") else {}
    return image_model(args.model, dataset, dataset.num_classes, {**asked, **further}, model_name="image_pretrainer")


def check_name(args):
    """Refuse a data set that cannot be had, by its name."""
    unlabelled.check_name(args.dataset)


def main(args, callbacks=(), dataset=None):
    """Train, evaluate and report as `args` say.

    Args:
        args: `Args`.
        callbacks: further Keras callbacks.
        dataset: a `data.images.ImageDataset` of your own, whose labels do not count, in place of `args.dataset`.

    Returns:
        What `result.json` holds; with several seeds, what `seeds.json` holds.

    Raises:
        UserError: options, data or a folder that cannot be used.
    """
    check(args)
    then = {"words": ("image-classification", "--weights"), "inputs": "--dataset LABELLED"}
    smaller = "--batch-size, --image-size or --width, or --in-memory never"
    return running.run(RECIPE, _train, args, callbacks, dataset, check_name=check_name, smaller=smaller, **then)


def check(args):
    """Refuse options that do not go together, in the words of a flag."""
    options.check(args)
    for name, usual, why in (
        ("members", 1, "begins other runs with the weights of one network"),
        ("snapshots", 0, "begins other runs with the weights of one network"),
        ("coverage", None, "has no classes of yours to make sets of"),
        ("test_fold", None, "has no labels to score folds by"),
    ):
        if getattr(args, name) != usual:
            raise UserError(f"--{name.replace('_', '-')} {getattr(args, name)}: a pretraining {why}; leave it out")


def load(args, folder):
    """The dataset that `args` name, in four turns. Nothing of images is kept in `folder`, the run's."""
    given = {name: getattr(args, name) for name in ("in_memory", "image_size", "path_column", "skip_unreadable")}
    return rotation.dataset(unlabelled.load(args.dataset, **args.split, **given))


def _train(args, session):
    import keras

    from hornbook.reports import examples
    from hornbook.training import losses
    from hornbook.training.updates.sharpness import sharpness_aware

    # Data.
    dataset = load(args, session.run.folder) if session.dataset is None else rotation.dataset(session.dataset)
    args, evaluated = running.begin(args, session, dataset)
    as_batches = {"num_classes": dataset.num_classes}

    # Model.
    model = build(args, dataset)
    loss, accuracy = losses.classification("cross-entropy")
    sharpness_aware(model, args.sharpness_radius)
    model.compile(running.optimizer(args, dataset.train), loss, metrics=[accuracy], jit_compile=keras.backend.backend() == "jax")

    # Training.
    fitting = running.fitting(args, session, model, dataset.train, dataset.validation, **as_batches)
    changed = data.images.augmenter(args.augmentation, colour_strength=args.colour, pixel_maximum=dataset.pixel_maximum)
    augment, validation = rotation.turning(changed), dataset.validation
    if validation is not None:
        validation = data.evaluation_batches(validation, batch_size=256, **as_batches)
    feed = data.training_batches(dataset.train, augment=augment, **as_batches, **fitting.feed)
    model.fit(feed, validation_data=validation, **fitting.fit)

    # Result.
    model = fitting.averages.of(model, dataset.task)
    about = {**dataset.about(), "loss": "cross-entropy"}
    scored = running.evaluate(session, model, about, evaluated)
    said = {"mistakes": scored.mistakes, "augmented": examples.augmented(dataset, augment, seed=args.seed)}
    return running.finish(args, session, model, dataset, fitting, scored.scores, about=about, **said)


if __name__ == "__main__":
    command_line.script(main, Args, recipe=RECIPE, file=__file__)
