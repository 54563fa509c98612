"""Write what the cards of techniques, docs/techniques/*.md, say was measured, from benchmarks/results/claims_levels.csv.

python docs/generate/cards.py

A card lists between `<!-- measured` and `-->` what it is about, a line a comparison of benchmarks/claims.toml: `few-digits: dropout, best`,
the levels whose differences from the first one it shows, and behind a bar the measures, if not all: `few-digits: dropout | accuracy`. What
stands between that and `<!-- end of measured -->` is made from it: what was not measured is said to be so.
"""

import csv
import pathlib
import re
import tomllib

ROOT = pathlib.Path(__file__).parents[2]
CARDS = ROOT / "docs/techniques"
LEVELS = ROOT / "benchmarks/results/claims_levels.csv"
_SECTION = re.compile(r"<!-- measured\n(?P<asked>.*?)-->\n(?P<made>.*?)<!-- end of measured -->", re.DOTALL)
_COSTS = ("seconds_an_epoch", "parameters", "seconds")
_COLUMNS = "| data | compared | measure | value | of the first level | difference, 95% interval | p | n | seconds a run, of the first |"


def asked(text):
    """What a card is about: a list of (comparison, levels, measures or None)."""
    found = []
    for section in _SECTION.finditer(text):
        for line in section["asked"].splitlines():
            name, _, rest = line.partition(": ")
            levels, bar, measures = rest.partition(" | ")
            found.append((name, _listed(levels), _listed(measures) if bar else None))
    return found


def _listed(text):
    return [one.strip() for one in text.split(",")]


def filled(text, levels, groups):
    """A card with what is measured of it today.

    Args:
        text: of the card.
        levels: the rows of `claims_levels.csv`, dicts of texts.
        groups: by comparison, the link to its claims.

    Raises:
        ValueError: a comparison of which `claims.toml` has none, or a level that it does not have.
    """
    ending = "\n\n<!-- end of measured -->"
    return _SECTION.sub(lambda found: f"<!-- measured\n{found['asked']}-->\n\n{_made(asked(found[0]), levels, groups)}{ending}", text)


def _made(wanted, levels, groups):
    rows, missing, measured = [], [], []
    for name, own, measures in wanted:
        if name not in groups:
            raise ValueError(f"benchmarks/claims.toml has no comparison {name!r}")
        found = [row for row in levels if row["comparison"] == name]
        if not found:
            missing.append(name)
            continue
        unknown = set(own) - {row["level"] for row in found}
        if unknown:
            raise ValueError(f"{name} has no level {min(unknown)!r}")
        measured.append(name)
        rows += [_row(row, found) for row in found if row["level"] in own and _is_shown(row, found, measures)]
    parts = []
    if rows:
        parts.append("\n".join([_COLUMNS, "|---" * (_COLUMNS.count("|") - 1) + "|", *rows]))
        links = ", ".join(dict.fromkeys(groups[name] for name in measured))
        parts.append(f"Made by `python benchmarks/claims.py --only {' '.join(measured)}`; what it trains, how to read it: {links}.")
    if missing:
        parts.append(f"Not measured yet: {', '.join(f'`{name}`' for name in missing)}.")
    return "\n\n".join(parts) or "Not measured yet."


def _is_shown(row, found, measures):
    """Whether a row is of a measure that is asked for, on test data where the comparison has them, and of a level that is compared."""
    if row["verdict"] == "compared with" or (measures is None and row["metric"] in _COSTS) or (measures and row["metric"] not in measures):
        return False
    tested = any(other["part"] == "test" and other["metric"] == row["metric"] for other in found)
    return row["part"] != "validation" or not tested


def _row(row, found):
    first = next(other for other in found if other["verdict"] == "compared with" and _where(other) == _where(row))
    where = ", ".join(filter(None, [row["dataset"].removeprefix("tfds:"), row["conditions"].replace("=", " ").replace(";", ",")]))
    failed = f", {row['failed']} failed" if row["failed"] != "0" else ""
    gain = f"{_number(row['difference'], '+')} [{_number(row['low'], '+')}, {_number(row['high'], '+')}]" if row["difference"] else "-"
    shown = row["verdict"] in ("better", "worse", "higher", "lower")
    seconds = f"{_number(row['seconds'])}, {_number(first['seconds'])}" if row["seconds"] and first["seconds"] else "-"
    cells = (
        where, f"{row['level']} against {first['level']}", row["metric"].replace("_", " "), _number(row["mean"]), _number(first["mean"]),
        f"**{gain}**" if shown else gain, _number(row["p_corrected"]), row["n"] + failed, seconds,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _where(row):
    return [row[name] for name in ("dataset", "conditions", "metric", "part")]


def _number(text, sign=""):
    return f"{float(text):{sign}.3g}" if text else "-"


def sources():
    """What cards are made from: the rows of `claims_levels.csv`, and by comparison the link to its claims."""
    claims = tomllib.loads((ROOT / "benchmarks/claims.toml").read_text(encoding="utf-8"))
    headings = re.findall(r"^## ((\d+)\. (.*))$", (ROOT / "docs/claims.md").read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {int(number): (title, re.sub(r"[^\w\- ]", "", whole.lower()).replace(" ", "-")) for whole, number, title in headings}
    groups = {}
    for claim in claims["claim"]:
        title, anchor = anchors.get(claim["group"], ("the claims", "do-the-usual-claims-hold-here"))
        for name in claim["comparisons"]:
            groups.setdefault(name, f"[{title.lower()}](../claims.md#{anchor})")
    with open(LEVELS, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file)), groups


def main():
    """Write all cards anew."""
    levels, groups = sources()
    for path in sorted(CARDS.glob("*.md")):
        path.write_text(filled(path.read_text(encoding="utf-8"), levels, groups), encoding="utf-8")


if __name__ == "__main__":
    main()
