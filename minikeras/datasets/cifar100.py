"""CIFAR-100: 60,000 small colour photographs of a hundred kinds of things."""

from __future__ import annotations

from minikeras.datasets.parsing import Split, cifar_batches
from minikeras.datasets.sources import fetched


def load_data(label_mode: str = "fine") -> Split:
    """Photographs of a hundred kinds of things, 50,000 to train on, 10,000 to test with.

    Args:
        label_mode: `"fine"` for the hundred classes, `"coarse"` for their twenty groups.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: pictures `(samples, 32, 32, 3)`, uint8,
        and classes `(samples, 1)`, int64.

    Raises:
        DownloadError: If it is not there and cannot be fetched; says where to put it.
        ValueError: If `label_mode` is unknown, or the file has the wrong hash.

    Reference:
        A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009.

    Example:

    >>> (x, y), (x_test, y_test) = keras.datasets.cifar100.load_data()  # doctest: +SKIP
    >>> x.shape, y.shape, x_test.shape  # doctest: +SKIP
    ((50000, 32, 32, 3), (50000, 1), (10000, 32, 32, 3))
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(
            f"cifar100.load_data: label_mode={label_mode!r}; expected 'fine' or 'coarse'."
        )
    path, key = fetched("cifar100"), f"{label_mode}_labels"
    return cifar_batches(path, ["train"], key), cifar_batches(path, ["test"], key)
