"""A stack of blocks is diagnosed block by block, as the same network of named layers is."""

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.models import BlockStack
from hornbook.training import Diagnostics
from hornbook.training.diagnosis import blocks

BY_BLOCK = keras.backend.backend() != "jax"
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(64, 8, 8, 3)).astype("float32")
LABELS = RANDOM.integers(4, size=64)


@pytest.fixture(scope="module")
def records():
    """What was seen of two steps of the same ResNet, as a stack and as named layers."""
    return {stacking: watched(network(stacking)) for stacking in ("always", "never")}


def network(stacking, **options):
    keras.utils.set_random_seed(0)
    model = models.resnet((8, 8, 3), 4, depth=20, width=4, stacking=stacking, **options)
    model.compile(keras.optimizers.SGD(0.05), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def watched(model):
    watching = Diagnostics((IMAGES, LABELS))
    model.fit(IMAGES, LABELS, epochs=1, batch_size=32, shuffle=False, verbose=0, callbacks=[watching])
    return watching.record


def by_kernel(record, values):
    return {kernel.layer: values[kernel.place] for kernel in record.network.kernels}


def test_a_stack_has_the_kernels_of_named_layers(records):
    stacked, plain = (records[stacking].network for stacking in ("always", "never"))
    for one, other in zip(stacked.kernels, plain.kernels, strict=True):
        assert (one.layer, one.kind, one.size, one.units) == (other.layer, other.kind, other.size, other.units)
        assert (one.scale, one.expected, one.drawn) == pytest.approx((other.scale, other.expected, other.drawn), rel=1e-5)
    assert (stacked.depth, stacked.residual, stacked.normalized) == (plain.depth, plain.residual, plain.normalized) == (20, True, 19)
    assert stacked.activations == plain.activations


@pytest.mark.parametrize("of", ["gradients", "updates", "ways"])
def test_figures_are_by_block(records, of):
    stacked, plain = (
        by_kernel(record, {"gradients": record.steps.norms[0], "updates": record.steps.samples[0][2], "ways": record.travelled}[of])
        for record in (records["always"], records["never"])
    )
    assert stacked.keys() == plain.keys()
    np.testing.assert_allclose(list(stacked.values()), list(plain.values()), rtol=2e-3)


@pytest.mark.skipif(not BY_BLOCK, reason="under JAX the blocks stay a loop")
def test_what_a_block_returns_is_looked_at(records):
    stacked, plain = ({seen.name: seen for seen in records[stacking].looks[-1].layers} for stacking in ("always", "never"))
    one, other = stacked["stage1_block2"], plain["stage1_block2_act2"]
    assert (one.spread, one.gradient, one.dead) == pytest.approx((other.spread, other.gradient, other.dead), rel=2e-3)


def test_a_stack_is_a_loop_again_after_a_look():
    model = network("always")
    watched(model)
    assert [layer.watcher for layer in model.layers if isinstance(layer, BlockStack)] == [None] * 3


@pytest.mark.skipif(not BY_BLOCK, reason="under JAX the blocks stay a loop")
@pytest.mark.parametrize("rematerialization", [False, True])
def test_a_watcher_is_shown_each_block_and_what_it_returns_goes_on(rematerialization):
    model = network("always", rematerialization=rematerialization)
    stack = next(layer for layer in model.layers if isinstance(layer, BlockStack))
    inputs, shown = keras.random.normal((2, *stack.block.input_shape[1:])), []
    looped = stack(inputs)

    def see(number, output):
        shown.append(stack.block_name(number))
        return output * 2 if number == stack.count - 1 else output

    stack.watcher = see
    np.testing.assert_allclose(stack(inputs), 2 * looped, rtol=1e-4, atol=1e-5)
    assert shown == ["stage1_block1", "stage1_block2", "stage1_block3"]


def test_variables_of_stacks_have_a_name_a_block():
    model = network("always")
    names = blocks.names(model.trainable_variables)
    assert len(names) == len(set(names)) == len(network("never").trainable_variables)
    assert "stage1_blocks/conv1/kernel[2]" in names
