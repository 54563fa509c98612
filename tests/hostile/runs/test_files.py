"""Every JSON value in every place of a run's files: one line, or it is taken; never another exception."""

import contextlib
import itertools
import json
import os
import shutil

import hypothesis
import pytest
from hypothesis import strategies

from hornbook import UserError, command_line, recipes, records
from hornbook.data.inputs import whole
from hornbook.data.texts import tokenizing
from hornbook.inference import runs_table
from hornbook.inference.finished_run import open_run
from hornbook.recipes import image_classification
from hornbook.training import manifest, runs

MEDIA = ["images", "texts", "series", "tables"]
CASES = [
    ("images", "labels.json"), ("texts", "labels.json"), ("series", "labels.json"), ("tables", "labels.json"),
    ("images", "config.json"), ("series", "config.json"), ("tables", "chosen.json"), ("tables", "table.json"),
    ("texts", "tokenizer.json"), ("texts", "ngrams.json"), ("images", "result.json"),
]  # fmt: skip


@contextlib.contextmanager
def refused_in_one_line():
    try:
        yield
    except UserError as error:
        assert "\n" not in command_line._one_line(str(error))  # noqa: PT017 - it may be taken.


def use(folder, given):
    """What `hornbook predict` does before a model is loaded."""
    trained, medium = open_run(folder)
    read = [value for _, value in whole(medium.read(given, trained))]
    medium.examples(read, trained)
    return read


@pytest.mark.parametrize(("medium", "name"), CASES)
@hypothesis.given(data=strategies.data())
def test_a_value_that_is_not_the_runs_own(medium, name, data, copy_of, inputs, spoil):
    folder = copy_of(medium)
    path = folder / name
    path.write_bytes(data.draw(spoil(json.loads(path.read_text()))))
    with refused_in_one_line():
        use(folder, inputs[medium])


@pytest.mark.parametrize("medium", MEDIA)
def test_what_the_runs_themselves_wrote(medium, finished, inputs):
    assert use(finished(medium), inputs[medium])


# What takes the place of a whole file: the least that JSON has, what is none, and what a disk that was full leaves.
WHOLE = {"{}": b"{}", "[]": b"[]", "null": b"null", "5": b"5", "deep": b"[" * 10**5, "nothing": b"", "cut off": None, "NUL": bytes(99)}
# What a run could have written: it is the other file that says what is missing.
CONTRADICTED = {("chosen.json", "{}"): "config.json", ("ngrams.json", "[]"): "tokenizer.json"}


@pytest.mark.parametrize("written", WHOLE)
@pytest.mark.parametrize(("medium", "name"), [*CASES, ("tables", manifest.NAME)])
def test_a_file_of_nothing_is_named(medium, name, written, finished, copy_of, inputs):
    folder = copy_of(medium)
    whole = (finished(medium) / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2] if WHOLE[written] is None else WHOLE[written])
    with pytest.raises(UserError) as raised:
        use(folder, inputs[medium])
    assert str(folder / CONTRADICTED.get((name, written), name)) in str(raised.value)
    assert "\n" not in str(raised.value)


MISSED = {
    "labels.json": {"medium", "task", "class_names", "loss", "input_shape"},
    "config.json": {"dataset", "fold", "test_fraction", "split_seed"},
    "result.json": {"metrics", "seconds"},
}


@pytest.mark.parametrize("medium", MEDIA)
@pytest.mark.parametrize("name", MISSED)
def test_a_key_that_is_missing_is_named_with_its_file(medium, name, finished, copy_of, inputs):
    folder, whole = copy_of(medium), json.loads((finished(medium) / name).read_text())
    missed = set()
    for key in whole:
        (folder / name).write_text(json.dumps({other: value for other, value in whole.items() if other != key}))
        try:
            use(folder, inputs[medium])
        except UserError as error:
            assert str(folder / name) in str(error)  # noqa: PT017 - it may be taken.
            assert key in str(error)  # noqa: PT017
            missed.add(key)
    assert missed >= MISSED[name]


@pytest.mark.parametrize("medium", MEDIA)
@pytest.mark.parametrize("recipe", [*recipes.RECIPES, "image_classification", "rumours", "../x", "os", "", None, 5, []])
def test_the_name_of_another_recipe_changes_nothing(medium, recipe, finished, copy_of, inputs):
    folder = copy_of(medium)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "recipe": recipe}))
    with refused_in_one_line():
        assert len(use(folder, inputs[medium])) == len(use(finished(medium), inputs[medium]))


@pytest.mark.parametrize(("medium", "other"), list(itertools.permutations(MEDIA, 2)))
@pytest.mark.parametrize("name", ["labels.json", "model.keras"])
def test_a_file_of_a_run_of_another_medium(medium, other, name, finished, copy_of, inputs):
    folder = copy_of(medium)
    shutil.copy(finished(other) / name, folder / name)
    with pytest.raises(UserError) as raised:
        use(folder, inputs[medium])
    assert str(folder) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize("kind", ["a pipe", "a device", "a link to nothing"])
@pytest.mark.parametrize(
    ("medium", "name"),
    [
        ("images", "a.png"), ("images", "a.npy"), ("images", "a"), ("texts", "a.txt"), ("texts", "a.csv"), ("series", "a.csv"),
        ("series", "a.ts"), ("series", "a.npy"), ("tables", "a.csv"), ("tables", "a.npy"),
    ],
)  # fmt: skip
def test_an_input_that_is_no_file(medium, name, kind, finished, tmp_path):
    if kind == "a pipe":
        os.mkfifo(tmp_path / name)
    else:
        (tmp_path / name).symlink_to("/dev/zero" if kind == "a device" else "nowhere")
    with pytest.raises(UserError) as raised:
        use(finished(medium), str(tmp_path / name))
    assert str(tmp_path / name) in str(raised.value)
    assert any(word in str(raised.value) for word in (kind, "neither a file", "is not there", "no such file", "No such file"))


@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize(("medium", "name"), [*CASES, ("tables", manifest.NAME), ("images", "model.keras")])
def test_a_file_of_a_run_that_is_a_pipe(medium, name, copy_of, inputs):
    path = copy_of(medium) / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.raises(UserError, match=r"is a pipe, not a file|is not a file|holds an unfinished run"):
        use(path.parent, inputs[medium])


@hypothesis.given(data=strategies.data())
def test_a_config_that_replaces_the_defaults(data, finished, tmp_path, spoil):
    path = tmp_path / "config.json"
    path.write_bytes(data.draw(spoil(json.loads((finished("images") / "config.json").read_text()))))
    with refused_in_one_line():
        args = command_line.parse(image_classification.Args, ["--config", str(path)], "hornbook image-classification", "")
        assert ":" not in args.model
        image_classification.check(args)


@hypothesis.given(data=strategies.data())
def test_the_table_of_runs_names_what_it_cannot_read(data, copy_of, spoil):
    folder = copy_of("images")
    path = folder / data.draw(strategies.sampled_from(["result.json", "config.json", "chosen.json"]))
    path.write_bytes(data.draw(spoil(json.loads(path.read_text()))))
    with refused_in_one_line():
        found, unfinished, broken = runs_table.find(folder.parent)
        assert (len(found), unfinished, len(broken)) in ((1, 0, 0), (0, 0, 1))
        table = runs_table.Table(found)
        for row in table.sorted("folder"):
            table.row(row), table.csv_row(row)


@hypothesis.given(data=strategies.data())
def test_the_summary_of_several_seeds_and_what_a_remedy_changes(data, copy_of, spoil):
    folder = copy_of("images")
    spread = {"mean": 0.5, "standard_deviation": None, "minimum": 0.5, "maximum": 0.5}
    summary = {"metrics": {"accuracy": spread}, "seconds": 2.5, "seeds": [0]}
    (folder / "seeds.json").write_bytes(data.draw(spoil(summary)))
    (folder / runs.REMEDY).write_bytes(data.draw(spoil({"first_run": "a", "problem": "b", "changes": {"epochs": 3}})))
    with refused_in_one_line():
        assert sum(map(len, runs_table.find(folder.parent)[::2])) in (0, 1)
    with refused_in_one_line():
        runs.remedy_of(folder)


@hypothesis.given(data=strategies.data())
def test_sizes_and_checksums(data, finished, copy_of, spoil):
    folder = copy_of("images")
    whole = json.loads((finished("images") / manifest.NAME).read_text())
    (folder / manifest.NAME).write_bytes(data.draw(spoil(whole)))
    with refused_in_one_line():
        manifest.check(folder, list(whole))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"", "is not JSON"),
        (b"{}", "missing required field"),
        (b"[]", "expected an object, got a list"),
        (b"null", "expected an object, got null"),
        (b"\xff\xfe{}", "is not JSON"),
        (b'{"metrics": {}, "seconds": NaN}', "is not JSON"),
        (b'{"metrics": {}, "seconds": 1e999}', "is not JSON"),
        (b'{"metrics": {}, "seconds": -1}', "seconds: expected float >= 0"),
        (b'{"metrics": {"a": "b"}, "seconds": 1}', "metrics[any]: expected float | null, got str"),
        (b'{"metrics": ' * 99_999, "nested too deep"),
        (b'{"metrics": {"a": 1, "a": 2}, "seconds": 1}', "is not JSON that Hornbook wrote: it has 'a' twice in one place"),
    ],
)
def test_what_is_said_of_a_result(written, said, copy_of):
    folder = copy_of("images")
    (folder / "result.json").write_bytes(written)
    with pytest.raises(UserError) as raised:
        runs.finished(folder)
    assert said in str(raised.value)
    assert str(raised.value).startswith(str(folder / "result.json"))


def test_other_runs_are_listed_beside_a_bad_one(finished, copy_of):
    folder = copy_of("images")
    for medium in ("texts", "tables"):
        (folder.parent / medium).symlink_to(finished(medium).parent)  # Links are not followed.
    good, bad = copy_of("series"), copy_of("tables")
    (bad / "result.json").write_text("[" * 99_999)
    found, _, broken = runs_table.find(folder.parent)
    assert [run["folder"] for run in found] == [folder.name, good.name]
    assert len(broken) == 1
    assert str(bad / "result.json") in broken[0]


def test_a_tokenizer_cuts_texts_as_one_of_hornbooks(copy_of):
    path = copy_of("texts") / "tokenizer.json"
    whole = json.loads(path.read_text())
    slow = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}
    path.write_text(json.dumps({**whole, "pre_tokenizer": slow}))
    with pytest.raises(UserError, match="does not cut texts as any of Hornbook's tokenizers"):
        tokenizing.load(path)


def test_a_file_larger_than_any_run_has_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "LARGEST", 10)
    (tmp_path / "a.json").write_text('"0123456789"')
    with pytest.raises(UserError, match="larger than 10 bytes"):
        records.raw(tmp_path / "a.json")
