"""What an answer of any Keras model rests on: a number for each place of the input, by one of several methods."""

import dataclasses

import keras
import numpy as np

from hornbook import UserError, terminal
from hornbook.inference.explain import grad_cam, layers, paths, rollout
from hornbook.inference.explain.shapley import of_rows
from hornbook.training.gradients import Gradient, outputs_of

METHODS = ("gradients", "integrated_gradients", "smoothgrad", "grad_cam", "attention_rollout", "shapley")
_OTHERWISE = "pass --method integrated_gradients"
SIGNED = ("integrated_gradients", "shapley")
"""The methods whose numbers tell what speaks against a class from what speaks for it; those of the others only how much a place matters."""


@dataclasses.dataclass(frozen=True)
class Explanation:
    """Attributions of a batch of inputs.

    Attributes:
        method: one of `METHODS`.
        target: int array `(batch,)`, the class of each that is explained.
        attributions: float32 array like the inputs; of tokens `(batch, time)`; of Grad-CAM and of attention without the axis of channels.
        heat: float32 array, a number for each place that is shown: of images `(batch, height, width)`, of series, tokens `(batch, time)`,
            of rows `(batch, columns)`. Integrated gradients and Shapley values are added over channels, of gradients the largest counts.
        gaps: of integrated gradients, how much of the difference between input and baseline the attributions do not add up to, as a share
            of it, float array `(batch,)`; else None.
    """

    method: str
    target: np.ndarray
    attributions: np.ndarray
    heat: np.ndarray
    gaps: np.ndarray | None = None


def explain(model, x, method="integrated_gradients", *, target=None, baseline=None, steps=32, samples=32, noise=0.15, seed=0):
    """What the answers of a Keras model rest on.

    Args:
        model: any `keras.Model` of one input, under any backend, with outputs `(batch, outputs)`. Logits are better than probabilities,
            whose gradients vanish where the network is sure.
        x: array `(batch, ...)` as the model takes it: images `(batch, height, width, channels)`, series `(batch, steps, features)`, rows
            `(batch, columns)`, or int tokens `(batch, time)`, of which 0 is padding.
        method: one of `METHODS`. "gradients" (Simonyan et al. 2014), "integrated_gradients" (Sundararajan et al. 2017), "smoothgrad"
            (Smilkov et al. 2017), of tokens with respect to their embeddings; "grad_cam" (Selvaraju et al. 2017), of images and series;
            "attention_rollout" (Abnar & Zuidema 2020), of networks with attention; "shapley" (Štrumbelj & Kononenko 2014), of rows.
        target: int or int array `(batch,)`, the output to explain; None: the largest of each. Of a model with one output, 1 is that output
            and 0 its negative.
        baseline: of "integrated_gradients", what stands for "nothing is there": a number or array that broadcasts to x; of "shapley", rows
            `(rows, columns)` whose values stand in for columns that are left out. None: 0; of tokens, vectors of zeros.
        steps: of "integrated_gradients", at least; see `paths.integrated`.
        samples: of "smoothgrad", and of "shapley" orders of the columns.
        noise: of "smoothgrad", see `paths.smooth`.
        seed: of the noise, or the orders.

    Returns:
        `Explanation`.

    Raises:
        UserError: the method is not for this network.

    Example:
    ```python
    import keras, numpy
    from hornbook.inference.explain import explain

    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(2)])
    found = explain(model, numpy.random.rand(3, 4, 4, 1), method="integrated_gradients")
    assert found.heat.shape == (3, 4, 4)
    ```
    """
    found = Explainer(model, method, baseline=baseline, steps=steps, samples=samples, noise=noise, seed=seed)
    return found(x, target)


class Explainer:
    """`explain` for one batch after the other, compiled once; the model's weights may be changed between two calls.

    Args:
        model, method, baseline, steps, samples, noise, seed: as of `explain`.

    Raises:
        UserError: there is no such method.
    """

    def __init__(self, model, method, *, baseline=None, steps=32, samples=32, noise=0.15, seed=0):
        if method not in METHODS:
            raise UserError(f"no method {method!r}; accepted are {terminal.accepted(METHODS, method)}")
        self.model, self.method, self.steps, self.samples, self.noise, self.seed = model, method, steps, samples, noise, seed
        self.baseline, self._gradient = baseline, None

    def __call__(self, x, target=None, baseline=None):
        """The `Explanation` of inputs.

        Args:
            x, target: as of `explain`.
            baseline: of these inputs; None: the explainer's.
        """
        x = _checked(self.model, x)
        if target is None or np.ndim(target) == 0:
            target = _targets(self.model, x, target)
        return {"attention_rollout": self._rollout, "grad_cam": self._grad_cam, "shapley": self._shapley}.get(
            self.method, self._by_gradients
        )(x, np.asarray(target, np.int32), self.baseline if baseline is None else baseline)

    def _rollout(self, x, target, baseline):
        found = rollout.attention_rollout(self.model, x)
        return Explanation(self.method, target, found, found)

    def _grad_cam(self, x, target, baseline):
        if x.ndim not in (3, 4):
            raise UserError(f"grad_cam is for images and series, and {self.model.name!r} takes {x.shape[1:]}; {_OTHERWISE}")
        found = grad_cam.grad_cam(self._gradient_of(lambda: grad_cam.last_map(self.model, x)), x, target, x.shape[1:-1])
        return Explanation(self.method, target, found, found)

    def _shapley(self, x, target, baseline):
        if x.ndim != 2 or not _is_float(x):
            raise UserError(f"shapley is for rows of columns, and {self.model.name!r} takes {x.dtype} {x.shape[1:]}; {_OTHERWISE}")
        rows = np.atleast_2d(np.float32(0 if baseline is None else baseline))
        found = of_rows(lambda one, target: scores_of(self.model.predict_on_batch(one), target), x, target, rows, self.samples, self.seed)
        return Explanation(self.method, target, found, found)

    def _by_gradients(self, x, target, baseline):
        tokens, gaps = not _is_float(x), None
        gradient = self._gradient_of((lambda: layers.token_embedding(self.model, x)) if tokens else None)
        at = outputs_of(self.model, gradient.layer, x) if tokens else None
        if self.method == "integrated_gradients":
            start = np.broadcast_to(np.float32(0 if baseline is None else baseline), np.shape(x if at is None else at))
            found, gaps = paths.integrated(gradient, x, target, start, at, steps=self.steps)
        elif self.method == "smoothgrad":
            found = paths.smooth(gradient, x, target, at, samples=self.samples, noise=self.noise, seed=self.seed)
        else:
            found = paths.plain(gradient, x, target, at)
        found = np.nan_to_num(found)  # Padding of series.
        if self.method in SIGNED:
            heat = found.sum(axis=-1) if found.ndim > 2 else found
        else:
            heat = np.abs(found).max(axis=-1) if found.ndim > 2 else np.abs(found)
        if tokens:
            found = heat = heat * (x != 0)
        return Explanation(self.method, target, found, heat, gaps)

    def _gradient_of(self, find):
        """The compiled gradient with respect to the layer that `find` gives, or to the inputs."""
        if self._gradient is None:
            self._gradient = Gradient(self.model, paths.class_score, None if find is None else find())
        return self._gradient


def scores_of(outputs, target):
    """`paths.class_score` of arrays: float array `(batch,)`."""
    return keras.ops.convert_to_numpy(paths.class_score(keras.ops.convert_to_tensor(outputs), keras.ops.convert_to_tensor(target)))


def _is_float(x):
    return np.issubdtype(x.dtype, np.floating)


def _checked(model, x):
    """The inputs as the model takes them, an array."""
    inputs = getattr(model, "inputs", None)
    if inputs is not None and len(inputs) != 1:
        raise UserError(f"{model.name!r} takes {len(inputs)} inputs; explained are models of one")
    x = np.asarray(x)
    if inputs:
        [received] = inputs
        x = x.astype(received.dtype if np.issubdtype(x.dtype, np.number) else x.dtype)
        if len(x.shape) != len(received.shape) or any(
            size not in (None, there) for size, there in zip(received.shape, x.shape, strict=True)
        ):
            raise UserError(f"{model.name!r} takes inputs of shape {tuple(received.shape)}, got {x.shape}")
    if not len(x):
        raise UserError("there is no input to explain: x has no examples")
    return x.astype(np.float32) if _is_float(x) else x


def _targets(model, x, target):
    """The output of each example that is explained."""
    outputs = keras.ops.convert_to_numpy(model(keras.ops.convert_to_tensor(x), training=False))
    if outputs.ndim != 2:
        raise UserError(f"explained are models with outputs (batch, outputs), and this one has {outputs.shape}")
    if target is None:
        return (outputs[:, 0] > 0) if outputs.shape[1] == 1 else outputs.argmax(axis=1)
    if not 0 <= target < max(2, outputs.shape[1]):
        raise UserError(f"target must be in 0 to {max(2, outputs.shape[1]) - 1} for {outputs.shape[1]} outputs, got {target}")
    return np.full(len(x), target)
