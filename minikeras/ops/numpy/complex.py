"""Functions of complex numbers. A real tensor is one whose imaginary part is 0."""

from __future__ import annotations

from minikeras.engine import dtypes, prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import const, floating
from minikeras.types import ArrayLike

__all__ = ["real", "imag", "conjugate", "conj", "isreal", "angle"]


@op
def real(x: ArrayLike) -> Tensor:
    """The real part; a real tensor itself.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape of `x`: float32 for complex64, float64 for complex128.

    Example:

    >>> keras.ops.real([1.0 + 2.0j, 3.0]).tolist()
    [1.0, 3.0]
    """
    x = to_tensor(x)
    result: Tensor = prims.real(x) if dtypes.is_complex(x.dtype) else x
    return result


@op
def imag(x: ArrayLike) -> Tensor:
    """The imaginary part; zeros for a real tensor.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape of `x`: float32 for complex64, float64 for complex128.

    Example:

    >>> keras.ops.imag([1.0 + 2.0j, 3.0]).tolist()
    [2.0, 0.0]
    """
    x = to_tensor(x)
    if dtypes.is_complex(x.dtype):
        return prims.imag(x)
    return prims.full(shape=x.shape, dtype=x.dtype, value=0)


@op
def conjugate(x: ArrayLike) -> Tensor:
    """The complex conjugate, `x - iy` of `x + iy`; a real tensor itself.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> keras.ops.conjugate([1.0 + 2.0j]).tolist()
    [(1-2j)]
    """
    x = to_tensor(x)
    if not dtypes.is_complex(x.dtype):
        return x
    return prims.complex(prims.real(x), prims.neg(prims.imag(x)))


@op
def conj(x: ArrayLike) -> Tensor:
    """The complex conjugate; another name for `conjugate`.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> keras.ops.conj([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    return conjugate(x)


@op
def isreal(x: ArrayLike) -> Tensor:
    """Whether each element is a real number: its imaginary part is 0.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> keras.ops.isreal([1.0, 2.0j]).tolist()
    [True, False]
    """
    x = to_tensor(x)
    if not dtypes.is_complex(x.dtype):
        return prims.full(shape=x.shape, dtype="bool", value=True)
    part = prims.imag(x)
    return prims.eq(part, const(part, 0))


@op
def angle(x: ArrayLike) -> Tensor:
    """The angle of each number in the complex plane, in radians from -pi to pi.

    Args:
        x: Tensor of any shape. Of real numbers the angle is 0, or pi for negative ones.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.angle([1.0j, -2.0]).tolist()
    [1.5708, 3.1416]
    """
    x = floating(x)
    if dtypes.is_complex(x.dtype):
        return prims.atan2(prims.imag(x), prims.real(x))
    # 0 for positive numbers, pi for negative ones.
    return prims.atan2(const(x, 0), x)


def joined(real: Tensor, imag: Tensor) -> Tensor:
    """One complex tensor of two float tensors; halves become float32."""
    if real.dtype in ("float16", "bfloat16"):
        real, imag = (prims.cast(part, dtype="float32") for part in (real, imag))
    return prims.complex(real, imag)
