"""What keras gives for the cases: values, and gradients by the predictions."""

import numpy as np

from tests.losses.cases import CASES, case_name, inputs, reduced_values, spread


def make(keras):
    """Values and gradients of every case, by name."""
    made = {}
    for case in CASES:
        made[case_name(case)] = reduced_values(keras.losses, case)
        made["grad-" + case_name(case)] = gradient(keras, case)
    return made


def gradient(keras, case):
    """The gradient of the summed loss by the predictions."""
    import jax

    name, kwargs, kind = case
    y_true, y_pred, weights = inputs(kind)
    loss = getattr(keras.losses, name)(reduction="sum", **kwargs)
    weights = spread(weights, loss.call(y_true, y_pred))
    return np.asarray(
        jax.grad(lambda p: loss(y_true, p, sample_weight=weights))(y_pred)
    )
