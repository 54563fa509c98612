"""A model as an ONNX file, by tf2onnx, with the operations that it lacks or turns into others that are not the same."""

import logging

import numpy as np

from hornbook import UserError, libraries

OPSET = 18  # Which ONNX Runtime has known since 1.14.


def write(path, model, front):
    """Write the file.

    Args:
        path: of the file.
        model: as of `answering.answering`, ready for converters.
        front: as of `saved_model_folder.write`.

    Raises:
        UserError: the model has an operation that ONNX does not know.
    """
    import tensorflow as tf
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    handlers = {"SelectV2": (_where, []), "Log1p": (_log1p, []), "Erfc": (_erfc, [])}
    with libraries.hold_back():
        [spec] = front.specs.values()
        serve = tf.function(lambda inputs: model(inputs, training=False), input_signature=[spec])
        made, _ = tf2onnx.convert.from_function(serve, [spec], opset=OPSET, custom_op_handlers=handlers)
    strange = sorted({node.op_type for node in made.graph.node} - _known(made))
    if strange:
        raise UserError(f"the model has operations that ONNX lacks, {', '.join(strange)}; pass --format saved_model")
    _fill_in(made, serve.get_concrete_function(), set(front.specs))
    path.write_bytes(made.SerializeToString())


def _fill_in(made, traced, names):
    """Give the constants that tf2onnx has made inputs their values: it takes every tensor that a function was given for one.

    Args:
        made: the ONNX model.
        traced: the function that it was made of.
        names: of the inputs that it should have.
    """
    import onnx

    values = {inner.name: tensor for tensor, inner in traced.graph.captures if tensor.dtype.name != "resource"}
    used = set(_used(made.graph))
    for one in [one for one in made.graph.input if one.name not in names]:
        if one.name in used:
            made.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(values[one.name]), one.name))
        made.graph.input.remove(one)


def _used(graph):
    """The names of what the nodes of a graph, and of the graphs within them, take."""
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _used(attribute.g)


def _known(made):
    """The names of the operations of the ONNX version that the model names."""
    import onnx

    found = set()
    for version in made.opset_import:
        found |= {one.name for one in onnx.defs.get_all_schemas_with_history() if one.domain == version.domain}
    return found


def _where(ctx, node, name, args):
    # tf2onnx multiplies by zeros and ones and adds, by which what was not chosen counts where it is NaN: padding of series is.
    node.type = "Where"


def _log1p(ctx, node, name, args):
    node.type = "Log"
    ctx.insert_new_node_on_input(node, "Add", [node.input[0], _one(ctx, name)])


def _erfc(ctx, node, name, args):
    error = ctx.make_node("Erf", [node.input[0]])
    node.type = "Sub"
    ctx.replace_inputs(node, [_one(ctx, name), error.output[0]])


def _one(ctx, name):
    import tf2onnx

    return ctx.make_const(tf2onnx.utils.make_name(name), np.array(1, np.float32)).output[0]
