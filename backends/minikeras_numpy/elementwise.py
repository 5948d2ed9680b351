"""Elementwise kernels and the two that create arrays."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minikeras.extend import convert
from minikeras_numpy import special
from minikeras_numpy.common import Array, Kernel, Table, arrays, numpy_dtype, to

# Row name -> function of the namespace that does exactly this.
UFUNCS = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "div": "true_divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "atan2": "arctan2",
    "maximum": "maximum",
    "minimum": "minimum",
    "nextafter": "nextafter",
    "gcd": "gcd",
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "bitwise_and": "bitwise_and",
    "bitwise_or": "bitwise_or",
    "bitwise_xor": "bitwise_xor",
    "shift_left": "left_shift",
    "shift_right": "right_shift",
    "neg": "negative",
    "abs": "absolute",
    "sign": "sign",
    "exp": "exp",
    "expm1": "expm1",
    "log": "log",
    "log1p": "log1p",
    "sqrt": "sqrt",
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "floor": "floor",
    "ceil": "ceil",
    "round": "rint",
    "isnan": "isnan",
    "isfinite": "isfinite",
    "isinf": "isinf",
    "logical_not": "logical_not",
    "bitwise_not": "invert",
}


def _wide(xp: Any, function: Kernel) -> Kernel:
    """A special function, computed in float64 (float32 for the 16 bit floats)."""

    def kernel(x: Array, **static: Any) -> Array:
        work = xp.float32 if x.dtype.itemsize == 2 else x.dtype
        return to(function(xp, to(x, work), **static), x.dtype)

    return kernel


def _power(xp: Any) -> Kernel:
    def power(x: Array, y: Array) -> Array:
        if x.dtype.kind != "i":
            return xp.power(x, y)
        # An integer to a negative power is 0, but for the bases 1 and -1.
        result = xp.power(x, xp.maximum(y, 0))
        unit = xp.where((y & 1) == 1, x, xp.ones_like(x))
        inverse = xp.where(xp.abs(x) == 1, unit, xp.zeros_like(x))
        return xp.where(y < 0, inverse, result)

    return power


def table(xp: Any) -> Table:
    """The kernels of this family over the namespace `xp`."""

    def rsqrt(x: Array) -> Array:
        return to(1 / xp.sqrt(x), x.dtype)

    def logistic(x: Array) -> Array:
        return to(1 / (1 + xp.exp(-x)), x.dtype)

    def select(cond: Array, a: Array, b: Array) -> Array:
        return xp.where(cond, a, b)

    def cast(x: Array, *, dtype: str) -> Array:
        return convert(x, numpy_dtype(dtype), xp)

    @functools.lru_cache(maxsize=256)
    def scalar(dtype: str, value: Any) -> Array:
        return xp.full((), value, dtype=numpy_dtype(dtype))

    def full(*, shape: tuple[int, ...], dtype: str, value: Any) -> Array:
        # 0.0 equals -0.0, so a zero is looked up by its integer only.
        if shape == () and (value or type(value) is int):
            return scalar(dtype, value)
        return xp.full(shape, value, dtype=numpy_dtype(dtype))

    def iota(*, shape: tuple[int, ...], dtype: str, axis: int) -> Array:
        steps = xp.arange(shape[axis]).astype(numpy_dtype(dtype))
        steps = steps.reshape((-1,) + (1,) * (len(shape) - axis - 1))
        return xp.broadcast_to(steps, shape)

    def joined(real: Array, imag: Array) -> Array:
        wide = xp.complex128 if real.dtype == xp.float64 else xp.complex64
        # By the bytes: real + 1j * imag would make NaN of an infinite part.
        shape = np.broadcast_shapes(real.shape, imag.shape)
        parts = [xp.broadcast_to(part, shape)[..., None] for part in (real, imag)]
        return xp.concatenate(parts, axis=-1).view(wide)[..., 0]

    own: dict[str, Kernel] = {
        "real": lambda x: x.real.copy(),
        "imag": lambda x: x.imag.copy(),
        "complex": joined,
        "rsqrt": rsqrt,
        "logistic": logistic,
        "pow": _power(xp),
        "select": select,
        "cast": cast,
        "full": full,
        "iota": iota,
        "stop_gradient": lambda x: x,
        "erf": _wide(xp, special.erf),
        "erfinv": _wide(xp, special.erfinv),
        "lgamma": _wide(xp, special.lgamma),
        "digamma": _wide(xp, special.digamma),
        "polygamma": _wide(xp, special.polygamma),
    }
    direct = {name: getattr(xp, ufunc) for name, ufunc in UFUNCS.items()}
    return {name: arrays(xp, kernel) for name, kernel in {**direct, **own}.items()}
