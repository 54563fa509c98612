"""A look at a compiled model and its data before any training: seconds that save hours."""

import contextlib
import functools

import keras
import numpy as np

from hornbook.training.diagnosis import examples, networks
from hornbook.training.diagnosis.diagnostics import Diagnostics
from hornbook.training.diagnosis.finding import Finding
from hornbook.training.diagnosis.rules import OF_WHOLE_TRAININGS, RULES, apply
from hornbook.training.diagnosis.rules.progress import HIGHEST_RATIO
from hornbook.training.diagnosis.rules.symptoms import Symptoms
from hornbook.training.optimization import unwrapped

_BATCH, _UPDATES = 32, 60  # One batch, and as many updates as most networks need to know it by heart.
_STEPS = [int(1.5**power) for power in range(40)]  # At which a schedule is asked for its rate: 1 to 7 millions.


class _OneBatch(Symptoms):
    """A batch that was learned by heart may have been so by steps that no training survives."""

    @functools.cached_property
    def poor(self):
        return self.stuck or (bool(len(self.update_ratios)) and float(np.nanmax(self.update_ratios)) > HIGHEST_RATIO)


def check(model, x, y, validation=None, options=None):
    """Whether a compiled model can learn from its data at all: one batch is learned by heart, and everything is put back.

    Looks at the scale of inputs, the range of labels, what outputs and loss are to each other, the loss before the first step, and whether
    gradients reach every layer; then trains on one batch of 32 examples for 60 updates with the model's own optimizer and asks whether the
    network has learned it. Weights, optimizer and metrics are afterwards what they were. Seconds, most of them for compiling the step.

    Args:
        model: compiled `keras.Model`.
        x, y: training examples as `fit` takes them, the more the better.
        validation: (x, y) of validation examples, to be compared with them; or None.
        options: dict of a recipe's options, for remedies as its flags; None: as Keras code.

    Returns:
        List of `Finding`, most pressing first, with remedies; empty where nothing stands out.

    Raises:
        ValueError: the model is not compiled, or does not take the examples.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training import check

    x, y = numpy.random.normal(size=(256, 8)), numpy.random.randint(3, size=256)
    model = keras.Sequential([keras.layers.Dense(16, "relu"), keras.layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy())  # Logits, which the loss takes for probabilities.
    assert "logits-as-probabilities" in [finding.problem for finding in check(model, x, y)]
    ```
    """
    whole, count = Diagnostics((x, y), validation), examples.length(y)
    places = examples.spaced(count, _BATCH)
    batch = [examples.slices(part, places) for part in (x, y)]
    watching = Diagnostics(tuple(batch), every=10)
    watching.set_model(model)  # Refuses what cannot be watched before anything is changed.
    if not model.built:
        model(keras.tree.map_structure(keras.ops.convert_to_tensor, batch[0]), training=False)
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    beyond = networks.beyond_outputs(model, *batch)
    if beyond:
        return [Finding("labels-out-of-range", "error", f"{beyond[0].upper()}{beyond[1:]}.").advised(options)]
    variables = [*model.variables, *model.optimizer.variables]
    kept = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    history, stopped = getattr(model, "history", None), getattr(model, "stop_training", False)
    try:
        with _soon_at_its_highest(unwrapped(model.optimizer)):
            model.fit(*batch, batch_size=len(places), epochs=_UPDATES, shuffle=False, verbose=0, callbacks=[watching])
    finally:
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)
        model.history, model.stop_training = history, stopped
        model.train_function = None
    record = watching.record
    record.facts = whole.facts_of(record, model)
    return apply([rule for rule in RULES if rule not in OF_WHOLE_TRAININGS], record, _OneBatch(record), options)


@contextlib.contextmanager
def _soon_at_its_highest(optimizer):
    """Replace an optimizer's schedule by a short rise to its highest rate: its own first 60 steps may be a rise that has hardly begun."""
    schedule = optimizer._learning_rate
    if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        yield
        return
    highest = max(float(keras.ops.convert_to_numpy(schedule(step))) for step in _STEPS)
    optimizer._learning_rate = keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=1, alpha=1.0, warmup_target=highest, warmup_steps=_UPDATES // 3
    )
    try:
        yield
    finally:
        optimizer._learning_rate = schedule
