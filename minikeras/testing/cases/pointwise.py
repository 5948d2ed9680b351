"""Cases of the elementwise rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minikeras.engine.dtypes import SIGNED, UNSIGNED, numpy_dtype
from minikeras.testing.cases.case import COMPLEX, FLOATS, INTS, WIDE, Arg, Case

SHAPES = ((3, 4), (), (0, 3), (2, 1, 5))
PAIRS = (
    ((3, 4), (3, 4)),
    ((3, 4), (4,)),
    ((2, 1, 3), (5, 1)),
    ((3, 4), ()),
    ((), ()),
    ((0, 3), (1, 3)),
)


def _unary(
    name: str,
    reference: Callable[..., Any],
    low: float = -2.0,
    high: float = 2.0,
    dtypes: tuple[str, ...] = FLOATS,
    smooth: tuple[int, ...] = (0,),
    factor: float = 1.0,
) -> Iterator[Case]:
    for number, shape in enumerate(SHAPES):
        kinds = dtypes if number == 0 else dtypes[:1]
        grads = smooth if number in (0, 1) else ()
        args = (Arg(shape, low, high),)
        yield Case(name, args, {}, kinds, reference, grads, factor)


def _binary(
    name: str,
    reference: Callable[..., Any] | None,
    low: float = -2.0,
    high: float = 2.0,
    dtypes: tuple[str, ...] = FLOATS,
    smooth: tuple[int, ...] = (0, 1),
    b: tuple[float, float] | None = None,
) -> Iterator[Case]:
    b_low, b_high = b or (low, high)
    for number, (left, right) in enumerate(PAIRS):
        kinds = dtypes if number == 0 else dtypes[:1]
        grads = smooth if number < 4 else ()
        args = (Arg(left, low, high), Arg(right, b_low, b_high))
        yield Case(name, args, {}, kinds, reference, grads)


def _vectorised(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: np.vectorize(function, otypes=[np.float64])(x)


def _digamma(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A slow series, unlike the kernel's."""
    k = np.arange(200_000)
    tail = (x - 1) / (k[-1] + 1)
    return -0.57721566490153286 + np.sum(1 / (k + 1) - 1 / (k + x)) + tail


def _erfinv(y: np.ndarray[Any, Any]) -> float:
    low, high = -6.0, 6.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erf(middle) < y else (low, middle)
    return (low + high) / 2


def complex_numbers() -> Iterator[Case]:
    """The rows that are for them, and rows of real numbers that take them too."""
    yield from _unary("real", np.real, dtypes=COMPLEX, smooth=())
    yield from _unary("imag", np.imag, dtypes=COMPLEX, smooth=())
    yield from _binary("complex", lambda a, b: a + 1j * b, dtypes=WIDE, smooth=())
    one: dict[str, Any] = {
        "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos,
        "tanh": np.tanh, "abs": np.abs, "neg": np.negative, "isfinite": np.isfinite,
    }  # fmt: skip
    two: dict[str, Any] = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
        "eq": np.equal, "ne": np.not_equal,
    }  # fmt: skip
    for name, reference in one.items():
        yield Case(name, (Arg((3, 4)),), {}, COMPLEX, reference, label="complex")
    for name, reference in two.items():
        args = (Arg((3, 4)), Arg((4,)))
        yield Case(name, args, {}, COMPLEX, reference, label="complex")


def elementwise() -> Iterator[Case]:
    yield from _transcendental()
    yield from _piecewise()


def _transcendental() -> Iterator[Case]:
    yield from _unary("exp", np.exp)
    yield from _unary("expm1", np.expm1)
    yield from _unary("log", np.log, 0.1, 3)
    yield from _unary("log1p", np.log1p, -0.7, 3)
    yield from _unary("sqrt", np.sqrt, 0.1, 3)
    yield from _unary("rsqrt", lambda x: 1 / np.sqrt(x), 0.3, 3)
    yield from _unary("sin", np.sin)
    yield from _unary("cos", np.cos)
    yield from _unary("tan", np.tan, -1, 1)
    yield from _unary("asin", np.arcsin, -0.8, 0.8)
    yield from _unary("acos", np.arccos, -0.8, 0.8)
    yield from _unary("atan", np.arctan)
    yield from _unary("sinh", np.sinh)
    yield from _unary("cosh", np.cosh)
    yield from _unary("tanh", np.tanh)
    yield from _unary("asinh", np.arcsinh)
    yield from _unary("acosh", np.arccosh, 1.4, 4, factor=2)
    yield from _unary("atanh", np.arctanh, -0.8, 0.8)
    yield from _unary("erf", _vectorised(math.erf))
    yield from _unary("erfinv", _vectorised(_erfinv), -0.8, 0.8)
    yield from _unary("logistic", lambda x: 1 / (1 + np.exp(-x)), -5, 5)
    yield from _unary("lgamma", _vectorised(math.lgamma), 0.3, 6, factor=2)
    yield from _unary("digamma", _vectorised(_digamma), 0.5, 4, WIDE[:1])
    for order in (1, 2, 3):
        reference = _vectorised(lambda x, n=order: _polygamma(n, x))
        args = (Arg((3, 4), 0.7, 3),)
        static = {"order": order}
        yield Case("polygamma", args, static, WIDE, reference, (0,), 10)


def _piecewise() -> Iterator[Case]:
    """Roundings, signs, tests, and what has a kink or a form for each side."""
    yield from _unary("floor", np.floor, smooth=())
    yield from _unary("ceil", np.ceil, smooth=())
    yield from _unary("round", np.round, -4, 4, smooth=())
    yield from _unary("relu", lambda x: np.maximum(x, 0), dtypes=(*FLOATS, "int32"))
    for sign in (1, -1):

        def log_logistic(
            x: np.ndarray[Any, Any], s: int = sign
        ) -> np.ndarray[Any, Any]:
            return -np.log1p(np.exp(-s * x))

        args = (Arg((3, 4), -6, 6),)
        static = {"sign": sign}
        label = str(sign)
        yield Case(
            "log_logistic", args, static, FLOATS, log_logistic, (0,), label=label
        )
    yield from _unary("cbrt", np.cbrt, 0.1, 3)
    halves = Arg((6,), values=[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    yield Case("round", (halves,), {}, FLOATS, np.round, (), label="halves")
    numbers = (*FLOATS, *INTS)
    yield from _unary("neg", np.negative, dtypes=numbers)
    yield from _unary("abs", np.abs, dtypes=numbers)
    yield from _unary("sign", np.sign, dtypes=numbers, smooth=())
    special = Arg((5,), values=[np.nan, np.inf, -np.inf, 0.0, 1.0])
    for name in ("isnan", "isfinite", "isinf"):
        yield Case(name, (special,), {}, FLOATS, getattr(np, name))
    yield from _unary("logical_not", np.logical_not, dtypes=("bool",), smooth=())
    bits = ("int32", "uint8", "bool")
    yield from _unary("bitwise_not", np.invert, -9, 9, bits, ())
    yield from _unary(
        "stop_gradient", lambda x: x, dtypes=(*numbers, "bool"), smooth=()
    )


def _polygamma(
    n: np.ndarray[Any, Any], x: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    k = np.arange(3000)
    edge = x + 3000
    tail = edge**-n / n + 0.5 * edge ** -(n + 1) + (n + 1) / 12 * edge ** -(n + 2)
    total = np.sum((x + k) ** -(n + 1.0)) + tail
    return (-1) ** (n + 1) * math.factorial(n) * total


def binary() -> Iterator[Case]:
    numbers = (*FLOATS, *INTS)
    yield from _binary("add", np.add, dtypes=numbers)
    yield from _binary("sub", np.subtract, 0, 2, (*FLOATS, "int32"))
    yield from _binary("mul", np.multiply, dtypes=numbers)
    yield from _binary("div", np.divide, b=(0.5, 2))
    whole = (*WIDE, *INTS)
    yield from _binary("floordiv", np.floor_divide, -9, 9, whole, (), b=(1, 5))
    yield from _binary("mod", np.mod, -9, 9, whole, (0, 1), b=(1.5, 5))
    yield from _binary("pow", np.power, 0.3, 2, WIDE, b=(-2, 3))
    yield from _binary("pow", np.power, -4, 4, ("int32", "int64"), (), b=(0, 5))
    yield from _binary("atan2", np.arctan2, 0.2, 2)
    yield from _binary("logaddexp", np.logaddexp)
    yield from _binary("maximum", np.maximum, dtypes=numbers)
    yield from _binary("minimum", np.minimum, dtypes=numbers)
    yield from _binary("nextafter", None, dtypes=FLOATS, smooth=())
    compares = {
        "eq": np.equal,
        "ne": np.not_equal,
        "lt": np.less,
        "le": np.less_equal,
        "gt": np.greater,
        "ge": np.greater_equal,
    }
    for name, reference in compares.items():
        yield from _binary(name, reference, 0, 2, ("int32", *FLOATS, "bool"), ())
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
        kinds = ("int32", "uint8", "bool")
        yield from _binary(name, getattr(np, name), -9, 9, kinds, ())
    yield from _binary("shift_left", np.left_shift, 0, 9, INTS, (), b=(0, 3))
    yield from _binary("shift_right", np.right_shift, -90, 90, INTS, (), b=(0, 3))
    yield from _binary("gcd", np.gcd, -60, 60, INTS, ())
    ends = [1e30, -1e30, np.inf, -np.inf, np.nan, 0.0]
    for name in ("maximum", "minimum"):
        pair = (Arg((6,), values=ends), Arg((6,)))
        yield Case(name, pair, {}, WIDE, getattr(np, name), label="ends")


def other() -> Iterator[Case]:
    args: tuple[Arg, ...]
    kinds: tuple[str, ...]
    static: dict[str, Any]
    shapes = (((3, 4), (3, 4), (3, 4)), ((3, 1), (4,), ()), ((), (2, 3), (2, 3)))
    for number, (c, a, b) in enumerate(shapes):
        kinds = (*FLOATS, "int32", "uint8", "bool") if number == 0 else ("float32",)
        args = (Arg(c, dtype="bool"), Arg(a), Arg(b))
        yield Case("select", args, {}, kinds, np.where, (1, 2))
    names = ("float32", "float64", "float16", "bfloat16", "int32", "uint8", "bool")
    pair = (Arg((3, 4)), Arg((3, 4)))
    yield Case("with_gradient_of", pair, {}, FLOATS, lambda value, source: value)
    for target in names:
        static = {"dtype": target}
        args = (Arg((3, 4), 0, 9),)
        kinds = tuple(n for n in names if n != target)
        smooth = (0,) if target == "float64" else ()
        yield Case("cast", args, static, kinds, _cast_to(target), smooth, label=target)
    yield Case("cast", (Arg((3,)),), {"dtype": "float64"}, ("float64",), None, (0,))
    edges = [-1e9, -129, -128.5, -1.5, -0.5, 0.5, 127.5, 128, 255.5, 256, 4e4, 6e4]
    edges += [2.0**31, 2.0**32, 2.0**63, 2.0**64, np.inf, -np.inf, np.nan, 1]
    for target in (*SIGNED, *UNSIGNED):
        args = (Arg((4, 5), values=edges),)
        static, label = {"dtype": target}, f"{target}-edges"
        yield Case("cast", args, static, FLOATS, _clipped_to(target), label=label)


def _cast_to(target: object) -> Callable[..., Any]:
    return lambda x: x.astype(numpy_dtype(target))


def _clipped_to(target: str) -> Callable[..., Any]:
    """Floats as integers: clipped, the fraction dropped, NaN as 0."""
    info = np.iinfo(target)

    def clipped(value: float) -> int:
        if value != value:
            return 0
        return int(min(max(value, info.min), info.max))

    def reference(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        flat = [clipped(v) for v in x.ravel().tolist()]
        return np.array(flat, target).reshape(x.shape)

    return reference
