"""The callback changes nothing, sees what happens, and refuses what it cannot watch."""

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.training import Diagnostics, losses, optimizer
from hornbook.training.diagnosis import steps
from hornbook.training.diagnosis.probe import Probe

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(96, 6)).astype("float32")
Y = (X[:, 0] + X[:, 1] > 0).astype("int64") + (X[:, 2] > 0.5)


def network(**options):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((6,)), keras.layers.Dense(16), keras.layers.BatchNormalization(), keras.layers.ReLU(), keras.layers.Dropout(0.2)]
    model = keras.Sequential([*layers, keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(**{"optimizer": optimizer("adam", 1e-2, clip_norm=0.5, ema=0.9), "loss": loss, "metrics": ["accuracy"], **options})
    return model


def fit(model, callbacks=(), epochs=3):
    keras.utils.set_random_seed(1)  # On PyTorch dropout draws from numbers that all models share.
    return model.fit(X, Y, batch_size=16, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks)).history


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


@pytest.fixture
def exact_graphs():
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})
    yield
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": True})


def test_weights_and_states_are_those_without_it(exact_graphs):
    plain, watched = network(), network()
    histories = fit(plain), fit(watched, [Diagnostics((X, Y), every=2)])
    assert histories[0] == histories[1]
    for one, other in zip(values(plain.variables), values(watched.variables), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(plain.optimizer.variables) == len(watched.optimizer.variables)
    for one, other in zip(values(plain.optimizer.variables), values(watched.optimizer.variables), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_step_agrees_with_the_graph_optimized():
    plain, watched = network(), network()
    for model, callbacks in ((plain, ()), (watched, [Diagnostics((X, Y))])):
        model.fit(X[:16], Y[:16], batch_size=16, verbose=0, callbacks=list(callbacks))
    for one, other in zip(values(plain.trainable_variables), values(watched.trainable_variables), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_saved_model_is_the_same(tmp_path):
    plain, watched = network(), network()
    fit(plain)
    fit(watched, [Diagnostics((X, Y))])
    for name, model in {"plain": plain, "watched": watched}.items():
        model.save(tmp_path / f"{name}.keras")
    one, other = (keras.models.load_model(tmp_path / f"{name}.keras") for name in ("plain", "watched"))
    assert one.get_config()["layers"][1]["config"]["units"] == other.get_config()["layers"][1]["config"]["units"]
    assert len(one.variables) == len(other.variables)
    assert len(one.optimizer.variables) == len(other.optimizer.variables)


def test_gradients_are_those_of_the_loss_before_clipping():
    model = network(optimizer=keras.optimizers.SGD(0.0, global_clipnorm=1e-3))
    watching = Diagnostics((X, Y))
    model.layers[-2].rate = 0.0
    fit(model, [watching], epochs=1)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = model.compute_loss(x=X[:16], y=Y[:16], y_pred=model(X[:16], training=True))
    expected = [float(tf.norm(gradient)) for gradient in tape.gradient(loss, model.trainable_variables)]
    np.testing.assert_allclose(watching.record.steps.norms[0], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(watching.record.steps.losses[0], float(loss), rtol=1e-5)
    assert len(watching.record.steps) == 6


def test_updates_are_measured():
    model = network(optimizer=keras.optimizers.SGD(0.1))
    watching = Diagnostics((X, Y), every=4)
    fit(model, [watching], epochs=1)
    places = [step for step, _, _ in watching.record.steps.samples]
    assert places == [1, 2, 3, 5]
    _, _, updates = watching.record.steps.samples[0]
    np.testing.assert_allclose(updates, 0.1 * watching.record.steps.norms[0], rtol=1e-4, atol=1e-7)


def test_a_second_fit_of_a_trained_model_is_watched():
    model = network()
    fit(model)
    watching = Diagnostics((X, Y))
    fit(model, [watching])
    assert len(watching.record.steps) == 18
    assert "train_step" not in vars(model)
    fit(model)
    assert len(watching.record.steps) == 18


def test_an_interrupted_training_leaves_no_trace_in_the_logs():
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    model = network()
    with pytest.raises(KeyboardInterrupt):
        fit(model, [Diagnostics((X, Y)), Interrupt()])
    watching = Diagnostics((X, Y))
    history = fit(model, [watching])
    assert set(history) == {"accuracy", "loss"}
    assert len(watching.record.steps) == 18


def test_looks_are_at_powers_of_two_and_at_the_end():
    watching = Diagnostics((X, Y))
    fit(network(), [watching], epochs=6)
    assert [look.epoch for look in watching.record.looks] == [0, 1, 2, 4, 6]
    assert watching.record.epochs[-1].keys() == {"accuracy", "loss"}


def test_activations_and_gradients_of_a_look():
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(
        3, "relu", kernel_initializer="ones", bias_initializer=lambda shape, dtype=None: [0.0, 0.0, -100.0], name="hidden"
    )(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, kernel_initializer="ones", name="out")(hidden))
    model.compile("sgd", "mse")
    x = RANDOM.uniform(size=(8, 4)).astype("float32")
    look = Probe(x, np.zeros((8, 1), "float32")).look(model, 0)
    hidden, out = look.layers
    sums = x.sum(axis=1)
    assert hidden.dead == pytest.approx(1 / 3)
    assert out.mean == pytest.approx(2 * sums.mean(), rel=1e-5)
    assert out.spread == pytest.approx(2 * sums.std(), rel=1e-4)
    # The loss is the mean of squares, so its gradient is 2 / 8 of each output.
    assert out.gradient == pytest.approx(np.sqrt(np.mean(np.square(2 * 2 * sums / 8))), rel=1e-4)
    assert look.loss == pytest.approx(np.mean(np.square(2 * sums)), rel=1e-5)


@pytest.mark.parametrize("family", ["rnn", "fcn", "inception1d"])
def test_padding_of_series_is_no_lost_loss(family):
    keras.utils.set_random_seed(0)
    series = keras.Input((None, 2))
    standardized = keras.layers.Normalization(mean=[0.0, 0.0], variance=[1.0, 1.0], name="standardize")(series)
    model = keras.Model(series, models.build(family, (None, 2), 2, width=4, padded=True)(standardized))
    model.compile(optimizer("sgd", 0.05), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = RANDOM.normal(size=(64, 9, 2)).astype("float32"), np.arange(64) % 2
    x[y == 1] += 1
    x[::3, 6:] = np.nan
    watching = Diagnostics((x, y))
    model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[watching])
    assert {"not-finite", "learning-rate-too-high"}.isdisjoint({finding.problem for finding in watching.findings()})
    look = Probe(x, y).look(model, 0)
    assert all(seen.finite for seen in look.layers)
    # A network that gives no number is found all the same.
    model.layers[-1].trainable_variables[-1].assign(np.full(2, np.nan))
    assert np.isnan(Probe(x, y).look(model, 0).loss)


def test_a_recurrent_networks_gradient_by_time():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((12, 2)), keras.layers.SimpleRNN(4, recurrent_initializer=keras.initializers.Identity(0.5)), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    look = Probe(np.zeros((8, 12, 2), "float32"), np.ones((8, 1), "float32")).look(model, 0)
    # Of a linear recurrence of 0.5 each step back halves the gradient.
    np.testing.assert_allclose(look.by_time[1:] / look.by_time[:-1], 2.0, rtol=1e-4)


def test_what_it_cannot_watch_is_refused():
    class Loop(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, inputs):
            return self.dense(inputs)

        def train_step(self, data):
            return {"loss": keras.ops.sum(self(data[0]))}

    with pytest.raises(ValueError, match=r"probe must be \(x, y\)"):
        Diagnostics(X)
    with pytest.raises(ValueError, match="as many targets as examples, at least 2, got 96 and 5"):
        Diagnostics((X, Y[:5]))
    with pytest.raises(ValueError, match=r"does not take the probe batch, inputs of shapes \[\(64, 4\)\]"):
        fit(network(), [Diagnostics((X[:, :4], Y))])
    with pytest.raises(ValueError, match="compiled model"):
        Diagnostics((X, Y)).set_model(keras.Sequential([keras.layers.Dense(1)]))
    loop = Loop()
    loop.compile("sgd", "mse")
    with pytest.raises(ValueError, match="does not call its optimizer's apply"):
        loop.fit(X, X[:, :1], verbose=0, callbacks=[Diagnostics((X, X[:, :1]))])


@pytest.mark.parametrize("name", ["mlp", "resnet20", "lstm"])
def test_every_layer_with_weights_is_seen(name):
    shape = {"mlp": (6,), "resnet20": (8, 8, 3), "lstm": (10, 2)}[name]
    model = models.build(name, input_shape=shape, num_outputs=3)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = values(model.variables)
    look = Probe(RANDOM.normal(size=(8, *shape)).astype("float32"), RANDOM.integers(3, size=8)).look(model, 0)
    seen = {layer.name for layer in look.layers}
    weighted = {layer.name for layer in model.layers if layer.weights}
    assert len(seen) >= min(60, len(weighted))
    assert all(layer.gradient is not None and layer.finite for layer in look.layers)
    for one, other in zip(before, values(model.variables), strict=True):
        np.testing.assert_array_equal(one, other)


def test_steps_without_a_listener_are_plain():
    model = network()
    steps.instrument(model, steps.Steps())  # Nobody keeps the record.
    assert set(fit(model)) == {"accuracy", "loss"}


def test_the_rate_that_is_told_is_the_schedules_highest():
    model = network()
    model.optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(0.02, decay_steps=24)
    watching = Diagnostics((X, Y))
    model.fit(X, Y, epochs=3, batch_size=8, verbose=0, callbacks=[watching])
    rates = watching.record.rates
    assert rates[0] == pytest.approx(0.02, rel=0.01)
    assert rates[0] > rates[1] > rates[2]


def test_beside_a_teacher_guessing_is_no_measure():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    inputs, labels = np.random.default_rng(0).normal(size=(30, 4)), np.eye(3)[np.arange(30) % 3]
    baselines = []
    for distillation in (None, (4.0, 0.9)):
        loss, accuracy = losses.classification("cross-entropy", distillation=distillation)
        model.compile("sgd", loss, metrics=[accuracy])
        watching = Diagnostics(probe=(inputs, labels))
        model.fit(inputs, labels, verbose=0, callbacks=[watching])
        baselines.append(watching.record.baseline)
    assert baselines == [pytest.approx(np.log(3), rel=1e-3), None]
