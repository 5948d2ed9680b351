"""Padding: what is put around a tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minikeras.budget import check_constant
from minikeras.engine import prims
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.types import ArrayLike

__all__ = ["pad"]


@op
def pad(
    x: ArrayLike,
    pad_width: object,
    mode: str = "constant",
    constant_values: ArrayLike | None = None,
) -> Tensor:
    """Elements added before and after along each axis.

    Args:
        x: Tensor of any shape.
        pad_width: One number, one pair, or a pair `(before, after)` for each axis.
        mode: `"constant"`, `"edge"`, `"reflect"`, `"symmetric"`, or `"wrap"`: what the
            new elements are, as in NumPy.
        constant_values: Value of the new elements in mode `"constant"`; by default 0.

    Returns:
        Tensor with longer axes.

    Raises:
        ValueError: If the mode is not known, or a constant comes with another mode.

    Example:

    >>> keras.ops.pad(keras.ops.array([1, 2]), (1, 2)).tolist()
    [0, 1, 2, 0, 0]
    """
    x = to_tensor(x)
    widths = _widths(pad_width, x.ndim)
    if mode != "constant":
        if constant_values is not None:
            raise ValueError(
                f"pad: constant_values={constant_values!r} with mode={mode!r}; it is for mode "
                "'constant' only."
            )
        return _extended(x, widths, mode)
    value = to_tensor(0 if constant_values is None else constant_values, x.dtype)
    if not any(lo or hi for lo, hi in widths):
        return x
    return prims.pad(x, value, widths=widths)


def _widths(pad_width: object, rank: int) -> tuple[tuple[int, int], ...]:
    array = np.asarray(pad_width)
    try:
        full = np.broadcast_to(array, (rank, 2))
    except ValueError:
        full = None
    if full is None or array.dtype.kind not in "iu" or (array.size and array.min() < 0):
        raise ShapeError(
            f"pad: pad_width={pad_width!r} does not fit rank {rank}; expected a number, a pair, "
            "or a pair (before, after) of sizes >= 0 for each axis."
        )
    return tuple((int(lo), int(hi)) for lo, hi in full)


_MODES = ("edge", "reflect", "symmetric", "wrap")


def _extended(x: Tensor, widths: Sequence[tuple[int, int]], mode: str) -> Tensor:
    """New elements that are copies of others."""
    if mode not in _MODES:
        raise ValueError(f"pad: mode={mode!r}; expected 'constant' or one of {_MODES}.")
    for axis, (lo, hi) in enumerate(widths):
        if not lo and not hi:
            continue
        if isinstance(x.shape[axis], Unknown):
            raise ShapeError(
                f"pad: axis {axis} has no known size; mode {mode!r} needs one."
            )
        check_constant((x.shape[axis] + lo + hi,), "int64", "pad")
        # NumPy pads the indices, which says for each mode where a new element comes
        # from.
        where = np.pad(np.arange(x.shape[axis]), (lo, hi), mode=mode)  # type: ignore[call-overload]  # a mode of four
        x = prims.take(x, to_tensor(where.astype("int32")), axis=axis)
    return x
