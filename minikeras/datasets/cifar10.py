"""CIFAR-10: 60,000 small colour photographs."""

from __future__ import annotations

from minikeras.datasets.parsing import Array, Split, cifar_batches
from minikeras.datasets.sources import fetched


def load_data() -> Split:
    """Photographs of ten kinds of things, 50,000 to train on and 10,000 to test with.

    Classes: 0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse,
    8 ship, 9 truck. They are read from the archive in Keras's cache folder.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: pictures `(samples, 32, 32, 3)` and
        classes `(samples, 1)`, uint8.

    Raises:
        DownloadError: If it is not there and cannot be fetched; says where to put it.
        ValueError: If the file has the wrong hash.

    Reference:
        A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009.

    Example:

    >>> (x, y), (x_test, y_test) = keras.datasets.cifar10.load_data()  # doctest: +SKIP
    >>> x.shape, y.shape, x_test.shape  # doctest: +SKIP
    ((50000, 32, 32, 3), (50000, 1), (10000, 32, 32, 3))
    """
    path = fetched("cifar10")
    train = cifar_batches(path, [f"data_batch_{i}" for i in range(1, 6)], "labels")
    test = cifar_batches(path, ["test_batch"], "labels")
    return _uint8(train), _uint8(test)


def _uint8(part: tuple[Array, Array]) -> tuple[Array, Array]:
    return part[0], part[1].astype("uint8")
