"""Regression on series at toy size: the adding problem and a table with a time column."""

import csv
import json

import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.inference.evaluate import evaluate
from hornbook.inference.predict.command import predict
from hornbook.recipes.regression import Args, build, main

SMALL = {"model": "series_transformer", "depth": 1, "width": 8, "epochs": 1, "batch_size": 32, "mixup": 0.2}


def test_the_adding_problem_from_training_to_prediction(tmp_path, capsys):
    folder = tmp_path / "run"
    result = main(Args(**SMALL, dataset="adding", length=12, examples=200, output=str(folder)))
    assert np.isfinite(result["metrics"]["mean_squared_error"])
    about = json.loads((folder / "labels.json").read_text())
    assert about["preprocessing"]["features"] == ["number", "mark"]
    capsys.readouterr()
    evaluate([str(folder), "--json"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["mean_squared_error"] == pytest.approx(
        result["metrics"]["mean_squared_error"], rel=1e-4
    )
    np.save(tmp_path / "one.npy", np.random.default_rng(0).uniform(size=(3, 12, 2)))
    predict([str(folder), str(tmp_path / "one.npy")])
    assert len([float(line.split("\t")[1]) for line in capsys.readouterr().out.splitlines()]) == 3


def test_a_table_with_a_time_column_is_one_of_series(tmp_path):
    with open(tmp_path / "a.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "t", "x", "y"))
        writer.writerows((unit, t, unit + 0.1 * t, unit / 10) for unit in range(40) for t in range(5 + unit % 3))
    options = {"dataset": f"csv:{tmp_path / 'a.csv'}", "time_column": "t", "label_column": "y"}
    result = main(Args(**{**SMALL, **options, "output": str(tmp_path / "run")}))
    assert np.isfinite(result["metrics"]["mean_squared_error"])
    with pytest.raises(UserError, match="has no column 'z'"):
        main(Args(**{**SMALL, **options, "label_column": "z", "output": str(tmp_path / "none")}))
    assert not (tmp_path / "none").exists()


def test_what_tables_have_by_default_can_be_asked_for_with_series():
    dataset = data.series.load("adding", numbers=True, length=6, examples=60)
    narrow, own = (build(Args(dataset="adding", model="gru", width=width), dataset) for width in (32, None))
    assert narrow.count_params() == build(Args(dataset="adding", model="gru", width=32, dropout=0.3), dataset).count_params()
    assert narrow.count_params() < own.count_params()
