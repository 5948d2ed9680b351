"""MNIST: 70,000 handwritten digits."""

from __future__ import annotations

from minikeras.datasets.parsing import Split, idx_array, npz_arrays
from minikeras.datasets.sources import fetched, idx_bytes
from minikeras.utils.files import keras_home


def load_data(path: str = "mnist.npz") -> Split:
    """Handwritten digits, 60,000 to train on and 10,000 to test with.

    Read from `mnist.npz` in Keras's cache folder, or from the four IDX files of MNIST
    there (in `datasets` or `datasets/mnist`, packed or not), or fetched.

    Args:
        path: The file's name in the cache, or an absolute path.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: pictures `(samples, 28, 28)` and digits
        `(samples,)`, uint8.

    Raises:
        DownloadError: If it is not there and cannot be fetched; says where to put it.
        ValueError: If the file has the wrong hash.

    Reference:
        Y. LeCun, C. Cortes and C. Burges, under CC BY-SA 3.0.

    Example:

    >>> (x, y), (x_test, y_test) = keras.datasets.mnist.load_data()  # doctest: +SKIP
    >>> x.shape, y.shape, x_test.shape  # doctest: +SKIP
    ((60000, 28, 28), (60000,), (10000, 28, 28))
    """
    if path == "mnist.npz" and not (keras_home() / "datasets" / path).exists():
        parts = idx_bytes("mnist", fetch=False)
        if parts is not None:
            a, b, c, d = map(idx_array, parts)
            return (a, b), (c, d)
    names = ("x_train", "y_train", "x_test", "y_test")
    a, b, c, d = npz_arrays(fetched("mnist", path), *names)
    return (a, b), (c, d)
