"""The claims that `benchmarks/claims.toml` lists can be asked, and verdicts follow from levels as the script says."""

import importlib
import importlib.util
import pathlib
import shlex
import tomllib

import pytest

from hornbook.tuning import asked
from hornbook.tuning.comparison import command, driver

_FILE = pathlib.Path(__file__).parents[2] / "benchmarks/claims.py"
_SPEC = importlib.util.spec_from_file_location("claims", _FILE)
claims = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(claims)
ASKED = tomllib.loads((pathlib.Path(claims.HERE) / "claims.toml").read_text())


def planned(name):
    """The plan of a comparison, as `hornbook compare` makes it."""
    comparison = ASKED["comparison"][name]
    words = [comparison["recipe"], *shlex.split(comparison["flags"]), "--metrics", comparison["metrics"], "--seeds", "5"]
    recipe_name, args, base, _, parse = asked.parsed(words, command.Args, "hornbook compare", "")
    recipe = importlib.import_module(f"hornbook.recipes.{recipe_name}")
    return driver.plan(recipe_name, recipe, args, base, command.factors_of(args, base, recipe, parse))


@pytest.mark.parametrize("name", ASKED["comparison"])
def test_a_comparison_is_one_that_the_command_takes(name):
    assert isinstance(planned(name), driver.Plan)


@pytest.mark.parametrize("claim", ASKED["claim"], ids=lambda claim: claim["text"][:40])
def test_a_claim_is_about_levels_conditions_and_measures_that_there_are(claim):
    assert claim["group"] in claims.GROUPS
    assert set(claim["expected"].values()) <= {"better", "worse", "higher", "lower", "same"}
    for name in claim["comparisons"]:
        plan = planned(name)
        assert claim["metric"] in [measure.name for measure in plan.chosen]
        assert claim.get("part", "training") in ("training", *plan.parts)
        compared = {level.name for level in plan.factors[0].levels[1:]}
        if len(claim["comparisons"]) == 1:
            assert set(claim["expected"]) <= compared
        assert set(claim["expected"]) & compared
        conditions = {factor.name: {level.name for level in factor.levels} for factor in plan.factors[1:]}
        for key, values in claim.get("where", {}).items():
            assert set(values if isinstance(values, list) else [values]) <= conditions[key]


def row(level, difference, verdict, *, failed=0, n=5, dataset="digits", metric="accuracy"):
    return {
        "dataset": dataset, "activation": level, "metric": metric, "part": "test", "n": str(n), "failed": str(failed), "mean": "0.5",
        "difference": difference, "low": difference, "high": difference, "p_corrected": "0.01" if difference else "", "verdict": verdict,
    }  # fmt: skip


CLAIM = {"group": 1, "text": "it helps", "comparisons": ["one", "two"], "metric": "accuracy", "part": "test", "expected": {"b": "better"}}


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("better", "better", "**holds here**"),
        ("better", "no difference shown at n = 5", "**holds in part**"),
        ("better", "worse", "**holds in part**"),
        ("worse", "no difference shown at n = 5", "**contradicted**"),
        ("no difference shown at n = 5", "no difference shown at n = 5", "**not shown**"),
    ],
)
def test_verdicts(first, second, verdict):
    levels = {name: [row("a", "", "compared with"), row("b", "0.1", told)] for name, told in (("one", first), ("two", second))}
    assert claims.verdict(list(claims.answers(CLAIM, levels))) == verdict


def test_what_was_not_measured_has_no_verdict():
    assert claims.verdict(list(claims.answers(CLAIM, {"one": [], "two": []}))) == "not measured yet"


def test_runs_that_fail_count():
    levels = {"one": [row("a", "", "compared with", failed=5, n=0), row("b", "", "too few runs to tell")], "two": []}
    [answer] = claims.answers(CLAIM, levels)
    assert answer["found"] == "as claimed"
    levels["one"][0] |= {"failed": "2", "n": "3"}
    [answer] = claims.answers(CLAIM, levels)
    assert answer["found"] == "not shown"


def test_a_claim_of_no_difference():
    claim = {**CLAIM, "comparisons": ["one"], "expected": {"b": "same"}}
    for told, found in (("no difference shown at n = 5", "as claimed"), ("worse", "against the claim")):
        [answer] = claims.answers(claim, {"one": [row("a", "", "compared with"), row("b", "0.1", told)]})
        assert answer["found"] == found
