"""Layers of numbers: made of ops, so they run anywhere, also on plain lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import ops
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import samples_apart
from minikeras.layers.preprocessing.batches import is_plain
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


class DataLayer(Layer):
    """A layer that may also be called on lists of numbers, as data pipelines do."""

    _mixes_samples = samples_apart

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(
            *map(_as_array, args), **{k: _as_array(v) for k, v in kwargs.items()}
        )


def _as_array(value: ArrayLike) -> Any:
    numbers = isinstance(value, (list, tuple)) and is_plain(value)
    if numbers or type(value) in (int, float):
        return np.asarray(ops.convert_to_tensor(value))
    return value


def encoded(
    ids: Tensor, mode: str, size: int, dtype: str, weights: ArrayLike | None = None
) -> Tensor:
    """Numbers below `size` as vectors, by ops; see `encoding.encode`.

    Args:
        ids: Integers.
        mode: `"one_hot"`, `"multi_hot"` or `"count"`.
        size: The length of the vectors.
        dtype: Of the result.
        weights: What each counts, in the shape of `ids`; None: one.
    """
    if not ids.ndim:
        weights = None if weights is None else ops.reshape(weights, (1,))
        one = encoded(ops.reshape(ids, (1,)), mode, size, dtype, weights)
        return ops.reshape(one, (size,))
    if mode == "one_hot":
        if ids.ndim > 1 and ids.shape[-1] == 1:
            ids = ops.squeeze(ids, -1)
        return ops.one_hot(ids, size, dtype=dtype)
    each = ops.one_hot(ids, size, dtype=dtype)
    if mode == "multi_hot":
        return ops.max(each, axis=-2, initial=0)
    if weights is not None:
        each = each * ops.cast(ops.reshape(weights, ids.shape), dtype)[..., None]
    return ops.sum(each, axis=-2)
