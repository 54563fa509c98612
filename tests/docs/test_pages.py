"""Links, paths, flags and Python in the documents lead to something that exists."""

import ast
import importlib
import pathlib
import re
import types
import typing

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/notes/*.md")])
# Flags of other programs: ray, ruff, TensorBoard, and what every command has.
FOREIGN = {"head", "port", "address", "check", "logdir", "config", "help"}


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
def flags(generator):
    """By flag, without its dashes, its types in the commands that have it."""
    found = {}
    for cls in generator("flags").command_options().values():
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
def test_every_flag_exists_and_takes_the_word_behind_it(page, flags):
    text = page.read_text(encoding="utf-8")
    scripts = "\n".join(script.read_text(encoding="utf-8") for script in ROOT.glob("benchmarks/*.py"))
    others = FOREIGN | set(re.findall(r'"--([a-z-]+)"', scripts))
    for flag, word in re.findall(r"(?<![\w-])--([a-z][a-z0-9-]*)(?:[ =]([\w-]+))?", text):
        named = flag if flag in flags else flag.removeprefix("no-")
        assert named in flags or flag in others, f"--{flag} is no flag of any command"
        accepted = [choices(hint) for hint in flags.get(named, ())]
        if word and accepted and None not in accepted:
            assert word in set().union(*accepted), f"--{flag} does not take {word}"


@pytest.mark.parametrize("page", [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")], ids=name)
def test_what_python_examples_import_and_name_exists(page):
    for example in code(page.read_text(encoding="utf-8"), "python"):
        tree, modules = ast.parse(example), {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "hornbook":
                package = importlib.import_module(node.module)
                modules |= {alias.asname or alias.name: getattr(package, alias.name) for alias in node.names}
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
