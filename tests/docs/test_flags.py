"""The page of flags is made from the code, is that of today's code, and has every flag once where it is shared."""

import dataclasses

import pytest

from hornbook.__main__ import COMMANDS, RECIPES, SEARCHES
from hornbook.recipes import image_classification, options


@pytest.fixture(scope="module")
def flags(generator):
    return generator("flags")


def test_the_page_is_up_to_date(flags):
    assert flags.PAGE.read_text(encoding="utf-8") == flags.page(), "run python docs/generate/flags.py"


def test_every_flag_is_on_the_page_with_its_help(flags):
    page = flags.page()
    assert all(f"\n\n{group.__doc__.splitlines()[0]} In " in page for group in flags.GROUPS)
    assert all(f"## hornbook {name}\n" in page for name in [*RECIPES, *SEARCHES, *COMMANDS])
    for cls in flags.command_options().values():
        shared = [name for group in flags.groups(cls) for name in group.__annotations__]
        names = [field.name for field in dataclasses.fields(cls)]
        assert sorted(shared + flags.own_names(cls)) == sorted(names)
        rows = flags.table(cls, names).splitlines()[2:]
        assert all(len(row.rpartition(" | ")[2]) > 10 for row in rows)


def test_a_shared_flag_stands_on_the_page_once(flags):
    rows = [line for line in flags.page().splitlines() if line.startswith("| `--weight-decay` | number")]
    assert rows == [row for row in flags.table(options.Optimization, ["weight_decay"]).splitlines() if "--weight-decay" in row]


def test_a_row_says_what_a_flag_takes(flags):
    names = [field.name for field in dataclasses.fields(image_classification.Args)]
    rows = flags.table(image_classification.Args, names).splitlines()
    assert any(row.startswith("| `--clip-value` | number, at least 0 | `0.0` | Clip every element ") for row in rows)
    assert any(row.startswith("| `--precision` | `float32`, `bfloat16`, `float16`, `auto` | `float32` | ") for row in rows)
    assert any(row.startswith("| `--depth` | integer | none | ") for row in rows)
    assert any(row.startswith("| `--tensorboard` | switch | `false` | ") for row in rows)


def test_a_default_that_differs_is_shown_beside_the_shared_one(flags):
    @options.recipe(epochs=7, choices={"schedule": ("constant", "cosine")})
    class Args(options.Optimization):
        own: str = "a"
        """Something of its own."""

    assert flags.own_names(Args) == ["own"]
    assert flags.differences(Args).splitlines()[2:] == [
        "| `--schedule` | `constant`, `cosine` | `cosine` | `cosine` |",
        "| `--epochs` | as above | `7` | `40` |",
    ]
