"""Splits by time, groups and files in whole runs: written down, evaluated as they were, refused where the data have changed since."""

import json
import pathlib

import numpy as np
import pytest
from PIL import Image

from hornbook import UserError, spreadsheets
from hornbook.inference.evaluate import EvaluateArgs, score
from hornbook.recipes import image_classification, regression, sequence_classification, tabular_classification, text_classification

SMALL = {"epochs": 1, "batch_size": 16, "floor": False, "diagnosis": False}


def split_of(folder):
    with open(pathlib.Path(folder, "split.csv"), newline="") as file:
        rows = list(spreadsheets.read(file))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def write_photos(folder):
    for number in range(60):
        path = pathlib.Path(folder, "abc"[number % 3 if number < 58 else 2], f"p{number // 6}_{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((6, 6), 4 * number, np.uint8)).save(path)
    return f"folder:{folder}"


def test_a_run_by_group_pattern_and_its_evaluation(tmp_path):
    name = write_photos(tmp_path / "photos")
    folder = str(tmp_path / "run")
    args = image_classification.Args(dataset=name, model="mlp", width=4, group_pattern=r"p(\d+)_", output=folder, **SMALL)
    result = image_classification.main(args)
    people = {}
    for row in split_of(folder):
        people.setdefault(pathlib.Path(row["file"]).name.split("_")[0], set()).add(row["part"])
    assert len(people) == 10
    assert all(len(parts) == 1 for parts in people.values())
    assert score(EvaluateArgs(folder))["accuracy"] == result["metrics"]["accuracy"]
    # The same split for another run, by the file that this one wrote, whatever the seed.
    again = image_classification.Args(
        dataset=name, model="mlp", width=4, split_file=f"{folder}/split.csv", split_seed=7, output=f"{tmp_path}/again", **SMALL
    )
    image_classification.main(again)
    assert split_of(tmp_path / "again") == split_of(folder)
    assert score(EvaluateArgs(f"{tmp_path}/again"))["accuracy"] >= 0
    Image.fromarray(np.zeros((6, 6), np.uint8)).save(tmp_path / "photos" / "a" / "p0_000.png")
    for run in (folder, f"{tmp_path}/again"):
        with pytest.raises(UserError, match=r"has changed since the run began|the data have changed since"):
            score(EvaluateArgs(run))


def write_reviews(path):
    rows = [f"{2000 + row},review {row} {'good' if row % 2 else 'bad'},{'yes' if row % 2 else 'no'},{1 + row % 2}" for row in range(80)]
    path.write_text("\n".join(["year,text,label,weight", *rows, "1999,a third,maybe,1"]) + "\n")
    return f"csv:{path}"


def test_texts_by_time_without_a_rare_class(tmp_path):
    path = tmp_path / "reviews.csv"
    folder = str(tmp_path / "run")
    own = {"time_column": "year", "min_class_count": 2, "weight_column": "weight", "text_columns": "text", "classical_share": 0.0}
    args = text_classification.Args(dataset=write_reviews(path), model="cnn1d", width=4, output=folder, **own, **SMALL)
    result = text_classification.main(args)
    rows = split_of(folder)
    assert [row["part"] for row in rows if int(row["index"]) >= 64] == ["test"] * 16
    assert {row["label"] for row in rows} == {"yes", "no"}
    assert score(EvaluateArgs(folder))["accuracy"] == result["metrics"]["accuracy"]
    path.write_text(path.read_text().replace("review 70 bad,no", "review 70 bad,yes"))
    with pytest.raises(UserError, match=r"has changed since the run began: .*split.csv has test, all, 70, no,"):
        score(EvaluateArgs(folder))


def test_numbers_of_a_table_by_time_and_of_series(tmp_path):
    path = tmp_path / "houses.csv"
    generator = np.random.default_rng(0)
    rows = [f"h{row},{2000 + row // 4},{generator.normal():.3f},{row % 5}" for row in range(60)]
    path.write_text("\n".join(["id,sold,size,price", *rows]) + "\n")
    folder = str(tmp_path / "run")
    own = {"label_column": "price", "time_column": "sold", "feature_columns": "size", "classical_share": 0.0}
    result = regression.main(regression.Args(dataset=f"csv:{path}", model="mlp", width=4, output=folder, **own, **SMALL))
    assert json.loads(pathlib.Path(folder, "labels.json").read_text())["medium"] == "tables"
    assert [int(row["index"]) for row in split_of(folder) if row["part"] == "test"] == list(range(48, 60))
    assert score(EvaluateArgs(folder))["r2"] == pytest.approx(result["metrics"]["r2"])
    assert regression._is_series(regression.Args(dataset=f"csv:{path}", time_column="sold", id_column="id"))
    path.write_text(path.read_text().replace("h1,", "h0,"))
    assert regression._is_series(regression.Args(dataset=f"csv:{path}", time_column="sold"))


def test_the_split_of_series(tmp_path):
    rows = [f"s{unit},{step},{unit % 2 + step / 10},{'ab'[unit % 2]}" for unit in range(24) for step in range(6)]
    path = tmp_path / "steps.csv"
    path.write_text("\n".join(["id,step,value,label", *rows]) + "\n")
    mine = [f"{'test' if unit < 6 else 'train'},{unit}" for unit in range(24)]
    (tmp_path / "mine.csv").write_text("\n".join(["part,index", *mine]) + "\n")
    folder = str(tmp_path / "run")
    own = {"time_column": "step", "window": 3, "split_file": f"{tmp_path}/mine.csv", "classical_share": 0.0}
    result = sequence_classification.main(
        sequence_classification.Args(dataset=f"csv:{path}", model="cnn1d", width=4, output=folder, **own, **SMALL)
    )
    assert {row["unit"] for row in split_of(folder) if row["part"] == "test"} == {f"s{unit}" for unit in range(6)}
    (tmp_path / "mine.csv").unlink()
    assert score(EvaluateArgs(folder))["accuracy"] == result["metrics"]["accuracy"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"split_file": "a.csv", "test_fold": "1/5"}, "--split-file a.csv says which example goes where, got --test-fold 1/5 too"),
        ({"split_file": "a.csv", "test_dataset": "wine"}, "got --test-dataset wine too"),
        ({"group_pattern": "("}, r"--group-pattern '\(' is no regular expression"),
    ],
)
def test_options_that_do_not_go_together(options, told):
    with pytest.raises(UserError, match=told):
        tabular_classification.check(tabular_classification.Args(**options))
