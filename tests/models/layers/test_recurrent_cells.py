"""Recurrent layers with normalization inside, by their formulas, written again in NumPy. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import models

UNITS, EPSILON = 4, 1e-5
X = np.random.default_rng(0).normal(size=(5, 6, 3)).astype("float32")
MASK = np.arange(6) < np.array([6, 2, 0, 5, 1])[:, None]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def normalized(x, axis=-1):
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + EPSILON)


def arrays(layer):
    return {variable.name: keras.ops.convert_to_numpy(variable) for variable in layer.weights}


def perturbed(layer, x=X):
    """Build the layer, and move its weights from 0, 0.1 and 1, which would hide mistakes."""
    layer(x)
    rng = np.random.default_rng(1)
    for variable in layer.weights:
        if not variable.name.startswith("seed"):
            variable.assign(variable + np.abs(rng.normal(0, 0.3, variable.shape)).astype("float32"))
    return layer


def run(layer, x, **options):
    return keras.ops.convert_to_numpy(layer(x, **options))


def lstm_step(x, h, c, w, norm):
    gates = w["input_scale"] * norm(x @ w["kernel"], "input") + w["recurrent_scale"] * norm(h @ w["recurrent_kernel"], "recurrent")
    i, f, g, o = np.split(gates + w["bias"], 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(w["carry_scale"] * norm(c, "carry") + w["carry_offset"]), c


def gru_step(x, h, w, norm):
    inputs = w["input_scale"] * norm(x @ w["kernel"], "input") + w["bias"][0]
    state = w["recurrent_scale"] * norm(h @ w["recurrent_kernel"], "recurrent") + w["bias"][1]
    z, r = sigmoid(inputs + state)[:, :UNITS], sigmoid(inputs + state)[:, UNITS : 2 * UNITS]
    candidate = np.tanh(inputs[:, 2 * UNITS :] + r * state[:, 2 * UNITS :])
    return (z * h + (1 - z) * candidate,)


def test_layer_normalized_lstm_by_its_formula():
    layer = perturbed(keras.layers.RNN(models.LayerNormLSTMCell(UNITS)))
    h = c = np.zeros((len(X), UNITS))
    for step in range(X.shape[1]):
        h, c = lstm_step(X[:, step], h, c, arrays(layer), lambda a, _: normalized(a))
    np.testing.assert_allclose(run(layer, X), h, rtol=1e-4, atol=1e-5)


def test_layer_normalized_gru_by_its_formula():
    def norm(product, _):
        return np.concatenate([normalized(product[:, : 2 * UNITS]), normalized(product[:, 2 * UNITS :])], axis=-1)

    layer = perturbed(keras.layers.RNN(models.LayerNormGRUCell(UNITS)))
    h = np.zeros((len(X), UNITS))
    for step in range(X.shape[1]):
        (h,) = gru_step(X[:, step], h, arrays(layer), norm)
    np.testing.assert_allclose(run(layer, X), h, rtol=1e-4, atol=1e-5)


# The layer, a step of its formula, the number of its states, and where its statistics are, in units.
BATCH_NORMALIZED = {
    "lstm": (models.BatchNormLSTM, lstm_step, 2, {"input": (0, 4), "recurrent": (4, 8), "carry": (8, 9)}),
    "gru": (models.BatchNormGRU, gru_step, 1, {"input": (0, 3), "recurrent": (3, 6)}),
}


def batch_normalized(name, x, mask, w, max_length, training):
    """Return the last states, and moving statistics with momentum 0.9, by the formula; padding comes after the sequence."""
    _, one_step, number, places = BATCH_NORMALIZED[name]
    states = [np.zeros((len(x), UNITS))] * number
    moving = {"mean": w["moving_mean"].copy(), "variance": w["moving_variance"].copy()}
    for step in range(x.shape[1]):
        counts, row = mask[:, step], min(step, max_length - 1)

        def norm(a, of, row=row, counts=counts, step=step):
            place = slice(*(UNITS * unit for unit in places[of]))
            mean, variance = (moving[kind][row, place] for kind in ("mean", "variance"))
            if training:
                mean, variance = (a[counts].mean(0), a[counts].var(0)) if counts.any() else (0 * a[0], 0 * a[0])
                if counts.sum() > 1 and step < max_length:
                    for kind, value in (("mean", mean), ("variance", variance)):
                        moving[kind][row, place] = 0.9 * moving[kind][row, place] + 0.1 * value
            return (a - mean) / np.sqrt(variance + EPSILON)

        new = one_step(x[:, step], *states, w, norm)
        states = [np.where(counts[:, None], after, before) for after, before in zip(new, states, strict=True)]
    return states[0], moving


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("max_length", [4, 6, 9])
@pytest.mark.parametrize("name", BATCH_NORMALIZED)
def test_batch_normalized_layers_by_their_formula(name, max_length, training):
    layer = perturbed(BATCH_NORMALIZED[name][0](UNITS, max_length=max_length))
    expected, moving = batch_normalized(name, X, MASK, arrays(layer), max_length, training)
    np.testing.assert_allclose(run(layer, X, mask=MASK, training=training), expected, rtol=1e-3, atol=1e-4)
    after = arrays(layer)
    np.testing.assert_allclose(after["moving_mean"], moving["mean"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(after["moving_variance"], moving["variance"], rtol=1e-4, atol=1e-5)


def test_normalized_by_mean_0_and_variance_1_a_gru_is_keras_own():
    ours, keras_own = models.BatchNormGRU(UNITS, epsilon=0.0), keras.layers.GRU(UNITS)
    perturbed(ours)
    for variable in ours.weights:
        if variable.name in ("input_scale", "recurrent_scale", "moving_variance"):
            variable.assign(np.ones(variable.shape))
        elif variable.name == "moving_mean":
            variable.assign(np.zeros(variable.shape))
    keras_own(X)
    keras_own.set_weights([arrays(ours)[variable.name] for variable in keras_own.weights])
    np.testing.assert_allclose(run(ours, X), run(keras_own, X), rtol=1e-5, atol=1e-6)


LAYERS = {
    "lstm": lambda **options: keras.layers.RNN(models.LayerNormLSTMCell(UNITS), **options),
    "gru": lambda **options: keras.layers.RNN(models.LayerNormGRUCell(UNITS), **options),
    "batch_lstm": lambda **options: models.BatchNormLSTM(UNITS, max_length=8, **options),
    "batch_gru": lambda **options: models.BatchNormGRU(UNITS, max_length=8, **options),
}


@pytest.mark.parametrize("name", LAYERS)
def test_backwards_is_forwards_of_the_reversed_sequence(name):
    forwards = perturbed(LAYERS[name](return_sequences=True))
    backwards = LAYERS[name](return_sequences=True, go_backwards=True)
    backwards(X)
    backwards.set_weights(forwards.get_weights())
    np.testing.assert_allclose(run(backwards, X), run(forwards, X[:, ::-1]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("side", ["before", "after"])
def test_padding_changes_no_output_in_either_direction(name, side):
    layer = perturbed(keras.layers.Bidirectional(LAYERS[name](return_sequences=True)))
    padding, off = np.full((len(X), 5, 3), 9, "float32"), np.zeros((len(X), 5), bool)
    order = slice(None, None, -1 if side == "before" else 1)
    longer = run(layer, np.concatenate([X, padding][order], axis=1), mask=np.concatenate([MASK, off][order], axis=1))
    kept = longer[:, 5:] if side == "before" else longer[:, :6]
    np.testing.assert_allclose(kept[MASK], run(layer, X, mask=MASK)[MASK], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [models.LayerNormLSTMCell, models.LayerNormGRUCell])
def test_recurrent_dropout_keeps_one_mask_through_the_sequence_and_is_off_at_inference(make):
    keras.utils.set_random_seed(0)
    layer = perturbed(keras.layers.RNN(make(64, recurrent_dropout=0.5, dropout=0.2)))
    assert not np.allclose(run(layer, X, training=True), run(layer, X, training=True))
    np.testing.assert_array_equal(run(layer, X), run(layer, X))


def test_they_are_trained_saved_and_reloaded(tmp_path):
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, {name: make(name=name)(inputs) for name, make in LAYERS.items()})
    # Not compiled, which takes seconds for each; compiled training of layers with a loop of their own is in test_recurrent_layers.
    model.compile(keras.optimizers.Adam(0.1), dict.fromkeys(LAYERS, "mse"), run_eagerly=True)
    targets = np.tanh(X[:, -1, :1]) * np.ones((1, UNITS))
    history = model.fit(X, dict.fromkeys(LAYERS, targets), epochs=6, verbose=0).history
    model.save(tmp_path / "model.keras")
    found, reloaded = model(X), keras.saving.load_model(tmp_path / "model.keras")(X)
    for name in LAYERS:
        assert history[f"{name}_loss"][-1] < history[f"{name}_loss"][0], name
        one, other = (keras.ops.convert_to_numpy(outputs[name]) for outputs in (found, reloaded))
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", LAYERS)
def test_options_survive_a_round_trip(name):
    layer = LAYERS[name](return_sequences=True)
    layer.cell.epsilon = 0.25
    again = type(layer).from_config(layer.get_config())
    assert again.cell.get_config() == layer.cell.get_config()
    assert (again.return_sequences, again.name, again.cell.epsilon) == (True, layer.name, 0.25)


@pytest.mark.parametrize("name", LAYERS)
def test_under_mixed_precision_states_are_16_bit_and_close(name):
    layer = perturbed(LAYERS[name]())
    half = LAYERS[name](dtype="mixed_bfloat16") if name.startswith("batch") else None
    if half is None:
        make = models.LayerNormLSTMCell if name == "lstm" else models.LayerNormGRUCell
        half = keras.layers.RNN(make(UNITS, dtype="mixed_bfloat16"), dtype="mixed_bfloat16")
    outputs = half(X)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    half.set_weights(layer.get_weights())
    # On the whole: the variance of four units can be small, and then a single one is far off.
    assert np.abs(keras.ops.convert_to_numpy(keras.ops.cast(half(X), "float32")) - run(layer, X)).mean() < 0.03


def test_forget_gates_start_open_and_recurrent_kernels_orthogonal():
    for layer in (keras.layers.RNN(models.LayerNormLSTMCell(UNITS)), models.BatchNormLSTM(UNITS)):
        layer(X)
        weights = arrays(layer)
        np.testing.assert_array_equal(weights["bias"], np.repeat([0, 1, 0, 0], UNITS))
        np.testing.assert_allclose(weights["recurrent_kernel"] @ weights["recurrent_kernel"].T, np.eye(UNITS), atol=1e-5)


@pytest.mark.parametrize("make", [models.LayerNormGRUCell, models.BatchNormGRU])
def test_a_reset_before_the_product_is_refused(make):
    with pytest.raises(ValueError, match=f"{make.__name__} needs reset_after=True"):
        make(UNITS, reset_after=False)
