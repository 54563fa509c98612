"""Facts that are not ours: published parameter counts, and keras.applications with its own weights."""

import functools
import re

import keras
import numpy as np
import pytest

from hornbook import models


def trainable(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def count(name, shape, outputs):
    with keras.StatelessScope():  # Variables have shapes and no values, which take most of the time.
        return trainable(models.build(name, shape, outputs))


@pytest.mark.parametrize(
    ("name", "published"),
    [
        # He et al. 2015, table 6.
        ("resnet20", 0.27e6),
        ("resnet32", 0.46e6),
        ("resnet44", 0.66e6),
        ("resnet56", 0.85e6),
        ("resnet110", 1.7e6),
        # The plain networks have the weights of the residual ones: identity shortcuts have none.
        ("plain20", 0.27e6),
        ("plain56", 0.85e6),
        # He et al. 2016, table 4.
        ("preactivation_resnet110", 1.7e6),
        ("preactivation_resnet164", 1.7e6),
        # Zagoruyko and Komodakis 2016, table 4.
        ("wide_resnet16_4", 2.7e6),
        ("wide_resnet28_10", 36.5e6),
        ("wide_resnet40_4", 8.9e6),
        # Jordan 2024, section 3.
        ("airbench94", 1.97e6),
    ],
)
def test_published_counts_for_small_images(name, published):
    found = count(name, (32, 32, 3), 10)
    assert found == pytest.approx(published, rel=0.03)
    if name == "wide_resnet28_10":
        assert found == 36_479_194


@pytest.mark.parametrize(
    ("name", "published"),
    # torchvision's own counts, which leave out moving statistics.
    [("resnet18", 11_689_512), ("resnet34", 21_797_672), ("resnet50", 25_557_032), ("resnet101", 44_549_160), ("resnet152", 60_192_808)],
)
def test_published_counts_for_imagenet(name, published):
    assert count(name, (224, 224, 3), 1000) == published


@pytest.mark.parametrize(
    ("name", "published"),
    # Those of timm's vit_tiny_patch16_224, vit_small_patch16_224 and vit_base_patch16_224; the last is torchvision's vit_b_16, too.
    [("vit_ti16", 5_717_416), ("vit_s16", 22_050_664), ("vit_b16", 86_567_656)],
)
def test_published_counts_of_vision_transformers(name, published):
    assert count(name, (224, 224, 3), 1000) == published


def test_published_count_of_a_block_of_bert():
    # Devlin et al. 2019: BERT-base has 12 blocks of 7,087,872.
    options = {"depth": 1, "width": 768, "heads": 12, "normalization_position": "post", "vocabulary_size": 2}
    model = models.text_transformer((8,), 2, **options)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables if v.path.startswith("block1")) == 7_087_872


@pytest.mark.slow
def test_published_count_of_the_1001_layers():
    # He et al. 2016, table 4.
    assert count("preactivation_resnet1001", (32, 32, 3), 10) == pytest.approx(10.2e6, rel=0.02)


def test_counts_of_wang_et_al():
    # By hand from Wang et al. 2017, figures 1b and 1c, for a series of one feature and two classes; the paper gives none. A convolution
    # with batch normalization: kernel size times inputs times filters, and a scale and an offset for each filter.
    def conv(size, inputs, filters):
        return size * inputs * filters + 2 * filters

    fcn = conv(8, 1, 128) + conv(5, 128, 256) + conv(3, 256, 128) + 128 * 2 + 2
    assert trainable(models.fcn((100, 1), 2)) == fcn == 264_192 + 258

    def block(inputs, filters):
        shortcut = conv(1, inputs, filters) if inputs != filters else 0
        return conv(8, inputs, filters) + conv(5, filters, filters) + conv(3, filters, filters) + shortcut

    assert trainable(models.resnet1d((100, 1), 2)) == block(1, 64) + block(64, 128) + block(128, 128) + 128 * 2 + 2


def test_counts_of_ismail_fawaz_et_al():
    # As Ismail-Fawaz et al. 2023 count them, without the output layer, which maps 128 and 32 features to two classes.
    assert trainable(models.inception1d((100, 1), 2)) == 420_192 + 128 * 2 + 2
    assert trainable(models.lite((100, 1), 2)) == 9_814 + 32 * 2 + 2
    # The 17 features that are not learned: a scale and an offset each, and a row of the second module's two kernels of one step.
    assert trainable(models.h_inception1d((100, 1), 2)) == trainable(models.inception1d((100, 1), 2)) + 17 * (2 + 32 + 32)


def test_count_of_kim():
    # Kim 2014, section 3.1: kernels of 3, 4 and 5 words of 300 features, 100 filters of each, with biases.
    embedding, convolutions = 1000 * 300, sum(size * 300 * 100 + 100 for size in (3, 4, 5))
    assert trainable(models.cnn1d((None,), 2, vocabulary_size=1000, embedding_size=300)) == embedding + convolutions + 300 * 2 + 2


@pytest.mark.parametrize(("name", "products"), [("lstm", 4), ("gru", 3), ("simple_rnn", 1)])
def test_counts_of_recurrent_layers(name, products):
    # A kernel for the inputs, one for the state, and biases (cuDNN's GRU has two); then the output layer.
    biases = 2 if name == "gru" else 1
    layer = products * (10 * 128 + 128 * 128 + biases * 128)
    assert trainable(models.build(name, (None, 10), 3)) == layer + 128 * 3 + 3
    assert trainable(models.build(name, (None, 10), 3, bidirectional=True)) == 2 * layer + 256 * 3 + 3


# Ba et al. 2016, equations 20 to 22: a scale for either product, and scale and offset of the carry; of the GRU, the two scales.
@pytest.mark.parametrize(("name", "added"), [("lstm", 2 * 4 * 128 + 2 * 128), ("gru", 2 * 3 * 128)])
def test_layer_normalization_adds_scales(name, added):
    assert trainable(models.build(f"layer_norm_{name}", (None, 10), 3)) - trainable(models.build(name, (None, 10), 3)) == added


def ours_of(name):
    """Return our name for a layer of keras.applications.ResNet50."""
    fixed = {"conv1_conv": "stem_conv", "conv1_bn": "stem_norm", "predictions": "logits"}
    if name in fixed:
        return fixed[name]
    stage, block, position, kind = re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(conv|bn)", name).groups()
    kind = "norm" if kind == "bn" else "conv"
    place = f"shortcut_{kind}" if position == "0" else f"{kind}{position}"
    return f"stage{int(stage) - 1}_block{block}_{place}"


@pytest.fixture(scope="module")
def theirs():
    return keras.applications.ResNet50(input_shape=(64, 64, 3), weights=None, classes=10, classifier_activation=None)


@pytest.mark.parametrize("use_bias", ["auto", True])
def test_resnet50_gives_the_logits_of_keras_applications(use_bias, theirs):
    ours = models.resnet50(
        (64, 64, 3),
        10,
        bottleneck_stride="1x1",
        padding="symmetric",
        use_bias=use_bias,
        normalization=functools.partial(keras.layers.BatchNormalization, epsilon=1.001e-5),
    )
    rng = np.random.default_rng(0)
    for layer in theirs.layers:
        if not layer.weights:
            continue
        values = layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            # Fresh statistics are 0 and 1, and would hide a wrong order or epsilon.
            values = [np.abs(start + rng.normal(0, 0.1, value.shape)) for start, value in zip((1, 0, 0, 1), values, strict=True)]
        elif use_bias is True:
            values = [value + rng.normal(0, 0.01, value.shape) for value in values]
        else:
            values = [value if value.ndim > 1 else 0 * value for value in values]
        layer.set_weights(values)
        # With "auto" ours has no biases in convolutions, and theirs are zero.
        mine = ours.get_layer(ours_of(layer.name))
        mine.set_weights(values[: len(mine.weights)])
    images = rng.normal(size=(2, 64, 64, 3)).astype("float32")
    expected = keras.ops.convert_to_numpy(theirs(images, training=False))
    found = keras.ops.convert_to_numpy(ours(images, training=False))
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4 * max(1, np.abs(expected).max()))
