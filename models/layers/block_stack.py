"""Equal residual blocks, one after the other, as one layer: one traced block in a loop over stacked weights."""

import functools
import inspect

import keras
import numpy as np
from keras import ops

from hornbook.models.layers.checks import check_count, check_rate

# What the layer that drops a block's branch is called, behind the block's name.
BRANCH_DROPOUT = "stochastic_depth"

# What batch normalization keeps of training.
STATISTICS = ("moving_mean", "moving_variance")


@keras.saving.register_keras_serializable(package="hornbook")
class BlockStack(keras.layers.Layer):
    """Blocks of the same layers, one after the other, with weights of their own: (batch, ...) to the same shape and the compute dtype.

    In place of thousands of layers TensorFlow and JAX see one block, in a loop (`tf.while_loop`, `jax.lax.scan`) over stacked weights, so
    that a network of a thousand layers is traced in seconds. PyTorch traces nothing; there the loop is Python's.

    Each weight of a block is one variable of the stack, of the same name: of shape (count, ...), or (count * features,) where the block's
    has one axis. So rules that tell biases and scales by their single axis, such as that weight decay leaves them out, hold here too. Each
    variable has an attribute `blocks`, the count, by which blocks can be told apart: `reshape(variable, (variable.blocks, -1))`.

    Initial weights, outputs, gradients and running statistics are those of the same blocks layer by layer. Random draws of `drop_rates`
    are others.

    Args:
        block: Built functional model of the first block, which returns what it takes. Its name ends in its number, and the names of its
            layers begin with its name and "_", as in "stage1_block2" and "stage1_block2_conv1": the blocks that follow are numbered on. The
            first block starts with this model's weights; the stack keeps no reference to them.
        count: Number of blocks.
        drop_rates: Stochastic depth: the rate of each block at which its branch is dropped, for single examples; where a branch is kept, it
            is rescaled (Huang et al. 2016). The block then has a `keras.layers.Dropout` of the branch, whose name ends in
            "stochastic_depth"; its own rate is not read. None for no such layer.
        rematerialization: Keep only the blocks' inputs for the gradient, and compute each block again when its gradient is due (Chen et al.
            2016, "Training Deep Nets with Sublinear Memory Cost"). It takes a third more time and a fraction of the memory.

    Attributes:
        watcher: None, or a function (number of the block, from 0; its output) to what the next block takes. Under TensorFlow and PyTorch
            the blocks then run one by one in Python, so that what each returns can be looked at; rematerialization is left out.

    Raises:
        ValueError: The block returns another shape, draws random numbers of its own, or has a weight whose initializer is not known; names
            are not as above; or the rates are not one for each block.

    Example:
        ```python
        import keras
        from hornbook.models import BlockStack

        x = keras.Input((8, 8, 16))
        y = keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="block1_conv")(x)
        block = keras.Model(x, keras.layers.Add(name="block1_add")([x, y]), name="block1")
        model = keras.Sequential([keras.Input((8, 8, 16)), BlockStack(block, 100), keras.layers.GlobalAveragePooling2D()])
        ```
    """

    def __init__(self, block, count, drop_rates=None, rematerialization=False, **options):
        super().__init__(**options)
        self.count = check_count("count", count)
        self.rematerialization = bool(rematerialization)
        self.drop_rates = None if drop_rates is None else [check_rate("each of drop_rates", rate) for rate in drop_rates]
        # On a GPU Keras would have XLA compile the loop, which nobody has tried.
        self.supports_jit = keras.config.backend() != "tensorflow"
        self._hide("_block", block)
        self._hide("_traced", {})
        self.watcher = None
        self._check_block()
        layers = [layer for layer in block.layers if "training" in inspect.signature(layer.call).parameters]
        self._told_of_training = frozenset(layer.name for layer in layers)

    def _hide(self, name, value):
        # The block's variables are only names for what the loop puts in their place: Keras must not find them, nor save or train them.
        object.__setattr__(self, name, value)

    @property
    def block(self):
        """The functional model of the first block, whose weights are not those of the stack."""
        return self._block

    def _check_block(self):
        block = self._block
        if block.input_shape != block.output_shape:
            raise ValueError(f"a stacked block must return the shape that it takes, got {block.input_shape} to {block.output_shape}")
        if not block.name[-1:].isdigit():
            raise ValueError(f"the name of a stacked block ends in its number, such as stage1_block2, got {block.name!r}")
        branches = []
        for layer in block.layers:
            if isinstance(layer, keras.layers.InputLayer):
                continue
            if not layer.name.startswith(f"{block.name}_"):
                raise ValueError(f"names of a stacked block's layers begin with {block.name}_, got {layer.name!r}")
            if layer.name.endswith(BRANCH_DROPOUT):
                branches.append(layer)
            elif hasattr(layer, "seed_generator"):
                raise ValueError(f"{layer.name!r} draws random numbers, which blocks of a stack cannot: leave it out, or do not stack")
        if len(branches) != (self.drop_rates is not None) or len(self.drop_rates or ()) not in (0, self.count):
            raise ValueError(
                f"drop_rates has a rate for each of {self.count} blocks where a block has one layer *_{BRANCH_DROPOUT}, else it is None; "
                f"got {self.drop_rates} and {len(branches)} such layers"
            )
        if branches:
            self._seeds = keras.random.SeedGenerator()

    def build(self, input_shape):
        """Makes the stacked weights."""
        owners = [(layer, weight) for layer in self._block.layers for weight in layer.weights]
        # Block by block, the order in which single layers would draw their seeds.
        fresh = [[_initializer(layer, weight) for layer, weight in owners] for _ in range(self.count - 1)]
        names = dict.fromkeys(self._own_name(layer) for layer, _ in owners)
        # Weights go by the names of their layers.
        self.stacked_layers = [keras.layers.Layer(name=name) for name in names]
        holders = dict(zip(names, self.stacked_layers, strict=True))
        pairs = []
        for column, (layer, weight) in enumerate(owners):
            one_axis = len(weight.shape) == 1
            variable = holders[self._own_name(layer)].add_weight(
                shape=(self.count * weight.shape[0],) if one_axis else (self.count, *weight.shape),
                initializer=_Stacked(weight, [row[column] for row in fresh]),
                dtype=weight.dtype,
                trainable=weight.trainable,
                # The block's own layers cast what they take of it.
                autocast=False,
                regularizer=weight.regularizer,
                name=weight.name,
            )
            variable.blocks = self.count
            pairs.append((weight, variable))
        for holder in self.stacked_layers:
            holder.built = True
        self._hide("_pairs", pairs)

    def compute_output_spec(self, inputs, training=None):
        return keras.KerasTensor(inputs.shape, self.compute_dtype)

    def call(self, inputs, training=None):
        """Returns what the last block does, of the first block's inputs."""
        training = bool(training)
        if self._block.trainable != self.trainable:
            self._block.trainable = self.trainable
        states = [pair for pair in self._pairs if pair[0].name in STATISTICS] if training and self.trainable else []
        stacked = [self.by_block(variable) for _, variable in self._pairs]
        drops = training and self.drop_rates is not None
        if drops:
            stacked.append(self._branch_factors(inputs))
        step = functools.partial(self._step, training, drops, [state for state, _ in states])
        # What a step is beside its arguments: it is traced once for each.
        kind = (training, drops, bool(states), self.rematerialization and training)
        outputs, collected = self._loop(kind, step, inputs, stacked, [state for state, _ in states])
        for (_, variable), values in zip(states, collected, strict=True):
            variable.assign(ops.reshape(values, variable.shape))
        return outputs

    def _step(self, training, drops, states, x, *values):
        """One block's output and new running statistics, by its values of all weights, and at the end its branch's factor."""
        factor = values[-1] if drops else None
        mapping = [(weight, value) for (weight, _), value in zip(self._pairs, values, strict=not drops)]
        with keras.StatelessScope(mapping) as scope:
            y = self._run_block(x, training, factor)
        return y, *(ops.stop_gradient(scope.get_current_value(state)) for state in states)

    def _loop(self, kind, step, x, stacked, states):
        """The last block's output, and of each state the values after the blocks."""
        rematerialized = kind[-1]
        if self.watcher is not None and keras.config.backend() != "jax":
            return _loop_in_python(step, x, stacked, self.watcher)
        if keras.config.backend() == "torch":
            return _loop_in_python(keras.remat(step) if rematerialized else step, x, stacked)
        if kind not in self._traced:
            self._traced[kind] = _traced(step, states, rematerialized)
        return self._traced[kind](x, *stacked)

    def by_block(self, variable):
        """Returns a variable of the stack, or values of its shape, as (count, ...), by the shape in a block."""
        weight = next(weight for weight, own in self._pairs if own is variable)
        return ops.reshape(variable, (self.count, *weight.shape))

    def block_name(self, number):
        """Returns what the block of this number, from 0, is called: as the first one, numbered on."""
        prefix = self._block.name.rstrip("0123456789")
        return f"{prefix}{int(self._block.name.removeprefix(prefix)) + number}"

    def variables_of(self, layer):
        """Returns the stack's variables that hold the weights of a layer of `block`, of all blocks."""
        return [variable for weight, variable in self._pairs if any(weight is own for own in layer.weights)]

    def _run_block(self, x, training, factor):
        def as_called(layer):
            if layer.name.endswith(BRANCH_DROPOUT):
                return lambda y, **_: y if factor is None else y * factor
            if layer.name in self._told_of_training:
                # Explicitly: rematerialized, a block runs where Keras no longer knows it.
                return lambda *args, **options: layer(*args, **{**options, "training": training})
            return layer

        return self._block._run_through_graph(x, operation_fn=as_called)

    def _branch_factors(self, inputs):
        """What the branch of each block is multiplied by, (count, batch, 1, ...): 0, or 1 / (1 - rate)."""
        rates = ops.reshape(ops.convert_to_tensor(self.drop_rates, "float32"), (-1, 1))
        drawn = keras.random.uniform((self.count, ops.shape(inputs)[0]), seed=self._seeds)
        factors = ops.cast(drawn >= rates, "float32") / (1 - rates)
        factors = ops.reshape(factors, (self.count, -1, *(1 for _ in inputs.shape[1:])))
        return ops.cast(factors, self.compute_dtype)

    def _own_name(self, layer):
        return layer.name.removeprefix(f"{self._block.name}_")

    def get_config(self):
        own = {"count": self.count, "drop_rates": self.drop_rates, "rematerialization": self.rematerialization}
        return {**super().get_config(), "block": keras.saving.serialize_keras_object(self._block), **own}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "block": keras.saving.deserialize_keras_object(config["block"])})


class _Stacked:
    """Initial values: of the first block those that it has, of the others what their initializers give."""

    def __init__(self, weight, others):
        self.weight, self.others = weight, others

    def __call__(self, shape, dtype=None):
        first = ops.convert_to_tensor(self.weight.value, dtype)
        of_block = tuple(first.shape)
        rest = [first if other is None else other(of_block, dtype) for other in self.others]
        return ops.reshape(ops.stack([first, *rest]), shape)


def _initializer(layer, weight):
    """Returns what makes a weight's initial value for one more block; None where it is the same in every block."""
    initializer = getattr(layer, f"{weight.name}_initializer", None)
    if isinstance(initializer, keras.initializers.Zeros | keras.initializers.Ones | keras.initializers.Constant):
        return None
    if isinstance(initializer, keras.initializers.Initializer):
        return initializer.clone()
    if initializer is None and np.ptp(ops.convert_to_numpy(weight.value)) == 0:
        return None
    raise ValueError(f"weight {weight.name!r} of {layer.name!r} ({type(layer).__name__}) cannot be stacked: its initializer is not known")


def _traced(step, states, rematerialized):
    """A function of the first input and the stacked values, traced once, where Keras traces TensorFlow's first training step twice."""
    if keras.config.backend() == "jax":
        import jax

        return jax.jit(functools.partial(_loop_in_jax, keras.remat(step) if rematerialized else step))
    import tensorflow as tf

    loop = _rematerialized_loop_in_tensorflow if rematerialized else _loop_in_tensorflow
    return tf.function(functools.partial(loop, step, states), autograph=False, reduce_retracing=True)


def _loop_in_tensorflow(step, states, x, *stacked):
    import tensorflow as tf

    count = stacked[0].shape[0]
    arrays = [_array(values) for values in stacked]
    collected = [tf.TensorArray(state.dtype, count, element_shape=state.shape) for state in states]

    def body(index, x, collected):
        y, *new = step(x, *(array.read(index) for array in arrays))
        return index + 1, tf.ensure_shape(y, x.shape), _written(collected, index, new)

    _, x, collected = tf.while_loop(lambda index, *_: index < count, body, (0, x, collected), **_one_by_one(count))
    return x, [array.stack() for array in collected]


def _rematerialized_loop_in_tensorflow(step, states, x, *stacked):
    """As `_loop_in_tensorflow`, with a gradient that keeps the blocks' inputs alone and computes a block again before it goes back."""
    import tensorflow as tf

    count = stacked[0].shape[0]

    @tf.custom_gradient
    def run(x, *stacked):
        collected = [tf.TensorArray(state.dtype, count, element_shape=state.shape) for state in states]
        inputs = tf.TensorArray(x.dtype, count, element_shape=x.shape, clear_after_read=False)

        def forward(index, y, inputs, collected):
            inputs = inputs.write(index, y)
            y, *new = step(y, *(values[index] for values in stacked))
            return index + 1, tf.ensure_shape(y, x.shape), inputs, _written(collected, index, new)

        start = (0, x, inputs, collected)
        _, y, inputs, collected = tf.while_loop(lambda index, *_: index < count, forward, start, **_one_by_one(count))

        def gradient(upstream, *_):
            gradients = [tf.TensorArray(values.dtype, count, element_shape=values.shape[1:]) for values in stacked]

            def backward(index, upstream, gradients):
                taken = [inputs.read(index), *(values[index] for values in stacked)]
                with tf.GradientTape() as tape:
                    tape.watch(taken)
                    y, *_ = step(*taken)
                downstream, *new = tape.gradient(y, taken, upstream, unconnected_gradients="zero")
                return index - 1, tf.ensure_shape(downstream, x.shape), _written(gradients, index, new)

            start = (count - 1, upstream, gradients)
            _, downstream, gradients = tf.while_loop(lambda index, *_: index >= 0, backward, start, **_one_by_one(count))
            return downstream, *(array.stack() for array in gradients)

        return (y, *(array.stack() for array in collected)), gradient

    y, *collected = run(x, *stacked)
    return y, collected


def _one_by_one(count):
    # A block's weights could get their gradients after the next block's input: that takes the memory of several blocks.
    return {"maximum_iterations": count, "parallel_iterations": 1}


def _array(values):
    import tensorflow as tf

    return tf.TensorArray(values.dtype, values.shape[0], element_shape=values.shape[1:], clear_after_read=False).unstack(values)


def _written(arrays, index, values):
    return [array.write(index, value) for array, value in zip(arrays, values, strict=True)]


def _loop_in_jax(step, x, *stacked):
    import jax

    def body(x, values):
        y, *new = step(x, *values)
        return y, new

    return jax.lax.scan(body, x, stacked)


def _loop_in_python(step, x, stacked, watcher=None):
    if keras.config.backend() == "torch":
        # The running statistics are assigned before the gradient, and a rematerialized block reads them again.
        stacked = [values if values.requires_grad else values.clone() for values in stacked]
    rows = []
    # Indexing each block would make a gradient of the whole stack for each.
    for number, values in enumerate(zip(*(ops.unstack(one) for one in stacked), strict=True)):
        x, *new = step(x, *values)
        x = x if watcher is None else watcher(number, x)
        rows.append(new)
    return x, [ops.stack(values) for values in zip(*rows, strict=True)]
