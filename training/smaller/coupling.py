"""Which channels of a network can only go together: of a convolution, what normalizes them, what adds to them, and what reads them."""

import dataclasses

import keras
import numpy as np

from hornbook import UserError
from hornbook.models.layers.block_stack import BlockStack
from hornbook.models.parts.swap import cloned
from hornbook.training.smaller.layer_rules import rule_of

STAYS = 0  # The label of channels that cannot go.


@dataclasses.dataclass
class Slot:
    """An axis of a variable whose places are channels.

    Attributes:
        layer: that has the variable.
        variable, axis: `keras.Variable` and int.
        reads: whether the layer reads the channels along this axis; else it makes or changes them.
        labels: int array, the channel of each place.
    """

    layer: object
    variable: object
    axis: int
    reads: bool
    labels: np.ndarray


@dataclasses.dataclass
class Call:
    """A call of a layer or an operation in the graph, as a rule sees it.

    Attributes:
        layer: `keras.layers.Layer` or `keras.Operation`.
        node: of Keras' graph.
        given: for each tensor that it is given the labels of its last axis.
        shapes: those tensors' shapes.
        shape: of its first output.
    """

    layer: object
    node: object
    given: list
    shapes: list
    shape: tuple


class Coupling:
    """The channels of a model, each with all that must go with it.

    A channel is a place of the last axis of a tensor. Each has a label; followed through the graph, layers that act on each channel by
    itself pass labels on, sums make two labels one, kernels make new ones, and what looks at several channels at once, such as layer
    normalization, has those stay that it looks at. So do layers that nothing is known of, inputs and outputs. What a layer does is in
    `layer_rules`. A channel can be taken out without a change of the outputs once all kernels that read it have zeros for it.

    Args:
        model: functional or sequential `keras.Model`, with others as its layers or not; it is not changed.

    Attributes:
        sets: arrays of labels; the channels of one set stand beside each other in the same variables, and are of one kind.
        slots: list of `Slot`, without those whose channels all stay.

    Raises:
        UserError: no channel can go; with the layers in whose way that is.

    Example:
    ```python
    from hornbook import models
    from hornbook.training.smaller.coupling import Coupling

    print([len(one) for one in Coupling(models.mlp((4,), 3, depth=3, width=32)).sets])  # [32, 32]
    ```
    """

    def __init__(self, model):
        self._parents = np.zeros(1, int)
        self._slots, self._made, self._left, self._in_the_way, self.sizes = {}, {}, set(), [], {}
        for labels in self._follow(model):
            self.stay(labels)
        roots = {key: self._root(slot.labels) for key, slot in self._slots.items()}
        self.slots = [dataclasses.replace(slot, labels=roots[key]) for key, slot in self._slots.items() if roots[key].any()]
        self.sets = self._sets()
        if not any(len(one) > 1 for one in self.sets):
            first, *others = list(dict.fromkeys(self._in_the_way)) or ["there is but the last"]
            needed = f"{first}{f' and {len(others)} more' if others else ''}"
            raise UserError(f"no channels can be taken out of the network {model.name}; what needs all that come in: {needed}")

    def _sets(self):
        found = {}
        for place, slot in enumerate(self.slots):
            for label, count in zip(*np.unique(slot.labels, return_counts=True), strict=True):
                if label != STAYS:
                    found.setdefault(int(label), []).append((place, int(count)))
        sets = {}
        for label in sorted(found):
            sets.setdefault(tuple(found[label]), []).append(label)
        return [np.array(labels) for labels in sets.values()]

    # What rules use.

    def new(self, layer, count, tag=""):
        """Labels of channels that a layer makes, the same whenever it is called."""
        key = (id(layer), tag)
        if key not in self._made:
            start = len(self._parents)
            self._parents = np.append(self._parents, np.arange(start, start + count))
            self._made[key] = np.arange(start, start + count)
        return self._made[key]

    def join(self, labels, others):
        """Have channels go together, each with that at its place."""
        for one, other in np.unique(np.stack([self._root(labels), self._root(others)], 1), axis=0):
            one, other = self._root(one), self._root(other)
            self._parents[max(one, other)] = min(one, other)

    def stay(self, labels):
        """Have channels stay."""
        self.join(labels, np.zeros_like(labels))

    def slot(self, layer, variable, axis, labels, reads=False):
        """Note that an axis of a layer's variable is of these channels."""
        if id(layer) in self._left:
            self.stay(labels)
        key = (id(variable), axis % len(variable.shape))
        if key in self._slots:
            self.join(self._slots[key].labels, labels)
        self._slots[key] = Slot(layer, variable, key[1], reads, labels)

    def size(self, layer, change):
        """Note how a layer is made with fewer channels: `change(config, count)` gives what is another in its configuration.

        `count` is a function from labels to how many of them are left.
        """
        self.sizes[id(layer)] = change

    def _root(self, labels):
        while (self._parents[labels] != self._parents[self._parents[labels]]).any():
            self._parents[labels] = self._parents[self._parents[labels]]
        return self._parents[labels]

    # The graph.

    def _follow(self, model):
        """The labels of a model's outputs, its inputs' all staying."""
        graph = model._functional if isinstance(model, keras.Sequential) else model
        if not hasattr(graph, "_nodes_by_depth"):
            raise UserError(f"channels are taken out of functional and sequential models, and {model.name} is a {type(model).__name__}")
        known = {id(tensor): _unknown(tensor.shape) for tensor in graph.inputs}
        for depth in sorted(graph._nodes_by_depth, reverse=True):
            for node in graph._nodes_by_depth[depth]:
                tensors = node.input_tensors
                if node.is_input or any(id(tensor) not in known for tensor in tensors):
                    continue
                shapes = [tensor.shape for tensor in tensors]
                call = Call(node.operation, node, [known[id(tensor)] for tensor in tensors], shapes, node.output_tensors[0].shape)
                outputs = self._called(call)
                for place, tensor in enumerate(node.output_tensors):
                    known[id(tensor)] = _unknown(tensor.shape) if outputs is None else outputs[place]
        return [known[id(tensor)] for tensor in graph.outputs]

    def _called(self, call):
        if isinstance(call.layer, BlockStack):
            raise UserError(f"channels cannot be taken out of {call.layer.name}, a stack of equal blocks; pass --stacking never")
        if isinstance(call.layer, keras.Model):
            for labels in call.given:
                self.stay(labels)
            key = (id(call.layer), "outputs")
            if key not in self._made:
                self._made[key] = self._follow(call.layer)
            return self._made[key]
        rule = rule_of(call)
        outputs = None if rule is None else rule(self, call)
        if outputs is not None:
            return [outputs]
        # Of what is not known, all stays as it is.
        kernels = any(len(one.shape) > 1 for one in getattr(call.layer, "weights", ()))
        if kernels or any(self._root(labels).any() for labels in call.given):
            self._in_the_way.append(f"{call.layer.name} ({type(call.layer).__name__})")
        self._left.add(id(call.layer))
        for slot in self._slots.values():
            if slot.layer is call.layer:
                self.stay(slot.labels)
        for labels in call.given:
            self.stay(labels)
        return None

    # What is done with them.

    def without(self, model, labels):
        """A copy of the model without channels, uncompiled; all other weights, statistics and random states are the model's.

        Args:
            model: the one that the coupling is of.
            labels: of the channels, out of `sets`.
        """
        removed, pairs = np.array(sorted(labels), int), []
        axes = {}
        for slot in self.slots:
            axes.setdefault(id(slot.variable), []).append((slot.axis, ~np.isin(slot.labels, removed)))

        def count(some):
            return int((~np.isin(self._root(some), removed)).sum())

        def copy(layer):
            if not isinstance(layer, keras.layers.Layer):
                return layer
            config = layer.get_config()
            if id(layer) in self.sizes:
                config |= self.sizes[id(layer)](config, count)
            pairs.append((layer, made := type(layer).from_config(config)))
            return made

        # Of a compiled model Keras would copy the loss too.
        plain = model if isinstance(model, keras.Sequential) else keras.Model(model.input, model.output, name=model.name)
        smaller = cloned(plain, copy, lambda layer, *args, **options: layer(*args, **options))
        for old, new in pairs:
            for variable, other in zip(old.variables, new.variables, strict=True):
                values = keras.ops.convert_to_numpy(variable)
                for axis, kept in axes.get(id(variable), ()):
                    values = np.compress(kept, values, axis)
                other.assign(values)
        return smaller


def _unknown(shape):
    """Labels of a tensor whose channels all stay; none where their number is not known."""
    return np.zeros(shape[-1] if shape and isinstance(shape[-1], int) else 0, int)
