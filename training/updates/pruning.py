"""Magnitude pruning: the smallest weights become 0 while the network trains, and stay so."""

import keras
import numpy as np

from hornbook import UserError
from hornbook.training.updates.steps import instead_of, with_step

SCOPES = ("global", "layer")
_ALMOST_0 = 1e-30


def prunable(model):
    """The trainable variables that pruning makes sparse: kernels and tables of embeddings, all that have two axes or more."""
    return [variable for variable in model.trainable_variables if len(variable.shape) > 1]


def share_of_zeros(variables):
    """The share of a list of variables' numbers that are 0; 0 of none.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.updates import pruning

    print(pruning.share_of_zeros([keras.Variable(numpy.array([[0.0, 1.0]]))]))  # 0.5
    ```
    """
    total = sum(int(np.prod(variable.shape)) for variable in variables)
    return sum(int((_array(variable) == 0).sum()) for variable in variables) / total if total else 0.0


def keep_zeros(model):
    """Have `fit` of a model leave every weight at 0 that is 0, whatever the optimizer.

    Of the variables of two axes or more. Zeros are the only mask: they are in the saved model and in every checkpoint, so a training that
    is resumed goes on with the same ones. Momentum and weight decay act on the others alone.

    Args:
        model: `keras.Model`, compiled or not; it is changed in its class alone, as by `sharpness_aware`, with which it goes together.

    Returns:
        The same model.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.updates import pruning

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    model.layers[0].kernel.assign(numpy.eye(3, 4))
    pruning.keep_zeros(model).compile("adam", "mse")
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 4)), verbose=0)
    print(pruning.share_of_zeros([model.layers[0].kernel]))  # 0.75
    ```
    """
    return with_step(model, _KeepsZeros, {})


class _KeepsZeros:
    """A training step after which what was 0 is 0 again."""

    def train_step(self, *args):
        backend = keras.backend.backend()
        with instead_of(self.optimizer, *(("stateless_apply", _in_jax) if backend == "jax" else ("apply", _in_place))):
            return super().train_step(*args)


def _in_place(original, gradients, variables=None):
    variables = list(variables)
    pruned = [(variable, _kept(variable)) for variable in variables if len(variable.shape) > 1]
    result = original(gradients, variables)
    for variable, kept in pruned:
        variable.assign(variable * kept)
    return result


def _in_jax(original, optimizer_variables, gradients, trainable):
    after, *rest = original(optimizer_variables, gradients, trainable)
    return [new * _kept(old) if old.ndim > 1 else new for new, old in zip(after, trainable, strict=True)], *rest


def _kept(values):
    """1 where a weight is left, 0 where it was pruned."""
    return keras.ops.cast(keras.ops.not_equal(values, 0), values.dtype)


class KeptZeros(keras.callbacks.Callback):
    """Of a model with zeros that stay: what is said of it, and what it is once it is trained."""

    @property
    def told(self):
        """For `result.json`: how many weights can be pruned, and the share of them that is 0."""
        variables = prunable(self.model)
        weights = sum(int(np.prod(variable.shape)) for variable in variables)
        return {"pruned": {"weights": weights, "share": round(share_of_zeros(variables), 6)}}

    def finished(self, model):
        """The model as it is saved, once it is trained: the same."""
        return model


class GradualPruning(KeptZeros):
    """Prune a model by magnitude, a little more before each epoch (Zhu and Gupta 2017, equation 1).

    The share of zeros is `final * (1 - (1 - t) ** 3)`, t running from 0 to 1 between two epochs: fast while much can be left out, slowly
    towards the end. What remains of the training lets the others make up for it. The model must keep its zeros, see `keep_zeros`.

    Args:
        final: share of the weights that are 0 at the end, from 0 to below 1.
        epochs: of the whole training.
        begin, end: shares of the epochs between which the share grows. 0.2: the network has learned which weights are large; 0.7: a third
            of the training is left for those that remain, when learning rates are small.
        scope: "global": the smallest of all weights, wherever they are, which loses less than equal shares (Blalock et al. 2020); "layer":
            the same share of each variable.

    Raises:
        UserError: a share that is not one.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.updates import pruning

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(64)])
    pruning.keep_zeros(model).compile("adam", "mse")
    callbacks = [pruning.GradualPruning(0.75, epochs=5)]
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 64)), epochs=5, callbacks=callbacks, verbose=0)
    print(pruning.share_of_zeros(pruning.prunable(model)))  # 0.75
    ```
    """

    def __init__(self, final, epochs, begin=0.2, end=0.7, scope="global"):
        super().__init__()
        check_share(final, "weights")
        if scope not in SCOPES:
            raise UserError(f"the scope of pruning must be one of {', '.join(SCOPES)}, got {scope!r}")
        self.final, self.scope = final, scope
        last = max(0, epochs - 1)
        self.begin, self.end = min(round(begin * epochs), last), min(max(1, round(end * epochs)), last)

    def share(self, epoch):
        """The share of zeros while an epoch, from 0, is trained."""
        if epoch < self.begin:
            return 0.0
        through = 1.0 if epoch >= self.end else (epoch + 1 - self.begin) / (self.end + 1 - self.begin)
        return self.final * (1 - (1 - through) ** 3)

    def on_epoch_begin(self, epoch, logs=None):
        variables = prunable(self.model)
        if epoch <= self.begin:  # Nothing was pruned yet.
            wake(variables)
        prune(variables, self.share(epoch), self.scope)


def prune_as(model, other, name="the other network"):
    """Make the weights 0 that are 0 in another network of the same layers, and no others; `keep_zeros` has them stay so.

    With the weights that a network began with and the zeros that it ended with, it is a lottery ticket (Frankle and Carbin 2019).

    Args:
        model: `keras.Model`.
        other: `keras.Model` that was pruned, with layers of the same names and shapes in it, and possibly more.
        name: what a message calls it.

    Raises:
        UserError: a layer is not there, has another shape, or nothing is 0.

    Example:
    ```python
    from hornbook import models
    from hornbook.training.updates import pruning

    trained, fresh = (models.mlp((8,), 3, width=16) for _ in range(2))
    pruning.prune(pruning.prunable(trained), 0.75)  # Which follows its training.
    pruning.prune_as(fresh, trained)
    print(pruning.share_of_zeros(pruning.prunable(fresh)))  # 0.75
    ```
    """
    there = {}
    for variable in other.weights:
        there.setdefault(_named(variable), []).append(variable)
    pairs = []
    for variable in prunable(model):
        found = there.get(_named(variable))
        if not found or found[0].shape != variable.shape:
            shape = f"of shape {tuple(found[0].shape)}" if found else "not"
            raise UserError(
                f"{name} has {_named(variable)} {shape}, and the network here of shape {tuple(variable.shape)}; both must be alike"
            )
        pairs.append((variable, _array(found.pop(0))))
    if all(values.all() for _, values in pairs):
        raise UserError(f"{name} has no weights that are 0; pass one that was trained with --prune")
    wake(variable for variable, _ in pairs)
    for variable, values in pairs:
        variable.assign(np.where(values == 0, 0, _array(variable)).astype(values.dtype))


def _named(variable):
    """The last layer and the name in a variable's path: what is before depends on what the network was made a part of."""
    return "/".join(variable.path.split("/")[-2:])


def prune(variables, share, scope="global"):
    """Make the smallest weights 0.

    Args:
        variables: `keras.Variable`s.
        share: of all their numbers that are 0 afterwards, those that were 0 before among them; where more were, they stay.
        scope: "global" or "layer", as of `GradualPruning`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.updates import pruning

    kernel = keras.Variable(numpy.array([[0.1, -3.0], [-0.2, 2.0]]))
    pruning.prune([kernel], 0.5)
    print(kernel.numpy())  # [[0, -3], [0, 2]]
    ```
    """
    arrays = [_array(variable) for variable in variables]
    groups = [range(len(arrays))] if scope == "global" else [[place] for place in range(len(arrays))]
    for places in groups:
        sizes = np.concatenate([abs(arrays[place]).ravel() for place in places]) if places else np.empty(0)
        count = round(share * len(sizes))
        if count <= (sizes == 0).sum():
            continue
        # By place among equals, so that exactly so many are pruned.
        pruned = np.zeros(len(sizes), bool)
        pruned[np.argsort(sizes, kind="stable")[:count]] = True
        start = 0
        for place in places:
            size = arrays[place].size
            mask = pruned[start : start + size].reshape(arrays[place].shape)
            variables[place].assign(np.where(mask, 0, arrays[place]).astype(arrays[place].dtype))
            start += size


def check_share(share, of):
    """Refuse what is no share to prune, of "weights" or "channels"."""
    if not 0 <= share < 1:
        raise UserError(f"the share of {of} to prune must be at least 0 and below 1, got {share}")


def wake(variables):
    """Make weights that begin at 0, as those of Fixup do, the smallest that are not, so that they are not taken for pruned ones."""
    for variable in variables:
        values = _array(variable)
        if (values == 0).any():
            variable.assign(np.where(values == 0, _ALMOST_0, values).astype(values.dtype))


def _array(variable):
    return keras.ops.convert_to_numpy(variable)
