"""Functions of `tf` that make tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import initializers, ops
from minikeras.alias.tensorflow.values import texts
from minikeras.engine.strings import StringArray, is_strings
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike, DTypeLike, ShapeLike

if TYPE_CHECKING:
    from minikeras.types import PartialShape


def is_text(value: object) -> bool:
    """Whether a value is a string, or a list or an array of strings."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (str, bytes)) or is_strings(value)


def constant(
    value: ArrayLike,
    dtype: DTypeLike | None = None,
    shape: ShapeLike | None = None,
    name: str | None = None,
) -> StringArray | Tensor:
    """A tensor of `value`, reshaped or spread over `shape` where one is given."""
    if dtype == "string" or is_text(value):
        found = texts(value)
        return (
            found
            if shape is None
            else texts(np.broadcast_to(found, tuple(np.asarray(shape))))
        )
    tensor = ops.convert_to_tensor(value, dtype)
    if shape is None:
        return tensor
    spread = ops.size(tensor) == 1
    return ops.broadcast_to(tensor, shape) if spread else ops.reshape(tensor, shape)


def convert_to_tensor(
    value: ArrayLike,
    dtype: DTypeLike | None = None,
    dtype_hint: object = None,
    name: str | None = None,
) -> StringArray | Tensor:
    """A tensor of the value."""
    if dtype == "string" or is_text(value):
        return texts(value)
    return ops.convert_to_tensor(value, dtype)


def zeros(
    shape: ShapeLike, dtype: DTypeLike = "float32", name: str | None = None
) -> Tensor:
    """All 0."""
    return ops.zeros(shape, dtype)


def ones(
    shape: ShapeLike, dtype: DTypeLike = "float32", name: str | None = None
) -> Tensor:
    """All 1."""
    return ops.ones(shape, dtype)


def zeros_like(
    input: ArrayLike, dtype: DTypeLike | None = None, name: str | None = None
) -> Tensor:
    """All 0, in the shape of another."""
    return ops.zeros_like(input, dtype)


def ones_like(
    input: ArrayLike, dtype: DTypeLike | None = None, name: str | None = None
) -> Tensor:
    """All 1, in the shape of another."""
    return ops.ones_like(input, dtype)


def fill(dims: ShapeLike, value: ArrayLike, name: str | None = None) -> Tensor:
    """One value everywhere."""
    return ops.full(dims, value)


def sequence_mask(
    lengths: ArrayLike,
    maxlen: int | None = None,
    dtype: DTypeLike = "bool",
    name: str | None = None,
) -> Tensor:
    """Ones for the first so many of `maxlen` steps (those of the longest), zeros behind."""
    lengths = ops.convert_to_tensor(lengths)
    steps = ops.arange(int(ops.max(lengths)) if maxlen is None else maxlen)
    return ops.cast(steps < ops.expand_dims(lengths, -1), dtype)


def eye(
    num_rows: int,
    num_columns: int | None = None,
    batch_shape: PartialShape | None = None,
    dtype: DTypeLike = "float32",
    name: str | None = None,
) -> Tensor:
    """The identity matrix, once for each place of `batch_shape`."""
    made = ops.eye(num_rows, num_columns, dtype=dtype)
    return (
        made if not batch_shape else ops.broadcast_to(made, (*batch_shape, *made.shape))
    )


def range(
    start: ArrayLike,
    limit: object = None,
    delta: object = 1,
    dtype: DTypeLike | None = None,
    name: str | None = None,
) -> Tensor:
    """Numbers from `start` to before `limit`; from 0 without a limit."""
    return ops.arange(start, limit, delta, dtype)


def linspace(
    start: ArrayLike, stop: ArrayLike, num: int, name: str | None = None
) -> Any:
    """`num` numbers, evenly spaced from `start` to `stop`."""
    return ops.linspace(start, stop, num)


def one_hot(
    indices: ArrayLike,
    depth: int,
    on_value: object = None,
    off_value: object = None,
    axis: int | None = None,
    dtype: DTypeLike | None = None,
    name: str | None = None,
) -> Tensor:
    """Classes as rows of zeros with one 1, or of two other values."""
    rows = ops.one_hot(indices, depth, -1 if axis is None else axis, dtype or "float32")
    if on_value is None and off_value is None:
        return rows
    on, off = 1 if on_value is None else on_value, off_value or 0
    return rows * on + (1 - rows) * off


random_normal_initializer = initializers.RandomNormal
random_uniform_initializer = initializers.RandomUniform
constant_initializer = initializers.Constant
zeros_initializer = initializers.Zeros
ones_initializer = initializers.Ones

__all__ = [
    "constant", "constant_initializer", "convert_to_tensor", "eye", "fill", "linspace",
    "one_hot", "ones", "ones_initializer", "ones_like", "random_normal_initializer",
    "random_uniform_initializer", "range", "sequence_mask", "zeros",
    "zeros_initializer", "zeros_like",
]  # fmt: skip
