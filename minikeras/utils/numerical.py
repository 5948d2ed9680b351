"""Small numerical helpers on host arrays and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine.tensor import Tensor


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Class numbers as one-hot vectors.

    Args:
        x: Integers of any shape; a last axis of size 1 is dropped.
        num_classes: Default: the largest class number plus one.

    Returns:
        A NumPy float array `(*shape, num_classes)`; a Tensor for a Tensor.

    Raises:
        ValueError: If a class number is negative or not below `num_classes`.

    >>> import minikeras as keras
    >>> keras.utils.to_categorical([0, 2]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if isinstance(x, Tensor) and x.staged:
        if num_classes is None:
            raise ValueError("to_categorical: num_classes is needed for a symbolic tensor.")
        return ops.one_hot(x, num_classes)
    labels = np.asarray(x).astype("int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    count = num_classes or (int(labels.max()) + 1 if labels.size else 0)
    if labels.size and (labels.min() < 0 or labels.max() >= count):
        bad = labels[(labels < 0) | (labels >= count)].flat[0]
        raise ValueError(
            f"to_categorical: class number {bad}; expected 0 to {count - 1}. Raise "
            "num_classes or renumber the classes."
        )
    made = (labels[..., None] == np.arange(count)).astype("float32")
    return ops.convert_to_tensor(made) if isinstance(x, Tensor) else made


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """Each vector along `axis` divided by its norm; zero vectors stay.

    Args:
        x: Array or Tensor.
        axis: Axis of the vectors.
        order: Order of the norm, 1 or 2 or higher.

    Returns:
        A NumPy array; a Tensor for a Tensor.

    >>> import minikeras as keras
    >>> keras.utils.normalize([[3.0, 4.0]]).tolist()
    [[0.6, 0.8]]
    """
    if isinstance(x, Tensor):
        return ops.normalize(x, axis=axis, order=order)
    array = np.asarray(x, dtype=None if np.asarray(x).dtype.kind == "f" else "float64")
    norm = np.atleast_1d(np.linalg.norm(array, order, axis))
    norm[norm == 0] = 1
    return array / np.expand_dims(norm, axis)
