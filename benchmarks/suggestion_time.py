"""How long does a proposal take when 200 trials are done? Eight hyperparameters, one thread, our Bayesian oracle and KerasTuner's in turns.

python benchmarks/suggestion_time.py

Scores are of a smooth function with noise. Prints a table and writes results/suggestion_time.csv: seconds of the clock and of the processor
a proposal. Times are of this machine; what counts is the ratio of one run.
"""

import contextlib
import csv
import io
import pathlib
import tempfile
import time

import keras_tuner
import numpy as np
import threadpoolctl

from hornbook.tuning import BayesianOracle

RESULTS = pathlib.Path(__file__).parent / "results"
OBJECTIVE = keras_tuner.Objective("loss", "min")
DONE = (50, 200, 500)
PROPOSALS = 5


def main():
    rows = []
    for done in DONE:
        oracles = {"hornbook": _with_trials(_ours(), done), "keras_tuner": _with_trials(_keras_tuner(), done)}
        times = {name: [] for name in oracles}
        for _ in range(PROPOSALS):
            for name, oracle in oracles.items():
                with threadpoolctl.threadpool_limits(1), contextlib.redirect_stdout(io.StringIO()):
                    clock, processor = time.perf_counter(), time.process_time()
                    _one_more(oracle)
                    times[name].append((time.perf_counter() - clock, time.process_time() - processor))
        for name, measured in times.items():
            clock, processor = np.median(measured, axis=0)
            rows.append((name, done, PROPOSALS, round(clock, 4), round(processor, 4), round(max(one[0] for one in measured), 4)))
            print(f"{name:12} {done} trials done: {clock:.3f} s a proposal (most {rows[-1][-1]:.3f}), {processor:.3f} s of a processor")
    with open(RESULTS / "suggestion_time.csv", "w", newline="") as file:
        csv.writer(file).writerows([("oracle", "trials_done", "proposals", "median_seconds", "median_processor_seconds", "most"), *rows])


def _space():
    hp = keras_tuner.HyperParameters()
    for number in range(4):
        hp.Float(f"number{number}", 1e-4, 1.0, sampling="log")
    hp.Int("whole", 1, 16)
    hp.Choice("size", [16, 32, 64, 128])
    hp.Choice("word", ["a", "b", "c"])
    hp.Choice("other_word", ["d", "e", "f", "g"])
    return hp


def _ours():
    return BayesianOracle(objective=OBJECTIVE, max_trials=10_000, hyperparameters=_space(), seed=1)


def _keras_tuner():
    return keras_tuner.oracles.BayesianOptimizationOracle(objective=OBJECTIVE, max_trials=10_000, hyperparameters=_space(), seed=1)


def _with_trials(oracle, done):
    """The oracle with so many random trials done."""
    oracle.verbose = 0
    oracle._set_project_dir(tempfile.mkdtemp(), "search")
    propose = oracle.populate_space
    oracle.populate_space = lambda _: {"status": "RUNNING", "values": oracle._random_values()}
    for _ in range(done):
        _one_more(oracle)
    oracle.populate_space = propose
    return oracle


def _one_more(oracle):
    trial = oracle.create_trial("worker")
    values = trial.hyperparameters.values
    noise = 0.1 * np.random.default_rng(len(oracle.trials)).normal()
    loss = sum(np.log10(values[f"number{number}"] / 0.01) ** 2 for number in range(4)) + (values["word"] == "a") + noise
    oracle.update_trial(trial.trial_id, {"loss": float(loss)})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


if __name__ == "__main__":
    main()
