"""Small runs of every medium, trained once, for what is done with finished runs; and what a command that refuses says."""

import csv

import numpy as np
import pytest

from hornbook.recipes import image_classification, regression, sequence_classification, tabular_classification, text_classification


@pytest.fixture
def refusal(capsys):
    """Function of a command and its words to the one line that it ends with."""

    def said(command, *words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as raised:
            command([str(word) for word in words])
        assert raised.value.code == 2
        line = capsys.readouterr().err
        assert line.count("\n") == 1
        return line

    return said


@pytest.fixture(scope="session")
def runs_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("small_runs")


def written(path, names, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    return f"csv:{path}"


@pytest.fixture(scope="session")
def digits_run(runs_folder):
    folder = runs_folder / "digits"
    args = image_classification.Args(epochs=5, depth=4, width=4, batch_size=32, learning_rate=0.02, output=str(folder))
    image_classification.main(args)
    return folder


@pytest.fixture(scope="session")
def table_run(runs_folder):
    """A run whose model is mixed with boosted trees, of numbers, some missing, and a category."""
    draw = np.random.default_rng(0)
    numbers = draw.normal(0, [1.0, 10.0], (160, 2))
    rows = [("" if k % 9 == 0 else f"{a:.4f}", f"{b:.4f}", ("red", "blue")[k % 2], int(b > 0)) for k, (a, b) in enumerate(numbers)]
    name = written(runs_folder / "table.csv", ("age", "height", "colour", "label"), rows)
    args = tabular_classification.Args(
        dataset=name, width=8, epochs=4, batch_size=32, classical_share=0.3, test_fraction=0.3, output=str(runs_folder / "table")
    )
    tabular_classification.main(args)
    return runs_folder / "table"


@pytest.fixture(scope="session")
def texts_run(runs_folder):
    """A run of texts on words and pairs of words."""
    draw = np.random.default_rng(0)
    kinds = (("good", "fine", "nice"), ("bad", "poor", "sad"))
    rows = [(" ".join(draw.choice([*kinds[k % 2], "film", "book"], 6)), ("no", "yes")[k % 2]) for k in range(160)]
    name = written(runs_folder / "texts.csv", ("text", "label"), rows)
    args = text_classification.Args(
        dataset=name, model="cnn1d", width=8, epochs=4, batch_size=32, classical_share=0.3, test_fraction=0.3,
        output=str(runs_folder / "texts"),
    )  # fmt: skip
    text_classification.main(args)
    return runs_folder / "texts"


@pytest.fixture(scope="session")
def series_run(runs_folder):
    """A run of series of two features, the second four times as large."""
    draw = np.random.default_rng(0)
    labels = np.arange(80) % 2
    series = np.cumsum(draw.normal(0.8 * (2 * labels - 1)[:, None, None], [1.0, 4.0], (80, 12, 2)), axis=1)
    np.savez(runs_folder / "series.npz", x=series.astype("float32"), y=labels)
    args = sequence_classification.Args(
        dataset=f"npz:{runs_folder / 'series.npz'}", model="fcn", width=8, epochs=12, batch_size=16, learning_rate=0.02,
        classical_share=0.0, test_fraction=0.3, output=str(runs_folder / "series"),
    )  # fmt: skip
    sequence_classification.main(args)
    return runs_folder / "series"


@pytest.fixture(scope="session")
def numbers_run(runs_folder):
    """A run that predicts numbers."""
    regression.main(regression.Args(dataset="diabetes", width=4, epochs=1, output=str(runs_folder / "numbers")))
    return runs_folder / "numbers"
