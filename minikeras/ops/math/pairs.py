"""Complex numbers as pairs of real ones, and back."""

from __future__ import annotations

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.numpy.complex import joined
from minikeras.ops.op import op, stack_tensors
from minikeras.ops.support import const, floating, sub_slice
from minikeras.types import ArrayLike

__all__ = ["view_as_complex", "view_as_real"]


@op
def view_as_complex(x: ArrayLike) -> Tensor:
    """Pairs along the last axis as complex numbers.

    Args:
        x: Tensor `(..., 2)`: real and imaginary parts.

    Returns:
        Complex tensor `(...)`.

    Raises:
        ShapeError: If the last axis is not 2 long.

    Example:

    >>> keras.ops.view_as_complex([[1.0, 2.0], [3.0, 4.0]]).tolist()
    [(1+2j), (3+4j)]
    """
    x = floating(x)
    if dtypes.is_complex(x.dtype) or not x.ndim or x.shape[-1] != 2:
        raise ShapeError(
            f"view_as_complex: dtype {x.dtype}, shape {x.shape}; expected real numbers of "
            "shape (..., 2)."
        )
    parts = [sub_slice(x, x.ndim - 1, i, i + 1) for i in range(2)]
    return joined(*(prims.reshape(p, shape=x.shape[:-1]) for p in parts))


@op
def view_as_real(x: ArrayLike) -> Tensor:
    """The two parts of complex numbers along a new last axis.

    Args:
        x: Complex tensor `(...)`, or a real one, whose imaginary part is 0.

    Returns:
        Float tensor `(..., 2)`.

    Example:

    >>> keras.ops.view_as_real([1.0 + 2.0j, 3.0]).tolist()
    [[1.0, 2.0], [3.0, 0.0]]
    """
    x = floating(x)
    if dtypes.is_complex(x.dtype):
        parts = [prims.real(x), prims.imag(x)]
    else:
        parts = [x, prims.mul(x, const(x, 0))]
    stacked = stack_tensors(parts)
    perm = (*range(1, stacked.ndim), 0)
    return prims.transpose(stacked, perm=perm)
