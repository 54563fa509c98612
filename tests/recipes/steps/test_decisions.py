"""What is decided on the validation part: thresholds and temperatures of every classifying recipe, saved, used again and refused."""

import json
import math
import re
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
from sklearn import metrics

from hornbook import UserError, command_line, data
from hornbook.evaluation import classification, scores, temperature, thresholds
from hornbook.inference.evaluate import evaluate
from hornbook.inference.predict.command import predict
from hornbook.recipes import (
    classifying,
    image_classification,
    sequence_classification,
    tabular_classification,
    text_classification,
)
from hornbook.recipes.steps import findings
from hornbook.training.diagnosis.finding import Finding

SMALL = {"model": "mlp", "depth": 1, "width": 8, "epochs": 25, "batch_size": 32, "learning_rate": 0.02, "classical_share": 0.0}


def rare(count=400, share=0.15, seed=0):
    """Rows of three numbers, of which a few, that are higher, are of the second class; with a test part."""
    generator = np.random.default_rng(seed)
    labels = (generator.random(count) < share).astype(int)
    rows = generator.normal(size=(count, 3)) + 0.8 * labels[:, None]
    half = count // 2
    names = {"class_names": ("usual", "rare")}
    return data.tables.from_arrays(rows[:half], labels[:half], rows[half:], labels[half:], validation_fraction=0.3, **names)


def several_labels(count=300):
    """Rows of three numbers, of which two tell a label each, one of them seldom."""
    rows = np.random.default_rng(0).normal(size=(count, 3))
    labels = (rows[:, :2] + 0.5 * rows[:, 2:] > [0.0, 1.3]).astype(int)
    return data.tables.from_arrays(
        rows[:200], labels[:200], rows[200:], labels[200:], validation_fraction=0.3, class_names=("often", "seldom")
    )


def table(folder, own=None, /, **options):
    return tabular_classification.main(tabular_classification.Args(**{**SMALL, "output": str(folder), **options}), dataset=own)


def said(capsys, command, *words):
    capsys.readouterr()
    command([str(word) for word in words])
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


def second_class(folder, inputs):
    """The probability of the second class by plain Keras."""
    logits = keras.saving.load_model(folder / "model.keras").predict(inputs, verbose=0)
    return 1 / (1 + np.exp(logits[:, 0] - logits[:, 1] if logits.shape[1] == 2 else -logits[:, 0]))


@pytest.fixture(scope="module", params=["cross-entropy", "binary"])
def decided(request, tmp_path_factory):
    """A finished run with both, its folder, result and data."""
    folder, dataset = tmp_path_factory.mktemp("decided") / "run", rare()
    result = table(folder, dataset, loss=request.param, threshold="f1", temperature_scaling=True)
    return folder, result, dataset


def test_the_scores_are_those_at_the_threshold(decided):
    folder, result, dataset = decided
    [chosen] = result["threshold"]["classes"]
    limit = chosen["threshold"]
    assert json.loads((folder / "labels.json").read_text())["thresholds"] == [limit]
    assert 0 < limit < 0.5  # Of a rare class.
    probabilities, labels = second_class(folder, dataset.test.inputs), dataset.test.labels
    said, half = probabilities > limit, probabilities > 0.5
    assert (said != half).any()
    written = json.loads((folder / "result.json").read_text())
    for found, prediction in ((written["metrics"], said), (written["threshold"]["metrics_at_half"], half)):
        assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, prediction))
        assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(labels, prediction))
        assert found["matthews_correlation"] == pytest.approx(metrics.matthews_corrcoef(labels, prediction))
        assert found["macro_f1"] == pytest.approx(metrics.f1_score(labels, prediction, average="macro"))
    evaluation = written["evaluation"]
    assert evaluation["confusion_matrix"] == metrics.confusion_matrix(labels, said).tolist()
    assert evaluation["per_class"][1]["recall"] == pytest.approx(metrics.recall_score(labels, said))
    assert evaluation["at_half"]["per_class"][1]["recall"] == pytest.approx(metrics.recall_score(labels, half))
    # What no threshold changes.
    assert evaluation["auc"] == pytest.approx(metrics.roc_auc_score(labels, probabilities))
    assert evaluation["loss"] == pytest.approx(metrics.log_loss(labels, probabilities), rel=1e-5)


def test_it_is_chosen_on_the_validation_part_alone(decided):
    folder, result, dataset = decided
    probabilities = second_class(folder, dataset.validation.inputs)
    again = thresholds.choose(dataset.validation.labels, probabilities, "f1")
    [chosen] = result["threshold"]["classes"]
    assert again.threshold == pytest.approx(chosen["threshold"], abs=1e-6)
    assert chosen["value"] == pytest.approx(metrics.f1_score(dataset.validation.labels, probabilities > chosen["threshold"]))
    assert (chosen["name"], chosen["members"]) == ("rare", dataset.validation.labels.sum())
    assert result["threshold"]["validation_examples"] == len(dataset.validation)


def test_the_temperature_is_in_the_saved_model(decided):
    folder, result, dataset = decided
    told, model = result["temperature"], keras.saving.load_model(folder / "model.keras")
    assert model.layers[-1].name == "temperature"
    before = keras.Model(model.inputs, model.layers[-1].input).predict(dataset.validation.inputs, verbose=0)
    np.testing.assert_allclose(model.predict(dataset.validation.inputs, verbose=0), before / told["temperature"], rtol=1e-5, atol=1e-6)
    loss = "binary" if before.shape[1] == 1 else "cross-entropy"
    again = temperature.fit(dataset.validation.labels, scores.class_logits(loss, before))
    assert again.temperature == pytest.approx(told["temperature"], rel=1e-3)
    test = keras.Model(model.inputs, model.layers[-1].input).predict(dataset.test.inputs, verbose=0)
    first, second = (
        scores.scores(loss, dataset.test.labels, outputs, dataset.class_names) for outputs in (test, test / told["temperature"])
    )
    for name in ("loss", "calibration_error"):
        assert told[name] == pytest.approx([first[name], second[name]], rel=1e-3)
    assert told["validation_loss"][1] <= told["validation_loss"][0]
    assert told["validation_examples"] == len(dataset.validation)


def test_what_is_predicted_is_what_the_threshold_says(decided, tmp_path, capsys):
    folder, result, dataset = decided
    np.save(tmp_path / "rows.npy", dataset.test.inputs)
    probabilities = second_class(folder, dataset.test.inputs)
    predicted = probabilities > result["threshold"]["classes"][0]["threshold"]
    lines = said(capsys, predict, folder, tmp_path / "rows.npy", "--top", "2")
    assert [line[1] for line in lines] == [("usual", "rare")[one] for one in predicted.astype(int)]
    likely = np.where(predicted, probabilities, 1 - probabilities)
    np.testing.assert_allclose([float(line[2]) for line in lines], likely, atol=1e-4)
    assert (likely < 0.5).any()
    assert [line[3] for line in lines] == [("rare", "usual")[one] for one in predicted.astype(int)]
    assert [line[:3] for line in lines] == said(capsys, predict, folder, tmp_path / "rows.npy")


def test_evaluate_and_report_show_it(decided, tmp_path, capsys):
    folder, result, dataset = decided
    about, labels = json.loads((folder / "labels.json").read_text()), np.array(dataset.class_names)[dataset.test.labels]
    names = ",".join([*about["feature_names"], *about["target_names"]])
    rows = [",".join([*map(str, row), label]) for row, label in zip(dataset.test.inputs.tolist(), labels, strict=True)]
    (tmp_path / "test.csv").write_text("\n".join([names, *rows]))
    found = dict(said(capsys, evaluate, folder, "--dataset", f"csv:{tmp_path / 'test.csv'}"))
    for name, value in result["metrics"].items():
        assert found[name.replace("_", " ")] == f"{value:.4f}"
    assert found["balanced accuracy at 0.5"] == f"{result['threshold']['metrics_at_half']['balanced_accuracy']:.4f}"
    assert found["threshold of rare"] == f"{result['threshold']['classes'][0]['threshold']:.4g}"
    report = (folder / "report.html").read_text()
    assert 'id="threshold"' in report
    assert (
        "<bdi>rare</bdi> is predicted where it is likelier than the threshold, which was chosen for f1 on 60 validation examples" in report
    )
    assert "The average precision of this report is that of <bdi>rare</bdi>." in report
    assert found["average precision is of"] == "rare"
    assert "The outputs are divided by a temperature of" in report


def test_the_first_of_two_classes_can_be_the_one_that_counts(tmp_path, capsys):
    dataset = rare()
    result = table(tmp_path / "run", dataset, threshold="precision:0.95", positive_class="usual")
    [chosen], [limit] = result["threshold"]["classes"], json.loads((tmp_path / "run/labels.json").read_text())["thresholds"]
    assert chosen["name"] == "usual"
    assert limit == 1 - chosen["threshold"]
    usual = 1 - second_class(tmp_path / "run", dataset.validation.inputs) > chosen["threshold"]
    assert chosen["precision"] >= 0.95
    assert chosen["precision"] == pytest.approx(np.mean(dataset.validation.labels[usual] == 0))
    np.save(tmp_path / "rows.npy", dataset.test.inputs)
    predicted = [line[1] == "usual" for line in said(capsys, predict, tmp_path / "run", tmp_path / "rows.npy")]
    assert predicted == (1 - second_class(tmp_path / "run", dataset.test.inputs) > chosen["threshold"]).tolist()
    assert 0 < np.mean(predicted) < 1
    assert "Recall of <bdi>usual</bdi>" in (tmp_path / "run/report.html").read_text()


def test_average_precision_is_that_of_the_class_that_is_looked_for(tmp_path, capsys):
    dataset = rare()
    result = table(tmp_path / "run", dataset, positive_class="usual", threshold="f1")
    usual, is_usual = 1 - second_class(tmp_path / "run", dataset.test.inputs), dataset.test.labels == 0
    assert result["metrics"]["average_precision"] == pytest.approx(metrics.average_precision_score(is_usual, usual))
    assert result["metrics"]["auc"] == pytest.approx(metrics.roc_auc_score(is_usual, usual))
    assert json.loads((tmp_path / "run/labels.json").read_text())["positive_class"] == "usual"
    written = json.loads((tmp_path / "run/result.json").read_text())["evaluation"]["thresholds"]
    assert written == {"usual": pytest.approx(result["threshold"]["classes"][0]["threshold"])}
    assert "threshold for f1, chosen on 60 validation examples: usual 0." in capsys.readouterr().out


def test_that_the_first_class_is_the_rarer_one_is_said():
    def told(first, **asked):
        labels = np.repeat([0, 1], [first, 90])
        dataset = data.tables.from_arrays(np.zeros((len(labels), 1)) + labels[:, None], labels, class_names=("fraud", "sound"),
                                          validation_fraction=0)  # fmt: skip
        return classifying.notes(tabular_classification.Args(**asked), dataset)

    assert told(10, threshold="recall:0.9") == [
        "the class fraud is the rarer one, with 10 of 100 training examples, and average precision and --threshold recall:0.9 are about "
        "sound, the second by name; pass --positive-class fraud if that is the one to find"
    ]
    assert "examples, and average precision is about sound, the second" in told(10)[0]
    assert "average precision is about" in told(10, threshold="mcc")[0]
    assert told(10, positive_class="fraud", threshold="f1") == told(10, positive_class="sound") == told(80) == []


def test_several_labels_have_a_threshold_each(tmp_path, capsys):
    dataset = several_labels()
    result = table(tmp_path / "run", dataset, threshold="balanced-accuracy", temperature_scaling=True)
    about = json.loads((tmp_path / "run/labels.json").read_text())
    assert about["thresholds"] == [one["threshold"] for one in result["threshold"]["classes"]]
    assert [one["name"] for one in result["threshold"]["classes"]] == ["often", "seldom"]
    assert about["thresholds"][0] != about["thresholds"][1]
    logits = keras.saving.load_model(tmp_path / "run/model.keras").predict(dataset.test.inputs, verbose=0)
    predicted = 1 / (1 + np.exp(-logits)) > about["thresholds"]
    assert result["metrics"]["accuracy"] == pytest.approx((predicted == dataset.test.labels).all(axis=1).mean())
    each = [metrics.balanced_accuracy_score(dataset.test.labels[:, k], predicted[:, k]) for k in range(2)]
    assert result["metrics"]["balanced_accuracy"] == pytest.approx(np.mean(each))
    np.save(tmp_path / "rows.npy", dataset.test.inputs[:20])
    for line, row in zip(said(capsys, predict, tmp_path / "run", tmp_path / "rows.npy"), predicted, strict=False):
        assert line[1::3] == ["often", "seldom"]
        assert line[3::3] == [("no", "yes")[one] for one in row.astype(int)]


def test_images_that_are_averaged_over_copies_by_members(tmp_path, colour_images):
    images, labels = colour_images
    dataset = data.images.from_arrays(images, labels, images, labels, validation_fraction=0.4)
    options = {"model": "mlp", "depth": 1, "width": 4, "epochs": 4, "batch_size": 32, "members": 2, "test_time_augmentation": "mirror"}
    args = image_classification.Args(**options, threshold="mcc", temperature_scaling=True, output=str(tmp_path / "run"))
    result = image_classification.main(args, dataset=dataset)
    # Loaded where Hornbook is not, the model has all of it: copies, members, temperature.
    np.save(tmp_path / "images.npy", images.astype(np.float32))
    code = (
        "import sys; sys.modules['hornbook'] = None; import keras, numpy; "
        "numpy.save(sys.argv[3], keras.saving.load_model(sys.argv[1]).predict(numpy.load(sys.argv[2]), verbose=0))"
    )
    paths = [str(tmp_path / name) for name in ("run/model.keras", "images.npy", "logits.npy")]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    logits = np.load(paths[2])
    assert result["metrics"]["loss"] == pytest.approx(classification.cross_entropy(labels, logits), rel=1e-4)
    predicted = classification.softmax(logits)[:, 1] > result["threshold"]["classes"][0]["threshold"]
    assert result["metrics"]["accuracy"] == pytest.approx(np.mean(predicted == labels))
    assert "single_images" in result


def test_texts_and_a_classical_model_that_needs_other_tokens(tmp_path):
    texts = [f"{'good' if k % 4 == 0 else 'bad'} film number {k % 7}" for k in range(120)]
    dataset = data.texts.from_texts(texts, ["yes" if k % 4 == 0 else "no" for k in range(120)], texts[:40], ["yes", "no", "no", "no"] * 10)
    options = {
        "model": "cnn1d",
        "width": 4,
        "kernel_sizes": (1,),
        "epochs": 2,
        "batch_size": 32,
        "embedding_size": 4,
        "output": str(tmp_path / "run"),
    }
    args = text_classification.Args(**options, classical_share=0.5, threshold="recall:0.9", temperature_scaling=True)
    result = text_classification.main(args, dataset=dataset)
    [chosen] = result["threshold"]["classes"]
    assert (chosen["name"], chosen["recall"] >= 0.9) == ("yes", True)
    assert result["temperature"]["validation_examples"] == len(dataset.validation)
    [limit] = json.loads((tmp_path / "run/labels.json").read_text())["thresholds"]
    assert limit == chosen["threshold"]


def test_series(tmp_path, capsys):
    generator = np.random.default_rng(0)
    labels = (generator.random(80) < 0.3).astype(int)
    series = generator.normal(size=(80, 12, 1)) + labels[:, None, None]
    dataset = data.series.from_arrays(series, labels, series, labels, validation_fraction=0.3)
    options = {"model": "fcn", "width": 4, "epochs": 2, "batch_size": 16, "output": str(tmp_path / "run")}
    args = sequence_classification.Args(**options, classical_share=0.0, threshold="cost:1:9", temperature_scaling=True)
    result = sequence_classification.main(args, dataset=dataset)
    np.save(tmp_path / "series.npy", series)
    predicted = np.array([int(line[1]) for line in said(capsys, predict, tmp_path / "run", tmp_path / "series.npy")])
    assert np.mean(predicted == labels) == pytest.approx(result["metrics"]["accuracy"])


def test_several_classes_have_a_temperature_and_no_threshold(tmp_path):
    result = table(tmp_path / "run", dataset="wine", temperature_scaling=True, logit_adjustment="after", validation_fraction=0.3, epochs=3)
    assert result["temperature"]["temperature"] != 1
    layers = [layer.name for layer in keras.saving.load_model(tmp_path / "run/model.keras").layers]
    assert layers[-2:] == ["logit_adjustment", "temperature"]
    assert "threshold" not in result
    assert "thresholds" not in json.loads((tmp_path / "run/labels.json").read_text())
    with pytest.raises(
        UserError, match=r"--threshold f1 is for two classes, .* there are 3 classes, .* --class-weights or --logit-adjustment"
    ):
        table(tmp_path / "other", dataset="wine", threshold="f1")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threshold": "F1"}, "--threshold must be none, f1"),
        ({"threshold": "precision:2"}, "got precision:2"),
        ({"positive_class": "ill", "threshold": "f1"}, "--positive-class ill is none of the classes; accepted are malignant and benign"),
        ({"threshold": "f1", "validation_fraction": 0.0}, "has no validation part, which --threshold f1 needs"),
        ({"temperature_scaling": True, "validation_fraction": 0.0}, "has no validation part, which --temperature-scaling needs"),
    ],
    ids=str,
)
def test_what_cannot_be_decided_is_refused_before_training(options, words, tmp_path):
    with pytest.raises(UserError, match=words) as raised:
        table(tmp_path / "run", **options)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_a_validation_part_is_held_out_even_of_few_examples():
    for options in ({"threshold": "f1"}, {"temperature_scaling": True}):
        assert tabular_classification.Args(**options).split["validation_fraction"] == 0.1
    assert tabular_classification.Args(threshold="f1").needed == {"--threshold f1": "validation"}
    assert tabular_classification.Args().needed == {}


def test_a_precision_that_is_never_reached_leaves_one_half_and_says_so(tmp_path, capsys):
    generator = np.random.default_rng(0)
    rows, labels = generator.normal(size=(200, 2)), (generator.random(200) < 0.3).astype(int)  # Nothing to learn.
    dataset = data.tables.from_arrays(rows, labels, rows, labels, validation_fraction=0.5)
    result = table(tmp_path / "run", dataset, epochs=1, threshold="precision:0.999", evaluate="validation")
    [chosen] = result["threshold"]["classes"]
    assert chosen["threshold"] == 0.5
    assert "no threshold has precision 0.999 or more" in chosen["note"]
    told = capsys.readouterr().out
    assert "note: threshold: that of 1 stays 0.5: no threshold has precision 0.999 or more" in told
    assert "note: threshold: it is chosen on the very examples that are scored here" in told
    assert result["threshold"]["metrics_at_half"]["accuracy"] == result["metrics"]["accuracy"]
    assert "stays 0.5" in (tmp_path / "run/report.html").read_text()


def test_a_class_that_the_threshold_finds_is_not_called_neglected():
    labels = np.repeat([0, 1], [90, 10])
    outputs = np.stack([np.zeros(100), np.where(labels, -1.0, -3.0)], axis=1)  # The rarer class is told apart, and below 0.5.
    ignored = Finding("rare-class-ignored", "error", "Class 1 is never found.")
    watching = types.SimpleNamespace(findings=lambda options: [ignored])
    done = types.SimpleNamespace(watching=watching, history=types.SimpleNamespace(rows=[]))

    def problems(thresholds):
        found = scores.scores("cross-entropy", labels, outputs, ("usual", "rare"), thresholds=thresholds)
        args, model = tabular_classification.Args(), types.SimpleNamespace(inputs=[np.zeros((1, 2))])
        advice = findings.Advice(args, command_line.to_config("", args), model, types.SimpleNamespace(labels=labels), None)
        return [one.problem for one in findings.of_run(advice, done, found, None, "tables", ())]

    assert "rare-class-ignored" in problems(None)
    assert "rare-class-ignored" not in problems([0.2])
    assert "rare-class-ignored" in problems([0.5])  # Of the scores: a threshold that finds it no better.


def test_a_threshold_that_few_examples_decide_is_said_to_be_luck(tmp_path, capsys):
    table(tmp_path / "few", rare(share=0.05), threshold="f1", evaluate="none")
    told = capsys.readouterr().out
    assert re.search(r"chosen on 60 validation examples: rare 0\.\d+ \(4 of it\)", told), told
    assert "note: threshold: that of rare is chosen by 4 validation examples of it, which is mostly luck; hold more out" in told
    table(tmp_path / "enough", rare(800, 0.3), threshold="f1", evaluate="none")
    assert "luck" not in capsys.readouterr().out


def test_nothing_is_scored_and_all_is_decided(tmp_path):
    result = table(tmp_path / "run", rare(), evaluate="none", threshold="f1", temperature_scaling=True)
    assert result["metrics"] == {}
    assert "loss" not in result["temperature"]
    assert "metrics_at_half" not in result["threshold"]
    assert len(json.loads((tmp_path / "run/labels.json").read_text())["thresholds"]) == 1
    assert not math.isnan(result["threshold"]["classes"][0]["value"])
