"""Learning rates over a training follow their formulas, begin and end where they should, and survive a saved model."""

import math

import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.training import schedules
from hornbook.training.optimization import optimizer
from hornbook.training.schedules import OneCycle, Warmup, schedule

PEAK, STEPS, EPOCHS = 0.4, 10, 20  # 200 steps.


def rates(made, count=STEPS * EPOCHS):
    if not callable(made):
        return np.full(count, made)
    return np.array([float(keras.ops.convert_to_numpy(made(step))) for step in range(count)])


def make(name, warmup_epochs=0, **options):
    return schedule(name, PEAK, **{"steps_per_epoch": STEPS, "epochs": EPOCHS, "warmup_epochs": warmup_epochs, **options})


def after_warmup(name, steps):
    """The learning rates of `steps` steps without a warm-up."""
    k = np.arange(steps)
    if name in ("constant", "plateau"):
        return np.full(steps, PEAK)
    if name == "exponential":
        return PEAK * 0.01 ** (k / steps)
    if name == "polynomial":
        return PEAK * (1 - k / steps)
    if name == "restarts":
        first = (steps + 1) / 7
        starts, lengths = np.array([0, first, 3 * first]), np.array([first, 2 * first, 4 * first])
        cycle = (k[:, None] >= starts).sum(-1) - 1
        return PEAK * 0.5 * (1 + np.cos(np.pi * (k - starts[cycle]) / lengths[cycle]))
    if name == "cosine":
        return PEAK * 0.5 * (1 + np.cos(np.pi * k / steps))
    if name == "step":
        return PEAK * np.where(k <= steps // 2, 1, np.where(k <= steps * 3 // 4, 0.1, 0.01))
    progress = k / (steps - 1)
    up = 1 + (1 / 25 - 1) * (1 + np.cos(np.pi * progress / 0.3)) / 2
    down = 1e-4 + (1 - 1e-4) * (1 + np.cos(np.pi * (progress - 0.3) / 0.7)) / 2
    return PEAK * np.where(progress < 0.3, up, down)


@pytest.mark.parametrize("name", schedules.SCHEDULES)
def test_schedules_follow_their_formulas(name):
    np.testing.assert_allclose(rates(make(name)), after_warmup(name, 200), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("warmup_epochs", [1, 2.5, 5])
@pytest.mark.parametrize("name", [name for name in schedules.SCHEDULES if name not in ("one-cycle", "plateau")])
def test_a_warmup_rises_to_where_the_schedule_begins(name, warmup_epochs):
    rise = int(warmup_epochs * STEPS)
    got = rates(make(name, warmup_epochs))
    np.testing.assert_allclose(got[:rise], PEAK * np.arange(1, rise + 1) / rise, rtol=1e-5)
    np.testing.assert_allclose(got[rise:], after_warmup(name, 200 - rise), rtol=1e-4, atol=1e-7)
    assert got.max() == pytest.approx(PEAK, rel=1e-6)


def test_where_the_schedules_begin_and_end():
    assert make("constant") == PEAK
    assert rates(make("cosine"))[-1] == pytest.approx(PEAK * 0.5 * (1 - math.cos(math.pi / 200)), rel=1e-3)
    assert rates(make("cosine"), 201)[-1] == pytest.approx(0, abs=1e-7)
    one = rates(make("one-cycle"), 230)
    assert one[0] == pytest.approx(PEAK / 25, rel=1e-5)
    assert one.max() == pytest.approx(PEAK, rel=1e-3)
    assert abs(int(one.argmax()) - 60) <= 1
    np.testing.assert_allclose(one[199:], PEAK * 1e-4, rtol=1e-3)
    assert rates(make("step"))[-1] == pytest.approx(PEAK / 100)
    assert rates(make("exponential"), 201)[-1] == pytest.approx(PEAK / 100, rel=1e-5)
    assert rates(make("polynomial"), 201)[-1] == 0
    restarts = rates(make("restarts"))
    assert list(np.flatnonzero(np.diff(restarts) > 0) + 1) == [29, 87]  # After 1/7 and 3/7 of 201 steps.
    assert rates(make("restarts"), 201)[-1] < restarts[-1] < PEAK / 1000
    assert make("plateau", 5) == PEAK  # Its warm-up is the callback's.


@pytest.mark.parametrize("warmup_epochs", [0, 1.5])
def test_equal_cycles_end_with_epochs(warmup_epochs):
    # 20 epochs in 3 cycles: after 7, 13 and 20. A warm-up is a part of the first.
    rise = int(warmup_epochs * STEPS)
    ends = np.array([70, 130, 200])
    lengths = np.diff([rise, *ends])
    expected = np.concatenate([PEAK * (1 + np.cos(np.pi * np.arange(length) / length)) / 2 for length in lengths])
    got = rates(make("restarts", warmup_epochs, cycles=3), 210)
    np.testing.assert_allclose(got[rise:200], expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(got[200:], 0, atol=1e-7)
    assert schedules.cycle_ends(20, 3) == [7, 13, 20]
    assert schedules.cycle_ends(5, 5) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", ["cosine", "one-cycle", "step", "constant", "polynomial", "exponential"])
@pytest.mark.parametrize("warmup_epochs", [0, 1.5])
def test_a_rate_that_is_held(name, warmup_epochs):
    if name == "one-cycle" and warmup_epochs:
        return
    free, held = rates(make(name, warmup_epochs)), rates(make(name, warmup_epochs, held_after=12))
    np.testing.assert_array_equal(held[:120], free[:120])
    np.testing.assert_array_equal(held[120:], np.full(80, free[119]))


@pytest.mark.parametrize("options", [{"name": "restarts", "cycles": 4}, {"name": "cosine", "held_after": 12}])
def test_cycles_and_held_rates_survive_a_saved_model(options, tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer("sgd", make(warmup_epochs=2, **options)), "mse")
    model.optimizer.apply([keras.ops.ones((2, 1)), keras.ops.ones(1)], model.trainable_variables)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras").optimizer._learning_rate
    np.testing.assert_array_equal(rates(again), rates(make(warmup_epochs=2, **options)))


def test_how_many_steps_the_warmup_takes():
    length = {"steps_per_epoch": 10, "epochs": 20}
    assert schedules.warmup_steps("plateau", **length) == 10
    assert schedules.warmup_steps("plateau", **length, warmup_epochs=0.25) == 2
    assert schedules.warmup_steps("one-cycle", **length) == 0
    assert schedules.warmup_steps("cosine", steps_per_epoch=10, epochs=5) == 5
    with pytest.raises(UserError, match="less than the 20 epochs, got 20"):
        schedules.warmup_steps("plateau", **length, warmup_epochs=20)


@pytest.mark.parametrize("name", schedules.SCHEDULES)
@pytest.mark.parametrize(("steps", "epochs"), [(1, 1), (1, 2), (3, 1)])
def test_the_shortest_trainings_have_a_rate(name, steps, epochs):
    got = rates(make(name, steps_per_epoch=steps, epochs=epochs), steps * epochs)
    assert np.isfinite(got).all()
    assert (got > 0).all()
    assert (got <= PEAK * (1 + 1e-6)).all()


@pytest.mark.parametrize("name", schedules.SCHEDULES)
def test_schedules_survive_a_saved_model(name, tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer("sgd", make(name, 0 if name in ("one-cycle", "plateau") else 2)), "mse")
    model.optimizer.apply([keras.ops.ones((2, 1)), keras.ops.ones(1)], model.trainable_variables)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert int(again.optimizer.iterations) == 1
    assert float(again.optimizer.learning_rate) == pytest.approx(float(model.optimizer.learning_rate), rel=1e-7)
    if name not in ("constant", "plateau"):
        np.testing.assert_array_equal(rates(again.optimizer._learning_rate), rates(model.optimizer._learning_rate))


@pytest.mark.parametrize(
    "made",
    [
        Warmup(0.1, 7),
        Warmup(keras.optimizers.schedules.CosineDecay(0.1, 50), 7),
        OneCycle(0.3, 40, rise=0.5, start=0.1, end=0.01),
        Warmup(OneCycle(0.3, 40), 3),
    ],
    ids=["warmup", "warmup-cosine", "one-cycle", "nested"],
)
def test_schedules_are_serialized_whole(made):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()
    np.testing.assert_array_equal(rates(again, 60), rates(made, 60))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "linear"}, "schedule must be one of constant, step, cosine, .*, plateau, got 'linear'"),
        ({"learning_rate": 0.0}, "learning_rate must be positive and finite, got 0.0"),
        ({"learning_rate": -1.0}, "learning_rate must be positive and finite, got -1.0"),
        ({"learning_rate": math.nan}, "learning_rate must be positive and finite, got nan"),
        ({"learning_rate": math.inf}, "learning_rate must be positive and finite, got inf"),
        ({"warmup_epochs": -1}, "warmup_epochs must be at least 0 and less than the 20 epochs, got -1"),
        ({"warmup_epochs": 20}, "less than the 20 epochs, got 20"),
        ({"warmup_epochs": math.nan}, "less than the 20 epochs, got nan"),
        ({"name": "one-cycle", "warmup_epochs": 1}, "one-cycle has a warm-up of its own; pass warmup_epochs 0, got 1"),
        ({"cycles": 3}, "cycles are those of the schedule restarts, got 'cosine'"),
        ({"name": "restarts", "cycles": 21}, "at most the 20 epochs, got 21"),
        ({"name": "restarts", "cycles": 10, "warmup_epochs": 2}, "a warm-up of 20 steps is not over after 20, when a cycle ends"),
        ({"held_after": 1, "warmup_epochs": 1}, "a warm-up of 10 steps is not over after 10, when the rate is to be held"),
    ],
)
def test_schedules_refuse(options, words):
    given = {"name": "cosine", "learning_rate": PEAK, "steps_per_epoch": STEPS, "epochs": EPOCHS, **options}
    with pytest.raises(UserError, match=words):
        schedule(**given)
