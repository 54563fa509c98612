import keras
import numpy as np

from hornbook.data.dataset import Examples
from hornbook.training.target_scaling import TargetScaling


def examples():
    generator = np.random.default_rng(0)
    targets = np.stack([generator.normal(3e5, 7e4, 50), generator.normal(-1e-3, 1e-5, 50)], axis=1)
    return Examples(generator.normal(size=(50, 3)).astype("float32"), targets, np.arange(50), "all")


def test_there_and_back():
    part = examples()
    scaling = TargetScaling(part.labels)
    scaled = scaling.scaled(part).labels
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(scaled.std(axis=0), 1)
    inputs = keras.Input((2,))
    whole = scaling.in_units(keras.Model(inputs, keras.layers.Identity()(inputs)))
    np.testing.assert_allclose(whole(scaled.astype("float32")), part.labels, rtol=1e-5)


def test_quantiles_are_put_in_order(tmp_path):
    scaling = TargetScaling(examples().labels[:, :1])
    inputs = keras.Input((3,))
    whole = scaling.in_units(keras.Model(inputs, keras.layers.Identity()(inputs)), sort=True)
    out = whole(np.array([[2.0, 0.0, 1.0]], "float32")).numpy()[0]
    np.testing.assert_allclose((out - scaling.mean) / scaling.deviation, [0, 1, 2], atol=1e-4)
    whole.save(tmp_path / "model.keras")
    assert '"hornbook>' not in whole.to_json()
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "model.keras")(np.array([[2.0, 0.0, 1.0]], "float32"))[0], out)


def test_training_on_scaled_targets_predicts_in_their_units():
    keras.utils.set_random_seed(0)
    part = examples()
    linear = Examples(part.inputs, 3e5 + 7e4 * part.inputs[:, :1].astype(np.float64), part.indices, "all")
    scaling = TargetScaling(linear.labels)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.1), "mse", run_eagerly=False)
    model.fit(linear.inputs, scaling.scaled(linear).labels, epochs=60, batch_size=50, verbose=0)
    predicted = scaling.in_units(model)(linear.inputs).numpy()
    assert np.abs(predicted - linear.labels).max() < 1e4  # In their own units, the first outputs would be 300,000 away.


def test_several_targets_have_scales_of_their_own():
    scaling = TargetScaling(examples().labels)
    assert scaling.mean.shape == scaling.deviation.shape == (2,)
    assert scaling.deviation[0] / scaling.deviation[1] > 1e8
