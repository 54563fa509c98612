"""Built-in series: scikit-learn's digits pixel by pixel, and two problems of long memory, generated from a seed."""

import numpy as np

from hornbook import memory
from hornbook.data import randomness
from hornbook.data.series.source import Series, Source, place

SYMBOLS = 8  # Of the copy problem.
_PARTS = {"train": 1.0, "validation": 0.1, "test": 0.1}  # Series, as a multiple of --examples.


def read(name, options):
    """A `source.Source` of a built-in name.

    Args:
        name: `sequential_digits`, `copy` or `adding`.
        options: `source.Options`; generated problems go by `length`, `examples` and `split_seed`.
    """
    return {"sequential_digits": _digits, "copy": _copy, "adding": _adding}[name](options)


def _digits(options):
    """Scikit-learn's 1,797 scanned digits (Alpaydin and Kaynak 1998), their 64 pixels one a step, row by row (Le et al. 2015)."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = digits.images.reshape(len(digits.images), 64, 1).astype(np.float32)
    labels = digits.target.tolist() if options.numbers else map(str, digits.target)
    return Source(
        {"all": [_one("digit", k, image, label) for k, (image, label) in enumerate(zip(pixels, labels, strict=True))]}, ("pixel",)
    )


def _adding(options):
    """The adding problem: predict the sum of the two numbers of a long series that are marked.

    Numbers are uniform in [0, 1), one mark stands in each half, the target is the sum, as in Le et al. (2015, section 4.1); Hochreiter and
    Schmidhuber (1997, experiment 4) have numbers in [-1, 1] and 0.5 + sum / 4. Always predicting 1 has a mean squared error of 1/6.
    """
    half = options.length // 2

    def make(draw, count):
        numbers = draw("numbers", options.length).astype(np.float32)
        first = (draw("first mark") * half).astype(np.intp)
        second = half + (draw("second mark") * (options.length - half)).astype(np.intp)
        rows, marks = np.arange(count), np.zeros((count, options.length), np.float32)
        marks[rows, first] = marks[rows, second] = 1
        return np.stack([numbers, marks], axis=2), (numbers[rows, first] + numbers[rows, second]).tolist()

    return _generated("adding", make, ("number", "mark"), options)


def _copy(options):
    """The copy problem as classification: predict the first symbol of a long series.

    The first step is one of 8 symbols, the class. Random symbols follow, and the last step is a mark of its own. It is the task of
    Hochreiter and Schmidhuber's (1997) experiment 2c, with 8 classes in place of 2.
    """

    def make(draw, count):
        symbols = (draw("symbols", options.length) * SYMBOLS).astype(np.intp)
        values = np.zeros((count, options.length, SYMBOLS + 1), np.float32)
        np.put_along_axis(values, symbols[:, :, None], 1, axis=2)
        values[:, -1] = 0
        values[:, -1, SYMBOLS] = 1
        return values, [str(symbol) for symbol in symbols[:, 0]]

    return _generated("copy", make, (*(f"symbol {k}" for k in range(SYMBOLS)), "question"), options)


def _generated(name, make, features, options):
    # Positions and random numbers of eight bytes, and the series that they become.
    size = (16 + 4 * len(features)) * options.length * options.examples
    memory.require(size, f"{options.examples:,} series of {options.length:,} steps", "pass a smaller --examples or --length")
    parts = {}
    for part, share in _PARTS.items():
        count = max(2, round(share * options.examples))

        def draw(what, steps=None, part=part, count=count):
            numbers = randomness.uniform(options.split_seed, 0, np.arange(count * (steps or 1)), f"{name} {part} {what}")
            return numbers if steps is None else numbers.reshape(count, steps)

        values, labels = make(draw, count)
        parts[part] = [_one(f"{name} {part}", k, *pair) for k, pair in enumerate(zip(values, labels, strict=True))]
    return Source(parts, features)


def _one(name, number, values, label):
    unit = f"{name} {number}"
    return Series(values, label, unit, unit, place(unit))
