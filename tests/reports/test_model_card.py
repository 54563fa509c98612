"""Model cards: the block that the Hub reads, what stands below it, and names that would be markup."""

import dataclasses
import re

import numpy as np
import pytest

from hornbook import data
from hornbook.evaluation import scores, subgroups
from hornbook.reports import model_card, write_model_card

EVIL = "a\n---\n`rm`: <b>|x|</b> [l](javascript:1) https://evil.example www.evil.example \u202e \ud800"


def about(**changes):
    told = {"medium": "tables", "task": "classification", "loss": "cross-entropy", "class_names": ["usual", EVIL]}
    return {**told, "input_shape": (None, 4), "requires": [], **changes}


def evaluation(told, groups=None):
    generator = np.random.default_rng(0)
    labels = generator.integers(2, size=60)
    outputs = generator.normal(size=(60, 2)) + np.eye(2)[labels]
    found = scores.of_run(told, labels, outputs)
    return found if groups is None else {**found, "by_group": subgroups.by_group(told, labels, outputs, groups)}


def written(tmp_path, told=None, **changes):
    told = about() if told is None else told
    measured = changes.pop("evaluation", None)
    given = {
        "title": f"mlp on {EVIL}",
        "options": {"dataset": "csv:/home/me/secret/houses.csv", "hidden_sizes": (3, 4), "label_column": EVIL},
        "data": {"name": "csv:/home/me/secret/houses.csv", "sizes": {"train": 1200, "test": 60}, "notes": [f"left out: {EVIL}"]},
        "result": {"metrics": scores.headline(measured or {}), "evaluated_on": "test", "seconds": 83.2, "seed": 3, "epochs": 7,
                   "parameters": 4321, "versions": {"keras": "3.15.1"}, "backend": "tensorflow"},
    }  # fmt: skip
    given = {name: {**value, **changes[name]} if name in changes and name != "title" else value for name, value in given.items()}
    write_model_card(tmp_path / model_card.NAME, about=told, evaluation=measured, **given)
    return (tmp_path / model_card.NAME).read_text(encoding="utf-8")


def test_the_block_is_what_the_hub_reads(tmp_path):
    yaml = pytest.importorskip("yaml")
    measured = evaluation(about())
    card = written(tmp_path, evaluation=measured)
    block = yaml.safe_load(re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)[1])
    assert (block["library_name"], block["pipeline_tag"]) == ("keras", "tabular-classification")
    assert block["tags"] == ["hornbook", "keras", "tabular-classification"]
    assert block["datasets"] == ["houses.csv"]
    [index] = block["model-index"]
    assert index["name"] == f"mlp on {EVIL}".replace("\ud800", "\N{REPLACEMENT CHARACTER}")
    [result] = index["results"]
    assert result["dataset"] == {"name": "csv:houses.csv", "type": "houses.csv", "split": "test"}
    found = {one["type"]: one["value"] for one in result["metrics"]}
    assert found["accuracy"] == pytest.approx(measured["accuracy"], abs=1e-6)
    assert found["f1"] == pytest.approx(measured["macro_f1"], abs=1e-6)
    assert block["metrics"] == list(found)
    assert all(isinstance(value, float) for value in found.values())
    assert "secret" not in card


def test_the_hub_s_own_reader_takes_it(tmp_path):
    hub = pytest.importorskip("huggingface_hub.repocard")
    measured = evaluation(about())
    read = hub.ModelCard(written(tmp_path, evaluation=measured), ignore_metadata_errors=False).data
    assert read.to_dict()["library_name"] == "keras"
    assert {one.metric_type for one in read.eval_results} >= {"accuracy", "roc_auc"}
    assert {one.dataset_name for one in read.eval_results} == {"csv:houses.csv"}


@pytest.mark.parametrize(
    ("changes", "tag"),
    [
        ({"medium": "images"}, "image-classification"),
        ({"medium": "texts"}, "text-classification"),
        ({"medium": "series", "preprocessing": {"sample_rate": 8000}}, "audio-classification"),
        ({"medium": "series", "preprocessing": {}}, None),
        ({"task": "regression", "loss": "mse", "target_names": ["price"]}, "tabular-regression"),
    ],
    ids=str,
)
def test_what_the_hub_calls_it(changes, tag, tmp_path):
    card = written(tmp_path, about(**changes))
    assert re.findall(r"^pipeline_tag: (.*)$", card, re.MULTILINE) == ([tag] if tag else [])
    assert "metrics:" not in card
    assert "It was not evaluated." in card


def test_scores_have_intervals_by_class_and_group(tmp_path):
    told = about(thresholds=[0.4])
    measured = evaluation(told, groups=np.arange(60) % 3)
    card = written(tmp_path, told, evaluation=measured)
    low, high = measured["accuracy_interval"]
    assert f"| accuracy | {measured['accuracy']:.4g} | {low:.4g} to {high:.4g} |" in card
    for name in ("macro f1", "balanced accuracy", "matthews correlation"):
        assert re.search(rf"\| {name} \| [\d.]+ \| [\d.]+ to [\d.]+ \|", card)
    first = measured["per_class"][0]
    assert re.search(rf"\| usual \| {first['support']} \| [\d.]+ \([\d.]+ to [\d.]+\) \| {first['recall']:.4g} \([\d.]+ to [\d.]+\)", card)
    assert "3 groups, the largest first." in card
    assert f"| 0 | 20 | {measured['by_group'][0]['accuracy']:.4g} |" in card
    assert "these intervals are too narrow" in card
    assert "What is above the number in `thresholds` is predicted." in card


def test_what_comes_from_the_data_is_no_markup(tmp_path):
    told, finding = about(), {"problem": EVIL, "severity": "warning", "evidence": f"{EVIL} is said."}
    measured = evaluation(told, groups=np.repeat([EVIL, "b"], 30))
    card = written(tmp_path, told, evaluation=measured, result={"findings": [finding], "versions": {EVIL: EVIL}})
    block, body = re.match(r"---\n(.*?)\n---\n(.*)", card, re.DOTALL).groups()
    assert "\n---" not in body.replace("\n| ---", "")
    without_code = re.sub(r"```.*?```|(?<!\\)`[^`\n]*`", "", body, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)[`<>\[\]]|https://|www[.]", without_code)
    assert "\u202e" not in card
    assert "\n---" not in block
    for row in re.findall(r"^\|.*$", body, re.MULTILINE):
        assert len(re.findall(r"(?<!\\)\|", row)) in (3, 4, 5, 6)
    escaped = model_card.escaped(EVIL)
    assert [model_card.escaped(one) for one in ("-- a", "# b", "a - b (c)")] == [r"\-- a", r"\# b", "a - b (c)"]
    assert re.sub(r"\\([^\w\s])", r"\1", escaped).startswith(r"a\n---\n`rm`: <b>|x|</b> [l](javascript:1)")


def test_what_a_run_has_further(tmp_path):
    floor = {"model": "logistic regression", "metric": "accuracy", "score": 0.9, "network": 0.95, "interval": [0.01, 0.09]}
    promised = {"promised": 0.9, "calibration_examples": 120, "coverage": 0.912}
    card = written(tmp_path, about(requires=["Rotary"]), result={"floor": floor, "prediction_sets": promised, "metrics": {"loss": None}})
    assert "logistic regression, has accuracy 0.9, this one 0.95 (95% interval of the difference 0.01 to 0.09)" in card
    assert "90.0% of new examples like the 120 validation examples" in card
    assert "Reached where it was scored: 91.2%." in card
    assert "import hornbook.models" in card
    assert "`inputs`: an array `(examples, any, 4)` of rows that `table.json` encodes" in card
    assert "| hidden sizes | 3 4 |" in card
    assert "\nClasses: usual, a" in card
    assert "\nClasses of left\\_us: usual, a" in written(tmp_path, about(target_names=["left_us"]))
    assert "7, seed 3, 1 min 23 s." in card
    many = about(class_names=[f"c{place}" for place in range(70)])
    assert "c49 and 20 more." in written(tmp_path, many)


def test_how_data_were_split():
    dataset = data.tables.from_arrays(np.eye(40), np.arange(40) % 2, np.eye(4, 40), np.arange(4) % 2, validation_fraction=0.5)
    told = model_card.data_of(dataset, 7)
    assert told["sizes"] == {"train": 20, "validation": 20, "test": 4}
    assert told["split"] == "Split with the seed 7; which example went where is in split.csv."
    grouped = dataclasses.replace(dataset, groups=np.arange(40), drawn=False)
    assert "with examples of one group in one part, as a file says;" in model_card.data_of(grouped, 7)["split"]
    timed = dataclasses.replace(dataset, times=np.arange(40), drawn=False)
    assert "Split with the seed 7, by time, the latest examples last;" in model_card.data_of(timed, 7)["split"]


def test_paths_are_not_told():
    assert model_card.public("folder:~/photos/") == "folder:photos"
    assert model_card.public("/data/split.csv") == "split.csv"
    assert model_card.public("ts:/data/Coffee_TRAIN.ts") == "ts:Coffee_TRAIN.ts"
    assert model_card.public("tfds:mnist/config") == "tfds:mnist/config"
    assert model_card.public("mymodule:builder") == "mymodule:builder"
