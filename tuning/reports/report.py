"""A search's `report.html`: what was best, what mattered, what failed, and the command that trains the best configuration."""

import keras_tuner

from hornbook import files
from hornbook.reports import page
from hornbook.tuning.oracles.encoding import Encoding
from hornbook.tuning.reports import charts, results
from hornbook.tuning.reports.importance import edges, importance

_MOST_ROWS = 30
_MOST_SLICES = 8


def write_report(path, result, rows, oracle, plan, *, train_command, search_command=None):
    """Write the report, a page that loads nothing.

    Args:
        path: of the file.
        result: as in the search's `result.json`.
        rows: as of `results.rows`.
        oracle: the search's, with its space and objective.
        plan: `search.Plan`.
        train_command: trains the best configuration.
        search_command: makes the search again, or None.
    """
    space = [hp for hp in oracle.hyperparameters.space if not hp.name.startswith("tuner/")]
    finished = [row for row in rows if row["score"] is not None]
    direction = oracle.objective.direction
    name = oracle.objective.name.replace("_", " ")
    configurations, scores = [row["values"] for row in finished], [row["score"] for row in finished]
    ranked, r2 = importance(space, configurations, scores)
    sections = [
        ("What to do next", _findings(result, rows, space, configurations, scores, oracle, r2)),
        ("Best so far", _progress(finished, direction)),
        ("What mattered", _importance(ranked, r2, name)),
        ("Slices", _slices(space, finished, direction, ranked)),
        ("All at once", _parallel(space, finished, direction, ranked)),
        ("Trials", _trials(rows, space, direction, name)),
        ("Failed and stopped trials", _failed(rows)),
        ("Commands", _commands(train_command, search_command, result)),
    ]
    versions = ", ".join(f"{key} {value}" for key, value in result["versions"].items())
    title = f"Search of {plan.args.model} on {plan.args.dataset.rpartition('/')[2]}"
    foot = f"{versions}; finished {result['finished_at']}"
    files.write_text(path, page.of_sections(title, _headline(result, name), _facts(result, rows), sections, foot))


def _headline(result, name):
    test = result["test"]
    score, told = result["validation"], f"best {name} on validation data, trial {result['best_trial']}"
    if test is not None:
        spread = test["metrics"][result["objective"]]
        score = spread["mean"]
        told = f"{name} on the test data with another seed"
        if len(test["seeds"]) > 1:
            deviation = page.number(spread["standard_deviation"])
            told = f"{name} on the test data, the mean of {len(test['seeds'])} other seeds (deviation {deviation})"
        told += f". The search's own best was {page.number(result['validation'])} on validation data."
    return f'<div class="score"><strong>{page.number(score)}</strong><p>{page.escape(told)}</p></div>'


def _facts(result, rows):
    states = [row["state"] for row in rows]
    facts = [
        ("Trials", page.number(len(rows))),
        ("Finished", page.number(states.count("finished"))),
        ("Failed", page.number(states.count("failed"))),
        ("Stopped early", page.number(states.count("stopped early"))),
        ("Time of the search", page.duration(result["seconds"])),
    ]
    return facts + [(key.replace("_", " "), _written(value)) for key, value in result["values"].items() if not key.startswith("tuner/")]


def _findings(result, rows, space, configurations, scores, oracle, r2):
    """What a reader should know before trusting the search, each with the option that mends it."""
    found = []
    direction, name = oracle.objective.direction, oracle.objective.name
    for hyperparameter, way, value in edges(space, result["values"], configurations, scores, direction):
        found.append(
            f"The best trials have {hyperparameter} {_written(value)}, at the {'upper' if way == 'up' else 'lower'} end of what was tried: "
            f"widen {hyperparameter} {'upward' if way == 'up' else 'downward'}, with --vary {hyperparameter}=... and --warm-start."
        )
    if result["test"] is not None:
        spread = result["test"]["metrics"][name]
        sign = 1 if direction == "max" else -1
        optimism = sign * (result["validation"] - spread["mean"])
        if optimism > 0:
            found.append(
                f"The search's own best score was {page.number(optimism)} better than what the same configuration has on the test data: "
                "the best of many trials is in part luck. Trust the test score; --cross-validate 5 narrows the gap."
            )
        if test_floor := result["test"].get("floor"):
            found.append(f"Classical models on the same test data: {results.floor_in_words(test_floor)}.")
    failed = [row for row in rows if row["state"] == "failed"]
    if failed:
        found.append(f"{len(failed)} of {len(rows)} trials failed, see below; the first: {page.shortened(failed[0]['reason'] or '')}")
    stopped = [row for row in rows if row["state"] == "stopped early"]
    if stopped:
        found.append(
            f"{len(stopped)} of {len(rows)} trials were stopped early, see below; the first: {page.shortened(stopped[0]['reason'])}"
        )
    if r2 is not None and r2 < 0.2:
        found.append(
            "The trials' scores can hardly be predicted from their options: there are too few trials, or these options do not matter "
            "here, or the scores are mostly noise; more --trials, --executions-per-trial 3 or --cross-validate 5 tells."
        )
    first = rows[0]
    if oracle.first is not None and first["score"] is not None and first["trial"] != result["best_trial"]:
        gain = result["validation"] - first["score"]
        found.append(
            f"The first trial, with the options nearest to the defaults, scored {page.number(first['score'])}: "
            f"the search gained {page.number(abs(gain))} on it."
        )
    items = "".join(f"<li><p>{page.with_flags(text)}</p></li>" for text in found)
    return f'<ul class="findings">{items}</ul>' if found else ""


def _progress(finished, direction):
    over_trials = charts.best_so_far([(int(row["trial"]) + 1, row["score"]) for row in finished], "trial", direction)
    timed = sorted((row["ended"] / 60, row["score"]) for row in finished if row["ended"] is not None)
    over_time = charts.best_so_far(timed, "minutes", direction) if len(timed) > 1 else ""
    return f'<div class="charts"><figure>{over_trials}</figure><figure>{over_time}</figure></div>'


def _importance(ranked, r2, name):
    if not ranked:
        return '<p class="lead">Too few finished trials to tell.</p>'
    if r2 <= 0:  # Shares of what is no better than a guess would be read as findings.
        told = f"These trials do not tell: a forest fitted to some of them cannot predict the {name} of the others."
        return f'<p class="lead">{page.escape(told)}</p>'
    rows = [(page.escape(one), page.meter(share)) for one, share in ranked]
    lead = (
        f"The share of the differences in {name} that each option explains: permutation importance of a random forest fitted to the "
        f"trials, which explains {page.percent(max(r2, 0.0))} of the differences between trials that it was not fitted to."
    )
    return f'<p class="lead">{page.escape(lead)}</p>{page.table(["Option", "Share"], rows)}'


def _slices(space, finished, direction, ranked):
    order = {one: place for place, (one, _) in enumerate(ranked)}
    drawn = []
    for hp in sorted(space, key=lambda hp: order.get(hp.name, 99))[:_MOST_SLICES]:
        points = [(row["values"][hp.name], row["score"]) for row in finished if hp.name in row["values"]]
        if len({value for value, _ in points}) < 2:
            continue
        logarithmic = getattr(hp, "sampling", None) == "log"
        chart = charts.slice_plot(hp.name, points, direction, logarithmic=logarithmic)
        drawn.append(f"<figure><figcaption><b>{page.escape(hp.name.replace('_', ' '))}</b></figcaption>{chart}</figure>")
    return f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""


def _parallel(space, finished, direction, ranked):
    order = {one: place for place, (one, _) in enumerate(ranked)}
    chosen = sorted(space, key=lambda hp: order.get(hp.name, 99))[:_MOST_SLICES]
    if len(finished) < 2 or len(chosen) < 2:
        return ""
    encoding = Encoding(chosen)
    scores = [row["score"] for row in finished]
    low, high = min(scores), max(scores)
    axes = [("score", *((f"{low:.3g}", f"{high:.3g}")))] + [(hp.name.replace("_", " "), *_ends(hp)) for hp in encoding.space]
    ranks = sorted(range(len(finished)), key=lambda place: scores[place] * (1 if direction == "min" else -1))
    lines = []
    for rank, place in reversed(list(enumerate(ranks))):
        row = finished[place]
        own = [
            None if hp.name not in row["values"] else float(at)
            for hp, at in zip(encoding.space, encoding.point(row["values"]), strict=True)
        ]
        height = (row["score"] - low) / (high - low) if high > low else 0.5
        lines.append(([height, *own], rank / max(len(ranks) - 1, 1), f"trial {row['trial']}: {row['score']:.4g}"))
    lead = "Each line is a trial; better ones are darker, the best is thick."
    return f'<p class="lead">{lead}</p><figure style="max-width: 44rem">{charts.parallel_coordinates(axes, lines)}</figure>'


def _ends(hp):
    if isinstance(hp, keras_tuner.engine.hyperparameters.Int | keras_tuner.engine.hyperparameters.Float):
        return f"{hp.min_value:.3g}", f"{hp.max_value:.3g}"
    listed = [str(value) for value in hp.values]
    return listed[0][:9], listed[-1][:9]


def _trials(rows, space, direction, name):
    finished = sorted((row for row in rows if row["score"] is not None), key=lambda row: row["score"] * (1 if direction == "min" else -1))
    cells = [
        (
            page.escape(row["trial"]),
            page.number(row["score"]),
            page.duration(row["seconds"]),
            page.escape(", ".join(f"{hp.name} {_written(row['values'][hp.name])}" for hp in space if hp.name in row["values"])),
        )
        for row in finished[:_MOST_ROWS]
    ]
    more = f'<p class="note">{len(finished) - _MOST_ROWS} more are in trials.csv.</p>' if len(finished) > _MOST_ROWS else ""
    return page.table(["Trial", page.escape(name), "Time", "Options"], cells, text_columns=(0, 3)) + more


def _failed(rows):
    cells = [
        (page.escape(row["trial"]), page.escape(row["state"]), page.isolated(row["reason"] or ""))
        for row in rows
        if row["state"] in ("failed", "stopped early")
    ]
    return page.table(["Trial", "State", "Reason"], cells[:_MOST_ROWS], text_columns=(0, 1, 2)) if cells else ""


def _commands(train_command, search_command, result):
    told = f"<p>Train the best configuration:</p><pre>{page.escape(train_command)}</pre>"
    if search_command:
        told += f"<p>Make this search again, in another folder:</p><pre>{page.escape(search_command)}</pre>"
    return told


def _written(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)
