"""Floats as small integers: by the largest of them, or by the range of each block."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine import dtypes
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike, DTypeLike


def abs_max_quantize(
    inputs: ArrayLike,
    axis: int | tuple[int, ...] | None,
    value_range: tuple[int, int] = (-127, 127),
    dtype: DTypeLike = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[Any, Any]:
    """Integers `round(inputs * scale)`, with the largest input at the end of their range.

    Args:
        inputs: Floats.
        axis: Axes along which numbers share a scale; None is all.
        value_range: The least and the greatest integer; the scale is the greatest one by
            the largest absolute input.
        dtype: Dtype of the integers.
        epsilon: Added to the largest input, so that zeros have a scale.
        to_numpy: Whether NumPy computes, wherever the backend's memory is.

    Returns:
        The integers, and the scale, which has size 1 along `axis`.

    Raises:
        ValueError: If the dtype is unknown.

    Example:

    >>> numbers, scale = keras.quantizers.abs_max_quantize(np.array([1.0, -0.5]), axis=0)
    >>> numbers.numpy().tolist()
    [127, -63]
    """
    wanted = dtypes.standardize(dtype)
    low, top = value_range
    if to_numpy and not isinstance(inputs, KerasTensor):
        x = _host(inputs)
        step = x.dtype.type
        largest = np.max(np.abs(x), axis=axis, keepdims=True)
        scale = np.asarray(step(top) / (largest + step(epsilon)), x.dtype)
        whole = np.clip(np.round(x * scale), low, top)
        numbers = whole.astype(dtypes.numpy_dtype(wanted))
        return ops.convert_to_tensor(numbers), ops.convert_to_tensor(scale)
    y = inputs if isinstance(inputs, KerasTensor) else _floats(inputs)
    most = ops.max(ops.abs(y), axis=axis, keepdims=True)
    factor = ops.cast(ops.divide(top, ops.add(most, epsilon)), y.dtype)
    rounded = ops.clip(ops.round(ops.multiply(y, factor)), low, top)
    return ops.cast(rounded, wanted), factor


def abs_max_quantize_grouped_with_zero_point(
    inputs: ArrayLike,
    block_size: int,
    value_range: tuple[int, int] = (-8, 7),
    dtype: DTypeLike = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[Any, Any, Any]:
    """Integers `round(inputs / scale) + zero`, with one range for each block of a column.

    Args:
        inputs: Matrix `(rows, columns)` of floats.
        block_size: How many rows are a block; the last one is filled up with zeros.
        value_range: The least and the greatest integer.
        dtype: Dtype of the integers.
        epsilon: Added to the width of a block's range.
        to_numpy: Whether NumPy computes, wherever the backend's memory is.

    Returns:
        The integers `(rows, columns)`, the scale and the integer zero of each block, both
        `(blocks, columns)`.

    Raises:
        ValueError: If the inputs are no matrix, or the block size is not positive.

    Example:

    >>> x = np.array([[0.0], [1.5], [-0.8], [0.7]], "float32")
    >>> q, scale, zero = keras.quantizers.abs_max_quantize_grouped_with_zero_point(x, 2)
    >>> q.shape, scale.shape, zero.numpy().ravel().tolist()
    ((4, 1), (2, 1), [-8, 0])
    """
    given: Any = inputs
    shape = given.shape if hasattr(given, "shape") else np.shape(given)
    if len(shape) != 2 or not isinstance(block_size, int) or block_size < 1:
        raise ValueError(
            f"abs_max_quantize_grouped_with_zero_point: inputs of shape {tuple(shape)} in "
            f"blocks of {block_size!r} rows; expected a matrix and a positive integer."
        )
    if isinstance(given, KerasTensor):
        blocks = None if shape[0] is None else -(-shape[0] // block_size)
        scales = (blocks, shape[1])
        return (
            KerasTensor(shape, dtypes.standardize(dtype)),
            KerasTensor(scales, given.dtype),
            KerasTensor(scales, dtypes.standardize(dtype)),
        )
    rows = int(shape[0])
    # As Keras: NumPy fills a single short block up as well.
    block = block_size if to_numpy else min(block_size, rows) or 1
    blocks = -(-rows // block)
    low, top = value_range
    x = _floats(_host(inputs) if to_numpy else inputs)
    x = ops.pad(x, ((0, blocks * block - rows), (0, 0)))
    x = ops.reshape(x, (blocks, block, -1))
    least, most = ops.min(x, axis=1), ops.max(x, axis=1)
    if not to_numpy:
        flat = ops.cast(ops.equal(least, most), x.dtype)  # all are one number
        least, most = least - flat, most + flat
    scale = (most - least + epsilon) / (top - low)
    zero = ops.clip(ops.round(-least / scale) + low, low, top)
    whole = ops.round(x / ops.expand_dims(scale, 1)) + ops.expand_dims(zero, 1)
    whole = ops.reshape(ops.clip(whole, low, top), (blocks * block, -1))[:rows]
    return ops.cast(whole, dtype), scale, ops.cast(zero, dtype)


def _floats(inputs: ArrayLike) -> Tensor:
    x: Any = ops.convert_to_tensor(inputs)
    return x if dtypes.is_float(x.dtype) else ops.cast(x, dtypes.floatx())


def _host(inputs: ArrayLike) -> np.ndarray[Any, Any]:
    given: Any = inputs
    x = given.numpy() if hasattr(given, "numpy") else np.asarray(given)
    floats = dtypes.is_float(dtypes.standardize(x.dtype))
    wide = not floats or x.dtype == np.float64
    return x.astype(dtypes.numpy_dtype(dtypes.floatx())) if wide else x
