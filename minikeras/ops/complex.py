"""Functions of complex numbers. A real tensor is one whose imaginary part is 0."""

from __future__ import annotations

from typing import Any

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.core_op import op, promote_float, stack_tensors, to_tensor
from minikeras.ops.support import const, floating, sub_slice


@op
def real(x: Any) -> Tensor:
    """The real part; a real tensor itself.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape of `x`: float32 for complex64, float64 for complex128.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.real([1.0 + 2.0j, 3.0]).tolist()
    [1.0, 3.0]
    """
    x = to_tensor(x)
    result: Tensor = prims.real(x) if dtypes.is_complex(x.dtype) else x
    return result


@op
def imag(x: Any) -> Tensor:
    """The imaginary part; zeros for a real tensor.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape of `x`: float32 for complex64, float64 for complex128.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.imag([1.0 + 2.0j, 3.0]).tolist()
    [2.0, 0.0]
    """
    x = to_tensor(x)
    if dtypes.is_complex(x.dtype):
        result: Tensor = prims.imag(x)
        return result
    return prims.full(shape=x.shape, dtype=x.dtype, value=0)


@op
def conjugate(x: Any) -> Tensor:
    """The complex conjugate, `x - iy` of `x + iy`; a real tensor itself.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.conjugate([1.0 + 2.0j]).tolist()
    [(1-2j)]
    """
    x = to_tensor(x)
    if not dtypes.is_complex(x.dtype):
        return x
    result: Tensor = prims.complex(prims.real(x), prims.neg(prims.imag(x)))
    return result


@op
def conj(x: Any) -> Tensor:
    """The complex conjugate; another name for `conjugate`.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.conj([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    return conjugate(x)


@op
def isreal(x: Any) -> Tensor:
    """Whether each element is a real number: its imaginary part is 0.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.isreal([1.0, 2.0j]).tolist()
    [True, False]
    """
    x = to_tensor(x)
    if not dtypes.is_complex(x.dtype):
        return prims.full(shape=x.shape, dtype="bool", value=True)
    part = prims.imag(x)
    result: Tensor = prims.eq(part, const(part, 0))
    return result


@op
def angle(x: Any) -> Tensor:
    """The angle of each number in the complex plane, in radians from -pi to pi.

    Args:
        x: Tensor of any shape. Of real numbers the angle is 0, or pi for negative ones.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.angle([1.0j, -2.0]).tolist()
    [1.5708, 3.1416]
    """
    x = floating(x)
    if dtypes.is_complex(x.dtype):
        return prims.atan2(prims.imag(x), prims.real(x))
    return prims.atan2(const(x, 0), x)


@op
def polar(abs_: Any, angle: Any) -> Tensor:
    """Complex numbers from their sizes and angles, `abs * exp(i * angle)`.

    Args:
        abs_: Tensor of sizes.
        angle: Tensor of angles in radians; it broadcasts with `abs_`.

    Returns:
        Complex tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.polar(2.0, 0.0).item()
    (2+0j)
    """
    size, turn = promote_float(abs_, angle)
    x, y = prims.mul(size, prims.cos(turn)), prims.mul(size, prims.sin(turn))
    return joined(x, y)


def joined(real: Tensor, imag: Tensor) -> Tensor:
    """One complex tensor of two float tensors; halves become float32."""
    if real.dtype in ("float16", "bfloat16"):
        real, imag = (prims.cast(part, dtype="float32") for part in (real, imag))
    made: Tensor = prims.complex(real, imag)
    return made


@op
def view_as_complex(x: Any) -> Tensor:
    """Pairs along the last axis as complex numbers.

    Args:
        x: Tensor `(..., 2)`: real and imaginary parts.

    Returns:
        Complex tensor `(...)`.

    Raises:
        ShapeError: If the last axis is not 2 long.

    Example:

    >>> import minikeras as keras
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
def view_as_real(x: Any) -> Tensor:
    """The two parts of complex numbers along a new last axis.

    Args:
        x: Complex tensor `(...)`, or a real one, whose imaginary part is 0.

    Returns:
        Float tensor `(..., 2)`.

    Example:

    >>> import minikeras as keras
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
    moved: Tensor = prims.transpose(stacked, perm=perm)
    return moved
