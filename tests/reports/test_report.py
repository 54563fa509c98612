import base64
import io
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from hornbook import UserError
from hornbook.evaluation import classification
from hornbook.reports import classification as report_scores
from hornbook.reports import page, report

HOSTILE = "<script>alert(1)</script> & 日本 \"quoted\" 'name'"
VOID = {"meta", "br", "img", "link", "hr", "input"}


class Page(HTMLParser):
    """A page taken apart: checks that tags are balanced, and collects texts, tags and what would be fetched."""

    def __init__(self, source):
        super().__init__()
        self.source, self.open, self.tags, self.loads, self.texts, self.ids, self.links = source, [], [], [], [], [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), f"an attribute stands twice in <{tag}>"
        self.tags.append((tag, dict(attributes)))
        self.loads += [value for name, value in attributes if name in ("src", "srcset", "action", "data", "poster")]
        self.links += [value for name, value in attributes if name in ("href", "xlink:href")]
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    def count(self, tag, css_class=None):
        return sum(name == tag and css_class in (None, *(values.get("class") or "").split()) for name, values in self.tags)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def scores(classes=4, examples=200, names=None, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=examples)
    logits = generator.normal(size=(examples, classes)) + 2 * np.eye(classes)[labels]
    return classification.classification(labels, logits, names or [f"class {k}" for k in range(classes)])


def epochs(count=5):
    return [
        {
            "epoch": k,
            "loss": 2 / k,
            "accuracy": 1 - 0.5 / k,
            "val_loss": 2.2 / k,
            "val_accuracy": 0.9 - 0.5 / k,
            "learning_rate": 0.1 / k,
            "seconds": 2.0 * k,
        }
        for k in range(1, count + 1)
    ]


def examples(count=3, shape=(8, 8, 1), **changes):
    generator = np.random.default_rng(0)
    images = generator.integers(256, size=(count, *shape), dtype=np.uint8)
    return [{"image": image, "true": "cat", "predicted": "dog", "confidence": 0.875, **changes} for image in images]


def arguments(**changes):
    measured = scores()
    result = {
        "metrics": {"accuracy": measured["accuracy"], "loss": measured["loss"]},
        "seconds": 83.0,
        "seed": 7,
        "versions": {"keras": "3.15.1"},
        "findings": [],
        "evaluated_on": "test",
        "parameters": 272474,
        "best_epoch": 4,
    }
    return {
        "title": "resnet20 on digits",
        "command": "hornbook image-classification --model resnet20",
        "config": {"model": "resnet20", "learning_rate": 0.1, "clip_norm": None, "ema": False, "sizes": [1, 2]},
        "history": epochs(),
        "result": result,
        "evaluation": measured,
        "examples": examples(),
        **changes,
    }


@pytest.fixture
def written(tmp_path):
    def write(**changes):
        path = tmp_path / "report.html"
        report.write_report(path, **arguments(**changes))
        return Page(path.read_text(encoding="utf-8"))

    return write


def test_sections_stand_in_order(written):
    found = ["The learning rate is too high: use --learning-rate 0.01."]
    told = written(result={**arguments()["result"], "findings": found})
    assert told.ids == ["findings", "curves", "confusions", "classes", "calibration", "mistakes", "options", "run"]
    assert told.links == [f"#{name}" for name in told.ids]


def test_headline_tells_score_data_seconds_and_parameters(written):
    measured = scores()
    text = written().text.split("Findings")[0]
    assert page.percent(measured["accuracy"]) in text
    assert "accuracy on the test data, which training never saw (200 examples; 95% interval" in text
    for fact in ("1 min 23 s", "272,474", "Best epoch 4", "Seed 7", "Epochs 5", "Macro F1", "Calibration error"):
        assert fact in text


def test_score_of_validation_data_is_called_so(written):
    told = written(result={**arguments()["result"], "evaluated_on": "validation"})
    assert "on the validation data" in told.text
    assert "never saw" not in told.text


def test_names_are_escaped_everywhere(written):
    told = written(
        title=HOSTILE,
        command=HOSTILE,
        config={HOSTILE: HOSTILE},
        evaluation=scores(names=[HOSTILE, "a", "b", "c"]),
        examples=examples(true=HOSTILE, predicted=HOSTILE),
        history=[{HOSTILE: 1.0, "loss": 1.0}],
        result={
            "metrics": {HOSTILE: 1.0},
            "versions": {HOSTILE: HOSTILE},
            "findings": [HOSTILE, dict.fromkeys(("problem", "severity", "evidence", "advice"), HOSTILE)],
            "evaluated_on": HOSTILE,
            HOSTILE: HOSTILE,
        },
    )
    assert told.count("script") == 0
    assert "<script" not in told.source
    # Underscores become spaces in the names of options and metrics; this name has none.
    assert told.text.count(HOSTILE) >= 12


def test_many_classes_are_escaped_too(written):
    told = written(evaluation=scores(classes=30, names=[HOSTILE] * 30), examples=())
    assert told.count("script") == 0
    assert HOSTILE in told.text


def test_nothing_is_loaded(written):
    told = written()
    assert told.loads
    assert all(load.startswith("data:image/png;base64,") for load in told.loads)
    assert all(link.startswith("#") for link in told.links)
    assert told.count("script") == told.count("link") == told.count("iframe") == 0
    assert not re.search(r"https?://|@import|url\(", told.source)
    assert "default-src 'none'" in told.source


def test_fits_phone_dark_screen_and_paper(written):
    source = written().source
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in source
    assert "prefers-color-scheme: dark" in source
    assert "@media print" in source
    assert source.startswith("<!DOCTYPE html>")


def test_pictures_hold_the_pixels(written):
    shown = examples(2)
    told = written(examples=shown)
    for example, source in zip(shown, told.loads, strict=True):
        picture = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
        assert np.array_equal(np.asarray(picture), example["image"][..., 0])
    assert "is cat said dog , 87.5%" in told.text


def augmented(rows=2, versions=3, shape=(8, 8, 1), label="cat"):
    generator = np.random.default_rng(1)
    noise = [list(generator.integers(0, 256, (versions + 1, *shape)).astype(np.uint8)) for _ in range(rows)]
    return [{"image": image, "versions": versions, "label": label} for image, *versions in noise]


def test_a_sheet_shows_each_image_before_its_versions(written):
    shown = augmented(label=HOSTILE)
    told = written(augmented=shown, examples=())
    assert "augmented" in told.ids
    assert "Augmented input" in told.text
    assert HOSTILE in told.text
    pictures = [Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) for source in told.loads]
    expected = [image for one in shown for image in (one["image"], *one["versions"])]
    assert all(np.array_equal(np.asarray(picture), image[..., 0]) for picture, image in zip(pictures, expected, strict=True))
    alternatives = [values["alt"] for tag, values in told.tags if tag == "img"]
    assert alternatives[1:4] == [f"The same, augmented in epoch {epoch}" for epoch in (1, 2, 3)]


def test_no_sheet_where_nothing_was_changed(written):
    (one,) = augmented(1)
    for sheet in ((), [{**one, "versions": [one["image"]] * 3}]):
        assert "augmented" not in written(augmented=sheet).ids


def test_photographs_of_a_sheet_are_jpeg(written):
    (source, *_) = written(augmented=augmented(1, 1, (200, 100, 3)), examples=()).loads
    assert source.startswith("data:image/jpeg;base64,")
    picture = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
    assert (picture.format, picture.size) == ("JPEG", (72, 144))


def test_many_large_pictures_stay_under_3_megabytes(written):
    names = ["日" * 200 + str(k) for k in range(1500)]
    sheet = augmented(8, 7, (300, 300, 3))
    told = written(evaluation=scores(1500, 3000, names), examples=examples(60, (500, 400, 3)), augmented=sheet, history=epochs(3000))
    assert len(told.source.encode()) < 3_000_000
    assert 8 <= sum("image/png" in source for source in told.loads) <= 24
    assert sum("image/jpeg" in source for source in told.loads) >= 16
    assert told.count("polyline") == 5


@pytest.mark.parametrize("image", [np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_picture_is_refused_and_nothing_written(tmp_path, image):
    with pytest.raises(ValueError, match="must be uint8 of shape"):
        report.write_report(tmp_path / "report.html", **arguments(examples=[{**examples(1)[0], "image": image}]))
    assert list(tmp_path.iterdir()) == []


def test_replaces_the_file_as_a_whole(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    report.write_report(path, **arguments())
    first = path.read_bytes()
    report.write_report(path, **arguments())
    assert path.read_bytes() == first
    assert list(tmp_path.iterdir()) == [path]

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.write_text", full)
        with pytest.raises(UserError, match="No space left"):
            report.write_report(path, **arguments(title="another"))
    assert path.read_bytes() == first
    assert list(tmp_path.iterdir()) == [path]


def test_without_validation(written):
    rows = [{key: value for key, value in row.items() if not key.startswith("val_")} for row in epochs()]
    told = written(history=rows, result={**arguments()["result"], "best_epoch": None})
    curves = told.text.split("Curves")[2].split("Confusions")[0]
    assert "validation" not in curves
    assert "best" not in curves
    assert told.count("polyline") == 3


def test_without_early_stopping_the_lowest_validation_loss_is_marked(written):
    rows = epochs()
    rows[1]["val_loss"] = 0.1
    rows[2]["val_loss"] = math.nan
    told = written(history=rows, result={**arguments()["result"], "best_epoch": None})
    assert told.text.count("best: epoch 2") == 2
    assert "Best epoch" not in told.text


def test_one_epoch_is_a_dot(written):
    told = written(history=epochs(1), result={**arguments()["result"], "best_epoch": 1})
    assert told.count("polyline") == 0
    assert told.count("circle", "dot") == 5
    assert "best and last, epoch 1" in told.text


def test_values_that_are_no_numbers(written):
    rows = epochs()
    rows[2]["loss"] = math.nan
    rows[3]["val_loss"] = math.inf
    rows[4]["accuracy"] = None
    rows[4]["val_accuracy"] = ""
    told = written(history=rows)
    assert "train: no finite value in 1 epoch, first in epoch 3; validation: no finite value in 1 epoch, first in epoch 4." in told.text
    assert not re.search(r'"[^"]*\b(nan|inf)\b[^"]*"', told.source.split("</style>")[1])


def test_a_network_that_gives_no_numbers(written):
    lost = classification.classification(np.array([0, 1]), np.full((2, 2), np.nan), ["a", "b"])
    rows = [{"epoch": k, "loss": math.nan, "val_loss": math.nan} for k in (1, 2)]
    told = written(evaluation=lost, history=rows, examples=(), result={"metrics": {"accuracy": 0.0, "loss": math.nan}})
    assert "The outputs for 2 of 2 examples are not finite numbers." in told.text
    assert "Loss not a number" in told.text


@pytest.mark.parametrize(
    "history", [[], [{}], [{"epoch": 1}], [{"loss": 1}], [{"epoch": "1", "loss": "0.5"}, {"epoch": "2", "loss": "0.25"}]]
)
def test_little_is_known(written, history):
    told = written(history=history, result={}, config={}, evaluation=None, examples=())
    assert "This run was not evaluated." in told.text
    assert "run" in told.ids


def test_not_evaluated_run_shows_its_best_validation(written):
    told = written(evaluation=None, examples=(), result={"metrics": {}, "evaluated_on": "none", "best_epoch": 4})
    assert "77.5%" in told.text
    assert "accuracy on the validation data, epoch 4; no other evaluation was asked for" in told.text
    assert told.ids == ["curves", "options", "run"]


def test_findings_are_texts_or_dicts(written):
    rose = {"problem": "learning-rate-too-high", "severity": "error", "evidence": "The loss rose.", "advice": "Try --learning-rate 0.01."}
    told = written(result={**arguments()["result"], "findings": ["dead units", "dead units", rose, {**rose, "advice": ""}]})
    assert told.text.count("dead units") == 1
    assert told.count("li") == 3
    assert "<p><b>Error: learning rate too high</b></p><p>The loss rose.</p>" in told.source
    assert "Try <code>--learning-rate 0.01</code>." in told.source
    assert "findings" not in written().ids


def test_a_remedied_run_says_what_it_tries(written):
    about = {"first_run": "runs/a", "problem": "learning-rate-too-high", "changes": {"learning_rate": 0.03}}
    told = written(result={**arguments()["result"], "remedied": about})
    assert "Remedy tried This run has --learning-rate 0.03 against learning-rate-too-high, which runs/a had." in told.text


@pytest.mark.parametrize(
    ("names", "upright"),
    [
        (("cat", "dog"), False),
        (("cat", "handwriting"), False),
        (("a", "b", "c", "d", "e", "f", "g", "automobile"), True),
        (tuple("abcdefghijklm"), True),
    ],
)
def test_columns_of_the_confusion_matrix_are_of_one_width(names, upright):
    source = report_scores._heat_table(names, np.eye(len(names), dtype=int))
    assert ("upright" in source) == upright


@pytest.mark.parametrize("classes", [2, 20])
def test_confusion_matrix_shows_every_count(written, classes):
    measured = scores(classes, 800)
    told = written(evaluation=measured, examples=())
    cells = re.findall(r'<td class="(right|wrong|none)[^>]*>(\d+)<', told.source)
    assert [int(count) for _, count in cells] == list(np.ravel(measured["confusion_matrix"]))
    diagonal = [kind for kind, _ in cells][:: classes + 1]
    assert "wrong" not in diagonal


@pytest.mark.parametrize("classes", [21, 1000])
def test_many_classes_show_the_most_confused_pairs(written, classes):
    measured = scores(classes, 3000)
    told = written(evaluation=measured, examples=())
    assert not re.search(r'<td class="(right|wrong)', told.source)
    mistaken = np.array(measured["confusion_matrix"])
    np.fill_diagonal(mistaken, 0)
    true, predicted = np.unravel_index(mistaken.argmax(), mistaken.shape)
    first = f"class {true} class {predicted} {mistaken.max()} "
    assert first in told.text.split("Of the true class")[1]
    assert "The 20 weakest classes" in told.text
    assert told.count("details") == 1


def test_no_mistakes_among_many_classes(written):
    perfect = classification.classification(np.arange(30), 9 * np.eye(30), [f"class {k}" for k in range(30)])
    assert "No example was taken for one of another class." in written(evaluation=perfect, examples=()).text


def test_options_and_run_details(written):
    text = written(result={**arguments()["result"], "threads": 2, "nested": {"not": "shown"}}).text
    for shown in ("learning rate 0.1", "clip norm none", "ema no", "sizes 1, 2", "keras 3.15.1", "threads 2", "--model resnet20"):
        assert shown in text
    assert "nested" not in text


def test_bytes_that_are_no_text_in_a_name(written):
    assert "caf\\udce9" in written(evaluation=scores(names=["caf\udce9", "a", "b", "\x00c"])).text
