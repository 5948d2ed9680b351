"""Choosing by conditions, and where they hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.prims.reduce import index_dtype
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, promote, to_tensor
from minikeras.ops.support import blank, boolean, unknown_size
from minikeras.types import ArrayLike

__all__ = ["where", "nonzero", "select"]


@op
def where(
    condition: ArrayLike, x1: ArrayLike | None = None, x2: ArrayLike | None = None
) -> Any:
    """`x1` where the condition is true, `x2` elsewhere.

    With the condition alone: the indices of its true elements, as `nonzero` gives.

    Args:
        condition: Bool tensor; what is not zero is true.
        x1: Values where it is true; shapes broadcast.
        x2: Values where it is false; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Raises:
        ValueError: If only one of `x1` and `x2` is given.
        ValueShapeError: Inside a compiled function, with the condition alone.

    Example:

    >>> keras.ops.where([True, False], [1, 2], [3, 4]).tolist()
    [1, 4]
    """
    if x1 is None and x2 is None:
        return _true_places(to_tensor(condition), "where without x1 and x2")
    if x1 is None or x2 is None:
        raise ValueError(
            "where: only one of x1 and x2 is given; expected both, or neither for the "
            "indices of the true elements."
        )
    return prims.select(boolean(condition), *promote(x1, x2))


@op
def nonzero(x: ArrayLike) -> tuple[Tensor, ...]:
    """The indices of the elements that are not zero.

    How many there are depends on the values: a compiled function that uses it runs
    eagerly, and symbolically the size is None.

    Args:
        x: Tensor of any shape.

    Returns:
        A tuple with one tensor for each axis of `x`: int32, or int64 where an axis has
        more than 2**31 entries.

    Raises:
        ValueShapeError: Inside a compiled function.

    Example:

    >>> [i.tolist() for i in keras.ops.nonzero([[0, 1], [2, 0]])]
    [[0, 1], [1, 0]]
    """
    return _true_places(to_tensor(x), "nonzero")


def _true_places(x: Tensor, name: str) -> tuple[Tensor, ...]:
    fix = "a mask and ops.where(mask, x, 0)"
    size = unknown_size(x, name, fix)
    # One dtype for all axes: that of the longest.
    dtype = index_dtype(max(x.shape, default=0))
    if size is not None:
        return tuple(blank((size,), dtype) for _ in x.shape)
    if not x.ndim:
        raise ShapeError(f"{name}: a scalar has no axes; expected at least one.")
    found = x.numpy().nonzero()
    return tuple(to_tensor(i.astype(dtype)) for i in found)


@op
def select(
    condlist: Sequence[ArrayLike], choicelist: Sequence[ArrayLike], default: object = 0
) -> Tensor:
    """For each element, the choice of the first condition that is true.

    Args:
        condlist: List of bool tensors.
        choicelist: List of tensors, one for each condition.
        default: Value where no condition is true.

    Returns:
        Tensor of the broadcast shape.

    Raises:
        ValueError: If the lists are empty or differ in length.

    Example:

    >>> x = keras.ops.arange(4)
    >>> keras.ops.select([x < 1, x > 2], [x + 10, x * 10], 7).tolist()
    [10, 7, 7, 30]
    """
    if not condlist or len(condlist) != len(choicelist):
        raise ValueError(
            f"select: {len(condlist)} conditions and {len(choicelist)} choices; expected "
            "two lists of one length, at least 1."
        )
    *choices, result = promote(*choicelist, default)
    # From the last to the first, so that the first condition that holds has the last
    # word.
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        result = prims.select(boolean(condition), choice, result)
    return result
