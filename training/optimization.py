"""Optimizers by name: Keras' own, with weight decay that leaves out biases and normalization scales, averages that warm up, Lookahead,
adaptive clipping, and learning rates of their own for the offsets of normalization and for each layer."""

import math
import re

import keras

from hornbook import UserError
from hornbook.training.updates import clipping, layer_rates

# Their updates depend on norms of a whole variable, and a variable of a `models.BlockStack` is of many blocks.
_OF_WHOLE_VARIABLES = ("Lamb", "Adafactor")


def _mended(base):
    """`base` with what Keras lacks: an average of the weights that warms up, Lookahead, adaptive clipping, factors on the learning rates of
    layers and of normalization's offsets, and weight decay that leaves out every variable with one axis: biases and the scales and offsets
    of normalization.

    Keras' `exclude_from_weight_decay` does the last until the optimizer is saved and loaded, which forgets it: a rule in the class stays.
    """

    class Optimizer(base):
        _own = ("lookahead", "lookahead_share", "bias_learning_rate_factor", "layer_decay", "clip_adaptive", "unfreezing_steps")

        def __init__(
            self,
            *args,
            lookahead=0,
            lookahead_share=0.5,
            bias_learning_rate_factor=1.0,
            layer_decay=0.0,
            clip_adaptive=0.0,
            unfreezing_steps=0,
            **options,
        ):
            super().__init__(*args, **options)
            self.lookahead, self.lookahead_share = lookahead, lookahead_share
            self.bias_learning_rate_factor, self.layer_decay = bias_learning_rate_factor, layer_decay
            self.clip_adaptive, self.unfreezing_steps = clip_adaptive, unfreezing_steps

        def build(self, variables):
            if self.built:
                return
            self._refuse_stacks(variables)
            self.exclude_from_weight_decay(var_list=[variable for variable in variables if len(variable.shape) < 2])
            super().build(variables)
            # Every normalization of Keras and of ours calls its offset so.
            self._offsets = frozenset(self._var_key(variable) for variable in variables if variable.name == "beta")
            self._slow_weights = self.add_optimizer_variables(variables, "slow") if self.lookahead else []
            self._never_cut = frozenset(self._var_key(variable) for variable in clipping.of_the_last_layer(variables))
            factors = layer_rates.factors(variables, self.layer_decay) if self.layer_decay else ()
            self._hide("_factors", {self._var_key(variable): factor for variable, factor in zip(variables, factors, strict=False)})
            begins = layer_rates.begins(variables, self.unfreezing_steps) if self.unfreezing_steps else ()
            self._hide("_begins", {self._var_key(variable): step for variable, step in zip(variables, begins, strict=False)})

        def _hide(self, name, value):
            # From TensorFlow, which would look for variables of the optimizer in it.
            object.__setattr__(self, name, value)

        def _refuse_stacks(self, variables):
            stacks = [variable for variable in variables if hasattr(variable, "blocks")]
            whole = [f"clip_each_norm {self.clipnorm}"] if self.clipnorm else []
            # Of kernels with three axes or fewer Muon makes matrices.
            muon = base.__name__ == "Muon" and any(1 < len(variable.shape) < 4 for variable in stacks)
            whole += [f"optimizer {base.__name__.lower()}"] if base.__name__ in _OF_WHOLE_VARIABLES or muon else []
            if stacks and whole:
                raise UserError(
                    f"{whole[0]} looks at a variable as a whole, and {stacks[0].path} is of {stacks[0].blocks} blocks; build the network "
                    "with stacking 'never' (--stacking never), or train models.unstacked(model)"
                )

        def update_step(self, gradient, variable, learning_rate):
            if self.bias_learning_rate_factor != 1 and self._var_key(variable) in self._offsets:
                learning_rate = learning_rate * self.bias_learning_rate_factor
            super().update_step(gradient, variable, self._of_its_block(learning_rate, variable))

        def _of_its_block(self, learning_rate, variable):
            """The learning rate of a variable, lower the farther it is from the outputs, and 0 until its block is trained."""
            key = self._var_key(variable)
            if self._factors:
                learning_rate = learning_rate * self._factors[key]
            if self._begins:
                learning_rate = learning_rate * keras.ops.cast(self._iterations >= self._begins[key], variable.dtype)
            return learning_rate

        def _apply_weight_decay(self, variables):
            if not (self._factors or self._begins):
                super()._apply_weight_decay(variables)
                return
            for variable in variables if self.weight_decay else ():
                if self._use_weight_decay(variable):
                    rate = self._of_its_block(self.learning_rate, variable)
                    variable.assign(variable * (1 - rate * self.weight_decay))

        def _clip_gradients(self, grads):
            if not self.clip_adaptive:
                return super()._clip_gradients(grads)
            return [
                gradient if self._var_key(variable) in self._never_cut else clipping.adaptive(gradient, variable, self.clip_adaptive)
                for gradient, variable in zip(grads, self._being_updated, strict=True)
            ]

        def _backend_apply_gradients(self, grads, trainable_variables):
            self._hide("_being_updated", trainable_variables)  # Keras' clipping is not told of them.
            pairs = list(zip(self._slow_weights, self._trainable_variables, strict=True)) if self.lookahead else ()
            # Not when the optimizer is built: weights may be loaded after that. And no `cond`, which JAX cannot assign in.
            for slow, fast in pairs:
                slow.assign(_chosen(self._iterations == 0, fast, slow))
            super()._backend_apply_gradients(grads, trainable_variables)
            if pairs:
                meet = (self._iterations + 1) % (self.lookahead * (self.gradient_accumulation_steps or 1)) == 0
            for slow, fast in pairs:
                middle = slow + self.lookahead_share * (fast - slow)
                slow.assign(_chosen(meet, middle, slow))
                fast.assign(_chosen(meet, middle, fast))

        def get_config(self):
            return {**super().get_config(), **{name: getattr(self, name) for name in self._own}}

        def _update_model_variables_moving_average(self, trainable_variables):
            """As Keras', but early on with a smaller momentum: of 0.999, 300 steps would leave three quarters of the first weights."""
            momentum = self.ema_momentum
            if self.use_ema:
                steps = keras.ops.cast(self.iterations, "float32")
                self.ema_momentum = keras.ops.minimum(momentum, (1 + steps) / (10 + steps))
            super()._update_model_variables_moving_average(trainable_variables)
            self.ema_momentum = momentum

    Optimizer.__name__ = Optimizer.__qualname__ = base.__name__
    Optimizer.__doc__ = (
        f"`keras.optimizers.{base.__name__}` whose weight decay leaves out biases and normalization scales, whose average warms up, with "
        "Lookahead, adaptive clipping and factors on the learning rates of layers and of normalization's offsets."
    )
    return keras.saving.register_keras_serializable(package="hornbook")(Optimizer)


def _chosen(condition, first, second):
    """`first` where the condition holds, else `second`; JAX takes no variables."""
    return keras.ops.where(condition, keras.ops.convert_to_tensor(first), keras.ops.convert_to_tensor(second))


def _leaving_out_the_output(base):
    """Keras' Muon that leaves the last matrix, which computes the outputs, to Adam, as its authors do, whatever that layer is called."""

    class Muon(base):
        _output = ()

        def build(self, variables):
            if not self.built:
                matrices = [variable.path for variable in variables if len(variable.shape) == 2]
                self._output = tuple(f"^{re.escape(path)}$" for path in matrices[-1:])
                self.exclude_layers = [*self.exclude_layers, *self._output]
            super().build(variables)

        def get_config(self):
            # A saved model's paths may differ from those of the model that it was: the rule is kept, not what came of it.
            config = super().get_config()
            return {**config, "exclude_layers": [name for name in config["exclude_layers"] if name not in self._output]}

    return Muon


# Left out are Ftrl, which forgets the initial weights at its first step (it is made for convex problems), and ScheduleFreeAdamW, which
# trains on an interpolation and in Keras has no way to put the average, which is to be evaluated, in its place.
_CLASSES = {
    name: _mended(base)
    for name, base in {
        "sgd": keras.optimizers.SGD,
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "rmsprop": keras.optimizers.RMSprop,
        "adagrad": keras.optimizers.Adagrad,
        "adadelta": keras.optimizers.Adadelta,
        "adamax": keras.optimizers.Adamax,
        "nadam": keras.optimizers.Nadam,
        "lion": keras.optimizers.Lion,
        "lamb": keras.optimizers.Lamb,
        "adafactor": keras.optimizers.Adafactor,
        "muon": _leaving_out_the_output(keras.optimizers.Muon),
    }.items()
}
OPTIMIZERS = tuple(_CLASSES)


def optimizer(
    name,
    learning_rate=None,
    *,
    momentum=0.9,
    nesterov=True,
    weight_decay=0.0,
    clip_norm=0.0,
    clip_value=0.0,
    clip_each_norm=0.0,
    clip_adaptive=0.0,
    ema=0.0,
    lookahead=0,
    lookahead_share=0.5,
    bias_learning_rate_factor=1.0,
    layer_decay=0.0,
    unfreezing_steps=0,
    accumulate_steps=1,
):
    """A Keras optimizer by name.

    Args:
        name: whatever its capitals, `sgd`, `adam`, `adamw`, `rmsprop`, `adagrad`, `adadelta`, `adamax`, `nadam`, `lion`, `lamb`,
            `adafactor`, or `muon` (Jordan et al. 2024: the hidden matrices; all else, embeddings and the last matrix with it, by Adam).
        learning_rate: float or `keras.optimizers.schedules.LearningRateSchedule`. Default: that of Keras' class, 0.001 for most.
        momentum: of `sgd`, in [0, 1); 0 is plain gradient descent. 0.9 is the papers' choice since Krizhevsky et al. (2012).
        nesterov: whether the momentum of `sgd` looks ahead (Nesterov 1983; Sutskever et al. 2013); without momentum it says nothing.
        weight_decay: decoupled (Loshchilov and Hutter 2019): a step multiplies every kernel by 1 - learning_rate * weight_decay. With SGD
            and momentum 0.9, the L2 penalty of 1e-4 of the older papers corresponds to about 1e-3 here, as momentum does not multiply it.
        clip_norm: the gradients' global norm is cut to it (Pascanu et al. 2013); 0 for none.
        clip_value: every element of the gradients is cut to this size; 0 for none.
        clip_each_norm: the norm of each variable's gradient is cut to it; 0 for none.
        clip_adaptive: the gradient of each unit, such as a filter, is cut to this share of the norm of the unit's weights, such as 0.01, in
            all layers but the last (Brock et al. 2021, "High-Performance Large-Scale Image Recognition Without Normalization", equation 3,
            who took 0.01 to 0.16, less for larger batches); 0 for none. One of the four is taken.
        ema: momentum of an exponential moving average of the weights, such as 0.999 (Polyak and Juditsky 1992); 0 for none. After t steps
            it is at most (1 + t) / (10 + t), TensorFlow's rule, so that the first weights are soon forgotten. Evaluate it with
            `callbacks.AverageWeights`. It is taken after every batch, also where only every Nth changes the weights.
        lookahead: updates between two meetings of the weights with slow ones, such as 5 (Zhang et al. 2019, "Lookahead Optimizer: k steps
            forward, 1 step back", algorithm 1); 0 for none. The slow weights go a share of the way to the weights, which go on from there.
            They are saved with the optimizer. An average (`ema`) is taken before they meet.
        lookahead_share: of the way, in (0, 1]. 0.5 is the paper's; 1 changes nothing.
        bias_learning_rate_factor: on the learning rate of the offsets of normalizations, such as 64 (Jordan 2024, "94% on CIFAR-10 in 3.29
            seconds on a single GPU", section 3.4); 1 changes nothing.
        layer_decay: factor on the learning rate from a block to the one before it, such as 0.75 (Clark et al. 2020; Bao et al. 2022, who
            fine-tune with it): the outputs have the whole rate, the first layers the lowest. Weight decay, a share of the rate, falls with
            it. Blocks are told by the names of layers, see `updates.layer_rates.factors`. 0: all have the same.
        unfreezing_steps: batches over which blocks begin to be trained one after the other, the outputs at once and the first block last
            (gradual unfreezing, Howard and Ruder 2018); until then their learning rate and weight decay are 0. 0: all from the beginning.
        accumulate_steps: batches whose mean gradient makes one update. A schedule counts batches all the same, so its length does not
            depend on it; weight decay acts in updates alone.

    Raises:
        UserError: an unknown name or a value out of range. When it is built: `clip_each_norm`, `lamb` and `adafactor` refuse a
            network with a `models.BlockStack`, whose variables are of many blocks; `muon`, one of dense blocks.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import optimizer, schedule

    model = keras.Sequential([keras.layers.Dense(1)])
    rate = schedule("cosine", 0.1, steps_per_epoch=2, epochs=5, warmup_epochs=1)
    model.compile(optimizer("sgd", rate, weight_decay=1e-3, clip_norm=1.0), "mse")
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 1)), epochs=5, verbose=0)
    ```
    """
    given, name = name, str(name).lower()
    if name not in OPTIMIZERS:
        raise UserError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {given!r}")
    if not 0 <= momentum < 1:
        raise UserError(f"momentum must be 0 (plain gradient descent) or below 1 such as 0.9, got {momentum}")
    sizes = {"weight_decay": weight_decay, "clip_norm": clip_norm, "clip_value": clip_value, "clip_each_norm": clip_each_norm}
    sizes["clip_adaptive"] = clip_adaptive
    for option, value in sizes.items():
        if not 0 <= value < math.inf:
            raise UserError(f"{option} must be 0 (off) or positive and finite, got {value}")
    ways = [option for option in sizes if option != "weight_decay"]
    given = [f"{option} {sizes[option]}" for option in ways if sizes[option]]
    if len(given) > 1:
        raise UserError(f"gradients are cut in one way of {', '.join(ways)}, got {' and '.join(given)}; set all but one to 0")
    if not 0 <= ema < 1:
        raise UserError(f"ema must be 0 (off) or a momentum below 1 such as 0.999, got {ema}")
    if lookahead < 0:
        raise UserError(f"lookahead must be 0 (off) or a number of updates such as 5, got {lookahead}")
    if not 0 < lookahead_share <= 1:
        raise UserError(f"lookahead_share must be above 0 and at most 1, such as 0.5, got {lookahead_share}")
    if not 0 < bias_learning_rate_factor < math.inf:
        raise UserError(f"bias_learning_rate_factor must be 1 (off) or a positive factor such as 64, got {bias_learning_rate_factor}")
    if not 0 <= layer_decay < 1:
        raise UserError(f"layer_decay must be 0 (off) or a factor below 1 such as 0.75, got {layer_decay}")
    if unfreezing_steps < 0:
        raise UserError(f"unfreezing_steps must be 0 (off) or a number of batches such as 100, got {unfreezing_steps}")
    if accumulate_steps < 1:
        raise UserError(f"accumulate_steps must be at least 1 (every batch is an update), got {accumulate_steps}")
    options = {"global_clipnorm": clip_norm or None, "clipvalue": clip_value or None, "clipnorm": clip_each_norm or None}
    # AdamW's own default of 0.004 would decay where 0 was asked for.
    options["weight_decay"] = weight_decay or (0.0 if name == "adamw" else None)
    if accumulate_steps > 1:
        options["gradient_accumulation_steps"] = accumulate_steps
    options |= {"lookahead": lookahead, "lookahead_share": lookahead_share, "bias_learning_rate_factor": bias_learning_rate_factor}
    options |= {"layer_decay": layer_decay, "clip_adaptive": clip_adaptive, "unfreezing_steps": unfreezing_steps}
    if ema:
        options |= {"use_ema": True, "ema_momentum": ema}
    if name == "sgd":
        options |= {"momentum": momentum, "nesterov": nesterov and momentum > 0}
    if name == "muon":
        options["adam_weight_decay"] = options["weight_decay"]
    if learning_rate is not None:
        options["learning_rate"] = learning_rate
    return _CLASSES[name](**options)


def unwrapped(optimizer):
    """The optimizer itself: for float16, Keras wraps it in one that scales the loss."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def check_accumulation(accumulate_steps, batches):
    """Refuse to accumulate more batches than a run has: it would never update.

    Raises:
        UserError: with both numbers.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training import optimization

    optimization.check_accumulation(4, batches=8)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(optimization.optimizer("sgd", 0.1, accumulate_steps=4), "mse")
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 1)), batch_size=8, verbose=0)
    ```
    """
    if accumulate_steps > batches:
        raise UserError(f"--accumulate-steps {accumulate_steps} is more than the {batches} batches of the run")
