"""What keras on JAX logs for every case, by `tests/goldens/make.py oracle`."""

import numpy as np

from tests.oracle.cases import CASES, train


def make(keras):
    """Values `(steps + 1, names)` and their names, by case."""
    made = {}
    for model, optimizer in CASES:
        names, values = train(keras, model, optimizer)
        made[f"{model}-{optimizer}"] = values
        made[f"{model}-names"] = np.array(names)
    return made
