"""Attacks that follow the gradient of what they make large: one step (FGSM), and many within a box (PGD). Tensors in and out."""

import keras

from hornbook.training.adversarial import within

# Of the radius, all steps together: Madry et al. (2018, section 5.1 and appendix) take steps of 2.5 * radius / steps, which can reach any
# side of the box from any other.
_REACH = 2.5


def step_share(steps):
    """The usual size of a step, as a share of the radius: all of it for one, else 2.5 / steps (Madry et al. 2018).

    Example:
    ```python
    from hornbook.training.adversarial import gradient_attacks

    assert gradient_attacks.step_share(10) == 0.25
    ```
    """
    return 1.0 if steps == 1 else _REACH / steps


def ascended(objective, x, start, box, *, steps=1, share=None):
    """Inputs moved by steps along the sign of a gradient, each of which ends in the box: projected gradient ascent.

    One step from the inputs themselves is the fast gradient sign method (Goodfellow et al. 2015, section 4); more, from a random place in
    the box, are PGD (Madry et al. 2018, section 2.1).

    Args:
        objective: function of inputs to one number, a sum over the examples, which is to become large.
        x: float tensor `(batch, ...)`. What is NaN in it stays.
        start: tensor like x, where the first step begins; in the box.
        box: `box.Box`; its radius fits x.
        steps: how many.
        share: size of a step, as a share of the radius; None: `step_share(steps)`.

    Returns:
        A tensor like x.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.adversarial import gradient_attacks
    from hornbook.training.adversarial.box import Box

    x = keras.ops.ones((1, 2))
    found = gradient_attacks.ascended(lambda at: keras.ops.sum(at * numpy.array([2.0, -1.0])), x, x, Box(numpy.float32(0.1)))
    assert numpy.allclose(keras.ops.convert_to_numpy(found), [[1.1, 0.9]])
    ```
    """
    ops = keras.ops
    radius = ops.convert_to_tensor(box.radius, dtype=x.dtype)
    size = radius * (step_share(steps) if share is None else share)

    def moved(_, at):
        gradient = within.of_tensor(objective, at)
        # Of what is NaN the gradient is NaN; so it would be of a network that overflows, which then stays where it is.
        gradient = ops.where(ops.isnan(gradient), ops.zeros_like(gradient), gradient)
        return box.clipped(at + size * ops.sign(gradient), x)

    if steps == 1:
        return ops.stop_gradient(moved(0, start))
    return ops.stop_gradient(ops.fori_loop(0, steps, moved, start))
