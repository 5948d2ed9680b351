"""What lookup layers of integers do, as ops: for steps that are traced, and exports."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.encoding import Array
from minikeras.layers.preprocessing.table import Table


def numbers_of(table: Table, tokens: Any) -> Any:
    """The numbers of integers; `Table.of_integers` for tensors.

    Returns:
        None where that has no form: unknown tokens that are hashed, or are an error.
    """
    if table.oov == 0 or (table.hashed and table.oov > 1):
        return None
    tokens = ops.cast(tokens, "int64")
    unknown = table.first_oov + (tokens % table.oov if table.oov > 1 else 0)
    keys, values = table.sorted_integers
    if not len(keys):
        return ops.broadcast_to(ops.cast(unknown, "int64"), ops.shape(tokens))
    place = ops.minimum(ops.searchsorted(keys, tokens), len(keys) - 1)
    place = ops.cast(place, "int64")
    hit = ops.equal(ops.take(keys, place), tokens)
    return ops.where(hit, ops.take(values, place), ops.cast(unknown, "int64"))


def tokens_of(table: Table, numbers: Any) -> Tensor:
    """The integers with these numbers; `Table.tokens_of` for tensors."""
    tokens = np.array([*table.all_tokens, table.oov_token], "int64")
    last = len(tokens) - 1
    numbers = ops.cast(numbers, "int64")
    inside = ops.logical_and(numbers >= 0, numbers < last)
    return ops.take(tokens, ops.where(inside, numbers, ops.cast(last, "int64")))


def encoded(
    ids: Any, mode: str, size: int, dtype: str, weights: Array | None = None
) -> Any:
    """Numbers as vectors; `encoding.encode` for tensors."""
    if not ids.shape:
        ids = ops.reshape(ids, (1,))
    if mode == "one_hot" and (len(ids.shape) == 1 or ids.shape[-1] != 1):
        ids = ops.expand_dims(ids, -1)
    each = ops.equal(ops.expand_dims(ids, -1), np.arange(size, dtype="int64"))
    counts = ops.sum(ops.cast(each, "int64"), axis=-2)
    if mode == "tf_idf" and weights is not None:
        return ops.cast(counts, dtype) * ops.cast(weights, dtype)
    found = counts if mode == "count" else counts > 0
    return ops.cast(found, dtype)
