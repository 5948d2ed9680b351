"""Rows of a table in integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.core.quantized.stored import Stored
from minikeras.quantizers import unpack_int4


def rows(
    stored: Stored, get: Callable[[str], Any], places: Tensor, dtype: str
) -> Tensor:
    """The rows of a table `(rows, columns)` as floats; no others are unpacked.

    Args:
        stored: How the table is kept.
        get: Gives a variable by its name.
        places: Numbers of rows.
        dtype: Of the result.
    """

    def taken(part: str) -> Tensor:
        return ops.take(get(f"{stored.name}{part}"), places, axis=0)

    numbers = taken("")
    if stored.bits == 4:
        numbers = unpack_int4(numbers, stored.view.shape[1], axis=-1)
    numbers = ops.cast(numbers, dtype)
    scale = ops.cast(taken("_scale"), dtype)
    if stored.block is None:
        return numbers / ops.expand_dims(scale, -1)
    zero = ops.cast(taken("_zero"), dtype)
    return (numbers - stored.spread(zero, -1)) * stored.spread(scale, -1)
