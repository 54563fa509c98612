"""What is attacked: some examples of a run's data as its model takes them, and how far each number may be moved."""

import dataclasses

import numpy as np

from hornbook import UserError, records
from hornbook.data import naming
from hornbook.data.dataset import plain_inputs, sample
from hornbook.data.images import inputs
from hornbook.data.tables.encoding import Encoding
from hornbook.training.adversarial import box

_CANDIDATES = 8  # Words that are tried in place of one.
_OF_CLASSICAL = ("naive_bayes_weights", "boosting_trees")
CLASSICAL = ("boosting_trees", "fixed_convolutions1")
"""Names of layers of classical models that have no gradient: trees, and counts of how often a convolution is above a number."""


@dataclasses.dataclass(frozen=True)
class Target:
    """Examples to attack.

    Attributes:
        x: float32 array `(examples, ...)`; of texts int32 `(examples, tokens)`.
        labels: int array `(examples,)`.
        box: `box.Box` of epsilon 1.
        scale: what epsilon counts, in words.
        places: int array `(examples,)` into the part.
        columns: names of the columns of x, of tables; of texts the tokens by their ids.
        complete: function of x to what the model takes, or None: x itself.
    """

    x: np.ndarray
    labels: np.ndarray
    box: box.Box
    scale: str
    places: np.ndarray
    columns: tuple = ()
    complete: object = None


def target(trained, part, epsilons, *, examples, seed=0, fixed_columns=None):
    """The `Target` of a run's data.

    Args:
        trained: `data.inputs.Trained`.
        part: of a dataset, as the medium's `scored` gives it.
        epsilons: dict of what was written to the number that it is.
        examples: how many at most.
        seed: by which they are drawn.
        fixed_columns: names of columns of a table to leave alone, separated by commas, or None.

    Raises:
        UserError: an epsilon of another scale, inputs of another scale than the run's, or nothing that could be changed.
    """
    places = sample(len(part), examples, seed)
    of_medium = {"images": _of_images, "series": _of_series, "tables": _of_tables, "texts": _of_texts}[trained.about["medium"]]
    return of_medium(trained, part, places, epsilons, fixed_columns)


def _of_images(trained, part, places, epsilons, fixed_columns):
    white = trained.about["pixel_maximum"]
    for text, value in epsilons.items():
        box.refuse_scale(text, value, white)
    x = np.asarray(plain_inputs(part, places), np.float32)
    inputs.refuse_other_scale(x, trained)
    least, most = float(x.min()), float(x.max())
    scale = f"from 0, black, to 1, white: 1 is {white:g} of the pixels, which go from 0 to {white:g}"
    return Target(x, part.labels[places], box.Box(np.float32(white), min(0.0, least), max(white, most)), scale, places)


def _of_series(trained, part, places, epsilons, fixed_columns):
    steps = trained.about["input_shape"][0] or int(part.lengths[places].max())
    x = part.padded(places, steps)
    deviation = np.sqrt(part.moments()[1]).astype(np.float32)
    radius = np.broadcast_to(deviation, x.shape).copy()
    features = len(trained.about["preprocessing"]["features"])
    if trained.about["preprocessing"]["missing"] == "mask":
        # Behind the features stand the marks of their missing values.
        radius[..., :features][x[..., features : 2 * features] > 0] = 0
        radius[..., features:] = 0
    what = "of each band of the spectrum" if "sample_rate" in trained.about["preprocessing"] else "of each feature"
    return Target(x, part.labels[places], box.Box(radius), f"standard deviations {what}", places)


def _of_tables(trained, part, places, epsilons, fixed_columns):
    encoding = records.read(trained.folder / "table.json", Encoding)
    x = np.asarray(part.inputs[places], np.float32)
    fixed = naming.names(fixed_columns, "--fixed-columns") if fixed_columns else ()
    strange = [name for name in fixed if name not in encoding.columns]
    if strange:
        raise UserError(
            f"--fixed-columns names {strange[0]!r}, which the run does not predict from; it has {naming.some(encoding.columns)}"
        )
    moved = [name not in fixed for name in encoding.numbers]
    if not any(moved):
        told = "all of them are fixed" if encoding.numbers else "it has categories alone"
        raise UserError(f"{trained.folder} has no column of numbers to change: {told}")
    radius = np.zeros(x.shape, np.float32)
    count = len(encoding.numbers)
    for place in np.flatnonzero(moved):
        radius[:, place] = np.std(part.inputs[:, place], dtype=np.float64)
    for place, name in enumerate(encoding.indicators, start=count):  # A number that is missing is not there to be changed.
        radius[x[:, place] > 0, list(encoding.numbers).index(name)] = 0
    kept = (*fixed, *encoding.categories)
    scale = f"standard deviations of each column of numbers{f'; {naming.some(kept)} stay as they are' if kept else ''}"
    return Target(x, part.labels[places], box.Box(radius), scale, places, encoding.inputs)


def _of_texts(trained, part, places, epsilons, fixed_columns):
    from hornbook.data.texts import tokenizing

    large = next((text for text, value in epsilons.items() if value > 1), None)
    if large is not None:
        raise UserError(
            f"--epsilon {large} counts the share of a text's words that may be swapped, from 0 to 1, and {large} is more than all"
        )
    tokenizer = tokenizing.load(trained.folder / "tokenizer.json")
    by_id = {place: token for token, place in tokenizer.vocabulary.items()}
    if type(tokenizer.fast.model).__name__ != "WordLevel" or max(map(len, by_id.values())) < 2:
        what = "characters, bytes or pieces of words"
        raise UserError(f"--attack words swaps words, and {trained.folder} reads {what}; attacked are runs with --tokenizer word")
    names = tuple(by_id.get(place, "") for place in range(tokenizer.fast.get_vocab_size()))
    ids = part.padded(places, tokenizing.padded_length(int(part.lengths[places].max())))
    single = np.where(ids < len(names), ids, tokenizing.PADDING)  # Runs of words stand behind single ones, and follow from them.

    def complete(x):
        return tokenizing.pad([tokenizer.with_runs(row[row > 0].tolist())[: tokenizer.max_length] for row in x], ids.shape[1])

    scale = "the share of a text's words that may be swapped, at least one"
    single = single[:, : max(1, int((single > 0).sum(axis=1).max()))]
    return Target(single, part.labels[places], box.Box(np.float32(1)), scale, places, names, complete if tokenizer.ngrams else None)


def neighbours(model, tokens):
    """The nearest words of each word in a model's embedding, as of `words.nearest`.

    Args:
        model: the run's.
        tokens: by their ids, "" of those that are no words.

    Raises:
        UserError: the model has no embedding of the tokens.
    """
    import keras

    from hornbook.training.adversarial import words

    waiting = [model]
    while waiting:
        for layer in waiting.pop(0).layers:
            if isinstance(layer, keras.Model):
                waiting.append(layer)
            elif isinstance(layer, keras.layers.Embedding) and layer.input_dim >= len(tokens) and layer.name not in _OF_CLASSICAL:
                vectors = keras.ops.convert_to_numpy(layer.embeddings)[: len(tokens)]
                return words.nearest(vectors.astype("float32"), np.array([token.isalpha() for token in tokens]), _CANDIDATES)
    raise UserError("--attack words looks for near words in the model's embedding, and it has none")


def refuse(trained, attacks):
    """Refuse a run that has no classes to be taken for one another, or that an attack is not for.

    Args:
        trained: `data.inputs.Trained`.
        attacks: names of attacks.

    Raises:
        UserError: with what is attacked.
    """
    task, medium = trained.labels.task, trained.about["medium"]
    if task != "classification":
        what = {"regression": "predicts numbers", "multi-label": "gives several labels an example"}.get(task, f"is a {task}")
        raise UserError(f"{trained.folder} {what}; attacked are classifiers, of one class an example")
    for attack in attacks:
        if (medium == "texts") != (attack == "words"):
            wanted = "words" if medium == "texts" else "fgsm, pgd or square"
            why = "is of words, which have no small changes" if medium == "texts" else f"is of {medium}, not of texts"
            raise UserError(f"--attack {attack} does not fit {trained.folder}, which {why}; pass --attack {wanted}")


def without_gradient(model):
    """The names of classical models within a model that have no gradient with respect to their inputs, a list of words."""
    import keras

    names, waiting = set(), [model]
    while waiting:
        for layer in waiting.pop().layers:
            names.add(layer.name)
            if isinstance(layer, keras.Model):
                waiting.append(layer)
    words = {"boosting_trees": "boosted trees", "fixed_convolutions1": "a ridge on counts of convolutions"}
    return [words[name] for name in CLASSICAL if name in names]
