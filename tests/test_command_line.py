import dataclasses
import json
import os
import pathlib
import shlex
import subprocess
import sys
from typing import Literal

import pytest

from hornbook import UserError, command_line, endings, libraries


@dataclasses.dataclass(frozen=True)
class Options:
    """One option of every kind that a recipe has."""

    dataset: str = "digits"
    """Where the images come from."""
    learning_rate: float = 1e-3
    """The highest."""
    depth: int | None = 20
    """Layers."""
    optimizer: Literal["sgd", "adam"] = "adam"
    """Which."""
    shuffle: bool = True
    """Or not."""
    quiet: bool = False
    """Or not."""
    sizes: tuple[int, ...] = (1, 2)
    """Some numbers."""
    seed: int = 0
    """Of everything."""
    output: str | None = None
    """Folder."""


def parse(*words):
    return command_line.parse(Options, words, "hornbook job", "Does a job.")


def config(tmp_path, values):
    path = tmp_path / "config.json"
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return str(path)


def refusal(*words):
    with pytest.raises(UserError) as raised:
        parse(*words)
    message = command_line._one_line(str(raised.value))
    assert "\n" not in message
    assert not any(ord(letter) in range(0x2500, 0x2580) for letter in message)  # Of no box.
    return message


def test_no_words_are_the_defaults():
    assert parse() == Options()


def test_words():
    words = shlex.split("--learning-rate 1e-2 --depth None --optimizer sgd --no-shuffle --quiet --sizes 3 4 5 --seed -7 --output 'a b'")
    expected = Options("digits", 1e-2, None, "sgd", False, True, (3, 4, 5), -7, "a b")
    assert parse(*words) == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--depth"], ["--depth", "Missing"]),
        (["--depth", "deep"], ["--depth", "'deep'"]),
        (["--learning-rate", "fast"], ["--learning-rate", "'fast'"]),
        (["--seed", "1.5"], ["--seed", "'1.5'"]),
        (["--optimizer", "lion"], ["invalid choice 'lion' for argument '--optimizer'", "sgd", "adam"]),
        (["--nosuch"], ["there is no option --nosuch; see"]),
        (["--nosuch", "3"], ["there is no option --nosuch; see"]),
        (["stray"], ["Unrecognized options: stray"]),
        (["--learning_rat", "1"], ["there is no option --learning", ", did you mean --learning-rate?; see"]),
        (["--config"], ["--config needs a file"]),
    ],
)
def test_wrong_words_are_said_in_one_line(words, said):
    message = refusal(*words)
    for part in said:
        assert part in message
    assert words == ["--config"] or message.endswith("see hornbook job --help")


def test_nothing_else_is_printed_on_an_error(capfd):
    refusal("--depth", "deep")
    assert capfd.readouterr() == ("", "")


def test_help_lists_every_option_and_ends_well(capsys):
    with pytest.raises(SystemExit) as raised:
        parse("--help")
    assert raised.value.code in (0, None)
    text = capsys.readouterr().out
    assert "Does a job." in text
    for field in dataclasses.fields(Options):
        assert field.name.replace("_", "-") in text


def test_a_config_replaces_the_defaults_and_flags_win(tmp_path):
    path = config(tmp_path, {"recipe": "job", "depth": None, "learning_rate": 0.5, "optimizer": "sgd", "output": "elsewhere", "seed": -3})
    expected = Options(depth=None, learning_rate=0.5, optimizer="sgd", seed=-3)
    assert parse("--config", path) == parse(f"--config={path}") == expected
    assert parse("--config", path, "--seed", "4", "--depth", "2") == dataclasses.replace(expected, seed=4, depth=2)
    assert parse("--seed", "4", "--config", path) == dataclasses.replace(expected, seed=4)
    assert parse("--config", path, "--output", "here").output == "here"


def test_a_whole_config_comes_back(tmp_path):
    options = Options("tfds:a b", 3.0000000000000004e-7, None, "sgd", False, True, (), -2, "here")
    path = config(tmp_path, command_line.to_config("job", options))
    assert parse("--config", path) == dataclasses.replace(options, output=None)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"dephts": 3}, ["unknown option 'dephts'", "accepted are dataset, depth"]),
        ("{", ["is not JSON"]),
        ("[1]", ["must hold an object of options"]),
        ({"depth": "deep"}, ['--depth takes a whole number or null, got "deep"']),
        ({"seed": 1.5}, ["--seed takes a whole number, got 1.5"]),
        ({"seed": None}, ["--seed takes a whole number, got null"]),
        ({"optimizer": "lion"}, ['--optimizer takes sgd or adam, got "lion"']),
    ],
)
def test_a_wrong_config_is_said_in_one_line_with_its_name(tmp_path, values, said):
    path = config(tmp_path, values)
    message = refusal("--config", path)
    for part in (path, *said):
        assert part in message


def test_a_config_that_is_not_there(tmp_path):
    assert "nosuch.json cannot be read: No such file" in refusal("--config", str(tmp_path / "nosuch.json"))
    assert "cannot be read: Is a directory" in refusal("--config", str(tmp_path))


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(dataset="folder:my pictures; rm -rf", learning_rate=1e-05, depth=None),
        Options(dataset="-odd", optimizer="sgd", shuffle=False, quiet=True, sizes=(3, 4), seed=-1),
    ],
)
def test_the_command_says_the_same(options):
    words = shlex.split(command_line.command("image_classification", options))
    assert words[:2] == ["hornbook", "image-classification"]
    assert parse(*words[2:]) == options


def test_the_command_is_short_and_leaves_out_the_folder():
    assert command_line.command("a_job", Options(seed=3, output="here")) == "hornbook a-job --seed 3"


def test_config_values_are_json(tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Args:
        folder: pathlib.Path = pathlib.Path("a/b")
        depth: int | None = None

    values = command_line.to_config("job", Args())
    assert json.loads(json.dumps(values)) == {"recipe": "job", "folder": "a/b", "depth": None}


# The end of a process.


def ended(error):
    with pytest.raises(SystemExit) as raised:  # noqa: SIM117
        with endings.ending("hornbook job"):
            raise error
    return raised.value.code


def test_a_box_of_hyphens_is_taken_off():
    box = f"{'-' * 60}\n Unrecognized options: --nosuch\n{'-' * 60}\n"
    assert command_line._one_line(box) == "there is no option --nosuch"
    assert command_line._one_line("a--b --c -") == "a--b --c -"


def test_a_user_s_error_is_one_line_and_code_2(capsys):
    assert ended(UserError("depth must be odd,\ngot 4")) == 2
    assert capsys.readouterr() == ("", "hornbook job: depth must be odd,\\ngot 4\n")


def test_an_interruption_is_code_130(capsys):
    assert ended(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "hornbook job: interrupted\n"


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), endings.ending("hornbook job"):
        _ = 1 / 0
    with pytest.raises(ValueError, match="a bug"), endings.ending("hornbook job"):
        raise ValueError("a bug")


def test_run_parses_and_calls(capsys):
    called = []
    command_line.run(called.append, Options, ["--seed", "3"], recipe="job")
    assert called == [Options(seed=3)]
    with pytest.raises(SystemExit) as raised:
        command_line.run(called.append, Options, ["--seed", "three"], recipe="some_job")
    assert raised.value.code == 2
    assert capsys.readouterr().err.startswith("hornbook some-job: ")
    assert len(called) == 1


def script(code, *arguments, **environment):
    kept = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env={**kept, **environment})


QUIET = """
import os, sys
from hornbook import libraries
with libraries.quiet_libraries():
    os.write(2, b"chatter of a library")
    if sys.argv[1] == "fail":
        raise RuntimeError("it failed")
os.write(2, b"afterwards")
"""


@pytest.mark.skipif(os.path.exists("/proc/driver/nvidia"), reason="nothing is hidden where there is an NVIDIA driver")
def test_libraries_are_quiet_unless_something_fails():
    assert script(QUIET, "go on").stderr == "afterwards"
    failed = script(QUIET, "fail").stderr
    assert failed.startswith("chatter of a library")
    assert "RuntimeError: it failed" in failed
    assert script(QUIET, "go on", TF_CPP_MIN_LOG_LEVEL="3").stderr == "afterwards"
    assert script(QUIET, "go on", TF_CPP_MIN_LOG_LEVEL="0").stderr == "chatter of a libraryafterwards"


def test_another_copy_is_noted(tmp_path, capsys):
    tree = pathlib.Path(command_line.__file__).resolve().parents[1]
    command_line.warn_if_another_copy(tree / "recipes" / "image_classification.py")
    assert capsys.readouterr().err == ""
    # A source tree that is not the one that runs.
    other = tmp_path / "checkout"
    for name in ("hornbook/command_line.py", "recipes/image_classification.py"):
        (other / name).parent.mkdir(parents=True)
        (other / name).touch()
    command_line.warn_if_another_copy(other / "recipes" / "image_classification.py")
    message = capsys.readouterr().err
    assert message.startswith("note: ")
    assert str(tree / "hornbook") in message
    assert str(other) in message
    assert message.count("\n") == 1


def test_a_copied_recipe_runs_without_a_note(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "my_recipe.py").touch()
    command_line.warn_if_another_copy(tmp_path / "mine" / "my_recipe.py")
    assert capsys.readouterr().err == ""


def test_a_backend_that_is_not_there_is_said_in_one_line(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    with pytest.raises(UserError, match="KERAS_BACKEND must be tensorflow, jax or torch, got 'theano'"), libraries.quiet_libraries():
        pass
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    monkeypatch.setattr(libraries.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"jax, which is not installed: pip install jax, or unset it"), libraries.quiet_libraries():
        pass


def test_numbers_that_are_none_are_said_plainly(capsys):
    from hornbook.recipes import image_classification

    for words, said in (
        (["--epochs", "three"], "--epochs takes a whole number or auto, got 'three'"),
        (["--l2", "much"], "--l2 takes a number, got"),
    ):
        with pytest.raises(UserError, match=said):
            command_line.parse(image_classification.Args, words, "hornbook image-classification", "")
