"""More than one training of a recipe: one a seed, or one more after a remedy."""

import dataclasses
import pathlib

from hornbook import UserError, command_line, files, records, terminal
from hornbook.evaluation import intervals, scores
from hornbook.training import runs

SEEDS = 2**32  # As many as NumPy and scikit-learn know.
_REMEDIED = "-remedied"  # What a folder's name has at its end where a remedy was tried.
_OF_THE_NETWORK = " of the network alone"
_JUDGED_BY = {"rare-class-ignored": "balanced_accuracy"}  # Whose remedy costs accuracy; others are judged by the first score of all.


def check_seeds(first, count, asked):
    """Refuse more seeds than there are behind the first: a run of hours would end at one that there is not.

    Args:
        first, count: the seeds are `first`, `first + 1` and so on.
        asked: the flags that ask for so many.

    Raises:
        UserError: with the most that there can be.
    """
    if first + count > SEEDS:
        raise UserError(f"{asked} from --seed {first} on goes beyond the last seed, {SEEDS - 1}; pass a --seed of at most {SEEDS - count}")


def several_seeds(once, args, folder, recipe):
    """Train once a seed, and print mean and spread; arguments as of `remedied`."""

    def run_one(seed, own):
        return once(dataclasses.replace(args, seed=seed, seeds=1, output=str(own)), own)

    config = command_line.to_config(recipe, dataclasses.replace(args, seeds=1))
    summary = over_seeds(run_one, range(args.seed, args.seed + args.seeds), folder, config)
    for name, spread in summary["metrics"].items():
        terminal.say(
            f"{name.replace('_', ' ')}: mean {spread['mean']:.4f}, standard deviation {spread['standard_deviation']:.4f}, n {args.seeds}"
        )
    return summary


def over_seeds(run_one, seeds, folder, config):
    """Run once a seed, each in a folder of its own, and summarize; finished runs are read, not run again.

    Args:
        run_one: function `(seed, folder) -> result`, result as in a run's `result.json`.
        seeds: integers.
        folder: of all; each run has `seed-N` in it.
        config: the runs' options, JSON values, apart from `seed`; a finished run of other options is refused.

    Returns:
        `{"metrics": {name: {"mean", "standard_deviation", ...}}, "seconds": total, "seeds": [...]}`, also written to `seeds.json`.

    Raises:
        UserError: `folder` has a finished run of other options.
    """
    folder = pathlib.Path(folder)
    if folder.is_dir():
        files.refuse_links(folder)
    results = []
    for seed in seeds:
        own = folder / f"seed-{seed}"
        results.append(runs.finished_with(own, {**config, "seed": seed}) or run_one(seed, own))
    names = results[0]["metrics"].keys()
    for seed, result in zip(seeds, results, strict=True):
        if result["metrics"].keys() != names:
            raise UserError(f"{folder / f'seed-{seed}' / 'result.json'} has other metrics than the run of seed {seeds[0]}; remove that run")
    summary = {
        "metrics": {name: intervals.spread([result["metrics"][name] for result in results]) for name in results[0]["metrics"]},
        "seconds": sum(result["seconds"] for result in results),
        "seeds": list(seeds),
    }
    records.write(folder / "seeds.json", runs.Seeds, summary)
    return summary


def remedied(once, args, folder, recipe):
    """Train, apply the remedy of the first finding that has one, train again beside the first run, and say what it gained.

    Args:
        once: function `(args, folder) -> result`.
        args: the recipe's options.
        folder: of the first run; the second has its name and "-remedied". A finished first run is read, not run again.
        recipe: its name.

    Returns:
        The second run's result; the first one's, where no finding has a remedy that an option is.

    Raises:
        UserError: both runs are finished, or the first has failed for want of a remedy.
    """
    second = folder.with_name(folder.name + _REMEDIED)
    refuse_link(second)
    lost = None
    try:
        first = runs.finished_with(folder, command_line.to_config(recipe, args)) or once(args, folder)
        findings, before = first["findings"], _scores(first)
    except runs.TrainingLost as error:
        first, lost, before = None, error, {}
        findings = error.findings
    chosen = remedy(findings)
    if chosen is None:
        if lost:
            raise lost
        terminal.say("no remedy tried: " + ("no finding names an option to change" if findings else "nothing was found to be wrong"))
        return first
    finding, changes = chosen
    if lost:
        terminal.say(f"{finding['severity']}: {lost}")
    again = dataclasses.replace(command_line.with_options(args, changes), remedy=False, output=str(second))
    flags = " ".join(command_line.flags(changes))
    terminal.say(f"remedy for {finding['problem']}: {flags}; training again, in {second}")
    about = {"first_run": str(folder), "problem": finding["problem"], "changes": changes}
    if not (second / "result.json").exists():
        second.mkdir(parents=True, exist_ok=True)
        records.write(second / runs.REMEDY, runs.Remedy, about)  # Before it trains: its result and its report say what it is.
    try:
        result = once(again, second)
    except runs.TrainingLost:
        terminal.say(f"the remedy did not help: the loss is lost with {flags} as well")
        raise
    gained = {name: [before.get(name), value] for name, value in _scores(result).items()}
    records.write(second / runs.REMEDY, runs.Remedy, {**about, "metrics": gained})
    told = [f"{name.replace('_', ' ')} {'no result' if old is None else f'{old:.4f}'} -> {new:.4f}" for name, (old, new) in gained.items()]
    terminal.say(f"{flags} against {finding['problem']}: {', '.join(told) or 'nothing was evaluated'}")
    worse = _worse(finding["problem"], gained)
    if worse is not None:
        name, old, new = worse
        how = "the same with {} as" if new == old else "worse with {} than"
        told = f"{name.replace('_', ' ')} is {how.format(flags)} without ({old:.4f} -> {new:.4f})"
        terminal.say(f"the remedy did not help: {told}; the run to keep is {folder}")
    return result


def _worse(problem, gained):
    """(name, before, after) of the score that a remedy is judged by, where it is no better than before; else None."""
    base = {name: name.removesuffix(_OF_THE_NETWORK) for name in gained}
    names = [name for name in gained if base[name] in scores.METRICS and None not in gained[name]]
    names.sort(key=lambda name: base[name] != _JUDGED_BY.get(problem))
    if not names:
        return None
    (old, new), higher = gained[names[0]], base[names[0]] in scores.HIGHER_IS_BETTER
    return None if (new > old if higher else new < old) else (names[0], old, new)


def refuse_link(folder):
    """Refuse a folder that is a link, where it is one that nobody has named.

    Raises:
        UserError: with what to do.
    """
    if folder.is_symlink():
        raise UserError(f"{folder} is a link, which no run has made; remove it, or pass another --output")


def _scores(result):
    """A result's metrics; first those of the network without the classical model that is mixed with it, which hides what a remedy does."""
    alone = {f"{name}{_OF_THE_NETWORK}": value for name, value in (result.get("network_alone") or {}).items()}
    return {**alone, **result["metrics"]}


def remedy(findings):
    """The finding whose remedy comes first, and its changes; None where there is none that a program can apply.

    Args:
        findings: as in `result.json`, most pressing first. An error that only a person can mend comes before all remedies.

    Returns:
        (finding, {option: value}) or None.
    """
    for finding in findings:
        if finding["severity"] == "note":
            continue
        if finding["changes"]:
            return finding, finding["changes"]
        if finding["severity"] == "error":
            return None
    return None
