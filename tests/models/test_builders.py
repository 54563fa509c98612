import inspect

import keras
import pytest

from hornbook import models
from hornbook.models.parts.residual import ResNetParts


def names_of(model):
    return [layer.name for layer in model.layers]


def test_blocks_are_named_by_stage():
    names = set(names_of(models.resnet((8, 8, 3), 2, depth=8, width=4)))
    assert {"stem_conv", "stage1_block1_norm1", "stage3_block1_conv2", "stage2_block1_shortcut_pool", "logits"} <= names


def test_the_order_in_a_pre_activation_block():
    names = names_of(models.resnet((8, 8, 3), 2, depth=8, width=4, block="preactivation"))
    assert [name for name in names if name.startswith("stage1")] == [
        f"stage1_block1_{part}" for part in ("norm1", "act1", "conv1", "norm2", "act2", "conv2", "add")
    ]
    assert names[-4:] == ["final_norm", "final_act", "average_pool", "logits"]


def test_stochastic_depth_rises_linearly_and_drops_whole_examples():
    model = models.resnet((8, 8, 3), 2, depth=14, width=4, stochastic_depth=0.3)
    layers = [layer for layer in model.layers if layer.name.endswith("stochastic_depth")]
    assert [layer.rate for layer in layers] == pytest.approx([0.05, 0.1, 0.15, 0.2, 0.25, 0.3])
    assert {layer.noise_shape for layer in layers} == {(None, 1, 1, 1)}
    ones = keras.ops.ones((64, 2, 2, 3))
    dropped = keras.ops.convert_to_numpy(layers[-1](ones, training=True)).reshape(64, -1)
    assert sorted(set(dropped.min(1))) == pytest.approx([0, 1 / 0.7])
    assert (dropped.min(1) == dropped.max(1)).all()


def test_penalties_are_on_every_kernel_and_on_nothing_else():
    model = models.resnet((8, 8, 3), 2, depth=8, width=4, l2=0.1)
    assert len(model.losses) == sum(variable.name == "kernel" for variable in model.trainable_variables)


@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_zero_init_residual_starts_the_last_scale_at_0(block):
    model = models.resnet((8, 8, 3), 2, depth=(1,), width=4, block=block, zero_init_residual=True)
    last = max(name for name in names_of(model) if name.startswith("stage1_block1_norm"))
    scales = {layer.name: keras.ops.convert_to_numpy(layer.gamma).max() for layer in model.layers if hasattr(layer, "gamma")}
    assert [name for name, scale in scales.items() if scale == 0] == [last]


@pytest.mark.parametrize("options", [{"block": "preactivation"}, {"normalization": "none"}])
def test_zero_init_residual_without_a_last_scale_starts_the_last_kernel_at_0(options):
    model = models.resnet((8, 8, 3), 2, depth=(1,), width=4, zero_init_residual=True, **options)
    assert not keras.ops.convert_to_numpy(model.get_layer("stage1_block1_conv2").kernel).any()


@pytest.mark.parametrize(("depth", "plan"), [(8, (3, 2, 2)), (20, (7, 6, 6)), (4, (1, 1, 1)), ((2, 1), (2, 1))])
def test_convolutions_of_a_cnn_are_spread_over_its_stages(depth, plan):
    names = names_of(models.cnn((8, 8, 3), 2, depth=depth, width=2))
    assert tuple(sum(name.startswith(f"stage{stage + 1}_conv") for name in names) for stage in range(len(plan))) == plan


def test_images_of_any_size():
    for builder in (models.cnn, models.resnet, models.airbench):
        model = builder((None, None, 3), 2, width=2)
        assert model(keras.ops.ones((1, 9, 12, 3))).shape == (1, 2)


FAMILIES = ("mlp", "cnn", "resnet", "airbench", "rnn", "cnn1d", "fcn", "resnet1d", "inception1d", "lite")
TRANSFORMERS = ("text_transformer", "series_transformer", "vision_transformer")
# Defaults that a family's own literature has settled: see its docstring.
SETTLED = {("airbench", "activation"), ("rnn", "activation"), ("rnn", "normalization"), ("cnn1d", "normalization"), ("cnn1d", "dropout")}


def test_options_are_the_same_in_every_family():
    common = set.intersection(*(set(models.options(family)) for family in FAMILIES)) - {"depth", "width", "name"}
    assert common == {
        *("normalization", "groups", "weight_normalization", "activation", "initializer", "initial_scale"),
        *("dropout", "stochastic_depth", "l1", "l2", "max_norm", "activity_l1", "activity_l2"),
    }
    for option in common:
        assert len({repr(models.options(family)[option]) for family in FAMILIES if (family, option) not in SETTLED}) == 1
        assert len({repr(models.options(family)[option]) for family in TRANSFORMERS}) == 1
        # Their docstring has the reasons.
        if option not in ("normalization", "activation"):
            assert models.options("text_transformer")[option] == models.options("resnet")[option]


def test_the_placement_of_normalization_is_an_option_of_plain_networks():
    families = {models.family(name) for name in models.names() if "normalization_placement" in models.options(name)}
    assert families == {"mlp", "cnn", "tabm"}
    assert {models.options(family)["normalization_placement"] for family in families} == {"before"}


def test_spatial_dropout_is_an_option_of_networks_of_convolutions():
    families = {models.family(name) for name in models.names() if "spatial_dropout" in models.options(name)}
    assert families == {"airbench", "cnn", "cnn1d", "fcn", "inception1d", "lite", "resnet", "resnet1d"}
    assert {models.options(family)["spatial_dropout"] for family in families} == {0.0}


def test_options_of_sequences_are_the_same_in_every_family():
    for option in ("vocabulary_size", "embedding_size", "embedding_dropout", "padded"):
        assert len({repr(models.options(family)[option]) for family in FAMILIES[4:]}) == 1
    for option in ("vocabulary_size", "embedding_dropout", "padded"):
        assert models.options("text_transformer")[option] == models.options("rnn")[option]


@pytest.mark.parametrize(("placement", "parts"), [("before", ("conv1", "norm1", "act1")), ("after", ("conv1", "act1", "norm1"))])
def test_normalization_is_before_or_after_the_activation(placement, parts):
    model = models.cnn((8, 8, 3), 2, depth=(1, 1), width=4, normalization_placement=placement)
    names = [f"stage{stage}_{part}" for stage in (1, 2) for part in parts]
    assert [name for name in names_of(model) if name.startswith("stage") and not name.endswith("pool")] == names
    # What a normalization right after the convolution would take away, it keeps.
    assert model.get_layer("stage1_conv1").use_bias == (placement == "after")
    model = models.mlp((4,), 2, depth=2, width=4, dropout=0.1, normalization_placement=placement)
    parts = ("dense1", "norm1", "act1") if placement == "before" else ("dense1", "act1", "norm1")
    assert names_of(model) == ["inputs", *parts, "dropout1", "logits"]


@pytest.mark.parametrize(
    ("groups", "found"), [(None, {"stage1": 1, "stage2": 2}), (1, {"stage1": 1, "stage2": 1}), (2, {"stage1": 2, "stage2": 2})]
)
def test_groups(groups, found):
    model = models.cnn((8, 8, 3), 2, depth=(1, 1), width=4, normalization="group", groups=groups)
    assert {stage: model.get_layer(f"{stage}_norm1").groups for stage in found} == found


def test_one_group_is_layer_normalization_over_a_whole_example():
    model = models.cnn((8, 8, 3), 2, depth=(1,), width=4, normalization="group", groups=1)
    layer = keras.layers.LayerNormalization(axis=[1, 2, 3], epsilon=1e-5, center=False, scale=False)
    x = keras.random.normal((2, 8, 8, 4), seed=0)
    found, expected = (keras.ops.convert_to_numpy(norm(x)) for norm in (model.get_layer("stage1_norm1"), layer))
    assert abs(found - expected).max() < 1e-5


def test_the_columns_of_categories_become_embeddings():
    model = models.mlp((5,), 2, depth=1, category_sizes=(7, 1))
    assert [model.get_layer(f"category{column}").embeddings.shape for column in (1, 2)] == [(8, 5), (2, 1)]
    assert model.get_layer("logits").kernel.shape == (3 + 5 + 1, 2)
    assert models.mlp((1,), 2, category_sizes=(7,), embedding_size=3).get_layer("dense1").kernel.shape == (3, 128)


def test_codes_that_are_unknown_count_as_0():
    model = models.mlp((3,), 2, category_sizes=(7, 300))
    rows = [[0.5, 0, 300], [0.5, 8, 300], [0.5, -1, 300], [0.5, float("nan"), 300], [0.5, 1, 300], [0.5, 0, 299]]
    first, *others, other_code, other_column = keras.ops.convert_to_numpy(model(keras.ops.convert_to_tensor(rows, "float32")))
    assert all((row == first).all() for row in others)
    assert (other_code != first).any()
    assert (other_column != first).any()


def test_an_option_wins_over_its_variant():
    model = models.build("resnet56", (8, 8, 3), 2, depth=8, width=2, name="mine")
    assert model.name == "mine"
    assert "stage1_block2_conv1" not in names_of(model)


def test_every_name_is_exported():
    assert models.names() == sorted(models.names())
    for name in models.names():
        assert inspect.isfunction(getattr(models, name))
        assert name in models.__all__


def build(name, shape=(8, 8, 3), outputs=2, **options):
    return lambda: models.build(name, shape, outputs, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (build("resnet21"), r"there is no model 'resnet21'; did you mean resnet"),
        (build("zzz"), "there is no model 'zzz'; there are airbench, "),
        (build("mlp", block="basic"), "mlp takes no option 'block'; it takes depth, width, category_sizes"),
        (build("cnn", normalisation="batch"), "did you mean 'normalization'"),
        (build("resnet", depth=21), r"depth must be 6n \+ 2 for basic blocks, got 21; try 20 or 26"),
        (build("resnet", depth=3), "got 3; try 8 or 14"),
        (build("resnet", depth=21, block="preactivation"), r"6n \+ 2, or 6n \+ 4 as wide ResNets count, for preactivation blocks, got 21"),
        (build("resnet", depth=21, block="bottleneck"), r"9n \+ 2 for bottleneck blocks, got 21; try 20 or 29"),
        (build("resnet18", depth=50), "18, 34 for basic blocks of the 'imagenet' plan, got 50; or pass block='bottleneck'"),
        (build("resnet18", depth=20), "got 20; or pass a tuple of blocks"),
        (build("resnet", depth=()), "one count a stage"),
        (build("resnet", depth=(1, 0)), "at least 1, got 0"),
        (build("resnet", depth=20.0), "whole number of at least 1, got 20.0"),
        (build("resnet", shortcut="projecton"), "shortcut must be one of .*did you mean 'projection'"),
        (build("resnet", block="bottelneck"), "did you mean 'bottleneck'"),
        (build("resnet", bottleneck_stride="1x1"), "is for bottleneck blocks"),
        (build("resnet", downsampling="max"), "downsampling must be one of stride, blur, got 'max'"),
        (build("resnet", block="bottleneck", depth=(1,), shortcut="identity", width=4, stem="small", use_bias="no"), "use_bias must be"),
        (build("resnet", zero_init_residual=True, normalization="rms"), "whose scale can start at 0"),
        (build("resnet", zero_init_residual=True, block="preactivation", weight_normalization="spectral"), "a kernel of zeros"),
        (build("resnet", stem="larg"), "stem must be one of auto, small, large, got 'larg'; did you mean 'large'"),
        (build("cnn", depth=3), "depth must be at least 4 for 3 stages"),
        (build("cnn", stochastic_depth=0.1), "stochastic_depth must be 0 for a plain cnn, got 0.1"),
        (build("airbench", stochastic_depth=0.1), "stochastic_depth must be 0 for an airbench network, got 0.1"),
        (build("airbench", patch_whitening=9), r"patch_whitening must be at most the images' height and width, \(8, 8\), got 9"),
        (build("airbench", patch_whitening=-1), "patch_whitening must be a whole number of at least 0, got -1"),
        (build("airbench", width_multipliers=()), "one count a block"),
        (build("airbench", logit_scale=0), "logit_scale multiplies .*above 0.*got 0"),
        (build("cnn", dropout=1), "dropout is the share that is dropped.*got 1"),
        (build("cnn", l2=-1), "l2 is the factor of a penalty.*got -1"),
        (build("cnn", max_norm=-1), "max_norm is the largest norm of kernels, or 0: .*got -1"),
        (build("mlp", activity_l1=-1), "activity_l1 is the factor of a penalty.*got -1"),
        (build("cnn", width=True), "got True"),
        (build("cnn", shape=(8, 8)), r"got \(8, 8\); for one channel write \(8, 8, 1\)"),
        (build("cnn", shape=(8,)), r"must be \(height, width, channels\)"),
        (build("cnn", shape=8), "must be a tuple of sizes"),
        (build("cnn", shape=(8, 8, None)), "the channels of input_shape must be known"),
        (build("cnn", shape=(8, 0, 3)), "the width of input_shape must be a whole number of at least 1, got 0"),
        (build("mlp", shape=()), "must hold known sizes"),
        (build("mlp", shape=(None,)), "must hold known sizes"),
        (build("mlp", shape=(3,), category_sizes=(2, 2, 2, 2)), r"the last columns of a table.*got 4 for \(3,\)"),
        (build("mlp", category_sizes=(2,)), "the last columns of a table"),
        (build("mlp", shape=(3,), category_sizes=5), r"such as \(7, 12\), got 5"),
        (build("mlp", shape=(3,), category_sizes=(0,)), "each size in category_sizes must be a whole number of at least 1, got 0"),
        (build("mlp", shape=(3,), category_sizes=(2,), embedding_size=0), "embedding_size must be a whole number"),
        (build("text_transformer", shape=(9,)), "vocabulary_size must be given for tokens"),
        (build("text_transformer", shape=(None,), vocabulary_size=9, positions="learned"), "a known time in input_shape, got None"),
        (build("text_transformer", shape=(9,), vocabulary_size=9, positions="rotery"), "did you mean 'rotary'"),
        (build("text_transformer", shape=(9,), vocabulary_size=9, width=30), "got width=30 and heads=4; try width=32"),
        (build("text_transformer", shape=(9,), vocabulary_size=9, key_value_heads=3), "a multiple of key_value_heads.*got 4 and 3"),
        (build("text_transformer", shape=(9,), vocabulary_size=9, width=12, positions="rotary"), "must be even, got 12 / 4"),
        (build("text_transformer", shape=(9,), vocabulary_size=9, width=7, heads=1), "width must be even, got 7"),
        (build("text_transformer", shape=(9,), vocabulary_size=9, normalization="group"), "padded=False for sequences of one length"),
        (build("series_transformer", shape=(9,)), r"for one feature a step write \(9, 1\)"),
        (build("vision_transformer", shape=(None, None, 3)), "a known height and width"),
        (build("vision_transformer", patch_size=3), "must divide 8 and 8, got 3; there are 1, 2, 4, 8"),
        (build("vision_transformer", patch_size=1, stem="convolutions"), "be a power of 2, got 1; there are 2, 4, 8"),
        (build("vision_transformer", shape=(9, 9, 1), stem="convolutions"), "halves height and width, got 9 and 9; use even ones"),
        (build("vision_transformer", stem="small"), "must be one of patches, convolutions"),
        (build("vision_transformer", normalization_position="mid"), "must be one of pre, post"),
        (build("cnn", activation="swiglu"), "which only transformers have"),
        (build("rnn", shape=(5,)), r"must be \(time, features\), got \(5,\); for one feature a step write \(5, 1\), for tokens pass vocab"),
        (build("rnn", shape=(5, None)), "the features known"),
        (build("rnn", shape=(5, 2), vocabulary_size=9), r"must be \(time,\) for tokens, got \(5, 2\)"),
        (build("rnn", shape=(5,), vocabulary_size=1), "vocabulary_size must be a whole number of at least 2, got 1"),
        (build("rnn", shape=(5, 2), padded="yes"), "padded must be 'auto', True or False, got 'yes'"),
        (build("rnn", shape=(5, 2), cell="LSTM"), "cell must be one of lstm, gru, simple, got 'LSTM'"),
        (build("rnn", shape=(5, 2), residual=True), "residual needs a depth of at least 2, got 1"),
        (build("rnn", shape=(5, 2), cell="simple", recurrent_normalization="layer"), "is for the cells lstm and gru, got cell='simple'"),
        (build("rnn", shape=(5, 2), cell="simple", recurrent_normalization="batch"), "is for the cells lstm and gru, got cell='simple'"),
        (build("cnn", groups=4), "groups=4 is for normalization='group', got normalization='batch'; leave out groups"),
        (build("cnn", groups=1, normalization=None), "groups=1 is for normalization='group', got normalization=None"),
        (build("cnn", groups=0, normalization="group"), "groups must be a whole number of at least 1, got 0"),
        (build("cnn", groups=3, normalization="group"), "got groups=3 for 16 channels at 'stage1_norm1'; 1, 2, 4, 8, 16 divide them"),
        (build("mlp", groups=8, width=8, normalization="group"), "'group' with groups=8 of a vector is always 0.*use fewer groups"),
        (build("cnn", initial_scale=0), "it must be a number above 0, such as 0.01, got 0"),
        (build("cnn", initial_scale="small"), "it must be a number above 0, such as 0.01, got 'small'"),
        (build("cnn", normalization_placement="behind"), "normalization_placement must be one of before, after, got 'behind'"),
        (build("resnet", normalization_placement="after"), "resnet takes no option 'normalization_placement'"),
        (
            build("cnn", normalization="instance", normalization_placement="after"),
            "every output the same.*normalization_placement='before'",
        ),
        (
            build("cnn", width=4, depth=(1,), normalization="group", groups=4, normalization_placement="after"),
            "'group' with groups=4 for 4 channels right before mean pooling makes every output the same",
        ),
        (
            build("series_transformer", shape=(9, 2), normalization="instance"),
            "every output the same, whatever the input; use pooling='class'",
        ),
        (build("rnn", shape=(5, 2), pooling="sum"), "mean, max, last, attention, got 'sum'"),
        (build("cnn1d", shape=(5, 2), pooling="last"), "the last step of a convolution has seen its window alone"),
        (build("cnn1d", shape=(5, 2), kernel_sizes=3), "one count a convolution, got 3"),
        (build("inception1d", shape=(5, 2), depth=2, stochastic_depth=0.1), "must be 0 for an inception network of less than 3 modules"),
        (build("inception1d", shape=(5, 2), bottleneck_width=0), "bottleneck_width must be a whole number of at least 1, got 0"),
        (build("lite", shape=(5, 2), stochastic_depth=0.1), "stochastic_depth must be 0 for lite, got 0.1"),
        (build("fcn", shape=(5, 2), kernel_sizes=(3, 3)), r"one count a convolution, 2 in all, got \(1, 2, 1\)"),
        (build("fcn", shape=(5, 2), padded=True, normalization="group"), "normalization 'group' takes its statistics over all time steps"),
        (build("mlp", outputs=0), "num_outputs must be a whole number of at least 1, got 0"),
    ],
)
def test_errors_say_what_is_accepted(call, message):
    with pytest.raises(ValueError, match=message) as raised:
        call()
    assert "\n" not in str(raised.value)


def test_an_identity_shortcut_does_not_narrow():
    with pytest.raises(ValueError, match="cannot narrow 8 channels to 4, at 'block'; use a projection"):
        ResNetParts.resized(None, keras.Input((8, 8, 8)), 4, 1, "block")
