"""Before any training: what cannot learn is named in seconds, and the model is left as it was."""

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.training import Diagnostics, check

RANDOM = np.random.default_rng(0)
CENTRES = RANDOM.normal(size=(3, 8)) * 1.5
Y = np.arange(300) % 3
X = (CENTRES[Y] + RANDOM.normal(size=(300, 8))).astype("float32")


def network(rate=1e-2, from_logits=True, activation="relu", depth=2, optimizer="Adam", clip=None, bias=0.0, stop=False,
            start="glorot_uniform", softmaxes=0, frozen=False, certain=0.0):  # fmt: skip
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((8,))
    for place in range(depth):
        given = {"kernel_initializer": start, "bias_initializer": keras.initializers.Constant(bias), "trainable": not frozen}
        x = keras.layers.Dense(24, activation, **given, name=f"dense{place}")(x)
    if stop:
        x = keras.ops.stop_gradient(x)
    x = keras.layers.Dense(3, trainable=not frozen, name="logits")(x)
    for _ in range(softmaxes):
        x = keras.layers.Softmax()(x)
    model = keras.Model(inputs, x)
    model.get_layer("logits").bias.assign([certain, 0.0, 0.0])
    rule = getattr(keras.optimizers, optimizer)(rate, global_clipnorm=clip)
    model.compile(rule, keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits), metrics=["accuracy"])
    return model


def problems(*arguments, **options):
    return [finding.problem for finding in check(*arguments, **options)]


@pytest.mark.filterwarnings("ignore:Gradients do not exist for variables:UserWarning")
@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights:UserWarning")
@pytest.mark.parametrize(
    ("problem", "options"),
    [
        ("learning-rate-too-high", {"rate": 1e2}),
        ("learning-rate-too-low", {"rate": 1e-8}),
        ("logits-as-probabilities", {"from_logits": False}),
        ("vanishing-gradients", {"activation": "sigmoid", "depth": 12}),
        ("clipping-always", {"optimizer": "SGD", "clip": 1e-6}),
        ("dead-relus", {"bias": -50.0}),
        ("no-gradient", {"stop": True}),
        ("initialization-too-small", {"start": "zeros"}),
        ("softmax-twice", {"softmaxes": 2, "from_logits": False, "optimizer": "SGD", "rate": 0.01}),
        ("frozen-layers", {"frozen": True}),
        ("constant-predictions", {"certain": 1000.0}),
    ],
)
def test_a_model_that_cannot_learn(problem, options):
    assert problems(network(**options), X, Y)[0] == problem


def test_data_that_cannot_be_learned():
    assert problems(network(), X * 1e4, Y)[0] == "unscaled-inputs"
    assert problems(network(), X * 1e-5, Y)[0] == "unscaled-inputs"
    assert problems(network(), X, RANDOM.permutation(Y))[0] == "shuffled-labels"
    assert problems(network(), X, Y, validation=(X[:100], Y[:100]))[0] == "validation-overlap"


def test_gaps_are_a_fault_only_where_the_network_has_no_answer_to_them():
    x = X.copy()
    x[::7, 3] = np.nan
    assert problems(network(), x, Y)[0] == "not-finite"
    filled = keras.Sequential([keras.Input((8,)), keras.layers.Lambda(lambda x: keras.ops.where(keras.ops.isnan(x), 0.0, x)), network()])
    filled.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert problems(filled, x, Y) == []


def test_sound_models_have_no_finding_and_stay_as_they_are():
    for model in (network(), network(optimizer="SGD", rate=0.1)):
        model.fit(X[:64], Y[:64], verbose=0)
        before = [np.array(keras.ops.convert_to_numpy(one)) for one in (*model.variables, *model.optimizer.variables)]
        history = model.history
        assert problems(model, X, Y) == []
        after = [keras.ops.convert_to_numpy(one) for one in (*model.variables, *model.optimizer.variables)]
        for one, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one, other)
        assert model.history is history
        assert "train_step" not in vars(model)


@pytest.mark.parametrize(("name", "shape"), [("resnet20", (8, 8, 1)), ("gru", (12, 2))])
def test_models_of_the_zoo_have_no_finding(name, shape):
    keras.utils.set_random_seed(0)
    labels = np.arange(96) % 3
    inputs = RANDOM.normal(size=(96, *shape)).astype("float32") + labels.reshape(-1, *[1] * len(shape))
    model = models.build(name, input_shape=shape, num_outputs=3)
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert problems(model, inputs, labels) == []


def test_what_is_not_compiled_is_refused():
    with pytest.raises(ValueError, match="compiled model"):
        check(keras.Sequential([keras.layers.Dense(3)]), X, Y)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda y: y + 1, "labels are 1 to 3, and the model has outputs for the classes 0 to 2"),
        (lambda y: y - 1, "labels are -1 to 1, and the model has outputs for the classes 0 to 2"),
        (lambda y: np.eye(3)[y], "labels are rows of 3, and the loss sparse_categorical_crossentropy takes numbers of classes"),
    ],
)
def test_labels_that_the_loss_cannot_take(change, said):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(96, 4)).astype("float32"), change(np.arange(96) % 3)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    (found,) = check(model, x, y)
    assert found.problem == "labels-out-of-range"
    assert said in found.evidence
    if keras.backend.backend() == "tensorflow":  # The others have no error for them.
        with pytest.raises(ValueError, match=f"^the {said}"):
            model.fit(x, y, verbose=0, callbacks=[Diagnostics((x, y))])


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis -1 of a tensor of shape:UserWarning")
def test_a_softmax_of_one_output():
    random = np.random.default_rng(0)
    x = random.normal(size=(96, 4)).astype("float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "softmax")])
    model.compile("adam", "binary_crossentropy")
    found = check(model, x, (x[:, :1] > 0).astype("float32"))[0]
    assert (found.problem, found.severity) == ("constant-predictions", "error")
    assert 'keras.layers.Dense(1, "sigmoid")' in str(found)
