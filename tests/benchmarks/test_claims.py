"""The claims that `benchmarks/claims.toml` lists can be asked, and verdicts follow from levels as the script says."""

import functools
import importlib
import importlib.util
import pathlib
import shlex
import sys
import tomllib

import pytest

from hornbook.tuning import asked
from hornbook.tuning.comparison import command, driver

ROOT = pathlib.Path(__file__).parents[2]
_FILE = ROOT / "benchmarks/claims.py"
_SPEC = importlib.util.spec_from_file_location("claims", _FILE)
claims = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(claims)
ASKED = tomllib.loads((pathlib.Path(claims.HERE) / "claims.toml").read_text())


@functools.cache
def planned(name):
    """The plan of a comparison, as `hornbook compare` makes it."""
    comparison = ASKED["comparison"][name]
    words = [comparison["recipe"], *shlex.split(comparison["flags"]), "--metrics", comparison["metrics"], "--seeds", "5"]
    recipe_name, args, base, _, parse = asked.parsed(words, command.Args, "hornbook compare", "")
    recipe = importlib.import_module(f"hornbook.recipes.{recipe_name}")
    with pytest.MonkeyPatch.context() as patch:  # Data that are not prepared here.
        patch.setattr(recipe, "check_name", lambda args: None)
        return driver.plan(recipe_name, recipe, args, base, command.factors_of(args, base, recipe, parse))


def described(name):
    """What a comparison or a script writes: its levels, the first left out, its metrics, parts and conditions."""
    if name in ASKED["script"]:
        script = ASKED["script"][name]
        conditions = {key: set(values) for key, values in script.get("conditions", {}).items()}
        return set(script["levels"][1:]), script["metrics"], script.get("parts", ["test"]), conditions
    plan = planned(name)
    conditions = {factor.name: {level.name for level in factor.levels} for factor in plan.factors[1:]}
    levels = {level.name for level in plan.factors[0].levels[1:]}
    return levels, [measure.name for measure in plan.chosen], ("training", *plan.parts), conditions


@pytest.mark.parametrize("name", ASKED["comparison"])
def test_a_comparison_is_one_that_the_command_takes(name):
    assert isinstance(planned(name), driver.Plan)


@pytest.mark.parametrize("name", ASKED["script"])
def test_a_script_takes_its_flags_and_those_that_every_script_has(name, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT)])
    _, _, module, *words = claims.command(ASKED["script"][name], 5, pathlib.Path("folder"))
    args = importlib.import_module(module).parser().parse_args(words)
    assert args.seeds == ASKED["script"][name].get("seeds", 5) >= 5
    assert args.output == pathlib.Path("folder").absolute()


def test_every_group_of_claims_is_asked_about():
    assert {claim["group"] for claim in ASKED["claim"]} == set(claims.GROUPS)


def test_every_comparison_and_script_is_asked_by_a_claim_and_by_a_name_of_its_own():
    assert {name for claim in ASKED["claim"] for name in claim["comparisons"]} == set(claims.comparisons(ASKED))
    assert not set(ASKED["comparison"]) & set(ASKED["script"])


@pytest.mark.parametrize("claim", ASKED["claim"], ids=lambda claim: claim["text"][:40])
def test_a_claim_is_about_levels_conditions_and_measures_that_there_are(claim):
    assert claim["group"] in claims.GROUPS
    assert set(claim["expected"].values()) <= {"better", "worse", "higher", "lower", "same", "not worse", "not better"}
    for name in claim["comparisons"]:
        compared, metrics, parts, conditions = described(name)
        assert claim["metric"] in metrics
        assert claim.get("part", "training") in parts
        if len(claim["comparisons"]) == 1:
            assert set(claim["expected"]) <= compared
        assert set(claim["expected"]) & compared
        for key, values in claim.get("where", {}).items():
            assert set(values if isinstance(values, list) else [values]) <= conditions[key]


def test_cards_are_about_levels_and_measures_that_there_are():
    spec = importlib.util.spec_from_file_location("cards", ROOT / "docs/generate/cards.py")
    cards = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cards)
    wanted = [(path.name, *one) for path in cards.CARDS.glob("*.md") for one in cards.asked(path.read_text(encoding="utf-8"))]
    assert {name for _, name, _, _ in wanted} == set(claims.comparisons(ASKED))
    for card, name, levels, measures in wanted:
        compared, metrics, _, _ = described(name)
        assert set(levels) <= compared, f"{card}: {name}"
        assert measures is None or set(measures) <= set(metrics), f"{card}: {name}"


def row(level, difference, verdict, *, failed=0, n=5, dataset="digits", metric="accuracy"):
    return {
        "dataset": dataset, "conditions": "", "level": level, "metric": metric, "part": "test", "n": str(n), "failed": str(failed),
        "mean": "0.5",
        "difference": difference, "low": difference, "high": difference, "p_corrected": "0.01" if difference else "", "verdict": verdict,
    }  # fmt: skip


CLAIM = {"group": 1, "text": "it helps", "comparisons": ["one", "two"], "metric": "accuracy", "part": "test", "expected": {"b": "better"}}


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("better", "better", "**holds here**"),
        ("better", "no difference shown at n = 5", "**holds in part**"),
        ("better", "worse", "**holds in part, contradicted in part**"),
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
    assert claims.measured(answer).endswith("b: 0 of 5 runs failed, and 5 of 5 without it, as claimed")
    levels["one"][0] |= {"failed": "2", "n": "3"}
    [answer] = claims.answers(CLAIM, levels)
    assert answer["found"] == "not shown"


def test_a_claim_of_no_difference():
    claim = {**CLAIM, "comparisons": ["one"], "expected": {"b": "same"}}
    none = "no difference shown at n = 5"
    for ends, told, found in (
        (("-0.009", "0.01"), none, "as claimed"),
        (("-0.009", "0.011"), none, "not shown"),  # Wide: there may be one.
        (("-0.5", "-0.1"), "worse", "against the claim"),
    ):
        level = row("b", "0.1", told) | dict(zip(("low", "high"), ends, strict=True))
        [answer] = claims.answers(claim, {"one": [row("a", "", "compared with"), level]})
        assert answer["found"] == found
    for expected, metric, ends, told, found in (
        ("not worse", "accuracy", ("-0.01", "0.5"), none, "as claimed"),
        ("not worse", "accuracy", ("-0.011", "0.5"), none, "not shown"),
        ("not worse", "accuracy", ("-0.5", "-0.1"), "worse", "against the claim"),
        ("not worse", "loss", ("-0.5", "0.01"), none, "as claimed"),
        ("not worse", "loss", ("-0.01", "0.5"), none, "not shown"),
        ("not better", "accuracy", ("-0.5", "0.01"), "worse", "as claimed"),
        ("not better", "accuracy", ("0.1", "0.5"), "better", "against the claim"),
    ):
        level = row("b", "0.1", told, metric=metric) | dict(zip(("low", "high"), ends, strict=True))
        asked = {**claim, "metric": metric, "expected": {"b": expected}}
        [answer] = claims.answers(asked, {"one": [row("a", "", "compared with", metric=metric), level]})
        assert answer["found"] == found
    [answer] = claims.answers({**claim, "margin": 0.05}, {"one": [row("a", "", "compared with"), row("b", "0.04", none)]})
    assert answer["found"] == "as claimed"


def test_levels_are_read_with_their_conditions_as_one_text_and_kept_so(tmp_path):
    lines = [
        "dataset,learning_rate,dropout,normalization,metric,mean,difference",
        "digits,0.1,0,none,accuracy,0.5,",
        "digits,0.1,0,batch,accuracy,0.6,0.1",
    ]
    (tmp_path / "levels.csv").write_text("\n".join(lines))
    found = claims.read(tmp_path / "levels.csv")
    assert found[1] == {
        "dataset": "digits", "conditions": "learning_rate=0.1; dropout=0", "level": "batch", "metric": "accuracy", "mean": "0.6",
        "difference": "0.1",
    }  # fmt: skip
    rows = [{"comparison": "one", **row} for row in found]
    claims.write(tmp_path / "claims_levels.csv", rows, list(rows[0]))
    assert claims.kept(tmp_path / "claims_levels.csv") == {"one": found}
    assert claims.read(tmp_path / "none.csv") == []
    (tmp_path / "comparison.csv").write_text("dataset,seed,state\ndigits,0,finished\ndigits,1,waiting\n")
    assert claims.read(tmp_path / "levels.csv") == [], "a comparison that goes on has no results yet"


def test_a_claim_is_asked_under_its_condition():
    claim = {**CLAIM, "comparisons": ["one"], "where": {"learning_rate": ["0.1", "1"]}}
    rows = [
        {**row(level, difference, verdict), "conditions": f"learning_rate={rate}"}
        for rate in ("0.01", "0.1", "1")
        for level, difference, verdict in (("a", "", "compared with"), ("b", "0.1", "better"))
    ]
    assert [answer["conditions"] for answer in claims.answers(claim, {"one": rows})] == ["learning_rate=0.1", "learning_rate=1"]


def test_a_script_is_shown_with_its_command():
    shown = claims._fenced("searches-digits", {"command": "benchmarks.generalisation.searches --trials 3", "seeds": 7}, 5)
    assert "python -m benchmarks.generalisation.searches --trials 3 --output runs/claims/searches-digits --seeds 7" in shown
