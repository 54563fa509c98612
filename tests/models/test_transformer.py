import keras
import numpy as np
import pytest
from keras import ops

from hornbook import models

TIME = 9
LENGTHS = np.array([[3], [9], [6]])
GENERATOR = np.random.default_rng(0)
COUNTS = np.arange(TIME) < LENGTHS
TOKENS = np.where(COUNTS, GENERATOR.integers(1, 20, (3, TIME)), 0).astype("int32")
SERIES = np.where(COUNTS[..., None], GENERATOR.normal(size=(3, TIME, 2)), np.nan).astype("float32")


def outputs(model, x):
    return ops.convert_to_numpy(model(x, training=False))


def names_of(model):
    return [layer.name for layer in model.layers]


@pytest.mark.parametrize(
    "options",
    [
        {"positions": "sinusoidal", "pooling": "class"},
        {"positions": "rotary", "pooling": "class", "normalization": "batch"},
        {"positions": "none", "pooling": "attention", "normalization": "rms", "key_value_heads": 2},
        {"positions": "sinusoidal", "pooling": "mean", "normalization": "batch", "normalization_position": "post"},
        {"positions": "rotary", "pooling": "last", "normalization_position": "post"},
        {"positions": "sinusoidal", "pooling": "max", "normalization": "none", "attention_dropout": 0.1},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
@pytest.mark.parametrize("face", ["text", "series"])
def test_padding_on_either_side_changes_no_output(face, options):
    if face == "text":
        model, x, padding = models.text_transformer((None,), 2, vocabulary_size=20, width=16, **options), TOKENS, 0
    else:
        model, x, padding = models.series_transformer((None, 2), 2, padded=True, width=16, **options), SERIES, np.nan
    batch = outputs(model, x)
    for index, length in ((0, 3), (2, 6)):
        alone = outputs(model, x[index : index + 1, :length])
        np.testing.assert_allclose(batch[index : index + 1], alone, rtol=1e-4, atol=1e-5)
        before = np.pad(x[index : index + 1, :length], [(0, 0), (4, 0), *[(0, 0)] * (x.ndim - 2)], constant_values=padding)
        np.testing.assert_allclose(outputs(model, before), alone, rtol=1e-4, atol=1e-5)


def test_padding_changes_no_statistics_in_training():
    # Warnings are errors in tests, and grouped-query attention would warn of a mask that it was not given.
    model = models.series_transformer((None, 2), 2, padded=True, width=16, normalization="batch", key_value_heads=2)
    longer = np.pad(SERIES, [(0, 0), (0, 4), (0, 0)], constant_values=np.nan)
    found = [ops.convert_to_numpy(model(x, training=True)) for x in (SERIES, longer)]
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-4)


def test_the_order_in_a_block():
    parts = ("norm1", "attention", "attention_add", "norm2", "dense1", "dense_act", "dense2", "dense_add")
    model = models.vision_transformer((8, 8, 1), 2, depth=1, width=8)
    assert [name for name in names_of(model) if name.startswith("block")] == [f"block1_{part}" for part in parts]
    assert names_of(model)[-3:] == ["final_norm", "pool", "logits"]
    parts = ("attention", "attention_add", "norm1", "dense1", "dense_act", "dense2", "dense_add", "norm2")
    model = models.vision_transformer((8, 8, 1), 2, depth=1, width=8, normalization_position="post")
    assert [name for name in names_of(model) if name.startswith("block")] == [f"block1_{part}" for part in parts]
    assert "final_norm" not in names_of(model)


def test_stochastic_depth_rises_linearly():
    model = models.vision_transformer((8, 8, 1), 2, depth=3, width=8, stochastic_depth=0.3)
    rates = [layer.rate for layer in model.layers if layer.name.endswith("stochastic_depth")]
    assert rates == pytest.approx([0.1, 0.1, 0.2, 0.2, 0.3, 0.3])


def test_dropout_is_after_positions_and_every_branch_and_before_the_output():
    model = models.series_transformer((8, 2), 2, depth=1, width=8, dropout=0.1)
    found = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert found == ["dropout", "block1_attention_dropout", "block1_dense_dropout", "output_dropout"]


def test_a_gated_layer_has_about_as_many_weights():
    plain, gated = (models.series_transformer((8, 2), 2, depth=1, width=96, activation=name) for name in ("swish", "swiglu"))
    assert gated.get_layer("block1_dense1").units == 256
    assert gated.get_layer("block1_dense_act").activation is keras.activations.silu
    assert gated.count_params() == pytest.approx(plain.count_params(), rel=0.01)
    assert models.series_transformer((8, 2), 2, feed_forward_width=7, activation="swiglu").get_layer("block1_dense1").units == 7


def test_sinusoids_are_those_of_the_paper():
    model = models.series_transformer((TIME, 2), 2, width=8)
    inside = keras.Model(model.input, [model.get_layer("projection").output, model.get_layer("with_positions").output])
    before, after = (ops.convert_to_numpy(x) for x in inside(np.zeros((1, TIME, 2), "float32")))
    places, pairs = np.arange(TIME)[:, None], np.arange(4)
    turns = places / 10000 ** (2 * pairs / 8)
    np.testing.assert_allclose((after - before)[0], np.concatenate([np.sin(turns), np.cos(turns)], axis=-1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("side", "patch"), [(8, 1), (28, 4), (32, 4), (64, 8), (224, 32)])
def test_patches_are_as_large_as_leaves_seven_a_side(side, patch):
    model = models.vision_transformer((side, side, 1), 2, depth=1, width=4)
    assert model.get_layer("patches").kernel_size == (patch, patch)


def test_patches_are_rows_of_the_image():
    model = models.vision_transformer((4, 6, 1), 2, depth=1, width=4, patch_size=2)
    inside = keras.Model(model.input, [model.get_layer("patches").output, model.get_layer("patch_row").output])
    patches, row = inside(np.random.default_rng(0).normal(size=(1, 4, 6, 1)).astype("float32"))
    np.testing.assert_array_equal(ops.convert_to_numpy(patches)[0, 1, 0], ops.convert_to_numpy(row)[0, 3])


def test_a_stem_of_convolutions_halves_the_image_to_as_many_places():
    model = models.vision_transformer((16, 24, 1), 2, depth=1, width=12, patch_size=8, stem="convolutions")
    stem = [layer for layer in model.layers if layer.name.startswith("stem_conv")]
    assert [layer.filters for layer in stem] == [3, 6, 12]
    assert model.get_layer("patches").output.shape == (None, 2, 3, 12)
    # Patches know nothing of their neighbours; windows of convolutions overlap.
    image = np.zeros((1, 16, 24, 1), "float32")
    changed = image.copy()
    changed[0, 8, 8] = 1
    inside = keras.Model(model.input, model.get_layer("patches").output)
    touched = np.abs(ops.convert_to_numpy(inside(changed) - inside(image))).max(axis=-1)[0] > 0
    np.testing.assert_array_equal(touched, [[True, True, False], [True, True, False]])


@pytest.mark.parametrize(("side", "patch"), [(6, 2), (28, 4), (84, 4), (224, 32)])
def test_patches_of_a_stem_of_convolutions_are_powers_of_two(side, patch):
    model = models.vision_transformer((side, side, 1), 2, depth=1, width=4, stem="convolutions")
    assert model.get_layer("patches").output.shape[1:3] == (side // patch, side // patch)


def test_learned_positions_tell_places_apart():
    model = models.text_transformer((4,), 2, vocabulary_size=9, width=8, positions="learned", pooling="class")
    assert model.get_layer("positions").embeddings.shape == (5, 8)
    same = outputs(model, np.array([[1, 2, 3, 4], [4, 3, 2, 1]]))
    assert not np.allclose(same[0], same[1])
    model = models.text_transformer((4,), 2, vocabulary_size=9, width=8, positions="none")
    same = outputs(model, np.array([[1, 2, 3, 4], [4, 3, 2, 1]]))
    np.testing.assert_allclose(same[0], same[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"key_value_heads": 2}, {"positions": "rotary"}], ids=["multi-head", "grouped", "rotary"])
def test_kernels_of_attention_start_as_those_of_dense_layers(options):
    model = models.series_transformer((8, 2), 2, depth=1, width=64, **options)
    for variable in model.trainable_variables:
        if variable.path.startswith("block1_attention") and variable.name == "kernel":
            rows = 64 if variable.path.endswith("attention_output/kernel") else variable.shape[0]
            glorot = np.sqrt(2 / (rows + np.prod(variable.shape) / rows))
            assert np.std(ops.convert_to_numpy(variable)) == pytest.approx(glorot, rel=0.1), variable.path
