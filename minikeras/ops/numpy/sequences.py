"""Sequences of numbers, and grids of them."""

from __future__ import annotations

import math
from typing import Any

from minikeras.engine import dtypes, prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.numpy.creation import zeros
from minikeras.ops.numpy.shaping import broadcast_to, expand_dims
from minikeras.ops.op import op, promote, promote_float, to_tensor, weak
from minikeras.ops.support import axis_of, cast_to, const
from minikeras.types import ArrayLike, DTypeLike

__all__ = ["arange", "linspace", "logspace", "geomspace", "meshgrid"]


@op
def arange(
    start: Any, stop: Any = None, step: Any = None, dtype: DTypeLike | None = None
) -> Tensor:
    """Numbers from `start` up to but without `stop`, `step` apart.

    Args:
        start: First number; with `start` alone, it is the stop and 0 the start.
        stop: Where to end.
        step: Distance; by default 1.
        dtype: Dtype of the result; by default int32 for integers, else `floatx()`.

    Returns:
        Tensor of rank 1.

    Raises:
        ValueError: If `step` is 0.

    Example:

    >>> keras.ops.arange(2, 8, 2).tolist()
    [2, 4, 6]
    """
    if dtype is None:
        given = [weak(v) for v in (start, stop, step) if v is not None]
        dtype = dtypes.result_type(*given)
    dtype = dtypes.standardize(dtype)
    first, last, by = (_number(v) for v in (start, stop, step))
    if last is None:
        first, last = 0, first
    by = 1 if by is None else by
    if by == 0:
        raise ValueError("arange: step is 0; expected a number that is not 0.")
    count = max(0, math.ceil((last - first) / by))
    if dtype == "bool":
        return to_tensor([bool(first + by * i) for i in range(count)], "bool")
    if dtypes.is_float(dtype) and by != 1:
        # Through float64, so that no rounding adds up.
        exact = [first + by * i for i in range(count)]
        return to_tensor(exact, dtype) if count else zeros((0,), dtype)
    result = prims.iota(shape=(count,), dtype=dtype, axis=0)
    if by != 1:
        result = prims.mul(result, const(result, by))
    return prims.add(result, const(result, first)) if first else result


def _number(value: ArrayLike) -> Any:
    """A Python number out of a scalar; None stays None."""
    if value is None or isinstance(value, (int, float)):
        return value
    return to_tensor(value).item()


def _steps(
    start: ArrayLike, stop: ArrayLike, num: int, endpoint: bool, axis: int
) -> tuple[Tensor, Tensor]:
    """Values from start to stop, new axis included, and the distance between them."""
    a, b = promote_float(start, stop)
    gaps = max(num - 1 if endpoint else num, 1)
    step = prims.div(prims.sub(b, a), const(a, gaps))
    a, b = (
        # Both in their common shape, by arithmetic that broadcasts.
        prims.add(a, prims.mul(b, const(b, 0))),
        prims.add(b, prims.mul(a, const(a, 0))),
    )
    at = axis_of(axis, a.ndim + 1, "linspace")
    t = prims.iota(shape=(num,), dtype=a.dtype, axis=0)
    t = prims.reshape(t, shape=tuple(num if i == at else 1 for i in range(a.ndim + 1)))
    a, b = expand_dims(a, at), expand_dims(b, at)
    share = prims.div(t, const(t, gaps))
    rest = prims.sub(const(t, 1), share)
    # a (1 - t) + b t, which is exactly b at the end; a + t (b - a) need not be.
    values = prims.add(prims.mul(a, rest), prims.mul(b, share))
    return values, step


@op
def linspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> tuple[Tensor, Tensor] | Tensor:
    """Numbers from `start` to `stop` at equal distances.

    Args:
        start: First number, or a tensor of them.
        stop: Last number, or a tensor of them.
        num: How many numbers.
        endpoint: Whether `stop` is one of them.
        retstep: Whether the distance is returned too.
        dtype: Dtype of the result; by default that of the arguments, as a float.
        axis: Where the new axis stands in the result.

    Returns:
        Tensor with a new axis of size `num`; with `retstep` a pair of it and the
        distance.

    Example:

    >>> keras.ops.linspace(0.0, 1.0, num=5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    values, step = _steps(start, stop, num, endpoint, axis)
    if dtype is not None:
        name = dtypes.standardize(dtype)
        if not dtypes.is_float(name):
            values = prims.floor(values)
        values = cast_to(values, name)
    return (values, step) if retstep else values


@op
def logspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """Numbers from `base**start` to `base**stop` at equal distances on a log scale.

    Args:
        start: First exponent.
        stop: Last exponent.
        num: How many numbers.
        endpoint: Whether the last exponent is one of them.
        base: Base of the powers.
        dtype: Dtype of the result.
        axis: Where the new axis stands in the result.

    Returns:
        Tensor with a new axis of size `num`.

    Example:

    >>> keras.ops.logspace(0.0, 3.0, num=4).tolist()
    [1.0, 10.0, 100.0, 1000.0]
    """
    exponents, _ = _steps(start, stop, num, endpoint, axis)
    b, exponents = promote(base, exponents)
    result = prims.pow(b, exponents)
    return result if dtype is None else cast_to(result, dtypes.standardize(dtype))


@op
def geomspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """Numbers from `start` to `stop`, each the same multiple of the one before.

    Args:
        start: First number; not 0.
        stop: Last number; not 0, of the sign of `start`.
        num: How many numbers.
        endpoint: Whether `stop` is one of them.
        dtype: Dtype of the result.
        axis: Where the new axis stands in the result.

    Returns:
        Tensor with a new axis of size `num`.

    Example:

    >>> keras.ops.geomspace(1.0, 8.0, num=4).tolist()
    [1.0, 2.0, 4.0, 8.0]
    """
    a, b = promote_float(start, stop)
    # A sequence below 0 is the mirror image of one above.
    sign = prims.sign(a)
    logs, _ = _steps(
        prims.log(prims.abs(a)), prims.log(prims.abs(b)), num, endpoint, axis
    )
    at = axis_of(axis, logs.ndim, "geomspace")
    result = prims.mul(prims.exp(logs), expand_dims(sign, at) if sign.ndim else sign)
    return result if dtype is None else cast_to(result, dtypes.standardize(dtype))


@op
def meshgrid(*x: ArrayLike, indexing: str = "xy") -> list[Tensor]:
    """Coordinate grids of vectors.

    Args:
        *x: Vectors, one for each axis.
        indexing: `"xy"`: the first vector runs along axis 1, the second along axis 0;
            `"ij"`: each vector along its own axis.

    Returns:
        List of tensors of one shape, one for each vector.

    Raises:
        ValueError: If `indexing` is neither.

    Example:

    >>> [g.tolist() for g in keras.ops.meshgrid([1, 2], [3, 4])]
    [[[1, 2], [1, 2]], [[3, 3], [4, 4]]]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f'meshgrid: indexing={indexing!r}; expected "xy" or "ij".')
    vectors = [to_tensor(v) for v in x]
    rank = len(vectors)
    sizes = tuple(v.size for v in vectors)
    places = list(range(rank))
    # "xy" has the first vector along columns.
    if indexing == "xy" and rank > 1:
        places[:2] = 1, 0
    shape = tuple(sizes[place] for place in places)
    grids = []
    for place, v in zip(places, vectors, strict=True):
        line = tuple(v.size if j == place else 1 for j in range(rank))
        grids.append(broadcast_to(prims.reshape(v, shape=line), shape))
    return grids
