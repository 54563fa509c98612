"""A model builder and a space as KerasTuner's `HyperModel`, for those who use a `keras_tuner` tuner without the recipes."""

import inspect

import keras
import keras_tuner

from hornbook.training import optimization


def hypermodel(builder, space, *, loss=None, metrics=("accuracy",)):
    """What any `keras_tuner` tuner takes: a builder's options, and those of compiling, chosen by a space.

    Args:
        builder: function of keyword options to an uncompiled `keras.Model`, such as
            `functools.partial(hornbook.models.resnet, (32, 32, 3), 10)`.
        space: function `hp -> dict`, such as `hornbook.tuning.spaces.resnet`. `optimizer`, `learning_rate` and `weight_decay` among its
            options are for compiling, all others for the builder; without them it is compiled with adamw at 0.003.
        loss: of `compile`. Default: sparse categorical cross-entropy of logits, which the zoo's models return.
        metrics: of `compile`.

    Returns:
        A `keras_tuner.HyperModel`.

    Raises:
        ValueError: the space has an option that the builder does not take, when a model is built.

    Example:
        ```python
        import functools, keras_tuner, numpy, tempfile
        from hornbook import models
        from hornbook.tuning import hypermodel, spaces

        def space(hp):
            return {**spaces.mlp(hp, only=("width",)), **spaces.training(hp, only=("learning_rate",))}

        model = hypermodel(functools.partial(models.mlp, (4,), 2), space)
        tuner = keras_tuner.RandomSearch(model, "val_loss", max_trials=1, directory=tempfile.mkdtemp())
        inputs, labels = numpy.ones((8, 4)), numpy.array([0, 1] * 4)
        tuner.search(inputs, labels, validation_data=(inputs, labels), epochs=1, verbose=0)
        ```
    """
    return _HyperModel(builder, space, loss, metrics)


class _HyperModel(keras_tuner.HyperModel):
    def __init__(self, builder, space, loss, metrics):
        super().__init__()
        self.builder, self.space, self.loss, self.metrics = builder, space, loss, metrics

    def build(self, hp):
        options = dict(self.space(hp))
        compiling = {name: options.pop(name) for name in ("optimizer", "learning_rate", "weight_decay") if name in options}
        taken = inspect.signature(self.builder).parameters
        unknown = sorted(options.keys() - taken.keys())
        if unknown and not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in taken.values()):
            raise ValueError(f"the space has an option {unknown[0]!r} that the builder does not take; it takes {', '.join(taken)}")
        model = self.builder(**options)
        optimizer = optimization.optimizer(
            compiling.get("optimizer", "adamw"), compiling.get("learning_rate", 3e-3), weight_decay=compiling.get("weight_decay", 0.0)
        )
        loss = self.loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss, metrics=list(self.metrics))
        return model
