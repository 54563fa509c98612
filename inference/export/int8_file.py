"""A LiteRT file made one of int8, by ai-edge-quantizer, in a process of its own: LiteRT's interpreter may end the process that it is in.

python -m hornbook.inference.export.int8_file FOLDER

In the folder are `float32.tflite`, `request.json` (`precision`, the name of the file's `input`) and, for int8, `calibration.npz`, a batch
an array. Written are `int8.tflite` and `found.json`, as `about` has it.

With `int8`, weights and what is computed of them are int8: of kernels a scale a channel, symmetric; of activations one a tensor, by the
smallest and largest value in calibration (Jacob et al. 2018). Int8 is computed from kernel to kernel; what stands before the first and
behind the last is float32, and so are normalization that is no part of a kernel, and the products and softmax of attention. In the loop of
a recurrent layer, which cannot be calibrated, activations are int8 by the range that they have in each step. With `int8-weights`, weights
are kept in int8 and computed in float32.
"""

import json
import pathlib
import re
import sys
import warnings

import numpy as np

KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
# What int8 passes through between two kernels; where one of its inputs is float32, or one that takes its output is, it is float32, too.
_BETWEEN = frozenset(
    (
        *("MAX_POOL_2D", "AVERAGE_POOL_2D", "MEAN", "ADD", "MUL", "RELU", "GELU", "HARD_SWISH", "LOGISTIC", "TANH"),
        *("RESHAPE", "TRANSPOSE", "PAD", "PADV2", "CONCATENATION", "STRIDED_SLICE", "SLICE", "SPLIT", "PACK", "UNPACK"),
        *("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SPACE_TO_DEPTH"),
    )
)
_WITH_WEIGHTS = (*KERNELS, "BATCH_MATMUL", "GATHER", "DEQUANTIZE", "WHILE")
# What moves numbers and computes none.
_MOVES = frozenset(
    (
        *("RESHAPE", "TRANSPOSE", "PAD", "PADV2", "CONCATENATION", "STRIDED_SLICE", "SLICE", "SPLIT", "PACK", "UNPACK"),
        *("EXPAND_DIMS", "SQUEEZE", "QUANTIZE", "DEQUANTIZE"),
    )
)
# A network beside a classical model, see training.classical.mixing.inside. What a classical model rests on must be exact: numbers by which
# trees are walked, thresholds by which values are counted. But the votes of words may be int8, and the weights of what was counted float16:
# in int8 they changed probabilities by 0.23.
_NETWORK = re.compile(r"/\w+_network(_\d+)?/")
_FEATURES = re.compile(r"/mel_spectrogram\w*/")
_VOTES = re.compile(r"/naive_bayes_weights(_\d+)?/")
_RIDGE = re.compile(r"/ridge(_\d+)?/")


class Graph:
    """A LiteRT file's operations.

    Args:
        path: of the file, or its bytes.
    """

    def __init__(self, path):
        from ai_edge_litert import schema_py_generated as schema
        from ai_edge_litert.tools import flatbuffer_utils

        read = flatbuffer_utils.read_model_from_bytearray if isinstance(path, bytes | bytearray) else flatbuffer_utils.read_model
        self.model = read(bytearray(path) if isinstance(path, bytes) else path)
        self._kinds = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
        self.float32 = schema.TensorType.FLOAT32
        self.types = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.FLOAT16: np.float16, schema.TensorType.INT8: np.int8}

    @property
    def loops(self):
        """Whether there are further graphs than the main one: the loops of recurrent layers."""
        return len(self.model.subgraphs) > 1

    def operations(self):
        """`Operation`, one by one, the main graph's first."""
        for graph in self.model.subgraphs:
            for operator in graph.operators:
                yield Operation(self, graph, operator)

    def kind(self, operator):
        code = self.model.operatorCodes[operator.opcodeIndex]
        return self._kinds[max(code.builtinCode, code.deprecatedBuiltinCode)]

    def constant(self, graph, place):
        """The numbers of a tensor that is in the file, as an array; None of one that is computed."""
        tensor = graph.tensors[place]
        content = self.model.buffers[tensor.buffer].data
        if content is None or tensor.type not in self.types:
            return None
        return np.frombuffer(bytes(content), self.types[tensor.type]).reshape(tensor.shape if tensor.shape is not None else ())


class Operation:
    """An operation of a `Graph`.

    Attributes:
        kind: as LiteRT calls it, "CONV_2D".
        inputs, outputs: names of tensors.
        scope: by which ai-edge-quantizer knows it: the names of its outputs.
    """

    def __init__(self, whole, graph, operator):
        self.whole, self.graph = whole, graph
        self.kind = whole.kind(operator)
        self.places = [place for place in operator.inputs if place >= 0]
        self.inputs = [graph.tensors[place].name.decode() for place in self.places]
        self.outputs = [graph.tensors[place].name.decode() for place in operator.outputs if place >= 0]
        self.scope = ";".join(self.outputs) + ";"

    def constants(self):
        """Names and arrays of the numbers in the file that it takes, of float32, float16 or int8."""
        found = {name: self.whole.constant(self.graph, place) for name, place in zip(self.inputs, self.places, strict=True)}
        return {name: values for name, values in found.items() if values is not None}

    def computed(self):
        """Names of the float32 inputs that are computed."""
        types = {name: self.graph.tensors[place].type for name, place in zip(self.inputs, self.places, strict=True)}
        return [name for name, kind in types.items() if kind == self.whole.float32 and name not in self.constants()]

    @property
    def is_float(self):
        """Whether it gives float32."""
        names = {tensor.name.decode(): tensor.type for tensor in self.graph.tensors}
        return any(names[name] == self.whole.float32 for name in self.outputs)

    @property
    def has_kernel(self):
        """Whether it multiplies by a kernel that is in the file, of float32."""
        return self.kind in KERNELS and any(is_weight(values) for values in self.constants().values())

    @property
    def has_table(self):
        """Whether it looks up in a table that is in the file, of float32: an embedding."""
        return self.kind == "GATHER" and any(is_weight(values) for values in self.constants().values())


def is_weight(values):
    """Whether numbers are those of a kernel or a table: of two axes or more."""
    return values.ndim > 1 and values.size > 1


def of_network(operations):
    """Those that are of the network, where a classical model stands beside it; else all but those that make features of sound."""
    inside = [one for one in operations if _NETWORK.search(one.scope)]
    return inside or [one for one in operations if not _FEATURES.search(one.scope)]


def in_int8(operations, candidates):
    """The scopes of what takes and gives int8, a set: from the first kernel to the last but one, whose outputs are not rounded to int8.

    Args:
        operations: all of the graph.
        candidates: those that may be.
    """
    chosen = {one.scope: one for one in candidates if one.has_kernel or one.kind in _BETWEEN}
    takers = {}
    for one in operations:
        for name in one.inputs:
            takers.setdefault(name, []).append(one)
    kept = None
    while kept is None or len(kept) < len(chosen):
        chosen = chosen if kept is None else kept
        gives = {name for one in chosen.values() for name in one.outputs}
        kept = {scope: one for scope, one in chosen.items() if one.has_kernel or _is_between(one, chosen, gives, takers)}
    taken = {name for one in chosen.values() for name in one.inputs}
    return {scope for scope, one in chosen.items() if any(name in taken for name in one.outputs)}


def _is_between(one, chosen, gives, takers):
    """Whether an operation takes int8 alone, and gives it to such operations alone."""
    fed, taking = one.computed(), [taker for name in one.outputs for taker in takers.get(name, [None])]
    return bool(fed) and all(name in gives for name in fed) and all(taker is not None and taker.scope in chosen for taker in taking)


def quantized(path, precision, batches):
    """The bytes of the file in int8.

    Args:
        path: of the file in float32.
        precision: "int8" or "int8-weights".
        batches: list of dicts of the file's inputs, for calibration.
    """
    from ai_edge_quantizer import algorithm_manager, calibrator, qtyping, quantizer, recipe_manager
    from ai_edge_quantizer.utils import qsv_utils

    content = _with_own_names(path)
    graph = Graph(content)
    operations = list(graph.operations())
    network = of_network(operations)
    recipe, ranges = recipe_manager.RecipeManager(), {}
    every = qtyping.TFLOperationName.ALL_SUPPORTED
    static = in_int8(operations, network) if precision == "int8" and not graph.loops else set()
    for one in operations:
        scope = f"^{re.escape(one.scope)}$"
        if one.scope in static:
            recipe.add_static_config(scope, every, 8, 8)
        elif one.has_kernel and one in network:
            (recipe.add_dynamic_config if precision == "int8" else recipe.add_weight_only_config)(scope, every, 8)
        elif one.has_kernel and _RIDGE.search(one.scope):
            cast = algorithm_manager.AlgorithmName.FLOAT_CASTING
            recipe.add_weight_only_config(scope, qtyping.TFLOperationName.FULLY_CONNECTED, 16, algorithm_key=cast)
        elif one.has_table and (one in network or _VOTES.search(one.scope)):
            recipe.add_static_config(scope, every, 8, 8)
            [table] = [values for values in one.constants().values() if is_weight(values)]
            known = {"min": np.full((1,) * table.ndim, table.min()), "max": np.full((1,) * table.ndim, table.max())}
            ranges |= dict.fromkeys([*one.constants(), *one.outputs], known)
    with warnings.catch_warnings(action="ignore"):  # That all tensors are kept takes memory; for that it is asked.
        if static:
            counted = calibrator.Calibrator(content, num_threads=1, qsv_update_func=qsv_utils.min_max_update)
            counted.calibrate({"serving_default": batches}, recipe)
            ranges = counted.get_model_qsvs() | ranges
        made = quantizer.Quantizer(content)
        made.load_quantization_recipe(recipe.get_quantization_recipe())
        return bytes(made.quantize(ranges or None, enable_progress_bar=False, enable_progress_report=False).quantized_model)


def _with_own_names(path):
    """The content of a file whose tensors have a name each, as the quantizer needs."""
    from ai_edge_litert.tools import flatbuffer_utils

    model, seen = flatbuffer_utils.read_model(str(path)), set()
    for number, graph in enumerate(model.subgraphs):
        for place, tensor in enumerate(graph.tensors):
            if tensor.name in seen:
                tensor.name = tensor.name + f"/{number}.{place}".encode()
            seen.add(tensor.name)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def about(content):
    """What is in a quantized file, a dict: `weights`, how many numbers of weights are int8; and, by the names of their first outputs, the
    operations whose weights are `float16` or `float32`, the kernels that are multiplied by in `int8`, and what is `computed` in float32.

    Args:
        content: bytes of the file.
    """
    weights, found, seen = {}, {"float16": [], "float32": [], "computed": [], "int8": []}, set()
    for one in Graph(content).operations():
        for name, values in one.constants().items() if one.kind in _WITH_WEIGHTS else ():
            if not is_weight(values) or not values.any():  # The first state of a recurrent layer is 0.
                continue
            if values.dtype == np.int8:
                weights[name] = int(values.size)
            elif name not in seen:
                seen.add(name)
                found[values.dtype.name].append(one.outputs[0])
        if one.kind in KERNELS and any(values.dtype == np.int8 for values in one.constants().values()):
            found["int8"].append(one.outputs[0])
        elif one.kind not in _MOVES and one.is_float and one.computed():
            found["computed"].append(one.outputs[0])
    return {"weights": sum(weights.values()), **found}


def main(folder):
    folder = pathlib.Path(folder)
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    batches = []
    if (folder / "calibration.npz").exists():
        with np.load(folder / "calibration.npz") as arrays:
            batches = [{request["input"]: arrays[name]} for name in arrays.files]
    try:
        content = quantized(folder / "float32.tflite", request["precision"], batches)
        found = about(content)
    except Exception as error:  # Of whatever kind: the process that asked says it in a line.
        found = {"failed": f"{type(error).__name__}: {error}"}
    else:
        (folder / "int8.tflite").write_bytes(content)
    (folder / "found.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
