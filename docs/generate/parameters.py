"""Count the parameters in the tables of models of README.md and docs/models.md, by building each model without its weights.

python docs/generate/parameters.py

A table stands between `<!-- parameters -->` and `<!-- end -->`. Its first column is the builder's name, its second the input and the
outputs, from which the third, the trainable parameters, is written: "32x32x3, 10 classes", "series of 12 features, 9 classes",
"10,000 tokens, 6 classes", "14 numbers, 2 classes".
"""

import math
import pathlib
import re

import keras

from hornbook import models

ROOT = pathlib.Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "docs" / "models.md")
_TABLE = re.compile(r"(?<=<!-- parameters -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)
_INPUTS = {
    r"(\d+)x(\d+)x(\d+)": lambda height, width, channels: ((height, width, channels), {}),
    r"series of (\d+) features?": lambda features: ((None, features), {}),
    r"([\d,]+) tokens": lambda tokens: ((None,), {"vocabulary_size": tokens}),
    r"(\d+) numbers": lambda numbers: ((numbers,), {}),
}


def filled(text):
    """A page with the counts of its tables of models as they are in this version."""
    return _TABLE.sub(lambda table: "".join(_row(line) + "\n" for line in table[0].strip("\n").splitlines()), text)


def _row(line):
    cells = line.split("|")
    if "`" not in cells[1]:
        return line  # The heading.
    cells[3] = f" {count(cells[1].strip(' `'), cells[2].strip()):,} "
    return "|".join(cells)


def count(name, about):
    """The trainable parameters of a builder's model, such as those of ("resnet20", "32x32x3, 10 classes")."""
    inputs, outputs = re.fullmatch(r"(.*), ([\d,]+) classes", about).groups()
    for pattern, meaning in _INPUTS.items():
        found = re.fullmatch(pattern, inputs)
        if found:
            shape, options = meaning(*(int(size.replace(",", "")) for size in found.groups()))
            with keras.StatelessScope():  # Variables have shapes and no values: ViT-B would take 350 MB.
                model = models.build(name, shape, int(outputs.replace(",", "")), **options)
                return sum(math.prod(variable.shape) for variable in model.trainable_variables)
    raise ValueError(f"{about!r} is no input that can be counted; known are those of the docstring")


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
