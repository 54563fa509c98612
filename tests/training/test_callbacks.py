import csv
import json
import math

import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.training import optimizer
from hornbook.training.callbacks import AverageWeights, EarlyStopping, History, Progress, ReduceOnPlateau, StopWhenLost, averaged_weights

GENERATOR = np.random.default_rng(0)
INPUTS, TARGETS = GENERATOR.normal(size=(64, 3)).astype("float32"), GENERATOR.normal(size=(64, 1)).astype("float32")


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def network(ema=0.0, rate=0.05):
    """A small compiled regression."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(1)])
    model.compile(optimizer("sgd", rate, ema=ema), "mse")
    return model


def fit(model, callbacks, epochs=3, **options):
    options = {"validation_data": (INPUTS, TARGETS), "verbose": 0, "shuffle": False, **options}
    return model.fit(INPUTS, TARGETS, epochs=epochs, batch_size=16, callbacks=callbacks, **options)


def equal(some, others):
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


class Score(keras.callbacks.Callback):
    """Put invented validation losses into the logs, and keep what weights there were."""

    def __init__(self, losses):
        super().__init__()
        self.losses, self.weights = losses, []

    def on_epoch_end(self, epoch, logs=None):
        logs["val_loss"] = self.losses[epoch]
        self.weights.append(self.model.get_weights())


# Early stopping.


def test_a_metric_that_does_not_exist_is_refused_after_the_first_epoch():
    epochs = Score([0.0] * 9)
    with pytest.raises(UserError, match="early stopping monitors 'val_accuracy', which is not reported; there are loss, val_loss"):
        fit(network(), [epochs, EarlyStopping("val_accuracy", patience=2)], epochs=9)
    assert len(epochs.weights) == 1


def test_the_best_weights_are_restored_and_patience_is_kept():
    scores = Score([3.0, 1.0, 2.0, 1.5, 0.5])
    stopping = EarlyStopping(patience=2)
    model = network()
    fit(model, [scores, stopping], epochs=5)
    assert len(scores.weights) == 4
    assert (stopping.best_epoch, stopping.stopped_epoch) == (1, 3)
    assert equal(model.get_weights(), scores.weights[1])
    assert not equal(model.get_weights(), scores.weights[3])


def test_without_patience_it_keeps_the_best_and_never_stops():
    scores = Score([3.0, 1.0, 2.0, 2.0, 2.0, 2.0])
    model = network()
    fit(model, [scores, EarlyStopping()], epochs=6)
    assert len(scores.weights) == 6
    assert equal(model.get_weights(), scores.weights[1])


def test_with_ema_the_best_averaged_weights_are_kept():
    averages = []

    class Averages(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            averages.append([keras.ops.convert_to_numpy(value) for value in self.model.optimizer._model_variables_moving_average])

    scores = Score([3.0, 1.0, 2.0])
    model = network(ema=0.9)
    fit(model, [scores, Averages(), EarlyStopping()])
    assert equal(model.get_weights(), averages[1])
    assert not equal(averages[1], scores.weights[1])


def test_early_stopping_does_not_disturb_the_training():
    plain, watched = Score([1.0] * 3), Score([1.0] * 3)
    keras.utils.set_random_seed(0)
    fit(network(ema=0.9), [plain])
    keras.utils.set_random_seed(0)
    fit(network(ema=0.9), [watched, EarlyStopping(), AverageWeights()])
    assert all(equal(a, b) for a, b in zip(plain.weights, watched.weights, strict=True))


def test_the_state_of_early_stopping_goes_through_json():
    losses = [3.0, 1.0, 2.0, 1.5, 2.5, 0.1]
    whole, scores, model = EarlyStopping(patience=3), Score(losses), network()
    fit(model, [scores, whole], epochs=6)

    first = EarlyStopping(patience=3)
    keras.utils.set_random_seed(0)
    resumed = network()
    fit(resumed, [Score(losses), first], epochs=3)
    values, arrays = first.get_state()
    values, arrays = json.loads(json.dumps(values)), [array.copy() for array in arrays]
    second, later = EarlyStopping(patience=3), Score(losses)
    second.set_state(values, arrays)
    fit(resumed, [later, second], epochs=6, initial_epoch=3)
    assert len(later.weights) == 2
    assert (second.best, second.best_epoch, second.stopped_epoch) == (whole.best, whole.best_epoch, whole.stopped_epoch) == (1.0, 1, 4)
    assert equal(resumed.get_weights(), arrays)


def test_the_state_before_anything_was_seen():
    values, arrays = EarlyStopping().get_state()
    assert json.loads(json.dumps(values))["best"] is None
    assert arrays == []
    stopping = EarlyStopping()
    stopping.set_state(values, arrays)
    fit(network(), [stopping], epochs=1)
    assert stopping.best_epoch == 0


def test_a_resumed_run_with_no_epoch_left_still_restores_the_best():
    model, stopping = network(), EarlyStopping()
    best = [weight + 1 for weight in model.get_weights()]
    stopping.set_state({"wait": 1, "stopped_epoch": 2, "best": 0.5, "best_epoch": 1}, best)
    fit(model, [stopping], epochs=3, initial_epoch=3)
    assert equal(model.get_weights(), best)


# A learning rate that falls when the validation loss does not.


class Rates(keras.callbacks.Callback):
    """The learning rate of every step, and that after every epoch."""

    def __init__(self):
        super().__init__()
        self.steps, self.epochs = [], []

    def rate(self):
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def on_train_batch_end(self, batch, logs=None):
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        self.steps.append(self.rate())

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(self.rate())


LOSSES = [3.0, 2.0, 2.5, 2.5, 2.5, 2.5, 1.0]


def test_the_rate_falls_on_a_plateau():
    rates = Rates()
    fit(network(rate=0.4), [Score(LOSSES), ReduceOnPlateau(patience=2), rates], epochs=7)
    np.testing.assert_allclose(rates.epochs, [0.4, 0.4, 0.4, 0.04, 0.04, 0.004, 0.004], rtol=1e-6)


def test_the_rate_rises_before_it_may_fall():
    rates = Rates()
    # Six steps are an epoch and a half: the losses of the first epoch are not judged, though they are the best.
    losses = [0.1, *LOSSES]
    fit(network(rate=0.4), [Score(losses), ReduceOnPlateau(patience=2, warmup_steps=6), rates], epochs=8)
    np.testing.assert_allclose(rates.steps[:8], [0.4 * k / 6 for k in range(1, 7)] + [0.4, 0.4], rtol=1e-6)
    np.testing.assert_allclose(rates.epochs[1:], [0.4, 0.4, 0.4, 0.04, 0.04, 0.004, 0.004], rtol=1e-6)


@pytest.mark.parametrize("interrupted", [1, 4])
def test_the_state_of_a_plateau_goes_through_json(interrupted):
    whole = Rates()
    fit(network(rate=0.4), [Score(LOSSES), ReduceOnPlateau(patience=2, warmup_steps=6), whole], epochs=7)

    keras.utils.set_random_seed(0)
    first, before = ReduceOnPlateau(patience=2, warmup_steps=6), Rates()
    model = network(rate=0.4)
    fit(model, [Score(LOSSES), first, before], epochs=interrupted)
    values, arrays = first.get_state()
    second, after = ReduceOnPlateau(patience=2, warmup_steps=6), Rates()
    second.set_state(json.loads(json.dumps(values)), arrays)
    fit(model, [Score(LOSSES), second, after], epochs=7, initial_epoch=interrupted)
    assert before.steps + after.steps == whole.steps
    assert before.epochs + after.epochs == whole.epochs


def test_a_plateau_of_a_metric_that_does_not_exist_is_refused():
    with pytest.raises(UserError, match="the learning rate follows 'val_accuracy', which is not reported; there are loss, val_loss"):
        fit(network(), [ReduceOnPlateau("val_accuracy")])


def test_a_plateau_leaves_the_logs_as_they_are(tmp_path):
    history = History(tmp_path / "history.csv")
    fit(network(), [ReduceOnPlateau(), history], epochs=1)
    assert list(rows_of(tmp_path / "history.csv")[0]) == ["epoch", "loss", "val_loss", "learning_rate", "seconds"]


# Averaged weights.


def trained(ema=0.9):
    model = network(ema)
    for _ in range(5):
        model.train_on_batch(INPUTS, TARGETS)
    return model


def test_the_average_is_evaluated_and_the_weights_come_back_bit_for_bit():
    model = trained()
    raw = [weight.copy() for weight in model.get_weights()]
    state = [keras.ops.convert_to_numpy(variable).copy() for variable in model.optimizer.variables]
    on_raw = model.evaluate(INPUTS, TARGETS, verbose=0)
    on_average = model.evaluate(INPUTS, TARGETS, verbose=0, callbacks=[AverageWeights()])
    assert equal(model.get_weights(), raw)
    assert equal([keras.ops.convert_to_numpy(variable) for variable in model.optimizer.variables], state)
    model.set_weights([keras.ops.convert_to_numpy(value) for value in model.optimizer._model_variables_moving_average])
    assert on_average == pytest.approx(model.evaluate(INPUTS, TARGETS, verbose=0), rel=1e-6)
    assert on_average != on_raw


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the other backends swap without arithmetic")
def test_keras_own_swap_rounds_the_weights():
    # The reason for a callback of our own. Where this fails, Keras' does as well, and ours can go.
    model = trained()
    raw = [weight.copy() for weight in model.get_weights()]
    model.evaluate(INPUTS, TARGETS, verbose=0, callbacks=[keras.callbacks.SwapEMAWeights()])
    assert not equal(model.get_weights(), raw)


def test_validation_during_fit_is_of_the_average():
    seen = []

    class Seen(keras.callbacks.Callback):
        def on_test_batch_begin(self, batch, logs=None):
            seen.append((self.model.get_weights(), self.model.optimizer._model_variables_moving_average[0].numpy()))

    model = network(ema=0.9)
    fit(model, [AverageWeights(), Seen()], epochs=2)
    assert len(seen) == 8  # Two epochs of four batches.
    assert all(np.array_equal(weights[0], average) for weights, average in seen)


def test_after_fit_the_average_is_in_the_model():
    model = network(ema=0.9)
    fit(model, [AverageWeights()])
    assert equal(model.get_weights(), [keras.ops.convert_to_numpy(value) for value in model.optimizer._model_variables_moving_average])


def test_averages_within_a_scaled_loss_are_evaluated():
    # What Keras makes of an optimizer for float16.
    model = network()
    model.compile(keras.optimizers.LossScaleOptimizer(optimizer("sgd", 0.05, ema=0.9)), "mse")
    for _ in range(5):
        model.train_on_batch(INPUTS, TARGETS)
    raw = [weight.copy() for weight in model.get_weights()]
    average = [keras.ops.convert_to_numpy(value) for value in model.optimizer.inner_optimizer._model_variables_moving_average]
    with averaged_weights(model):
        assert equal(model.get_weights(), average)
    assert equal(model.get_weights(), raw)
    assert not equal(average, raw)


def test_without_ema_nothing_happens():
    model = trained(ema=0.0)
    raw = [weight.copy() for weight in model.get_weights()]
    with averaged_weights(model):
        assert equal(model.get_weights(), raw)
    assert model.evaluate(INPUTS, TARGETS, verbose=0, callbacks=[AverageWeights()]) == model.evaluate(INPUTS, TARGETS, verbose=0)


def test_the_weights_come_back_after_an_error():
    model = trained()
    raw = [weight.copy() for weight in model.get_weights()]
    with pytest.raises(KeyError), averaged_weights(model):
        raise KeyError("within")
    assert equal(model.get_weights(), raw)


# The history.


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_history_is_a_row_an_epoch(tmp_path):
    history = History(tmp_path / "history.csv")
    result = fit(network(rate=keras.optimizers.schedules.PolynomialDecay(0.1, 12, 0.0)), [history])
    rows = rows_of(tmp_path / "history.csv")
    assert list(rows[0]) == ["epoch", "loss", "val_loss", "learning_rate", "seconds"]
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert [float(row["val_loss"]) for row in rows] == result.history["val_loss"]
    np.testing.assert_allclose([float(row["learning_rate"]) for row in rows], [0.1 * (1 - 4 * k / 12) for k in (1, 2, 3)], atol=1e-7)
    seconds = [float(row["seconds"]) for row in rows]
    assert seconds == sorted(seconds)
    assert [list(row.values()) for row in history.rows] == [[float(value) for value in row.values()] for row in rows]


def test_the_history_of_a_resumed_run(tmp_path):
    first = History(tmp_path / "history.csv")
    fit(network(), [first], epochs=2)
    values, arrays = first.get_state()
    assert arrays == []
    values["rows"][-1]["seconds"] = 1000.0
    (tmp_path / "history.csv").unlink()
    second = History(tmp_path / "history.csv")
    second.set_state(json.loads(json.dumps(values)), [])
    assert len(rows_of(tmp_path / "history.csv")) == 2  # What was written after the checkpoint is gone.
    fit(network(), [second], epochs=3, initial_epoch=2)
    rows = rows_of(tmp_path / "history.csv")
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert float(rows[2]["seconds"]) >= 1000


def test_a_column_may_be_missing_in_some_epochs(tmp_path):
    history = History(tmp_path / "history.csv")
    fit(network(), [history], epochs=3, validation_freq=2)
    rows = rows_of(tmp_path / "history.csv")
    assert [row["val_loss"] != "" for row in rows] == [False, True, False]
    assert all(float(row["seconds"]) >= 0 for row in rows)


def test_no_row_no_file(tmp_path):
    History(tmp_path / "history.csv").write()
    assert list(tmp_path.iterdir()) == []


# A lost loss.


def test_a_lost_loss_stops_the_run_before_what_comes_after():
    after = Score([0.0] * 3)
    model = network(rate=1e30)
    with pytest.raises(UserError) as raised:
        fit(model, [StopWhenLost(), after])
    message = str(raised.value)
    assert "after epoch 1, at a learning rate of 1e+30" in message
    assert message.startswith(("the loss is nan", "the loss is inf"))
    for flag in ("--learning-rate", "--warmup-epochs", "--clip-norm 1"):
        assert flag in message
    assert after.weights == []


def test_a_finite_loss_goes_on():
    assert math.isfinite(fit(network(), [StopWhenLost()]).history["loss"][-1])


# Progress.


def test_progress_is_silent_without_a_terminal(capfd):
    model = network()
    capfd.readouterr()  # What TensorFlow says when it is first used.
    fit(model, [Progress()])
    assert capfd.readouterr() == ("", "")


def test_progress_counts_all_steps_and_begins_where_a_run_is_resumed(monkeypatch):
    import tqdm

    bars = []

    class Bar:
        def __init__(self, **options):
            self.options, self.count, self.closed = options, options["initial"], False
            bars.append(self)

        def update(self):
            self.count += 1

        def set_description(self, text, refresh):
            self.text = text

        def set_postfix(self, scores):
            self.scores = scores

        def close(self):
            self.closed = True

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    fit(network(), [Progress(first_epoch=2)], epochs=5, initial_epoch=2)
    [bar] = bars
    assert (bar.options["initial"], bar.options["total"], bar.count) == (8, 20, 20)
    assert bar.text == "epoch 5/5"
    assert set(bar.scores) == {"loss", "val_loss"}
    assert bar.closed
