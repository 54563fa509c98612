"""The house holds: what may import what, how long a file is, how many are in a folder, and that recipes do not repeat each other."""

import itertools
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
CODE = ("hornbook", "data", "models", "training", "evaluation", "reports", "inference", "recipes", "tuning")
PYTHON = [path for folder in (*CODE, "tests", "benchmarks", "docs") for path in sorted((ROOT / folder).rglob("*.py"))]
MOST_LINES, LEAST_LINES, MOST_FILES, MOST_LINES_OF_A_RECIPE, MOST_EQUAL_LINES = 400, 50, 16, 250, 9
SHARED = ("__init__", "adversarial", "checks", "classifying", "options", "ranges", "repeats", "robust_groups")
RECIPES = [path for path in sorted((ROOT / "recipes").glob("*.py")) if path.stem not in SHARED]


def test_import_linter_finds_no_broken_contract(tmp_path):
    # Laid out as it is installed: of an editable install, import-linter would see one folder alone.
    shutil.copytree(ROOT / "hornbook", tmp_path / "hornbook", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in CODE[1:]:
        shutil.copytree(ROOT / folder, tmp_path / "hornbook" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from importlinter.cli import lint_imports_command; lint_imports_command()"
    words = [sys.executable, "-c", code, "--config", str(ROOT / "setup.cfg"), "--no-cache"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_subject(path):
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= MOST_LINES
    assert lines >= LEAST_LINES or path.name in ("__init__.py", "conftest.py")


def test_a_folder_shows_what_it_is_about():
    for folder in {path.parent for path in PYTHON}:
        files = [path for path in folder.iterdir() if path.is_file()]
        assert len(files) <= MOST_FILES, f"{folder.relative_to(ROOT)} has {len(files)} files"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_short(path):
    assert path.read_text(encoding="utf-8").count("\n") < MOST_LINES_OF_A_RECIPE


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_imports_no_other(path):
    imported = re.findall(r"(?:from hornbook\.recipes import (.*)|hornbook\.recipes\.(\w+))", path.read_text(encoding="utf-8"))
    names = {name.strip() for pair in imported for name in ",".join(pair).split(",") if name.strip()}
    assert names - {"adversarial", "classifying", "networks", "robust_groups"} == {"options", "steps"}


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(RECIPES, 2)), ids=lambda path: path.stem)
def test_recipes_do_not_repeat_each_other(first, second):
    stretches = []
    for path in (first, second):
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        stretches.append({tuple(lines[k : k + MOST_EQUAL_LINES + 1]) for k in range(len(lines) - MOST_EQUAL_LINES)})
    common = stretches[0] & stretches[1]
    assert not common, "\n".join(next(iter(common)))
