"""`hornbook labels`: suspect labels of a run, found, shown, and corrected."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("cleanlab")

from hornbook import UserError, data
from hornbook.recipes import regression, tabular_classification
from hornbook.tuning.cross_validation import labels, labels_page

SMALL = {"epochs": 30, "learning_rate": 0.01, "dropout": 0.0, "diagnosis": False, "floor": False, "data_check": False}
SMALL |= {"classical_share": 0.0, "model": "mlp", "width": 16}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A CSV of two classes far from each other, three of whose labels are wrong: its path, and their indices."""
    folder, generator = tmp_path_factory.mktemp("table"), np.random.default_rng(0)
    true = np.arange(80) % 2
    given = true.copy()
    wrong = [5, 30, 77]
    given[wrong] = 1 - given[wrong]
    numbers = generator.normal(size=(80, 2)) + 6 * true[:, None]
    with open(folder / "table.csv", "w", newline="") as file:
        csv.writer(file).writerows([("a", "b", "label"), *((*row, "yn"[label]) for row, label in zip(numbers, given, strict=True))])
    return folder / "table.csv", wrong


@pytest.fixture
def run(table, tmp_path):
    # Sets are a run's own, and its folds have none.
    options = {**SMALL, "dataset": f"csv:{table[0]}", "label_column": "label", "coverage": 0.5, "output": str(tmp_path / "run")}
    tabular_classification.main(tabular_classification.Args(**options))
    return tmp_path / "run"


def rows(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_wrong_labels_are_found_and_corrected(run, table, fleet, tmp_path, capsys):
    labels.main(labels.Args(str(run), folds=2, workers=1, share=0.0375))
    out = tmp_path / "run-labels"
    found = rows(out / "labels.csv")
    assert sorted(int(row["index"]) for row in found) == table[1]
    assert all(row["taken_for_wrong"] == "yes" and row["correct_label"] == "" for row in found)
    assert all(row["label"] != row["suggested_label"] for row in found)
    page = (out / "labels.html").read_text()
    assert "Suspect labels" in page
    assert f"--label-corrections {out / 'labels.csv'}" in capsys.readouterr().out

    with pytest.raises(UserError, match=r"labels.csv is there already"):  # Somebody's corrections are not lost.
        labels.main(labels.Args(str(run), folds=2, workers=1))

    text = (out / "labels.csv").read_text().splitlines()
    corrected = [text[0], *(line + row["suggested_label"] for line, row in zip(text[1:], found, strict=True))]
    (tmp_path / "corrected.csv").write_text("\n".join(corrected))
    options = {**SMALL, "dataset": f"csv:{table[0]}", "label_column": "label", "label_corrections": str(tmp_path / "corrected.csv")}
    folder = tmp_path / "again"
    result = tabular_classification.main(tabular_classification.Args(**options, output=str(folder), split_seed=1))
    assert result["metrics"]["accuracy"] == 1.0
    split = {int(row["index"]): row["label"] for row in rows(folder / "split.csv")}
    assert {index: split[index] for index in table[1]} == {index: "yn"[index % 2] for index in table[1]}


def test_where_more_are_taken_for_wrong_than_are_listed_the_command_says_how_to_list_them(run, fleet, tmp_path, capsys):
    labels.main(labels.Args(str(run), folds=2, workers=1, share=0.013))
    assert "3 of 80 labels are taken for wrong; the 1 most suspect" in (told := capsys.readouterr().out)
    folder = tmp_path / "run-labels"
    assert f"for the others, without training again: hornbook labels {folder} --share 0.04 --output NEW" in told
    assert len(labels.main(labels.Args(str(folder), share=0.04, output=str(tmp_path / "new")))) >= 3


def test_the_page_tells_files_of_one_name_apart(tmp_path):
    for place in range(8):
        path = tmp_path / "photos" / "ab"[place % 2] / f"{place // 2}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), 20 * place, np.uint8)).save(path)
    dataset = data.images.load(f"folder:{tmp_path / 'photos'}", validation_fraction=0.0, test_fraction=0.0)
    probabilities = np.tile([0.4, 0.6], (8, 1))
    found = labels.Found(np.arange(8), dataset.train.labels, probabilities, np.arange(8), np.zeros(8), np.ones(8, bool))
    args = labels.Args(run="run", share=0.9)
    labels_page.write(tmp_path / "labels.html", dataset, labels._rows(dataset, found, {"class_names": ["a", "b"]}, args), found, args)
    page = (tmp_path / "labels.html").read_text()
    assert "a/0.png" in page
    assert "b/0.png" in page
    assert str(tmp_path / "photos" / "a") not in page


def test_what_has_no_classes_is_refused(tmp_path):
    folder = tmp_path / "run"
    options = {"epochs": 1, "dataset": "diabetes", "floor": False, "diagnosis": False, "data_check": False, "classical_share": 0.0}
    regression.main(regression.Args(**options, model="mlp", width=4, output=str(folder)))
    with pytest.raises(UserError, match="is for classes, and the run is a regression"):
        labels.main(labels.Args(str(folder)))


def test_code_that_a_run_names_is_not_run(run):
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "model": "evil:builder"}))
    (run / "files.json").unlink()
    with pytest.raises(UserError, match="evil:builder"):
        labels.main(labels.Args(str(run)))


def test_a_folder_of_nothing_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        labels.main(labels.Args(str(tmp_path)))
