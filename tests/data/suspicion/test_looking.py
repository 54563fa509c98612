"""What is planted is named, with counts; what is clean is not."""

import dataclasses
import pathlib
import re

import numpy as np
import pytest
from PIL import Image

from hornbook import data
from hornbook.data.selection import arranging
from hornbook.data.suspicion import looking


def found(dataset, severities=("error", "warning")):
    return {one.problem: one for one in looking.look(dataset) if one.severity in severities}


@pytest.mark.parametrize(
    "load",
    [
        lambda: data.images.load("digits"),
        lambda: data.tables.load("breast_cancer"),
        lambda: data.tables.load("wine"),
        lambda: data.tables.load("diabetes", task="regression"),
        lambda: data.series.load("copy", length=20, examples=1000),
    ],
    ids=["digits", "breast_cancer", "wine", "diabetes", "copy"],
)
def test_clean_data_have_nothing(load):
    assert not found(load())


def rows(count=300, columns=6):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(count, columns))
    return x, (x[:, 0] + x[:, 1] + generator.normal(size=count) > 0).astype(int)


def test_rows_in_two_parts_exactly_and_nearly():
    x, y = rows()
    generator = np.random.default_rng(1)
    test = np.concatenate([x[:5], x[5:9] + 0.001 * generator.normal(size=(4, 6)), generator.normal(size=(41, 6))])
    dataset = data.tables.from_arrays(x, y, test, np.arange(50) % 2, validation_fraction=0)
    one = found(dataset)["test-overlap"]
    assert one.severity == "warning"
    assert one.told.startswith("9 of 50 test examples are training examples too, 5 exactly and 4 nearly: test ")
    assert {(pair[1].rpartition(":")[2], pair[3].rpartition(":")[2]) for pair in one.pairs} == {(str(k), str(k)) for k in range(9)}
    assert [pair[4] for pair in one.pairs] == ["exact"] * 5 + ["near"] * 4
    most = data.tables.from_arrays(x, y, x[:40], y[:40], validation_fraction=0)
    assert found(most)["test-overlap"].severity == "error"


def test_rows_of_few_values_are_equal_by_chance():
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 4, (400, 3)), generator.integers(0, 2, 400)
    assert not found(data.tables.from_arrays(x, y, generator.integers(0, 4, (100, 3)), y[:100]))


def pictures(count=120, side=20):
    generator = np.random.default_rng(0)
    small = generator.integers(0, 256, (count, 5, 5, 3)).astype(np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC)) for one in small])


def test_a_picture_that_was_brightened_and_saved_again(tmp_path):
    images = pictures()
    changed = []
    for number in range(4):
        brighter = np.clip(images[number] * 0.8 + 30, 0, 255).astype(np.uint8)
        Image.fromarray(brighter).resize((40, 40)).save(tmp_path / "a.jpg", quality=70)
        changed.append(np.asarray(Image.open(tmp_path / "a.jpg").resize((20, 20))))
    test = np.concatenate([images[4:6], np.stack(changed), pictures(160)[120:]])
    dataset = data.images.from_arrays(images, np.arange(120) % 2, test, np.arange(len(test)) % 2, validation_fraction=0)
    one = found(dataset)["test-overlap"]
    assert "6 of 46 test examples are training examples too, 2 exactly and 4 nearly" in one.told


def test_files_are_named(tmp_path):
    for number, pixels in enumerate(pictures(60)):
        path = pathlib.Path(tmp_path, "ab"[number % 2], f"{number}.png")
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    for number in range(8):
        Image.fromarray(pictures(60)[number]).save(tmp_path / "a" / f"copy{number}.png")
    for in_memory in ("always", "never"):
        overlaps = [one for one in looking.look(data.images.load(f"folder:{tmp_path}", in_memory=in_memory)) if "overlap" in one.problem]
        pairs = [pair for one in overlaps for pair in one.pairs]
        assert pairs
        for pair in pairs:
            names = sorted(pathlib.Path(name).stem for name in (pair[1], pair[3]))
            assert names[1] == f"copy{names[0]}"


def test_texts_that_differ_in_signs_and_a_word():
    words = np.array(["sun", "rain", "snow", "wind", "cloud", "storm", "hail", "fog", "ice", "heat", "frost", "dew"])
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(words, 14)) for _ in range(200)]
    near = texts[1].split()
    near[13] = "night"
    test = [texts[0].upper() + "!", " ".join(near), *(" ".join(generator.choice(words, 14)) for _ in range(38))]
    labels = ["yes", "no"] * 100
    one = found(data.texts.from_texts(texts, labels, test, labels[:40], validation_fraction=0))["test-overlap"]
    assert (
        "2 of 40 test examples are training examples too, 1 exactly and 1 nearly: test 0 is train 0; test 1 is nearly train 1" in one.told
    )


def test_a_source_without_parts_has_examples_and_no_all(tmp_path):
    generator = np.random.default_rng(0)
    images = np.repeat(generator.integers(0, 256, (40, 8, 8, 1)).astype(np.uint8), 2, axis=0)
    np.savez(tmp_path / "twice.npz", x_train=images, y_train=np.arange(80) % 2)
    told = found(data.images.load(f"npz:{tmp_path / 'twice.npz'}", test_fraction=0.0, validation_fraction=0.3))["validation-overlap"].told
    assert re.search(r"exactly and \d+ nearly: example \d+ is example \d+; example \d+ is example \d+", told)
    assert not re.search(r"\ball\b", told)


def test_series_with_a_little_noise():
    generator = np.random.default_rng(0)
    walks = np.cumsum(generator.normal(size=(120, 40, 2)), axis=1)
    others = np.cumsum(generator.normal(size=(30, 40, 2)), axis=1)
    test = np.concatenate([walks[:2], walks[2:5] + 0.01 * generator.normal(size=(3, 40, 2)), others])
    dataset = data.series.from_arrays(walks, np.arange(120) % 2, test, np.arange(35) % 2, validation_fraction=0)
    assert "5 of 35 test examples are training examples too, 2 exactly and 3 nearly" in found(dataset)["test-overlap"].told


@pytest.mark.parametrize("written", ["number", "noisy number", "category", "missing"])
def test_a_column_that_gives_the_label_away(tmp_path, written):
    x, y = rows()
    flips = np.random.default_rng(2).random(len(y)) < 0.03
    leak = np.where(flips, 1 - y, y)
    noisy = np.random.default_rng(3).normal(100 + 200 * leak, 20)
    cells = {"number": leak * 2.5 + 1, "noisy number": noisy, "category": np.array(["open", "closed"])[leak]}
    cells = {**cells, "missing": np.where(leak == 1, "7", "")}[written]
    lines = [",".join([*(f"{value:.4f}" for value in row), str(cell), "ny"[label]]) for row, cell, label in zip(x, cells, y, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,d,e,f,status,label", *lines]) + "\n")
    one = found(data.tables.load(f"csv:{tmp_path}/t.csv"))["label-leak"]
    assert one.told.startswith("A column gives the label away: status alone tells 9")
    assert one.remedy.startswith("--id-column 'status'")


def test_a_leak_of_numbers_and_a_strong_feature():
    x, _ = rows()
    target = 3 * x[:, 0] + x[:, 1]
    assert not found(data.tables.from_arrays(x, target, task="regression"))
    leaking = np.concatenate([x, target[:, None] + 0.01 * x[:, 2:3]], axis=1)
    assert "label-leak" in found(data.tables.from_arrays(leaking, target, task="regression"))


def test_another_distribution_and_none():
    x, y = rows(400)
    generator = np.random.default_rng(3)
    test = generator.normal(size=(100, 6))
    assert not found(data.tables.from_arrays(x, y, test, y[:100]))
    test[:, 2] += 1.5
    one = found(data.tables.from_arrays(x, y, test, y[:100]))["test-shift"]
    assert "most of all by column3, whose mean is 1." in one.told


def test_groups_that_differ_are_no_other_distribution(tmp_path):
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(40, 3)) * 3
    lines = [
        ",".join([str(g), *(f"{v:.3f}" for v in centres[g] + 0.1 * generator.normal(size=3)), "ny"[g % 2]])
        for g in range(40)
        for _ in range(6)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["group,a,b,c,label", *lines]) + "\n")
    name = f"csv:{tmp_path}/t.csv"
    apart = data.tables.load(name, group_column="group", test_fraction=0.5, validation_fraction=0)
    assert not found(dataclasses.replace(apart, drawn=False))


def test_groups_in_two_parts(tmp_path):
    for number in range(40):
        path = pathlib.Path(tmp_path, "photos", "ab"[number % 2], f"patient{number // 4}_{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures(40)[number]).save(path)
    lines = [f"{'test' if number % 8 < 2 else 'train'},patient{number // 4}_{number}.png" for number in range(40)]
    (tmp_path / "mine.csv").write_text("\n".join(["part,file", *lines]) + "\n")
    arranged = arranging.Arrangement(group_pattern=r"patient(\d+)", split_file=f"{tmp_path}/mine.csv")
    one = found(data.images.load(f"folder:{tmp_path}/photos", arranged=arranged))["test-groups"]
    assert one.told.startswith("5 of 5 groups of the test part stand in training too, with 10 of 10 test examples: 0, 2, 4, 6, 8;")
    assert one.severity == "error"


def test_a_class_that_a_part_lacks():
    x, y = rows()
    one = found(data.tables.from_arrays(x, y, rows(30)[0] + 9, np.zeros(30, int)))["absent-class"]
    assert one.told == "1 of 2 classes have no example in the test part: 1; nothing is known of how well they are recognized."


def test_what_was_not_looked_at_is_said(monkeypatch):
    monkeypatch.setattr(looking, "_MOST_HELD_OUT", 20)
    x, y = rows()
    one = found(data.tables.from_arrays(x, y, x[:60], y[:60], validation_fraction=0))["test-overlap"]
    assert one.told.endswith("Looked at: 20 of 60 test examples.")
    monkeypatch.setattr(looking, "_MOST_HELD_OUT", 10_000)
    [cut] = looking.look(data.tables.from_arrays(x, y, x[:60], y[:60], validation_fraction=0.2), seconds=-1)
    assert (cut.problem, cut.severity) == ("not-looked-for", "note")
    assert cut.told == (
        "The look at the data ended after -1 seconds, before it looked for copies among the validation examples, and for copies among the "
        "test examples, and for another distribution of the test examples."
    )
    assert "not-looked-for" not in [one.problem for one in looking.look(data.tables.from_arrays(x, y, x[:60], y[:60]))]


def test_time_that_ends_between_looks_leaves_those_behind(monkeypatch):
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(300, 4)), np.arange(300) % 2
    times = iter([0.0, 1.0, 30.0, 31.0])
    monkeypatch.setattr(looking.time, "monotonic", lambda: next(times))
    *_, cut = looking.look(data.tables.from_arrays(x, y, x[:60], y[:60], validation_fraction=0.2))
    assert "before it looked for copies among the test examples, and for another" in cut.told
