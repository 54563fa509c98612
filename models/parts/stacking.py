"""Equal blocks as one layer: when a builder stacks them, and the way from named layers to a stack and back."""

import re

import keras
import numpy as np
from keras import ops

from hornbook.models.layers.block_stack import BRANCH_DROPOUT, BlockStack
from hornbook.models.parts.swap import cloned, is_functional

STACKING = ("auto", "never", "always")

# From so many blocks on, a stack is the default: see benchmarks/thousand_layers.py.
LEAST_BLOCKS = 36

# What a layer of a block is called: the stage, the block's number, and its name within the block.
_NAME = re.compile(r"(?P<run>.+_block)(?P<number>\d+)_(?P<own>.+)")


def stacks_blocks(stacking, rematerialization, blocks, *, normalization, weight_normalization, block_dropout, activity=0):
    """Return whether a builder stacks its blocks.

    Args:
        stacking: One of `STACKING`.
        rematerialization: Whether the blocks' inner values are to be computed again for the gradient.
        blocks: How many there are.
        normalization, weight_normalization, block_dropout: Options of the builder that may stand against it.
        activity: Whether there is a penalty on activations, which does too.

    Raises:
        ValueError: Stacked blocks were asked for, and an option, which the message names, does not go with them.
    """
    if stacking == "never" and rematerialization:
        raise ValueError("rematerialization=True is for stacked blocks, got stacking='never'; leave out one of the two")
    against = None
    if not (normalization is None or isinstance(normalization, str)):
        against = "a factory as normalization, which may make other layers for other blocks"
    elif weight_normalization == "spectral":
        against = "weight_normalization='spectral', which starts each kernel's vector at random"
    elif block_dropout:
        against = f"block_dropout={block_dropout}, which draws random numbers inside a block"
    elif activity:
        against = "activity_l1 and activity_l2, penalties that a loop does not hand out"
    if against and (stacking == "always" or rematerialization):
        asked = "rematerialization=True" if rematerialization else "stacking='always'"
        raise ValueError(f"{asked} makes one layer of a stage's blocks, and does not go with {against}; leave out one of the two")
    return against is None and (stacking == "always" or rematerialization or (stacking == "auto" and blocks >= LEAST_BLOCKS))


def repeated(make, x, drop_rates, names, *, stacked, rematerialization=False):
    """Return x behind blocks of one shape, named layers or a `BlockStack`.

    Args:
        make: Function of a tensor, the rate of stochastic depth and a name that returns a block's output, of the tensor's shape.
        x: The first block's input.
        drop_rates: Of each block.
        names: Of each block, such as "stage1_block2", with rising numbers.
        stacked: Whether they become one layer, called as the first without its number and with an s: "stage1_blocks". One block alone does
            not.
        rematerialization: See `BlockStack`.
    """
    if not stacked or len(names) < 2:
        for rate, name in zip(drop_rates, names, strict=True):
            x = make(x, rate, name)
        return x
    inputs = block_input(x)
    block = keras.Model(inputs, make(inputs, drop_rates[0], names[0]), name=names[0])
    rates = drop_rates if any(drop_rates) else None
    return BlockStack(block, len(names), rates, rematerialization, name=f"{names[0].rstrip('0123456789')}s")(x)


def block_input(x):
    """Return the input of a block's model that is to stand behind the tensor x."""
    return keras.Input(batch_shape=x.shape, dtype=x.dtype, name="inputs")


def unstacked(model):
    """Return a copy of a functional model with each `BlockStack` in it, those of nested models too, as the named layers that it stands for.

    The function and all weights are the same, and so are the names and the layers that a builder makes with `stacking="never"`, so that
    what needs single layers takes the model. `stacked` is the way back.

    Args:
        model: A built functional `keras.Model`. It is not changed.

    Returns:
        An uncompiled model.

    Raises:
        ValueError: There is no stack in it.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.resnet((8, 8, 1), 10, depth=20, stacking="always")
        model = models.swap_normalization(models.unstacked(model), "group")
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        ```
    """
    pairs, unrolled = [], []

    def copy(layer):
        # A stack is not called, its blocks are.
        new = layer if isinstance(layer, BlockStack) else type(layer).from_config(layer.get_config())
        pairs.append((layer, new))
        return new

    def call(layer, *args, **kwargs):
        if not isinstance(layer, BlockStack):
            return layer(*args, **kwargs)
        blocks, x = [], args[0]
        for number in range(layer.count):
            x, made = _unrolled(layer, number, x)
            blocks.append(made)
        unrolled.append((layer, blocks))
        return x

    plain = cloned(model, copy, call)
    if not unrolled:
        raise ValueError(f"{model.name!r} has no BlockStack in a functional model, so there is nothing to take apart")
    _carry(pairs)
    for stack, blocks in unrolled:
        for name, weight_name, variable in _addresses(stack):
            for values, layers in zip(ops.convert_to_numpy(stack.by_block(variable)), blocks, strict=True):
                _weight(layers[name], weight_name).assign(values)
    return plain


def stacked(model, *, rematerialization=False):
    """Return a copy of a functional model in which one `BlockStack` stands for the equal blocks of a stage, in nested models too.

    Blocks are the layers called "stage1_block2_conv1" and so on: those of builders with `stacking="never"` and of `unstacked`. Of a stage
    the last blocks that are equal but for weights, names and rates of stochastic depth are stacked. The function and all weights are the
    same.

    Args:
        model: A built functional `keras.Model`. It is not changed.
        rematerialization: See `BlockStack`.

    Returns:
        An uncompiled model.

    Raises:
        ValueError: No two blocks that follow each other are equal; or a layer of theirs cannot be stacked.

    Example:
        ```python
        from hornbook import models

        model = models.resnet((8, 8, 1), 10, depth=20)
        assert models.stacked(model).count_params() == model.count_params()
        ```
    """
    runs = [run for one in _functional_models(model) for run in _runs(one)]
    if not runs:
        raise ValueError(f"{model.name!r} has no two equal blocks, of layers called as in stage1_block2_conv1, that follow each other")
    run_of = {id(layer): run for run in runs for layers in run.blocks for layer in layers.values()}
    pairs = []

    def copy(layer):
        if id(layer) in run_of:
            return layer
        new = type(layer).from_config(layer.get_config())
        pairs.append((layer, new))
        return new

    def call(layer, *args, **kwargs):
        return run_of[id(layer)].call(layer, rematerialization, args, kwargs) if id(layer) in run_of else layer(*args, **kwargs)

    made = cloned(model, copy, call)
    _carry(pairs)
    for run in runs:
        for name, weight_name, variable in _addresses(run.stack):
            values = [ops.convert_to_numpy(_weight(layers[name], weight_name)) for layers in run.blocks]
            variable.assign(np.reshape(np.stack(values), variable.shape))
    return made


class _Run:
    """Equal blocks that follow each other, each a dictionary of layers by their names within the block, in order."""

    def __init__(self, names, blocks):
        self.names, self.blocks = names, blocks
        self.first, self.last = list(blocks[0].values()), list(blocks[-1].values())[-1]
        self.input = self.block = self.stack = None

    def call(self, layer, rematerialization, args, kwargs):
        """Layers of the first block make the model of a block, and the last of all the stack; what they return is the run's input."""
        if layer in self.first:
            return self._call_in_block(layer, args, kwargs)
        if layer is not self.last:
            return self.input
        rates = [layers[BRANCH_DROPOUT].rate for layers in self.blocks] if BRANCH_DROPOUT in self.blocks[0] else None
        name = f"{self.names[0].rstrip('0123456789')}s"
        self.stack = BlockStack(self.block, len(self.blocks), rates, rematerialization, name=name)
        return self.stack(self.input)

    def _call_in_block(self, layer, args, kwargs):
        if layer is self.first[0]:
            self.input = keras.tree.flatten(args)[0]
            self.inputs = block_input(self.input)
        args = keras.tree.map_structure(lambda x: self.inputs if x is self.input else x, args)
        output = type(layer).from_config(layer.get_config())(*args, **kwargs)
        if layer is not self.first[-1]:
            return output
        self.block = keras.Model(self.inputs, output, name=self.names[0])
        return self.input


def _runs(model):
    """Return the runs of at least two equal blocks that end a stage of a functional model."""
    stages = {}
    for layer in model.layers:
        match = _NAME.fullmatch(layer.name)
        if match:
            stages.setdefault(match["run"], {}).setdefault(int(match["number"]), {})[match["own"]] = layer
    runs = []
    for name, blocks in stages.items():
        last = max(blocks)
        first = last
        while first - 1 in blocks and _signature(blocks[first - 1]) == _signature(blocks[last]):
            first -= 1
        if first < last:
            runs.append(_Run([f"{name}{number}" for number in range(first, last + 1)], [blocks[n] for n in range(first, last + 1)]))
    return runs


def _signature(layers):
    """Return what two blocks have in common if they differ in nothing but names, weights and the rate of stochastic depth."""
    own_names = {id(layer): name for name, layer in layers.items()}
    signature = []
    for name, layer in layers.items():
        config = {**layer.get_config(), "name": name} | ({"rate": None} if name == BRANCH_DROPOUT else {})
        sources = [tensor._keras_history.operation for node in layer._inbound_nodes for tensor in node.input_tensors]
        shapes = [tuple(weight.shape) for weight in layer.weights]
        signature.append((name, type(layer), config, shapes, [own_names.get(id(source)) for source in sources]))
    return signature


def _functional_models(model):
    if is_functional(model):
        yield model
        for layer in model.layers:
            if isinstance(layer, keras.Model):
                yield from _functional_models(layer)


def _unrolled(stack, number, x):
    """Return the output of one of a stack's blocks as fresh named layers, and these by their names within the block."""
    name = stack.block_name(number)
    made = {}

    def fresh(layer):
        own = layer.name.removeprefix(f"{stack.block.name}_")
        config = {**layer.get_config(), "name": f"{name}_{own}"}
        if own == BRANCH_DROPOUT:
            config["rate"] = stack.drop_rates[number]
        made[own] = type(layer).from_config(config)
        made[own].trainable = layer.trainable and stack.trainable
        return made[own]

    return stack.block._run_through_graph(x, operation_fn=fresh), made


def _addresses(stack):
    """Yield for each of a stack's variables the layer, by its name within a block, the weight's name, and the variable."""
    for variable in stack.weights:
        name, weight_name = variable.path.split("/")[-2:]
        yield name, weight_name, variable


def _weight(layer, name):
    return next(weight for weight in layer.weights if weight.name == name)


def _carry(pairs):
    for old, new in pairs:
        if isinstance(old, keras.layers.Layer) and old is not new and old.weights:
            new.set_weights(old.get_weights())
