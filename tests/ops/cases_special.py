"""Rows of every elementwise op at special points: nan, infinities, ends of integers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

FLOAT_UNARY = (
    "abs", "angle", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh",
    "cbrt", "ceil", "celu", "conj", "cos", "cosh", "deg2rad", "elu", "erf", "erfc",
    "erfinv", "exp", "exp2", "expm1", "fabs", "floor", "gelu", "hard_shrink",
    "hard_sigmoid", "hard_silu", "hard_tanh", "i0", "imag", "isfinite", "isinf",
    "isnan", "isneginf", "isposinf", "isreal", "leaky_relu", "log", "log10", "log1p",
    "log2", "log_sigmoid", "logical_not", "nan_to_num", "negative", "rad2deg", "real",
    "reciprocal", "relu", "relu6", "round", "rsqrt", "selu", "sigmoid", "sign",
    "signbit", "silu", "sin", "sinc", "sinh", "soft_shrink", "softplus", "softsign",
    "sparse_plus", "sparse_sigmoid", "sqrt", "square", "squareplus", "tan", "tanh",
    "tanh_shrink", "trunc",
)  # fmt: skip
COMPARED = (
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isclose",
    "logical_and", "logical_or", "logical_xor",
)  # fmt: skip
SHARED = (
    "add", "subtract", "multiply", "divide", "divide_no_nan", "floor_divide", "mod",
    "fmod", "power", "maximum", "minimum", "fmax", "fmin", "arctan2", "hypot",
    "logaddexp", "logaddexp2", "heaviside", *COMPARED,
)  # fmt: skip
FLOAT_BINARY = (*SHARED, "nextafter")
INT_UNARY = (
    "abs", "negative", "sign", "square", "relu", "bitwise_not", "logical_not", "trunc",
    "sqrt", "exp", "reciprocal", "isfinite", "round", "floor", "nan_to_num", "signbit",
)  # fmt: skip
INT_BINARY = (
    *SHARED, "bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift",
    "gcd", "lcm",
)  # fmt: skip
INTS = ("int8", "int32", "uint8", "uint32")


@dataclasses.dataclass(frozen=True)
class Row:
    """One op on special values, or on all pairs of them."""

    name: str
    dtype: str
    count: int

    @property
    def label(self) -> str:
        return f"{self.name}-{self.dtype}"

    def arrays(self) -> list[np.ndarray]:
        values = _floats(self) if self.dtype.startswith("float") else _ints(self)
        if self.count == 1:
            return [values]
        pairs = [v.ravel() for v in np.meshgrid(values, values, indexing="ij")]
        keep = _defined(self, *pairs)
        return [v[keep] for v in pairs]


def _floats(row: Row) -> np.ndarray:
    limits = np.finfo(row.dtype)
    ends = [float(limits.max), -float(limits.max), float(limits.tiny)]
    special = [math.nan, math.inf, -math.inf, -0.0, 0.0, 1.0, -1.0, 2.5, -7.0, *ends]
    if row.count == 1:
        special += [0.5, -0.5, 1.5, -2.5, 3.0, 100.0, -100.0, 1000.3, -1000.3]
    return np.array(special, row.dtype)


def _ints(row: Row) -> np.ndarray:
    limits = np.iinfo(row.dtype)
    # Shifts by as many bits as there are, and by more.
    values = {limits.min, limits.max, 0, 1, 2, 3, 7, limits.bits - 1, limits.bits}
    values |= {limits.bits + 1, limits.max - 1}
    if limits.min < 0:
        values |= {-1, -2, -7, limits.min + 1}
    return np.array(sorted(values), row.dtype)


def _defined(row: Row, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where keras's results mean something, or JAX comes to an end at all."""
    if row.dtype.startswith("float"):
        return np.ones(a.shape, bool)
    if row.name == "floor_divide":  # by 0 JAX gives -1 or -2, and we give 0
        return b != 0
    if row.name == "power":  # JAX reads the lowest bits of the exponent only
        return (b >= 0) & (b < 64)
    if row.name in ("gcd", "lcm"):  # of the least number JAX seeks for ever
        low = np.iinfo(row.dtype).min
        return (a != low) & (b != low) if low else np.ones(a.shape, bool)
    return np.ones(a.shape, bool)


def _rows() -> Iterator[Row]:
    for name in FLOAT_UNARY:
        yield Row(name, "float32", 1)
        yield Row(name, "float16", 1)
    for name in FLOAT_BINARY:
        yield Row(name, "float32", 2)
    for dtype in INTS:
        for name in INT_UNARY:
            yield Row(name, dtype, 1)
        for name in INT_BINARY:
            yield Row(name, dtype, 2)


ROWS = list(_rows())
