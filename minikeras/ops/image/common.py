"""What the functions of images share: checks of arguments, axes, dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.ops.core.conversion import saturate_cast
from minikeras.ops.nn.convolution import channels_first
from minikeras.ops.op import to_tensor
from minikeras.ops.support import cast_to, const
from minikeras.types import ArrayLike


def images_of(
    images: ArrayLike, data_format: str | None, name: str, ranks: Sequence[int] = (3, 4)
) -> tuple[Tensor, bool]:
    """The images as a tensor, and whether channels stand first.

    Raises:
        ShapeError: If they have another rank.
        ValueError: If the data format is not known.
    """
    first = channels_first(data_format, name)
    x = to_tensor(images)
    if x.ndim not in ranks:
        expected = " or ".join(
            f"rank {r} ({'one image' if r == 3 else 'a batch of images'})"
            for r in ranks
        )
        raise ShapeError(f"{name}: images have shape {x.shape}; expected {expected}.")
    return x, first


def plane(x: Tensor, first: bool) -> tuple[int, int]:
    """The axes of height and width."""
    low = x.ndim - 2 if first else x.ndim - 3
    return low, low + 1


def channel_axis(x: Tensor, first: bool) -> int:
    """The axis of channels."""
    return x.ndim - 3 if first else x.ndim - 1


def one_of(value: ArrayLike, known: Sequence[Any], name: str, argument: str) -> Any:
    """`value`, if it is one of those known.

    Raises:
        ValueError: If not.
    """
    if value not in known:
        raise ValueError(
            f"{name}: {argument}={value!r}; expected one of {tuple(known)}."
        )
    return value


def pair(value: Any, name: str, argument: str) -> tuple[int, int]:
    """Two positive integers.

    Raises:
        ValueError: If it is something else.
    """
    try:
        found = tuple(v.__index__() for v in value)
    except (AttributeError, TypeError):
        found = ()
    if len(found) != 2 or min(found) < 1:
        raise ValueError(
            f"{name}: {argument}={value!r}; expected two positive integers, one for the "
            "height and one for the width."
        )
    return found[0], found[1]


def computing(dtype: str) -> str:
    """The float dtype to compute in: what is not wide enough goes through float32."""
    return dtype if dtype in ("float32", "float64") else "float32"


def back_to(x: Tensor, dtype: str, round_first: bool = True) -> Tensor:
    """Float results in the dtype of the images, rounded and clipped where that is integer."""
    if dtypes.is_integer(dtype):
        return saturate_cast(prims.round(x) if round_first else x, dtype)
    return prims.ne(x, const(x, 0)) if dtype == "bool" else cast_to(x, dtype)


def unknown(*sizes: int) -> bool:
    """Whether a size is not known, as happens in symbolic calls."""
    return any(isinstance(n, Unknown) for n in sizes)


def of_size(x: Tensor, axis: int, size: int) -> Tensor:
    """Stands for a result with another size in one axis, where only shapes count."""
    at = prims.iota(shape=(size,), dtype="int32", axis=0)
    return prims.take(x, at, axis=axis)
