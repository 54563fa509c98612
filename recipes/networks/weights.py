"""Training that does not begin from nothing: which weights a network begins with, and which of them are trained."""

import dataclasses
import functools
import pathlib
import random
from typing import Annotated, Literal

from hornbook import UserError, command_line, files, terminal, user_code
from hornbook.recipes.networks import families
from hornbook.recipes.ranges import SHARE, Range
from hornbook.training import runs

_LIBRARIES = ("keras:", "hub:")
_AUTO = 0.5  # Of the blocks; measured by benchmarks/generalisation/transfer.py on other classes than those of docs/transfer.md.
_IMAGE_SIZE = "224"  # Of most networks of keras.applications, when they learned from ImageNet.
# What changes the inputs of a medium, so that features cannot be computed once.
_CHANGES = {
    "images": ("augmentation", "mixup", "cutmix", "colour", "random_erasing"),
    "texts": ("word_dropout", "word_swap"),
    "series": ("jitter", "scaling", "time_warp", "time_masking", "feature_masking", "mixup"),
}
# What a network's inputs are made by, which stays what it was; and what may be another, but is the same where it is not given.
_MADE_BY = {
    "texts": ("tokenizer", "vocabulary_size", "minimum_count", "lowercase", "ngrams"),
    "series": ("missing", "sample_rate", "mel_bands"),
}
_FREE = {"texts": ("max_length",), "series": ("window", "stride")}
# What says how many channels a network has.
_SIZES = ("width", "heads", "embedding_size")
# What acts on more than the head.
_OF_NETWORKS = ("layer_decay", "gradual_unfreezing", "swa", "snapshots", "prune_channels")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Transfer:
    """What is known before the training begins."""

    weights: str | None = None
    """What the network begins with: the folder of a finished run on the same medium, whose --model and network options hold where none are
    given, and of texts its tokenizer in any case, of series its window; of images imagenet, or a file of weights, for --model keras:NAME
    and hub:NAME; or none. Default: imagenet for those, else none."""
    unfreeze: Annotated[float, Range(0, 1, above=True)] | Literal["head", "all", "auto"] = "auto"
    """What is trained of a network with --weights: head, the output layer alone, on features that are computed once and kept on disk; a
    share of its blocks, those nearest to the outputs, such as 0.5; or all. What is not trained computes as it does when it predicts. auto:
    0.5, with --prune and --prune-channels all."""
    gradual_unfreezing: Annotated[float, SHARE] = 0.0
    """Share of the training over which the blocks begin to be trained one after the other, from the outputs back (Howard and Ruder 2018);
    0: all from the first step. --layer-decay lowers the learning rate of the lower ones."""


def is_learned(args):
    """Whether the network of a recipe's options begins with weights that were learned."""
    return args.weights != "none" and (args.weights is not None or args.model.startswith(_LIBRARIES))


def is_head(args):
    """Whether the head alone is trained."""
    return is_learned(args) and args.unfreeze == "head"


def check(args, medium):
    """Refuse options that do not go together, in the words of a flag.

    Args:
        args: a recipe's options.
        medium: what the recipe's data are: "images", "texts" or "series".

    Raises:
        UserError: with what to pass.
    """
    library, given = medium == "images" and args.model.startswith(_LIBRARIES), f"--weights {args.weights}"
    if medium != "images" and args.weights not in (None, "none") and not files.given(args.weights).is_dir():
        raise UserError(f"{given}: there is no such folder; accepted are a finished run's folder, of {medium}, and none")
    if args.weights == "imagenet" and not library:
        raise UserError(f"--weights imagenet is for --model keras:NAME, got {args.model}; pass one, or the folder of a finished run")
    if args.weights not in (None, "none", "imagenet"):
        path = files.given(args.weights)
        if not path.exists():
            raise UserError(f"{given}: there is no such file or folder; accepted are a finished run's folder, imagenet and none")
        if path.is_file() and not library:
            raise UserError(f"{given} is a file, which is for --model keras:NAME, got {args.model}; pass a finished run's folder")
    _check_model(args)
    if not is_learned(args):
        for name, value in (("unfreeze", "auto"), ("gradual_unfreezing", 0.0)):
            if getattr(args, name) != value:
                flag = name.replace("_", "-")
                raise UserError(f"--{flag} {getattr(args, name)} is for a network with --weights; pass them, or leave it out")
        return
    if args.members > 1:
        raise UserError(f"--members {args.members} would begin with the same weights; pass --seeds, and average the runs")
    if is_head(args):
        _check_head(args, medium)
    elif args.prune_channels and args.unfreeze not in ("auto", "all"):
        given = f"--unfreeze {args.unfreeze} keeps blocks as they are"
        raise UserError(f"{given}, which --prune-channels {args.prune_channels:g} takes channels out of; pass --unfreeze all")


def check_pretraining(args, *further):
    """Refuse options that do not fit a run which has no classes, and whose weights others begin with.

    Args:
        args: options of a recipe that pretrains.
        *further: those of its own: the option's name, its value where it is left alone, and what a pretraining "has" or "does" instead.

    Raises:
        UserError: with the flag.
    """
    one = "begins other runs with the weights of one network"
    unfit = [("members", 1, one), ("snapshots", 0, one), ("coverage", None, "has no classes of yours to make sets of")]
    unfit += [("prune_channels", 0.0, "begins runs whose networks have all their channels")]
    unfit += [("test_fold", None, "has no labels to score folds by"), *further]
    for name, usual, why in unfit:
        if getattr(args, name) != usual:
            raise UserError(f"--{name.replace('_', '-')} {getattr(args, name)}: a pretraining {why}; leave it out")


def _check_model(args):
    """Refuse another model than that of the run whose weights are taken, before anything is trained or read."""
    folder = source_folder(args)
    if folder is None or args.model == "auto" or not (folder / "config.json").exists():
        return
    known = runs.options_of(folder).get("model")
    if known not in (args.model, "auto", None):
        raise UserError(f"--weights {args.weights} are of --model {known}, got {args.model}; leave --model out, or pass --weights none")


def _check_head(args, medium):
    for name in _CHANGES[medium]:
        if getattr(args, name) not in ("auto", "none", 0.0, getattr(type(args), name)):
            flag = f"--{name.replace('_', '-')} {getattr(args, name)}"
            raise UserError(f"{flag} changes {medium}, whose features --unfreeze head computes once; leave it out, or pass --unfreeze all")
    for name in _OF_NETWORKS:
        if getattr(args, name):
            flag = f"--{name.replace('_', '-')} {getattr(args, name):g}"
            raise UserError(f"{flag} is about a whole network, got --unfreeze head; leave it out, or pass --unfreeze all")
    if args.loss == "ldam":
        raise UserError("--loss ldam ends a network in cosines, which --unfreeze head does not; pass another loss, or --unfreeze all")


def with_source(args, medium):
    """The options with those of the run whose weights are taken, where none were given: of its network, and of what makes inputs.

    Args:
        args: a recipe's options.
        medium: as of `check`.

    Raises:
        UserError: the folder is no finished run's on this medium, its model is code of somebody's, or its inputs were made otherwise.
    """
    sized = medium == "images" and args.image_size is None and _has_files(args.dataset)
    folder = source_folder(args)
    if folder is None:
        return dataclasses.replace(args, image_size=_IMAGE_SIZE) if sized and is_learned(args) else args
    runs.finished(folder)
    asked, changed = runs.options_of(folder), _unchanged_inputs(args, medium) if is_head(args) else {}
    if args.model == "auto":
        if user_code.is_named(asked["model"]):
            name = asked["model"]
            raise UserError(f"--weights {args.weights} are of --model {name}, code that would run; look at it, then pass that yourself")
        own, usual = families.of_network(args)
        changed |= {name: asked[name] for name, value in own.items() if asked.get(name) is not None and value == usual[name]}
        changed["model"] = asked["model"]
    changed |= _inputs_of(asked, args, medium)
    trained = _opened(folder, medium)
    if sized:
        height, width, _ = trained.about["input_shape"]
        changed["image_size"] = f"{height}x{width}"
    if medium == "series" and (trained.about["preprocessing"] or {}).get("sample_rate"):  # Which sound has, asked for or not.
        changed["sample_rate"] = trained.about["preprocessing"]["sample_rate"] if args.sample_rate is None else args.sample_rate
    return dataclasses.replace(args, **command_line.of_their_types(type(args), changed, folder / "config.json"))


def _unchanged_inputs(args, medium):
    """The options that change inputs by default, off."""
    usual = {name: getattr(type(args), name) for name in _CHANGES[medium]}
    return {name: 0.0 for name, value in usual.items() if value not in ("auto", "none", 0.0) and getattr(args, name) == value}


def _inputs_of(asked, args, medium):
    """The options that a run's inputs were made by."""
    found = {}
    for name in (*_MADE_BY.get(medium, ()), *_FREE.get(medium, ())):
        value, usual = getattr(args, name), getattr(type(args), name)
        if name not in asked or (value != usual and name in _FREE[medium]):
            continue
        if value not in (usual, asked[name]):
            flag = f"--{name.replace('_', '-')}"
            raise UserError(f"{flag} {value}: --weights {args.weights} were trained with {flag} {asked[name]}, which holds; leave it out")
        found[name] = asked[name]
    return found


def _has_files(name):
    return name.startswith(("folder:", "csv:"))


def _opened(folder, medium):
    from hornbook.inference import finished_run

    trained, _ = finished_run.open_run(folder, as_weights=True)
    if trained.about["medium"] != medium:
        raise UserError(f"--weights {folder} is a run on {trained.about['medium']}; accepted are runs on {medium}")
    return trained


@functools.lru_cache(maxsize=1)
def _source(folder, medium):
    """The `training.learned.transfer.Source` that the folder of a finished run is."""
    from hornbook.inference import finished_run
    from hornbook.training.learned.transfer import Source

    trained, state = _opened(pathlib.Path(folder), medium), random.getstate()
    model = finished_run.load_model(trained)
    random.setstate(state)  # Keras' initializers draw from it, and a second run in this process loads nothing.
    return Source(f"--weights {folder}", model, trained.about)


def of_network(args, medium):
    """What a network begins with.

    Args:
        args: a recipe's options.
        medium: as of `check`.

    Returns:
        A dict of further options of its builder, and the `training.learned.transfer.Source` whose weights it takes over, or None.
    """
    if args.weights in (None, "imagenet"):
        return {}, None
    library = medium == "images" and args.model.startswith(_LIBRARIES)
    if args.weights == "none":
        return ({"weights": None} if library else {}), None
    if library and files.given(args.weights).is_file():
        return {"weights": args.weights}, None
    asked = runs.options_of(source_folder(args))
    alike = all(getattr(args, name, None) == asked.get(name) for name in _SIZES)
    return ({"weights": None} if library else {}), dataclasses.replace(_source(args.weights, medium), alike=alike)


def source_folder(args):
    """The folder of the run whose weights are taken, a `pathlib.Path`; None where there is none."""
    given = getattr(args, "weights", None)  # A pretraining has no such option.
    return None if given in (None, "none", "imagenet") or not files.given(given).is_dir() else files.given(given)


def trained_part(args, model, train, validation=None, *, length=None):
    """What is trained of a model, and on what: the model as it is on the examples, or its head on their features.

    Args:
        args: a recipe's options.
        model: as the recipe built it; its blocks that are not trained are kept as they are.
        train, validation: parts of the dataset, or their tokens; validation may be None.
        length: as of `batches.predictions`.

    Returns:
        `keras.Model`, which shares its layers with `model`, and what of the two parts it is trained and validated on.
    """
    from hornbook.training.learned import features, transfer

    pruned = args.unfreeze == "auto" and (args.prune or args.prune_channels)
    if not is_learned(args) or args.unfreeze == "all" or pruned:
        return model, train, validation
    if not is_head(args):
        trained, there = transfer.keep_lower(model, _AUTO if args.unfreeze == "auto" else args.unfreeze)
        terminal.say(f"trained of the network: {trained} of {there} blocks, and the output layer")
        return model, train, validation
    network = transfer.features(model)
    parts = [part if part is None else features.computed(network, part, length=length) for part in (train, validation)]
    head = transfer.head_on(model, network.output_shape[-1], args.dropout or 0.0)
    return head, *parts
