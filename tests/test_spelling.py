"""A program that calls a function is told of its arguments, who writes a command line of its flags."""

import subprocess
import sys

import numpy as np
import pytest

from hornbook import UserError, data, spelling
from hornbook.data.images.pretraining import unlabelled as images_unlabelled
from hornbook.data.selection.arranging import Arrangement
from hornbook.data.texts import tokenizing
from hornbook.data.texts.pretraining import unlabelled as texts_unlabelled


@pytest.fixture(autouse=True)
def programs():
    """As in a program of a user's, whatever the other tests have."""
    token = spelling._flags.set(False)
    yield
    spelling._flags.reset(token)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("--dataset must be digits", "name must be digits"),
        ("pass --image-size, such as --image-size 128, or", "pass image_size, such as image_size 128, or"),
        ("(--skip-empty leaves out empty ones)", "(skip_empty leaves out empty ones)"),
        ("or pass --no-quoted", "or pass quoted=False"),
        ("read my--image-size/a--dataset.png", "read my--image-size/a--dataset.png"),
        ("hold none out: --image-size 0 --evaluate none", "hold none out: image_size 0"),
        ("a part: hold one out, or pass --evaluate validation or none", "a part: hold one out"),
        ("try hornbook regression --dataset adding; --dataset is", "try hornbook regression --dataset adding; name is"),
        ("--fold 2/5 is of recipes", "--fold 2/5 is of recipes"),
    ],
)
def test_flags_become_arguments(text, told):
    names = {"dataset": "name", "image_size": "image_size", "skip_empty": "skip_empty", "quoted": "quoted"}
    assert spelling.in_python(text, names) == told


LABELS = np.arange(20) % 2
WRONG = {
    "images": (lambda: data.images.load("digit"), "^name must be digits, folder:PATH"),
    "texts": (lambda: data.texts.load("docstring"), "^name must be docstrings"),
    "series": (lambda: data.series.load("copies"), "^name must be sequential_digits"),
    "tables": (lambda: data.tables.load("wines"), "^name must be breast_cancer|^name must be"),
    "names": (lambda: data.series.check_name("copies"), "^name must be sequential_digits"),
    "texts without labels": (lambda: texts_unlabelled.load("docstring"), "^name must be docstrings"),
    "images without labels": (lambda: images_unlabelled.load("digit"), "^name must be digits"),
    "tokens": (lambda: tokenizing.fit(["a b"], minimum_count=9), "pass a smaller minimum_count$"),
    "image columns": (lambda: data.images.load("digits", path_column="file"), "^path_column is for csv:PATH; digits has no columns"),
    "image size": (lambda: data.images.load("digits", image_size="9"), "^image_size resizes image files"),
    "text columns": (lambda: data.texts.load("docstrings", text_columns="a"), "^text_columns is for csv:PATH"),
    "stride": (lambda: data.series.load("sequential_digits", stride=3), "^stride 3 needs window, the steps of a window"),
    "table columns": (lambda: data.tables.load("wine", label_column="nosuch"), "label_column"),
    "fractions": (lambda: data.images.load("digits", validation_fraction=2), r"^validation_fraction must be in \[0, 1\)"),
    "arranged": (lambda: data.images.load("digits", arranged=Arrangement(min_class_count=10**6)), "^min_class_count 1000000: 0 of 10"),
    "arrays": (lambda: data.images.from_arrays(np.zeros((20, 2, 2)), LABELS, validation_fraction=2), "^validation_fraction must be"),
    "series arrays": (lambda: data.series.from_arrays(np.zeros((20, 4)), LABELS, stride=1), "^stride 1 needs window"),
    "table arrays": (lambda: data.tables.from_arrays(np.eye(20), LABELS, validation_fraction=2), "^validation_fraction must be"),
    "text arrays": (lambda: data.texts.from_texts(["a b"] * 20, LABELS.tolist(), validation_fraction=2), "^validation_fraction must be"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_loaders_speak_of_their_arguments_to_programs_and_of_flags_elsewhere(wrong):
    load, words = WRONG[wrong]
    with pytest.raises(UserError, match=words) as raised:
        load()
    assert "--" not in str(raised.value)
    with pytest.raises(UserError, match="--"), spelling.as_flags():
        load()


def test_a_command_line_speaks_of_flags():
    done = subprocess.run([sys.executable, "-m", "hornbook", "image-classification", "--dataset", "digit"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "--dataset must be digits, folder:PATH" in done.stderr


def test_a_recipe_that_a_program_calls_speaks_of_flags(tmp_path):
    from hornbook.recipes import image_classification

    args = image_classification.Args(path_column="file", output=str(tmp_path / "run"))
    with pytest.raises(UserError, match=r"^--path-column is for csv:PATH"):
        image_classification.main(args)
