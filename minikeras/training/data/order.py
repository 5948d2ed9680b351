"""The order in which samples are met: drawn by counter, so equal on every backend."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.engine.interpret import eagerly
from minikeras.engine.prims import random_bits
from minikeras.engine.tensor import host_array
from minikeras.random import draw_seed

Order = np.ndarray[Any, np.dtype[np.intp]]


def permutation(size: int) -> Order:
    """A shuffled `arange(size)` from the global seed; each call gives the next one.

    Random words are sorted, and words of equal value keep their order.

    Example:
        >>> import minikeras as keras
        >>> keras.utils.set_random_seed(7)
        >>> first = permutation(5)
        >>> keras.utils.set_random_seed(7)
        >>> bool((permutation(5) == first).all()), sorted(first.tolist())
        (True, [0, 1, 2, 3, 4])
    """
    with eagerly():
        words = random_bits(draw_seed(None), shape=(size,))
    return np.argsort(host_array(words.value), kind="stable")


def permutation_of_chunks(size: int, chunk: int) -> Order:
    """Whole runs of `chunk` neighbours in shuffled order; the last, short one stays last."""
    whole = size // chunk
    starts = permutation(whole) * chunk if whole else np.arange(0)
    order = (starts[:, None] + np.arange(chunk)).reshape(-1)
    return np.concatenate([order, np.arange(whole * chunk, size)])
