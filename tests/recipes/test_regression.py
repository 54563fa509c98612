import json
import pathlib

import keras
import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.inference.evaluate import evaluate
from hornbook.inference.predict.command import predict
from hornbook.recipes.regression import Args, main

SMALL = {"width": 8, "epochs": 2, "batch_size": 32}


def run(tmp_path, own=None, /, **options):
    folder = tmp_path / "run"
    result = main(Args(**{**SMALL, "output": str(folder), **options}), dataset=own)
    return folder, result


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Prices in their own units: far from 0 and from 1."""
    generator = np.random.default_rng(0)
    rooms, town = generator.integers(1, 9, 120), np.arange(120) % 2
    price = 100_000 + 40_000 * rooms + 50_000 * town + generator.normal(0, 5000, 120)
    path = tmp_path_factory.mktemp("table") / "houses.csv"
    lines = [f"{rooms[k] if k % 9 else ''},{('here', 'there')[town[k]]},{price[k]:.0f}" for k in range(120)]
    path.write_text("rooms,town,price\n" + "\n".join(lines))
    return f"csv:{path}"


@pytest.fixture(scope="module")
def finished(tmp_path_factory, table, floors, diagnosis):
    with floors(), diagnosis():
        return run(tmp_path_factory.mktemp("finished"), dataset=table, label_column="price", epochs=40, learning_rate=0.02, width=16)


def said(capsys, command, *words):
    capsys.readouterr()
    command([str(word) for word in words])
    return capsys.readouterr().out.splitlines()


def test_a_run_predicts_in_the_targets_own_units(finished, table, capsys):
    folder, result = finished
    assert result["metrics"]["r2"] > 0.6
    assert result["metrics"]["mean_absolute_error"] > 1000
    floor = result["floor"]
    assert (floor["metric"], floor["network"]) == ("mean_absolute_error", result["metrics"]["mean_absolute_error"])
    assert floor["all"].keys() == {"mean", "median", "ridge regression", "gradient boosting"}
    assert floor["all"]["ridge regression"]["mean_absolute_error"] < floor["all"]["median"]["mean_absolute_error"] / 3
    lines = [line.split("\t") for line in said(capsys, predict, folder, table.removeprefix("csv:"))]
    prices = [float(line.rpartition(",")[2]) for line in pathlib.Path(table.removeprefix("csv:")).read_text().splitlines()[1:]]
    assert [line[0].rpartition(":")[2] for line in lines] == [str(k) for k in range(2, 122)]
    assert np.corrcoef(prices, [float(line[1]) for line in lines])[0, 1] > 0.8
    report = (folder / "report.html").read_text()
    assert "Predicted against true price" in report
    assert json.loads((folder / "labels.json").read_text())["requires"] == []


def test_evaluate_gives_the_run_s_own_result(finished, capsys):
    folder, result = finished
    rows = dict(line.split("\t") for line in said(capsys, evaluate, folder))
    assert rows.pop("examples") == "24"
    assert rows == {name.replace("_", " "): f"{value:.4f}" for name, value in result["metrics"].items()}


def test_quantiles(table, tmp_path, capsys):
    options = {
        "loss": "quantile",
        "quantiles": (0.2, 0.5, 0.8),
        "number_embedding": "piecewise",
        "bins": 4,
        "mixup": 0.2,
        "batch_size": 5000,
    }
    folder, result = run(tmp_path, dataset=table, label_column="price", **options)
    assert "note: --batch-size 5,000 is more than" in capsys.readouterr().out
    assert {"quantile_loss", "coverage_error", "interval_coverage"} <= result["metrics"].keys()
    for line in said(capsys, predict, folder, table.removeprefix("csv:")):
        values = [float(word) for word in line.split("\t")[1:]]
        assert values == sorted(values)
        assert len(values) == 3
    assert "quantile_loss" in json.loads(said(capsys, evaluate, folder, "--json")[0])


def test_several_targets_from_arrays(tmp_path):
    generator = np.random.default_rng(0)
    features = generator.normal(size=(60, 3))
    dataset = data.tables.from_arrays(features, features[:, :2] * [1e-3, 1e5], features, features[:, :2] * [1e-3, 1e5], task="regression")
    folder, result = run(tmp_path, dataset, loss="huber", epochs=30, learning_rate=0.03)
    assert result["metrics"]["r2"] > 0.3
    assert keras.saving.load_model(folder / "model.keras").output_shape == (None, 2)
    with pytest.raises(UserError, match="--loss quantile predicts one number"):
        run(tmp_path / "other", dataset, loss="quantile")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "quantile", "quantiles": (0.9, 0.1)}, "--quantiles must be rising"),
        ({"dataset": "wine"}, "hornbook tabular-classification --dataset wine"),
        ({"model": "resnet20"}, "--model resnet20"),
        ({"evaluate": "validation", "validation_fraction": 0.0}, "no validation part"),
    ],
    ids=str,
)
def test_wrong_options_are_one_line_before_training(options, message, tmp_path):
    with pytest.raises(UserError) as caught:
        run(tmp_path, **options)
    assert message in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_an_interrupted_run_ends_with_the_same_weights(tmp_path):
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    options = {**SMALL, "epochs": 3, "dropout": 0.2, "schedule": "plateau", "mixup": 0.2}
    whole = main(Args(**options, output=str(tmp_path / "whole")))
    with pytest.raises(KeyboardInterrupt):
        main(Args(**options, output=str(tmp_path / "run")), callbacks=[Interrupt()])
    assert main(Args(**options, output=str(tmp_path / "run")))["metrics"] == whole["metrics"]
