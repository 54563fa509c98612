"""Train a classifier of texts: any source of labelled texts, any model for sequences, techniques as flags.

hornbook text-classification
hornbook text-classification --dataset csv:tickets.csv --text-columns subject,body --label-column queue --model text_transformer

The first, on sentences of six libraries' documentation: accuracy 0.7025 (1 seed), beside 0.6896 of naive-Bayes ratios; 18 s on
two cores.
"""

from typing import Annotated, Literal

from hornbook import UserError, command_line, data
from hornbook.recipes import classifying, options
from hornbook.recipes.networks import teachers, texts, weights
from hornbook.recipes.steps import decisions, defaults, running

RECIPE = "text_classification"
COLUMNS = ("text_columns", "label_column", "group_column", "time_column", "weight_column")
MOST_PAIRS = 200_000  # That a linear model knows, of the tokens that follow each other twice in training.


@options.recipe(choices={**texts.OF_TEXTS, **classifying.ONE_CLASS})
class Args(texts.TextNetwork, options.Transfer, options.Mix, options.Classification, options.Optimization, options.ClassSplit, options.Run):
    dataset: str = "docstrings"
    """Where the texts come from: docstrings (built in: which library does a sentence of documentation come from), csv:PATH (also TSV),
    folder:PATH (text files, a folder a class), or tfds:NAME, NAME/CONFIG or NAME:VERSION of TensorFlow Datasets."""
    text_columns: str | None = None
    """The columns of csv:PATH or tfds:NAME with the text, separated by commas; several make one text. Default: text, sentence, review
    or the like, or the one column beside the label."""
    label_column: str | None = None
    """The column of csv:PATH or tfds:NAME with the classes. Default: label, class, category or the like."""
    group_column: str | None = None
    """A column of csv:PATH such as author or thread: texts of one value stand in one part, and in one fold."""
    time_column: str | None = None
    """A column of csv:PATH of numbers or dates: train on the past, validate on what came later, test on the latest."""
    weight_column: str | None = None
    """A column of csv:PATH with what each training text counts in the loss, numbers of 0 or more; their mean is made 1. Scores are not
    weighted."""
    encoding: str = "auto"
    """Encoding of text files and csv:PATH: auto (UTF-8, what a byte order mark says, else Windows-1252), or a name that Python knows, such
    as latin-1."""
    header: Literal["auto", "yes", "no"] = "auto"
    """Whether the first line of csv:PATH names the columns; auto: unless it has a number in it. Without names they are column1, column2,
    ..."""
    quoted: bool = True
    """Whether a field of csv:PATH with separators in it stands in double quotes; --no-quoted takes quotes as characters."""
    skip_empty: bool = False
    """Leave out rows and files without a text or a class. Default: name them before training, which does not begin."""
    in_memory: Literal["auto", "always", "never"] = "auto"
    """Whether the texts of csv:PATH are kept in memory or read again from the file where they are needed; auto: in memory up to 256 MiB."""
    tokenizer: Literal["word", "character", "byte", "bpe"] = "word"
    """How a text becomes tokens: words, numbers and signs; characters; bytes; or bpe, pieces of words, of which none is ever unknown."""
    vocabulary_size: Annotated[int, options.Range(1, 10**7)] = 20_000
    """Most tokens that have a vector of their own, the most frequent of the training texts; padding and unknown count too."""
    minimum_count: Annotated[int, options.AT_LEAST_1] = 2
    """Tokens that occur less often in the training texts are unknown."""
    lowercase: bool = True
    """Whether capitals count as small letters. Bytes are left as they are."""
    max_length: Annotated[int, options.AT_LEAST_1] | None = None
    """Tokens after which a text is cut off; the run says how many were. Default: 256 words or pieces, 1,024 characters or bytes."""
    ngrams: Annotated[int, options.Range(1, 5)] = 1
    """With 2, pairs of tokens that training has twice are tokens too, behind the single ones, with 3 threes as well; they count for
    --max-length, and at most --vocabulary-size of them. For models without order: --model cnn1d --kernel-sizes 1 --pooling mean."""
    model: str = "auto"
    """A builder's name (cnn1d, rnn, lstm, gru, text_transformer, ...), mymodule:builder of your own, or auto: by the data."""
    embeddings: str | None = None
    """A file of vectors of words that were learned on other texts, with which their tokens begin: word2vec's or GloVe's as text, fastText's
    .vec, or word2vec's binary; .gz too. For --tokenizer word. --embedding-size is that of the file. Default: none, random numbers."""
    word_dropout: Annotated[float, options.SHARE] = 0.1
    """Share of the tokens of each text that become unknown in training, others every epoch; this also trains the unknown token."""
    word_swap: Annotated[float, options.SHARE] = 0.0
    """Share of neighbouring tokens that change places in training."""


def build(args, dataset, tokenizer, vectors=None):
    """The model of `args`: token ids `(batch, tokens)`, int32 padded with 0, to float32 logits `(batch, classes)`.

    Text cannot be an input on every backend; `tokenizer.json`, saved beside the model, makes ids of it. `vectors` are those of
    `texts.vectors`, which are read where they are not given.
    """
    from hornbook.training.builders import asked_for, build_model
    from hornbook.training.learned.transfer import take_over, take_vectors

    args = defaults.settle(args, dataset)
    wanted = {**asked_for(args.model, *options.of_network(args)), "vocabulary_size": tokenizer.vocabulary_size}
    ends = {"members": args.members, **classifying.last_layer(args)}
    model = build_model(args.model, dataset.input_shape, dataset.num_classes, wanted, **ends)
    _, source = weights.of_network(args, "texts")
    if source is not None:
        model = take_over(model, source.model, source.name, source.alike)
    vectors = vectors or texts.vectors(args, tokenizer)
    if vectors is not None:
        take_vectors(model, vectors.ids, vectors.values, tokenizer.vocabulary_size)
    return model


def check_name(args):
    """Refuse a data set that cannot be had, by its name."""
    data.texts.check_name(args.dataset, **{name: getattr(args, name) for name in COLUMNS})


def main(args, callbacks=(), dataset=None):
    """Train, evaluate and report as `args` say.

    Args:
        args: `Args`.
        callbacks: further Keras callbacks.
        dataset: a `data.texts.TextDataset` of your own, such as `data.texts.from_texts(...)`, in place of `args.dataset`.

    Returns:
        What `result.json` holds; with several seeds, what `seeds.json` holds.

    Raises:
        UserError: options, data or a folder that cannot be used.
    """
    check(args)
    args = texts.with_size(weights.with_source(args, "texts"))
    about = {"medium": "texts", "check_name": check_name, "inputs": '"A TEXT"... or FILE...'}
    return running.run(RECIPE, _train, args, callbacks, dataset, smaller="--batch-size, --max-length or --width", **about)


def check(args):
    """Refuse options that do not go together, in the words of a flag."""
    options.check(args, "texts")
    weights.check(args, "texts")
    teachers.check(args, "texts")
    texts.check(args)
    texts.check_vocabulary(args)
    if args.ngrams > 1 and not (args.kernel_sizes == (1,) or args.positions == "none" or ":" in args.model):
        raise UserError(
            f"--ngrams {args.ngrams} puts pairs of tokens behind all single ones, and this model reads tokens in their order; pass "
            "--model cnn1d --kernel-sizes 1 --pooling mean, or --model text_transformer --positions none"
        )


def load(args, folder):
    """The dataset that `args` name. Its tokens, not its texts, are kept in `folder`, the run's."""
    reading = (*COLUMNS, "encoding", "header", "quoted", "skip_empty", "in_memory")
    return data.texts.load(args.dataset, **args.split, **{name: getattr(args, name) for name in reading})


def _train(args, session):
    import keras

    from hornbook.data.texts import tokens as tokens_of
    from hornbook.training.updates.sharpness import sharpness_aware

    # Data.
    folder = session.run.folder
    dataset = session.dataset or load(args, folder)
    dataset.require_task("classification")
    args, _ = running.begin(args, session, dataset)
    objective = classifying.objective(args, dataset, teachers.of(args, dataset))

    # Tokens.
    tokenizer, tokens = texts.tokenized(args, dataset, folder)
    statistics = {name: part.statistics for name, part in tokens.items()}
    vectors = texts.vectors(args, tokenizer)

    # Model.
    model = build(args, dataset, tokenizer, vectors)
    trained, train, validation = weights.trained_part(args, model, tokens["train"], tokens.get("validation"))
    rule, jit_compile = running.optimizer(args, train), keras.backend.backend() == "jax"
    sharpness_aware(trained, args.sharpness_radius)
    trained.compile(rule, objective.loss, metrics=[objective.accuracy], jit_compile=jit_compile)

    # Training.
    as_batches = {"num_classes": objective.num_classes}
    fitting = running.fitting(args, session, trained, train, validation, feed=objective.feed, **as_batches)
    augment = data.texts.augmenter(args.word_dropout, args.word_swap)
    if validation is not None:
        validation = data.evaluation_batches(validation, batch_size=256, **as_batches)
    trained.fit(
        data.training_batches(train, augment=augment, **objective.feed, **as_batches, **fitting.feed),
        validation_data=validation,
        **fitting.fit,
    )

    # Result.
    model = objective.finished(fitting.finished(model, dataset.task))
    about = {**dataset.about(), **objective.about, "max_length": tokenizer.max_length}
    about |= {"vocabulary_size": tokenizer.vocabulary_size}
    scored = running.evaluate(session, model, about, tokens.get(args.evaluate), alone=args.classical_share > 0)
    alone, reading = decisions.alone(args, scored.scores), tokenizer
    if args.classical_share:
        model, reading = _mixed(args, dataset, model, objective, tokenizer, folder)
        wanted = {args.evaluate, "validation"} & tokens.keys()
        tokens = {name: tokens_of.encode(dataset.parts[name], reading, folder) for name in wanted}
        about |= {"max_length": reading.max_length, "vocabulary_size": reading.vocabulary_size}
        scored = running.evaluate(session, model, about, tokens.get(args.evaluate))
    parts = tokens.get("validation"), tokens.get(args.evaluate)
    decided = decisions.decide(args, session, model, dataset, about, scored, parts=parts)
    if scored.scores is not None:
        statistics[args.evaluate] |= dataset.repeated(args.evaluate)
    further = texts.findings(args, statistics, tokenizer, vectors)
    reading.save(session.run.path("tokenizer.json"))
    versions = {f"version_of_{name}": version for name, version in dataset.versions.items()}
    said = {
        "tokens": statistics,
        "details": {
            "vocabulary_size": reading.vocabulary_size,
            "tokens": statistics,
            **texts.told(vectors),
            **versions,
            **alone,
            **decided.details,
        },
        "about": decided.about,
        "mistakes": decided.mistakes,
    }
    return running.finish(args, session, decided.model, dataset, fitting, decided.scores, further=further, **said)


def _mixed(args, dataset, network, objective, tokenizer, folder):
    """The network mixed with a linear model of tokens and pairs, and the tokenizer that makes both."""
    from hornbook.data.texts import tokenizing
    from hornbook.data.texts import tokens as tokens_of
    from hornbook.training.classical import mixing, naive_bayes

    known = tokenizer.vocabulary_size
    if not tokenizer.ngrams:
        tokenizer = tokenizing.with_ngrams(tokenizer, dataset.train.texts(), 2, most=MOST_PAIRS)
        tokenizer.max_length *= 2  # For as many pairs as there are tokens.
    tokens = tokens_of.encode(dataset.train, tokenizer, folder)
    about = {"seed": args.seed, "weights": objective.feed["example_weights"]}
    linear = objective.beside(naive_bayes.NaiveBayes(tokens, dataset.num_classes, tokenizer.vocabulary_size, **about))
    return mixing.mixed(network, linear, args.classical_share, seen=naive_bayes.known_only(known)), tokenizer


if __name__ == "__main__":
    command_line.script(main, Args, recipe=RECIPE, file=__file__)
