"""The rules: what each problem shows itself by, its thresholds and their sources. One file a group of problems.

A rule is a function `(record, symptoms)` that yields findings. The order below is that of causes: what is wrong with the data explains what
the gradients do, not the other way round, so what comes first is to be mended first.
"""

from hornbook.training.diagnosis.finding import SEVERITIES
from hornbook.training.diagnosis.rules import generalisation, progress, setup, start
from hornbook.training.diagnosis.rules.remedies import of_problem
from hornbook.training.diagnosis.rules.symptoms import Symptoms

RULES = (
    progress.batch_too_small,
    *setup.RULES,
    *generalisation.EARLY_RULES,
    start.certain_at_first,
    start.initialization,
    generalisation.capacity,
    progress.learning_rate_too_high,
    progress.lost,
    progress.hardly_any_updates,
    progress.clipping,
    start.exploding,
    start.dead_relus,
    start.saturated,
    start.gradients_in_depth,
    progress.learning_rate_too_low,
    start.gradients_in_time,
    start.deep_and_plain,
    progress.running_statistics,
    generalisation.rare_class,
    progress.too_few_updates,
    progress.metric_cannot_move,
    *generalisation.RULES,
    *setup.LATE_RULES,
)
# What can be said after a few updates: whatever the options are, a network has learned next to nothing by then, and what one makes of
# that, or of the first losses, would be said of sound trainings, too.
OF_FEW_UPDATES = (
    progress.batch_too_small,
    *setup.RULES,
    *generalisation.EARLY_RULES,
    start.certain_at_first,
    start.initialization,
    progress.extreme_rate,
    progress.hardly_any_updates,
    start.exploding,
    generalisation.overfitting,
    *setup.LATE_RULES,
)
# What a few steps on one batch say nothing of.
OF_WHOLE_TRAININGS = (
    progress.batch_too_small,
    generalisation.capacity,
    progress.hardly_any_updates,
    progress.running_statistics,
    generalisation.rare_class,
    progress.too_few_updates,
    progress.metric_cannot_move,
    *generalisation.RULES,
)
# What is known before the first step, from the examples and the untrained network.
BEFORE = (
    setup.inputs_not_finite,
    setup.labels_out_of_range,
    setup.outputs_and_loss,
    setup.constant_features,
    generalisation.overlap,
    generalisation.shift,
)
PROBLEMS = (
    "not-finite", "labels-out-of-range", "softmax-twice", "logits-as-probabilities", "constant-features", "duplicate-features",
    "no-gradient", "frozen-layers", "unscaled-inputs", "shuffled-labels", "label-noise", "validation-overlap", "validation-shift",
    "initialization-too-small", "initialization-too-large", "exploding-gradients", "vanishing-gradients", "missing-normalization",
    "saturated-activations", "dead-relus", "no-warmup", "learning-rate-too-high", "learning-rate-too-low", "clipping-always",
    "too-few-updates", "running-statistics-lag", "batch-too-small", "metric-cannot-move", "rare-class-ignored", "underfitting",
    "overfitting", "constant-predictions", "not-learned",
)  # fmt: skip


def diagnose(record, options=None):
    """What went wrong in a training: list of `Finding`, most pressing first; empty where nothing did.

    Args:
        record: `Record`, of a `Diagnostics` callback after `fit`.
        options: dict of a recipe's options: remedies are flags that it has and the run has not followed. None: lines of Keras code.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training import Diagnostics, diagnose

    inputs, targets = numpy.random.normal(size=(256, 3)), numpy.random.randint(2, size=256)
    model = keras.Sequential([keras.layers.Dense(16, "relu"), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    watching = Diagnostics(probe=(inputs, targets))
    model.fit(inputs, targets, epochs=3, callbacks=[watching], verbose=0)
    print([finding.problem for finding in diagnose(watching.record)])
    ```
    """
    if not record.epochs or not record.looks:
        return []
    symptoms = Symptoms(record)
    return apply(OF_FEW_UPDATES if symptoms.hardly_begun else RULES, record, symptoms, options)


def errors_before(record, options=None):
    """The errors that are known before the first step, in examples and set-up: list of `Finding`; arguments as of `diagnose`."""
    found = apply(BEFORE, record, Symptoms(record), options)
    return [finding for finding in found if finding.severity == "error"]


def apply(rules, record, symptoms, options):
    """What rules find in a record, most pressing first, with remedies: list of `Finding`.

    Args:
        rules: some of `RULES`, in their order.
        record, options: as of `diagnose`.
        symptoms: `Symptoms` of the record.
    """
    found = [finding for rule in rules for finding in rule(record, symptoms)]
    if not found and rules is not OF_FEW_UPDATES:
        found = list(generalisation.not_learned(record, symptoms))
    ordered = sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))
    return [finding.advised(options, of_problem(finding.problem, record, options)) for finding in ordered]
