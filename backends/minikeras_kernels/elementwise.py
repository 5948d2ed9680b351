"""The elementwise primitives as LLVM IR: one row each, and how dtypes live in registers.

In registers booleans are i1 and half floats are float32; in memory booleans are
bytes. `emit_op` writes one primitive for values of any width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras_kernels import angles, mathlib
from minikeras_kernels.code import Op, Rel
from minikeras_kernels.target import Target
from minikeras_kernels.values import Kind, Val, const
from minikeras_kernels.writer import Writer

REGISTER_KIND = {
    "bool": Kind.I1,
    "int8": Kind.I8,
    "uint8": Kind.I8,
    "int16": Kind.I16,
    "uint16": Kind.I16,
    "int32": Kind.I32,
    "uint32": Kind.I32,
    "int64": Kind.I64,
    "uint64": Kind.I64,
    "float16": Kind.F32,
    "bfloat16": Kind.F32,
    "float32": Kind.F32,
    "float64": Kind.F64,
}
MEMORY_KIND = {
    **REGISTER_KIND,
    "bool": Kind.I8,
    "float16": Kind.F16,
    "bfloat16": Kind.I16,
}
_FLOAT_NAMES = ("float16", "bfloat16", "float32", "float64")

Emit = Callable[[Writer, list[Val], str], Val]


def is_float(dtype: str) -> bool:
    return dtype in _FLOAT_NAMES


def is_signed(dtype: str) -> bool:
    return dtype.startswith("int")


def from_memory(f: Writer, x: Val, dtype: str) -> Val:
    """A loaded value as it lives in registers."""
    if dtype == "bool":
        return f.icmp(Rel.NE, x, f.like(x, 0))
    if dtype == "float16":
        return f.convert(Op.FPEXT, x, Kind.F32)
    if dtype == "bfloat16":
        wide = f.convert(Op.ZEXT, x, Kind.I32)
        return f.bitcast(f.bin(Op.SHL, wide, f.like(wide, 16)), Kind.F32)
    return x


def to_memory(f: Writer, x: Val, dtype: str) -> Val:
    """A register value as it is stored; half floats round to nearest even."""
    if dtype == "bool":
        return f.convert(Op.ZEXT, x, Kind.I8)
    if dtype == "float16":
        return f.convert(Op.FPTRUNC, x, Kind.F16)
    if dtype == "bfloat16":
        bits = f.bitcast(x, Kind.I32)
        odd = f.bin(Op.AND, f.bin(Op.LSHR, bits, f.like(bits, 16)), f.like(bits, 1))
        rounded = f.add(bits, f.add(odd, f.like(bits, 0x7FFF)))
        quiet = f.bin(Op.OR, bits, f.like(bits, 0x400000))
        bits = f.select(f.fcmp(Rel.UNO, x, x), quiet, rounded)
        return f.convert(Op.TRUNC, f.bin(Op.LSHR, bits, f.like(bits, 16)), Kind.I16)
    return x


def cast(f: Writer, x: Val, source: str, target: str) -> Val:
    """astype; floats outside an integer's range go to its nearest end, NaN to 0."""
    kind = REGISTER_KIND[target]
    if target in ("float16", "bfloat16") and source != target:
        # By float32, as the reference: twice rounded, and so in the same two steps.
        wide = cast(f, x, source, "float32")
        return from_memory(f, to_memory(f, wide, target), target)
    if target == "bool":
        zero = f.like(x, 0)
        if is_float(source):
            return f.fcmp(Rel.UNE, x, zero)  # unordered: NaN is true
        return x if source == "bool" else f.icmp(Rel.NE, x, zero)
    if is_float(source):
        if is_float(target):
            if x.kind == kind:
                return x
            return f.convert(Op.FPEXT if kind is Kind.F64 else Op.FPTRUNC, x, kind)
        op = Op.FPTOSI if is_signed(target) else Op.FPTOUI
        return f.convert(op, x, kind)
    if is_float(target):
        return f.convert(Op.SITOFP if is_signed(source) else Op.UITOFP, x, kind)
    have, want = x.kind.bits, kind.bits
    if have == want:
        return x
    if have > want:
        return f.convert(Op.TRUNC, x, kind)
    return f.convert(Op.SEXT if is_signed(source) else Op.ZEXT, x, kind)


def _by_type(on_float: Op, on_integer: Op) -> Emit:
    """An instruction per family of dtypes."""

    def emit(f: Writer, args: list[Val], dtype: str) -> Val:
        if is_float(dtype):
            return f.bin(on_float, *args)
        return f.bin(on_integer, *args)

    return emit


def _compare(on_float: Rel, on_signed: Rel, on_unsigned: Rel) -> Emit:
    def emit(f: Writer, args: list[Val], dtype: str) -> Val:
        if is_float(dtype):
            return f.fcmp(on_float, *args)
        return f.icmp(on_signed if is_signed(dtype) else on_unsigned, *args)

    return emit


def _extreme(ordered: Rel, op: Op, signed: Rel, unsigned: Rel) -> Emit:
    """maximum and minimum; NaN in either argument gives NaN."""

    def emit(f: Writer, args: list[Val], dtype: str) -> Val:
        a, b = args
        if not is_float(dtype):
            how = signed if is_signed(dtype) else unsigned
            return f.select(f.icmp(how, a, b), a, b)
        # against a literal, one compare keeps NaN: the literal wins only if ordered
        if b.is_literal:
            return f.select(f.fcmp(ordered, b, a), b, a)
        if a.is_literal:
            return f.select(f.fcmp(ordered, a, b), a, b)
        return f.one(op, a, b)

    return emit


def _unary(build: Callable[[Writer, Val], Val]) -> Emit:
    return lambda f, args, dtype: build(f, args[0])


def _rounding(op: Op) -> Emit:
    def emit(f: Writer, args: list[Val], dtype: str) -> Val:
        return f.one(op, args[0]) if is_float(dtype) else args[0]

    return emit


def _neg(f: Writer, args: list[Val], dtype: str) -> Val:
    return f.fneg(args[0]) if is_float(dtype) else f.sub(f.like(args[0], 0), args[0])


def _abs(f: Writer, args: list[Val], dtype: str) -> Val:
    (x,) = args
    if is_float(dtype):
        return f.one(Op.FABS, x)
    if not is_signed(dtype):
        return x
    return f.select(f.icmp(Rel.SLT, x, f.like(x, 0)), f.sub(f.like(x, 0), x), x)


def _sign(f: Writer, args: list[Val], dtype: str) -> Val:
    (x,) = args
    zero, one = f.like(x, 0), f.like(x, 1)
    if is_float(dtype):
        # NaN is its own sign; that of -0.0 is 0.0 in NumPy, but not in ml_dtypes
        rest = x if dtype == "bfloat16" else f.fadd(x, zero)
        y = f.select(f.fcmp(Rel.OGT, x, zero), one, rest)
        return f.select(f.fcmp(Rel.OLT, x, zero), f.like(x, -1), y)
    if not is_signed(dtype):
        return f.select(f.icmp(Rel.NE, x, zero), one, zero)
    y = f.select(f.icmp(Rel.SGT, x, zero), one, zero)
    return f.select(f.icmp(Rel.SLT, x, zero), f.like(x, -1), y)


def _isnan(f: Writer, args: list[Val], dtype: str) -> Val:
    (x,) = args
    return f.fcmp(Rel.UNO, x, x) if is_float(dtype) else const(Kind.I1, False, x.lanes)


def _isfinite(f: Writer, args: list[Val], dtype: str) -> Val:
    (x,) = args
    if not is_float(dtype):
        return const(Kind.I1, True, x.lanes)
    return f.fcmp(Rel.OLT, f.one(Op.FABS, x), f.like(x, float("inf")))


def _isinf(f: Writer, args: list[Val], dtype: str) -> Val:
    (x,) = args
    if not is_float(dtype):
        return const(Kind.I1, False, x.lanes)
    return f.fcmp(Rel.OEQ, f.one(Op.FABS, x), f.like(x, float("inf")))


def _invert(f: Writer, args: list[Val], dtype: str) -> Val:
    x = args[0]
    return f.bin(Op.XOR, x, f.like(x, True if x.kind is Kind.I1 else -1))


def _remainder(f: Writer, a: Val, b: Val) -> Val:
    """What is left of a by whole multiples of b, with the sign of a: exact, as C's fmod.

    A quotient of two float32 that is no whole number is 2^-25 away from one, at least. So
    below 2^26 float64 cuts it off rightly, and what is left has room there.
    """
    if a.kind is not Kind.F32:
        return f.bin(Op.FREM, a, b)
    x, y = (f.convert(Op.FPEXT, v, Kind.F64) for v in (a, b))
    size = f.one(Op.FABS, f.fdiv(x, y))
    whole = f.one(Op.FLOOR, size)
    left = f.fnma(whole, f.one(Op.FABS, y), f.one(Op.FABS, x))
    none = f.fcmp(Rel.OEQ, whole, f.like(x, 0.0))  # then b may be infinite
    left = f.select(none, f.one(Op.FABS, x), left)
    usual = f.one(Op.COPYSIGN, f.convert(Op.FPTRUNC, left, Kind.F32), a)
    far = f.invert(
        f.fcmp(Rel.OLT, size, f.like(size, 2.0**26))
    )  # NaN and infinities too
    return f.rare(far, usual, lambda: f.bin(Op.FREM, a, b))


def _float_divmod(f: Writer, a: Val, b: Val) -> tuple[Val, Val]:
    """Python's // and % on floats, as NumPy rounds them."""
    zero, one = f.like(a, 0.0), f.like(a, 1.0)
    rest = _remainder(f, a, b)
    quotient = f.bin(Op.FDIV, f.bin(Op.FSUB, a, rest), b)
    nonzero = f.fcmp(Rel.UNE, rest, zero)
    opposite = f.bin(Op.XOR, f.fcmp(Rel.OLT, b, zero), f.fcmp(Rel.OLT, rest, zero))
    shift = f.bin(Op.AND, nonzero, opposite)
    quotient = f.select(shift, f.bin(Op.FSUB, quotient, one), quotient)
    rest = f.select(shift, f.bin(Op.FADD, rest, b), rest)
    rest = f.select(nonzero, rest, f.one(Op.COPYSIGN, zero, b))
    down = f.one(Op.FLOOR, quotient)
    far = f.fcmp(Rel.OGT, f.bin(Op.FSUB, quotient, down), f.like(a, 0.5))
    down = f.select(far, f.bin(Op.FADD, down, one), down)
    plain = f.bin(Op.FDIV, a, b)
    nothing = f.fcmp(Rel.OEQ, quotient, zero)
    down = f.select(nothing, f.one(Op.COPYSIGN, zero, plain), down)
    by_zero = f.fcmp(Rel.OEQ, b, zero)
    return f.select(by_zero, plain, down), f.select(
        by_zero, f.like(a, float("nan")), rest
    )


def _quotient(
    f: Writer, a: Val, b: Val, up: Op, down: Op, plain: Op
) -> tuple[Val, Val]:
    """The quotient, cut off, and what is left.

    Processors divide integers one by one, floats in vectors. A quotient of two integers
    that is no whole number is at least one over the divisor away from one, and a float with
    room for all their digits rounds by less.
    """
    if a.lanes == 1 or f.target.warp or a.kind is Kind.I64:
        q = f.bin(plain, a, b)
    else:
        kind = Kind.F64 if a.kind is Kind.I32 else Kind.F32
        x, y = (f.convert(up, v, kind) for v in (a, b))
        q = f.convert(down, f.fdiv(x, y), a.kind)
    return q, f.sub(a, f.mul(q, b))


def _zeros_below(f: Writer, x: Val) -> Val:
    """How many zeros stand below the lowest bit that is set; 0 of 0."""
    below = f.bin(Op.AND, f.invert(x), f.sub(x, 1))
    count = f.one(Op.CTPOP, below)
    return f.bin(Op.AND, count, f.like(x, x.kind.bits - 1))


def _gcd(f: Writer, args: list[Val], dtype: str) -> Val:
    """Stein's binary algorithm (1967), until no lane has anything left."""
    a, b = (_abs(f, [x], dtype) for x in args)
    zero, both = f.like(a, 0), f.bin(Op.OR, a, b)
    one_is_zero = f.bin(Op.OR, f.icmp(Rel.EQ, a, zero), f.icmp(Rel.EQ, b, zero))
    common = f.select(one_is_zero, zero, _zeros_below(f, both))
    odd = f.bin(Op.LSHR, a, _zeros_below(f, a))
    less = f.variable(f.select(one_is_zero, both, odd))
    more = f.variable(f.select(one_is_zero, zero, b))
    left = f.any_lane(f.icmp(Rel.NE, f.get(more), zero))
    with f.again(left) as go_on:
        x, y = f.get(less), f.get(more)
        live = f.icmp(Rel.NE, y, zero)
        y = f.bin(Op.LSHR, y, _zeros_below(f, y))
        smaller = f.icmp(Rel.ULT, y, x)
        low, high = f.select(smaller, y, x), f.select(smaller, x, y)
        f.put(less, f.select(live, low, x))
        rest = f.select(live, f.sub(high, low), zero)
        f.put(more, rest)
        go_on(f.any_lane(f.icmp(Rel.NE, rest, zero)))
    return f.bin(Op.SHL, f.get(less), common)


def _nextafter(f: Writer, args: list[Val], dtype: str) -> Val:
    """The neighbour in the direction of y: one more or less in the bits as a number."""
    x, y = args
    integer = Kind.I32 if x.kind is Kind.F32 else Kind.I64
    bits, zero = f.bitcast(x, integer), f.like(x, 0.0)
    away = f.bin(Op.XOR, f.fcmp(Rel.OGT, y, x), f.fcmp(Rel.OLT, x, zero))  # from zero
    step = f.select(away, f.like(bits, 1), f.like(bits, -1))
    moved = f.bitcast(f.add(bits, step), x.kind)
    least = f.bitcast(f.like(bits, 1), x.kind)
    moved = f.select(f.fcmp(Rel.OEQ, x, zero), f.one(Op.COPYSIGN, least, y), moved)
    moved = f.select(f.fcmp(Rel.OEQ, x, y), y, moved)
    return f.select(f.fcmp(Rel.UNO, x, y), f.fadd(x, y), moved)


def _int_divmod(f: Writer, a: Val, b: Val, signed: bool) -> tuple[Val, Val]:
    """Python's // and % on integers; a zero divisor gives 0 and 0, as in NumPy."""
    zero, one = f.like(a, 0), f.like(a, 1)
    by_zero = f.icmp(Rel.EQ, b, zero)
    safe = f.select(by_zero, one, b)
    if not signed:
        q, r = _quotient(f, a, safe, Op.UITOFP, Op.FPTOUI, Op.UDIV)
    else:
        # the smallest integer over -1 would trap
        minus = f.icmp(Rel.EQ, safe, f.like(a, -1))
        safe = f.select(minus, one, safe)
        q, r = _quotient(f, a, safe, Op.SITOFP, Op.FPTOSI, Op.SDIV)
        q = f.select(minus, f.sub(zero, q), q)
        signs = f.icmp(Rel.SLT, f.bin(Op.XOR, r, b), zero)
        shift = f.bin(Op.AND, f.icmp(Rel.NE, r, zero), signs)
        q = f.select(shift, f.sub(q, one), q)
        r = f.select(shift, f.add(r, b), r)
    return f.select(by_zero, zero, q), f.select(by_zero, zero, r)


def _division(part: int) -> Emit:
    def emit(f: Writer, args: list[Val], dtype: str) -> Val:
        if is_float(dtype):
            return _float_divmod(f, args[0], args[1])[part]
        return _int_divmod(f, args[0], args[1], is_signed(dtype))[part]

    return emit


def _shift(op: Op) -> Emit:
    """Shifts by the width or more give what shifting bit by bit would."""

    def emit(f: Writer, args: list[Val], dtype: str) -> Val:
        x, by = args
        bits = x.kind.bits
        fits = f.icmp(Rel.ULT, by, f.like(by, bits))
        if op is Op.SHL or not is_signed(dtype):
            safe = f.select(fits, by, f.like(by, 0))
            shifted = f.bin(op, x, safe)
            return f.select(fits, shifted, f.like(x, 0))
        return f.bin(Op.ASHR, x, f.select(fits, by, f.like(by, bits - 1)))

    return emit


# Powers by multiplication, whether the exponent is a literal or happens to be that.
_POWERS: dict[float, Callable[[Writer, Val], Val]] = {
    1.0: lambda f, x: x,
    2.0: lambda f, x: f.fmul(x, x),
    3.0: lambda f, x: f.fmul(f.fmul(x, x), x),
    -1.0: lambda f, x: f.fdiv(f.like(x, 1.0), x),
}


def _pow(f: Writer, args: list[Val], dtype: str) -> Val:
    x, y = args
    for exponent, power in _POWERS.items():
        if y.literal == exponent:
            return power(f, x)
    result = mathlib.power(f, x, y)
    if not y.is_literal:
        for exponent, power in _POWERS.items():
            same = f.fcmp(Rel.OEQ, y, f.like(y, exponent))
            result = f.select(same, power(f, x), result)
    return result


OPS: dict[str, Emit] = {
    "add": _by_type(Op.FADD, Op.ADD),
    "sub": _by_type(Op.FSUB, Op.SUB),
    "mul": _by_type(Op.FMUL, Op.MUL),
    "div": _by_type(Op.FDIV, Op.FDIV),
    "floordiv": _division(0),
    "mod": _division(1),
    "pow": _pow,
    "maximum": _extreme(Rel.OGT, Op.MAXIMUM, Rel.SGT, Rel.UGT),
    "minimum": _extreme(Rel.OLT, Op.MINIMUM, Rel.SLT, Rel.ULT),
    "eq": _compare(Rel.OEQ, Rel.EQ, Rel.EQ),
    "ne": _compare(Rel.UNE, Rel.NE, Rel.NE),
    "lt": _compare(Rel.OLT, Rel.SLT, Rel.ULT),
    "le": _compare(Rel.OLE, Rel.SLE, Rel.ULE),
    "gt": _compare(Rel.OGT, Rel.SGT, Rel.UGT),
    "ge": _compare(Rel.OGE, Rel.SGE, Rel.UGE),
    "bitwise_and": lambda f, args, dtype: f.bin(Op.AND, *args),
    "bitwise_or": lambda f, args, dtype: f.bin(Op.OR, *args),
    "bitwise_xor": lambda f, args, dtype: f.bin(Op.XOR, *args),
    "bitwise_not": _invert,
    "logical_not": _invert,
    "shift_left": _shift(Op.SHL),
    "shift_right": _shift(Op.LSHR),
    "neg": _neg,
    "abs": _abs,
    "gcd": _gcd,
    "nextafter": _nextafter,
    "sign": _sign,
    "isnan": _isnan,
    "isfinite": _isfinite,
    "isinf": _isinf,
    "floor": _rounding(Op.FLOOR),
    "ceil": _rounding(Op.CEIL),
    "round": _rounding(Op.ROUNDEVEN),
    "atan2": lambda f, args, dtype: angles.atan2(f, *args),
    "select": lambda f, args, dtype: f.select(*args),
    **{
        name: _unary(getattr(mathlib, name))
        for name in (
            *("exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "sinh", "cosh"),
            *("tanh", "asinh", "acosh", "atanh", "erf", "logistic", "erfinv"),
        )
    },
    **{
        name: _unary(getattr(angles, name))
        for name in ("sin", "cos", "tan", "asin", "acos", "atan")
    },
}
# rough cost of one element beside an addition, to decide when threads pay
COSTS = dict.fromkeys(("pow",), 60) | dict.fromkeys(("floordiv", "mod"), 20)
COSTS |= dict.fromkeys(("asin", "acos", "atan", "atan2"), 20)
COSTS |= dict.fromkeys(("exp", "expm1", "log", "log1p", "tanh", "logistic", "erf"), 10)
COSTS |= dict.fromkeys(("sin", "cos", "tan", "sinh", "cosh", "asinh", "acosh"), 20)
COSTS |= {
    "atanh": 20,
    "gcd": 100,
    "erfinv": 60,
    "random_bits": 20,
    "sqrt": 3,
    "rsqrt": 4,
    "div": 2,
}
# on integers this has no rule here
_FLOAT_ONLY = {"div"}
# What only some machines' libraries have. Powers of integers are loops; our polynomials
# for erfinv are as exact as float32 needs; C's nextafter works on the stored format, which
# half floats have left.
_LIBRARY = {
    **{("lgamma", dtype): "lgamma" for dtype in _FLOAT_NAMES},
    **{("digamma", dtype): "digamma" for dtype in _FLOAT_NAMES},
    **{
        ("pow", dtype): "pow_signed" if is_signed(dtype) else "pow_unsigned"
        for dtype in REGISTER_KIND
        if "int" in dtype
    },
    ("erfinv", "float64"): "erfinv",
    ("nextafter", "float16"): "next_f16",
    ("nextafter", "bfloat16"): "next_bf16",
}


def supports(name: str, dtype: str, target: Target) -> bool:
    """Whether `emit_op` can write the primitive for arguments of a dtype."""
    function = _LIBRARY.get((name, dtype))
    if function is not None:
        return function in target.library
    if name not in OPS and name not in ("cast", "stop_gradient"):
        return False
    if dtype not in REGISTER_KIND or (name == "gcd" and target.warp):
        return False  # lanes of a warp would wait for the one with most to do
    return not (name in _FLOAT_ONLY and not is_float(dtype))


def emit_op(
    f: Writer, name: str, args: list[Val], dtypes: list[str], static: dict[str, Any]
) -> Val:
    """One primitive on values of equal width."""
    if name == "cast":
        return cast(f, args[0], dtypes[0], static["dtype"])
    if name == "stop_gradient":
        return args[0]
    function = _LIBRARY.get((name, dtypes[0]))
    if function is not None:
        return f.libm(function, *args)
    return OPS[name](f, args, dtypes[0])
