"""KerasTuner's oracles without their faults, a quasi-random oracle, and a better Bayesian one.

They are `keras_tuner.Oracle`s: any `keras_tuner.Tuner` takes them, and KerasTuner's own tools read what they keep. What they do better
(tests/tuning/oracles/test_oracles.py shows each fault in KerasTuner 1.4.8):

- State files are replaced in whole; one that was cut off is rebuilt from the trials, and a trial's that was cut off is proposed again.
- A search killed in its first trial goes on: what a tuner looks for is there from the beginning, and it is given the trial again.
- A score that is infinite fails its trial as one that is not a number does.
- No configuration is proposed twice, however many of a small space are gone; when all are, the search ends.
- Failures are counted in a row from the last trial backwards, so that a search that went on after three does not stop at once for ever.
- Seed 0 is a seed, not "choose one".
- A grid that is resumed goes on with its next configuration; KerasTuner's ends at once.
"""

import itertools
import json
import math
import os
import pathlib
import shutil

import keras_tuner
import numpy as np
from keras_tuner.engine import trial as trials

from hornbook import UserError, files, records
from hornbook.tuning import kept
from hornbook.tuning.oracles.acquisition import propose
from hornbook.tuning.oracles.encoding import Encoding
from hornbook.tuning.search_space import has_values

Status = trials.TrialStatus


class MendedOracle(keras_tuner.Oracle):
    """What the oracles here share.

    Args:
        objective: `keras_tuner.Objective`, or a metric's name whose direction KerasTuner knows.
        max_trials: how many configurations at most, or None.
        seed: integer.
        first: values by name of a configuration to begin with, such as the defaults; None for none.
        **options: of `keras_tuner.Oracle`.
    """

    def __init__(self, objective=None, max_trials=None, seed=0, first=None, **options):
        # KerasTuner takes 0 for "no seed".
        super().__init__(objective=objective, max_trials=max_trials, seed=seed + 1, **options)
        self.first = first
        self.verbose = 0

    @keras_tuner.synchronized
    def create_trial(self, tuner_id):
        """As of `keras_tuner.Oracle`, whose number for a trial is how many there are: where one was lost, that is another's."""
        free = min(set(range(len(self.trials) + 1)) - {int(one) for one in self.trials})
        full = self.max_trials and len(self.trials) >= self.max_trials
        if free == len(self.trials) or full or tuner_id in self.ongoing_trials or self._retry_queue:
            return super().create_trial(tuner_id)
        trial_id = f"{free:0{len(str(self.max_trials))}d}"
        found = self.populate_space(trial_id)
        space = self.hyperparameters.copy()
        space.values = found.get("values") or {}
        trial = trials.Trial(space, trial_id, found["status"])
        if trial.status == Status.RUNNING:
            self._record_values(trial)
            self.ongoing_trials[tuner_id] = self.trials[trial_id] = trial
            self.start_order.append(trial_id)
            self._save_trial(trial)
            self.save()
        return trial

    def populate_space(self, trial_id):
        """The next configuration: as of `keras_tuner.Oracle`."""
        values = self._begin_with() if not self.start_order else None
        if values is None:
            values = self.next_values()
        if values is None:
            return {"status": Status.IDLE if self.ongoing_trials else Status.STOPPED, "values": None}
        return {"status": Status.RUNNING, "values": values}

    def next_values(self):
        """The values of the next configuration, one that was not proposed before, or None when there is none left."""
        raise NotImplementedError

    def _begin_with(self):
        if self.first is None:
            return None
        values = {**{hp.name: hp.default for hp in self.hyperparameters.space}, **self.first}
        encoding = Encoding(self.hyperparameters.space)
        return encoding.only_active(values)

    def _random_untried(self, encoding, generator, tries=1000):
        """Random values that were not tried; where chance does not find any, the first of all that are left."""
        for _ in range(tries):
            values = encoding.values(generator.random(len(encoding.space)))
            if not self._duplicate(values):
                return values
        if encoding.number_of_configurations() < math.inf:
            return next((values for values in encoding.every() if not self._duplicate(values)), None)
        return None

    def end_trial(self, trial):
        """As of `keras_tuner.Oracle`; an infinite score is none."""
        if trial.status == Status.COMPLETED:
            own = self.trials[trial.trial_id]
            score = own.metrics.get_best_value(self.objective.name)
            if score is None or not math.isfinite(score):
                trial.status, trial.message = Status.FAILED, f"{self.objective.name} is {score}"
                # What JSON has no word for is not kept.
                own.metrics = type(own.metrics)()
        super().end_trial(trial)
        most = self.max_consecutive_failed_trials
        if most and self.failures_in_a_row() >= most:
            raise RuntimeError(f"{most} trials in a row failed. The last: {trial.message or ''}")

    def _check_consecutive_failures(self):
        """Looked at in `end_trial`, once the trial is saved: KerasTuner raises before it is, and again after every restart."""

    def failures_in_a_row(self):
        """How many of the trials that ended last failed."""
        ended = [self.trials[trial_id].status for trial_id in reversed(self.end_order) if trial_id in self.trials]
        return len(list(itertools.takewhile(lambda status: status == Status.FAILED, ended)))

    def save(self):
        """Write `oracle.json` in whole, and beside it the file that a `keras_tuner.Tuner` looks for before it reloads."""
        _write(self._get_oracle_fname(), self.get_state())
        marker = pathlib.Path(self._project_dir, "tuner0.json")
        if not marker.exists():
            _write(marker, {})

    def _save_trial(self, trial):
        _write(os.path.join(self._get_trial_dir(trial.trial_id), "trial.json"), trial.get_state())

    def reload(self):
        """Read the state that `save` wrote; of files that were cut off (KerasTuner's own writes can be), what can be had without them."""
        known = {}
        for path in sorted(pathlib.Path(self._project_dir).glob("trial_*/trial.json")):
            trial_id = path.parent.name.removeprefix("trial_")
            try:
                records.raw(path)
            except UserError:
                if path.parent.is_symlink():
                    raise
                shutil.rmtree(path.parent)  # What ran in it is of values that nobody knows any more.
                continue
            known[trial_id] = self._trial(path, trial_id)
        try:
            state = records.values(self._get_oracle_fname(), kept.Oracle)
        except UserError:
            state = {**self.get_state(), **self._state_from(known)}
        # Trials that were begun and whose own file is lost are gone: their configurations are free again.
        state["start_order"] = [one for one in state["start_order"] if one in known]
        state["end_order"] = [one for one in state["end_order"] if one in known and known[one].status != Status.RUNNING]
        # A driver that died between a trial's file and the oracle's: the trial's is the newer.
        state["start_order"] += [one for one in known if one not in state["start_order"]]
        state["end_order"] += [one for one, trial in known.items() if trial.status != Status.RUNNING and one not in state["end_order"]]
        state["ongoing_trials"] = {}
        # Those that were begun and not ended are given to whoever asks first, unless `take_running` takes them.
        state["retry_queue"] = [one for one in reversed(state["start_order"]) if one not in state["end_order"]]
        state["id_to_hash"] = {one: self._compute_values_hash(trial.hyperparameters.values) for one, trial in known.items()}
        state["tried_so_far"] = list(state["id_to_hash"].values())
        self.trials = known
        try:
            self.set_state(state)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UserError(f"{self._get_oracle_fname()} is not as a search writes it: {error}; begin again in another --output") from error

    def _trial(self, path, trial_id):
        """The trial of a file, whose values become options of runs and whose number a folder's name: both have to be this search's.

        Raises:
            UserError: they are not.
        """
        kept_trial = records.read(path, kept.Trial)
        values = {name: value for name, value in kept_trial.hyperparameters.values.items() if not name.startswith("tuner/")}
        if kept_trial.trial_id != trial_id:
            raise UserError(f"{path} is of trial {kept_trial.trial_id}; remove its folder to have another in its place")
        if not has_values(self.hyperparameters, values):
            raise UserError(f"{path} has values that do not lie in the search's space; remove its folder to have others in their place")
        try:
            trial = trials.Trial.load(str(path))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UserError(f"{path} is not as KerasTuner writes it ({error}); remove its folder to have others in its place") from error
        # Its own space could be any.
        values, trial.hyperparameters = trial.hyperparameters.values, self.hyperparameters.copy()
        trial.hyperparameters.values = values
        return trial

    def _state_from(self, known):
        space = next((trial.hyperparameters.get_config() for trial in known.values()), self.hyperparameters.get_config())
        return {"hyperparameters": {**space, "values": {}}}

    def take_running(self):
        """Trials that were begun and not ended, in order: after `reload`, those to go on with, which no tuner is given any more."""
        self._retry_queue.clear()
        return [self.trials[one] for one in self.start_order if self.trials[one].status == Status.RUNNING]


class RandomOracle(MendedOracle):
    """Random search (Bergstra and Bengio 2012)."""

    def next_values(self):
        # A function of the seed and of how many were begun, so that a search that was cut off goes on with the same configurations.
        return self._random_untried(Encoding(self.hyperparameters.space), np.random.default_rng([self.seed, len(self.start_order)]))


class GridOracle(MendedOracle):
    """Every configuration, the last hyperparameter's values first; of a range without steps 10 values."""

    def next_values(self):
        return next((values for values in Encoding(self.hyperparameters.space).every() if not self._duplicate(values)), None)


class SobolOracle(MendedOracle):
    """Quasi-random search: Owen-scrambled Sobol points (`scipy.stats.qmc`), which leave no large part of the space out."""

    def next_values(self):
        from scipy.stats import qmc

        encoding = Encoding(self.hyperparameters.space)
        points = qmc.Sobol(len(encoding.space), scramble=True, rng=np.random.default_rng(self.seed))
        # Points that fall on a configuration tried before are passed over, at most as many as are likely in a small space.
        if self.start_order:  # SciPy takes no step of 0.
            points.fast_forward(len(self.start_order))
        for _ in range(200):
            values = encoding.values(points.random()[0])
            if not self._duplicate(values):
                return values
        return self._random_untried(encoding, np.random.default_rng([self.seed, len(self.start_order)]))


class BayesianOracle(MendedOracle):
    """Bayesian optimization: a Gaussian process predicts the scores, and the configuration of the largest expected improvement is next.

    Other than KerasTuner's, it gives each word of a choice an axis of its own, has priors on the length scales, flattens bad scores so that
    a diverged trial does not hide the differences between the others, takes the predicted score for trials that still run and the worst
    score for trials that failed or were stopped, and proposes nothing twice.

    Args:
        num_initial: quasi-random configurations before the first guess. Default: as many as hyperparameters, from 4 to 10.
        known: (values by name, score) of trials of earlier searches, to learn from.
        **options: of `MendedOracle`.
    """

    def __init__(self, *, num_initial=None, known=(), **options):
        super().__init__(**options)
        self.num_initial, self.known = num_initial, list(known)
        self._surrogate = None

    def next_values(self):
        encoding = Encoding(self.hyperparameters.space)
        sign = 1.0 if self.objective.direction == "min" else -1.0
        tried = [(values, sign * score) for values, score in self.known]
        failed, waiting = [], []
        for trial in self.trials.values():
            values = trial.hyperparameters.values
            if trial.status == Status.RUNNING:
                waiting.append(values)
            elif trial.score is not None:
                tried.append((values, sign * trial.score))
            else:
                failed.append(values)
        initial = self.num_initial or min(max(len(encoding.space), 4), 10)
        generator = np.random.default_rng([self.seed, len(self.start_order)])
        if len(tried) < 2 or len(self.start_order) + len(self.known) < initial:
            return SobolOracle.next_values(self)
        return propose(encoding, tried, failed, waiting, is_tried=self._duplicate, generator=generator)


class HyperbandOracle(MendedOracle, keras_tuner.oracles.HyperbandOracle):
    """Hyperband (Li et al. 2018), KerasTuner's: many configurations for few epochs, the best of them again for more.

    A configuration that goes on is trained from its beginning, since a learning rate's schedule depends on how long the training is.
    """

    def __init__(self, objective=None, max_epochs=40, seed=0, max_trials=None, **options):
        keras_tuner.oracles.HyperbandOracle.__init__(self, objective=objective, max_epochs=max_epochs, seed=seed + 1, **options)
        self.max_trials, self.first, self.verbose = max_trials, None, 0

    populate_space = keras_tuner.oracles.HyperbandOracle.populate_space

    def set_state(self, state):
        """As of `keras_tuner.Oracle`; trials that were lost are taken out of their rounds."""
        super().set_state(state)
        for bracket in self._brackets:
            bracket["rounds"] = [[one for one in own if one["id"] in self.trials] for own in bracket["rounds"]]


def _write(path, state):
    files.write_text(path, json.dumps(state))
