import csv
import io
import json
import subprocess
import sys

import pytest

from hornbook.inference import runs_table

CONFIG = {"recipe": "image_classification", "dataset": "digits", "model": "cnn", "optimizer": "adamw", "seed": 0, "seeds": 1}


def write(folder, metrics=None, seconds=12.3, **options):
    """A run's folder; unfinished without metrics."""
    folder.mkdir(parents=True)
    (folder / "checkpoint").mkdir()
    (folder / "config.json").write_text(json.dumps({**CONFIG, "output": str(folder), **options}))
    if metrics is not None:
        (folder / "result.json").write_text(json.dumps({"metrics": metrics, "seconds": seconds}))


def group(folder, seeds=(0, 1), **options):
    """A run with several seeds, all finished."""
    for seed in seeds:
        write(folder / f"seed-{seed}", {"accuracy": 0.9 + seed / 100, "loss": 0.1}, seed=seed, **options)
    metrics = {"accuracy": {"mean": 0.905, "standard_deviation": 0.00707, "n": 2}, "loss": {"mean": 0.1, "standard_deviation": None}}
    (folder / "seeds.json").write_text(json.dumps({"metrics": metrics, "seconds": 25.0, "seeds": list(seeds)}))


@pytest.fixture
def several(tmp_path):
    """Runs at several depths: two finished, one of two seeds, two unfinished."""
    top = tmp_path / "runs"
    write(top / "images/b", {"accuracy": 0.95, "loss": 0.3}, optimizer="lion")
    write(top / "images/a", {"accuracy": 0.97123, "loss": 0.2}, seconds=100)
    group(top / "images/several", optimizer="sgd")
    write(top / "images/cut-off")
    write(top / "text/cut-off")
    return top


def table(capsys, *words):
    runs_table.runs(list(map(str, words)))
    return capsys.readouterr().out.splitlines()


def folders(lines):
    return [line.split()[0] for line in lines if line.startswith("images/")]


def test_the_table(several, capsys):
    assert table(capsys, several) == [
        "folder          model  dataset         accuracy    loss  seconds  options",
        "images/a        cnn    digits            0.9712  0.2000      100",
        "images/b        cnn    digits            0.9500  0.3000       12  optimizer=lion",
        "images/several  cnn    digits   0.9050 ± 0.0071  0.1000       25  optimizer=sgd seed=0-1",
        "2 unfinished",
    ]


def test_scores_are_sorted_best_first_and_the_rest_ascends(several, capsys):
    assert folders(table(capsys, several, "--sort", "accuracy")) == ["images/a", "images/b", "images/several"]
    assert folders(table(capsys, several, "--sort", "loss")) == ["images/several", "images/a", "images/b"]
    assert folders(table(capsys, several, "--sort", "seconds")) == ["images/b", "images/several", "images/a"]
    assert folders(table(capsys, several, "--sort", "optimizer")) == ["images/a", "images/b", "images/several"]


def test_floors(tmp_path, capsys):
    def floored(name, floor, **options):
        write(tmp_path / name, {"accuracy": 0.9}, floor=floor is not None, **options)
        (tmp_path / name / "result.json").write_text(json.dumps({"metrics": {"accuracy": 0.9}, "seconds": 9, "floor": floor}))

    whole = {"model": "boosting", "score": 0.875, "difference": 0.025, "higher_is_better": True}
    floored("a", whole)
    floored("b", {**whole, "score": 2.0, "difference": 0.5, "higher_is_better": False})
    floored("c", {"model": None, "notes": ["no"]})
    floored("d", None)
    for seed in (0, 1):
        floored(f"e/seed-{seed}", {**whole, "difference": 0.1 * seed}, seed=seed)
    metrics = {"accuracy": {"mean": 0.9, "standard_deviation": 0.0}}
    (tmp_path / "e/seeds.json").write_text(json.dumps({"metrics": metrics, "seconds": 18, "seeds": [0, 1]}))
    lines = [line.split() for line in table(capsys, tmp_path, "--sort", "above_floor")]
    assert lines[0] == ["folder", "model", "dataset", "accuracy", "floor", "above_floor", "seconds", "options"]
    scored = [[cell for cell in line if "=" not in cell] for line in lines]
    assert [(line[0], line[-3:-1]) for line in scored[1:4]] == [
        ("e", ["0.8750", "0.0500"]),
        ("a", ["0.8750", "0.0250"]),
        ("b", ["2.0000", "-0.5000"]),
    ]
    assert [line[0] for line in lines[4:]] == ["c", "d"]


def test_what_a_run_lacks_comes_last(tmp_path, capsys):
    write(tmp_path / "images/a", {"accuracy": None})
    write(tmp_path / "images/b", {"accuracy": 0.1}, depth=4)
    write(tmp_path / "images/c", {"accuracy": 0.2}, depth=11)
    write(tmp_path / "images/d", {}, depth=None)
    assert folders(table(capsys, tmp_path, "--sort", "accuracy")) == ["images/c", "images/b", "images/a", "images/d"]
    assert folders(table(capsys, tmp_path, "--sort", "depth")) == ["images/b", "images/c", "images/a", "images/d"]


def test_what_was_left_to_the_data_sets_no_run_apart(tmp_path, capsys):
    for name, epochs in (("a", 10), ("b", 20), ("c", 20)):
        write(tmp_path / name, {"accuracy": 0.9}, epochs="auto", batch_size=16)
        (tmp_path / name / "chosen.json").write_text(json.dumps({"epochs": epochs}))
    write(tmp_path / "d", {"accuracy": 0.9}, epochs=20, batch_size=32)
    assert [line.split()[5:] for line in table(capsys, tmp_path)] == [["options"], [], [], [], ["batch_size=32"]]
    assert [line.split()[0] for line in table(capsys, tmp_path, "--sort", "epochs")[1:]] == ["a", "b", "c", "d"]


def test_as_csv(several, capsys):
    runs_table.runs([str(several), "--csv", "--sort", "accuracy"])
    said = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert [row["folder"] for row in rows] == ["images/a", "images/b", "images/several"]
    assert float(rows[0]["accuracy"]) == 0.97123
    assert (rows[0]["accuracy_standard_deviation"], rows[2]["accuracy_standard_deviation"]) == ("", "0.00707")
    assert rows[2]["loss_standard_deviation"] == ""
    assert said.err == "2 unfinished\n"


def test_an_option_that_some_runs_do_not_know_does_not_differ(tmp_path, capsys):
    write(tmp_path / "old", {})
    write(tmp_path / "new", {}, clip_value=0.0)
    assert table(capsys, tmp_path)[0].split() == ["folder", "model", "dataset", "seconds"]


def test_an_option_of_another_recipe_sets_no_run_apart(tmp_path, capsys):
    write(tmp_path / "images", {"accuracy": 0.9})
    for name, window in (("series", 16), ("other", 16), ("third", 32)):
        write(tmp_path / name, {"accuracy": 0.9}, window=window)
    assert {line.split()[0]: line.split()[5:] for line in table(capsys, tmp_path)[1:]} == {
        "images": [],
        "other": [],
        "series": [],
        "third": ["window=32"],
    }


def test_an_option_called_as_a_score(tmp_path, capsys):
    write(tmp_path / "a", {"loss": 0.5}, loss="focal")
    write(tmp_path / "b", {"loss": 0.4}, loss="crossentropy")
    lines = table(capsys, tmp_path, "--sort", "loss_option")
    assert lines[0].split() == ["folder", "model", "dataset", "loss", "seconds", "options"]
    assert [line.split()[3] for line in lines[1:]] == ["0.4000", "0.5000"]
    assert lines[1].endswith("loss=crossentropy")


def test_a_seed_that_was_added_and_cut_off_is_unfinished(tmp_path, capsys):
    group(tmp_path / "several")
    write(tmp_path / "several/seed-2", seed=2)
    lines = table(capsys, tmp_path)
    assert [line.split()[0] for line in lines] == ["folder", "several", "1"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("result.json", "{", "result.json is not JSON: "),
        ("result.json", "[]", "result.json is not as Hornbook writes it: expected an object, got a list"),
        ("result.json", '{"metrics": {}}', "missing required field seconds"),
        ("result.json", '{"metrics": {"accuracy": "high"}, "seconds": 1}', "metrics[any]: expected float | null, got str"),
        ("result.json", '{"metrics": [1], "seconds": 1}', "metrics: expected an object, got a list"),
        ("config.json", "", "config.json is not JSON: "),
        ("seeds.json", '{"seeds": [0], "metrics": {}, "seconds": 1}', "No such file or directory"),
        ("seeds.json", '{"seeds": [], "metrics": {}, "seconds": 1}', "seeds: expected a list of length >= 1"),
    ],
)
def test_a_broken_folder_is_named_and_the_others_are_listed(name, text, words, several, capsys):
    write(several / "images/broken", {"accuracy": 0.5})
    (several / "images/broken" / name).write_text(text)
    lines = table(capsys, several)
    assert folders(lines) == ["images/a", "images/b", "images/several"]
    [said] = [line for line in lines if line.startswith(f"{several}/images/broken/")]
    assert words in said


def test_names_that_a_terminal_cannot_show(tmp_path, capsys):
    write(tmp_path / "a\x1b[31m\nb", {})
    assert table(capsys, tmp_path)[1].startswith(r"a\u001b[31m\nb ")


def test_the_default_folder_and_none_in_it(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words, message in (([], "there is no folder runs; pass one"), (["--sort", "x", str(tmp_path / "no")], "there is no folder")):
        with pytest.raises(SystemExit) as raised:
            runs_table.runs(words)
        assert raised.value.code == 2
        assert message in capsys.readouterr().err
    (tmp_path / "runs").mkdir()
    assert table(capsys) == ["no finished run below runs"]


def test_a_column_that_does_not_exist(several, capsys):
    with pytest.raises(SystemExit) as raised:
        runs_table.runs([str(several), "--sort", "acuracy"])
    assert raised.value.code == 2
    said = capsys.readouterr().err
    assert "--sort acuracy is no column; there are folder, model, dataset, optimizer, seed, accuracy, loss, seconds" in said


def test_it_needs_nothing_heavy(several):
    code = "import sys, hornbook.__main__ as command; command.main(['runs', sys.argv[1]]); "
    code += "assert not {'tensorflow', 'keras', 'sklearn', 'PIL'} & sys.modules.keys()"
    done = subprocess.run([sys.executable, "-c", code, str(several)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("2 unfinished\n")
