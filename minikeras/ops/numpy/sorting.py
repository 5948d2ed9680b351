"""Order: sorting, searching, counting."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.prims.reduce import index_dtype
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, promote, to_tensor
from minikeras.ops.support import (
    ArgumentError,
    axis_of,
    blank,
    cast_to,
    const,
    index,
    numeric,
    sub_slice,
    unknown_size,
)
from minikeras.types import ArrayLike, Axis

__all__ = [
    "sort", "argsort", "argpartition", "searchsorted", "digitize", "bincount",
    "histogram",
]  # fmt: skip


@op
def sort(x: ArrayLike, axis: int = -1) -> Tensor:
    """The elements in ascending order along an axis.

    Args:
        x: Tensor of any shape.
        axis: Axis to sort along; None sorts the flattened tensor.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> keras.ops.sort([3, 1, 2]).tolist()
    [1, 2, 3]
    """
    x, at = _line(x, axis, "sort")
    return prims.sort(x, axis=at)


@op
def argsort(x: ArrayLike, axis: int | None = -1) -> Tensor:
    """The indices that sort along an axis; equal elements keep their order.

    Args:
        x: Tensor of any shape.
        axis: Axis to sort along; None sorts the flattened tensor.

    Returns:
        Tensor of int32.

    Example:

    >>> keras.ops.argsort([3, 1, 2]).tolist()
    [1, 2, 0]
    """
    x = to_tensor(x)
    # A scalar's order is that of a vector of one, as in NumPy.
    scalar = not x.ndim and axis in (-1, 0)
    x, at = _line(x, None if scalar else axis, "argsort")
    return prims.argsort(x, axis=at)


def _line(x: ArrayLike, axis: Axis, name: str) -> tuple[Tensor, int]:
    x = to_tensor(x)
    if axis is None:
        return prims.reshape(x, shape=(x.size,)), 0
    return x, axis_of(axis, x.ndim, name)


@op
def argpartition(x: ArrayLike, kth: int, axis: int = -1) -> Tensor:
    """Indices that put the smallest `kth` elements first. They sort, which is more.

    Args:
        x: Tensor of any shape.
        kth: How many elements must come before the one at this place.
        axis: Axis to go along; None takes the flattened tensor.

    Returns:
        Tensor of int32.

    Example:

    >>> keras.ops.argpartition(keras.ops.array([1, 3, 2]), 1).tolist()
    [0, 2, 1]
    """
    x, at = _line(x, axis, "argpartition")
    n = x.shape[at]
    try:
        fits = -n <= operator.index(kth) < n or isinstance(n, Unknown)
    except TypeError:
        fits = False
    if not fits:
        raise ArgumentError(
            f"argpartition: kth={kth!r}; expected an integer below {n}, the size of the axis."
        )
    return prims.argsort(x, axis=at)


@op
def searchsorted(
    sorted_sequence: ArrayLike, values: ArrayLike, side: str = "left"
) -> Tensor:
    """Where values would have to be inserted to keep a vector sorted.

    Args:
        sorted_sequence: Ascending vector.
        values: Tensor of any shape.
        side: `"left"`: before equal elements; `"right"`: after them.

    Returns:
        Tensor of int32, of the shape of `values`.

    Raises:
        ValueError: If the sequence is no vector or `side` is not known.

    Example:

    >>> keras.ops.searchsorted(keras.ops.array([1, 3, 5]), keras.ops.array([3, 6])).tolist()
    [1, 3]
    """
    line, x = promote(sorted_sequence, values)
    if line.ndim != 1 or side not in ("left", "right"):
        raise ValueError(
            f"searchsorted: a sequence of shape {line.shape} and side={side!r}; expected a "
            "vector, and 'left' or 'right'."
        )
    return prims.searchsorted(line, x, right=side == "right")


@op
def digitize(x: ArrayLike, bins: ArrayLike) -> Tensor:
    """The number of the bin that each element falls into.

    Args:
        x: Tensor of any shape.
        bins: Ascending vector of edges.

    Returns:
        Tensor of int32: 0 below the first edge, `len(bins)` from the last on.

    Example:

    >>> keras.ops.digitize([0.5, 1.0, 4.0], [1.0, 2.0, 3.0]).tolist()
    [0, 1, 3]
    """
    return searchsorted(bins, x, side="right")


@op
def bincount(
    x: ArrayLike,
    weights: ArrayLike | None = None,
    minlength: int = 0,
    sparse: bool = False,
) -> Tensor:
    """How often each number occurs.

    How long the result is depends on the values, so this works eagerly only; `segment_sum`
    of ones counts a known number of classes in compiled functions too.

    Args:
        x: Tensor of integers, not negative: `(n,)` or `(batch, n)`.
        weights: What each element counts, of the shape of `x`; by default 1.
        minlength: Least length of the result.
        sparse: Kept for Keras's signature; must be False.

    Returns:
        Tensor `(length,)` or `(batch, length)`; int32, or the dtype of the weights.

    Raises:
        ValueError: If a number is negative.
        ValueShapeError: Inside a compiled function, where values are not known;
            symbolically the length is None.

    Example:

    >>> keras.ops.bincount([1, 2, 2, 5]).tolist()
    [0, 1, 2, 0, 0, 1]
    """
    if sparse:
        raise ValueError("bincount: sparse=True is not supported; pass sparse=False.")
    x = _counted(x)
    fix = "segment_sum of ones, with num_segments"
    any_size = unknown_size(x, "bincount", fix)
    if any_size is not None:
        kind = "int32" if weights is None else to_tensor(weights).dtype
        return blank((*x.shape[:-1], any_size), kind)
    held = x.numpy()
    if held.size and held.min() < 0:
        raise ValueError(
            f"bincount: `x` holds {held.min()}; expected numbers that are not negative."
        )
    length = max(int(held.max()) + 1 if held.size else 0, int(minlength))
    if weights is None and held.ndim == 1:
        counts = np.bincount(held.astype(np.int64), minlength=length)
        return to_tensor(counts.astype(np.int32))
    w = (
        prims.full(shape=x.shape, dtype="int32", value=1)
        if weights is None
        else to_tensor(weights)
    )
    x = cast_to(x, index_dtype(length))
    lanes = prims.iota(shape=(length,), dtype=x.dtype, axis=0)
    if x.ndim == 1:
        return prims.scatter_add_axis(w, x, shape=(length,), axis=0)
    # Each row counts on its own: compared with every number instead of scattered.
    hits = prims.eq(prims.reshape(x, shape=(*x.shape, 1)), lanes)
    spread = prims.select(hits, prims.reshape(w, shape=(*w.shape, 1)), const(w, 0))
    return prims.sum(spread, axes=(x.ndim - 1,), keepdims=False)


def _counted(x: ArrayLike) -> Tensor:
    x = to_tensor(x)
    return numeric(x) if x.dtype == "bool" else index(x, "bincount", "x")


@op
def histogram(x: ArrayLike, bins: int = 10, range: Any = None) -> tuple[Tensor, Tensor]:
    """How many elements fall into each of some bins of equal width.

    Args:
        x: Vector, or a number.
        bins: Number of bins.
        range: Pair of the first and the last edge; by default the least and the greatest
            element.

    Returns:
        Pair of tensors: counts `(bins,)` and edges `(bins + 1,)`, floats.

    Raises:
        ValueError: If `bins` is not positive or the range is not ascending.

    Example:

    >>> counts, edges = keras.ops.histogram(keras.ops.array([1.0, 2.0, 2.0, 3.0]), bins=2)
    >>> counts.tolist(), edges.tolist()
    ([1.0, 3.0], [1.0, 2.0, 3.0])
    """
    if not isinstance(bins, int) or bins < 1:
        raise ValueError(f"histogram: bins={bins!r}; expected a positive integer.")
    if range is not None and (len(range) != 2 or not range[0] <= range[1]):
        raise ValueError(f"histogram: range={range!r}; expected an ascending pair.")
    x = to_tensor(x)
    wanted = x.dtype if dtypes.is_float(x.dtype) else dtypes.floatx()
    work = "float64" if wanted == "float64" else "float32"
    if x.ndim > 1:
        raise ShapeError(
            f"histogram: `x` has shape {x.shape}; expected a vector, such as "
            "`ops.ravel(x)`."
        )
    flat = cast_to(prims.reshape(x, shape=(x.size,)), work)
    low, high = _ends(flat, range)
    steps = prims.iota(shape=(bins + 1,), dtype=work, axis=0)
    width = prims.div(prims.sub(high, low), const(flat, bins))
    edges = prims.add(low, prims.mul(steps, width))
    last = prims.eq(steps, const(steps, bins))
    # `low + bins * width` may round below the greatest element, which would then fall
    # out.
    edges = prims.select(last, high, edges)
    # How many edges are not above: 0 and bins + 1 are outside, but for the last edge.
    place = searchsorted(edges, flat, side="right")
    place = prims.select(prims.eq(flat, high), const(place, bins), place)
    ones = prims.full(shape=place.shape, dtype="int32", value=1)
    counts = prims.scatter_add_axis(ones, place, shape=(bins + 2,), axis=0)
    return cast_to(sub_slice(counts, 0, 1, bins + 1), wanted), cast_to(edges, wanted)


def _ends(flat: Tensor, range: Sequence[float]) -> tuple[Tensor, Tensor]:
    """The first and the last edge; an empty range is made 1 wide."""
    if range is not None or not flat.size:
        low, high = (float(v) for v in range or (0, 1))
        pad = 0.5 * (low == high)
        return const(flat, low - pad), const(flat, high + pad)
    low = prims.min(flat, axes=(0,), keepdims=False)
    high = prims.max(flat, axes=(0,), keepdims=False)
    half = const(flat, 0.5)
    pad = prims.select(prims.eq(low, high), half, const(flat, 0))
    return prims.sub(low, pad), prims.add(high, pad)
