"""California housing: 20,640 districts and what houses cost there."""

from __future__ import annotations

from minikeras.datasets.parsing import Split, npz_arrays, split
from minikeras.datasets.sources import fetched


def load_data(
    version: str = "large",
    path: str = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> Split:
    """Eight numbers about each district of the census of 1990, and the median price.

    The numbers: longitude, latitude, median age of the houses, rooms, bedrooms, people,
    households, median income in ten thousands of dollars. Prices are in dollars.

    Args:
        version: `"large"` for all 20,640 districts, `"small"` for 600.
        path: The file's name in the cache, or an absolute path.
        test_split: The fraction to test with.
        seed: For the order.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: `(samples, 8)` and `(samples,)`.

    Raises:
        DownloadError: If it is not there and cannot be fetched; says where to put it.
        ValueError: If the file has the wrong hash, or an argument makes no sense.

    Reference:
        Pace and Barry, *Sparse spatial autoregressions*, 1997.

    Example:

    >>> (x, y), (x_test, y_test) = keras.datasets.california_housing.load_data()  # doctest: +SKIP
    >>> x.shape, x_test.shape  # doctest: +SKIP
    ((16512, 8), (4128, 8))
    """
    if version not in ("large", "small"):
        raise ValueError(
            f"california_housing.load_data: version={version!r}; expected 'large' or 'small'."
        )
    x, y = npz_arrays(fetched("california_housing", path), "x", "y")
    if version == "small":
        x, y = x[:600], y[:600]
    return split(x, y, test_split, seed)
