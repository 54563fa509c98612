"""What is refused of a recipe's options before anything slow is imported and any data are read: all that can be known without the data.

What only the builder of a network knows comes next, still before the data: `networks.names.check_built`.
"""

from hornbook import UserError, command_line, files
from hornbook.data import splits
from hornbook.data.images import decoding
from hornbook.data.selection import corrections, written
from hornbook.recipes import classifying, ranges, repeats, robust_groups
from hornbook.recipes.classifying import Classification
from hornbook.recipes.networks import names, pruned, rounded

_CUTS = ("clip_norm", "clip_value", "clip_each_norm", "clip_adaptive")
_BINS = 32  # Of `options.Table`.

# What such options are where no row of `defaults` says otherwise.
USUAL = {
    "optimizer": "adamw", "momentum": 0.9, "schedule": "cosine", "weight_decay": 0.05, "lookahead": 0, "bias_learning_rate_factor": 1.0,
    "label_smoothing": 0.0, "precision": "float32", "flip": "random", "crop_fill": "zeros",
    "test_time_augmentation": "none",
}  # fmt: skip


def is_asked_for(args, name):
    """Whether an option has a value that is neither its default nor what it usually is."""
    return getattr(args, name) not in (getattr(type(args), name), USUAL.get(name))


def check(args, *media, metrics=("loss", "accuracy")):
    """Refuse options out of range, or that do not go together, in the words of a flag and before anything slow is imported.

    Args:
        args: a recipe's options.
        media: what the recipe's data may be of, such as "images"; none for any.
        metrics: the columns of `history.csv` that a training of the recipe has, each for validation too.

    Raises:
        UserError: with the flag and what is accepted.
    """
    ranges.check(args)
    command_line.refuse_no_text(args)
    names.check(args.model, *media)
    repeats.check_seeds(args.seed, args.seeds, f"--seeds {args.seeds}")
    splits.validation_share(args.validation_fraction, args.fold)
    splits.share_for_test(args.test_fraction, args.test_fold)
    if args.test_fold is not None and getattr(args, "test_dataset", None) is not None:
        raise UserError(f"--test-fold {args.test_fold} and --test-dataset {args.test_dataset} both say what is tested on; leave one out")
    _check_split_file(args)
    _ = args.arranged, args.kept  # Which refuses two that both say what is trained on.
    if isinstance(args, Classification):
        classifying.check(args)
    _check_averages(args)
    pruned.check(args)
    rounded.check(args)
    _check_lengths(args)
    _check_words(args, metrics)
    given = [f"--{name.replace('_', '-')} {getattr(args, name):g}" for name in _CUTS if getattr(args, name)]
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)} each cut gradients; pass one of them, and 0 for the others")
    if args.optimizer != "sgd" and (is_asked_for(args, "momentum") or not args.nesterov):
        given = f"got --optimizer {args.optimizer}"
        raise UserError(f"--momentum and --no-nesterov are for --optimizer sgd, {given}; pass that too, or leave them out")
    if args.groups is not None and args.normalization != "group":
        raise UserError(f"--groups {args.groups} is for --normalization group, got {args.normalization or 'the default'}; pass that too")
    bins = getattr(args, "bins", _BINS)
    if bins != _BINS and args.number_embedding != "piecewise":
        raise UserError(f"--bins {bins} is for --number-embedding piecewise, got {args.number_embedding or 'the default'}; pass that too")
    by_name = [flag for flag, given in (("--layer-decay", args.layer_decay), ("--clip-adaptive", args.clip_adaptive)) if given]
    if by_name and args.members > 1 and ":" in args.model:
        raise UserError(f"{by_name[0]} tells layers by names that members share, as those of the zoo do, got --model {args.model}")
    if args.remedy and (args.seeds > 1 or not args.diagnosis):
        other = f"--seeds {args.seeds}" if args.seeds > 1 else "--no-diagnosis"
        raise UserError(f"--remedy goes by the diagnosis of one run, got {other} too; leave one of them out")
    if args.tensorboard:
        command_line.require_tensorboard()
    _check_files(args)


def _check_split_file(args):
    """Refuse a file of a split beside other options that say which example goes where."""
    others = {"--fold": args.fold, "--test-fold": args.test_fold, "--test-dataset": getattr(args, "test_dataset", None)}
    given = next((f"{flag} {value}" for flag, value in others.items() if value is not None), None)
    if args.split_file is not None and given:
        raise UserError(f"--split-file {args.split_file} says which example goes where, got {given} too; leave one out")


def _check_files(args):
    """Refuse files that are not there, or not of the form that they must have; their rows are compared with the data later."""
    if args.split_file is not None:
        written.check(args.split_file)
    if getattr(args, "label_corrections", None) is not None:
        corrections.check(args.label_corrections)


def _check_words(args, metrics):
    """Refuse texts that are none of those that the option takes."""
    accepted = [f"{part}{name}" for name in metrics for part in ("val_", "")]
    accepted += ["val_worst_group_accuracy"] if robust_groups.has_groups(args) else []
    if args.early_stopping_metric not in accepted:
        raise UserError(f"--early-stopping-metric must be one of {', '.join(accepted)}, got {args.early_stopping_metric!r}")
    if getattr(args, "encoding", "auto") != "auto":
        files.check_encoding(args.encoding)
    if getattr(args, "image_size", None) is not None:
        decoding.parse_size(args.image_size)


def _check_lengths(args):
    """Refuse what takes longer than a training whose length was given."""
    epochs = args.epochs
    if args.schedule == "one-cycle" and args.warmup_epochs:
        raise UserError(f"--warmup-epochs {args.warmup_epochs:g}: --schedule one-cycle has a warm-up of its own; leave it out")
    if epochs == "auto":
        return
    if args.warmup_epochs is not None and args.warmup_epochs >= epochs:
        raise UserError(f"--warmup-epochs must be less than --epochs {epochs}, got {args.warmup_epochs:g}")
    if args.cycles is not None and args.cycles > epochs:
        raise UserError(f"--cycles {args.cycles} are more than --epochs {epochs}; pass fewer, or more epochs")


def _check_averages(args):
    """Refuse averages over a training that do not go together, or have nothing to average."""
    given = [f"--{name} {getattr(args, name):g}" for name in ("ema", "swa", "snapshots") if getattr(args, name)]
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)} each average over the training; pass one of them")
    if args.cycles and args.schedule != "restarts":
        raise UserError(f"--cycles {args.cycles} is for --schedule restarts, got {args.schedule}; pass that too")
    if not (args.swa or args.snapshots):
        return
    if args.early_stopping:
        told = "keeps the weights of one epoch, not an average of several"
        raise UserError(f"--early-stopping {args.early_stopping} {told}, got {given[0]} too; pass one of them")
    if args.minutes is not None:
        raise UserError(f"{given[0]} counts epochs, which --minutes {args.minutes:g} may cut off; pass one of them")
    if args.snapshots == 1:
        raise UserError("--snapshots 1 is the network as it is; pass 2 or more, or leave it out")
    if args.snapshots > (args.cycles or 0):
        cycles = f"--cycles {args.cycles}" if args.cycles else f"--schedule {args.schedule}"
        wanted = f"--schedule restarts --cycles {args.snapshots}"
        raise UserError(f"--snapshots {args.snapshots} are of the ends of as many cycles, got {cycles}; pass {wanted}, or more cycles")
    if args.swa and args.schedule == "restarts" and not args.cycles:
        raise UserError(
            f"--swa {args.swa:g} averages at ends of cycles, and those of --schedule restarts are no ends of epochs; pass --cycles too"
        )
    if args.swa and args.schedule == "plateau":
        raise UserError(f"--swa {args.swa:g} wants a learning rate that is known beforehand, got --schedule plateau; pass another")
