"""Train a classifier of texts: any source of labelled texts, any model for sequences, every technique one flag.

hornbook text-classification
hornbook text-classification --dataset csv:tickets.csv --text-columns subject,body --label-column queue --model text_transformer

The first, on sentences of six libraries' documentation: accuracy 0.6758 (1 seed), beside 0.6525 of TF-IDF and logistic regression on
words; 15 s from a cold start.
"""

import dataclasses
import pathlib
import time
from typing import Literal

from hornbook import UserError
from hornbook import command_line
from hornbook import files
from hornbook.recipes import running
from hornbook.training import runs
from hornbook.data import splits
from hornbook.data.texts.dataset import TextDataset
from hornbook.data.texts.dataset import TextStore
from hornbook import data
from hornbook.data.texts import dataset as text_data


@dataclasses.dataclass(frozen=True)
class Args:
    dataset: str = "docstrings"
    """Where the texts come from: docstrings (built in: which library does a sentence of documentation come from), csv:PATH (also TSV),
    folder:PATH (text files, a folder a class), or tfds:NAME, NAME/CONFIG or NAME:VERSION of TensorFlow Datasets."""
    text_columns: str | None = None
    """The columns of csv:PATH or tfds:NAME with the text, separated by commas; several make one text. Default: text, sentence, review
    or the like, or the one column beside the label."""
    label_column: str | None = None
    """The column of csv:PATH or tfds:NAME with the classes. Default: label, class, category or the like."""
    encoding: str = "auto"
    """Of text files and csv:PATH: auto (UTF-8, what a byte order mark says, else Windows-1252), or a name that Python knows, such as
    latin-1."""
    header: Literal["auto", "yes", "no"] = "auto"
    """Whether the first line of csv:PATH names the columns; auto: unless it has a number in it. Without, they are column1, column2, ..."""
    quoted: bool = True
    """Whether text with separators in it stands in double quotes, which are doubled within; --no-quoted takes them as they are."""
    skip_empty: bool = False
    """Leave out what has no text or no class, and say how many; else they are named before training, which does not begin."""
    tokenizer: Literal["word", "character", "byte", "bpe"] = "word"
    """What a text is cut into: words, numbers and signs; characters; bytes; or bpe, pieces of words, of which none is ever unknown."""
    vocabulary_size: int = 20_000
    """Most tokens that are told apart, the most frequent of the training texts; padding and unknown count too."""
    minimum_count: int = 2
    """Tokens that occur less often in the training texts are unknown."""
    lowercase: bool = True
    """Whether capitals do not count. Bytes are left as they are."""
    max_length: int | None = None
    """Tokens after which a text is cut off; how many were is said. Default: 256 words or pieces, 1,024 characters or bytes."""
    ngrams: int = 1
    """With 2, pairs of tokens that training has twice are tokens too, behind the single ones, with 3 threes as well; they count for
    --max-length, and at most --vocabulary-size of them. For models without order: --model cnn1d --kernel-sizes 1 --pooling mean."""
    model: str = "cnn1d"
    """A builder's name (cnn1d, rnn, lstm, gru, text_transformer, ...), or mymodule:builder of your own."""
    embedding_size: int | None = None
    """Numbers that stand for a token. Default: the model's own."""
    depth: int | None = None
    """Layers or blocks. Default: the model's own."""
    width: int | None = None
    """Units or filters of a layer. Default: the model's own."""
    kernel_sizes: tuple[int, ...] | None = None
    """Tokens that each convolution sees, one convolution for each, such as 1 2 3 (convolutional models only). Default: the model's own."""
    pooling: Literal["mean", "max", "last", "attention"] | None = None
    """How tokens become one. Default: the model's own."""
    heads: int | None = None
    """Attention heads (transformers only). Default: the model's own."""
    positions: Literal["sinusoidal", "learned", "rotary", "none"] | None = None
    """How tokens say where they are (transformers only). Default: the model's own."""
    normalization: Literal["batch", "layer", "group", "instance", "rms", "none"] | None = None
    """Normalization of activations. Default: the model's own."""
    weight_normalization: Literal["none", "spectral", "standardized"] | None = None
    """Normalization of kernels. Default: the model's own."""
    activation: str | None = None
    """Any activation of Keras that works in a network. Default: the model's own."""
    initializer: str = "auto"
    """Initial kernels: auto (by the activation: He, Glorot or LeCun) or a Keras initializer's name."""
    dropout: float | None = None
    """Share of features dropped, where the model drops them. Default: 0.1 in a transformer, which drops after every layer, else 0.5."""
    stochastic_depth: float | None = None
    """Share of residual branches dropped in the last block (residual networks and transformers only)."""
    l1: float = 0.0
    """Penalty on the kernels' absolute values, added to the loss."""
    l2: float = 0.0
    """Penalty on the kernels' squares, added to the loss."""
    optimizer: Literal[
        "sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "lion", "lamb", "adafactor", "muon"
    ] = "adamw"  # fmt: skip
    """sgd has Nesterov momentum 0.9; muon takes hidden matrices and leaves the rest, embeddings too, to adam."""
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
    word_dropout: float = 0.1
    """Share of the tokens of each text that become unknown in training, others every epoch; also what trains the unknown token."""
    word_swap: float = 0.0
    """Share of neighbouring tokens that change places in training."""
    label_smoothing: float = 0.0
    """Share of each label that is spread over all classes, such as 0.1."""
    class_weights: Literal["none", "balanced", "effective"] = "none"
    """Weigh the loss of rare classes more: by 1 / count, or by the effective number of samples."""
    ema: float = 0.0
    """Momentum of a moving average of the weights, such as 0.999, which is what is evaluated and kept; 0 for none."""
    batch_size: int = 64
    """Examples a step."""
    epochs: int = 6
    """Passes over the training texts."""
    early_stopping: int = 0
    """Stop after this many epochs without a better validation loss, and keep the best epoch's weights; 0 for never: keep the last."""
    precision: Literal["float32", "bfloat16", "float16", "auto"] = "float32"
    """Of the computation, weights and logits stay in float32; auto: bfloat16 where the machine computes in it, else float32."""
    validation_fraction: float = 0.1
    """Share of the training texts held out, where the source has no validation split; 0 for none."""
    fold: str | None = None
    """Hold out one of several folds of the training examples in place of --validation-fraction: 2/5 is the second of five."""
    test_fraction: float = 0.2
    """Share of the texts held out, where the source has no test split."""
    in_memory: Literal["auto", "always", "never"] = "auto"
    """Whether the texts of csv:PATH are kept in memory or read again from the file where they are needed; auto: in memory up to 256 MiB."""
    seed: int = 0
    """Of initial weights, order, augmentation and dropout."""
    split_seed: int = 0
    """Of the split into training, validation and test texts."""
    seeds: int = 1
    """Run this many times, with seed, seed + 1, ..., and print mean and spread."""
    evaluate: Literal["test", "validation", "none"] = "test"
    """What the result is taken on."""
    tensorboard: bool = False
    """Write logs for TensorBoard as well, to the folder tensorboard in the run's."""
    output: str | None = None
    """Folder of the run. Default: runs/text_classification/TIME-MODEL. An unfinished run in it is resumed."""


def build(args, dataset, tokenizer):
    """The model of `args`: token ids `(batch, tokens)`, int32 padded with 0, to float32 logits `(batch, classes)`.

    Text cannot be an input on every backend; `tokenizer.json`, saved beside the model, makes ids of it.
    """
    from hornbook.training.builders import asked_for, build_model

    options = {**asked_for(args.model, args, _MODEL_OPTIONS), "vocabulary_size": tokenizer.vocabulary_size}
    if args.dropout is None and ":" not in args.model:
        options["dropout"] = _DROPOUT.get(args.model, 0.5)
    return build_model(args.model, dataset.input_shape, dataset.num_classes, options)


_MODEL_OPTIONS = (
    "embedding_size", "depth", "width", "kernel_sizes", "pooling", "heads", "positions", "normalization", "weight_normalization",
    "activation", "initializer", "dropout", "stochastic_depth", "l1", "l2",
)  # fmt: skip
# Vaswani et al. (2017, section 5.4). The others drop once or between few layers, and have Kim's (2014) one half.
_DROPOUT = {"text_transformer": 0.1}


def main(args, callbacks=(), dataset=None):
    """Train, evaluate and report as `args` say.

    Args:
        args: `Args`.
        callbacks: further Keras callbacks.
        dataset: a `TextDataset` of your own, such as `dataset.texts.from_texts(...)`, in place of `args.dataset`.

    Returns:
        What `result.json` holds; with several seeds, what `seeds.json` holds.

    Raises:
        UserError: options, data or a folder that cannot be used.
    """
    check(args)
    folder = pathlib.Path(args.output or runs.default_folder("text_classification", args.model))
    if dataset is None:
        data.texts.check_name(args.dataset)
    else:
        args = dataclasses.replace(args, dataset=dataset.name)
    if args.seeds > 1:
        return running.several_seeds(main, args, folder, "text_classification", callbacks, dataset)
    config = command_line.to_config("text_classification", args)
    with runs.Run(folder, config) as run:
        # TensorFlow takes seconds to import; whatever can be refused without it is refused before.
        with command_line.quiet_libraries():
            from hornbook.training import reproducibility
        enough_memory = command_line.enough_memory("--batch-size, --max-length or --width")
        with reproducibility.settings(seed=args.seed, precision=args.precision) as precision, enough_memory:
            result = _train(args, run, callbacks, dataset, precision)
    runs.print_result(result, folder, '"A TEXT"... or FILE...')
    return result


def check(args):
    """Refuse what no part would refuse in the words of a flag."""
    command_line.check_ranges(args, _RANGES)
    if args.ngrams > 1 and not (args.kernel_sizes == (1,) or args.positions == "none" or ":" in args.model):
        raise UserError(
            f"--ngrams {args.ngrams} puts pairs of tokens behind all single ones, where a model that goes by their order takes them for a "
            "text: pass --model cnn1d --kernel-sizes 1 --pooling mean, or --model text_transformer --positions none"
        )
    if args.tensorboard:
        command_line.require_tensorboard()


_RANGES = (
    ("minimum_count", 1, None), ("ngrams", 1, 5), ("word_dropout", 0, 1), ("word_swap", 0, 1),
)  # fmt: skip


def _train(args, run, callbacks, dataset, precision):
    import keras

    from hornbook.data import batches
    from hornbook.evaluation import scores as classifier_scores
    from hornbook.training import diagnosis
    from hornbook.training import imbalance
    from hornbook.training import losses
    from hornbook.training import optimization
    from hornbook.reports import report
    from hornbook.data.texts import augmentation
    from hornbook.data.texts import batches as text_batches
    from hornbook.data.texts import tokens as text_tokens
    from hornbook.data.texts import tokenizing
    from hornbook.training.callbacks import AverageWeights, EarlyStopping, History, Progress, ReduceOnPlateau, StopWhenLost
    from hornbook.training.checkpoint import Checkpoint, size_in_bytes

    started = time.monotonic()

    # Data.
    if dataset is None:
        dataset = data.texts.load(
            args.dataset,
            text_columns=args.text_columns,
            label_column=args.label_column,
            encoding=args.encoding,
            header=args.header,
            quoted=args.quoted,
            skip_empty=args.skip_empty,
            in_memory=args.in_memory,
            validation_fraction=splits.validation_share(args.validation_fraction, args.fold),
            test_fraction=args.test_fraction,
            split_seed=args.split_seed,
        )
    splits.evaluated_part(dataset, args.evaluate, early_stopping=args.early_stopping, schedule=args.schedule, fold=args.fold)
    num_classes = dataset.num_classes
    splits.record_split(run.path("split.csv"), dataset, resumed=run.resumed)
    left_out = f"; left out as empty: {dataset.left_out:,}" if dataset.left_out else ""
    print(f"{dataset.name}: {dataset.sizes}, {num_classes} classes{left_out}")

    # Tokens.
    tokenizer = tokenizing.fit(
        dataset.train.texts(),
        args.tokenizer,
        vocabulary_size=args.vocabulary_size,
        minimum_count=args.minimum_count,
        lowercase=args.lowercase,
        max_length=tokenizing.DEFAULT_LENGTHS[args.tokenizer] if args.max_length is None else args.max_length,
    )
    if args.ngrams > 1:
        tokenizer = tokenizing.with_ngrams(tokenizer, dataset.train.texts(), args.ngrams, most=args.vocabulary_size)
    wanted = [name for name in dataset.parts if name in ("train", "validation", args.evaluate)]
    tokens = {name: text_tokens.encode(dataset.parts[name], tokenizer, run.folder) for name in wanted}
    statistics = {name: part.statistics for name, part in tokens.items()}
    print(text_tokens.in_words(tokenizer, statistics))

    # Model.
    model = build(args, dataset, tokenizer)
    print(f"{args.model}: {model.count_params():,} parameters, {precision}; run folder {run.folder}")

    # Training.
    steps_per_epoch = batches.steps_per_epoch(tokens["train"], args.batch_size)
    batches.note_smaller_batch(tokens["train"], args.batch_size)
    optimization.check_accumulation(args.accumulate_steps, steps_per_epoch * args.epochs)
    length = {"steps_per_epoch": steps_per_epoch, "epochs": args.epochs, "warmup_epochs": args.warmup_epochs}
    loss, accuracy = losses.classification("cross-entropy", args.label_smoothing)
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
        loss,
        metrics=[accuracy],
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
    validation = None
    if "validation" in tokens:
        validation = text_batches.evaluation_batches(tokens["validation"], batch_size=256, num_classes=num_classes)
    model.fit(
        text_batches.training_batches(
            tokens["train"],
            batch_size=args.batch_size,
            num_classes=num_classes,
            epochs=args.epochs,
            first_epoch=first_epoch,
            seed=args.seed,
            augment=augmentation.augmenter(args.word_dropout, args.word_swap),
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
    if args.evaluate != "none":
        labels = tokens[args.evaluate].labels
        logits = text_batches.logits(model, tokens[args.evaluate])
        scores = classifier_scores.scores("cross-entropy", labels, logits, dataset.class_names)
        metrics = {name: scores[name] for name in classifier_scores.METRICS}
        mistakes = classifier_scores.mistakes("cross-entropy", labels, logits, dataset.class_names)
        if isinstance(dataset.train.store, TextStore):  # Else every text would have to be read once more.
            statistics[args.evaluate]["repeated"] = text_data.repeated(dataset, args.evaluate)
    result = {
        "metrics": metrics,
        "evaluated_on": args.evaluate,
        "seconds": round(history.seconds_before + time.monotonic() - started, 1),
        "seed": args.seed,
        "precision": precision,
        "parameters": model.count_params(),
        "epochs": len(history.rows),
        "best_epoch": early_stopping.best_epoch + 1 if early_stopping else None,
        "findings": [
            *diagnosis.findings(history.rows, scores, num_classes, diagnosis.TEXT_REMEDIES),
            *text_tokens.findings(statistics, tokenizer),
        ],
        **runs.environment(),
    }
    tokenizer.save(run.path("tokenizer.json"))
    runs.save_model(run, model, class_names=dataset.class_names, outputs="logits", max_length=tokenizer.max_length)
    report.write_report(
        run.path("report.html"),
        title=f"{args.model} on {dataset.name}",
        command=command_line.command("text_classification", args),
        config=run.config,
        history=history.rows,
        result={**result, **{f"version_of_{name}": version for name, version in dataset.versions.items()}},
        evaluation=scores,
        examples=[{**one, "text": next(dataset.part(args.evaluate).texts([one["position"]]))} for one in mistakes],
        tokens=statistics,
    )
    details = {"vocabulary_size": tokenizer.vocabulary_size, "tokens": statistics, "dataset_versions": dataset.versions}
    files.write_json(run.path("result.json"), {**result, **details, "evaluation": scores})
    return result


if __name__ == "__main__":
    command_line.warn_if_another_copy(__file__)
    command_line.run(main, Args, recipe="text_classification")
