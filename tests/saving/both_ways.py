"""What a model says and learns, to compare before and after a file."""

import numpy as np

from tests.saving import zoo

PREDICTIONS, LOSSES = 1e-5, 1e-4  # relative differences allowed, between packages
STEPS = 3
CASES = {
    **zoo.MODELS,
    **{f"optimizer {name}": zoo.with_optimizer(name) for name in zoo.OPTIMIZERS},
}


def made(keras, case):
    """A model with fixed weights after two steps, and its batch."""
    model, x, y = CASES[case](keras)
    zoo.with_seed(model)
    learnt(model, x, y, 2)
    return model, x, y


def learnt(model, x, y, steps=STEPS):
    """The losses of the next steps."""
    losses = []
    for _ in range(steps):
        model.reset_metrics()
        found = model.train_on_batch(x, y)
        found = found[0] if isinstance(found, (list, tuple)) else found
        losses.append(float(np.asarray(found)))
    return losses


def said(model, x):
    """Predictions as a list of float64 arrays."""
    found = model.predict(x, verbose=0)
    if isinstance(found, dict):
        found = [found[key] for key in sorted(found)]
    found = found if isinstance(found, (list, tuple)) else [found]
    return [np.asarray(array, "float64") for array in found]


def check(case, model, x, y, predictions, losses):
    """The model says `predictions` and its next losses are `losses`."""
    loose = 500 if case == "mixed" else 1  # sums in 16 bits differ between packages
    for got, want in zip(said(model, x), predictions, strict=True):
        scale = np.abs(want).max() + 1e-9
        np.testing.assert_allclose(got / scale, want / scale, 0, PREDICTIONS * loose)
    np.testing.assert_allclose(learnt(model, x, y, len(losses)), losses, LOSSES * loose)
