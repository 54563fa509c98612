"""A training that would take too long is shortened, its schedule with it; the time is said; checkpoints come now and then."""

import types

import keras
import numpy as np
import pytest

from hornbook.training import callbacks, checkpoint, optimizer, pace, schedule, schedules

STEPS, EPOCHS = 4, 100
INPUTS, TARGETS = np.ones((64, 3), np.float32), np.ones((64, 1), np.float32)


class Clock(keras.callbacks.Callback):
    """A second a step."""

    def __init__(self):
        super().__init__()
        self.now = 0.0

    def on_train_batch_begin(self, batch, logs=None):
        self.now += 1.0  # After the others have looked: it stands behind them.


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(pace, "time", types.SimpleNamespace(monotonic=lambda: made.now))
    return made


def compiled(name="cosine"):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    warmup = None if name == "one-cycle" else 1
    rate = schedule(name, 0.1, steps_per_epoch=STEPS, epochs=EPOCHS, warmup_epochs=warmup, shortenable=True)
    made = optimizer("adam", rate)
    schedules.let_shorten(made, rate)
    model.compile(made, "mse")
    return model


def fit(model, *used, first_epoch=0):
    model.fit(
        INPUTS, TARGETS, batch_size=16, shuffle=False, epochs=EPOCHS, initial_epoch=first_epoch, steps_per_epoch=STEPS, verbose=0,
        callbacks=list(used),
    )  # fmt: skip


def test_a_training_that_would_take_too_long_is_shortened_with_its_schedule(clock, capsys, tmp_path):
    model = compiled()
    timed, history = pace.Pace(EPOCHS, STEPS, seconds=200.0, warmup_steps=STEPS), callbacks.History(tmp_path / "history.csv")
    fit(model, timed, history, clock)
    # After 23 steps 177 seconds are left, of which a tenth is kept back: 23 + 177 / 1.1 steps are 45 epochs.
    assert timed.epochs == len(history.rows) == 45
    rates = [row["learning_rate"] for row in history.rows]
    assert rates[0] == pytest.approx(0.1, rel=0.01)
    assert rates[-1] == pytest.approx(0, abs=1e-6)
    assert rates[22] == pytest.approx(0.05, rel=0.1)
    assert "too long for 400 updates; shortened to 180 in 45 epochs" in capsys.readouterr().out


def test_a_training_that_fits_is_left_alone_and_its_time_is_said(clock, capsys):
    for seconds in (None, 500.0):
        timed = pace.Pace(EPOCHS, STEPS, seconds=seconds, warmup_steps=STEPS)
        model = compiled()
        fit(model, timed, clock)
        assert timed.epochs == EPOCHS
        assert int(model.optimizer.iterations) == EPOCHS * STEPS
        assert float(keras.ops.convert_to_numpy(model.optimizer.pace)) == 1.0
        assert "time: about 6 min for 377 updates" in capsys.readouterr().out


def test_a_training_whose_pace_falls_ends_when_its_time_is_over(clock):
    class Slower(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            clock.now += 30.0 * (epoch > 20)

    timed, model = pace.Pace(EPOCHS, STEPS, seconds=500.0, warmup_steps=STEPS), compiled()
    fit(model, Slower(), timed, clock)
    assert timed.epochs == EPOCHS
    assert int(model.optimizer.iterations) == 34 * STEPS  # 84 seconds, and 34 for each epoch behind them.


@pytest.mark.parametrize("name", ["cosine", "one-cycle"])
def test_a_shortened_training_that_goes_on_ends_with_the_same_weights(clock, tmp_path, name):
    def begin(path):
        model = compiled(name)
        timed = pace.Pace(EPOCHS, STEPS, seconds=100.0, warmup_steps=STEPS)
        kept = checkpoint.Checkpoint(path, [timed])
        return model, timed, kept, kept.restore(model)

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 10:
                raise KeyboardInterrupt

    whole, timed, kept, _ = begin(tmp_path / "whole.npz")
    fit(whole, timed, kept, clock)
    model, timed, kept, _ = begin(tmp_path / "cut.npz")
    with pytest.raises(KeyboardInterrupt):
        fit(model, Interrupt(), timed, kept, clock)
    model, timed, kept, first = begin(tmp_path / "cut.npz")
    assert (first, timed.shortened, timed.epochs) == (10, True, 23)
    fit(model, timed, kept, clock, first_epoch=first)
    for got, expected in zip(model.get_weights(), whole.get_weights(), strict=True):
        assert got.tobytes() == expected.tobytes()


@pytest.mark.parametrize(("seconds", "words"), [(4.4, "4 s"), (99, "99 s"), (100, "2 min"), (5999, "100 min"), (7200, "2.0 h")])
def test_times_in_words(seconds, words):
    assert pace.in_words(seconds) == words


def test_checkpoints_may_be_some_epochs_apart_and_the_last_is_kept(tmp_path, monkeypatch):
    model, kept, saved = compiled(), checkpoint.Checkpoint(tmp_path / "last.npz", every=40), []
    monkeypatch.setattr(kept, "save", saved.append)
    fit(model, kept)
    assert saved == [40, 80, EPOCHS]
    monkeypatch.setattr(kept, "save", saved.append)
    early = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", epoch == 2))
    fit(model, early, kept)
    assert saved[3:] == [EPOCHS]  # Resumed, it only finishes.
