"""The callback that watches a training, and what it has seen."""

import contextlib
import dataclasses

import keras
import numpy as np

from hornbook import UserError
from hornbook.training.diagnosis import blocks, examples, networks, state, steps
from hornbook.training.diagnosis.probe import Probe
from hornbook.training.updates import pruning

_PROBE = 64  # Examples: enough for shares of dead units, few enough to cost little.
_FEW, _MANY = 8, 1000  # Examples of the probe where a network has more variables than these, as its activations fill the memory.
_PREDICTED = 512  # Training and validation examples whose outputs are looked at in the end.


@dataclasses.dataclass
class Record:
    """What was seen of a training; what `diagnose` reads.

    Attributes:
        network: `networks.Network`, as it was before the first step.
        task: `networks.Task`.
        optimizer: as of `networks.optimizer_of`.
        facts: `examples.Facts`, or None of inputs that are not one array.
        steps: `steps.Steps`.
        looks: list of `probe.Probed`: before the first step, after epochs 1, 2, 4, 8, ... and after the last.
        epochs: list of dicts, the logs of each epoch.
        rates: the highest learning rate seen in each epoch, at its end and at the steps that are measured.
        baseline: the loss of the best constant output, on the training examples; None where it is not known.
        travelled: how far each trainable variable, and each block of stacked ones, went from where it was, as a share of its size, an
            array; empty before the end.
        zeros: share of the kernels' numbers that are 0 in the end, as pruning makes them.
        training, validation: (classes or numbers, outputs) of some examples in the end, in inference mode; None where there are none.
    """

    network: object = None
    task: object = None
    optimizer: dict = dataclasses.field(default_factory=dict)
    facts: object = None
    steps: object = None
    looks: list = dataclasses.field(default_factory=list)
    epochs: list = dataclasses.field(default_factory=list)
    rates: list = dataclasses.field(default_factory=list)
    baseline: float | None = None
    travelled: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0))
    zeros: float = 0.0
    training: tuple | None = None
    validation: tuple | None = None

    @property
    def updates(self):
        """Steps of the training so far."""
        return len(self.steps)

    @property
    def batch_size(self):
        """Examples of its first batch; None before the first step."""
        return self.steps.batch_size


class Diagnostics(keras.callbacks.Callback):
    """Watch a training and say in the end what went wrong and what mends it; for any compiled Keras model and any `fit`.

    It changes nothing: weights, optimizer and what is saved are what they are without it. The norms of gradients leave the compiled step
    beside the metrics; a small batch is sent through the network before the first step, after epochs 1, 2, 4, 8 and so on, and after the
    last. Under TensorFlow the weights of a step may differ by the rounding of another order of operations, some 1e-8.

    Args:
        probe: (x, y), training examples as `fit` takes them, the more the better; 64 of them, evenly spaced, go through the network (8
            where it has more than 1,000 variables), up to 2,000 are compared with their neighbours. Callbacks do not see the batches of
            `fit`, hence these.
        validation: (x, y) of validation examples, or None.
        every: steps between two measurements of the weights' updates.
        class_weights: dict of class to what an example of it counts in the training loss, by `fit(class_weight=)` or by how often it is
            drawn; what guessing gives is taken so. Only ratios matter. None: every class's examples count the same.
        class_names: a name for every class, in the order of the labels, by which findings speak of them. Empty: by their numbers.

    Attributes:
        record: `Record`.

    Raises:
        ValueError: the model is not compiled, or does not take the probe.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training import Diagnostics

    inputs, targets = numpy.random.normal(size=(256, 3)), numpy.random.randint(2, size=256)
    model = keras.Sequential([keras.layers.Dense(16, "relu"), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    watching = Diagnostics(probe=(inputs, targets))
    model.fit(inputs, targets, epochs=3, callbacks=[watching], verbose=0)
    for finding in watching.findings():
        print(finding)
    ```
    """

    def __init__(self, probe, validation=None, every=200, class_weights=None, class_names=()):
        super().__init__()
        if not isinstance(probe, (tuple, list)) or len(probe) != 2:
            raise ValueError(f"probe must be (x, y), some training examples, got {type(probe).__name__}")
        if validation is not None and (not isinstance(validation, (tuple, list)) or len(validation) != 2):
            raise ValueError(f"validation must be (x, y) or None, got {type(validation).__name__}")
        self._train, self._validation = tuple(probe), validation and tuple(validation)
        count = examples.length(self._train[0])
        if count < 2 or count != examples.length(self._train[1]):
            raise ValueError(f"probe must have as many targets as examples, at least 2, got {count} and {examples.length(self._train[1])}")
        self._every, self._class_weights, self._class_names = every, class_weights, class_names
        self.record, self._restored, self._first = Record(), None, None

    def begin(self, model):
        """Keep the weights that a training begins with; before they are replaced by those of a checkpoint, from which it goes on."""
        self._first = _weights(model)

    def set_model(self, model):
        super().set_model(model)
        if not getattr(model, "compiled", False):
            raise ValueError("Diagnostics watches a compiled model; call model.compile(optimizer, loss) before fit")
        self.record = Record(steps=steps.Steps(self._every))
        count = _FEW if len(blocks.names(model.trainable_variables)) > _MANY else _PROBE
        self._few = [examples.slices(part, examples.spaced(examples.length(part), count)) for part in self._train]
        self._probe = Probe(*self._few)
        steps.instrument(model, self.record.steps)

    def on_train_begin(self, logs=None):
        record, restored, self._gone = self.record, self._restored, 0.0
        steps.listen(self.model, record.steps)
        if restored is None:
            self._look(0)
            record.network = networks.network_of(self.model)
        else:
            self._gone, self._restored = state.restore(record, *restored), None
        record.optimizer = networks.optimizer_of(self.model)
        y = self._train[1]
        y, outputs = np.asarray(y) if _is_array(y) else y, record.looks[0].outputs
        record.task = networks.task_of(self.model, y, outputs, self._class_weights, self._class_names)
        record.facts = self.facts_of(record, self.model)
        record.baseline = self._baseline()
        self._began = _weights(self.model)
        if np.ndim(self._gone) and len(self._gone) != len(self._began):
            raise UserError("the diagnosis that the checkpoint keeps is of another model; remove the checkpoint to begin again")
        if self._first is not None:
            self._began, self._gone, self._first = self._first, 0.0, None

    def on_epoch_end(self, epoch, logs=None):
        self.record.steps.fetch()
        self.record.epochs.append({name: float(value) for name, value in (logs or {}).items()})
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self.record.rates.append(max(rate, self.record.steps.rate))
        self.record.steps.rate = 0.0
        done = len(self.record.epochs)
        if done & (done - 1) == 0:
            self._look(done)

    def on_train_end(self, logs=None):
        record = self.record
        steps.restore(self.model)
        if record.epochs and record.looks[-1].epoch != len(record.epochs):
            self._look(len(record.epochs))
        self.record = self.so_far()

    def so_far(self):
        """`Record` of the training up to now with what is otherwise seen in its end alone; at the end of an epoch."""
        validation = self._predicted(self._validation) if self._validation else None
        training = self._predicted(self._train)
        zeros = pruning.share_of_zeros(pruning.prunable(self.model))
        return dataclasses.replace(self.record, travelled=self._travelled(), zeros=zeros, training=training, validation=validation)

    def get_state(self):
        """What a checkpoint keeps: JSON values, and a list of arrays."""
        return state.of_record(self.record, self._travelled())

    def set_state(self, values, arrays):
        """Go on from `get_state`'s result at the beginning of the next `fit`; of values of another kind a `UserError`."""
        self._restored = state.checked(values, arrays)

    def _travelled(self):
        # Of a training that was cut off the way before and the way since, where its first weights are not known.
        pairs = zip(self._began, _weights(self.model), strict=True)
        return self._gone + np.array([np.linalg.norm(now - before) / max(np.linalg.norm(before), 1e-12) for before, now in pairs])

    def findings(self, options=None):
        """What `diagnose` says of the training, most pressing first."""
        from hornbook.training.diagnosis.rules import diagnose

        return diagnose(self.record, options)

    def _look(self, epoch):
        try:
            with _randomness_of_its_own():
                self.record.looks.append(self._probe.look(self.model, epoch))
        except Exception as error:
            if epoch:
                raise
            beyond = networks.beyond_outputs(self.model, *self._few) if self.model.built else None
            if beyond:
                raise ValueError(beyond) from error
            shapes = [tuple(np.shape(part)) for part in keras.tree.flatten(self._few[0])]
            raise ValueError(f"the model does not take the probe batch, inputs of shapes {shapes}: {str(error).splitlines()[0]}") from error

    def facts_of(self, record, model):
        """`examples.Facts` of the examples that it was given, for a record's task; None of inputs that are not one array."""
        task, (x, y) = record.task, self._train
        if not _is_array(x) or not _is_array(y):
            return None
        validation = self._validation
        if _takes_gaps(model, x):
            x, validation = np.nan_to_num(x), validation and (np.nan_to_num(validation[0]), validation[1])
        if validation is not None:
            validation = (*validation, _classes(validation[1], task))
        about = {"tokens": record.network.embedded, "numbers": task.kind == "numbers"}
        return examples.facts(x, y, _classes(y, task), task.num_classes, validation, **about)

    def _baseline(self):
        """The loss of a constant: of classes the logarithms of their shares, of numbers their mean; None where a teacher is in it."""
        task = self.record.task
        if task.kind is None or getattr(self.model.loss, "distilled", False):
            return None
        y = examples.slices(self._train[1], examples.spaced(examples.length(self._train[1]), 2048))
        if task.kind == "numbers":
            constant = np.asarray(y, "float32").mean(axis=0)
            outputs = np.broadcast_to(constant, np.shape(y))
        elif task.kind == "classes":
            shares = np.maximum(task.counted(task.weights), 1e-6)
            outputs = np.broadcast_to(shares if task.from_logits is False else np.log(shares), (len(y), len(shares)))
        else:
            share = np.asarray(y, "float32").mean(axis=0) if task.weights is None else task.counted(task.weights)[1:]
            share = np.clip(share, 1e-6, 1 - 1e-6)
            outputs = np.broadcast_to(share if task.from_logits is False else np.log(share / (1 - share)), np.shape(y))
        if task.kind != "classes" and np.ndim(outputs) == 1:
            outputs, y = outputs[:, None], np.asarray(y)[:, None]
        loss = keras.losses.get(self.model.loss) if isinstance(self.model.loss, str) else self.model.loss
        if getattr(loss, "shift", None) is not None:  # Of a loss that adds it to the logits itself.
            outputs = outputs - np.asarray(loss.shift)
        counts = {}
        if task.weights is not None:
            own = task.weights[_classes(y, task)]
            counts["sample_weight"] = keras.ops.convert_to_tensor((own / own.mean()).astype("float32"))
        try:
            value = np.mean(
                keras.ops.convert_to_numpy(
                    loss(keras.ops.convert_to_tensor(y), keras.ops.convert_to_tensor(outputs.astype("float32")), **counts)
                )
            )
        except (ValueError, TypeError):  # A loss that takes outputs of another kind, such as quantiles.
            return None
        return float(value) if np.isfinite(value) else None

    def _predicted(self, part):
        x, y = part
        places = examples.spaced(examples.length(y), _PREDICTED)
        x, y = examples.slices(x, places), examples.slices(y, places)
        if self.record.task.kind is None:
            return None
        if self.record.network.recurrent:  # Layer by layer they would run step by step.
            outputs = self.model.predict(x, batch_size=256, verbose=0)
        else:
            batches = [examples.slices(x, slice(first, first + 256)) for first in range(0, len(places), 256)]
            outputs = np.concatenate([keras.ops.convert_to_numpy(self.model(batch, training=False)) for batch in batches])
        classes = _classes(y, self.record.task)
        return np.asarray(y) if classes is None else classes, outputs


def _randomness_of_its_own():
    """A context in which PyTorch's random numbers, which the training's order and dropout come from, are drawn apart."""
    if keras.backend.backend() != "torch":
        return contextlib.nullcontext()
    import torch

    return torch.random.fork_rng()


def _classes(y, task):
    return networks.classes_of(y, task.num_classes) if task.kind in ("classes", "binary") else None


def _takes_gaps(model, x):
    """Whether inputs have values that are no numbers, as padded series do, and the network has an answer to them all the same."""
    if not np.issubdtype(np.asarray(x).dtype, np.floating):
        return False
    gaps = np.flatnonzero(np.isnan(x).any(axis=tuple(range(1, np.ndim(x)))))
    return bool(len(gaps)) and bool(np.isfinite(keras.ops.convert_to_numpy(model(x[gaps[:1]], training=False))).all())


def _is_array(value):
    return not isinstance(value, (list, tuple, dict)) and hasattr(value, "shape")


def _weights(model):
    if keras.backend.backend() == "jax" and getattr(model, "_jax_state", None):
        model.jax_state_sync()
    arrays = [np.array(keras.ops.convert_to_numpy(variable), "float32") for variable in model.trainable_variables]
    return blocks.split(model.trainable_variables, arrays)
