"""Fashion-MNIST: 70,000 grey pictures of clothes."""

from __future__ import annotations

from minikeras.datasets.parsing import Split, idx_array
from minikeras.datasets.sources import idx_bytes


def load_data() -> Split:
    """Pictures of clothes of ten kinds, 60,000 to train on and 10,000 to test with.

    Read from the four IDX files in Keras's cache folder (`datasets/fashion-mnist` or
    `datasets`, packed or not), from Debian's package `dataset-fashion-mnist`, or fetched.

    Classes: 0 T-shirt/top, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt,
    7 sneaker, 8 bag, 9 ankle boot.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: pictures `(samples, 28, 28)` and classes
        `(samples,)`, uint8.

    Raises:
        DownloadError: If they are not there and cannot be fetched; says where to put them.
        ValueError: If a fetched file is not the right one.

    Reference:
        Xiao, Rasul and Vollgraf, *Fashion-MNIST*, 2017, under the MIT licence.

    Example:

    >>> (x, y), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()  # doctest: +SKIP
    >>> x.shape, y.shape, x_test.shape  # doctest: +SKIP
    ((60000, 28, 28), (60000,), (10000, 28, 28))
    """
    parts = idx_bytes("fashion_mnist", fetch=True)
    assert parts is not None
    a, b, c, d = map(idx_array, parts)
    return (a, b), (c, d)
