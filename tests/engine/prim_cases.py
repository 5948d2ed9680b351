"""The one table of primitive cases: test_prims.py and the backend contract use it.

A case is a row's name, a sampler of its arrays, its static keywords, the dtypes it is
tried in, and a reference in plain NumPy that shares nothing with our kernels. The
reference gets float64 where the case has a float dtype; `smooth` names the arguments
that gradients are checked for.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import numpy as np

from minikeras.engine.dtypes import numpy_dtype
from minikeras.engine.primitive import PRIMITIVES

FLOATS = ("float32", "float64", "float16", "bfloat16")
WIDE = ("float32", "float64")
INTS = ("int32", "uint8", "int64")
TOLERANCE = {"float64": 1e-11, "float32": 2e-5, "float16": 4e-3, "bfloat16": 3e-2}


@dataclass(frozen=True)
class Arg:
    """How one array is drawn. `dtype` None: the dtype of the case."""

    shape: tuple[int, ...]
    low: float = -2.0
    high: float = 2.0
    dtype: str | None = None
    values: object = None  # fixed values instead of drawn ones

    def draw(self, rng, dtype):
        dtype = numpy_dtype(self.dtype or dtype)
        if self.values is not None:
            return np.asarray(self.values, dtype=dtype).reshape(self.shape)
        if dtype == bool:
            return rng.random(self.shape) < 0.5
        if dtype.kind in "iu":
            low = max(self.low, 0) if dtype.kind == "u" else self.low
            return rng.integers(int(low), int(self.high) + 1, self.shape).astype(dtype)
        return np.asarray(rng.uniform(self.low, self.high, self.shape)).astype(dtype)


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    name: str
    args: tuple[Arg, ...]
    static: dict = field(default_factory=dict)
    dtypes: tuple[str, ...] = WIDE
    reference: object = None
    smooth: tuple[int, ...] = ()
    tolerance: float = 1.0  # factor on TOLERANCE
    label: str = ""

    @property
    def row(self):
        return PRIMITIVES[self.name]

    def __str__(self):
        shapes = "_".join("x".join(map(str, a.shape)) or "0d" for a in self.args)
        return "-".join(part for part in (self.name, shapes, self.label) if part)

    def draw(self, dtype, seed=0):
        rng = np.random.default_rng(seed)
        return [a.draw(rng, dtype) for a in self.args]


SHAPES = ((3, 4), (), (0, 3), (2, 1, 5))
PAIRS = (
    ((3, 4), (3, 4)),
    ((3, 4), (4,)),
    ((2, 1, 3), (5, 1)),
    ((3, 4), ()),
    ((), ()),
    ((0, 3), (1, 3)),
)


def _unary(name, reference, low=-2.0, high=2.0, dtypes=FLOATS, smooth=(0,), factor=1.0):
    for number, shape in enumerate(SHAPES):
        kinds = dtypes if number == 0 else dtypes[:1]
        grads = smooth if number in (0, 1) else ()
        args = (Arg(shape, low, high),)
        yield Case(name, args, {}, kinds, reference, grads, factor)


def _binary(name, reference, low=-2.0, high=2.0, dtypes=FLOATS, smooth=(0, 1), b=None):
    b_low, b_high = b or (low, high)
    for number, (left, right) in enumerate(PAIRS):
        kinds = dtypes if number == 0 else dtypes[:1]
        grads = smooth if number < 4 else ()
        args = (Arg(left, low, high), Arg(right, b_low, b_high))
        yield Case(name, args, {}, kinds, reference, grads)


def _vectorised(function):
    return lambda x: np.vectorize(function, otypes=[np.float64])(x)


def _digamma(x):
    """A slow series, unlike the kernel's."""
    k = np.arange(200_000)
    tail = (x - 1) / (k[-1] + 1)
    return -0.57721566490153286 + np.sum(1 / (k + 1) - 1 / (k + x)) + tail


def _erfinv(y):
    low, high = -6.0, 6.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erf(middle) < y else (low, middle)
    return (low + high) / 2


def elementwise():
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
    yield from _unary("floor", np.floor, smooth=())
    yield from _unary("ceil", np.ceil, smooth=())
    yield from _unary("round", np.round, -4, 4, smooth=())
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
    yield from _unary("stop_gradient", lambda x: x, dtypes=(*numbers, "bool"), smooth=())


def _polygamma(n, x):
    k = np.arange(3000)
    edge = x + 3000
    tail = edge**-n / n + 0.5 * edge ** -(n + 1) + (n + 1) / 12 * edge ** -(n + 2)
    total = np.sum((x + k) ** -(n + 1.0)) + tail
    return (-1) ** (n + 1) * math.factorial(n) * total


def binary():
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
    yield from _binary("maximum", np.maximum, dtypes=numbers)
    yield from _binary("minimum", np.minimum, dtypes=numbers)
    yield from _binary("nextafter", None, dtypes=WIDE, smooth=())
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
    ends = [1e30, -1e30, np.inf, -np.inf, np.nan, 0.0]
    for name in ("maximum", "minimum"):
        pair = (Arg((6,), values=ends), Arg((6,)))
        yield Case(name, pair, {}, WIDE, getattr(np, name), label="ends")


def other():
    shapes = (((3, 4), (3, 4), (3, 4)), ((3, 1), (4,), ()), ((), (2, 3), (2, 3)))
    for number, (c, a, b) in enumerate(shapes):
        kinds = (*FLOATS, "int32", "uint8", "bool") if number == 0 else ("float32",)
        args = (Arg(c, dtype="bool"), Arg(a), Arg(b))
        yield Case("select", args, {}, kinds, np.where, (1, 2))
    names = ("float32", "float64", "float16", "bfloat16", "int32", "uint8", "bool")
    for target in names:
        static = {"dtype": target}
        args = (Arg((3, 4), 0, 9),)
        kinds = tuple(n for n in names if n != target)
        smooth = (0,) if target == "float64" else ()
        yield Case("cast", args, static, kinds, _cast_to(target), smooth, label=target)
    yield Case("cast", (Arg((3,)),), {"dtype": "float64"}, ("float64",), None, (0,))


def _cast_to(target):
    return lambda x: x.astype(numpy_dtype(target))


def create():
    for shape, dtype, value in (
        ((2, 3), "float32", 1.5),
        ((), "float64", -0.0),
        ((), "int32", 7),
        ((0, 2), "bfloat16", 1.0),
        ((4,), "bool", True),
        ((2,), "float32", float("inf")),
    ):
        static = {"shape": shape, "dtype": dtype, "value": value}
        yield Case("full", (), static, (dtype,), _full(**static), label=str(value))
    for shape, dtype, axis in (
        ((5,), "int32", 0),
        ((2, 3, 4), "float32", 1),
        ((2, 3), "uint8", 1),
        ((0, 3), "float64", 0),
    ):
        static = {"shape": shape, "dtype": dtype, "axis": axis}
        yield Case("iota", (), static, (dtype,), _iota(**static))


def _full(shape, dtype, value):
    return lambda: np.full(shape, value, numpy_dtype(dtype))


def _iota(shape, dtype, axis):
    return lambda: np.indices(shape)[axis].astype(numpy_dtype(dtype))


AXES = ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2), ())


def reduce():
    names = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min}
    for name, reference in names.items():
        for axes, keep in itertools.product(AXES, (False, True)):
            full_set = axes == (0, 2) and keep
            kinds = (*FLOATS, "int32") if full_set else ("float32",)
            if axes == () and name in ("max", "min"):
                kinds = ("float32",)
            static = {"axes": axes, "keepdims": keep}
            args = (Arg((2, 3, 4), 0.3, 1.7),)
            smooth = (0,) if keep or axes == (0, 1) else ()
            check = _over(reference, axes, keep)
            label = f"{axes}{keep}"
            yield Case(name, args, static, kinds, check, smooth, 2, label)
        zero_d = {"axes": (), "keepdims": False}
        yield Case(name, (Arg(()),), zero_d, ("float32",), lambda x: x, (0,))
    for name in ("sum", "prod"):
        static = {"axes": (0,), "keepdims": False}
        check = _over(names[name], (0,), False)
        yield Case(name, (Arg((0, 3)),), static, ("float32",), check)
    zeros = Arg((2, 4), values=[0.0, 2.0, 3.0, 0.5, 0.0, 1.5, 0.0, 2.5])
    for axes in ((1,), (0, 1)):
        static = {"axes": axes, "keepdims": False}
        label = f"zeros{axes}"
        yield Case(
            "prod", (zeros,), static, WIDE, _over(np.prod, axes, False), (0,), label=label
        )
    for name, reference in (("any", np.any), ("all", np.all)):
        for axes in ((1,), (0, 1)):
            static = {"axes": axes, "keepdims": True}
            check = _over(reference, axes, True)
            yield Case(name, (Arg((3, 4)),), static, ("bool",), check, label=str(axes))
    for name, reference in (("argmax", np.argmax), ("argmin", np.argmin)):
        for axis in (0, 1):
            check = _along(reference, axis)
            kinds = (*FLOATS, "int32")
            yield Case(name, (Arg((5, 6)),), {"axis": axis}, kinds, check, label=str(axis))
    for name, reference in (("cumsum", np.cumsum), ("cumprod", np.cumprod)):
        for axis, reverse in itertools.product((0, 1), (False, True)):
            static = {"axis": axis, "reverse": reverse}
            check = _scan(reference, axis, reverse)
            args = (Arg((4, 5), 0.5, 1.5),)
            label = f"{axis}{reverse}"
            yield Case(name, args, static, (*FLOATS, "int32"), check, (0,), 2, label)
    zeros = Arg((5,), values=[2.0, 0.0, 3.0, 0.0, 0.5])
    static = {"axis": 0}
    yield Case("cumprod", (zeros,), static, WIDE, np.cumprod, (0,), label="zeros")
    for name, reference in (("sort", np.sort), ("argsort", np.argsort)):
        for axis in (0, 1):
            check = _along(reference, axis, kind="stable")
            smooth = (0,) if name == "sort" else ()
            args = (Arg((5, 4)),)
            kinds = (*FLOATS, "int32")
            yield Case(name, args, {"axis": axis}, kinds, check, smooth, label=str(axis))


def _over(function, axes, keep):
    return lambda x: function(x, axis=axes, keepdims=keep) if axes else x


def _along(function, axis, **options):
    return lambda x: function(x, axis=axis, **options)


def _scan(function, axis, reverse):
    def reference(x):
        if not reverse:
            return function(x, axis=axis)
        return np.flip(function(np.flip(x, axis), axis=axis), axis)

    return reference


def movement():
    kinds = (*FLOATS, "int32", "bool")
    for old, new in (((2, 6), (3, 4)), ((), (1, 1)), ((0, 3), (3, 0, 2)), ((4,), (4,))):
        static = {"shape": new}
        check = _reshape(new)
        yield Case("reshape", (Arg(old),), static, kinds, check, (0,))
    for shape, perm in (((2, 3, 4), (2, 0, 1)), ((3,), (0,)), ((), ())):
        check = _transpose(perm)
        yield Case("transpose", (Arg(shape),), {"perm": perm}, kinds, check, (0,))
    for shape, new in (((3, 1), (2, 3, 4)), ((), (2, 2)), ((1,), (1, 1)), ((2,), (0, 2))):
        check = _broadcast(new)
        yield Case("broadcast_to", (Arg(shape),), {"shape": new}, kinds, check, (0,))
    for shape, widths in (((2, 3), ((1, 0), (0, 2))), ((0, 2), ((1, 1), (0, 0))), ((), ())):
        args = (Arg(shape), Arg(()))
        check = _pad(widths)
        yield Case("pad", args, {"widths": widths}, kinds, check, (0, 1))
    cuts = (
        ((5, 6), (1, 0), (5, 6), (2, 1)),
        ((5, 6), (4, 5), (-1, 0), (-1, -2)),
        ((5, 6), (2, 3), (2, 6), (1, 1)),
        ((4,), (3,), (-1,), (-3,)),
        ((), (), (), ()),
    )
    for shape, starts, stops, steps in cuts:
        static = {"starts": starts, "stops": stops, "steps": steps}
        at = np.ix_(*[range(a, b, s) for a, b, s in zip(starts, stops, steps)])
        check = _index(at)
        label = str(starts)
        yield Case("slice", (Arg(shape),), static, kinds, check, (0,), label=label)
        size = tuple(len(range(a, b, s)) for a, b, s in zip(starts, stops, steps))
        check = _place(shape, at)
        wide = {"shape": shape, **static}
        args = (Arg(size),)
        yield Case("pad_strided", args, wide, kinds, check, (0,), label=label)
    for shapes, axis in ((((2, 3), (2, 1), (2, 0)), 1), (((3,), (2,)), 0), (((2, 2),), 0)):
        args = tuple(map(Arg, shapes))
        smooth = tuple(range(len(args)))
        yield Case("concat", args, {"axis": axis}, kinds, _concat(axis), smooth)
    for axes in ((0,), (0, 2), ()):
        check = _flip(axes)
        yield Case(
            "flip", (Arg((2, 3, 4)),), {"axes": axes}, kinds, check, (0,), label=str(axes)
        )


def _reshape(shape):
    return lambda x: np.reshape(x, shape)


def _transpose(perm):
    return lambda x: np.transpose(x, perm)


def _broadcast(shape):
    return lambda x: np.broadcast_to(x, shape)


def _pad(widths):
    return lambda x, v: np.pad(x, widths, constant_values=v) if widths else x


def _index(at):
    return lambda x: x[at]


def _place(shape, at):
    def reference(g):
        out = np.zeros(shape, g.dtype)
        out[at] = g
        return out

    return reference


def _concat(axis):
    return lambda *xs: np.concatenate(xs, axis)


def _flip(axes):
    return lambda x: np.flip(x, axes)


def contract():
    for a, b, ta, tb in (
        ((3, 4), (4, 5), False, False),
        ((4, 3), (4, 5), True, False),
        ((3, 4), (5, 4), False, True),
        ((4, 3), (5, 4), True, True),
        ((2, 3, 4), (4, 5), False, False),
        ((2, 3, 4), (5, 4), False, True),
        ((2, 4, 3), (4, 5), True, False),
        ((3, 4), (2, 4, 5), False, False),
        ((2, 1, 3, 4), (3, 5, 4), False, True),
        ((0, 3, 4), (4, 5), False, False),
        ((3, 0), (0, 5), False, False),
    ):
        static = {"transpose_a": ta, "transpose_b": tb}
        label = f"{ta}{tb}"
        kinds = (*FLOATS, "int32") if len(a) == len(b) == 2 else WIDE
        check = _matmul(ta, tb)
        yield Case("matmul", (Arg(a), Arg(b)), static, kinds, check, (0, 1), 4, label)


def _matmul(ta, tb):
    def reference(a, b):
        left = "...ki" if ta else "...ik"
        right = "...jk" if tb else "...kj"
        return np.einsum(f"{left},{right}->...ij", a, b)

    return reference


CONVS = (
    # x, w, strides, padding, dilation, groups
    ((2, 7, 3), (3, 3, 4), (1,), ((0, 0),), (1,), 1),
    ((2, 8, 2), (3, 2, 3), (2,), ((2, 0),), (2,), 1),
    ((2, 6, 5, 3), (3, 2, 3, 4), (1, 1), ((1, 1), (0, 1)), (1, 1), 1),
    ((1, 7, 6, 4), (3, 3, 2, 6), (2, 1), ((0, 1), (1, 1)), (1, 2), 2),
    ((2, 5, 5, 3), (2, 2, 1, 6), (1, 1), ((0, 0), (1, 0)), (1, 1), 3),
    ((2, 5, 4, 3), (1, 1, 3, 5), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    ((2, 5, 4, 3), (1, 1, 3, 5), (2, 2), ((0, 0), (0, 0)), (1, 1), 1),
    ((2, 4, 5, 3), (2, 3, 3, 4), (3, 3), ((0, 0), (1, 1)), (1, 1), 1),
    ((1, 4, 3, 4, 2), (2, 2, 3, 2, 3), (1, 1, 2), ((0, 0), (1, 0), (1, 1)), (2, 1, 1), 1),
    ((0, 4, 4, 2), (3, 3, 2, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    ((1, 5, 5, 20), (3, 3, 20, 4), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
)


def conv_reference(x, w, strides, padding, dilation, groups):
    """Convolution as it is defined: a sum over the places in the window."""
    rank = len(strides)
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    *kernel, depth, cout = w.shape
    out = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[1:-1], kernel, strides, dilation)
    ]
    y = np.zeros((x.shape[0], *out, cout), dtype=np.result_type(x, w))
    per = cout // groups
    for tap in np.ndindex(*kernel):
        at = tuple(
            slice(t * d, t * d + (n - 1) * s + 1, s)
            for t, d, n, s in zip(tap, dilation, out, strides)
        )
        for g in range(groups):
            part = x[(slice(None), *at, slice(g * depth, (g + 1) * depth))]
            block = w[(*tap, slice(None), slice(g * per, (g + 1) * per))]
            y[..., g * per : (g + 1) * per] += np.tensordot(part, block, 1)
    assert y.ndim == rank + 2
    return y


def _transposed(linear, shape):
    """The transpose of a linear function of arrays of `shape`, column by column."""

    def apply(g):
        out = np.zeros(shape)
        for at in np.ndindex(*shape):
            unit = np.zeros(shape)
            unit[at] = 1
            out[at] = np.sum(linear(unit) * g)
        return out

    return apply


def conv():
    for number, (x, w, *rest) in enumerate(CONVS):
        how = dict(zip(("strides", "padding", "dilation", "groups"), rest))

        def forward(a, b, how=how):
            return conv_reference(a, b, **how)

        def to_input(dy, b, how=how, x=x):
            return _transposed(lambda a: conv_reference(a, b, **how), x)(dy)

        def to_filter(a, dy, how=how, w=w):
            return _transposed(lambda b: conv_reference(a, b, **how), w)(dy)

        y = conv_reference(np.zeros(x), np.zeros(w), **how).shape
        kinds = (*FLOATS, "int32") if number == 2 else WIDE
        grads = kinds[:4]
        label = str(number)
        pair = (Arg(x), Arg(w))
        yield Case("conv", pair, how, kinds, forward, (0, 1), 10, label)
        static = {"input_shape": x, **how}
        small = math.prod(x) < 400
        check = to_input if small else None
        pair = (Arg(y), Arg(w))
        yield Case("conv_input_grad", pair, static, grads, check, (0, 1), 10, label)
        static = {"kernel_shape": w, **how}
        check = to_filter if math.prod(w) < 400 else None
        pair = (Arg(x), Arg(y))
        yield Case("conv_filter_grad", pair, static, grads, check, (0, 1), 10, label)


POOLS = (
    # x, window, strides, padding
    ((2, 6, 3), (2,), (2,), ((0, 0),)),
    ((2, 6, 6, 3), (2, 2), (2, 2), ((0, 0), (0, 0))),
    ((1, 7, 5, 2), (3, 2), (2, 1), ((1, 1), (0, 1))),
    ((2, 5, 5, 2), (2, 2), (3, 3), ((0, 1), (1, 0))),
    ((1, 4, 4, 4, 2), (2, 2, 2), (2, 2, 2), ((0, 0), (0, 0), (0, 0))),
    ((2, 3, 3, 2), (1, 1), (1, 1), ((0, 0), (0, 0))),
)


def _windows(x, fill, window, strides, padding):
    """Every window, its places flattened: (batch, *out, channels, places)."""
    wide = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    axes = tuple(range(1, x.ndim - 1))
    seen = np.lib.stride_tricks.sliding_window_view(wide, window, axes)
    cut = (slice(None), *(slice(None, None, s) for s in strides))
    seen = seen[cut]
    return seen.reshape(*seen.shape[: x.ndim], -1)


def pooling():
    for number, (x, *rest) in enumerate(POOLS):
        how = dict(zip(("window", "strides", "padding"), rest))

        def peak(a, how=how):
            low = np.iinfo(a.dtype).min if a.dtype.kind == "i" else -np.inf
            return _windows(a, low, **how).max(-1)

        def gather(a, g, how=how):
            first = _windows(a, -np.inf, **how).argmax(-1)[..., None]
            return np.take_along_axis(_windows(g, 0, **how), first, -1)[..., 0]

        def spread(a, dy, gather=gather, x=x):
            return _transposed(lambda g: gather(a, g), x)(dy)

        def total(a, how=how):
            return _windows(a, 0, **how).sum(-1)

        def share(dy, total=total, x=x):
            return _transposed(total, x)(dy)

        y = total(np.zeros(x)).shape
        label = str(number)
        kinds = (*FLOATS, "int32")
        yield Case("max_pool", (Arg(x),), how, kinds, peak, (0,), label=label)
        yield Case("sum_pool", (Arg(x),), how, kinds, total, (0,), 4, label)
        pair = (Arg(x), Arg(y))
        yield Case("max_pool_grad", pair, how, FLOATS, spread, (1,), 2, label)
        pair = (Arg(x), Arg(x))
        yield Case("max_pool_gather", pair, how, FLOATS, gather, (1,), label=label)
        static = {"input_shape": x, **how}
        yield Case("sum_pool_grad", (Arg(y),), static, FLOATS, share, (0,), 4, label)
    how = {"window": (2, 2), "strides": (1, 1), "padding": ((0, 0), (0, 0))}
    ties = (Arg((1, 3, 3, 1), values=[1.0] * 9), Arg((1, 2, 2, 1)))
    expected = _ties
    yield Case("max_pool_grad", ties, how, FLOATS, expected, (1,), label="ties")


def _ties(_, dy):
    out = np.zeros((1, 3, 3, 1))
    out[:, :2, :2] = dy
    return out


def _indices(shape, high, dtype="int32"):
    return Arg(shape, 0, high - 1, dtype)


def index():
    kinds = (*FLOATS, "int32")
    for x, i, axis in (
        ((5, 3), (4,), 0),
        ((5, 3), (2, 2), 1),
        ((5,), (), 0),
        ((2, 4, 3), (6,), 1),
        ((5, 3), (0,), 0),
        ((3, 1), (7,), 0),
    ):
        for width in ("int32", "int64") if axis else ("uint8",):
            at = _indices(i, x[axis], width)
            static = {"axis": axis}
            yield Case("take", (Arg(x), at), static, kinds, _take(axis), (0,))
            g = (*x[:axis], *i, *x[axis + 1 :])
            static = {"shape": x, "axis": axis}
            check = _scatter(x, axis)
            yield Case("scatter_add_axis", (Arg(g), at), static, kinds, check, (0,), 2)
    for x, i, axis in (((5, 3), (4, 3), 0), ((5, 3), (5, 2), 1), ((2, 3, 2), (2, 5, 2), 1)):
        at = _indices(i, x[axis])
        check = _take_along(axis)
        yield Case("take_along_axis", (Arg(x), at), {"axis": axis}, kinds, check, (0,))
        static = {"shape": x, "axis": axis}
        check = _put_along(x, axis)
        yield Case("put_along_axis_add", (Arg(i), at), static, kinds, check, (0,), 2)
    for x, i in (((3, 3, 2), (4, 2)), ((3,), (2, 5, 1)), ((3, 3), (2, 2)), ((3, 2), (2, 0))):
        at = _indices(i, 3)
        yield Case("gather_nd", (Arg(x), at), {}, kinds, _gather_nd, (0,))
        u = (*i[:-1], *x[i[-1] :])
        check = _scatter_nd(x)
        args = (at, Arg(u))
        yield Case("scatter_nd_add", args, {"shape": x}, kinds, check, (1,), 2)
    for x, sizes, at in (((5, 4), (2, 3), (1, 1)), ((5, 4), (2, 3), (9, -3)), ((3,), (3,), (0,))):
        starts = Arg((len(x),), dtype="int32", values=at)
        check = _dynamic(sizes)
        static = {"sizes": sizes}
        label = str(at)
        yield Case("dynamic_slice", (Arg(x), starts), static, kinds, check, (0,), label=label)
        args = (Arg(x), Arg(sizes), starts)
        check = _update
        yield Case("dynamic_update_slice", args, {}, kinds, check, (0, 1), label=label)


def _take(axis):
    return lambda x, i: np.take(x, i, axis)


def _scatter(shape, axis):
    def reference(g, i):
        out = np.zeros(shape, g.dtype)
        np.add.at(out, (slice(None),) * axis + (i,), g)
        return out

    return reference


def _take_along(axis):
    return lambda x, i: np.take_along_axis(x, i, axis)


def _put_along(shape, axis):
    def reference(g, i):
        out = np.zeros(shape, g.dtype)
        for at in np.ndindex(*i.shape):
            place = list(at)
            place[axis] = i[at]
            out[tuple(place)] += g[at]
        return out

    return reference


def _gather_nd(x, i):
    rows = [x[tuple(r)] for r in i.reshape(-1, i.shape[-1])]
    return np.array(rows).reshape(*i.shape[:-1], *x.shape[i.shape[-1] :])


def _scatter_nd(shape):
    def reference(i, u):
        out = np.zeros(shape, u.dtype)
        depth = i.shape[-1]
        rows = i.reshape(math.prod(i.shape[:-1]), depth)
        for r, v in zip(rows, u.reshape(len(rows), *shape[depth:])):
            out[tuple(r)] += v
        return out

    return reference


def _dynamic(sizes):
    def reference(x, starts):
        for axis, (s, d, n) in enumerate(zip(starts, x.shape, sizes)):
            x = np.take(x, range(np.clip(s, 0, d - n), np.clip(s, 0, d - n) + n), axis)
        return x

    return reference


def _update(x, u, starts):
    out = x.copy()
    starts = np.clip(starts, 0, np.array(x.shape) - u.shape)
    for at in np.ndindex(*u.shape):
        out[tuple(starts + at)] = u[at]
    return out


def philox_reference(seed, counter, size):
    """Philox 4x32-10 word by word, in Python integers."""
    mask = 0xFFFFFFFF
    words = []
    for block in range(-(-size // 4)):
        c, k = [block & mask, block >> 32, counter, 0], [seed, 0]
        for _ in range(10):
            p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
            c = [q >> 32 ^ c[1] ^ k[0], q & mask, p >> 32 ^ c[3] ^ k[1], p & mask]
            k = [k[0] + 0x9E3779B9 & mask, k[1] + 0xBB67AE85 & mask]
        words += c
    return np.array(words[:size], np.uint32)


def random():
    for shape in ((4,), (3, 5), (), (0,), (1001,)):
        for key in ((0, 0), (0xDEADBEEF, 7)):
            size = math.prod(shape)

            def reference(k, shape=shape, size=size):
                return philox_reference(int(k[0]), int(k[1]), size).reshape(shape)

            args = (Arg((2,), dtype="uint32", values=key),)
            static = {"shape": shape}
            yield Case("random_bits", args, static, ("uint32",), reference, label=str(key))


def fused():
    for shape, axis in (((3, 5), 1), ((3, 5), 0), ((2, 3, 4), 1), ((4,), 0), ((2, 70), 1)):
        args = (Arg(shape, -4, 4),)
        for name, reference in (("softmax", _softmax), ("log_softmax", _log_softmax)):
            check = _along(reference, axis)
            static = {"axis": axis}
            yield Case(name, args, static, FLOATS, check, (0,), 2, str(axis))
    far = Arg((2, 3), values=[1000.0, 0.0, -1000.0, -5000.0, -5000.0, -5001.0])
    static = {"axis": 1}
    yield Case("softmax", (far,), static, WIDE, _along(_softmax, 1), label="far")
    yield Case("log_softmax", (far,), static, WIDE, _along(_log_softmax, 1), label="far")
    name = "softmax_cross_entropy_with_logits"
    for shape in ((4, 5), (2, 3, 4), (6,)):
        args = (Arg(shape, -4, 4), Arg(shape, 0, 1))
        yield Case(name, args, {}, FLOATS, _cross_entropy, (0, 1), 4)


def _softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _log_softmax(x, axis):
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def _cross_entropy(x, t):
    return -np.sum(t * _log_softmax(x, -1), -1)


FAMILIES = (
    elementwise,
    binary,
    other,
    create,
    reduce,
    movement,
    contract,
    conv,
    pooling,
    index,
    random,
    fused,
)
CASES = [case for family in FAMILIES for case in family()]
COMPILED = ("fused", "epilogue")  # made by passes; test_groups.py has their cases
