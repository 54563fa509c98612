"""What do vectors of words, or a whole network, that were learned on unlabelled texts gain on few labelled ones?

    python -m benchmarks.generalisation.word_vectors --output runs/word-vectors
    python -m benchmarks.generalisation.word_vectors --output runs/masked --model text_transformer --ways random pretrained

The vectors are those of Levy and Goldberg (2014, section 3.3): which words stand within five tokens of each other in the training sentences
of docstrings, whose labels are not looked at, as positive pointwise mutual information, reduced to 100 numbers by a singular value
decomposition. They are written as GloVe writes its own. Then 20 and 100 sentences of each of the six classes are trained on, others with
each seed, from random vectors and from those, which are tuned, frozen or both; scored on all test sentences. The way "pretrained" begins
with the weights of hornbook text-pretraining on the same training sentences. Networks are alone (--classical-share 0). Prints each way and
its difference from random vectors, and writes a row a run; with --keep to results/ as well.
"""

import csv
import json
import pathlib

import numpy as np
import scipy.sparse

from benchmarks.generalisation import levels
from hornbook import data
from hornbook.data.texts import tokenizing
from hornbook.recipes import text_classification, text_pretraining

RESULTS = pathlib.Path(__file__).parents[1] / "results"
WAYS = ("random", "tuned", "frozen", "both", "pretrained")
_WINDOW = 5  # Tokens to each side.


def parser():
    made = levels.parser(__doc__)
    made.add_argument("--samples", nargs="+", type=int, default=[20, 100], help="training sentences of each class")
    made.add_argument("--ways", nargs="+", default=WAYS[:-1], choices=WAYS)
    made.add_argument("--pretraining-epochs", type=int, default=20)
    made.add_argument("--unfreeze", default="auto", choices=("auto", "head", "all"), help="of the way pretrained")
    made.add_argument("--model", default="cnn1d")
    made.add_argument("--size", type=int, default=100, help="numbers of a vector")
    made.add_argument("--evaluate", default="test")
    made.add_argument("--keep", action="store_true", help="write results/word-vectors-MODEL.csv, a row a run")
    return made


def main(args):
    args.output.mkdir(parents=True, exist_ok=True)
    if set(args.ways) & {"tuned", "frozen", "both"}:
        write_vectors(args.output / "vectors.txt", data.texts.load("docstrings").train, args.size)
    if "pretrained" in args.ways:
        pretrain(args, args.output / "pretrained")
    rows = []
    for samples in args.samples:
        for way in args.ways:
            for seed in range(args.seeds):
                accuracy = run(args, samples, way, seed)
                rows.append({"samples": samples, "way": way, "seed": seed, "accuracy": accuracy})
                print(rows[-1], flush=True)
    if args.keep:
        with open(RESULTS / f"word-vectors-{args.model}.csv", "w", newline="") as file:
            table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
    scores = [levels.score(f"{row['samples']} of each", row["way"], "accuracy", row["seed"], row["accuracy"]) for row in rows]
    return levels.write(args.output, scores)


def pretrain(args, folder):
    """Train a network to say which words of the training sentences were hidden."""
    if not (folder / "result.json").exists():
        asked = {"model": args.model, "epochs": args.pretraining_epochs, "evaluate": "validation", "diagnosis": False}
        text_pretraining.main(text_pretraining.Args(**asked, data_check=False, output=str(folder)))


def run(args, samples, way, seed):
    """The accuracy of a run on so many sentences of each class, others with each seed."""
    folder = args.output / f"{args.model}-{samples}" / way / str(seed)
    if (folder / "result.json").exists():
        found = json.loads((folder / "result.json").read_text())
    else:
        of_way = {"random": {}, "pretrained": {"weights": str(args.output / "pretrained"), "unfreeze": args.unfreeze}}
        asked = of_way.get(way, {"embeddings": str(args.output / "vectors.txt"), "embedding_training": way})
        if way == "random" and args.model != "text_transformer":
            asked = {"embedding_size": args.size}
        asked = asked | {"model": args.model, "evaluate": args.evaluate, "seed": seed, "split_seed": seed, "samples_per_class": samples}
        plain = {"classical_share": 0.0, "floor": False, "diagnosis": False, "data_check": False, "output": str(folder)}
        plain |= {} if way == "pretrained" else {"minimum_count": 1}
        found = text_classification.main(text_classification.Args(**plain, **asked))
    return found["metrics"]["accuracy"]


def write_vectors(path, train, size):
    """Write vectors of the words of some texts, as text without a first line of sizes."""
    tokenizer = tokenizing.fit(train.texts(), minimum_count=2)
    count, pairs = tokenizer.vocabulary_size, []
    for ids in tokenizer.encode(train.texts()):
        for distance in range(1, _WINDOW + 1):
            pairs.append(np.stack([ids[:-distance], ids[distance:]]))
    first, second = np.concatenate(pairs, axis=1)
    known = (first > 1) & (second > 1)
    first, second = first[known], second[known]
    ones = np.ones(2 * len(first))
    together = scipy.sparse.coo_matrix((ones, (np.r_[first, second], np.r_[second, first])), (count, count)).tocsr().tocoo()
    of_word = np.bincount(together.row, together.data, count)
    # Of contexts to the power of 0.75, which takes from rare ones (Levy, Goldberg and Dagan 2015, section 3.2).
    of_context = of_word**0.75 / (of_word**0.75).sum()
    information = np.log(together.data / (of_word[together.row] * of_context[together.col]))
    positive = scipy.sparse.coo_matrix((np.maximum(information, 0), (together.row, together.col)), (count, count)).tocsr()
    left, values, _ = scipy.sparse.linalg.svds(positive, size, random_state=0)
    found = left * np.sqrt(values)
    with open(path, "w", encoding="utf-8") as file:
        for word, place in sorted(tokenizer.vocabulary.items(), key=lambda item: item[1]):
            file.write(f"{word} {' '.join(f'{number:.5f}' for number in found[place])}\n")


if __name__ == "__main__":
    main(parser().parse_args())
