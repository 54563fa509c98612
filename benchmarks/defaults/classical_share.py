"""Which classical model should stand beside the network, and how much should it count?

    python benchmarks/defaults/classical_share.py --corpus FOLDER               # three folds: hours on two cores, most of them for series
    python benchmarks/defaults/classical_share.py --corpus FOLDER --media tables --folds 1
    python benchmarks/defaults/classical_share.py --summary                     # what results/classical_share.csv says

Folds of the training examples alone: no test part is read. A network is trained once for each set and fold, by the recipe's defaults and
nothing beside it; the shares are mixed afterwards, by the library's own functions. A row of the CSV is one share of one classical model;
a share of 0 is the network alone, of 1 the classical model alone. The loss is the cross-entropy; the AUC of several classes is the mean of
each against the others.

FOLDER is that of `benchmarks/defaults/corpus.py`, whose sets these are.
"""

import argparse
import collections
import importlib
import pathlib
import statistics
import tempfile

import corpus
import numpy as np

from hornbook import UserError

RESULTS = pathlib.Path(__file__).parents[1] / "results/classical_share.csv"
COLUMNS = ("medium", "set", "fold", "classical", "share", "accuracy", "auc", "loss", "mean_absolute_error")
SHARES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
FOLDS = 5
LEFT_OUT = ("adult", "mammography")  # Tables that are large enough for boosting alone.


def trained(recipe, flags, fold, folder):
    """The options, the dataset and the network alone of a run that is scored on a fold of its training, or its validation part."""
    import keras

    given = {flag.removeprefix("--").replace("-", "_"): value for flag, value in zip(flags[::2], flags[1::2], strict=True)}
    given |= {"evaluate": "validation", "classical_share": 0.0, "floor": False, "output": str(folder)}
    args = recipe.Args(**given, fold=f"{fold}/{FOLDS}")
    try:
        recipe.main(args)
    except UserError as error:
        if "has a validation part of its own" not in str(error):
            raise
        args = recipe.Args(**given)
        recipe.main(args)
    return args, recipe.load(args, folder), keras.models.load_model(folder / "model.keras")


def classical_models(args, dataset, network, folder):
    """What may stand beside the network: {name: (model, function of what the network sees, examples to score)}."""
    from hornbook.training.classical.boosting import GradientBoosting
    from hornbook.training.classical.convolution_ridge import ConvolutionRidge
    from hornbook.training.classical.linear import Linear
    from hornbook.training.classical.mixing import Pair
    from hornbook.training.classical.tables import boosting_options

    count, scored = network.output_shape[-1], dataset.validation
    if dataset.medium == "series":
        return {"ridge": (ConvolutionRidge(dataset.train.series, dataset.train.labels, count), None, scored)}
    if dataset.medium == "texts":
        return {"naive Bayes": naive_bayes(args, dataset, count, folder)}
    about = (dataset.train.inputs, dataset.train.labels, dataset.task, count)
    numbers = len(dataset.encoding.inputs) - len(dataset.encoding.categories)
    linear, boosting = Linear(*about, numbers=numbers), GradientBoosting(*about, **boosting_options(dataset))
    found = {"linear": linear, "boosting": boosting, "both": Pair(boosting, linear, activation_of(dataset))}
    return {name: (model, None, scored) for name, model in found.items()}


def naive_bayes(args, dataset, count, folder):
    from hornbook.data.texts import encode, tokenizing
    from hornbook.recipes import text_classification
    from hornbook.training.classical.naive_bayes import NaiveBayes, known_only

    single = tokenizing.load(folder / "tokenizer.json")
    pairs = tokenizing.with_ngrams(single, dataset.train.texts(), 2, most=text_classification.MOST_PAIRS)
    pairs.max_length *= 2
    linear = NaiveBayes(encode(dataset.train, pairs), count, pairs.vocabulary_size)
    return linear, known_only(single.vocabulary_size), encode(dataset.validation, pairs)


def activation_of(dataset):
    return {"regression": "linear"}.get(dataset.task, "softmax")


def scores(dataset, outputs):
    """The metrics of a row, of outputs for the fold."""
    from sklearn.metrics import roc_auc_score

    labels = dataset.validation.labels
    if dataset.task == "regression":
        return {"mean_absolute_error": np.abs(outputs - labels).mean()}
    likely = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    several = [number for number in np.unique(labels) if (labels != number).any()]
    return {
        "accuracy": (outputs.argmax(axis=1) == labels).mean(),
        "auc": statistics.mean(roc_auc_score(labels == number, likely[:, number]) for number in several) if several else float("nan"),
        "loss": -np.log(np.maximum(likely[np.arange(len(labels)), labels], 1e-7)).mean(),
    }


def rows_of(medium, name, module, flags, fold):
    import keras

    from hornbook import data
    from hornbook.training.classical.mixing import weighted_mean

    recipe = importlib.import_module(f"hornbook.recipes.{module.replace('-', '_')}")
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place, "run")
        args, dataset, network = trained(recipe, flags, fold, folder)
        [received], length = network.inputs, dataset.input_shape[0] if medium == "series" else None
        own = None
        for beside, (classical, seen, examples) in classical_models(args, dataset, network, folder).items():
            if own is None:  # Padding behind the ids that the network knows does not change what it says.
                inputs = keras.Input(received.shape[1:] if seen is None else (None,), dtype=received.dtype)
                own = data.predictions(keras.Model(inputs, network(inputs if seen is None else seen(inputs))), examples, length=length)
            inputs = keras.Input(received.shape[1:] if seen is None else (None,), dtype=received.dtype)
            other = data.predictions(keras.Model(inputs, classical.outputs(inputs)), examples, length=length)
            for share in SHARES:
                # Both ends are limits: the weight of the other is next to nothing.
                share_of_other = min(max(share, 1e-9), 1 - 1e-9)
                mixed = weighted_mean([own, other], [1 - share_of_other, share_of_other], activation_of(dataset))
                found = scores(dataset, keras.ops.convert_to_numpy(mixed).astype(np.float64))
                found = {key: f"{value:.4f}" for key, value in found.items()}
                yield {"medium": medium, "set": name, "fold": fold, "classical": beside, "share": share, **found}
        keras.utils.clear_session()


def summary():
    """Means over the folds of each set, and over the sets of each medium; errors as ratios to the network's alone, whatever their unit."""
    found = corpus.rows(RESULTS)
    for medium in dict.fromkeys(row["medium"] for row in found):
        own = [row for row in found if row["medium"] == medium]
        metrics = [name for name in COLUMNS[5:] if own[0][name]]
        names, folds = list(dict.fromkeys(row["set"] for row in own)), sorted({row["fold"] for row in own})
        print(f"\n{medium}: means over folds {', '.join(folds)} of {FOLDS}")
        grouped = collections.defaultdict(list)
        for row in own:
            grouped[row["set"], row["classical"], row["share"]].append([float(row[metric]) for metric in metrics])
        of_set = {key: np.mean(values, axis=0) for key, values in grouped.items()}
        for metric_number, metric in enumerate(metrics):
            print(f"{metric}\n{'classical':14}{'share':>6}" + "".join(f"{name[:12]:>13}" for name in names) + f"{'mean':>10}")
            for classical, share in dict.fromkeys((row["classical"], row["share"]) for row in own):
                values = [of_set[name, classical, share][metric_number] for name in names]
                compared = [of_set[name, classical, "0.0"][metric_number] if medium == "regression" else 1 for name in names]
                mean = statistics.mean(value / other for value, other in zip(values, compared, strict=True))
                print(f"{classical:14}{share:>6}" + "".join(f"{value:13.4f}" for value in values) + f"{mean:10.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", help="folder with series/ and tables/")
    parser.add_argument("--media", nargs="+", default=["tables", "regression", "texts", "series"])
    parser.add_argument("--sets", nargs="+", help="names; default: all of the media")
    parser.add_argument("--folds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--summary", action="store_true", help="run nothing")
    args = parser.parse_args()
    if not args.summary:
        if args.corpus is None:
            parser.error("--corpus is needed, or --summary")
        done = {(row["set"], int(row["fold"])) for row in corpus.rows(RESULTS)}
        for fold in args.folds:
            for medium, name, recipe, flags, _ in corpus.sets(pathlib.Path(args.corpus).resolve()):
                if medium not in args.media or name in LEFT_OUT or (args.sets and name not in args.sets) or (name, fold) in done:
                    continue
                try:
                    corpus.append(list(rows_of(medium, name, recipe, flags, fold)), RESULTS, COLUMNS)
                except UserError as error:
                    if "cannot stand in" not in str(error):
                        raise
                    print(f"{name} left out: {error}")
    summary()


if __name__ == "__main__":
    main()
