"""Pretrain a network for images: what can be learned without labels, for other runs to begin with its weights.

hornbook image-pretraining --dataset folder:photos --image-size 64 --output runs/pretrained
hornbook image-classification --dataset folder:few-labelled --weights runs/pretrained

The network learns which way up an image is (Gidaris, Singh and Komodakis 2018), or which two of many views are of one image (SimCLR, Chen
et al. 2020). Labels, where there are any, are not read.
"""

from typing import Annotated, Literal

from hornbook import command_line, data
from hornbook.data.images.pretraining import unlabelled
from hornbook.recipes import options
from hornbook.recipes.networks import weights
from hornbook.recipes.steps import defaults, pretexts, running

RECIPE = "image_pretraining"


@options.recipe(stochastic_depth=0.0)
class Args(options.ImageNetwork, options.Optimization, options.Split, options.Run):
    dataset: str = "digits"
    """Where the images come from: digits (built in), folder:PATH (images at any depth), csv:PATH (a table of files), npz:PATH (arrays:
    x_train or images), or tfds:NAME, and behind it a slice of its training images: tfds:cifar10[:10%]."""
    task: Literal["rotation", "contrastive"] = "rotation"
    """What is learned in place of labels. rotation: which of four quarter turns an image was shown in; a guess is right in 0.25.
    contrastive: which other view in the batch is of the same image; a larger --batch-size makes it harder."""
    image_size: str | None = None
    """Size to bring all images to: a number such as 64, or HEIGHTxWIDTH. Default: the size that they have in common."""
    path_column: str | None = None
    """The column of csv:PATH with the image files, relative to the table's folder. Default: path, file, filename or the like."""
    skip_unreadable: bool = False
    """Leave out images that cannot be read and list them in skipped.csv. Default: name them before training, which does not begin."""
    in_memory: Literal["auto", "always", "never"] = "auto"
    """Whether images are kept in memory or read from disk each epoch; auto: in memory if they take under a quarter of what is free."""
    model: str = "auto"
    """A builder's name (airbench, cnn, mlp, resnet, vision_transformer and their variants), keras:NAME or hub:NAME, which begin at random,
    mymodule:builder of your own, or auto: by the data. The run that begins with the weights has the same."""
    augmentation: Literal["none", "flip", "crop", "crop-flip", "trivial", "randaugment", "augmix"] | options.Auto = "auto"
    """With --task rotation random changes of the images as they stand upright, before they are turned, see image-classification. auto:
    crop-flip for images in colour, crop for others."""
    colour: Annotated[float, options.SHARE] | None = None
    """Strength of a jitter of brightness, contrast, saturation and hue; 0 for none. Default: 0.4 with --task contrastive, where 1 in 5
    images in colour is made grey as well, else 0."""
    smallest_crop: Annotated[float, options.Range(0, 1, above=True, through=True)] = 0.2
    """With --task contrastive the least area of the window that a view is, as a share of the image; 1 for views that are the image."""
    mirrored: bool = True
    """With --task contrastive whether half of the views are mirrored left to right: not for letters."""
    blur: Annotated[float, options.SHARE] | None = None
    """With --task contrastive the probability of a view to be blurred. Default: 0.5 from 64 pixels a side on, else 0."""
    noise: Annotated[float, options.SHARE] = 0.0
    """With --task contrastive the standard deviation of noise on each pixel of a view, as a share of white."""
    temperature: Annotated[float, options.POSITIVE] = 0.5
    """With --task contrastive what cosines are divided by: a lower one looks more at the views that are most alike."""
    projection_size: Annotated[int, options.Range(1, 2**14)] = 128
    """With --task contrastive the numbers that views are compared by. The layers that compute them are thrown away: no run begins with
    them."""


def build(args, dataset):
    """The model of `args` for the dataset of its task, see `data.images.pretraining`.

    It takes raw pixels `(batch, height, width, channels)` and gives float32 logits `(batch, 4)`, or projections `(batch, size)`. Its first
    layers standardize each channel.
    """
    from hornbook import models
    from hornbook.training.builders import asked_for, image_model

    args, pretext = defaults.settle(args, dataset), pretexts.of(args)
    asked = asked_for(args.model, *options.of_network(args))
    further = {"weights": None} if args.model.startswith(models.PREFIXES) else {}
    network = image_model(args.model, dataset, pretext.num_outputs, {**asked, **further}, model_name="image_pretrainer")
    return pretext.projected(network)


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
    args = pretexts.settled(args)
    then = {"medium": "images", "words": ("image-classification", "--weights"), "inputs": "--dataset LABELLED"}
    smaller = "--batch-size, --image-size or --width, or --in-memory never"
    return running.run(RECIPE, _train, args, callbacks, dataset, check_name=check_name, smaller=smaller, **then)


def check(args):
    """Refuse options that do not go together, in the words of a flag."""
    options.check(args, "images")
    pretexts.check(args)
    weights.check_pretraining(args)


def load(args, folder):
    """The dataset that `args` name, as its task has it. Nothing of images is kept in `folder`, the run's."""
    given = {name: getattr(args, name) for name in ("in_memory", "image_size", "path_column", "skip_unreadable")}
    return pretexts.of(args).dataset(unlabelled.load(args.dataset, **args.split, **given))


def _train(args, session):
    import keras

    from hornbook.training.updates.sharpness import sharpness_aware

    # Data.
    dataset = load(args, session.run.folder) if session.dataset is None else pretexts.of(args).dataset(session.dataset)
    args, evaluated = running.begin(args, session, dataset)
    pretext = pretexts.of(args)
    fed = pretext.fed(dataset)

    # Model.
    model = build(args, dataset)
    trained = pretext.trained(model)
    sharpness_aware(trained, args.sharpness_radius)
    rule, jit_compile = running.optimizer(args, dataset.train), keras.backend.backend() == "jax"
    trained.compile(rule, pretext.loss, metrics=[pretext.accuracy], jit_compile=jit_compile)

    # Training.
    as_batches = {"num_classes": dataset.num_classes}
    fitting = running.fitting(args, session, trained, fed.seen, fed.validation, **as_batches)
    validation = fed.validation
    if validation is not None:
        validation = data.evaluation_batches(validation, batch_size=256, **as_batches)
    feed = data.training_batches(dataset.train, augment=fed.augment, **as_batches, **fitting.feed)
    trained.fit(feed, validation_data=validation, **fitting.fit)

    # Result.
    about = {**dataset.about(), **pretext.about}
    scored = pretext.evaluate(session, model, trained, about, dataset, evaluated)
    said = {"about": about, "mistakes": scored.mistakes, "augmented": pretext.sheet(dataset)}
    return running.finish(args, session, model, dataset, fitting, scored.scores, **said)


if __name__ == "__main__":
    command_line.script(main, Args, recipe=RECIPE, file=__file__)
