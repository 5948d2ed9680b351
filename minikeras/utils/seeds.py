"""One seed for everything."""

from __future__ import annotations

import random as python_random

import numpy as np

from minikeras.random.seed_generator import set_global_seed


def set_random_seed(seed: int) -> None:
    """Seed Python's, NumPy's and minikeras's random numbers.

    Args:
        seed: Integer in [0, 2**32).

    Raises:
        ValueError: If `seed` is no integer.

    >>> import minikeras as keras
    >>> keras.utils.set_random_seed(1)
    >>> a = keras.random.uniform((2,)).tolist()
    >>> keras.utils.set_random_seed(1)
    >>> a == keras.random.uniform((2,)).tolist()
    True
    """
    if not isinstance(seed, (int, np.integer)):
        raise ValueError(f"set_random_seed: seed={seed!r}; expected an integer.")
    python_random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002 - user code may draw from it
    set_global_seed(int(seed))
