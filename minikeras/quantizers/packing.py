"""Two integers of 4 bits in one byte."""

from __future__ import annotations

from typing import Any

from minikeras import ops
from minikeras.engine import dtypes
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike, DTypeLike

_BYTES = ("int8", "uint8")


def pack_int4(
    arr: ArrayLike, axis: int = 0, dtype: DTypeLike = "int8"
) -> tuple[Any, tuple[int, ...], int]:
    """Bytes of which each holds two neighbours: the first below, the second above.

    Args:
        arr: Integers from -8 to 7, or 0 to 15 for `"uint8"`, of the dtype `dtype`.
        axis: The axis of which two neighbours share a byte. An odd size is filled up with
            a zero.
        dtype: `"int8"` or `"uint8"`.

    Returns:
        The bytes, their shape, and the size of the axis before.

    Raises:
        ValueError: If the dtype is another.
        TypeError: If the integers have another.

    Example:

    >>> x = np.array([[-3, 7], [2, -8], [1, 0]], "int8")
    >>> packed, shape, rows = keras.quantizers.pack_int4(x)
    >>> packed.numpy().tolist(), shape, rows
    ([[45, -121], [1, 0]], (2, 2), 3)
    """
    wanted = _checked(dtype, "pack_int4")
    x: Any = ops.convert_to_tensor(arr)
    if x.dtype != wanted:
        raise TypeError(
            f"pack_int4: arr has dtype {x.dtype}; expected {wanted}, as dtype= says. Cast it "
            "first."
        )
    axis = _axis(axis, x.ndim, "pack_int4")
    size = x.shape[axis]
    if size % 2:
        x = ops.pad(x, [(0, int(a == axis)) for a in range(x.ndim)])
    low, high = _every_other(x, axis, 0), _every_other(x, axis, 1)
    packed = ops.bitwise_or(
        ops.bitwise_and(low, ops.cast(15, wanted)),
        ops.left_shift(high, ops.cast(4, wanted)),
    )
    return packed, tuple(packed.shape), size


def unpack_int4(
    packed: ArrayLike, orig_len: int, axis: int = 0, dtype: DTypeLike = "int8"
) -> Tensor:
    """The integers that `pack_int4` was given.

    Args:
        packed: Bytes of two integers each.
        orig_len: The size of the axis before packing.
        axis: The axis that was packed.
        dtype: `"int8"` for integers from -8 to 7, `"uint8"` for 0 to 15.

    Raises:
        ValueError: If the dtype is another, or there is no such axis.
        TypeError: If the bytes are no bytes.

    Example:

    >>> keras.quantizers.unpack_int4(np.array([45, 1], "int8"), 3).numpy().tolist()
    [-3, 2, 1]
    """
    wanted = _checked(dtype, "unpack_int4")
    x: Any = ops.convert_to_tensor(packed)
    if x.dtype not in _BYTES:
        raise TypeError(
            f"unpack_int4: packed has dtype {x.dtype}; expected int8 or uint8."
        )
    axis = _axis(axis, x.ndim, "unpack_int4")
    x = ops.cast(x, wanted)
    four = ops.cast(4, wanted)
    # An arithmetic shift back keeps the sign of signed integers.
    low = ops.right_shift(ops.left_shift(x, four), four)
    high = ops.right_shift(x, four)
    both = ops.stack([low, high], axis=axis + 1)
    shape = [*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :]]
    whole = ops.reshape(both, shape)
    return whole[(slice(None),) * axis + (slice(0, orig_len),)]


def _checked(dtype: DTypeLike, owner: str) -> str:
    name = str(getattr(dtype, "name", dtype))
    if name in ("int8", "uint8"):
        return name
    try:
        name = dtypes.standardize(dtype)
    except ValueError:
        pass
    if name not in _BYTES:
        raise ValueError(f"{owner}: dtype={dtype!r}; expected 'int8' or 'uint8'.")
    return name


def _axis(axis: int, rank: int, owner: str) -> int:
    if not -rank <= axis < rank:
        raise ValueError(
            f"{owner}: axis={axis} of an array of {rank} axes; expected one that it has."
        )
    return axis % rank


def _every_other(x: Tensor, axis: int, first: int) -> Tensor:
    return x[(slice(None),) * axis + (slice(first, None, 2),)]
