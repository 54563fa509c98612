"""A look at a compiled model and its data before any training: seconds that save hours."""

import functools

import keras
import numpy as np

from hornbook.training.diagnosis import examples
from hornbook.training.diagnosis.diagnostics import Diagnostics
from hornbook.training.diagnosis.rules import OF_WHOLE_TRAININGS, RULES, apply
from hornbook.training.diagnosis.rules.progress import HIGHEST_RATIO, learning_rate_too_low
from hornbook.training.diagnosis.rules.symptoms import Symptoms

_BATCH, _UPDATES = 32, 60  # One batch, and as many updates as most networks need to know it by heart.


class _OneBatch(Symptoms):
    """A batch that was learned by heart may have been so by steps that no training survives."""

    @functools.cached_property
    def poor(self):
        return self.stuck or (bool(len(self.update_ratios)) and float(np.nanmax(self.update_ratios)) > HIGHEST_RATIO)


def check(model, x, y, validation=None):
    """Whether a compiled model can learn from its data at all: one batch is learned by heart, and everything is put back.

    Looks at the scale of inputs, the range of labels, what outputs and loss are to each other, the loss before the first step, and whether
    gradients reach every layer; then trains on one batch of 32 examples for 60 updates with the model's own optimizer and asks whether the
    network has learned it. Weights, optimizer and metrics are afterwards what they were. Seconds, most of them for compiling the step.

    Args:
        model: compiled `keras.Model`.
        x, y: training examples as `fit` takes them, the more the better.
        validation: (x, y) of validation examples, to be compared with them; or None.

    Returns:
        List of `Finding`, most pressing first, with remedies as Keras code; empty where nothing stands out.

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
    places = np.linspace(0, count - 1, min(count, _BATCH)).round().astype(int)
    batch = [examples.slices(part, places) for part in (x, y)]
    watching = Diagnostics(tuple(batch), every=10)
    watching.set_model(model)  # Refuses what cannot be watched before anything is changed.
    if not model.built:
        model(keras.tree.map_structure(keras.ops.convert_to_tensor, batch[0]), training=False)
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    kept = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    history, stopped = getattr(model, "history", None), getattr(model, "stop_training", False)
    try:
        model.fit(*batch, batch_size=len(places), epochs=_UPDATES, shuffle=False, verbose=0, callbacks=[watching])
    finally:
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)
        model.history, model.stop_training = history, stopped
        model.train_function = None
    record = watching.record
    record.facts = whole.facts_of(record)
    left_out = OF_WHOLE_TRAININGS
    if record.optimizer["scheduled"]:  # A schedule that begins at 0 has no rate yet.
        left_out = (*left_out, learning_rate_too_low)
    return apply([rule for rule in RULES if rule not in left_out], record, _OneBatch(record), None)
