"""Elementwise primitives. They take arrays as they lie, and give results that lie so.

Numbers for each channel behind a convolution (batch normalization, a bias) go into its
kernel and bias.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minikeras.engine import prims
from minikeras.engine.aval import broadcast_shapes
from minikeras.engine.dtypes import is_float
from minikeras.engine.graph import Node, Value
from minikeras.export.folding import folded
from minikeras.export.probing import TURNS, Varying, at
from minikeras.export.writer import Lying, Row, Writer

Emit = Callable[..., str]


def _operands(w: Writer, node: Node) -> list[Value]:
    """The inputs, without broadcasts that the operation does itself."""
    inputs = list(node.inputs)
    wanted = node.outputs[0].aval.shape
    for i, value in enumerate(inputs):
        made = w.made.get(value)
        if value in w.arrays or made is None or made.prim is not prims.broadcast_to:
            continue
        others = [v.aval.shape for j, v in enumerate(inputs) if j != i]
        if broadcast_shapes(made.inputs[0].aval.shape, *others) == wanted:
            inputs[i] = made.inputs[0]
    return inputs


def together(w: Writer, values: list[Value], rank: int) -> tuple[list[str], Any]:
    """Names of values that lie alike, and how: a permutation, or None for our order."""
    perm: tuple[int, ...] | None = None
    for value in values:
        named = None if value in w.arrays else w.names.get(value)
        if isinstance(named, Lying) and len(named.perm) == rank:
            perm = named.perm
            break
    if perm is not None:
        shapes = [v.aval.shape for v in values if v not in w.arrays]
        if any(0 < len(s) < rank for s in shapes):
            perm = None  # an axis that is not there cannot be moved
    if perm is None:
        return w.names_of(values), None
    inverse = tuple(int(i) for i in np.argsort(perm))
    return [_as_lies(w, v, inverse, rank) for v in values], perm


def _as_lies(w: Writer, value: Value, inverse: tuple[int, ...], rank: int) -> str:
    array = w.arrays.get(value)
    if array is not None and array.ndim:
        full = array.reshape((1,) * (rank - array.ndim) + array.shape)
        return w.constant(np.ascontiguousarray(np.transpose(full, inverse)))
    return w.lying(value, inverse) if value.aval.shape else w.name(value)


def _elementwise(emit: Emit) -> Row:
    def row(w: Writer, node: Node) -> str | Lying:
        names, perm = together(w, _operands(w, node), len(node.outputs[0].aval.shape))
        made = emit(w, node, *names)
        return made if perm is None else Lying(made, perm)

    return row


def _simple(kind: str) -> Row:
    return _elementwise(lambda w, node, *names: w.op(kind, *names))


def _arithmetic(kind: str) -> Row:
    plain = _simple(kind)

    def row(w: Writer, node: Node) -> Any:
        return _undone(w, node, kind) or folded(w, node, kind) or plain(w, node)

    return row


def _undone(w: Writer, node: Node, kind: str) -> str | Lying | None:
    """A sum divided by its count is a mean; a product divided by its factor is not made."""
    if kind != "Div":
        return None
    top, bottom = node.inputs
    number = _number(w, bottom)
    if number is None:
        return None
    named = None if top in w.arrays else w.names.get(top)
    name = named.name if isinstance(named, Lying) else named
    if name is not None and not isinstance(number, Varying):
        source = w.scaled.get(name)
        if source is not None and source[1] == number:
            return (
                Lying(source[0], named.perm) if isinstance(named, Lying) else source[0]
            )
    made = w.made.get(top)
    if made is None or made.prim is not prims.sum or w.counts[top] != 1:
        return None
    shape = w.probed.shape(made.inputs[0])
    over = [shape[a] for a in made.static["axes"]]
    turns = range(TURNS) if isinstance(number, Varying) else range(1)
    counts = [math.prod(at(d, t) for d in over) for t in turns]
    wanted = list(number.values) if isinstance(number, Varying) else [number]
    free = any(isinstance(d, Varying) for d in over)
    if counts != wanted or free != isinstance(number, Varying):
        return None
    from minikeras.export.rows.reduce import reduced

    return reduced(w, made, "ReduceMean")


def _number(w: Writer, value: Value) -> float | Varying | None:
    if value in w.late:
        return w.late[value]
    array = w.arrays.get(value)
    return float(array.item()) if array is not None and array.size == 1 else None


# --- single operations whose form differs ------------------------------------------------


def _dtype(node: Node) -> str:
    return node.inputs[-1].aval.dtype


def _like(w: Writer, node: Node, number: float) -> str:
    return w.like(node.inputs[-1], number)


def _not_equal(w: Writer, node: Node, a: str, b: str) -> str:
    return w.op("Not", w.op("Equal", a, b))


def _floordiv(w: Writer, node: Node, a: str, b: str) -> str:
    if is_float(_dtype(node)):
        return w.op("Floor", w.op("Div", a, b))
    rest = w.op("Mod", a, b)
    return w.op("Div", w.op("Sub", a, rest), b)


def _mod(w: Writer, node: Node, a: str, b: str) -> str:
    if not is_float(_dtype(node)):
        return w.op("Mod", a, b)
    rest = w.op("Mod", a, b, fmod=1)
    zero = _like(w, node, 0)
    apart = w.op("Xor", w.op("Less", rest, zero), w.op("Less", b, zero))
    some = w.op("Not", w.op("Equal", rest, zero))
    return w.op("Where", w.op("And", apart, some), w.op("Add", rest, b), rest)


def _bits(plain: str, logical: str) -> Row:
    def emit(w: Writer, node: Node, *names: str) -> str:
        return w.op(logical if _dtype(node) == "bool" else plain, *names)

    return _elementwise(emit)


def _extremum(kind: str, logical: str) -> Row:
    def emit(w: Writer, node: Node, a: str, b: str) -> str:
        return w.op(logical if _dtype(node) == "bool" else kind, a, b)

    return _elementwise(emit)


def _is_finite(w: Writer, node: Node, x: str) -> str:
    return w.op("Not", w.op("Or", w.op("IsNaN", x), w.op("IsInf", x)))


def _rsqrt(w: Writer, node: Node, x: str) -> str:
    return w.op("Reciprocal", w.op("Sqrt", x))


def _log1p(w: Writer, node: Node, x: str) -> str:
    """log(u) x / (u - 1) with u = 1 + x rounded: the roundings cancel (Kahan, HP-15C)."""
    one = _like(w, node, 1)
    u = w.op("Add", x, one)
    exact = w.op("Mul", w.op("Log", u), w.op("Div", x, w.op("Sub", u, one)))
    plain = w.op("Or", w.op("Equal", u, one), w.op("IsInf", u))
    return w.op("Where", plain, x, exact)


def _expm1(w: Writer, node: Node, x: str) -> str:
    """(u - 1) x / log(u) with u = exp(x) rounded, for small x (Kahan, HP-15C)."""
    one = _like(w, node, 1)
    u = w.op("Exp", x)
    less = w.op("Sub", u, one)
    exact = w.op("Mul", less, w.op("Div", x, w.op("Log", u)))
    near = w.op("Less", w.op("Abs", x), one)
    small = w.op("Where", w.op("Equal", u, one), x, exact)
    return w.op("Where", near, small, less)


def _atan2(w: Writer, node: Node, y: str, x: str) -> str:
    zero, pi = _like(w, node, 0), _like(w, node, math.pi)
    up = w.op("Where", w.op("Less", y, zero), w.op("Neg", pi), pi)
    turned = w.op("Where", w.op("Less", x, zero), up, zero)
    angle = w.op("Add", w.op("Atan", w.op("Div", y, x)), turned)
    half = w.op("Mul", w.op("Sign", y), _like(w, node, math.pi / 2))
    return w.op("Where", w.op("Equal", x, zero), half, angle)


# erfinv(x) / x in w = -log(1 - x^2): for w below 5 in w - 2.5, else in sqrt(w) - 3, as far as
# float32 goes (Giles, "Approximating the erfinv function", 2012).
_ERFINV_NEAR = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
    -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip
_ERFINV_FAR = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
    -0.0076224613, 0.00943887047, 1.00167406, 2.83297682,
)  # fmt: skip


def _polynomial(w: Writer, x: str, parts: Sequence[float], dtype: str) -> str:
    made = w.constant(np.asarray(parts[0], dtype))
    for part in parts[1:]:
        made = w.op("Add", w.op("Mul", made, x), w.constant(np.asarray(part, dtype)))
    return made


def _erfinv(w: Writer, node: Node, x: str) -> str:
    """In float32 whatever the dtype; infinite at 1 and -1, NaN beyond."""
    dtype = "float32"

    def number(n: float) -> str:
        return w.constant(np.asarray(n, dtype))

    y = x if _dtype(node) == dtype else w.cast(x, dtype)
    one = number(1)
    room = w.op("Mul", w.op("Sub", one, y), w.op("Add", one, y))
    log = w.op("Neg", w.op("Log", room))
    near = _polynomial(w, w.op("Sub", log, number(2.5)), _ERFINV_NEAR, dtype)
    root = w.op("Sub", w.op("Sqrt", log), number(3))
    far = _polynomial(w, root, _ERFINV_FAR, dtype)
    slope = w.op("Where", w.op("Less", log, number(5)), near, far)
    at_end = w.op("Equal", w.op("Abs", y), one)
    made = w.op("Mul", w.op("Where", at_end, number(math.inf), slope), y)
    return made if _dtype(node) == dtype else w.cast(made, _dtype(node))


def _shift(w: Writer, node: Node, left: bool, x: str, by: str) -> str:
    """ONNX shifts unsigned integers only; else times 2^n, or the floor of a quotient."""
    dtype = _dtype(node)
    if dtype.startswith("uint"):
        return w.op("BitShift", x, by, direction="LEFT" if left else "RIGHT")
    wide, two = w.cast(x, "int64"), w.constant(np.asarray(2, np.int64))
    factor = w.op("Pow", two, w.cast(by, "int64"))
    if left:
        return w.cast(w.op("Mul", wide, factor), dtype)
    rest = w.op("Mod", wide, factor)
    return w.cast(w.op("Div", w.op("Sub", wide, rest), factor), dtype)


def _shift_left(w: Writer, node: Node, x: str, by: str) -> str:
    return _shift(w, node, True, x, by)


def _shift_right(w: Writer, node: Node, x: str, by: str) -> str:
    return _shift(w, node, False, x, by)


def _log_logistic(w: Writer, node: Node, x: str) -> str:
    return w.op("Neg", w.op("Softplus", w.op("Neg", x)))


def _cast(w: Writer, node: Node, x: str) -> str:
    source, target = node.inputs[0].aval.dtype, node.static["dtype"]
    if source == target or {source, target} == {"bfloat16", "float32"}:
        return x
    return w.cast(x, target)


def _same(w: Writer, node: Node) -> str | Lying:
    value = node.inputs[0]
    return w.name(value) if value in w.arrays or value in w.late else w.named(value)


ROWS: dict[str, Row] = {
    "add": _arithmetic("Add"),
    "sub": _arithmetic("Sub"),
    "mul": _arithmetic("Mul"),
    "div": _arithmetic("Div"),
    "floordiv": _elementwise(_floordiv),
    "mod": _elementwise(_mod),
    "pow": _simple("Pow"),
    "maximum": _extremum("Max", "Or"),
    "minimum": _extremum("Min", "And"),
    "atan2": _elementwise(_atan2),
    "neg": _simple("Neg"),
    "abs": _simple("Abs"),
    "sign": _simple("Sign"),
    "eq": _simple("Equal"),
    "ne": _elementwise(_not_equal),
    "lt": _simple("Less"),
    "le": _simple("LessOrEqual"),
    "gt": _simple("Greater"),
    "ge": _simple("GreaterOrEqual"),
    "isnan": _simple("IsNaN"),
    "isinf": _simple("IsInf"),
    "isfinite": _elementwise(_is_finite),
    "logical_not": _simple("Not"),
    "bitwise_not": _bits("BitwiseNot", "Not"),
    "bitwise_and": _bits("BitwiseAnd", "And"),
    "bitwise_or": _bits("BitwiseOr", "Or"),
    "bitwise_xor": _bits("BitwiseXor", "Xor"),
    "exp": _simple("Exp"),
    "expm1": _elementwise(_expm1),
    "log": _simple("Log"),
    "log1p": _elementwise(_log1p),
    "sqrt": _simple("Sqrt"),
    "rsqrt": _elementwise(_rsqrt),
    "sin": _simple("Sin"),
    "cos": _simple("Cos"),
    "tan": _simple("Tan"),
    "asin": _simple("Asin"),
    "acos": _simple("Acos"),
    "atan": _simple("Atan"),
    "sinh": _simple("Sinh"),
    "cosh": _simple("Cosh"),
    "tanh": _simple("Tanh"),
    "asinh": _simple("Asinh"),
    "acosh": _simple("Acosh"),
    "atanh": _simple("Atanh"),
    "erf": _simple("Erf"),
    "erfinv": _elementwise(_erfinv),
    "shift_left": _elementwise(_shift_left),
    "shift_right": _elementwise(_shift_right),
    "logistic": _simple("Sigmoid"),
    "relu": _simple("Relu"),
    "log_logistic": _elementwise(_log_logistic),
    "floor": _simple("Floor"),
    "ceil": _simple("Ceil"),
    "round": _simple("Round"),
    "select": _simple("Where"),
    "cast": _elementwise(_cast),
    "stop_gradient": _same,
}
