"""Boston housing: 506 districts and what houses cost there."""

from __future__ import annotations

from minikeras.datasets.parsing import Split, npz_arrays, split
from minikeras.datasets.sources import fetched


def load_data(
    path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> Split:
    """Thirteen numbers about each district, and the median price in thousands of dollars.

    One of the numbers assumes that people's colour decides what a house is worth. Prefer
    `california_housing`.

    Args:
        path: The file's name in the cache, or an absolute path.
        test_split: The fraction to test with.
        seed: For the order.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: `(samples, 13)` and `(samples,)`, float64.

    Raises:
        DownloadError: If it is not there and cannot be fetched; says where to put it.
        ValueError: If the file has the wrong hash, or `test_split` makes no sense.

    Reference:
        Harrison and Rubinfeld, *Hedonic prices and the demand for clean air*, 1978.

    Example:

    >>> (x, y), (x_test, y_test) = keras.datasets.boston_housing.load_data()  # doctest: +SKIP
    >>> x.shape, x_test.shape  # doctest: +SKIP
    ((404, 13), (102, 13))
    """
    x, y = npz_arrays(fetched("boston_housing", path), "x", "y")
    return split(x, y, test_split, seed)
