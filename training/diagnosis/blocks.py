"""What a model consists of, block by block: a `BlockStack` is one layer with one variable for many blocks, which are told apart here."""

import dataclasses

import keras
import numpy as np

from hornbook.models import BlockStack


@dataclasses.dataclass(frozen=True)
class Part:
    """A layer without layers within, or what stands for it in one block of a stack.

    Attributes:
        name: of the layer; in a block, what `unstacked` calls it.
        layer: Keras' layer; of a stack that of its first block, whose weights are not those of the part.
        matrices: list of (path, array, index), of its weights of two axes and more; the index is that of `names`, None of a frozen one.
    """

    name: str
    layer: object
    matrices: list


def parts_of(layers, trainable):
    """The `Part`s of layers, in order: as many of a stack as its blocks have.

    Args:
        layers: without layers within, but for stacks.
        trainable: variables, as the optimizer has them.
    """
    first, index = {}, 0
    for variable in trainable:
        first[id(variable)] = index
        index += _blocks(variable)
    for layer in layers:
        if isinstance(layer, BlockStack):
            yield from _of_stack(layer, first)
        else:
            own = [variable for variable in layer.weights if len(variable.shape) > 1]
            yield Part(layer.name, layer, [(variable.path, _array(variable), first.get(id(variable))) for variable in own])


def _of_stack(stack, first):
    layers = [layer for layer in stack.block.layers if not isinstance(layer, keras.layers.InputLayer)]
    own = {layer.name: [(variable, _array(stack.by_block(variable))) for variable in stack.variables_of(layer)] for layer in layers}
    for number in range(stack.count):
        for layer in layers:
            name = stack.block_name(number) + layer.name.removeprefix(stack.block.name)
            matrices = [
                (f"{stack.name}/{name}/{variable.name}", rows[number], first[id(variable)] + number if id(variable) in first else None)
                for variable, rows in own[layer.name]
                if rows.ndim > 2
            ]
            yield Part(name, layer, matrices)


def names(variables):
    """A name for each variable, and for each block of one that has many."""
    return [
        name
        for variable in variables
        for name in ([variable.path] if _blocks(variable) == 1 else [f"{variable.path}[{number}]" for number in range(_blocks(variable))])
    ]


def each(variables, values):
    """A flat list: of each variable's value, repeated for each of its blocks."""
    return [value for variable, value in zip(variables, values, strict=True) for _ in range(_blocks(variable))]


def split(variables, arrays):
    """A flat list of arrays with one axis: each variable's, cut into its blocks."""
    return [row for variable, array in zip(variables, arrays, strict=True) for row in np.reshape(array, (_blocks(variable), -1))]


def squares(variables, tensors):
    """The sum of squares of each variable's float32 tensor, or of each of its blocks, a vector; None where no variable has several."""
    if all(_blocks(variable) == 1 for variable in variables):
        return None
    rows = [keras.ops.reshape(tensor, (_blocks(variable), -1)) for variable, tensor in zip(variables, tensors, strict=True)]
    return keras.ops.concatenate([keras.ops.sum(keras.ops.square(row), axis=1) for row in rows])


def _blocks(variable):
    return getattr(variable, "blocks", 1)


def _array(variable):
    return np.asarray(keras.ops.convert_to_numpy(variable), "float32")
