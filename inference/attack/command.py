"""`hornbook attack RUN`: the accuracy that is left when inputs are changed on purpose, against how much they may be changed."""

import dataclasses
from typing import Annotated, Literal

import numpy as np
import tyro

from hornbook import UserError, command_line, endings, files, terminal
from hornbook.evaluation.intervals import wilson_interval
from hornbook.inference.attack import running, target
from hornbook.inference.finished_run import load_model, open_run, results_folder
from hornbook.training import runs
from hornbook.training.adversarial.box import epsilon as as_number

_OF_IMAGES = ("0.01", "0.03", "0.1")
_OF_NUMBERS = ("0.05", "0.1", "0.2")


@dataclasses.dataclass(frozen=True)
class AttackArgs:
    run: Annotated[str, tyro.conf.Positional]
    """Folder of a finished run of a classifier."""
    attack: tuple[Literal["fgsm", "pgd", "square", "words"], ...] = ()
    """One or more. fgsm: one step along the sign of the gradient; pgd: many, from random places; square: guesses that need no gradient,
    only the model's answers; words, of texts: near words in place of others. Where square flips what pgd does not, the gradient misleads,
    and a line says so. Default: pgd square; of texts words."""
    epsilon: tuple[str, ...] = ()
    """How far each number of an input may be moved: one or several, for a curve. Of images on a scale from 0, black, to 1, white, such as
    8/255; of series and tables in standard deviations of each feature; of texts the share of words. Default: 0.01 0.03 0.1; of others
    0.05 0.1 0.2."""
    dataset: str | None = None
    """Data to attack, spelt as for training. Default: what the run was trained on, split as it was."""
    part: str | None = None
    """Part of the data: train, validation or test. Default: test; of another dataset without a test split, all of it."""
    examples: int | None = None
    """How many examples are attacked, drawn at random where there are more. Default: 1,000; of texts 200."""
    steps: int = 40
    """Steps of pgd from each start."""
    step_size: float | None = None
    """Size of a step of pgd, as a share of epsilon. Default: 2.5 / steps."""
    restarts: int = 1
    """Random places that pgd begins at, for examples that withstood those before."""
    queries: int = 1000
    """Answers that square asks for an example."""
    fixed_columns: str | None = None
    """Columns of a table that are left alone, separated by commas, besides its categories."""
    seed: int = 0
    """Seed of the examples that are drawn, of random starts and of guesses."""
    output: str | None = None
    """Folder for attack.json and attack.html, which must not be there. Default: attacks/TIME in the run's folder."""
    skip_unreadable: bool = False
    """Leave out images and sounds that cannot be read. Default: as in training."""


def attack(arguments):
    """The command `hornbook attack`: a table of the accuracy against epsilon, attack.json and attack.html."""
    with endings.ending("hornbook attack"):
        about = "Change inputs a little, on purpose, until a finished run's model errs: the accuracy that is left."
        main(command_line.parse(AttackArgs, arguments, "hornbook attack", about))


def main(args):
    """Attack a run.

    Args:
        args: `AttackArgs`.

    Returns:
        What `attack.json` holds.

    Raises:
        UserError: there is no finished run of a classifier, an attack does not fit it, or an option is out of range.
    """
    _refuse(args)
    trained, medium = open_run(args.run, ["split.csv"])
    texts = trained.about["medium"] == "texts"
    args = dataclasses.replace(
        args, attack=args.attack or (("words",) if texts else ("pgd", "square")), examples=args.examples or (200 if texts else 1000)
    )
    target.refuse(trained, args.attack)
    with results_folder(args.output, trained, "attacks") as output:
        return _attacked(args, trained, medium, output)


def _attacked(args, trained, medium, output):
    texts = args.epsilon or (_OF_IMAGES if trained.about["medium"] == "images" else _OF_NUMBERS)
    epsilons = {text: as_number(text) for text in texts}
    name = args.dataset or trained.config["dataset"]
    part, left_out = medium.scored(name, args.part, trained, args.skip_unreadable)
    attacked = target.target(trained, part, epsilons, examples=args.examples, seed=args.seed, fixed_columns=args.fixed_columns)
    model = load_model(trained)

    from hornbook.inference.attack import page
    from hornbook.training.adversarial.attacks import Attacker

    threshold = (trained.about.get("thresholds") or [None])[0]
    attacker = Attacker(model, threshold=threshold, seed=args.seed, complete=attacked.complete)
    terminal.say(f"{name}: {len(attacked.labels):,} of {len(part):,} examples; epsilon counts {attacked.scale}")
    notes = _on_gradients(args, attacker, attacked, model)
    curves = []
    near = target.neighbours(model, attacked.columns) if "words" in args.attack else None
    for kind in args.attack:
        change = {
            "fgsm": attacker.fgsm,
            "pgd": lambda x, labels, box: attacker.pgd(x, labels, box, steps=args.steps, restarts=args.restarts, share=args.step_size),
            "square": lambda x, labels, box: attacker.square(x, labels, box, queries=args.queries),
            "words": lambda x, labels, box: attacker.words(x, labels, near, _words(x, box)),
        }[kind]
        curves.append(running.curve(kind, change, attacker, attacked, epsilons.values(), carried=kind != "fgsm"))
    notes += [line for line in [running.masked(curves)] if line]
    clean = attacker.is_right(attacked.x, attacked.labels)
    found = {
        "run": str(args.run),
        "dataset": name,
        "examples": len(attacked.labels),
        "of": len(part),
        "left_out": left_out,
        "scale": attacked.scale,
        "accuracy": float(clean.mean()),
        "interval": wilson_interval(int(clean.sum()), len(clean)),
        "attacks": [{"attack": one.attack, **_options(args, one.attack), "seconds": one.seconds, "curve": one.points()} for one in curves],
        "notes": notes,
        "seed": args.seed,
        **runs.environment(),
    }
    _say(found, notes)
    files.write_json(output / "attack.json", found)
    files.write_text(output / "attack.html", page.text(found, curves, trained, attacked))
    terminal.say(f"page: {output / 'attack.html'}")
    return found


def _refuse(args):
    """Refuse options out of range, before anything is read."""
    for name, least in (("examples", 1), ("steps", 1), ("restarts", 1), ("queries", 2), ("seed", 0)):
        if getattr(args, name) is not None and getattr(args, name) < least:
            raise UserError(f"--{name} must be at least {least}, got {getattr(args, name)}")
    if args.step_size is not None and not 0 < args.step_size <= 10:
        raise UserError(f"--step-size must be a share of epsilon above 0, up to 10, got {args.step_size:g}")
    for text in args.epsilon:
        as_number(text)


def _on_gradients(args, attacker, attacked, model):
    """Sentences on what has no gradient; refuses attacks by gradients where nothing has one."""
    by_gradient = [kind for kind in args.attack if kind in ("fgsm", "pgd")]
    if not by_gradient:
        return []
    classical = target.without_gradient(model)
    some = slice(0, 256)
    gradients = attacker.gradients(attacked.x[some], attacked.labels[some])
    moved = np.where(np.broadcast_to(attacked.box.radius, attacked.x.shape)[some] > 0, np.nan_to_num(gradients), 0)
    none = ~moved.reshape(len(moved), -1).any(axis=1)
    if none.all():
        why = f": it is {' and '.join(classical)}" if classical else ""
        raise UserError(f"{args.run} has no gradient with respect to its inputs{why}; pass --attack square, which needs none")
    notes = []
    if classical:
        notes.append(
            f"a part of the model, {' and '.join(classical)}, has no gradient: {' and '.join(by_gradient)} can follow the network alone, "
            "and square sees both"
        )
    if none.mean() > 0.02:
        notes.append(f"the gradient is 0 for {none.mean():.0%} of the examples, which {' and '.join(by_gradient)} cannot move")
    return notes


def _options(args, kind):
    """The options of an attack, for `attack.json`."""
    if kind == "pgd":
        return {"steps": args.steps, "restarts": args.restarts, "step_size": args.step_size or 2.5 / args.steps}
    return {"queries": args.queries} if kind == "square" else {}


def _words(x, box):
    """How many words of each text may be swapped, an int array `(texts,)`."""
    return np.maximum(1, np.floor(float(np.max(box.radius)) * (x > 0).sum(axis=1) + 1e-6)).astype(int)


def _say(found, notes):
    terminal.say_fields("epsilon", *(one["attack"] for one in found["attacks"]))
    terminal.say_fields("0", *[_written(found)] * len(found["attacks"]))
    for rows in zip(*(one["curve"] for one in found["attacks"]), strict=True):
        terminal.say_fields(f"{rows[0]['epsilon']:.4g}", *map(_written, rows))
    for note in notes:
        terminal.say(f"note: {note}")


def _written(point):
    low, high = point["interval"]
    return f"{point['accuracy']:.4f} [{low:.4f}, {high:.4f}]"
