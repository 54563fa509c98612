import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from hornbook import UserError, records
from hornbook.training import folders, runs

CONFIG = {"recipe": "image_classification", "epochs": 3, "learning_rate": 0.1, "depth": None, "output": "here"}


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def begun(folder, **options):
    """An unfinished run with a checkpoint."""
    with runs.Run(folder, {**CONFIG, **options}) as run:
        run.checkpoint.write_bytes(b"checkpoint")
    return folder


def test_a_new_run(tmp_path):
    with runs.Run(tmp_path / "a" / "run", CONFIG) as run:
        assert not run.resumed
        assert run.folder == tmp_path / "a" / "run"
        assert json.loads(run.path("config.json").read_text()) == CONFIG
        assert run.checkpoint.parent.is_dir()


def test_an_unfinished_run_is_resumed(tmp_path):
    with runs.Run(begun(tmp_path / "run"), CONFIG) as run:
        assert run.resumed
        assert run.checkpoint.read_bytes() == b"checkpoint"


def test_a_run_that_was_moved_is_resumed(tmp_path):
    begun(tmp_path / "run").rename(tmp_path / "moved")
    assert runs.Run(tmp_path / "moved", {**CONFIG, "output": str(tmp_path / "moved")}).resumed


def test_options_are_compared_as_json(tmp_path):
    begun(tmp_path / "run", pair=(1, 2))
    assert runs.Run(tmp_path / "run", {**CONFIG, "pair": (1, 2)}).resumed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"learning_rate": 0.2}, "with --learning-rate 0.1, and this one has 0.2"),
        ({"depth": 5}, "with --depth None, and this one has 5"),
        ({"extra": 1}, "with --extra None, and this one has 1"),
        ({"recipe": "other"}, "with --recipe image_classification"),
    ],
)
def test_other_options_are_refused_with_the_flag(tmp_path, options, words):
    folder = begun(tmp_path / "run")
    before = tree(folder)
    with pytest.raises(UserError) as raised:
        runs.Run(folder, {**CONFIG, **options})
    assert words in str(raised.value)
    assert tree(folder) == before
    assert json.loads((folder / "config.json").read_text()) == CONFIG
    assert runs.Run(folder, CONFIG).resumed  # The refused one let go of the folder.


def test_without_a_checkpoint_other_options_begin_anew(tmp_path):
    # Killed before its first checkpoint: there is nothing to go on from, and nothing to lose.
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "split.csv").write_text("part\n")
    with runs.Run(folder, {**CONFIG, "epochs": 9}) as run:
        assert not run.resumed
    assert json.loads((folder / "config.json").read_text())["epochs"] == 9


HALF_WRITTEN = [".config.0123456789abcdef.writing.json", ".split.fedcba9876543210.writing.csv"]


@pytest.mark.parametrize("left", [[], [".lock"], [".lock", *HALF_WRITTEN], [".lock", "checkpoint/"]])
def test_what_a_run_killed_in_its_first_moment_leaves_is_taken_over(tmp_path, left):
    for name in left:
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).touch()
    with runs.Run(tmp_path, CONFIG) as run:
        assert not run.resumed
        assert not list(tmp_path.glob("*.writing.*"))


def test_a_finished_run_is_never_overwritten(tmp_path):
    folder = begun(tmp_path / "run")
    (folder / "result.json").write_text("{}")
    before = tree(folder)
    with pytest.raises(UserError, match="holds a finished run, which is never overwritten; pass another --output or remove it"):
        runs.Run(folder, CONFIG)
    assert tree(folder) == before


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"is not empty and not a run's folder \(it has thesis.tex\)"):
        runs.Run(tmp_path, CONFIG)
    assert tree(tmp_path) == ["thesis.tex"]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UserError, match=r"--output .* cannot be written: .*; pass a folder that can"):
            runs.Run(folder, CONFIG)


def test_a_second_process_is_refused(tmp_path):
    folder = tmp_path / "run"
    with runs.Run(folder, CONFIG):
        code = f"from hornbook.training import runs; runs.Run({str(folder)!r}, {CONFIG!r})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert f"UserError: another process is at work in {folder}; wait for it or pass another --output" in done.stderr
        with pytest.raises(UserError, match="another process is at work"):
            runs.Run(folder, CONFIG)
        assert (folder / "config.json").exists()  # The refused one removed nothing.
    runs.Run(folder, CONFIG)


def test_a_process_that_died_holds_nothing(tmp_path):
    code = f"import os; from hornbook.training import runs; run = runs.Run({str(tmp_path / 'run')!r}, {CONFIG!r}); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    runs.Run(tmp_path / "run", CONFIG)


@pytest.mark.parametrize("error", [UserError("wrong"), KeyboardInterrupt()])
def test_a_run_that_fails_before_its_first_checkpoint_leaves_nothing(tmp_path, error):
    def fail():
        with runs.Run(tmp_path / "run", CONFIG) as run:
            run.path("split.csv").write_text("")
            run.path("history.csv").write_text("")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert tree(tmp_path) == []
    runs.Run(tmp_path / "run", {**CONFIG, "epochs": 5})


def test_a_folder_that_was_there_stays(tmp_path):
    with pytest.raises(UserError), runs.Run(tmp_path, CONFIG):
        raise UserError("wrong")
    assert tmp_path.is_dir()
    assert tree(tmp_path) == []


def test_a_run_that_fails_after_a_checkpoint_keeps_it(tmp_path):
    folder = begun(tmp_path / "run")
    before = tree(folder)
    with pytest.raises(UserError), runs.Run(folder, CONFIG):
        raise UserError("later")
    assert tree(folder) == before


def test_a_run_whose_configuration_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def full(path, value):
        raise UserError("cannot write: no space")

    monkeypatch.setattr(runs.files, "write_json", full)
    with pytest.raises(UserError, match="no space"):
        runs.Run(tmp_path / "run", CONFIG)
    assert tree(tmp_path) == []


def test_a_disk_without_room_is_said_before_training(tmp_path):
    with runs.Run(tmp_path / "run", CONFIG) as run:
        run.require_space(1)
        with pytest.raises(UserError, match=r"MiB free and this run needs about 1099511627776 MiB"):
            run.require_space(2**60)


def test_finished(tmp_path):
    folder = begun(tmp_path / "run")
    with pytest.raises(UserError, match="holds an unfinished run"):
        runs.finished(folder)
    for nothing in (tmp_path, tmp_path / "nowhere", folder / "config.json"):
        with pytest.raises(UserError, match="holds no run"):
            runs.finished(nothing)
    (folder / "result.json").write_text('{"metrics": {"r2": null}, "seconds": 1, "later": 2}')
    assert runs.finished(str(folder)) == {"metrics": {"r2": None}, "seconds": 1, "later": 2}
    (folder / "result.json").write_text('{"seconds": 1}')
    with pytest.raises(UserError, match=r"result.json is not as Hornbook writes it: object missing required field metrics"):
        runs.finished(folder)


def test_files_that_are_no_json(tmp_path):
    (tmp_path / "a.json").write_text('{"a": ')
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00")
    for path, words in (
        (tmp_path / "a.json", "is not JSON"),
        (tmp_path / "b.json", "is not JSON"),
        (tmp_path / "c.json", "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
    ):
        with pytest.raises(UserError, match=words):
            records.raw(path)


def test_the_default_folder_tells_recipe_and_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with folders.output(None, "image_classification", "resnet20") as folder:
        assert folder.parts[:2] == ("runs", "image_classification")
        assert folder.name.endswith("-resnet20")
    with folders.output(None, "x", "package.module:builder") as folder:
        assert folder.name.endswith("-builder")


def test_the_environment_names_what_figures_depend_on():
    about = json.loads(json.dumps(runs.environment()))
    assert about["backend"] == keras.backend.backend()
    assert about["threads"] >= 1
    assert about["versions"]["keras"] == keras.__version__
    assert about["versions"]["numpy"] == np.__version__
    assert {"hornbook", "python", "scikit-learn"} <= about["versions"].keys()


def test_a_saved_model_is_uncompiled_and_takes_raw_pixels(tmp_path):
    pixels = keras.Input((4, 4, 1))
    outputs = keras.layers.Dense(3)(keras.layers.Flatten()(keras.layers.Rescaling(1 / 16)(pixels)))
    model = keras.Model(pixels, outputs, name="classifier")
    model.compile("adam", "mse")
    inputs = np.random.default_rng(0).integers(0, 17, (5, 4, 4, 1)).astype("float32")
    with runs.Run(tmp_path / "run", CONFIG) as run:
        runs.save_model(run.folder, model, outputs="logits", class_names=("a", "b", "ç"), pixel_maximum=16)
    again = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert not again.compiled
    assert again.name == "classifier"
    np.testing.assert_allclose(again.predict(inputs, verbose=0), model.predict(inputs, verbose=0), rtol=1e-6)
    about = json.loads((tmp_path / "run" / "labels.json").read_text(encoding="utf-8"))
    expected = {"class_names": ["a", "b", "ç"], "outputs": "logits", "input_shape": [4, 4, 1], "pixel_maximum": 16}
    assert expected.items() <= about.items()
    assert model.compiled


def test_a_tuple_is_the_list_that_it_is_kept_as(tmp_path):
    (tmp_path / "config.json").write_text('{"quantiles": [0.1, 0.9]}')
    runs.refuse_other_options(tmp_path, {"quantiles": (0.1, 0.9)})
    with pytest.raises(UserError, match="--quantiles"):
        runs.refuse_other_options(tmp_path, {"quantiles": (0.1, 0.8)})


def test_of_a_search_one_of_its_runs_is_named(tmp_path):
    for name in ("search.json", "result.json", "final/trial_0003/seed-1/result.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    with pytest.raises(UserError, match=r"holds a search; pass the folder of one of its runs, such as .*final/trial_0003/seed-1$"):
        runs.finished(tmp_path)


def test_a_run_that_is_refused_leaves_no_folder_that_it_made(tmp_path):
    folder = tmp_path / "runs" / "recipe" / "run"
    with pytest.raises(UserError), runs.Run(folder, {}):
        raise UserError("no")
    assert not list(tmp_path.iterdir())
