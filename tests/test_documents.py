"""The documents: generated pages are those of today's code; links, paths, flags and Python in them lead to something that exists."""

import ast
import dataclasses
import importlib
import importlib.util
import pathlib
import re
import types
import typing

import pytest

from hornbook import training
from hornbook.__main__ import COMMANDS, SEARCHES
from hornbook.recipes import RECIPES, image_classification, options

ROOT = pathlib.Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/notes/*.md")])
# Flags of other programs: ray, ruff, TensorBoard, and what every command has.
FOREIGN = {"data-binary", "head", "port", "address", "check", "logdir", "config", "help", "trust-code"}

ALSO_OF_SCRIPTS = {"task"}  # Flags that a benchmark has, too, with other words.


@pytest.fixture(scope="module")
def generator():
    """A function from the name of a script of docs/generate to its module."""

    def load(name):
        spec = importlib.util.spec_from_file_location(f"generate_{name}", ROOT / "docs" / "generate" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="module")
def flags(generator):
    return generator("flags")


def test_the_page_of_flags_is_up_to_date(flags):
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
    assert any(row.startswith("| `--clip-value` | number, at least 0 and less than 1e+18 | `0.0` | Clip every element ") for row in rows)
    assert any(row.startswith("| `--precision` | `float32`, `bfloat16`, `float16`, `auto` | none | ") for row in rows)
    assert any(row.startswith("| `--depth` | integer, at least 0 and less than 10001 | none | ") for row in rows)
    assert any(row.startswith("| `--tensorboard` | switch | `false` | ") for row in rows)


def test_a_default_that_differs_is_shown_beside_the_shared_one(flags):
    @options.recipe(epochs=7, choices={"schedule": ("constant", "cosine")})
    class Args(options.Optimization):
        own: str = "a"
        """Something of its own."""

    assert flags.own_names(Args) == ["own"]
    assert flags.differences(Args).splitlines()[2:] == [
        "| `--schedule` | `constant`, `cosine` | `auto` | `auto` |",
        "| `--epochs` | as above | `7` | `auto` |",
    ]


def test_the_page_of_names_is_up_to_date(generator):
    python = generator("python")
    assert python.PAGE.read_text(encoding="utf-8") == python.page(), "run python docs/generate/python.py"


def test_every_public_name_has_a_line(generator):
    rows = [line.split(" | ") for line in generator("python").page().splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows if len(row[-1].strip(" |")) < 15] == []
    named = {row[0].strip("| `") for row in rows}
    assert set(training.__all__) < named
    assert {"images.load", "texts.from_texts", "intervals.spread", "write_report", "BayesianOracle"} < named


def test_the_tables_of_options_of_models_are_up_to_date(generator):
    tables = generator("model_options")
    text = tables.PAGE.read_text(encoding="utf-8")
    assert tables.filled(text) == text, "run python docs/generate/model_options.py"
    assert "| `initial_scale` | `1.0` |" in text


def _page(generator, name):
    parameters = generator("parameters")
    (page,) = [page for page in parameters.PAGES if page.name == name]
    text = page.read_text(encoding="utf-8")
    assert parameters.filled(text) == text, "run python docs/generate/parameters.py"
    assert text.count("<!-- parameters -->") == text.count("<!-- end -->") > 0


def test_counts_of_the_readme_are_up_to_date(generator):
    _page(generator, "README.md")


@pytest.mark.slow  # Half a minute: every variant is built.
def test_counts_of_the_page_of_models_are_up_to_date(generator):
    _page(generator, "models.md")


def test_the_cards_of_techniques_are_up_to_date(generator):
    cards = generator("cards")
    levels, groups = cards.sources()
    for path in cards.CARDS.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        assert cards.asked(text), path.name
        assert cards.filled(text, levels, groups) == text, f"{path.name}: run python docs/generate/cards.py"


def _level(level, verdict, **values):
    row = {
        "comparison": "one",
        "dataset": "tfds:digits",
        "conditions": "batch_size=2",
        "level": level,
        "metric": "macro_f1",
        "part": "test",
    }
    measured = {"n": "5", "failed": "0", "mean": "0.51234", "difference": "", "low": "", "high": "", "p_corrected": "", "seconds": "9.04"}
    return {**row, **measured, "verdict": verdict, **values}


def test_a_card_has_what_was_measured_and_says_what_was_not(generator):
    cards = generator("cards")
    gain = {"mean": "0.61234", "difference": "0.1", "low": "0.05", "high": "0.15", "p_corrected": "0.0123", "failed": "1"}
    levels = [
        _level("none", "compared with"), _level("b", "better", **gain), _level("c", "no difference shown at n = 5", **gain),
        _level("none", "compared with", part="validation"), _level("b", "better", **gain, part="validation"),
    ]  # fmt: skip
    groups = {"one": "[few examples](../claims.md#10)", "two": "[few examples](../claims.md#10)"}
    text = "# B\n<!-- measured\none: b\ntwo: b, c | accuracy\n-->\nold\n<!-- end of measured -->\nafter"
    made = cards.filled(text, levels, groups)
    rows = [line for line in made.splitlines() if line.startswith("| digits")]
    assert rows == [
        "| digits, batch_size 2 | b against none | macro f1 | 0.612 | 0.512 | **+0.1 [+0.05, +0.15]** | 0.0123 | 5, 1 failed | 9.04, 9.04 |"
    ]
    assert "--only one`; what it trains, how to read it: [few examples](../claims.md#10).\n\nNot measured yet: `two`." in made
    assert "old" not in made
    assert made.endswith("after")
    assert cards.filled(made, levels, groups) == made
    assert "Not measured yet: `one`, `two`." in cards.filled(text, [], groups)
    assert "**" not in cards.filled(text.replace("one: b", "one: c"), levels, groups)
    with pytest.raises(ValueError, match="no comparison 'three'"):
        cards.filled(text.replace("two", "three"), levels, groups)
    with pytest.raises(ValueError, match="one has no level 'd'"):
        cards.filled(text.replace("one: b", "one: d"), levels, groups)


def test_a_wrong_count_is_put_right(generator):
    heading = "| name | input | parameters |\n|---|---|---|\n"
    text = f"7\n<!-- parameters -->\n{heading}| `mlp` | 3 numbers, 2 classes | {{}} | a |\n<!-- end -->\n7\n"
    count = 3 * 128 + 128 * 128 + 128 * 2 + 2 + 2 * 2 * 128  # The normalization's offset is the bias.
    assert generator("parameters").filled(text.format("1")) == text.format(f"{count:,}")


def test_an_input_that_cannot_be_counted_is_named(generator):
    with pytest.raises(ValueError, match="'three numbers, 2 classes' is no input"):
        generator("parameters").count("mlp", "three numbers, 2 classes")


def name(page):
    return str(page.relative_to(ROOT))


def anchors(page):
    """The headings of a page as GitHub links to them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(text, language=""):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_file_and_a_heading(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_file(), f"{target} leads to no file"
        assert file.is_relative_to(ROOT)
        if anchor:
            assert anchor in anchors(file), f"{target}: the page has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_of_the_tree_exists(page):
    text = re.sub(r"\]\([^)]*\)", "]", page.read_text(encoding="utf-8"))  # Links are relative to their page.
    folders = "hornbook|models|data|training|evaluation|reports|inference|recipes|tuning|tests|benchmarks|docs"
    paths = re.findall(rf"(?<![\w/.])((?:{folders})/[\w/.-]*\.(?:py|md|csv|gz|slurm|png))\b", text)
    assert [path for path in paths if not (ROOT / path).is_file()] == []


@pytest.fixture(scope="module")
def types_of_flags(flags):
    """By flag, without its dashes, its types in the commands that have it."""
    found = {}
    for cls in flags.command_options().values():
        for field, hint in typing.get_type_hints(cls).items():
            found.setdefault(field.replace("_", "-"), []).append(hint)
    return found


def choices(hint):
    """The words that a type takes; None where it takes others too."""
    if typing.get_origin(hint) is typing.Literal:
        return set(typing.get_args(hint))
    parts = [part for part in typing.get_args(hint) if part is not types.NoneType]
    found = [choices(part) for part in parts]
    return set().union(*found) if found and None not in found else None


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_flag_exists_and_takes_the_word_behind_it(page, types_of_flags):
    text = page.read_text(encoding="utf-8")
    scripts = "\n".join(script.read_text(encoding="utf-8") for script in ROOT.glob("benchmarks/**/*.py"))
    others = FOREIGN | set(re.findall(r'"--([a-z-]+)"', scripts))
    for flag, word in re.findall(r"(?<![\w-])--([a-z][a-z0-9-]*)(?:[ =]([\w-]+))?", text):
        named = flag if flag in types_of_flags else flag.removeprefix("no-")
        assert named in types_of_flags or flag in others, f"--{flag} is no flag of any command"
        accepted = [choices(hint) for hint in types_of_flags.get(named, ())]
        if word and accepted and None not in accepted and named not in ALSO_OF_SCRIPTS:
            assert word in set().union(*accepted), f"--{flag} does not take {word}"


@pytest.mark.parametrize("page", [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")], ids=name)
def test_what_python_examples_import_and_name_exists(page):
    for example in code(page.read_text(encoding="utf-8"), "python"):
        tree, modules = ast.parse(example), {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "hornbook":
                exec(ast.unparse(node), modules)  # Which finds a file that nobody has imported, too.
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and re.fullmatch(r"[\w.]+", ast.unparse(node)):
                parts = ast.unparse(node).split(".")
                thing = modules.get(parts[0])
                for part in parts[1:]:
                    if not isinstance(thing, types.ModuleType):
                        break
                    thing = getattr(thing, part)


@pytest.mark.parametrize("page", ["README.md", "docs/data/augmentation.md"])
def test_examples_train(page, tmp_path, monkeypatch, capsys):
    import keras

    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    (example,) = code((ROOT / page).read_text(encoding="utf-8"), "python")
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    for told, smaller in ((", 20\n", ", 1\n"), ("epochs=5", "epochs=1"), ('normalization="group"', "depth=4, width=8")):
        example = example.replace(told, smaller)
    exec(example, {"model": model})
    if page == "README.md":
        assert float(capsys.readouterr().out.split()[-1]) > 0.1  # One epoch of the twenty: more than guessing.
