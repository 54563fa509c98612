"""Which channels go together, in every family: without those that are 0 a network computes what it did."""

import keras
import numpy as np
import pytest

from hornbook import UserError, models
from hornbook.training.smaller import channels
from hornbook.training.smaller.coupling import Coupling

IMAGES, SERIES, TOKENS = (8, 8, 3), (12, 3), {"vocabulary_size": 30}
# The builder, its arguments, and how many sets of channels there are.
NETWORKS = {
    "resnet": (models.resnet, (IMAGES, 5), {"depth": 14, "width": 4}, 9),
    "projections": (models.resnet, (IMAGES, 5), {"depth": (1, 1, 1), "width": 4, "shortcut": "projection", "downsampling": "blur"}, 6),
    "bottleneck": (models.resnet, (IMAGES, 5), {"depth": 11, "width": 4, "block": "bottleneck"}, 10),
    "preactivation": (models.resnet, (IMAGES, 5), {"depth": 14, "width": 4, "block": "preactivation"}, 9),
    "fixup": (models.resnet, (IMAGES, 5), {"depth": 14, "width": 4, "block": "fixup", "normalization": "none"}, 9),
    "cnn": (models.cnn, (IMAGES, 5), {"depth": 5, "width": 4, "activation": "prelu"}, 4),
    "sigmoid": (models.cnn, (IMAGES, 5), {"depth": 4, "width": 4, "activation": "sigmoid", "normalization": "none"}, 3),
    "mlp": (models.mlp, (IMAGES, 5), {"width": 8}, 2),
    "lstm": (models.lstm, (SERIES, 4), {"width": 8}, 1),
    "gru": (models.gru, (SERIES, 4), {"width": 8, "pooling": "max"}, 1),
    "bidirectional": (models.lstm, ((None,), 4), {"width": 8, "bidirectional": True, "pooling": "mean", **TOKENS}, 3),
    "cnn1d": (models.cnn1d, ((None,), 4), {"width": 8, "embedding_training": "both", **TOKENS}, 5),
    "fcn": (models.fcn, (SERIES, 4), {"width": 4, "padded": True}, 3),
    "resnet1d": (models.resnet1d, (SERIES, 4), {"width": 4}, 8),
    "inception1d": (models.inception1d, (SERIES, 4), {"width": 4, "depth": 3}, 15),
    "lite": (models.lite, (SERIES, 4), {"width": 4}, 5),
    "text_transformer": (models.text_transformer, ((12,), 4), {"width": 8, "heads": 4, "depth": 1, **TOKENS}, 2),
    "rotary": (
        models.series_transformer,
        (SERIES, 4),
        {"width": 16, "key_value_heads": 2, "depth": 1, "positions": "rotary", "activation": "swiglu"},
        2,
    ),
    "shared heads": (models.series_transformer, (SERIES, 4), {"width": 16, "key_value_heads": 2, "depth": 1, "normalization": "none"}, 2),
    "vision_transformer": (models.vision_transformer, ((8, 8, 1), 4), {"width": 8, "depth": 1, "patch_size": 4}, 2),
    "tabm": (models.tabm, ((6,), 4), {"width": 8, "submodels": 2}, 1),
    "airbench": (models.airbench, ((32, 32, 3), 5), {"width": 8}, 7),
}


def made(name):
    build, arguments, options, _ = NETWORKS[name]
    return build(*arguments, **options)


def shaken(model):
    """The model with other numbers in every variable, so that no scale is 1 and no bias 0."""
    rng = np.random.default_rng(0)
    for variable in model.weights:
        if "float" in variable.dtype:
            values = rng.normal(scale=0.3, size=variable.shape)
            positive = "variance" in variable.name or "gamma" in variable.name
            variable.assign(1 + np.abs(values) if positive else values)
    return model


def inputs_of(model):
    rng, shape = np.random.default_rng(1), [size or 12 for size in model.input_shape[1:]]
    if model.inputs[0].dtype == "int32":
        return rng.integers(1, 30, size=(5, *shape)).astype("int32")
    return rng.normal(size=(5, *shape)).astype("float32")


def outputs(model, inputs):
    return keras.ops.convert_to_numpy(model(inputs, training=False))


def half_zero(model):
    """Half of the channels of each set 0 in every kernel; gives the coupling."""
    coupling = Coupling(model)
    channels._make_0(coupling, np.concatenate([channels._least(coupling, one, 0.5) for one in coupling.sets]))
    return coupling


@pytest.mark.parametrize("name", NETWORKS)
def test_without_its_zeros_a_network_computes_the_same(name, tmp_path):
    model = shaken(made(name))
    coupling, inputs = half_zero(model), inputs_of(model)
    assert len(coupling.sets) == NETWORKS[name][-1]
    small = channels.without_zeros(model)
    before = outputs(model, inputs)
    close = {"rtol": 1e-4, "atol": 1e-4 * np.abs(before).max()}
    np.testing.assert_allclose(outputs(small, inputs), before, **close)
    assert small.count_params() < 0.8 * model.count_params()
    assert [layer.name for layer in small.layers] == [layer.name for layer in model.layers]
    small.save(tmp_path / "small.keras")
    np.testing.assert_allclose(outputs(keras.saving.load_model(tmp_path / "small.keras"), inputs), before, **close)


def test_channels_that_are_added_go_together():
    model = models.resnet((8, 8, 3), 5, depth=8, width=4)
    coupling = Coupling(model)
    names = [sorted(slot.variable.path for slot in coupling.slots if np.isin(slot.labels, one).any()) for one in coupling.sets]
    [stream] = [one for one in names if "stem_conv/kernel" in one]
    # The shortcuts add zeros for new channels: the first ones are in the sums of all stages.
    assert {"stage1_block1_conv2/kernel", "stage2_block1_conv2/kernel", "stage3_block1_conv2/kernel", "logits/kernel"} <= set(stream)
    small = channels.smaller(model, 0.5)
    assert small.get_layer("stage2_block1_shortcut_pad").padding == ((0, 0), (0, 2))
    assert [small.get_layer(f"stage{stage}_block1_conv2").filters for stage in (1, 2, 3)] == [2, 4, 8]


def test_heads_go_whole_with_the_keys_that_they_share():
    model = models.text_transformer((12,), 4, vocabulary_size=30, width=16, heads=4, key_value_heads=2, depth=1)
    small = channels.smaller(model, 0.5)
    [layer] = [one for one in small.layers if isinstance(one, keras.layers.GroupQueryAttention)]
    assert (layer.num_query_heads, layer.num_key_value_heads, layer.head_dim) == (2, 1, 4)
    assert small.get_layer("block1_dense1").units == 32


def test_models_in_models_and_sequential_ones():
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(8, "relu")])
    inputs = keras.Input((6,))
    model = shaken(keras.Model(inputs, keras.layers.Dense(3)(inner(inputs))))
    half_zero(model)
    small, rows = channels.without_zeros(model), np.random.default_rng(0).normal(size=(5, 6)).astype("float32")
    np.testing.assert_allclose(outputs(small, rows), outputs(model, rows), atol=1e-5)
    assert [layer.units for layer in small.layers[1].layers] == [4, 4]


def test_a_layer_that_is_called_twice_has_one_set_of_channels():
    inputs, twice = keras.Input((6,)), keras.layers.Dense(6, "relu")
    x = keras.layers.Dense(6, "relu")(inputs)
    model = shaken(keras.Model(inputs, keras.layers.Dense(2)(twice(twice(x)))))
    assert [len(one) for one in Coupling(model).sets] == [6]
    half_zero(model)
    rows = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")
    np.testing.assert_allclose(outputs(channels.without_zeros(model), rows), outputs(model, rows), atol=1e-5)


class Mixing(keras.layers.Layer):
    """Of which nothing is known; it looks at all that comes in."""

    def call(self, inputs):
        return keras.ops.roll(inputs, 1, axis=-1)


@pytest.mark.parametrize(
    "between",
    [
        Mixing(),
        keras.layers.LayerNormalization(),
        keras.layers.Softmax(),
        keras.layers.Activation("softmax"),
        lambda x: x * np.arange(8.0),
        lambda x: keras.ops.sum(x, axis=-1, keepdims=True),
        lambda x: keras.layers.Dense(4, "softmax")(x),
    ],
)
def test_what_is_looked_at_as_a_whole_stays(between):
    inputs = keras.Input((6,))
    x = keras.layers.Dense(8, "relu", name="goes")(inputs)
    x = between(keras.layers.Dense(8, "relu", name="stays")(x))
    model = shaken(keras.Model(inputs, keras.layers.Dense(2, name="last")(x)))
    small = channels.smaller(model, 0.5)
    assert small.get_layer("goes").units == 4
    assert small.get_layer("stays").units in (4, 8) if callable(between) and x.shape[-1] == 4 else small.get_layer("stays").units == 8


def test_one_channel_for_all_of_another_tensor_stays():
    inputs = keras.Input((6,))
    gate = keras.layers.Dense(1, name="gate")(inputs)
    x = keras.layers.Multiply()([keras.layers.Dense(8, name="gated")(inputs), gate])
    small = channels.smaller(keras.Model(inputs, keras.layers.Dense(2)(x)), 0.9)
    assert (small.get_layer("gated").units, small.get_layer("gate").units) == (1, 1)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (
            lambda: models.cnn((8, 8, 1), 3, depth=4, normalization="group"),
            "all that come in: stage1_norm1 .GroupNormalization. and 2 more",
        ),
        (lambda: models.cnn((8, 8, 1), 3, depth=4, weight_normalization="spectral"), "stage1_conv1 .SpectralConv2D. and 2 more"),
        (lambda: models.resnet((8, 8, 1), 3, depth=14, stacking="always"), "a stack of equal blocks; pass --stacking never"),
        (lambda: models.mlp((8, 8, 1), 3, depth=1), "there is but the last"),
    ],
)
def test_what_cannot_be_made_smaller_is_refused_by_name(build, words):
    with pytest.raises(UserError, match=words):
        Coupling(build())


def test_a_model_of_a_class_of_its_own_is_refused():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(UserError, match="functional and sequential models, and own is a Own"):
        Coupling(Own(name="own"))
