"""Helpers for data: one-hot targets, unit vectors, padded sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine.given import plain
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import Tensor
from minikeras.settings import floatx
from minikeras.types import ArrayLike, DTypeLike


def to_categorical(
    x: ArrayLike, num_classes: int | None = None
) -> Tensor | np.ndarray[Any, Any]:
    """Class numbers as one-hot rows.

    Args:
        x: Integers from 0, as an array, a list or a tensor.
        num_classes: Length of a row; default the greatest number + 1.

    Returns:
        Floats of the shape of `x` (a last axis of size 1 is dropped) with the classes
        as a new last axis; a tensor if `x` is one, else a NumPy array.

    Raises:
        ValueError: If a number is negative or not below `num_classes`.

    Example:

    >>> keras.utils.to_categorical([0, 2]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if isinstance(x, (Tensor, KerasTensor)):
        if num_classes is None:
            if isinstance(x, KerasTensor) or x.staged:
                raise ValueError(
                    "to_categorical: num_classes is needed for symbolic tensors."
                )
            num_classes = int(np.max(x.numpy())) + 1
        shape = x.shape
        if len(shape) > 1 and shape[-1] == 1:
            x = ops.squeeze(x, -1)
        return ops.one_hot(x, num_classes)
    labels = plain(x)
    if labels.dtype.kind not in "biuf" or (
        labels.dtype.kind == "f" and (labels % 1).any()
    ):
        raise ValueError(
            f"to_categorical: x has dtype {labels.dtype}; expected integers."
        )
    labels = labels.astype("int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels.reshape(labels.shape[:-1])
    if num_classes is None:
        num_classes = int(labels.max()) + 1 if labels.size else 0
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        bad = labels.min() if labels.min() < 0 else labels.max()
        raise ValueError(
            f"to_categorical: class number {bad}; expected 0 to {num_classes - 1}. Pass a "
            "greater num_classes, or renumber the classes from 0."
        )
    rows = np.zeros((labels.size, num_classes))
    rows[np.arange(labels.size), labels.ravel()] = 1
    return rows.reshape(*labels.shape, num_classes)


def normalize(x: ArrayLike, axis: int = -1, order: float = 2) -> Any:
    """Vectors at length 1.

    Args:
        x: Array or tensor.
        axis: The axis of the vectors.
        order: Which norm, 2 the Euclidean one.

    Returns:
        An array for an array, a tensor for a tensor or a list; vectors of zeros stay.

    Example:

    >>> keras.utils.normalize(np.array([[3.0, 4.0]])).tolist()
    [[0.6, 0.8]]
    """
    if isinstance(x, (list, tuple)):
        x = ops.convert_to_tensor(x, floatx())
    if isinstance(x, (Tensor, KerasTensor)):
        return ops.normalize(x, axis=axis, order=order)
    x = plain(x)
    lengths = np.atleast_1d(np.linalg.norm(x, order, axis))
    lengths[lengths == 0] = 1
    return x / np.expand_dims(lengths, axis)


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: object = 0.0,
) -> np.ndarray:
    """Sequences of different lengths as the rows of one array.

    Args:
        sequences: List of sequences.
        maxlen: Length of the rows; default that of the longest.
        dtype: Dtype of the array.
        padding: `"pre"` fills short ones up at the front, `"post"` at the end.
        truncating: `"pre"` cuts long ones at the front, `"post"` at the end.
        value: What fills up.

    Returns:
        Array `(len(sequences), maxlen, ...)`.

    Raises:
        ValueError: If `sequences` is no list of sequences, or a word is not `"pre"` or
            `"post"`.

    Example:

    >>> keras.utils.pad_sequences([[1], [2, 3]]).tolist()
    [[0, 1], [2, 3]]
    """
    for name, word in (("padding", padding), ("truncating", truncating)):
        if word not in ("pre", "post"):
            raise ValueError(
                f"pad_sequences: {name}={word!r}; expected 'pre' or 'post'."
            )
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"pad_sequences: sequences={sequences!r}; expected a list.")
    for i, s in enumerate(sequences):
        if not hasattr(s, "__len__"):
            raise ValueError(
                f"pad_sequences: sequences[{i}]={s!r}; expected a sequence."
            )
    if maxlen is None:
        maxlen = max((len(s) for s in sequences), default=0)
    tail = next((np.asarray(s).shape[1:] for s in sequences if len(s)), ())
    if isinstance(value, str) and np.dtype(dtype).kind not in "USO":
        raise ValueError(
            f"pad_sequences: value={value!r} is a string and dtype={dtype!r} holds none; "
            "expected dtype=object for sequences of strings."
        )
    rows = np.full((len(sequences), maxlen, *tail), value, dtype)
    for row, s in zip(rows, sequences):
        kept = np.asarray(
            s[max(len(s) - maxlen, 0) :] if truncating == "pre" else s[:maxlen]
        )
        if not len(kept):
            continue
        if kept.shape[1:] != tail:
            raise ValueError(
                f"pad_sequences: a sequence has elements of shape {kept.shape[1:]}, another "
                f"{tail}; they must be equal."
            )
        if padding == "pre":
            row[maxlen - len(kept) :] = kept
        else:
            row[: len(kept)] = kept
    return rows
