import importlib
import pathlib
import pkgutil
import subprocess
import sys

import pytest

import hornbook
from hornbook import __main__ as command
from hornbook import endings
from hornbook.recipes import RECIPES as TEXTS

RECIPES = sorted(TEXTS)
SUBPACKAGES = ("data", "evaluation", "inference", "models", "recipes", "reports", "training", "tuning")


def imported(code):
    """The top-level modules that a fresh process has imported after some code."""
    code += "\nimport sys; print('\\n'.join(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split("\n"))


HEAVY = {"tensorflow", "keras", "jax", "torch", "tensorflow_datasets", "sklearn", "matplotlib"}


@pytest.mark.parametrize(
    "code",
    [
        "import hornbook",
        "import hornbook.training",
        "import hornbook.__main__ as command; command.main(['--help'])",
        "import hornbook.__main__ as command; command.main(['--version'])",
        "from hornbook import data; data.images.check_name('digits')",
        "from hornbook import command_line, files; from hornbook.training import runs; from hornbook.data.images import tfds",
    ],
)
def test_what_is_asked_first_imports_nothing_heavy(code):
    assert not imported(code) & HEAVY


@pytest.mark.parametrize("name", [*RECIPES, *command.CHECKS, *command.SEARCHES, *command.COMMANDS])
def test_the_help_of_each_command_imports_no_keras(name):
    code = f"""
import hornbook.__main__ as command
try:
    command.main([{name!r}, "--help"])
except SystemExit as stop:
    assert stop.code in (0, None), stop.code
"""
    assert not imported(code) & {"tensorflow", "keras", "jax", "torch"}


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"], []])
def test_help_lists_recipes_and_commands(words, capsys):
    command.run(words)
    text = capsys.readouterr().out
    for name, about in {**TEXTS, **command.CHECKS, **command.SEARCHES, **command.COMMANDS}.items():
        assert f"  {name}" in text
        assert about in text
    assert all(len(line) <= 140 for line in text.splitlines())


@pytest.mark.parametrize("word", ["--version", "-V"])
def test_version(word, capsys):
    command.run([word])
    assert capsys.readouterr().out == f"{hornbook.__version__}\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("image-clasification", "hornbook: no command 'image-clasification'; did you mean image-classification? there are "),
        ("evalute", "did you mean evaluate? "),
        ("xyzzy", "hornbook: no command 'xyzzy'; there are image-classification, "),
        ("--nosuch", "no command '--nosuch'"),
    ],
)
def test_an_unknown_command_is_one_line_and_code_2(name, words, capsys):
    with pytest.raises(SystemExit) as raised, endings.ending("hornbook"):
        command.run([name])
    assert raised.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert words in said.err


def test_every_recipe_that_is_listed_exists_and_the_other_way_round():
    from hornbook import recipes

    files = {file.name.replace("_", "-") for file in pkgutil.iter_modules(recipes.__path__)}
    shared = {"adversarial", "checks", "classifying", "networks", "options", "ranges", "repeats", "robust-groups", "steps"}
    assert files - shared == set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_what_the_command_line_calls(name):
    recipe = importlib.import_module(f"hornbook.recipes.{name.replace('-', '_')}")
    assert recipe.__doc__.strip()
    assert callable(recipe.main)
    assert callable(recipe.build)
    assert recipe.Args()
    # The list says what the recipe says of itself.
    assert TEXTS[name].split(":")[0] == recipe.__doc__.strip().split(":")[0]


@pytest.mark.parametrize("name", command.COMMANDS)
def test_a_command_is_passed_its_words(name, monkeypatch):
    called = []
    monkeypatch.setattr(importlib.import_module(f"hornbook.{command.COMMAND_FILES[name]}"), name, called.append)
    command.run([name, "a", "--b"])
    assert called == [["a", "--b"]]


def test_a_recipe_s_wrong_words_end_with_code_2(capsys):
    with pytest.raises(SystemExit) as raised:
        command.run(["image-classification", "--epochs", "many"])
    assert raised.value.code == 2
    assert capsys.readouterr().err.startswith("hornbook image-classification: ")


def test_a_module_runs_as_the_command_does():
    done = subprocess.run([sys.executable, "-m", "hornbook", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{hornbook.__version__}\n", "")


def test_subpackages_are_found_on_first_use():
    names = imported("import hornbook; hornbook.training.__all__; hornbook.recipes.__doc__; hornbook.tuning.__all__")
    assert not names & HEAVY
    assert {*SUBPACKAGES, "UserError", "__version__"} == set(dir(hornbook))
    for name in SUBPACKAGES:
        assert getattr(hornbook, name) is importlib.import_module(f"hornbook.{name}")
    with pytest.raises(AttributeError, match=r"'hornbook' has no attribute 'model'; it has data, evaluation, .*, UserError"):
        _ = hornbook.model


def test_a_user_s_error_is_a_value_error():
    assert issubclass(hornbook.UserError, ValueError)


def test_the_version_is_that_of_the_installed_package():
    import importlib.metadata

    assert importlib.metadata.version("hornbook") == hornbook.__version__


def test_the_packages_are_where_the_imports_say():
    # `models/` is `hornbook.models`, and nothing called `models` is importable beside it.
    for name in SUBPACKAGES:
        assert pathlib.Path(getattr(hornbook, name).__file__).parent.name == name
    code = "import importlib.util as u; assert u.find_spec('hornbook'); print(u.find_spec('training'), u.find_spec('recipes'))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["None", "None"]
