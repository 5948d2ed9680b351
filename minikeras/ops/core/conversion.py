"""Conversion, dtypes and shapes of tensors; gradients that stop or are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minikeras.engine import custom_gradients, dtypes, prims
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import const
from minikeras.types import ArrayLike, DTypeLike

__all__ = [
    "convert_to_tensor", "convert_to_numpy", "cast", "saturate_cast", "shape", "dtype",
    "is_tensor", "stop_gradient", "custom_gradient",
]  # fmt: skip


@op
def convert_to_tensor(
    x: ArrayLike,
    dtype: DTypeLike | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
) -> Tensor:
    """Any array-like as a tensor.

    Python floats and lists of them become `keras.config.floatx()`, Python integers
    int32; arrays keep their dtype.

    Args:
        x: Number, nested list, NumPy array, variable or tensor.
        dtype: Dtype of the result; by default that of `x`.
        sparse: Kept for Keras's signature; must not be True.
        ragged: Kept for Keras's signature; must not be True.

    Returns:
        Tensor with the values and the shape of `x`.

    Raises:
        ValueError: If `x` holds no numbers, is not rectangular, or a sparse or ragged
            tensor is asked for.

    Example:

    >>> keras.ops.convert_to_tensor([[1, 2], [3, 4]]).tolist()
    [[1, 2], [3, 4]]
    """
    if sparse or ragged:
        raise ValueError(
            "convert_to_tensor: sparse and ragged tensors are not supported; pass "
            "sparse=None and ragged=None, and dense values."
        )
    return to_tensor(x, None if dtype is None else dtypes.standardize(dtype))


def convert_to_numpy(x: ArrayLike) -> np.ndarray[Any, Any]:
    """The values as a NumPy array.

    Args:
        x: Tensor, variable or array-like.

    Returns:
        NumPy array of its own memory.

    Raises:
        TraceError: Inside a compiled function or a symbolic call, where there are no
            values.

    Example:

    >>> keras.ops.convert_to_numpy(keras.ops.ones((2,)))
    array([1., 1.], dtype=float32)
    """
    if isinstance(x, KerasTensor):
        return np.asarray(x)  # raises: it has no values
    return to_tensor(x).numpy()


@op
def cast(x: ArrayLike, dtype: object) -> Tensor:
    """`x` with another dtype.

    A float in an integer dtype drops its fraction; outside the range of that dtype it
    becomes the nearest end of it, and NaN becomes 0. Integers wrap around. As bool, what
    is not zero is true, NaN included.

    Args:
        x: Tensor of any shape.
        dtype: Dtype wanted.

    Returns:
        Tensor of the shape of `x`.

    Raises:
        ValueError: If `dtype` names no dtype.

    Example:

    >>> keras.ops.cast([1.7, -1.7], "int32").tolist()
    [1, -1]
    >>> keras.ops.cast([300.0, -300.0], "int8").tolist()
    [127, -128]
    """
    return to_tensor(x, dtypes.standardize(dtype))


@op
def saturate_cast(x: Any, dtype: object) -> Tensor:
    """`x` with another dtype, clipped to what that dtype can hold.

    Unlike `cast`, integers do not wrap around, infinities become the greatest finite
    numbers that both dtypes hold, and as bool only what is above zero is true. NaN stays
    NaN in float dtypes, becomes 0 in integers and true as bool. Of complex numbers the
    real part is taken.

    Args:
        x: Tensor of any shape.
        dtype: Dtype wanted.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> keras.ops.saturate_cast(np.array([-5, 300]), "uint8").tolist()
    [0, 255]
    """
    x, dtype = to_tensor(x), dtypes.standardize(dtype)
    own = x.dtype
    if own == "bool" or dtypes.is_complex(dtype):
        return to_tensor(x, dtype)
    if dtypes.is_complex(own):
        x = prims.real(x)
        own = x.dtype
    if dtypes.is_float8(own):  # nothing is computed in these
        x = to_tensor(x, "float32")
        if own == dtype or dtypes.is_float(dtype):
            top = limits(own)[1]
            x = prims.minimum(prims.maximum(x, const(x, -top)), const(x, top))
        own = "float32"
    (own_low, own_high), clips = limits(own), dtypes.is_float(own)
    if clips and dtypes.is_integer(dtype):
        # A cast clips at the ends of the integer dtype; that leaves a float16 infinity.
        if own != "float16":
            return to_tensor(x, dtype)
        low, high = own_low, own_high
    else:
        low, high = limits(dtype)
    # An infinity lies outside the range of its own dtype too.
    if low > own_low or clips:
        x = prims.maximum(x, const(x, -_below(-max(low, own_low), own)))
    if high < own_high or clips:
        x = prims.minimum(x, const(x, _below(min(high, own_high), own)))
    return to_tensor(x, dtype)


def limits(dtype: str) -> tuple[float, float]:
    """The least and the greatest finite value of a dtype."""
    if dtype == "bool":
        return 0, 1
    if dtype == "bfloat16":
        return -3.3895313892515355e38, 3.3895313892515355e38
    if dtypes.is_float8(dtype):
        top = 448.0 if dtype == "float8_e4m3fn" else 57344.0
        return -top, top
    if dtypes.is_float(dtype):
        return float(np.finfo(dtype).min), float(np.finfo(dtype).max)
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def least_normal(dtype: str) -> float:
    """The least positive number of a float dtype that has all its digits."""
    return float(np.finfo("float32" if dtype == "bfloat16" else dtype).tiny)


def _below(value: float, dtype: str) -> float:
    """The greatest value of `dtype` that is not above `value`."""
    if not dtypes.is_float(dtype):
        return int(value)
    near = np.asarray(value, dtypes.numpy_dtype(dtype))
    if float(near) > value:
        near = np.nextafter(near, np.zeros_like(near))
    return float(near)


def shape(x: ArrayLike) -> tuple[int | None, ...]:
    """The shape, as a tuple.

    Args:
        x: Tensor, symbolic tensor, variable or array-like.

    Returns:
        Tuple of sizes; None where a symbolic tensor does not know one.

    Example:

    >>> keras.ops.shape(keras.ops.zeros((3, 4)))
    (3, 4)
    """
    found = getattr(x, "shape", None)
    return tuple(found) if found is not None else to_tensor(x).shape


def dtype(x: ArrayLike) -> str:
    """The name of the dtype.

    Args:
        x: Tensor, symbolic tensor, variable or array-like.

    Returns:
        String such as `"float32"`.

    Example:

    >>> keras.ops.dtype(keras.ops.zeros((2,), "int8"))
    'int8'
    """
    found = getattr(x, "dtype", None)
    return dtypes.standardize(found) if found is not None else to_tensor(x).dtype


def is_tensor(x: ArrayLike) -> bool:
    """Whether `x` is a tensor; NumPy arrays, variables and symbolic tensors are not.

    Args:
        x: Any object.

    Example:

    >>> keras.ops.is_tensor(keras.ops.zeros(2)), keras.ops.is_tensor([0.0])
    (True, False)
    """
    return isinstance(x, Tensor)


@op
def stop_gradient(variable: ArrayLike) -> Tensor:
    """The value itself, which no gradient flows back through.

    Args:
        variable: Tensor, variable or array-like.

    Returns:
        Tensor with the values of `variable`.

    Example:

    >>> keras.ops.stop_gradient(keras.ops.array([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """
    return prims.stop_gradient(to_tensor(variable))


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator that gives a function its own gradient.

    Args:
        f: Function of tensors that returns `(result, grad)`. `grad(*args, upstream=None)`
            takes the gradient of the result, by position or as `upstream`, and returns
            one gradient for each argument of `f`.

    Returns:
        Function of the same tensors that returns `result` alone.

    Example:

    >>> @keras.ops.custom_gradient
    ... def log1pexp(x):
    ...     e = keras.ops.exp(x)
    ...     def grad(*args, upstream=None):
    ...         upstream = args[0] if upstream is None else upstream
    ...         return keras.ops.multiply(upstream, 1.0 - 1.0 / keras.ops.add(1, e))
    ...     return keras.ops.log(1 + e), grad
    >>> log1pexp(keras.ops.array([0.0])).tolist()
    [0.6931]
    """
    return custom_gradients.custom_gradient(f)
