"""Pretrain a network for texts: which tokens were hidden, without labels, for other runs to begin with its weights.

hornbook text-pretraining --dataset csv:all-tickets.csv --text-columns text --output runs/pretrained
hornbook text-classification --dataset csv:few-labelled.csv --weights runs/pretrained

Of each text 15% of the tokens are drawn, and 80% of these hidden; the network says what stood there (Devlin et al. 2019). Labels, where
there are any, are not read.
"""

from typing import Annotated, Literal

from hornbook import UserError, command_line, data
from hornbook.data.texts.pretraining import unlabelled
from hornbook.recipes import options
from hornbook.recipes.networks import texts, weights
from hornbook.recipes.steps import defaults, running

RECIPE = "text_pretraining"


@options.recipe(choices=texts.OF_TEXTS)
class Args(texts.TokenNetwork, options.Optimization, options.Split, options.Run):
    dataset: str = "docstrings"
    """Where the texts come from: docstrings (built in), csv:PATH (a column of texts), folder:PATH (text files at any depth), or
    tfds:NAME. They are kept in memory."""
    text_columns: str | None = None
    """The columns of csv:PATH or tfds:NAME with the text, separated by commas; several make one text. Default: text, sentence, review or
    the like, or the one column beside the label."""
    encoding: str = "auto"
    """Encoding of text files and csv:PATH: auto (UTF-8, what a byte order mark says, else Windows-1252), or a name that Python knows."""
    header: Literal["auto", "yes", "no"] = "auto"
    """Whether the first line of csv:PATH names the columns; auto: unless it has a number in it."""
    quoted: bool = True
    """Whether a field of csv:PATH with separators in it stands in double quotes."""
    skip_empty: bool = False
    """Leave out rows and files without a text. Default: name them before training, which does not begin."""
    tokenizer: Literal["word", "character", "byte", "bpe"] = "word"
    """How a text becomes tokens: words, numbers and signs; characters; bytes; or bpe, pieces of words. A run that begins with the weights
    has the same tokens, so those of texts to come should be among them."""
    vocabulary_size: Annotated[int, options.Range(1, 10**7)] = 20_000
    """Most tokens that have a vector of their own, the most frequent of the training texts; padding and unknown count too."""
    minimum_count: Annotated[int, options.AT_LEAST_1] = 2
    """Tokens that occur less often in the training texts are unknown."""
    lowercase: bool = True
    """Whether capitals count as small letters. Bytes are left as they are."""
    max_length: Annotated[int, options.AT_LEAST_1] | None = None
    """Tokens after which a text is cut off; the run says how many were. Default: 256 words or pieces, 1,024 characters or bytes."""
    model: str = "text_transformer"
    """A builder's name: text_transformer, rnn, cnn1d, ... and their variants. The run that begins with the weights has the same."""
    masked_share: Annotated[float, options.Range(0, 1, above=True)] = 0.15
    """Share of the tokens of each text that are to be said."""


def build(args, dataset, tokenizer):
    """The model of `args`: token ids `(batch, tokens)`, int32 padded with 0, to float32 logits `(batch, tokens, vocabulary)`."""
    from hornbook.training.builders import asked_for, build_model

    args = defaults.settle(args, dataset)
    size = tokenizer.vocabulary_size
    wanted = {**asked_for(args.model, *options.of_network(args)), "vocabulary_size": size, "each_step": True}
    return build_model(args.model, dataset.input_shape, size, wanted)


def check_name(args):
    """Refuse a data set that cannot be had, by its name."""
    unlabelled.check_name(args.dataset)


def main(args, callbacks=(), dataset=None):
    """Train, evaluate and report as `args` say.

    Args:
        args: `Args`.
        callbacks: further Keras callbacks.
        dataset: a `data.texts.TextDataset` of your own, whose labels do not count, in place of `args.dataset`.

    Returns:
        What `result.json` holds; with several seeds, what `seeds.json` holds.

    Raises:
        UserError: options, data or a folder that cannot be used.
    """
    check(args)
    then = {"medium": "texts", "words": ("text-classification", "--weights"), "inputs": "--dataset LABELLED"}
    smaller = "--batch-size, --max-length, --vocabulary-size or --width"
    return running.run(RECIPE, _train, args, callbacks, dataset, check_name=check_name, smaller=smaller, **then)


def check(args):
    """Refuse options that do not go together, in the words of a flag."""
    options.check(args, "texts")
    texts.check_vocabulary(args)
    unfit = ("save_predictions", False, "has no outputs for a whole text")
    weights.check_pretraining(args, unfit, ("pooling", None, "has outputs of each token, not of a whole text"))
    if ":" in args.model:
        raise UserError(f"--model {args.model}: text-pretraining takes models of Hornbook, which have outputs of each token; pass one")


def load(args, folder):
    """The dataset that `args` name. Nothing of texts is kept in `folder`, the run's."""
    given = {name: getattr(args, name) for name in ("text_columns", "encoding", "header", "quoted", "skip_empty")}
    return unlabelled.load(args.dataset, **args.split, **given)


def _train(args, session):
    import keras

    from hornbook.data.texts.pretraining import masking
    from hornbook.evaluation.floors import masked_tokens
    from hornbook.training import losses
    from hornbook.training.learned import transfer
    from hornbook.training.updates.sharpness import sharpness_aware

    # Data.
    dataset = load(args, session.run.folder) if session.dataset is None else unlabelled.without_labels(session.dataset)
    args, evaluated = running.begin(args, session, dataset)

    # Tokens.
    tokenizer, tokens = texts.tokenized(args, dataset, session.run.folder)
    hide = masking.masking(args.masked_share, tokens.values(), tokenizer.vocabulary_size)
    masked = {name: masking.MaskedTokens(part, hide, args.split_seed) for name, part in tokens.items()}

    # Model.
    model = build(args, dataset, tokenizer)
    trained = transfer.at_places(model, hide.most)
    sharpness_aware(trained, args.sharpness_radius)
    rule, jit_compile = running.optimizer(args, tokens["train"]), keras.backend.backend() == "jax"
    trained.compile(rule, losses.MaskedCrossentropy(), metrics=[losses.MaskedAccuracy()], jit_compile=jit_compile)

    # Training.
    as_batches = {"num_classes": None}
    fitting = running.fitting(args, session, trained, masked["train"], masked.get("validation"), **as_batches)
    validation = masked.get("validation")
    if validation is not None:
        validation = data.evaluation_batches(validation, batch_size=args.batch_size, **as_batches)
    feed = data.training_batches(tokens["train"], augment=hide, **as_batches, **fitting.feed)
    trained.fit(feed, validation_data=validation, **fitting.fit)

    # Result.
    about = {**dataset.about(), "loss": "masked-tokens", "max_length": tokenizer.max_length, "vocabulary_size": tokenizer.vocabulary_size}
    scores = None
    if evaluated is not None:
        part = masked[args.evaluate]
        found = trained.evaluate(data.evaluation_batches(part, batch_size=args.batch_size, **as_batches), verbose=0, return_dict=True)
        scores = masked_tokens.scores(found["accuracy"], found["loss"], int((part.labels >= 0).sum()))
        if args.floor:
            session.floor.known(masked_tokens.compared(scores, masked_tokens.guesses(tokens["train"], part, tokenizer.vocabulary_size)))
    statistics = {name: part.statistics for name, part in tokens.items()}
    further = texts.findings(args, statistics, tokenizer)
    tokenizer.save(session.run.path("tokenizer.json"))
    said = {"about": about, "tokens": statistics, "details": {"vocabulary_size": tokenizer.vocabulary_size, "tokens": statistics}}
    return running.finish(args, session, model, dataset, fitting, scores, further=further, **said)


if __name__ == "__main__":
    command_line.script(main, Args, recipe=RECIPE, file=__file__)
