"""Prediction sets and precisions of whole runs: every recipe, the saved model, what is printed, written, read again and refused."""

import json
import pathlib

import keras
import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.evaluation import classification, conformal, selective
from hornbook.inference.evaluate import evaluate
from hornbook.inference.predict.command import predict
from hornbook.recipes import image_classification, regression, sequence_classification, tabular_classification, text_classification
from hornbook.tuning.cross_validation import command as cross_validation

SMALL = {"model": "mlp", "depth": 1, "width": 8, "epochs": 10, "batch_size": 32, "learning_rate": 0.02, "classical_share": 0.0}


def rows_of(count=400, classes=3, seed=0):
    """Rows of three numbers that tell most of their class."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=count)
    rows = generator.normal(size=(count, 3)) + 1.2 * np.eye(3)[labels]
    half = count // 2
    names = {"class_names": ("a,b", 'c"d', "e")[:classes]}
    return data.tables.from_arrays(rows[:half], labels[:half], rows[half:], labels[half:], validation_fraction=0.3, **names)


def table(folder, own=None, /, **options):
    return tabular_classification.main(tabular_classification.Args(**{**SMALL, "output": str(folder), **options}), dataset=own)


def said(capsys, command, *words):
    capsys.readouterr()
    command([str(word) for word in words])
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


def written(folder, name="result"):
    return json.loads(pathlib.Path(folder, f"{name}.json").read_text())


def probabilities(folder, inputs):
    """Of classes, by plain Keras."""
    return classification.softmax(keras.saving.load_model(folder / "model.keras").predict(inputs, verbose=0))


def write_csv(path, about, inputs, labels):
    names = ",".join([*about["feature_names"], *about["target_names"]])
    lines = [",".join([*map(str, row), f'"{label}"']) for row, label in zip(inputs.tolist(), labels, strict=True)]
    path.write_text("\n".join([names, *lines]))
    return f"csv:{path}"


@pytest.fixture(scope="module", params=[{}, {"temperature_scaling": True, "classical_share": 0.5, "members": 2}], ids=["plain", "mixed"])
def finished(request, tmp_path_factory):
    """A finished run with sets for 0.8, its folder, result and data."""
    folder, dataset = tmp_path_factory.mktemp("finished") / "run", rows_of()
    result = table(folder, dataset, coverage=0.8, **request.param)
    return folder, result, dataset


def test_the_quantile_is_that_of_the_saved_model_on_the_validation_part(finished):
    folder, result, dataset = finished
    told = written(folder, "labels")["conformal"]
    assert (told["coverage"], told["calibration_examples"]) == (0.8, len(dataset.validation))
    own = 1 - probabilities(folder, dataset.validation.inputs)[np.arange(60), dataset.validation.labels]
    assert told["quantiles"] == pytest.approx([np.sort(own)[48]], abs=1e-5)  # The 49th of 60: ceil(61 * 0.8).
    assert result["prediction_sets"]["quantiles"] == told["quantiles"]


def test_what_is_reached_stands_in_result_and_report(finished):
    folder, _, dataset = finished
    [limit] = written(folder, "labels")["conformal"]["quantiles"]
    sets = 1 - probabilities(folder, dataset.test.inputs) <= limit
    told = written(folder)["prediction_sets"]
    assert told["promised"] == 0.8
    assert told["coverage"] == pytest.approx(sets[np.arange(200), dataset.test.labels].mean(), abs=0.006)
    assert told["mean_size"] == pytest.approx(sets.sum(axis=1).mean(), abs=0.006)
    assert 0.6 < told["coverage"] < 0.95
    each = written(folder)["evaluation"]["prediction_sets"]["each"]
    assert [one["name"] for one in each] == ["a,b", 'c"d', "e"]
    assert sum(one["examples"] * one["coverage"] for one in each) / 200 == pytest.approx(told["coverage"])
    report = (folder / "report.html").read_text()
    assert "what is true for 80.0% of new examples that are drawn as the 60 validation examples" in report


def test_predict_prints_the_set_and_evaluate_its_coverage(finished, tmp_path, capsys):
    folder, result, dataset = finished
    np.save(tmp_path / "rows.npy", dataset.test.inputs)
    lines = said(capsys, predict, folder, tmp_path / "rows.npy", "--top", "2")
    sets = [json.loads(line[5]) for line in lines]
    assert {len(line) for line in lines} == {6}
    names = np.array(dataset.class_names)[dataset.test.labels]
    assert np.mean([name in held for name, held in zip(names, sets, strict=True)]) == result["prediction_sets"]["coverage"]
    assert np.mean([len(held) for held in sets]) == pytest.approx(result["prediction_sets"]["mean_size"])
    assert all(held[:2] == [line[1], line[3]][: len(held)] for held, line in zip(sets, lines, strict=True))  # The most probable first.
    name = write_csv(tmp_path / "test.csv", written(folder, "labels"), dataset.test.inputs, [one.replace('"', '""') for one in names])
    found = dict(said(capsys, evaluate, folder, "--dataset", name))
    assert found["coverage that was promised"] == "0.8000"
    assert found["coverage of the prediction sets"] == f"{result['prediction_sets']['coverage']:.4f}"
    assert found["mean size of a set"] == f"{result['prediction_sets']['mean_size']:.4f}"


def test_precisions_are_those_of_the_saved_model(finished):
    folder, result, dataset = finished
    validation, test = ((part.labels, probabilities(folder, part.inputs)) for part in (dataset.validation, dataset.test))
    again = selective.table(validation, test)
    assert [row["precision"] for row in result["routing"]["precisions"]] == [0.9, 0.95, 0.99]
    for row, expected in zip(result["routing"]["precisions"], again, strict=True):
        assert row["threshold"] == pytest.approx(expected["threshold"], abs=1e-5)
        assert row["reached"]["share"] == pytest.approx(expected["reached"]["share"], abs=0.006)
    assert written(folder)["routing"] == result["routing"]
    assert "Answers that can be taken" in (folder / "report.html").read_text()


def test_without_validation_there_are_no_precisions_and_without_the_flag_no_sets(tmp_path, capsys):
    dataset = rows_of()
    result = table(tmp_path / "plain", dataset, epochs=1)
    assert "routing" in result
    assert "prediction_sets" not in result
    assert "conformal" not in written(tmp_path / "plain", "labels")
    np.save(tmp_path / "rows.npy", dataset.test.inputs[:1])
    assert len(said(capsys, predict, tmp_path / "plain", tmp_path / "rows.npy")[0]) == 3
    without = data.tables.from_arrays(dataset.train.inputs, dataset.train.labels, dataset.test.inputs, dataset.test.labels,
                                      validation_fraction=0)  # fmt: skip
    result = table(tmp_path / "without", without, epochs=1)
    assert "routing" not in result
    assert "Answers that can be taken" not in (tmp_path / "without/report.html").read_text()
    assert "routing" not in table(tmp_path / "none", dataset, epochs=1, evaluate="none")


def test_a_threshold_and_what_else_the_validation_part_decides(tmp_path, capsys):
    options = {"threshold": "f1", "temperature_scaling": True, "early_stopping": 3, "coverage": 0.9, "evaluate": "validation"}
    result = table(tmp_path / "run", rows_of(classes=2), **options)
    assert len(written(tmp_path / "run", "labels")["thresholds"]) == 1
    told = capsys.readouterr().out
    assert "prediction sets: 0.9 promised, by 60 validation examples; coverage 0.9167 [" in told  # 55 of 60, ties aside.
    assert "note: prediction sets: it is chosen on the very examples that are scored here" in told
    also = "the validation examples decided on --early-stopping 3 and --temperature-scaling, too, so of new ones a little fewer"
    assert f"note: prediction sets: {also}" in told
    assert also in result["prediction_sets"]["notes"][1]


def test_each_label_has_sets(tmp_path, capsys):
    rows = np.random.default_rng(0).normal(size=(300, 3))
    labels = (rows[:, :2] + 0.8 * rows[:, 2:] > [0.0, 1.3]).astype(int)
    names = {"class_names": ("often", "seldom"), "validation_fraction": 0.3}
    dataset = data.tables.from_arrays(rows[:200], labels[:200], rows[200:], labels[200:], **names)
    result = table(tmp_path / "run", dataset, coverage=0.8, threshold="f1")
    assert "routing" not in result
    limits = written(tmp_path / "run", "labels")["conformal"]["quantiles"]
    assert len(limits) == 2
    np.save(tmp_path / "rows.npy", dataset.test.inputs)
    lines = said(capsys, predict, tmp_path / "run", tmp_path / "rows.npy")
    assert {len(line) for line in lines} == {9}
    inside = [[truth in line[place].split(" or ") for line, truth in zip(lines, np.array(["no", "yes"])[labels[200:, k]], strict=True)]
              for k, place in enumerate((4, 8))]  # fmt: skip
    told = written(tmp_path / "run")
    assert [one["coverage"] for one in told["evaluation"]["prediction_sets"]["each"]] == np.mean(inside, axis=1).tolist()
    assert told["prediction_sets"]["coverage"] == pytest.approx(np.mean(inside))


@pytest.mark.parametrize("loss", ["mse", "quantile"])
def test_numbers_have_intervals_in_their_own_units(loss, tmp_path, capsys):
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(400, 3))
    prices = 1000 * (rows[:, :1] + generator.normal(size=(400, 1)))
    dataset = data.tables.from_arrays(rows[:200], prices[:200], rows[200:], prices[200:], task="regression", validation_fraction=0.3)
    options = {"width": 8, "epochs": 5, "batch_size": 32, "learning_rate": 0.02, "classical_share": 0.0, "loss": loss, "coverage": 0.8}
    result = regression.main(regression.Args(**options, output=str(tmp_path / "run")), dataset=dataset)
    model = keras.saving.load_model(tmp_path / "run/model.keras")
    outputs, test = (model.predict(part.inputs, verbose=0).astype(np.float64) for part in (dataset.validation, dataset.test))
    [limit] = written(tmp_path / "run", "labels")["conformal"]["quantiles"]
    assert limit == pytest.approx(conformal.fit(loss, dataset.validation.labels, outputs, 0.8)[0], rel=1e-4)
    np.save(tmp_path / "rows.npy", dataset.test.inputs)
    ends = np.array([list(map(float, line[-2:])) for line in said(capsys, predict, tmp_path / "run", tmp_path / "rows.npy")])
    np.testing.assert_allclose(ends[:, 0], test[:, 0] - limit, rtol=1e-4, atol=0.1)
    np.testing.assert_allclose(ends[:, 1], test[:, -1] + limit, rtol=1e-4, atol=0.1)
    told = result["prediction_sets"]
    inside = (prices[200:, 0] >= ends[:, 0]) & (prices[200:, 0] <= ends[:, 1])
    assert told["coverage"] == pytest.approx(inside.mean(), abs=0.006)
    assert told["mean_width"] == pytest.approx((ends[:, 1] - ends[:, 0]).mean(), rel=1e-3)
    assert 0.6 < told["coverage"] < 0.95
    assert "routing" not in result
    assert "wide on average" in (tmp_path / "run/report.html").read_text()


def test_images_texts_and_series(tmp_path, colour_images):
    images, labels = colour_images
    small = {"epochs": 2, "batch_size": 32, "coverage": 0.7}
    dataset = data.images.from_arrays(images, labels, images, labels, validation_fraction=0.4)
    args = image_classification.Args(**small, model="mlp", width=4, test_time_augmentation="mirror", output=str(tmp_path / "images"))
    found = [image_classification.main(args, dataset=dataset)]
    texts = [f"{'good' if k % 3 else 'bad'} film number {k % 7}" for k in range(120)]
    dataset = data.texts.from_texts(texts, ["yes" if k % 3 else "no" for k in range(120)], texts[:40], ["no", "yes", "yes", "no"] * 10)
    network = {"model": "cnn1d", "width": 4, "kernel_sizes": (1,), "embedding_size": 4, "classical_share": 0.5}
    args = text_classification.Args(**small, **network, output=str(tmp_path / "texts"))
    found.append(text_classification.main(args, dataset=dataset))
    series = np.random.default_rng(0).normal(size=(120, 12, 1)) + labels[:, None, None]
    dataset = data.series.from_arrays(series, labels, series, labels, validation_fraction=0.3)
    args = sequence_classification.Args(**small, model="fcn", width=4, classical_share=0.0, output=str(tmp_path / "series"))
    found.append(sequence_classification.main(args, dataset=dataset))
    for result in found:
        assert 0 <= result["prediction_sets"]["coverage"] <= 1
        assert len(result["routing"]["precisions"]) == 3


def test_groups_have_scores_of_their_own_and_promise_less(tmp_path, capsys):
    generator = np.random.default_rng(0)
    values = generator.normal(size=120)
    lines = [f"{one:.4f},p{k // 4},{'yes' if one > 0 else 'no'}" for k, one in enumerate(values)]
    (tmp_path / "rows.csv").write_text("\n".join(["value,patient,ill", *lines]))
    options = {"label_column": "ill", "group_column": "patient", "validation_fraction": 0.3, "epochs": 2, "coverage": 0.8}
    result = table(tmp_path / "run", dataset=f"csv:{tmp_path / 'rows.csv'}", **options)
    assert "note: prediction sets: examples of one group are alike" in capsys.readouterr().out
    found = written(tmp_path / "run")["evaluation"]
    assert sum(one["examples"] for one in found["by_group"]) == found["examples"]
    right = sum(one["examples"] * one["accuracy"] for one in found["by_group"])
    assert right / found["examples"] == pytest.approx(result["metrics"]["accuracy"])
    assert {one["examples"] for one in found["by_group"]} == {4}
    card = (tmp_path / "run/MODEL_CARD.md").read_text()
    assert f"{len(found['by_group'])} groups, the largest first." in card
    assert "with examples of one group in one part;" in card
    assert "Classes of ill: no, yes." in card
    assert "csv:rows.csv: " in card
    assert str(tmp_path) not in card


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"coverage": 0.0}, "--coverage must be more than 0 and less than 1, got 0.0"),
        ({"coverage": 1.0}, "--coverage must be more than 0 and less than 1, got 1.0"),
        ({"coverage": 0.9, "validation_fraction": 0.0}, "has no validation part, which --coverage 0.9 needs"),
        ({"coverage": 0.99}, "--coverage 0.99 takes 99 validation examples or more, and there are 46; hold more out"),
    ],
    ids=str,
)
def test_what_cannot_be_promised_is_refused_before_training(options, words, tmp_path):
    with pytest.raises(UserError) as raised:
        table(tmp_path / "run", **options)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_a_cross_validation_has_no_sets():
    with pytest.raises(UserError, match=r"--coverage 0\.9 is not for a cross-validation: each fold would have sets of its own"):
        cross_validation.check(cross_validation.Args(), tabular_classification.Args(coverage=0.9))
