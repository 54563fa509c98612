"""Training steps other than Keras' own: a model whose class has another one, and an optimizer that is given something else in it."""

import contextlib


def with_step(model, mixin, attributes):
    """Change a model's class, so that `fit` has the `train_step` of a mixin around the one that it had; its layers stay as they are.

    A mixin calls `super().train_step`, so several go together, the last one outermost. Each is there once: one that is there is replaced.

    Args:
        model: `keras.Model`, before or after `compile`.
        mixin: class with a `train_step`.
        attributes: dict of what the mixin finds in `self`; None: the mixin is taken away.

    Returns:
        The same model.

    Example:

    ```python
    import keras
    from hornbook.training.updates.steps import with_step

    class Counting:
        def train_step(self, *batch):
            self.seen["batches"] += 1
            return super().train_step(*batch)

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with_step(model, Counting, {"seen": {"batches": 0}}).compile("sgd", "mse", run_eagerly=True)
    model.fit(keras.ops.ones((8, 2)), keras.ops.ones((8, 1)), batch_size=4, verbose=0)
    print(model.seen)  # {'batches': 2}
    ```
    """
    mixins, kind = [], type(model)
    while "_beneath" in vars(kind):
        mixins.append((kind.__bases__[0], kind._told))
        kind = kind._beneath
    mixins = [one for one in mixins if one[0] is not mixin]
    if attributes is not None:
        mixins.insert(0, (mixin, attributes))
    # Classes of the same name, by which Keras writes the model to files.
    about = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    for one, told in reversed(mixins):
        kind = type(kind.__name__, (one, kind), {**told, **about, "_told": told, "_beneath": kind})
    model.__class__ = kind
    model.train_function = None  # Keras keeps the compiled function of a fit before.
    return model


def compile_again(model):
    """Have a `fit` that runs compile its step anew, since something has changed that it read when it was compiled; as of a callback.

    What watches the train function, as the diagnosis does, goes on watching.
    """
    watching = model.train_function
    model.make_train_function(force=True)
    if hasattr(watching, "instead"):
        watching.instead(model.train_function)
        model.train_function = watching


@contextlib.contextmanager
def instead_of(optimizer, name, replacement):
    """Call `replacement(original, ...)` in place of a method within the block; what watches the optimizer sees what it is given."""
    original, watching = getattr(optimizer, name), vars(optimizer).get(name)

    def replaced(*args, **options):
        return replacement(original, *args, **options)

    setattr(optimizer, name, replaced)
    try:
        yield
    finally:
        delattr(optimizer, name)
        if watching is not None:
            setattr(optimizer, name, watching)
