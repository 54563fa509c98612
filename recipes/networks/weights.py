"""Training that does not begin from nothing: which weights a network begins with, and which of them are trained."""

import dataclasses
import functools
import pathlib
from typing import Annotated, Literal

from hornbook import UserError, command_line, files, terminal, user_code
from hornbook.recipes.networks import families
from hornbook.recipes.ranges import SHARE, Range
from hornbook.training import runs

_LIBRARY = "keras:"
_AUTO = 0.5  # Of the blocks; measured by benchmarks/generalisation/transfer.py on other classes than those of docs/transfer.md.
_IMAGE_SIZE = "224"  # Of most networks of keras.applications, when they learned from ImageNet.
# What changes the inputs, so that features cannot be computed once.
_CHANGES = ("augmentation", "mixup", "cutmix", "colour", "random_erasing")
# What acts on more than the head.
_OF_NETWORKS = ("layer_decay", "gradual_unfreezing", "swa", "snapshots")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Transfer:
    """What is known before the training begins."""

    weights: str | None = None
    """What the network begins with: the folder of a finished run, whose --model and network options hold where none are given; imagenet, or
    a file of weights, for --model keras:NAME; or none. Default: imagenet for keras:NAME, else none."""
    unfreeze: Annotated[float, Range(0, 1, above=True)] | Literal["head", "all", "auto"] = "auto"
    """What is trained of a network with --weights: head, the output layer alone, on features that are computed once and kept on disk; a
    share of its blocks, those nearest to the outputs, such as 0.5; or all. What is not trained computes as it does when it predicts. auto:
    0.5."""
    gradual_unfreezing: Annotated[float, SHARE] = 0.0
    """Share of the training over which the blocks begin to be trained one after the other, from the outputs back (Howard and Ruder 2018);
    0: all from the first step. --layer-decay lowers the learning rate of the lower ones."""


def is_learned(args):
    """Whether the network of a recipe's options begins with weights that were learned."""
    return args.weights != "none" and (args.weights is not None or args.model.startswith(_LIBRARY))


def is_head(args):
    """Whether the head alone is trained."""
    return is_learned(args) and args.unfreeze == "head"


def check(args):
    """Refuse options that do not go together, in the words of a flag.

    Args:
        args: a recipe's options, of images.

    Raises:
        UserError: with what to pass.
    """
    library, given = args.model.startswith(_LIBRARY), f"--weights {args.weights}"
    if args.weights == "imagenet" and not library:
        raise UserError(f"--weights imagenet is for --model keras:NAME, got {args.model}; pass one, or the folder of a finished run")
    if args.weights not in (None, "none", "imagenet"):
        path = files.given(args.weights)
        if not path.exists():
            raise UserError(f"{given}: there is no such file or folder; accepted are a finished run's folder, imagenet and none")
        if path.is_file() and not library:
            raise UserError(f"{given} is a file, which is for --model keras:NAME, got {args.model}; pass a finished run's folder")
    if not is_learned(args):
        for name, value in (("unfreeze", "auto"), ("gradual_unfreezing", 0.0)):
            if getattr(args, name) != value:
                flag = name.replace("_", "-")
                raise UserError(f"--{flag} {getattr(args, name)} is for a network with --weights; pass them, or leave it out")
        return
    if args.members > 1:
        raise UserError(f"--members {args.members} would begin with the same weights; pass --seeds, and average the runs")
    if is_head(args):
        _check_head(args)


def _check_head(args):
    for name in _CHANGES:
        if getattr(args, name) not in ("auto", "none", 0.0):
            flag = f"--{name.replace('_', '-')} {getattr(args, name)}"
            raise UserError(f"{flag} changes images, whose features --unfreeze head computes once; leave it out, or pass --unfreeze all")
    for name in _OF_NETWORKS:
        if getattr(args, name):
            flag = f"--{name.replace('_', '-')} {getattr(args, name):g}"
            raise UserError(f"{flag} is about a whole network, got --unfreeze head; leave it out, or pass --unfreeze all")
    if args.loss == "ldam":
        raise UserError("--loss ldam ends a network in cosines, which --unfreeze head does not; pass another loss, or --unfreeze all")


def with_source(args):
    """The options with those of the run whose weights are taken, where none were given: its model, the network's options, the image size.

    Args:
        args: a recipe's options, of images.

    Raises:
        UserError: the folder is no finished run's, or its model is code of somebody's.
    """
    if args.weights in (None, "none", "imagenet") or not files.given(args.weights).is_dir():
        sized = is_learned(args) and args.image_size is None and _has_files(args.dataset)
        return dataclasses.replace(args, image_size=_IMAGE_SIZE) if sized else args
    folder = files.given(args.weights)
    runs.finished(folder)
    asked, changed = runs.options_of(folder), {}
    if args.model == "auto":
        if user_code.is_named(asked["model"]):
            name = asked["model"]
            raise UserError(f"--weights {args.weights} are of --model {name}, code that would run; look at it, then pass that yourself")
        own, usual = families.of_network(args)
        changed = {name: asked[name] for name, value in own.items() if name in asked and value == usual[name]}
        changed["model"] = asked["model"]
    if args.image_size is None and _has_files(args.dataset):
        height, width, _ = _opened(folder).about["input_shape"]
        changed["image_size"] = f"{height}x{width}"
    return dataclasses.replace(args, **command_line.of_their_types(type(args), changed, folder / "config.json"))


def _has_files(name):
    return name.startswith(("folder:", "csv:"))


def _opened(folder):
    from hornbook.inference import finished_run

    trained, _ = finished_run.open_run(folder)
    if trained.about["medium"] != "images":
        raise UserError(f"--weights {folder} is a run on {trained.about['medium']}; accepted are runs on images")
    return trained


@functools.lru_cache(maxsize=1)
def _source(folder):
    """The `training.transfer.Source` that the folder of a finished run is."""
    from hornbook.inference import finished_run
    from hornbook.training.transfer import Source

    trained = _opened(pathlib.Path(folder))
    return Source(f"--weights {folder}", finished_run.load_model(trained), trained.about["pixel_maximum"])


def of_network(args):
    """What a network begins with.

    Args:
        args: a recipe's options, of images.

    Returns:
        A dict of further options of its builder, and the `training.transfer.Source` whose weights it takes over, or None.
    """
    if args.weights in (None, "imagenet"):
        return {}, None
    library = args.model.startswith(_LIBRARY)
    if args.weights == "none":
        return ({"weights": None} if library else {}), None
    if library and files.given(args.weights).is_file():
        return {"weights": args.weights}, None
    return ({"weights": None} if library else {}), _source(args.weights)


def trained_part(args, model, dataset):
    """What is trained of a model, and on what: the model as it is on the dataset, or its head on the dataset's features.

    Args:
        args: a recipe's options, of images.
        model: as the recipe built it; its blocks that are not trained are kept as they are.
        dataset: `data.images.ImageDataset`.

    Returns:
        `keras.Model`, which shares its layers with `model`, and the dataset's training and validation parts.
    """
    from hornbook.training import transfer

    if not is_learned(args) or args.unfreeze == "all":
        return model, dataset.train, dataset.validation
    if not is_head(args):
        trained, there = transfer.keep_lower(model, _AUTO if args.unfreeze == "auto" else args.unfreeze)
        terminal.say(f"trained of the network: {trained} of {there} blocks, and the output layer")
        return model, dataset.train, dataset.validation
    from hornbook.data.images import features

    network = transfer.features(model)
    parts = [part if part is None else features.computed(network, part) for part in (dataset.train, dataset.validation)]
    head = transfer.head_on(model, network.output_shape[-1], args.dropout or 0.0)
    return head, *parts
