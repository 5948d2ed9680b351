"""The variables of optimizers that Keras 2 stored, and those that it had none of.

The learning rate was a number, Nadam's product of decays was made anew in every process, and
Adafactor kept no rows and columns of vectors. (Measured with 2.15.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.optimizers.optimizer import Optimizer

_ALL_FACTORS = 10_000  # of Nadam's product, which is 0 in any float long before


def stored(optimizer: object) -> list[Variable]:
    """The variables that Keras 2 stored as well, in today's order."""
    absent = {id(v) for v in _absent(optimizer)}
    return [v for v in getattr(optimizer, "variables", ()) if id(v) not in absent]


def _absent(optimizer: object) -> list[Variable]:
    known = [
        getattr(optimizer, name, None) for name in ("_learning_rate", "_u_product")
    ]
    sums = [v for name in ("_r", "_c") for v in getattr(optimizer, name, ())]
    known += [v for v in sums if v.dtype == "int32"]  # stand-ins for vectors
    return [v for v in known if isinstance(v, Variable)]


def completed(
    optimizer: Optimizer, found: list[np.ndarray[Any, Any]], steps: int
) -> list[np.ndarray[Any, Any]]:
    """An array for each of the optimizer's variables.

    Args:
        optimizer: A built optimizer.
        found: Arrays of the `stored` variables.
        steps: How many steps were made.

    Returns:
        These, with what the others would be after so many steps between them.
    """
    theirs = {id(v): a for v, a in zip(stored(optimizer), found, strict=True)}
    own = [theirs.get(id(v)) for v in optimizer.variables]
    product = getattr(optimizer, "_u_product", None)
    return [
        array
        if array is not None
        else product_of_decays(optimizer, steps)
        if variable is product
        else variable.numpy()
        for variable, array in zip(optimizer.variables, own)
    ]


def product_of_decays(optimizer: Any, steps: int) -> np.ndarray[Any, Any]:
    """What Nadam has multiplied after so many steps (Dozat 2015, section 2)."""
    step = np.arange(1, min(steps, _ALL_FACTORS) + 1)
    factors = optimizer.beta_1 * (1.0 - 0.5 * np.power(0.96, step))
    return np.asarray(np.prod(factors), optimizer._u_product.dtype)
