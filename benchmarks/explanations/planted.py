"""Do explanations point at the cause, where it is known? Five planted tasks, every method, and the same networks with shuffled weights.

In each task the class is told by one thing alone: the colour of a patch in noise, the same beside a patch that says nothing, one of two
words, a spike up or down, the sign of one column of ten. A network learns it; a method is right about an example if its hottest place lies
in the cause (the pointing game, Zhang et al. 2016). 200 unseen examples for each of the networks of three seeds; with shuffled weights a
network knows nothing, and a method that still points there shows the input, not the network.

python -m benchmarks.explanations.planted --output benchmarks/results/planted_explanations.csv

Three minutes of processor time.
"""

import argparse
import csv
import pathlib

import keras
import numpy as np

from hornbook import models
from hornbook.evaluation.intervals import wilson_interval
from hornbook.inference.explain import deletion_and_insertion, randomised, subjects
from hornbook.inference.explain.explaining import Explainer
from hornbook.inference.explain.randomisation import shuffled

GRADIENTS = ("integrated_gradients", "gradients", "smoothgrad")
_SIDE, _PATCH, _STEPS, _WORDS, _VOCABULARY, _COLUMNS, _CAUSE = 16, 4, 64, 20, 200, 10, 3
_GOOD, _BAD = 2, 3  # The two words; 0 is padding, 1 unknown.


def patch(count, draw, *, decoy=False):
    """Noise with a red or a green patch, and where it is; with a decoy a blue one elsewhere, which both classes have."""
    x, labels = draw.uniform(0, 0.6, (count, _SIDE, _SIDE, 3)).astype(np.float32), np.arange(count) % 2
    cause = np.zeros((count, _SIDE, _SIDE), bool)
    for place, label in enumerate(labels):
        top, left = draw.integers(0, _SIDE - _PATCH, 2)
        if decoy:
            other = (top + _SIDE // 2) % (_SIDE - _PATCH), draw.integers(0, _SIDE - _PATCH)
            x[place, other[0] : other[0] + _PATCH, other[1] : other[1] + _PATCH] = (0.1, 0.1, 1)
        where = np.s_[place, top : top + _PATCH, left : left + _PATCH]
        x[where] = (0.1, 1, 0.1) if label else (1, 0.1, 0.1)
        cause[where] = True
    return x, labels, cause


def word(count, draw):
    """Random tokens, one of which is one of two words, and where it is."""
    x, labels = draw.integers(4, _VOCABULARY, (count, _WORDS)), np.arange(count) % 2
    places = draw.integers(0, _WORDS, count)
    x[np.arange(count), places] = np.where(labels, _GOOD, _BAD)
    return x.astype(np.int32), labels, np.arange(_WORDS) == places[:, None]


def spike(count, draw):
    """Noise with three steps that are high or low, and where they are."""
    x, labels = draw.normal(0, 0.3, (count, _STEPS, 1)).astype(np.float32), np.arange(count) % 2
    places = draw.integers(1, _STEPS - 1, count)
    cause = np.abs(np.arange(_STEPS) - places[:, None]) <= 1
    x[..., 0] += np.where(cause, np.where(labels, 2.0, -2.0)[:, None], 0)
    return x, labels, cause


def column(count, draw):
    """Rows of normal numbers, of which the sign of one tells the class, and is never nearly 0."""
    x = draw.normal(size=(count, _COLUMNS)).astype(np.float32)
    x[:, _CAUSE] += 0.3 * np.sign(x[:, _CAUSE])
    return x, (x[:, _CAUSE] > 0).astype(int), np.tile(np.arange(_COLUMNS) == _CAUSE, (count, 1))


def networks():
    """Task to (function to data, function to a network, subject of its inputs, methods); the first method is the command's default."""
    images = (lambda: models.cnn((_SIDE, _SIDE, 3), 2, depth=4, width=8, stages=2), subjects.of_images, (*GRADIENTS, "grad_cam"))
    return {
        "patch": (patch, *images),
        "patch-and-decoy": (lambda count, draw: patch(count, draw, decoy=True), *images),
        "word": (
            word,
            lambda: models.text_transformer((_WORDS,), 2, vocabulary_size=_VOCABULARY, depth=1, width=32, heads=2),
            _of_words,
            (*GRADIENTS, "attention_rollout"),
        ),
        "spike": (spike, lambda: models.fcn((_STEPS, 1), 2, width=16), subjects.of_series, (*GRADIENTS, "grad_cam")),
        "column": (column, lambda: models.mlp((_COLUMNS,), 2), None, ("shapley", "integrated_gradients", "gradients")),
    }


def _of_words(x):
    return subjects.Subject(x, np.ones(x.shape, bool), None, lambda place, kept: np.where(kept, x[place], 1).astype(x.dtype))


def trained(build, x, labels, seed, epochs):
    """A network that was fit to examples."""
    keras.utils.set_random_seed(seed)
    model = build()
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(x, labels, batch_size=64, epochs=epochs, verbose=0)
    return model


def pointed(heat, cause):
    """Whether the hottest place of each example lies in its cause, bool array `(examples,)`."""
    hottest = np.argmax(heat.reshape(len(heat), -1), axis=1)
    return cause.reshape(len(cause), -1)[np.arange(len(cause)), hottest]


def measured(task, seed, *, training=4000, count=200, epochs=12, methods=None):
    """Rows of the table, a dict a method: the share of examples in which it points at the cause, with what was learned and without.

    Args:
        task: of `networks()`.
        seed: of data and network.
        training, count: examples to train on, and unseen ones to explain.
        epochs: of the training.
        methods: some of the task's; None: all.
    """
    made, build, subject_of, accepted = networks()[task]
    x, labels, _ = made(training, np.random.default_rng(seed))
    model = trained(build, x, labels, seed, epochs)
    unseen, truth, cause = made(count, np.random.default_rng(1000 + seed))
    accuracy = float((model.predict_on_batch(unseen).argmax(axis=1) == truth).mean())
    background = x[:64] if task == "column" else None
    subject = subjects.of_rows(unseen, background, [[place] for place in range(_COLUMNS)]) if task == "column" else subject_of(unseen)
    for method in methods or accepted:
        baseline = background if method == "shapley" else subject.baseline

        explainer = Explainer(model, method)

        def heat_of(explainer=explainer, baseline=baseline):
            found = explainer(unseen, truth, baseline).heat
            return np.abs(found) if task == "column" else found

        heat = heat_of()
        with shuffled(model, seed):
            without = pointed(heat_of(), cause)

        def probability(place, kept):
            logits = model.predict_on_batch(subject.removed(place, kept))
            return 1 / (1 + np.exp(logits[:, 1 - truth[place]] - logits[:, truth[place]]))

        some = slice(0, min(count, 32))
        areas = deletion_and_insertion(probability, heat[some], subject.counted[some]).summary()
        alike = randomised(model, heat_of, heat, subject.counted, draws=1, seed=seed).mean()
        yield {
            "task": task, "method": method, "seed": seed, "accuracy": round(accuracy, 4), "examples": count,
            "points_at_the_cause": int(pointed(heat, cause).sum()), "with_shuffled_weights": int(without.sum()),
            "gain": round(areas["gain"], 4), "better_than_random": areas["better_than_random"], "rank_correlation": round(float(alike), 4),
        }  # fmt: skip


def told(rows):
    """The rows added up over seeds, a line a task and method."""
    for task, method in dict.fromkeys((row["task"], row["method"]) for row in rows):
        some = [row for row in rows if (row["task"], row["method"]) == (task, method)]
        total, right, without = (sum(row[key] for row in some) for key in ("examples", "points_at_the_cause", "with_shuffled_weights"))
        low, high = wilson_interval(right, total)
        gain, alike = (np.mean([row[key] for row in some]) for key in ("gain", "rank_correlation"))
        yield (
            f"{task:16} {method:21} {right / total:6.1%} [{low:.1%}, {high:.1%}] of {total}; shuffled {without / total:5.1%}; "
            f"gain {gain:+.3f}; alike {alike:+.2f}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--tasks", nargs="+", choices=list(networks()), default=list(networks()))
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    rows = []
    for task in args.tasks:
        for seed in range(args.seeds):
            rows += measured(task, seed)
            with open(args.output, "w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        print(*told([row for row in rows if row["task"] == task]), sep="\n", flush=True)


if __name__ == "__main__":
    main()
