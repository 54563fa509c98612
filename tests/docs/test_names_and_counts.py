"""The page of public names and the counts of parameters are those of today's code."""

import pytest

from hornbook import training


def test_the_page_of_names_is_up_to_date(generator):
    python = generator("python")
    assert python.PAGE.read_text(encoding="utf-8") == python.page(), "run python docs/generate/python.py"


def test_every_public_name_has_a_line(generator):
    rows = [line.split(" | ") for line in generator("python").page().splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows if len(row[-1].strip(" |")) < 15] == []
    named = {row[0].strip("| `") for row in rows}
    assert set(training.__all__) < named
    assert {"images.load", "texts.from_texts", "intervals.spread", "write_report", "BayesianOracle"} < named


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


def test_a_wrong_count_is_put_right(generator):
    heading = "| name | input | parameters |\n|---|---|---|\n"
    text = f"7\n<!-- parameters -->\n{heading}| `mlp` | 3 numbers, 2 classes | {{}} | a |\n<!-- end -->\n7\n"
    count = 3 * 128 + 128 * 128 + 128 * 2 + 2 + 2 * 2 * 128  # The normalization's offset is the bias.
    assert generator("parameters").filled(text.format("1")) == text.format(f"{count:,}")


def test_an_input_that_cannot_be_counted_is_named(generator):
    with pytest.raises(ValueError, match="'three numbers, 2 classes' is no input"):
        generator("parameters").count("mlp", "three numbers, 2 classes")
