"""Functions of complex numbers, on real ones: there are no complex dtypes."""

from __future__ import annotations

from typing import Any

from minikeras.engine import prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.core_op import op, to_tensor
from minikeras.ops.support import const, floating


@op
def real(x: Any) -> Tensor:
    """The real part: the tensor itself, as there are no complex dtypes.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.real([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    return to_tensor(x)


@op
def imag(x: Any) -> Tensor:
    """The imaginary part: zeros, as there are no complex dtypes.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.imag([1.0, 2.0]).tolist()
    [0.0, 0.0]
    """
    x = to_tensor(x)
    return prims.full(shape=x.shape, dtype=x.dtype, value=0)


@op
def conjugate(x: Any) -> Tensor:
    """The complex conjugate: the tensor itself, as there are no complex dtypes.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.conjugate([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    return to_tensor(x)


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
    return to_tensor(x)


@op
def isreal(x: Any) -> Tensor:
    """Whether each element is a real number: always, as there are no complex dtypes.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.isreal([1.0, 2.0]).tolist()
    [True, True]
    """
    return prims.full(shape=to_tensor(x).shape, dtype="bool", value=True)


@op
def angle(x: Any) -> Tensor:
    """The angle of each number in the complex plane: 0, or pi for negative ones.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.angle([1.0, -2.0]).tolist()
    [0.0, 3.1416]
    """
    x = floating(x)
    return prims.atan2(const(x, 0), x)
