"""Arrays out of nothing: a filled array, and positions along an axis.

A scalar constant of a rule is a 0-d `full`; fusion turns it into a literal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikeras.engine.aval import Aval, Shape, ShapeError
from minikeras.engine.dtypes import ALLOWED
from minikeras.engine.primitive import Facets, primitive
from minikeras.engine.prims.helpers import check_axis

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def _check(op: str, shape: object, dtype: str) -> None:
    if not isinstance(shape, tuple) or any(d < 0 for d in shape):
        raise ShapeError(
            f"{op}: shape {shape!r} is not valid; expected a tuple of sizes >= 0."
        )
    if dtype not in ALLOWED:
        raise ShapeError(
            f"{op}: dtype {dtype!r} is not known; expected one of {', '.join(ALLOWED)}."
        )


def _infer_full(*, shape: Shape, dtype: str, value: bool | int | float) -> Aval:
    _check("full", shape, dtype)
    return Aval(shape, dtype)


def _infer_iota(*, shape: Shape, dtype: str, axis: int) -> Aval:
    _check("iota", shape, dtype)
    check_axis("iota", axis, len(shape))
    return Aval(shape, dtype)


full = primitive(
    "full",
    kind="create",
    infer=_infer_full,
    vjp=None,
    facets=Facets(per_sample=lambda rank, static: True),
)
iota = primitive("iota", kind="create", infer=_infer_iota, vjp=None)


def const(like: Tensor, value: bool | int | float) -> Tensor:
    """A scalar of the dtype of `like`."""
    return full(shape=(), dtype=like.dtype, value=value)


def zeros(shape: Shape, dtype: str) -> Tensor:
    """An array of zeros."""
    return full(shape=shape, dtype=dtype, value=0)
