"""Residual networks without normalization, by Fixup (Zhang et al. 2019). Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.training import Diagnostics
from hornbook.training.diagnosis.rules.start import gradient_ratio
from hornbook.training.diagnosis.rules.symptoms import Symptoms

SMALL = {"width": 4, "block": "fixup", "normalization": "none", "stacking": "never"}


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def images(count=32):
    return np.random.default_rng(0).normal(size=(count, 8, 8, 3)).astype("float32")


def spread(model, layer):
    features = keras.Model(model.input, model.get_layer(layer).input)
    return float(np.std(keras.ops.convert_to_numpy(features(images()))))


def test_signals_do_not_grow_with_depth_at_the_beginning():
    spreads = []
    for depth in (8, 20, 56):
        keras.utils.set_random_seed(0)
        spreads.append(spread(models.resnet((8, 8, 3), 10, depth=depth, **SMALL), "average_pool"))
    assert spreads[0] > 0.1
    assert max(spreads) == pytest.approx(min(spreads))
    keras.utils.set_random_seed(0)
    plain = models.resnet((8, 8, 3), 10, depth=56, **{**SMALL, "block": "basic"})
    assert spread(plain, "average_pool") > 100 * max(spreads)


@pytest.mark.parametrize(("block", "convolutions"), [("fixup", 2), ("fixup_bottleneck", 3)])
def test_kernels_start_as_in_the_paper(block, convolutions):
    blocks = (2, 2, 2)
    model = models.resnet((8, 8, 3), 10, depth=blocks, **{**SMALL, "width": 32, "block": block})
    for stage in (1, 2, 3):
        for place in (1, 2):
            for index in range(1, convolutions + 1):
                kernel = keras.ops.convert_to_numpy(model.get_layer(f"stage{stage}_block{place}_conv{index}").kernel)
                if index == convolutions:
                    assert not kernel.any()
                    continue
                expected = np.sqrt(2 / np.prod(kernel.shape[:3])) * 6 ** (-1 / (2 * convolutions - 2))
                assert kernel.std() == pytest.approx(expected, rel=0.1)
    assert not keras.ops.convert_to_numpy(model.get_layer("logits").kernel).any()
    stem = keras.ops.convert_to_numpy(model.get_layer("stem_conv").kernel)
    assert stem.std() == pytest.approx(np.sqrt(2 / 27), rel=0.1)


def test_scalars_are_counted():
    fixup, plain = (models.resnet20((32, 32, 3), 10, normalization="none", block=block, use_bias=False) for block in ("fixup", "basic"))
    # Four numbers that are added and a factor in each of nine blocks, one behind the stem and one before the outputs.
    assert fixup.count_params() == plain.count_params() + 9 * 5 + 2
    assert (models.fixup_resnet20((32, 32, 3), 10).count_params(), models.fixup_resnet110((32, 32, 3), 10).count_params()) == (
        268393,
        1720138,
    )
    scalars = [variable for variable in fixup.trainable_variables if variable.name in ("gamma", "beta")]
    assert len(scalars) == 47
    for variable in scalars:
        assert keras.ops.convert_to_numpy(variable) == (1.0 if variable.name == "gamma" else 0.0)


def test_a_block_is_what_the_authors_code_computes():
    """Against `FixupBasicBlock` in NumPy: a 1x1 map, of whose 3x3 kernels the centre alone meets anything but zeros."""
    model = models.resnet((1, 1, 3), 2, depth=(1,), **SMALL)
    generator = np.random.default_rng(0)
    model.set_weights([generator.normal(size=weight.shape) for weight in model.get_weights()])

    def of(layer, name):
        return keras.ops.convert_to_numpy(getattr(model.get_layer(layer), name))

    def centre(layer):
        return of(layer, "kernel")[1, 1]

    x = generator.normal(size=(5, 3))
    stem = np.maximum(x @ centre("stem_conv") + of("stem_shift", "beta"), 0)
    y = (stem + of("stage1_block1_shift1", "beta")) @ centre("stage1_block1_conv1")
    y = np.maximum(y + of("stage1_block1_shift2", "beta"), 0) + of("stage1_block1_shift3", "beta")
    y = y @ centre("stage1_block1_conv2") * of("stage1_block1_shift4", "gamma") + of("stage1_block1_shift4", "beta")
    features = np.maximum(stem + y, 0) + of("final_shift", "beta")
    expected = features @ of("logits", "kernel") + of("logits", "bias")
    found = keras.ops.convert_to_numpy(model(x.reshape(5, 1, 1, 3).astype("float32")))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_deep_network_trains():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 64)
    inputs = images(64) + 2.0 * labels[:, None, None, None]
    model = models.resnet((8, 8, 3), 2, depth=32, **{**SMALL, "stacking": "always"})
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(inputs, labels, epochs=8, batch_size=16, verbose=0).history["loss"]
    assert history[0] < 0.75  # It begins with equal probabilities, and no step is lost.
    assert history[-1] < 0.3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"block": "fixup"}, r"without normalization, got 'batch'; pass normalization='none' too"),
        ({"block": "fixup", "normalization": "none", "weight_normalization": "standardized"}, "kernels that start at 0"),
        ({"block": "fixup", "normalization": "none", "use_bias": True}, "scalars in the place of biases"),
        ({"block": "fixup", "normalization": "none", "initializer": "orthogonal"}, "or one of He, Glorot and LeCun, got Orthogonal"),
    ],
)
def test_what_does_not_go_together_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        models.resnet((8, 8, 3), 2, depth=(2,), width=4, **options)


def test_kernels_that_start_at_0_raise_no_alarm():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 64)
    inputs = images(64) + labels[:, None, None, None]
    model = models.resnet((8, 8, 3), 2, depth=(2, 2), **SMALL)
    model.compile(keras.optimizers.Adam(0.003), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    watching = Diagnostics((inputs, labels))
    model.fit(inputs, labels, epochs=3, batch_size=16, verbose=0, callbacks=[watching])
    assert Symptoms(watching.record).update_ratios.max() < 0.5
    assert gradient_ratio(watching.record) > 1e-3
