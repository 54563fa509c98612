"""What a network resists while it is trained: validation examples under FGSM and PGD after each epoch."""

import keras
import numpy as np

from hornbook.training.adversarial.attacks import Attacker

ONE_STEP, MANY_STEPS = "val_fgsm_accuracy", "val_pgd_accuracy"
"""The columns of the history."""
_STEPS = 10


class RobustAccuracy(keras.callbacks.Callback):
    """Add to the logs of an epoch the accuracy of some examples under one step and under ten: `val_fgsm_accuracy`, `val_pgd_accuracy`.

    Where the first stays high and the second falls to nothing, the training overfits catastrophically (Wong et al. 2020, section 5.4): the
    network resists the attack that it was trained on alone. Put it before callbacks that read logs. It draws the same starts every time.

    Args:
        x: float array `(examples, ...)`, a few hundred.
        labels: int array `(examples,)`.
        box: `box.Box`.
        seed: of PGD's starts.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.adversarial.box import Box
    from hornbook.training.adversarial.watching import RobustAccuracy

    x, labels = numpy.random.rand(64, 4).astype("float32"), numpy.arange(64) % 2
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    watched = RobustAccuracy(x, labels, Box(numpy.float32(0.1), 0.0, 1.0))
    history = model.fit(x, labels, callbacks=[watched], verbose=0).history
    assert history["val_pgd_accuracy"] <= history["val_fgsm_accuracy"]
    ```
    """

    def __init__(self, x, labels, box, *, seed=0):
        super().__init__()
        self.x, self.labels, self.box, self.seed = x, labels, box, seed
        self._attacker = None

    def on_epoch_end(self, epoch, logs=None):
        if keras.backend.backend() == "jax" and getattr(self.model, "_jax_state", None):
            self.model.jax_state_sync()
        if self._attacker is None:
            self._attacker = Attacker(self.model, seed=self.seed)
        attacker = self._attacker
        right = attacker.is_right(attacker.fgsm(self.x, self.labels, self.box), self.labels)
        # What one step moves over the line, several may move back.
        many = right & attacker.is_right(attacker.pgd(self.x, self.labels, self.box, steps=_STEPS), self.labels)
        if logs is not None:
            logs |= {ONE_STEP: float(np.mean(right)), MANY_STEPS: float(np.mean(many))}
