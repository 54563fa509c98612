import math

import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.models import resnet
from hornbook.training import optimization
from hornbook.training.optimization import optimizer
from hornbook.training.schedules import OneCycle, Warmup, schedule


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def network():
    """A model with every kind of variable: kernels, biases, scales and offsets, none of them 0."""
    model = keras.Sequential(
        [
            keras.Input((4, 4, 2)),
            keras.layers.Conv2D(3, 3, name="convolution"),
            keras.layers.BatchNormalization(name="normalization"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, name="dense"),
        ]
    )
    generator = np.random.default_rng(0)
    model.set_weights([generator.uniform(0.5, 1.5, weight.shape) for weight in model.get_weights()])
    return model


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def step(model, gradients):
    """One step of the model's optimizer with given gradients; the trainable weights before and after."""
    before = values(model.trainable_variables)
    model.optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in gradients], model.trainable_variables)
    return before, values(model.trainable_variables)


def zeros(model):
    return [np.zeros(variable.shape, "float32") for variable in model.trainable_variables]


def decayed(model, rate=0.5, decay=0.1):
    """Which kinds of variables a step without gradients shrinks, having checked by how much."""
    kinds = set()
    for variable, before, after in zip(model.trainable_variables, *step(model, zeros(model)), strict=True):
        if not np.array_equal(before, after):
            np.testing.assert_allclose(after, before * (1 - rate * decay), rtol=1e-6)
            kinds.add(variable.name)
    return kinds


def trained_copy(model, tmp_path):
    """The compiled model, saved with its optimizer after a step and loaded again."""
    model.fit(np.ones((4, 4, 4, 2)), np.ones((4, 2)), verbose=0)
    model.save(tmp_path / "model.keras")
    return keras.saving.load_model(tmp_path / "model.keras")


@pytest.mark.parametrize("name", optimization.OPTIMIZERS)
def test_decay_shrinks_kernels_alone(name):
    model = network()
    model.compile(optimizer(name, 0.5, weight_decay=0.1), "mse")
    assert decayed(model) == {"kernel"}


@pytest.mark.parametrize("name", optimization.OPTIMIZERS)
def test_decay_shrinks_kernels_alone_after_saving_and_loading(name, tmp_path):
    model = network()
    model.compile(optimizer(name, 0.5, weight_decay=0.1), "mse")
    again = trained_copy(model, tmp_path)
    assert type(again.optimizer) is type(model.optimizer)
    for before, after in zip(values(model.optimizer.variables), values(again.optimizer.variables), strict=True):
        assert np.array_equal(before, after)
    changed = set()
    for variable, first, second in zip(model.trainable_variables, *both_steps(model, again), strict=True):
        assert np.array_equal(first, second), variable.path
        changed.add(variable.name)
    assert changed == {"kernel", "bias", "gamma", "beta"}


def both_steps(model, again):
    """The weights of a model and its copy after a step each, in which momentum is at work."""
    return step(model, zeros(model))[1], step(again, zeros(again))[1]


def test_keras_own_exclusion_is_lost_by_saving():
    # The reason for classes of our own. Where this fails, Keras remembers, and they can go.
    plain = keras.optimizers.SGD(0.5, weight_decay=0.1)
    plain.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    again = keras.optimizers.deserialize(keras.optimizers.serialize(plain))
    model = network()
    model.compile(again, "mse")
    assert decayed(model) == {"kernel", "bias", "gamma", "beta"}


@pytest.mark.parametrize("name", optimization.OPTIMIZERS)
def test_no_decay_unless_asked(name):
    model = network()
    model.compile(optimizer(name, 0.5), "mse")
    assert decayed(model) == set()


@pytest.mark.parametrize("name", optimization.OPTIMIZERS)
def test_options_survive_serialization(name):
    made = optimizer(name, Warmup(OneCycle(0.1, 50), 5), weight_decay=0.01, clip_norm=2.0, ema=0.9, accumulate_steps=3)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(made))
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()
    assert isinstance(again._learning_rate, Warmup)
    assert isinstance(again._learning_rate.after, OneCycle)


def test_each_name_is_its_optimizer():
    classes = {name.lower(): thing for name, thing in vars(keras.optimizers).items() if isinstance(thing, type)}
    for name in optimization.OPTIMIZERS:
        made = optimizer(name, 0.1)
        assert isinstance(made, classes.pop(name))
        assert type(made).__name__.lower() == name
    # What Keras has besides; a new one is to be tried, and offered if it works.
    assert classes.keys() == {"optimizer", "lossscaleoptimizer", "multioptimizer", "optimizermap", "ftrl", "schedulefreeadamw"}
    sgd = optimizer("sgd", 0.1)
    assert sgd.momentum == 0.9
    assert sgd.nesterov


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_clip_norm_bounds_the_step_and_keeps_its_direction(scale):
    model = network()
    model.compile(optimizer("sgd", 1.0, clip_norm=0.5), "mse")
    model.optimizer.momentum, model.optimizer.nesterov = 0.0, False
    generator = np.random.default_rng(1)
    gradients = [(scale * generator.normal(size=variable.shape)).astype("float32") for variable in model.trainable_variables]
    norm = math.sqrt(sum(float(np.square(gradient, dtype=np.float64).sum()) for gradient in gradients))
    before, after = step(model, gradients)
    moved = np.concatenate([(first - second).ravel() for first, second in zip(before, after, strict=True)])
    expected = np.concatenate([gradient.ravel() for gradient in gradients]) * min(1, 0.5 / norm)
    np.testing.assert_allclose(moved, expected, atol=3e-7)
    assert np.linalg.norm(moved) <= 0.5 + 1e-5


def random_gradients(model, generator):
    return [generator.normal(size=variable.shape).astype("float32") for variable in model.trainable_variables]


def plain_sgd(**options):
    """A model whose step is the gradient itself."""
    model = network()
    model.compile(optimizer("sgd", 1.0, **options), "mse")
    model.optimizer.momentum, model.optimizer.nesterov = 0.0, False
    return model


def test_clip_value_bounds_every_element():
    model = plain_sgd(clip_value=0.5)
    gradients = random_gradients(model, np.random.default_rng(1))
    for first, second, gradient in zip(*step(model, gradients), gradients, strict=True):
        np.testing.assert_allclose(first - second, gradient.clip(-0.5, 0.5), atol=3e-7)


def test_clip_each_norm_bounds_every_variable_by_itself():
    model = plain_sgd(clip_each_norm=0.5)
    gradients = random_gradients(model, np.random.default_rng(1))
    gradients[0] *= 1e-3
    for first, second, gradient in zip(*step(model, gradients), gradients, strict=True):
        np.testing.assert_allclose(first - second, gradient * min(1, 0.5 / np.linalg.norm(gradient)), atol=3e-7)


# Gradient accumulation.


def test_accumulated_gradients_make_one_update_of_their_mean():
    model = plain_sgd(accumulate_steps=3, clip_norm=0.5, weight_decay=0.1)
    generator = np.random.default_rng(1)
    gradients = [random_gradients(model, generator) for _ in range(3)]
    before = values(model.trainable_variables)
    for some in gradients[:2]:
        assert all(np.array_equal(first, second) for first, second in zip(before, step(model, some)[1], strict=True))
    after = step(model, gradients[2])[1]
    means = [np.mean(some, axis=0) for some in zip(*gradients, strict=True)]
    norm = math.sqrt(sum(float(np.square(mean).sum()) for mean in means))
    for variable, first, second, mean in zip(model.trainable_variables, before, after, means, strict=True):
        decay = 0.1 if variable.name == "kernel" else 0.0  # Once an update, not once a batch.
        np.testing.assert_allclose(second, first * (1 - decay) - mean * min(1, 0.5 / norm), atol=1e-6)


def test_a_schedule_counts_batches_whatever_is_accumulated():
    model, rate = network(), schedule("cosine", 0.4, steps_per_epoch=10, epochs=20, warmup_epochs=0)
    model.compile(optimizer("sgd", rate, accumulate_steps=4), "mse")
    for k in range(6):
        assert float(model.optimizer.learning_rate) == pytest.approx(float(keras.ops.convert_to_numpy(rate(k))))
        step(model, zeros(model))
    assert int(model.optimizer.iterations) == 1  # Updates, by Keras' count.


# Muon.


def matrices_model():
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            keras.layers.Embedding(5, 4, name="embedding"),
            keras.layers.Conv1D(4, 3, name="convolution"),
            keras.layers.Flatten(),
            keras.layers.Dense(8, name="hidden"),
            keras.layers.Dense(7, name="another"),
            keras.layers.Dense(3, name="last"),
            keras.layers.Activation("softmax"),
        ]
    )


def by_muon(model):
    """The variables without a velocity, which is Adam's."""
    velocities = zip(model.trainable_variables, model.optimizer.adam_velocities, strict=True)
    return {layer_and_name(variable) for variable, velocity in velocities if velocity is None}


def layer_and_name(variable):
    return "/".join(variable.path.split("/")[-2:])


def test_muon_takes_hidden_matrices_and_leaves_the_rest_to_adam(tmp_path):
    model = matrices_model()
    model.compile(optimizer("muon", 0.01, weight_decay=0.1), "mse")
    model.fit(np.ones((4, 6)), np.ones((4, 3)), verbose=0)
    assert by_muon(model) == {"hidden/kernel", "another/kernel"}
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert by_muon(again) == by_muon(model)
    assert len(again.optimizer.exclude_layers) == 1


def test_muon_steps_along_the_orthogonal_factor_of_its_gradient():
    model = matrices_model()
    model.compile(optimizer("muon", 0.01), "mse")
    gradients = random_gradients(model, np.random.default_rng(1))
    for variable, gradient, first, second in zip(model.trainable_variables, gradients, *step(model, gradients), strict=True):
        moved = (first - second) / 0.01
        if layer_and_name(variable) in ("hidden/kernel", "another/kernel"):
            # Five steps of Newton and Schulz bring singular values near 1; Liu et al. (2025) rescale them to the size of Adam's steps.
            singular = np.linalg.svd(moved, compute_uv=False) / (0.2 * math.sqrt(max(moved.shape)))
            assert singular.min() > 0.5, singular
            assert singular.max() < 1.5, singular
            u, _, v = np.linalg.svd(gradient, full_matrices=False)
            assert (moved * (u @ v)).sum() / np.linalg.norm(moved) / np.linalg.norm(u @ v) > 0.95
        else:
            np.testing.assert_allclose(moved, np.sign(gradient), atol=1e-3)  # Adam's first step.


# What Keras has and we do not offer.


def test_ftrl_forgets_the_initial_weights():
    # Where this fails, it can be offered.
    model = network()
    model.compile(keras.optimizers.Ftrl(0.1), "mse")
    assert all(not after.any() for after in step(model, zeros(model))[1])


def test_schedule_free_never_shows_its_average():
    # Where this fails, it can be offered: evaluation needs the average, and training the interpolation.
    model = network()
    model.compile(keras.optimizers.ScheduleFreeAdamW(0.1), "mse")
    _, after = step(model, random_gradients(model, np.random.default_rng(1)))
    model.optimizer.finalize_variable_values(model.trainable_variables)
    assert all(np.array_equal(first, second) for first, second in zip(after, values(model.trainable_variables), strict=True))


# float16.


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="under JAX, Keras scales a loss in `fit` alone")
def test_the_optimizer_within_a_scaled_loss(tmp_path):
    model = network()
    model.compile(keras.optimizers.LossScaleOptimizer(optimizer("sgd", 0.5, weight_decay=0.1)), "mse")
    assert decayed(model) == {"kernel"}
    again = trained_copy(model, tmp_path)
    assert type(again.optimizer.inner_optimizer) is type(model.optimizer.inner_optimizer)
    for first, second in zip(*both_steps(model, again), strict=True):
        assert np.array_equal(first, second)


def test_ema_follows_its_formula():
    model = network()
    model.compile(optimizer("sgd", 0.1, ema=0.3), "mse")
    generator = np.random.default_rng(1)
    average = None
    for taken in range(6):
        _, after = step(model, [generator.normal(size=variable.shape).astype("float32") for variable in model.trainable_variables])
        # 2/11, 3/12, 4/13, and from then on 0.3.
        momentum = min(0.3, (1 + taken) / (10 + taken)) if taken else 0.0
        average = [momentum * old + (1 - momentum) * new for old, new in zip(average or after, after, strict=True)]
    assert model.optimizer.get_config()["ema_momentum"] == 0.3
    model.optimizer.finalize_variable_values(model.trainable_variables)
    for value, expected in zip(values(model.trainable_variables), average, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "ftrl"}, "optimizer must be one of sgd, adam, adamw, rmsprop, .*, muon, got 'ftrl'"),
        ({"weight_decay": -0.1}, "weight_decay must be 0 .* got -0.1"),
        ({"weight_decay": math.nan}, "weight_decay must be 0 .* got nan"),
        ({"clip_norm": -1.0}, "clip_norm must be 0 .* got -1.0"),
        ({"clip_norm": math.inf}, "clip_norm must be 0 .* got inf"),
        ({"clip_value": -1.0}, "clip_value must be 0 .* got -1.0"),
        ({"clip_each_norm": math.nan}, "clip_each_norm must be 0 .* got nan"),
        ({"clip_value": 0.5, "clip_norm": 1.0}, "cut in one way of .* got clip_norm 1.0 and clip_value 0.5"),
        ({"clip_value": 0.5, "clip_each_norm": 1.0}, "cut in one way of .* got clip_value 0.5 and clip_each_norm 1.0"),
        ({"accumulate_steps": 0}, "accumulate_steps must be at least 1 .* got 0"),
        ({"ema": 1.0}, "ema must be 0 .* got 1.0"),
        ({"ema": -0.5}, "ema must be 0 .* got -0.5"),
        ({"ema": math.nan}, "ema must be 0 .* got nan"),
    ],
)
def test_optimizers_refuse(options, words):
    with pytest.raises(UserError, match=words):
        optimizer(**{"name": "sgd", "learning_rate": 0.1, **options})


# Schedules, against formulas of their own.


def test_a_name_whatever_its_capitals_has_a_default_learning_rate():
    for name in ("Adam", "ADAM", "adam"):
        made = optimizer(name)
        assert type(made).__name__ == "Adam"
        assert float(made.learning_rate) == pytest.approx(0.001)
    assert float(optimizer("sgd").learning_rate) == pytest.approx(0.01)


def test_momentum_can_be_plain_classical_or_nesterov():
    gradients = [np.full((2, 1), 0.5), np.full(1, 0.5)]

    def two_steps(**options):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.set_weights([np.ones((2, 1)), np.ones(1)])
        model.optimizer = optimizer("sgd", 0.1, **options)
        model.optimizer.build(model.trainable_variables)
        for _ in range(2):
            model.optimizer.apply([keras.ops.convert_to_tensor(one) for one in gradients], model.trainable_variables)
        return float(values(model.trainable_variables)[0][0, 0])

    # Of a constant gradient g and a rate r: 2 r g; with momentum m, r g + r g (1 + m); looking ahead, each step adds m times its velocity.
    assert two_steps(momentum=0.0) == pytest.approx(1 - 2 * 0.05)
    assert two_steps(momentum=0.9, nesterov=False) == pytest.approx(1 - 0.05 * (1 + 1.9))
    assert two_steps() == pytest.approx(1 - 0.05 * (1.9 + (1 + 0.9 * 1.9)))


@pytest.mark.parametrize("momentum", [-0.1, 1.0, math.nan])
def test_a_momentum_out_of_range_is_refused(momentum):
    with pytest.raises(UserError, match="momentum must be 0"):
        optimizer("sgd", 0.1, momentum=momentum)


def stack():
    """A built stack of two blocks with a convolution with a bias and a normalization, and the model that it is in."""
    model = resnet((8, 8, 1), 2, depth=(3,), width=2, block="preactivation_bottleneck", use_bias=True, stacking="always")
    return model, model.get_layer("stage1_blocks")


def test_weight_decay_and_the_factor_of_offsets_tell_the_variables_of_a_stack():
    model, layer = stack()
    model.compile(optimizer("sgd", 0.5, weight_decay=0.1, momentum=0.0, bias_learning_rate_factor=8.0), "mse")
    for variable in layer.trainable_variables:
        variable.assign(np.ones(variable.shape))
    step(model, [np.full(variable.shape, 0.01) for variable in model.trainable_variables])
    moved = {"gamma": 0.005, "beta": 0.04, "bias": 0.005, "kernel": 0.055}
    for variable in layer.trainable_variables:
        np.testing.assert_allclose(values([variable])[0], 1 - moved[variable.name], rtol=1e-5, err_msg=variable.path)


@pytest.mark.parametrize(("name", "options"), [("lamb", {}), ("adafactor", {}), ("sgd", {"clip_each_norm": 1.0})])
def test_updates_by_the_norm_of_a_variable_refuse_stacks(name, options):
    model, _ = stack()
    optimizer("muon").build(model.trainable_variables)
    with pytest.raises(UserError, match=r"stage1_blocks/norm1/gamma is of 2 blocks; build .*--stacking never"):
        optimizer(name, 0.1, **options).build(model.trainable_variables)
