"""Pooling: one number for each window of the spatial axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.staging import sizes_are_free
from minikeras.engine.tensor import Tensor
from minikeras.ops.nn.convolution import (
    channels_first,
    each,
    padding_of,
    to_first,
    to_last,
)
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import boolean, cast_to, const, floating, sub_slice
from minikeras.types import ArrayLike, Sizes

__all__ = [
    "max_pool", "average_pool", "sum_pool", "adaptive_average_pool",
    "adaptive_max_pool",
]  # fmt: skip


def _pool(
    row: Callable[..., Any],
    x: Tensor,
    pool_size: object,
    strides: object,
    padding: str,
    data_format: str | None,
    name: str,
) -> Tensor:
    if x.ndim < 3:
        raise ShapeError(
            f"{name}: inputs have shape {x.shape}; expected rank 3 or more: a batch axis, "
            "spatial axes and channels."
        )
    rank = x.ndim - 2
    first = channels_first(data_format, name)
    x = to_last(x) if first else x
    window = each(pool_size, rank, name, "pool_size")
    steps = window if strides is None else each(strides, rank, name, "strides")
    pads = padding_of(padding, x.shape[1:-1], window, steps, (1,) * rank, name)
    # Padding "valid" has no border to count, whatever the sizes are, unknown ones too.
    if row is _average and padding == "valid":
        row = _plain_average
    y = row(x, window, steps, pads)
    return to_first(y) if first else y


def _max(x: Tensor, window: Sizes, strides: Sizes, padding: Sizes) -> Tensor:
    return prims.max_pool(x, window=window, strides=strides, padding=padding)


def _sum(x: Tensor, window: Sizes, strides: Sizes, padding: Sizes) -> Tensor:
    return prims.sum_pool(x, window=window, strides=strides, padding=padding)


def _average(x: Tensor, window: Any, strides: Sizes, padding: Any) -> Tensor:
    if x.dtype in ("float16", "bfloat16"):  # a sum may leave their range
        wide = _average(cast_to(x, "float32"), window, strides, padding)
        return cast_to(wide, x.dtype)
    if all(pad == (0, 0) for pad in padding) and not sizes_are_free():
        return _plain_average(x, window, strides, padding)
    total = _sum(x, window, strides, padding)
    # Windows at the border are divided by the number of places within the input.
    ones = prims.full(shape=(1, *x.shape[1:-1], 1), dtype=x.dtype, value=1)
    return prims.div(total, _sum(ones, window, strides, padding))


def _plain_average(x: Tensor, window: Any, strides: Sizes, padding: Any) -> Tensor:
    """Where no window sticks out."""
    if x.dtype in ("float16", "bfloat16"):
        wide = _plain_average(cast_to(x, "float32"), window, strides, padding)
        return cast_to(wide, x.dtype)
    total = _sum(x, window, strides, padding)
    return prims.div(total, const(total, math.prod(window)))


@op
def max_pool(
    inputs: ArrayLike,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The greatest element of each window.

    Args:
        inputs: Tensor `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        pool_size: Size of the window, one for all axes or one for each.
        strides: Distance of windows; by default their size.
        padding: `"valid"`: windows lie within the input; `"same"`: they may stick out,
            and the output is `ceil(size / stride)` long.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor `(batch, *new_spatial, channels)`.

    Raises:
        ShapeError: If a window is larger than the input.

    Example:

    >>> x = keras.ops.reshape(keras.ops.arange(4.0), (1, 4, 1))
    >>> keras.ops.max_pool(x, 2).tolist()
    [[[1.0], [3.0]]]
    """
    x = to_tensor(inputs)
    if x.dtype == "bool":
        x = cast_to(x, "uint8")
        return boolean(max_pool(x, pool_size, strides, padding, data_format))
    return _pool(_max, x, pool_size, strides, padding, data_format, "max_pool")


@op
def average_pool(
    inputs: ArrayLike,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The mean of each window; places outside of the input do not count.

    Args:
        inputs: Tensor `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        pool_size: Size of the window, one for all axes or one for each.
        strides: Distance of windows; by default their size.
        padding: `"valid"` or `"same"`, as for `max_pool`.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor `(batch, *new_spatial, channels)`.

    Raises:
        ShapeError: If a window is larger than the input.

    Example:

    >>> x = keras.ops.reshape(keras.ops.arange(4.0), (1, 4, 1))
    >>> keras.ops.average_pool(x, 2).tolist()
    [[[0.5], [2.5]]]
    """
    x = floating(inputs)
    return _pool(_average, x, pool_size, strides, padding, data_format, "average_pool")


@op
def sum_pool(
    inputs: ArrayLike,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The sum of each window. Keras has no such function.

    Args:
        inputs: Tensor `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        pool_size: Size of the window, one for all axes or one for each.
        strides: Distance of windows; by default their size.
        padding: `"valid"` or `"same"`, as for `max_pool`.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor `(batch, *new_spatial, channels)`.

    Raises:
        ShapeError: If a window is larger than the input.

    Example:

    >>> x = keras.ops.reshape(keras.ops.arange(4.0), (1, 4, 1))
    >>> keras.ops.sum_pool(x, 2).tolist()
    [[[1.0], [5.0]]]
    """
    return _pool(
        _sum, to_tensor(inputs), pool_size, strides, padding, data_format, "sum_pool"
    )


_MOST_WINDOWS = 16_384  # each is a step of the graph


def _adaptive(
    inputs: ArrayLike,
    output_size: object,
    data_format: str | None,
    name: str,
    reduce: Callable[..., Any],
) -> Tensor:
    """Windows of about equal size, as many as asked for, along each spatial axis.

    `reduce(x, axis, count)` makes `count` windows of equal size along an axis.
    """
    x = to_tensor(inputs)
    rank = x.ndim - 2
    first = channels_first(data_format, name)
    x = to_last(x) if first else x
    sizes = each(output_size, rank, name, "output_size")
    for axis, out in enumerate(sizes, 1):
        n = x.shape[axis]
        if n % out == 0 and not sizes_are_free():
            x = reduce(x, axis, out)
            continue
        if out > _MOST_WINDOWS:
            raise ValueError(
                f"{name}: output_size={output_size} of {n} places: windows of unequal sizes; "
                f"expected at most {_MOST_WINDOWS:,} of them."
            )
        parts = [
            # Window i goes from floor(i n / out) to ceil((i + 1) n / out); neighbours
            # may overlap.
            reduce(sub_slice(x, axis, i * n // out, -(-(i + 1) * n // out)), axis, 1)
            for i in range(out)
        ]
        x = prims.concat(*parts, axis=axis)
    return to_first(x) if first else x


def _mean_along(x: Tensor, axis: int, count: int) -> Tensor:
    size = x.shape[axis] // count
    shape = (*x.shape[:axis], count, size, *x.shape[axis + 1 :])
    total = prims.sum(prims.reshape(x, shape=shape), axes=(axis + 1,), keepdims=False)
    return prims.div(total, const(total, size))


def _max_along(x: Tensor, axis: int, count: int) -> Tensor:
    if sizes_are_free():  # no window can be as wide as a size that is not known
        return prims.max(x, axes=(axis,), keepdims=True)
    # A pool, whose gradient goes to the first of equal elements.
    window = [1] * (x.ndim - 2)
    window[axis - 1] = x.shape[axis] // count
    return max_pool(x, window, window, data_format="channels_last")


@op
def adaptive_average_pool(
    inputs: ArrayLike, output_size: int | Sequence[int], data_format: str | None = None
) -> Tensor:
    """The mean of windows chosen so that the output has a given size.

    Args:
        inputs: Tensor `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        output_size: Size of the output, one for all axes or one for each.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor `(batch, *output_size, channels)`.

    Example:

    >>> x = keras.ops.reshape(keras.ops.arange(4.0), (1, 4, 1))
    >>> keras.ops.adaptive_average_pool(x, 2).tolist()
    [[[0.5], [2.5]]]
    """
    return _adaptive(
        floating(inputs),
        output_size,
        data_format,
        "adaptive_average_pool",
        _mean_along,
    )


@op
def adaptive_max_pool(
    inputs: ArrayLike, output_size: int | Sequence[int], data_format: str | None = None
) -> Tensor:
    """The maximum of windows chosen so that the output has a given size.

    Args:
        inputs: Tensor `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        output_size: Size of the output, one for all axes or one for each.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor `(batch, *output_size, channels)`.

    Example:

    >>> x = keras.ops.reshape(keras.ops.arange(4.0), (1, 4, 1))
    >>> keras.ops.adaptive_max_pool(x, 2).tolist()
    [[[1.0], [3.0]]]
    """
    return _adaptive(inputs, output_size, data_format, "adaptive_max_pool", _max_along)
