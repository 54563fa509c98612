"""Which tuner finds a good configuration in few trials? On a table of 756 trained configurations (tuning_surface.py), without training.

python benchmarks/search_quality.py
python benchmarks/search_quality.py --tuners random bayesian --repeats 5

Ours beside KerasTuner's own random and Bayesian tuners and Optuna's TPE, 40 trials each, 20 seeds. The regret is how much worse the best
found is than the best of the whole table, in validation loss. All are given the same space: numbers as ordered choices, words as unordered.
Writes results/search_quality.csv: a row a tuner and seed with the regret after each trial, and the seconds of its proposals.
"""

import argparse
import contextlib
import csv
import gzip
import io
import pathlib
import tempfile
import time

import keras_tuner
import numpy as np
import threadpoolctl
import tuning_surface

from hornbook.tuning import BayesianOracle, RandomOracle, SobolOracle

RESULTS = pathlib.Path(__file__).parent / "results"
OBJECTIVE = keras_tuner.Objective("loss", "min")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tuners", nargs="+", default=list(TUNERS), choices=list(TUNERS))
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--trials", type=int, default=40)
    args = parser.parse_args()
    table = read_surface()
    best = min(loss for loss in table.values() if loss is not None)
    print(f"{len(table)} configurations, best loss {best:.4f}, median {np.median([x for x in table.values() if x is not None]):.4f}")
    rows, medians = [], {}
    for name in args.tuners:
        regrets, times = [], []
        for seed in range(args.repeats):
            started = time.perf_counter()
            with threadpoolctl.threadpool_limits(1), contextlib.redirect_stdout(io.StringIO()):
                losses = TUNERS[name](table, seed, args.trials)
            times.append(time.perf_counter() - started)
            # A trial that diverged finds nothing.
            found = np.minimum.accumulate([np.inf if loss is None else loss for loss in losses]) - best
            regrets.append(found)
            rows.append((name, seed, round(times[-1] / args.trials, 4), *(f"{value:.5f}" for value in found)))
        medians[name] = np.median(regrets, axis=0)
        shown = ", ".join(f"{medians[name][k - 1]:.4f} after {k}" for k in (10, 20, args.trials) if k <= args.trials)
        spread = np.quantile([one[-1] for one in regrets], (0.25, 0.75))
        quartiles = f"quartiles {spread[0]:.4f} to {spread[1]:.4f}"
        print(f"{name:20} median regret {shown} ({quartiles}); {np.mean(times) / args.trials:.3f} s a proposal")
    if "random" in medians:
        for name in args.tuners:
            print(f"{name:20} {medians[name][-1] / medians['random'][-1]:.2f} of random's regret after {args.trials}")
    with open(RESULTS / "search_quality.csv", "w", newline="") as file:
        csv.writer(file).writerows([("tuner", "seed", "seconds_a_proposal", *range(1, args.trials + 1)), *rows])


def read_surface():
    """Loss by configuration, a tuple of the grid's values in its order; None where the training diverged."""
    names = list(tuning_surface.GRID)
    with gzip.open(tuning_surface.SURFACE, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    return {_key({name: row[name] for name in names}): float(row["loss"]) if row["loss"] else None for row in rows}


def _key(values):
    """A configuration as the table names it."""
    kinds = {name: type(listed[0]) for name, listed in tuning_surface.GRID.items()}
    return tuple(kinds[name](values[name]) for name in tuning_surface.GRID)


def _space():
    hp = keras_tuner.HyperParameters()
    for name, values in tuning_surface.GRID.items():
        hp.Choice(name, values)
    return hp


def _with_oracle(table, oracle, trials):
    oracle.verbose = 0
    losses = []
    with tempfile.TemporaryDirectory() as folder:
        oracle._set_project_dir(folder, "search")
        for _ in range(trials):
            trial = oracle.create_trial("worker")
            loss = table[_key(trial.hyperparameters.values)]
            losses.append(loss)
            if loss is None:
                trial.status = "FAILED"
            else:
                oracle.update_trial(trial.trial_id, {"loss": loss})
                trial.status = "COMPLETED"
            oracle.end_trial(trial)
    return losses


def _keras_tuner(kind):
    def run(table, seed, trials):
        options = {"objective": OBJECTIVE, "max_trials": trials, "hyperparameters": _space(), "max_consecutive_failed_trials": 10**6}
        return _with_oracle(table, kind(seed=seed + 1, **options), trials)

    return run


def _ours(kind, **more):
    def run(table, seed, trials):
        options = {"objective": OBJECTIVE, "max_trials": trials, "hyperparameters": _space(), "max_consecutive_failed_trials": None}
        return _with_oracle(table, kind(seed=seed, **options, **more), trials)

    return run


def _optuna(table, seed, trials):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    losses = []
    for _ in range(trials):
        trial = study.ask()
        values = {}
        for name, listed in tuning_surface.GRID.items():
            if isinstance(listed[0], str):
                values[name] = trial.suggest_categorical(name, listed)
            else:
                values[name] = listed[trial.suggest_int(name, 0, len(listed) - 1)]
        loss = table[_key(values)]
        losses.append(loss)
        study.tell(trial, loss, state=None if loss is not None else optuna.trial.TrialState.FAIL)
    return losses


TUNERS = {
    "random": _ours(RandomOracle),
    "sobol": _ours(SobolOracle),
    "bayesian": _ours(BayesianOracle),
    "keras_tuner random": _keras_tuner(keras_tuner.oracles.RandomSearchOracle),
    "keras_tuner bayesian": _keras_tuner(keras_tuner.oracles.BayesianOptimizationOracle),
    "optuna tpe": _optuna,
}


if __name__ == "__main__":
    main()
