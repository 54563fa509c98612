"""The page of flags is made from the code, and is that of today's code."""

import dataclasses
import importlib.util
import pathlib

import pytest

from hornbook.__main__ import COMMANDS, RECIPES, SEARCHES
from hornbook.recipes import image_classification

SCRIPT = pathlib.Path(__file__).parents[1] / "docs" / "generate" / "flags.py"


@pytest.fixture(scope="module")
def flags():
    spec = importlib.util.spec_from_file_location("flags", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(flags):
    assert flags.PAGE.read_text(encoding="utf-8") == flags.page(), "run python docs/generate/flags.py"


def test_every_flag_is_on_the_page_with_its_help(flags):
    page = flags.page()
    assert all(f"## hornbook {name}\n" in page for name in [*RECIPES, *SEARCHES, *COMMANDS])
    rows = flags.table(image_classification.Args).splitlines()[2:]
    assert len(rows) == len(dataclasses.fields(image_classification.Args))
    assert all(len(row.rpartition(" | ")[2]) > 10 for row in rows)


def test_a_row_says_what_a_flag_takes(flags):
    rows = flags.table(image_classification.Args).splitlines()
    assert (
        "| `--clip-value` | number | `0.0` | Cut every element of the gradients to this size; 0 for never. One of the three ways. |" in rows
    )
    assert any(row.startswith("| `--precision` | `float32`, `bfloat16`, `float16`, `auto` | `float32` | ") for row in rows)
    assert any(row.startswith("| `--depth` | integer | none | ") for row in rows)
    assert any(row.startswith("| `--tensorboard` | switch | `false` | ") for row in rows)
