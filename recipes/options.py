"""The options that recipes share: dataclasses that a recipe's `Args` inherits, in which an option, its help and its range stand once.

A recipe lists its own options and the defaults that differ:

    @options.recipe(learning_rate=1e-2, epochs=60)
    class Args(options.Network, options.Optimization, options.Split, options.Run):
        dataset: str = "digits"
"""

import dataclasses
import inspect
from typing import Annotated, Literal

from hornbook.data import splits
from hornbook.data.selection import arranging, thinning
from hornbook.evaluation import thresholds
from hornbook.recipes.adversarial import Adversarial  # noqa: F401
from hornbook.recipes.checks import USUAL, check, is_asked_for  # noqa: F401
from hornbook.recipes.classifying import Classification  # noqa: F401
from hornbook.recipes.networks.families import (  # noqa: F401
    DeepNetwork,
    ImageNetwork,
    Network,
    PlainNetwork,
    SequenceNetwork,
    TableNetwork,
    of_network,
)
from hornbook.recipes.networks.weights import Transfer  # noqa: F401
from hornbook.recipes.ranges import AT_LEAST_1, NOT_NEGATIVE, POSITIVE, SEED, SHARE, TO_1, UP_FROM_0, Auto, Range  # noqa: F401
from hornbook.recipes.robust_groups import GroupRobust, RobustColumn, RobustPattern  # noqa: F401


def recipe(*, choices=(), **defaults):
    """A class decorator that makes a recipe's `Args`, a frozen dataclass, of the option groups that it inherits.

    Args:
        choices: dict of inherited options to the words that this recipe takes of them.
        **defaults: of inherited options, where they differ.

    Raises:
        TypeError: no inherited option is called so.
    """

    def change(cls):
        own = list(inspect.get_annotations(cls))
        inherited = {name: hint for base in reversed(cls.__mro__[1:]) for name, hint in inspect.get_annotations(base).items()}
        for name in (*defaults, *dict(choices)):
            if name not in inherited:
                raise TypeError(f"{cls.__module__}.{cls.__name__} inherits no option {name!r}")
            cls.__annotations__[name] = inherited[name]
            setattr(cls, name, defaults.get(name, getattr(cls, name)))
        for name, words in dict(choices).items():
            cls.__annotations__[name] = Literal[tuple(words)] | (None if getattr(cls, name) is None else Literal[tuple(words)])
        made = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        # What is the recipe's own comes first in --help, and its dataset before all.
        fields = made.__dataclass_fields__
        made.__dataclass_fields__ = {**{name: fields[name] for name in own}, **fields}
        return made

    return change


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """How a table is read, and what its columns become."""

    test_dataset: str | None = None
    """Another table to test on, such as csv:test.csv. Default: the source's own test split, else a share of its rows."""
    feature_columns: str | None = None
    """The columns to predict from, separated by commas. Default: all others."""
    categorical_columns: str | None = None
    """Columns of numbers that are categories, such as codes, separated by commas. Columns of text are categories in any case."""
    id_column: str | None = None
    """Columns to leave out, separated by commas: identifiers, free text, what would not be known beforehand."""
    group_column: str | None = None
    """A column such as patient or person: rows of one value stand in one part, and in one fold. It is no feature."""
    time_column: str | None = None
    """A column of numbers or dates by which the rows are split: train on the past, validate on what came later, test on the latest. It is
    no feature. Where an --id-column tells series apart (regression), it orders the rows of each series."""
    weight_column: str | None = None
    """A column with what each training row counts in the loss, numbers of 0 or more; their mean is made 1. Scores are not weighted. It is
    no feature."""
    missing_values: str | None = None
    """Further words for a missing value, separated by commas, besides nothing, NaN, NA, N/A, NULL and ?."""
    rare_categories: Annotated[int, AT_LEAST_1] = 5
    """A category of fewer training rows counts as one that training never saw."""
    encoding: str = "auto"
    """Encoding of a file: auto (by its byte order mark, else UTF-8, else Windows-1252), utf-8, latin-1, or another name that Python
    knows."""
    header: Literal["auto", "yes", "no"] = "auto"
    """Whether the first line of a file names the columns; auto: unless it has a number in it. Without names they are column1, column2,
    ..."""
    decimal: Literal["auto", "point", "comma"] = "auto"
    """The decimal mark of a file's numbers; auto: commas where fields are separated by something else and a column has commas alone."""
    in_memory: Literal["auto", "always", "never"] = "auto"
    """Whether the columns of csv:PATH are kept in memory or on disk, in the run's folder; auto: in memory up to 256 MiB."""
    number_scaling: Literal["standard", "robust", "quantile"] = "standard"
    """How numbers are scaled: by mean and standard deviation; robust, by median and quartiles, with far values drawn in; quantile, by their
    order alone."""
    bins: Annotated[int, Range(1, 1000)] = 32
    """Bins of each number, of equally many training rows, with --number-embedding piecewise."""
    categories: Literal["one-hot", "embedding"] = "one-hot"
    """What a model is given of categories: zeros and ones, or their codes, for a model that embeds them."""

    @property
    def reading(self):
        """The options of `data.tables.load` that these and those of `Split` are."""
        own = [name for name in inspect.get_annotations(Table) if name not in ("number_scaling", "bins", "categories")]
        return {**{name: getattr(self, name) for name in own}, **self.split}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Optimization:
    """How a network is trained."""

    optimizer: Literal[
        "sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "lion", "lamb", "adafactor", "muon"
    ] | Auto = "auto"  # fmt: skip
    """muon takes hidden matrices and leaves the rest, kernels of convolutions and embeddings too, to adam. auto: adamw, or as the model was
    measured."""
    momentum: Annotated[float, SHARE] | Auto = "auto"
    """Momentum of sgd; 0 for plain gradient descent. auto: 0.9, or as the model was measured."""
    nesterov: bool = True
    """Whether the momentum of sgd looks ahead (Nesterov)."""
    learning_rate: Annotated[float, POSITIVE] | Auto = "auto"
    """The highest learning rate of the schedule; auto: by the model."""
    schedule: Literal["constant", "step", "cosine", "one-cycle", "exponential", "polynomial", "restarts", "plateau"] | Auto = "auto"
    """How the learning rate goes on after the warm-up; plateau divides it by ten whenever the validation loss stops falling. auto: cosine,
    or as the model was measured."""
    plateau_patience: Annotated[int, AT_LEAST_1] = 5
    """Epochs without a better validation loss before the schedule plateau lowers the learning rate."""
    cycles: Annotated[int, AT_LEAST_1] | None = None
    """Equal cycles of --schedule restarts, each to the end of an epoch. Default: three, each twice as long as the one before."""
    warmup_epochs: Annotated[float, UP_FROM_0] | None = None
    """Epochs of a linear rise of the learning rate before the schedule. Default: 1, a tenth of a shorter training, none for one-cycle; or
    as the model was measured."""
    weight_decay: Annotated[float, NOT_NEGATIVE] | Auto = "auto"
    """Decoupled weight decay of kernels, never of biases and normalization scales; each step takes learning rate times this. auto: 0.05, or
    as the model was measured."""
    clip_norm: Annotated[float, NOT_NEGATIVE] = 0.0
    """Clip the global norm of the gradients to this; 0 for never."""
    clip_value: Annotated[float, NOT_NEGATIVE] = 0.0
    """Clip every element of the gradients to this size; 0 for never. One of the four ways."""
    clip_each_norm: Annotated[float, NOT_NEGATIVE] = 0.0
    """Clip the norm of the gradient of each variable to this; 0 for never."""
    clip_adaptive: Annotated[float, NOT_NEGATIVE] = 0.0
    """Clip the gradient of each unit to this share of the norm of the unit's weights, such as 0.01 to 0.16, but in the last layer; 0 for
    never."""
    accumulate_steps: Annotated[int, AT_LEAST_1] = 1
    """Batches whose mean gradient makes one update: as if the batch were so many times larger, in the memory of one."""
    ema: Annotated[float, SHARE] = 0.0
    """Momentum of a moving average of the weights, such as 0.999; the average is evaluated and kept. 0 for none."""
    swa: Annotated[float, SHARE] = 0.0
    """Share of the epochs after which the weights at the end of each are averaged, such as 0.75, at a learning rate that stays what it is
    then; with --cycles at the end of each cycle (stochastic weight averaging). The average is what the result is taken on, with batch
    normalization's statistics computed for it. 0 for none."""
    snapshots: Annotated[int, UP_FROM_0] = 0
    """Keep the networks at the ends of the last so many --cycles and average what they predict, as one model. 0 for none."""
    lookahead: Annotated[int, UP_FROM_0] | Auto = "auto"
    """Updates after which the weights meet slow ones, which go half of the way to them, and go on from there (Lookahead), such as 5; 0 for
    never. auto: never, or as the model was measured."""
    bias_learning_rate_factor: Annotated[float, POSITIVE] | Auto = "auto"
    """Factor on the learning rate of the offsets of normalizations, such as 64. auto: 1, or as the model was measured."""
    layer_decay: Annotated[float, SHARE] = 0.0
    """Factor on the learning rate from each block back to the one before it, such as 0.75; the outputs have the whole rate. 0: all have."""
    sharpness_radius: Annotated[float, NOT_NEGATIVE] = 0.0
    """Take each gradient where the loss is highest nearby, this far from the weights, such as 0.05 (sharpness-aware minimization). It takes
    twice the time. 0 for none."""
    prune: Annotated[float, SHARE] = 0.0
    """Share of the weights to make 0 while the network trains, the smallest first and a little more before each epoch (Zhu and Gupta 2017),
    such as 0.9. They stay 0. 0 for none."""
    prune_channels: Annotated[float, SHARE] = 0.0
    """Share of the channels of each layer to take out while the network trains, such as 0.5, and of its units and heads: those that matter
    least, a little more before each epoch. The saved model is smaller and faster. 0 for none."""
    prune_scope: Literal["global", "layer"] = "global"
    """With --prune: the smallest weights of the whole network, or the same share of each layer."""
    prune_as: str | None = None
    """The folder of a finished run with --prune, on the same data: the weights that are 0 in its network are 0 in this one from the first
    step on. With that run's --seed, and its options but --prune, the others begin as they did there (a lottery ticket, Frankle and Carbin
    2019)."""
    quantization_aware: Annotated[float, SHARE] = 0.0
    """Share of the epochs, the last ones, in which the network learns with its kernels, and what they are multiplied by, rounded to int8,
    such as 0.5 (Jacob et al. 2018); for hornbook export --precision int8. 0 for none."""
    batch_size: Annotated[int, Range(1, 2**24)] | Auto = "auto"
    """Examples a step; auto: by how many there are."""
    epochs: Annotated[int, AT_LEAST_1] | Auto = "auto"
    """Passes over the training examples; auto: as many as make the updates that the model needs, hundreds of a small set and few of a large
    one. The run says how many, and after its first steps how long they will take."""
    minutes: Annotated[float, Range(0, 10**6, above=True)] | None = None
    """The most that training may take. One that would take longer is shortened after its first steps, schedule included. Default: no
    limit."""
    members: Annotated[int, Range(1, 1000)] = 1
    """Networks of other initial weights that are trained side by side on the same batches and averaged: an ensemble, saved as one model. It
    takes as many times as long."""
    early_stopping: Annotated[int, UP_FROM_0] = 0
    """Stop after this many epochs without a better --early-stopping-metric and keep the weights of the best epoch; 0 for never: keep the
    last."""
    early_stopping_metric: str = "val_loss"
    """The column of history.csv that early stopping watches, such as val_accuracy."""
    early_stopping_change: Annotated[float, NOT_NEGATIVE] = 0.0
    """The smallest change of that metric that counts as better."""
    precision: Literal["float32", "bfloat16", "float16", "auto"] | None = None
    """Precision of the computation; weights and outputs stay in float32. auto: bfloat16 where the machine computes in it, else float32.
    Default: float32, or auto for a model that was measured so."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mix:
    """A classical model beside the network."""

    classical_share: Annotated[float, SHARE] | Auto = "auto"
    """Share in the outputs of a classical model that is fitted after training and saved with the network as one model: of tables gradient
    boosting, of texts a linear model on naive-Bayes ratios of tokens and pairs (Wang and Manning 2012), of series a ridge on fixed
    convolutions (Dempster et al. 2021). 0: the network alone; auto: by the data."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Split:
    """What is held out of the training data, as the options of `Optimization` and `Run` need it."""

    validation_fraction: Annotated[float, SHARE] | Auto = "auto"
    """Share of the training examples held out for validation, where the source has no validation split; 0 for none. auto: 0.1, but, where
    nothing needs them, none if that is fewer than 20 examples, and 2,000 at most."""
    fold: str | None = None
    """Hold out one of several folds of the training examples in place of --validation-fraction: 2/5 is the second of five."""
    test_fraction: Annotated[float, SHARE] = 0.2
    """Share of the examples held out for the test, where the source has no test split."""
    test_fold: str | None = None
    """Test on one of several folds of the training examples, such as 2/5, in place of --test-fraction or of the source's own test split:
    what `hornbook cross-validate` does, fold by fold."""
    group_pattern: str | None = None
    """A regular expression that is found in the name of every file, such as 'patient(\\d+)_': where its brackets catch the same, examples
    stand in one part, and in one fold. With a slash in it, it is looked for in the whole path."""
    split_file: str | None = None
    """A CSV that says which example goes where, such as the split.csv of a run: columns part (train, validation, test), and index or file.
    Nothing else is held out then."""
    split_seed: Annotated[int, SEED] = 0
    """Seed of the split into training, validation and test examples, and of generated data."""
    train_fraction: Annotated[float, Range(0, 1, above=True)] | None = None
    """Train on this share of the training examples, of each class alike; validation and test stay as they are, and more examples contain
    the fewer. Default: on all."""

    @property
    def kept(self):
        """What is kept of the training examples, `data.selection.thinning.Thinning`."""
        names = [field.name for field in dataclasses.fields(thinning.Thinning)]
        return thinning.Thinning(**{name: getattr(self, name, None) for name in names})

    @property
    def arranged(self):
        """How examples are arranged before some are held out, `data.selection.arranging.Arrangement`."""
        names = [field.name for field in dataclasses.fields(arranging.Arrangement)]
        return arranging.Arrangement(**{name: getattr(self, name) for name in names if hasattr(self, name)})

    def refuse_split_of(self, name):
        """Refuse to arrange or thin a dataset of the caller's, which is split already."""
        self.arranged.refuse(name)
        self.kept.refuse(name)

    @property
    def needed(self):
        """The parts of the data that options need, by the flag that needs them."""
        asked = {
            f"--early-stopping {self.early_stopping}": self.early_stopping and self.early_stopping_metric.startswith("val_"),
            "--schedule plateau": self.schedule == "plateau",
            f"--threshold {getattr(self, 'threshold', '')}": getattr(self, "threshold", thresholds.NONE) != thresholds.NONE,
            "--temperature-scaling": getattr(self, "temperature_scaling", False),
            f"--coverage {self.coverage}": self.coverage is not None,
        }
        return {flag: "validation" for flag, wanted in asked.items() if wanted}

    @property
    def split(self):
        """The options of every `load` that say what is held out."""
        needed = self.evaluate == "validation" or self.needed or self.early_stopping
        fraction = 0.1 if self.validation_fraction == "auto" and needed else self.validation_fraction
        share = splits.validation_share(fraction, self.fold)
        test = splits.share_for_test(self.test_fraction, self.test_fold)
        found = {"validation_fraction": share, "test_fraction": test, "split_seed": self.split_seed}
        return {**found, "kept": self.kept, "arranged": self.arranged}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassSplit(Split):
    """What is held out, and trained on, of examples with classes."""

    min_class_count: Annotated[int, AT_LEAST_1] = 1
    """Leave out classes of fewer examples; the run names them, with counts."""
    label_corrections: str | None = None
    """A CSV of examples and their correct classes, as `hornbook labels` writes it: columns correct_label, and index or file."""
    samples_per_class: Annotated[int, AT_LEAST_1] | None = None
    """Train on so many examples of each class, as --train-fraction does on a share. Default: on all."""
    imbalance_ratio: Annotated[float, Range(1, 10**6, above=True)] | None = None
    """Make the training examples a long tail: all of the most frequent class, 1 / ratio of the rarest, and between them a share that falls
    exponentially (Cui et al. 2019). Validation and test stay as they are. Default: none."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """The run itself."""

    seed: Annotated[int, SEED] = 0
    """Seed of initial weights, order, augmentation and dropout."""
    seeds: Annotated[int, Range(1, 10_000)] = 1
    """Run this many times, with seed, seed + 1, ..., and print mean and standard deviation."""
    evaluate: Literal["test", "validation", "none"] = "test"
    """The part of the data that the result is taken on."""
    coverage: Annotated[float, Range(0, 1, above=True)] | None = None
    """Say sets of classes, or intervals of numbers, that hold what is true in this share of new examples, such as 0.9: split conformal
    prediction, with the validation part as calibration examples. They are saved with the run. Default: none."""
    diagnosis: bool = True
    """Watch the training and say what went wrong and what mends it."""
    data_check: bool = True
    """Look for what makes scores too good before training: examples and groups in two parts, columns that give the label away, and more."""
    floor: bool = True
    """Score classical models on the same part, in a process beside the training: what the network should be above."""
    check_only: bool = False
    """Look at data and network, train on one batch, say what is wrong and stop: what `hornbook check` does. Nothing is written."""
    remedy: bool = False
    """Where the diagnosis finds what an option mends, change it and train again, beside the first run, in a folder with -remedied at the
    end of its name. With --evaluate validation the test examples have no say in whether it helped."""
    save_predictions: bool = False
    """Write the outputs for the evaluated examples to predictions.npz in the run's folder."""
    tensorboard: bool = False
    """Write logs for TensorBoard as well, to the folder tensorboard of the run."""
    output: str | None = None
    """Folder of the run. Default: runs/RECIPE/TIME-MODEL. An unfinished run in it is resumed."""
