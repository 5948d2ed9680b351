"""One seed for everything random."""

from __future__ import annotations

import random as python_random

import numpy as np

from minikeras import random


def set_random_seed(seed: int) -> None:
    """Seed Python's, NumPy's and this package's random numbers.

    Initial weights, dropout masks and shuffles are then the same in every run, and on
    every backend.

    Args:
        seed: An integer of at least 0.

    Raises:
        ValueError: If it is none.

    Example:

    >>> keras.utils.set_random_seed(1)
    >>> first = keras.random.uniform((2,)).tolist()
    >>> keras.utils.set_random_seed(1)
    >>> keras.random.uniform((2,)).tolist() == first
    True
    """
    if (
        isinstance(seed, bool)
        or not hasattr(seed, "__index__")
        or not 0 <= seed < 2**32
    ):
        raise ValueError(
            f"set_random_seed: seed={seed!r}; expected an integer from 0 to 2**32 - 1."
        )
    python_random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002 - the user's own code draws from it
    random.set_global_seed(int(seed))
