"""Category numbers as vectors: one-hot, multi-hot, counts, counts weighted by idf."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Shape = tuple[int | None, ...]


def encode(
    ids: Array, mode: str, size: int, dtype: str, weights: Array | None = None
) -> Array:
    """Numbers below `size` as vectors; negative ones count nowhere.

    Args:
        ids: Integers. In the modes other than one-hot the last axis is the sample's.
        mode: `"one_hot"`, `"multi_hot"`, `"count"` or `"tf_idf"`.
        size: The length of the vectors.
        dtype: Of the result.
        weights: For `"tf_idf"`, what each count is multiplied by.
    """
    if not ids.ndim:
        one: Array = encode(ids[None], mode, size, dtype, weights)
        return one.reshape(size)
    if mode == "one_hot" and (ids.ndim == 1 or ids.shape[-1] != 1):
        ids = ids[..., None]
    shape = (*ids.shape[:-1], size)
    rows = ids.reshape(-1, ids.shape[-1])
    places = rows + np.arange(len(rows))[:, None] * size
    counts = np.bincount(places[rows >= 0], minlength=len(rows) * size)
    if mode == "tf_idf" and weights is not None:
        table = counts.reshape(-1, size) * weights
        return table.reshape(shape).astype(dtype)
    found: Array = counts if mode == "count" else counts > 0
    return found.reshape(shape).astype(dtype)


def encoded_shape(shape: Shape, mode: str, size: int | None) -> Shape:
    """The shape of `encode`'s result, for inputs of a shape."""
    if mode == "int":
        return shape
    if not shape:
        return (size,)
    if mode == "one_hot" and (len(shape) == 1 or shape[-1] != 1):
        return (*shape, size)
    return (*shape[:-1], size)
