"""Overlapping parts of a signal, and their sum."""

from __future__ import annotations

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import const
from minikeras.types import ArrayLike

__all__ = ["extract_sequences"]


def frames(x: Tensor, length: int, stride: int, name: str) -> Tensor:
    """Overlapping parts of the last axis, `(..., frames, length)`.

    Raises:
        ShapeError: If the axis is shorter than one part.
    """
    if not x.ndim or (x.shape[-1] < length and not isinstance(x.shape[-1], Unknown)):
        raise ShapeError(
            f"{name}: shape {x.shape}; expected at least {length} samples, one frame, "
            "along the last axis."
        )
    count = 1 + (x.shape[-1] - length) // stride
    shape = (count, length)
    starts = prims.iota(shape=shape, dtype="int32", axis=0)
    places = prims.iota(shape=shape, dtype="int32", axis=1)
    at = prims.add(prims.mul(starts, const(starts, stride)), places)
    return prims.take(x, at, axis=x.ndim - 1)


def overlap_add(x: Tensor, stride: int) -> Tensor:
    """The transpose of `frames`: `(..., frames, length)` summed into one axis."""
    *batch, count, length = x.shape
    shape = (count, length)
    starts = prims.iota(shape=shape, dtype="int32", axis=0)
    places = prims.iota(shape=shape, dtype="int32", axis=1)
    at = prims.add(prims.mul(starts, const(starts, stride)), places)
    size = (count - 1) * stride + length
    return prims.scatter_add_axis(x, at, shape=(*batch, size), axis=len(batch))


@op
def extract_sequences(
    x: ArrayLike, sequence_length: int, sequence_stride: int
) -> Tensor:
    """Overlapping parts of the last axis.

    Args:
        x: Tensor `(..., samples)`.
        sequence_length: Length of a part.
        sequence_stride: Distance of parts.

    Returns:
        Tensor `(..., parts, sequence_length)`.

    Raises:
        ShapeError: If the axis is shorter than a part.

    Example:

    >>> keras.ops.extract_sequences(keras.ops.arange(6), 3, 2).tolist()
    [[0, 1, 2], [2, 3, 4]]
    """
    return frames(
        to_tensor(x), int(sequence_length), int(sequence_stride), "extract_sequences"
    )
