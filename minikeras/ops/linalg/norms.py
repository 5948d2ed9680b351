"""Norms of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import normalize_axis
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op
from minikeras.ops.support import cast_to, const, floating
from minikeras.types import ArrayLike, Axis

__all__ = ["norm"]


def _greatest(sizes: Tensor, how: dict[str, Any]) -> Tensor:
    """The greatest size, or 0: so JAX has it, whose slope at 0 is half of the other's."""
    if any(sizes.shape[a] == 0 for a in how["axes"]):
        return prims.sum(sizes, **how)
    return prims.maximum(prims.max(sizes, **how), const(sizes, 0))


def _vector(x: Tensor, order: Any, axis: int, keepdims: bool) -> Tensor:
    """A norm along one axis."""
    how = {"axes": (axis,), "keepdims": keepdims}
    if order is None or order == 2:
        return prims.sqrt(prims.sum(prims.mul(x, x), **how))
    if isinstance(order, str):
        raise ValueError(f"norm: ord={order!r} along one axis; expected a number.")
    size = prims.abs(x)
    if order == math.inf:
        return _greatest(size, how)
    if order == -math.inf:
        return prims.min(size, **how)
    if order == 0:
        none = prims.eq(x, const(x, 0))
        hits = prims.select(none, const(x, 0), const(x, 1))
        # The slope of a count is 0, not none; 0 times what is 0 anyway is never nan.
        slope = prims.mul(prims.select(none, x, const(x, 0)), const(x, 0))
        return prims.sum(prims.add(hits, slope), **how)
    if order == 1:
        return prims.sum(size, **how)
    total = prims.sum(prims.pow(size, const(x, float(order))), **how)
    return prims.pow(total, const(x, 1.0 / order))


def _matrix(x: Tensor, order: object, axes: tuple[int, int], keepdims: bool) -> Tensor:
    """A norm over two axes."""
    row, column = axes
    if order is None or order == "fro":
        both = tuple(sorted(axes))
        return prims.sqrt(prims.sum(prims.mul(x, x), axes=both, keepdims=keepdims))
    # The greatest (or least) sum of sizes: of columns for 1 and -1, of rows for the
    # infinities.
    if order in (1, -1, math.inf, -math.inf):
        along, across = (row, column) if abs(order) == 1 else (column, row)
        sums = prims.sum(prims.abs(x), axes=(along,), keepdims=True)
        how = {"axes": (across,), "keepdims": True}
        result = _greatest(sums, how) if order > 0 else prims.min(sums, **how)
    elif order in ("nuc", 2, -2):
        rest = tuple(i for i in range(x.ndim) if i not in axes)
        s = prims.svd(prims.transpose(x, perm=(*rest, row, column)), full=False)[1]
        how = {"axes": (s.ndim - 1,), "keepdims": False}
        if order == 2:
            result = _greatest(s, how)
        else:
            result = (prims.sum if order == "nuc" else prims.min)(s, **how)
    else:
        raise ValueError(
            f"norm: ord={order!r} over two axes; expected None, 'fro', 'nuc', 1, -1, 2, "
            "-2, inf or -inf."
        )
    shape = tuple(1 if i in axes else d for i, d in enumerate(x.shape))
    if not keepdims:
        shape = tuple(d for i, d in enumerate(x.shape) if i not in axes)
    return prims.reshape(result, shape=shape)


@op
def norm(
    x: ArrayLike, ord: object = None, axis: Axis = None, keepdims: bool = False
) -> Tensor:
    """A norm of vectors or matrices.

    Args:
        x: Tensor of any shape.
        ord: Which norm. For vectors a number or `inf`: the sum of powers, its root;
            None is 2. For matrices None or `"fro"` (the root of the sum of squares),
            `"nuc"` (the sum of singular values), 1, -1, 2, -2, `inf` or `-inf`.
        axis: One axis for vectors, two for matrices; None takes all axes of a tensor of
            rank 1 or 2, or with `ord=None` of any.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor without the axes.

    Raises:
        ValueError: If there is no such norm for so many axes.

    Example:

    >>> keras.ops.norm([3.0, 4.0]).tolist()
    5.0
    """
    narrow = floating(x)
    if dtypes.is_complex(narrow.dtype) and not _of_singular_values(narrow, ord, axis):
        narrow = prims.abs(narrow)
    # Squares leave the range of 16 bits.
    halves = narrow.dtype in ("float16", "bfloat16")
    x = cast_to(narrow, "float32") if halves else narrow
    return cast_to(_normed(x, ord, axis, keepdims), dtypes.real_of(narrow.dtype))


def _of_singular_values(x: Tensor, ord: object, axis: Axis) -> bool:
    axes = x.ndim if axis is None else len(axis) if isinstance(axis, tuple) else 1
    return axes == 2 and ord in (2, -2, "nuc")


def _normed(x: Tensor, ord: object, axis: Axis, keepdims: bool) -> Tensor:
    if axis is None and ord is None:
        flat = prims.reshape(x, shape=(x.size,))
        result = _vector(flat, None, 0, False)
        return prims.reshape(result, shape=(1,) * x.ndim) if keepdims else result
    given = tuple(range(x.ndim)) if axis is None else axis
    axes = (given,) if isinstance(given, int) else tuple(given)
    axes = tuple(normalize_axis(int(a), x.ndim, "norm") for a in axes)
    if len(axes) == 1:
        return _vector(x, ord, axes[0], bool(keepdims))
    if len(axes) == 2 and axes[0] != axes[1]:
        return _matrix(x, ord, (axes[0], axes[1]), bool(keepdims))
    raise ValueError(
        f"norm: axis={axis} of a tensor of shape {x.shape}; expected one axis or two "
        "different ones."
    )
