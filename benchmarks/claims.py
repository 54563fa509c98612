"""Do the field's usual claims hold here? Each is asked of `hornbook compare`, or of a script, on several data sets, and gets a verdict.

    python benchmarks/claims.py
    python benchmarks/claims.py --only long-tail-fashion --seeds 5

`claims.toml` has the claims, and the comparisons and scripts that ask them. Each of these is a folder below --folder; the same command goes
on where it was cut off. Afterwards, or with --read alone, the folders that are there are read: `results/claims.csv` has a row a claim,
comparison and level, `results/claims_levels.csv` every level of every comparison, and the tables of docs/claims.md and of the cards
(docs/generate/cards.py) are written anew. What is not below --folder keeps the rows that `results/claims_levels.csv` has of it.

A level is as claimed where its difference from the first level has the claimed sign at a corrected p below 0.05, or where runs of one of
the two failed so often more that it is no luck (Fisher's exact test); against the claim with the other sign. A claim of "same" is as
claimed where the whole 95% interval lies within its margin, 0.01 unless it says another, and one of "not worse" or "not better" where it
lies on the right side of that: no difference shown is no proof of none. The claim holds here if all levels on all data sets are as claimed,
in part if some are, is contradicted if some are against it and none as claimed, and else not shown.
"""

import argparse
import csv
import pathlib
import shlex
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parent / "docs/claims.md"
COLUMNS = ("group", "claim", "comparison", "dataset", "conditions", "level", "metric", "part", "n", "failed", "mean", "difference", "low",
           "high", "p_corrected", "expected", "found", "failed_first", "n_first")  # fmt: skip
_ENDED = (("failed", "n"), ("failed_first", "n_first"))  # Of a level, and of the one that it is compared with.
GROUPS = {
    1: "Activations", 2: "Clipping", 3: "Initialization", 4: "Batch normalization and training",
    5: "Batch normalization and generalisation", 6: "Where batch normalization helps", 7: "Layer normalization", 8: "Small batches",
    9: "Depth", 10: "Few examples", 11: "Optimizers, schedules, batch size", 12: "Rare classes", 13: "Losses", 14: "Searches",
    15: "Sequences", 16: "Cross-validation", 17: "Averages and calibration", 18: "Corrupted inputs",
}  # fmt: skip
_MARGIN = 0.01  # Of a claim of no difference: a point.
_NO_DIFFERENCE = ("same", "not worse", "not better")
_BEGIN, _END = "<!-- claims -->", "<!-- end of claims -->"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("runs/claims"), help="of the comparisons")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="+", help="names of comparisons")
    parser.add_argument("--read", action="store_true", help="train nothing")
    args = parser.parse_args()
    asked = tomllib.loads((HERE / "claims.toml").read_text())
    for name, comparison in comparisons(asked).items():
        if not args.read and (args.only is None or name in args.only):
            print(f"== {name}", flush=True)
            subprocess.run(command(comparison, args.seeds, args.folder / name), check=False, cwd=HERE.parent)
    before = kept(HERE / "results/claims_levels.csv")
    levels = {name: read(args.folder / name / "levels.csv") or before.get(name, []) for name in comparisons(asked)}
    rows = [row for claim in asked["claim"] for row in answers(claim, levels)]
    write(HERE / "results/claims.csv", rows, COLUMNS)
    every = [{"comparison": name, **row} for name, found in levels.items() for row in found]
    if every:
        write(HERE / "results/claims_levels.csv", every, list(every[0]))
    print(tables(asked, rows, args.seeds))
    if PAGE.exists():
        text = PAGE.read_text()
        before, after = text.partition(_BEGIN)[0], text.partition(_END)[2]
        PAGE.write_text(f"{before}{_BEGIN}\n\n{tables(asked, rows, args.seeds)}\n\n{_END}{after}")
    subprocess.run([sys.executable, str(HERE.parent / "docs/generate/cards.py")], check=True)


def comparisons(asked):
    """All that `claims.toml` asks, comparisons and scripts, by their names."""
    return {**asked["comparison"], **asked["script"]}


def command(comparison, seeds, folder):
    """The words of a comparison's, or a script's, command line."""
    if "command" in comparison:
        words = [sys.executable, "-m", *shlex.split(comparison["command"])]
        return [*words, "--seeds", str(comparison.get("seeds", seeds)), "--output", str(folder.absolute())]
    words = [sys.executable, "-m", "hornbook", "compare", comparison["recipe"], *shlex.split(comparison["flags"])]
    return [*words, "--metrics", comparison["metrics"], "--seeds", str(seeds), "--output", str(folder.absolute())]


def read(path):
    """The rows of a comparison's `levels.csv`, dicts of texts; none where it has not been made, or not all of its runs.

    What differs has a name of its own in each: here the level is `level`, the conditions under which it is compared are one text.
    """
    found = []
    if any(run["state"] in ("waiting", "running") for run in _rows(path.with_name("comparison.csv"))):
        return found
    for row in _rows(path):
        names = list(row)
        *conditions, factor = names[names.index("dataset") + 1 : names.index("metric")]
        told = "; ".join(f"{name}={row.pop(name)}" for name in conditions)
        found.append({"dataset": row.pop("dataset"), "conditions": told, "level": row.pop(factor), **row})
    return found


def kept(path):
    """The rows of `results/claims_levels.csv`, as of `read`, by comparison."""
    found = {}
    for row in _rows(path):
        found.setdefault(row.pop("comparison"), []).append(row)
    return found


def _rows(path):
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def answers(claim, levels):
    """A row for each level that a claim is about, in each comparison that has been made."""
    for name in claim["comparisons"]:
        found = [row for row in levels[name] if row["metric"] == claim["metric"] and row["part"] == claim.get("part", "training")]
        where = {key: values if isinstance(values, list) else [values] for key, values in claim.get("where", {}).items()}
        found = [row for row in found if all(_conditions(row).get(key) in values for key, values in where.items())]
        for place, row in enumerate(found):
            if row["level"] not in claim["expected"]:
                continue
            first = next(other for other in reversed(found[: place + 1]) if not other["difference"] and other["verdict"] == "compared with")
            expected = claim["expected"][row["level"]]
            told = {key: row[key] for key in COLUMNS if key in row}
            yield {
                **told, "group": claim["group"], "claim": claim["text"], "comparison": name, "expected": expected,
                "found": outcome(row, first, expected, claim.get("margin", _MARGIN)),
                "failed_first": first["failed"], "n_first": first["n"],
            }  # fmt: skip


def _conditions(row):
    return dict(told.split("=", 1) for told in row["conditions"].split("; ") if told)


def outcome(row, first, expected, margin=_MARGIN):
    """Whether a level is "as claimed", "against the claim" or "not shown".

    Args:
        row, first: the level, and the one that it is compared with.
        expected: "better", "worse", "higher" or "lower"; or that there is no difference to speak of: "same", "not worse", "not better".
        margin: a difference up to which there is none to speak of.
    """
    verdict = _fewer_failures(row, first) or row["verdict"]
    if expected in _NO_DIFFERENCE:
        differs = {"same": ("better", "worse", "higher", "lower"), "not worse": ("worse",), "not better": ("better",)}[expected]
        if row["low"] and row["high"] and _within(row, expected, margin):
            return "as claimed"
        return "against the claim" if verdict in differs else "not shown"
    # A measure of which neither end is better is told by its sign.
    opposite = {"better": "worse", "worse": "better", "higher": "lower", "lower": "higher"}
    if verdict == expected:
        return "as claimed"
    return "against the claim" if verdict == opposite[expected] else "not shown"


def _within(row, expected, margin):
    """Whether the whole interval of a difference is no worse, or no better, than the margin."""
    low, high = float(row["low"]), float(row["high"])
    if any(word in row["metric"] for word in ("loss", "error", "epochs")):  # Of which less is better.
        low, high = -high, -low
    return (expected == "not better" or low >= -margin) and (expected == "not worse" or high <= margin)


def _fewer_failures(row, first):
    """ "better" or "worse" where so many more runs of one of two levels failed that it is no luck; else None."""
    from scipy import stats

    (own, own_ended), (other, other_ended) = ((int(one["failed"]), int(one["n"])) for one in (row, first))
    if own == other or own + own_ended == 0 or other + other_ended == 0:
        return None
    p = stats.fisher_exact([[own, own_ended], [other, other_ended]]).pvalue
    return None if p >= 0.05 else "worse" if own > other else "better"


def verdict(rows):
    """Of a claim's rows."""
    found = [row["found"] for row in rows]
    if not found:
        return "not measured yet"
    if all(one == "as claimed" for one in found):
        return "**holds here**"
    if "as claimed" in found:
        return "**holds in part, contradicted in part**" if "against the claim" in found else "**holds in part**"
    return "**contradicted**" if "against the claim" in found else "**not shown**"


def tables(asked, rows, seeds):
    """The claims in Markdown, a table a group, each with the commands below it."""
    parts = []
    for group, name in GROUPS.items():
        claims = [claim for claim in asked["claim"] if claim["group"] == group]
        if not claims:
            continue
        lines = [f"## {group}. {name}", "", "| claim | measured | verdict |", "|---|---|---|"]
        for claim in claims:
            own = [row for row in rows if row["claim"] == claim["text"]]
            lines.append(f"| {claim['text']} | {'<br>'.join(map(measured, own)) or '-'} | {verdict(own)} |")
        names = list(dict.fromkeys(name for claim in claims for name in claim["comparisons"]))
        lines += [
            "",
            *(f"`python benchmarks/claims.py --only {name}`, which is" + _fenced(name, comparisons(asked)[name], seeds) for name in names),
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _fenced(name, comparison, seeds):
    if "command" in comparison:
        words = ["python", "-m", comparison["command"], "--output", f"runs/claims/{name}"]
    else:
        words = ["hornbook", "compare", comparison["recipe"], comparison["flags"], "--metrics", shlex.quote(comparison["metrics"])]
    return f"\n\n```\n{' '.join([*words, '--seeds', str(comparison.get('seeds', seeds))])}\n```\n"


def measured(row):
    """A row in words: where, level, difference, interval, p."""
    conditions = row["conditions"].replace("=", " ").replace(";", ",")
    where = ", ".join(filter(None, [row["dataset"].removeprefix("tfds:"), conditions]))
    some_failed = f", {row['failed']} runs failed" if row["failed"] != "0" else ""
    metric = row["metric"].replace("_", " ")
    if not row["difference"]:
        (own, own_runs), (other, other_runs) = ((int(row[failed]), int(row[failed]) + int(row[n])) for failed, n in _ENDED)
        return f"{where}: {row['level']}: {own} of {own_runs} runs failed, and {other} of {other_runs} without it, {row['found']}"
    values = [float(row[key]) if row[key] else float("nan") for key in ("difference", "low", "high", "p_corrected")]
    gain, low, high, p = values
    shown = f"{metric} {gain:+.3g} [{low:+.3g}, {high:+.3g}], p {p:.2g}, n {row['n']}"
    return f"{where}: {row['level']}: {shown}{some_failed}, {row['found']}"


def write(path, rows, columns):
    """Write rows, dicts, as CSV."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
