"""The elementwise primitives as LLVM IR: one row each, and how dtypes live in registers.

In registers booleans are i1 and half floats are float32; in memory booleans are
bytes. `emit_op` writes one primitive for values of any width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras_numba.ir import mathlib
from minikeras_numba.ir.writer import BITS, Fn, Val, const

REGISTER_KIND = {
    "bool": "i1",
    "int8": "i8",
    "uint8": "i8",
    "int16": "i16",
    "uint16": "i16",
    "int32": "i32",
    "uint32": "i32",
    "int64": "i64",
    "uint64": "i64",
    "float16": "float",
    "bfloat16": "float",
    "float32": "float",
    "float64": "double",
}
MEMORY_KIND = {**REGISTER_KIND, "bool": "i8", "float16": "half", "bfloat16": "i16"}
_FLOAT_NAMES = ("float16", "bfloat16", "float32", "float64")

Emit = Callable[[Fn, list[Val], str], Val]


def is_float(dtype: str) -> bool:
    return dtype in _FLOAT_NAMES


def is_signed(dtype: str) -> bool:
    return dtype.startswith("int")


def from_memory(f: Fn, x: Val, dtype: str) -> Val:
    """A loaded value as it lives in registers."""
    if dtype == "bool":
        return f.icmp("ne", x, f.like(x, 0))
    if dtype == "float16":
        return f.convert("fpext", x, "float")
    if dtype == "bfloat16":
        wide = f.convert("zext", x, "i32")
        return f.bitcast(f.bin("shl", wide, f.like(wide, 16)), "float")
    return x


def to_memory(f: Fn, x: Val, dtype: str) -> Val:
    """A register value as it is stored; half floats round to nearest even."""
    if dtype == "bool":
        return f.convert("zext", x, "i8")
    if dtype == "float16":
        return f.convert("fptrunc", x, "half")
    if dtype == "bfloat16":
        bits = f.bitcast(x, "i32")
        odd = f.bin("and", f.bin("lshr", bits, f.like(bits, 16)), f.like(bits, 1))
        rounded = f.add(bits, f.add(odd, f.like(bits, 0x7FFF)))
        quiet = f.bin("or", bits, f.like(bits, 0x400000))
        bits = f.select(f.fcmp("uno", x, x), quiet, rounded)
        return f.convert("trunc", f.bin("lshr", bits, f.like(bits, 16)), "i16")
    return x


def cast(f: Fn, x: Val, source: str, target: str) -> Val:
    """astype; floats outside an integer's range go to its nearest end, NaN to 0."""
    kind = REGISTER_KIND[target]
    if target in ("float16", "bfloat16") and source != target:
        wide = cast(f, x, source, "float32")
        return from_memory(f, to_memory(f, wide, target), target)
    if target == "bool":
        zero = f.like(x, 0)
        if is_float(source):
            return f.fcmp("une", x, zero)
        return x if source == "bool" else f.icmp("ne", x, zero)
    if is_float(source):
        if is_float(target):
            if x.kind == kind:
                return x
            return f.convert("fpext" if kind == "double" else "fptrunc", x, kind)
        stem = "fptosi.sat" if is_signed(target) else "fptoui.sat"
        return f.intrinsic(stem, x, kind=kind)
    if is_float(target):
        return f.convert("sitofp" if is_signed(source) else "uitofp", x, kind)
    have, want = BITS[x.kind], BITS[kind]
    if have == want:
        return x
    if have > want:
        return f.convert("trunc", x, kind)
    return f.convert("sext" if is_signed(source) else "zext", x, kind)


def _by_type(on_float: str, on_signed: str, on_unsigned: str = "") -> Emit:
    """An instruction per family of dtypes."""

    def emit(f: Fn, args: list[Val], dtype: str) -> Val:
        if is_float(dtype):
            return f.bin(on_float, *args)
        return f.bin(on_signed if is_signed(dtype) else on_unsigned or on_signed, *args)

    return emit


def _compare(on_float: str, on_signed: str, on_unsigned: str) -> Emit:
    def emit(f: Fn, args: list[Val], dtype: str) -> Val:
        if is_float(dtype):
            return f.fcmp(on_float, *args)
        return f.icmp(on_signed if is_signed(dtype) else on_unsigned, *args)

    return emit


def _extreme(ordered: str, stem: str, signed: str, unsigned: str) -> Emit:
    """maximum and minimum; NaN in either argument gives NaN."""

    def emit(f: Fn, args: list[Val], dtype: str) -> Val:
        a, b = args
        if not is_float(dtype):
            how = signed if is_signed(dtype) else unsigned
            return f.select(f.icmp(how, a, b), a, b)
        # against a literal, one compare keeps NaN: the literal wins only if ordered
        if not b.name.startswith("%"):
            return f.select(f.fcmp(ordered, b, a), b, a)
        if not a.name.startswith("%"):
            return f.select(f.fcmp(ordered, a, b), a, b)
        return f.intrinsic(stem, a, b)

    return emit


def _unary(build: Callable[[Fn, Val], Val]) -> Emit:
    return lambda f, args, dtype: build(f, args[0])


def _libm(name: str) -> Emit:
    return lambda f, args, dtype: f.libm(name, *args)


def _rounding(stem: str) -> Emit:
    def emit(f: Fn, args: list[Val], dtype: str) -> Val:
        return f.intrinsic(stem, args[0]) if is_float(dtype) else args[0]

    return emit


def _neg(f: Fn, args: list[Val], dtype: str) -> Val:
    return f.fneg(args[0]) if is_float(dtype) else f.sub(f.like(args[0], 0), args[0])


def _abs(f: Fn, args: list[Val], dtype: str) -> Val:
    (x,) = args
    if is_float(dtype):
        return f.intrinsic("fabs", x)
    if not is_signed(dtype):
        return x
    return f.select(f.icmp("slt", x, f.like(x, 0)), f.sub(f.like(x, 0), x), x)


def _sign(f: Fn, args: list[Val], dtype: str) -> Val:
    (x,) = args
    zero, one = f.like(x, 0), f.like(x, 1)
    if is_float(dtype):
        # NaN is its own sign; that of -0.0 is 0.0 in NumPy, but not in ml_dtypes
        rest = x if dtype == "bfloat16" else f.fadd(x, zero)
        y = f.select(f.fcmp("ogt", x, zero), one, rest)
        return f.select(f.fcmp("olt", x, zero), f.like(x, -1), y)
    if not is_signed(dtype):
        return f.select(f.icmp("ne", x, zero), one, zero)
    y = f.select(f.icmp("sgt", x, zero), one, zero)
    return f.select(f.icmp("slt", x, zero), f.like(x, -1), y)


def _isnan(f: Fn, args: list[Val], dtype: str) -> Val:
    (x,) = args
    return f.fcmp("uno", x, x) if is_float(dtype) else const("i1", False, x.lanes)


def _isfinite(f: Fn, args: list[Val], dtype: str) -> Val:
    (x,) = args
    if not is_float(dtype):
        return const("i1", True, x.lanes)
    return f.fcmp("olt", f.intrinsic("fabs", x), f.like(x, float("inf")))


def _isinf(f: Fn, args: list[Val], dtype: str) -> Val:
    (x,) = args
    if not is_float(dtype):
        return const("i1", False, x.lanes)
    return f.fcmp("oeq", f.intrinsic("fabs", x), f.like(x, float("inf")))


def _invert(f: Fn, args: list[Val], dtype: str) -> Val:
    x = args[0]
    return f.bin("xor", x, f.like(x, True if x.kind == "i1" else -1))


def _float_divmod(f: Fn, a: Val, b: Val) -> tuple[Val, Val]:
    """Python's // and % on floats, as NumPy rounds them."""
    zero, one = f.like(a, 0.0), f.like(a, 1.0)
    rest = f.bin("frem", a, b)
    quotient = f.bin("fdiv", f.bin("fsub", a, rest), b)
    nonzero = f.fcmp("une", rest, zero)
    opposite = f.bin("xor", f.fcmp("olt", b, zero), f.fcmp("olt", rest, zero))
    shift = f.bin("and", nonzero, opposite)
    quotient = f.select(shift, f.bin("fsub", quotient, one), quotient)
    rest = f.select(shift, f.bin("fadd", rest, b), rest)
    rest = f.select(nonzero, rest, f.intrinsic("copysign", zero, b))
    down = f.intrinsic("floor", quotient)
    far = f.fcmp("ogt", f.bin("fsub", quotient, down), f.like(a, 0.5))
    down = f.select(far, f.bin("fadd", down, one), down)
    plain = f.bin("fdiv", a, b)
    nothing = f.fcmp("oeq", quotient, zero)
    down = f.select(nothing, f.intrinsic("copysign", zero, plain), down)
    by_zero = f.fcmp("oeq", b, zero)
    return f.select(by_zero, plain, down), f.select(
        by_zero, f.like(a, float("nan")), rest
    )


def _int_divmod(f: Fn, a: Val, b: Val, signed: bool) -> tuple[Val, Val]:
    """Python's // and % on integers; a zero divisor gives 0 and 0, as in NumPy."""
    zero, one = f.like(a, 0), f.like(a, 1)
    by_zero = f.icmp("eq", b, zero)
    safe = f.select(by_zero, one, b)
    if not signed:
        q, r = f.bin("udiv", a, safe), f.bin("urem", a, safe)
    else:
        # the smallest integer over -1 would trap
        minus = f.icmp("eq", safe, f.like(a, -1))
        safe = f.select(minus, one, safe)
        q, r = f.bin("sdiv", a, safe), f.bin("srem", a, safe)
        q = f.select(minus, f.sub(zero, q), q)
        signs = f.icmp("slt", f.bin("xor", r, b), zero)
        shift = f.bin("and", f.icmp("ne", r, zero), signs)
        q = f.select(shift, f.sub(q, one), q)
        r = f.select(shift, f.add(r, b), r)
    return f.select(by_zero, zero, q), f.select(by_zero, zero, r)


def _division(part: int) -> Emit:
    def emit(f: Fn, args: list[Val], dtype: str) -> Val:
        if is_float(dtype):
            return _float_divmod(f, args[0], args[1])[part]
        return _int_divmod(f, args[0], args[1], is_signed(dtype))[part]

    return emit


def _shift(op: str) -> Emit:
    """Shifts by the width or more give what shifting bit by bit would."""

    def emit(f: Fn, args: list[Val], dtype: str) -> Val:
        x, by = args
        bits = BITS[x.kind]
        fits = f.icmp("ult", by, f.like(by, bits))
        if op == "shl" or not is_signed(dtype):
            safe = f.select(fits, by, f.like(by, 0))
            shifted = f.bin("shl" if op == "shl" else "lshr", x, safe)
            return f.select(fits, shifted, f.like(x, 0))
        return f.bin("ashr", x, f.select(fits, by, f.like(by, bits - 1)))

    return emit


# Powers by multiplication, whether the exponent is a literal or happens to be that.
_POWERS: dict[float, Callable[[Fn, Val], Val]] = {
    1.0: lambda f, x: x,
    2.0: lambda f, x: f.fmul(x, x),
    3.0: lambda f, x: f.fmul(f.fmul(x, x), x),
    -1.0: lambda f, x: f.fdiv(f.like(x, 1.0), x),
}


def _pow(f: Fn, args: list[Val], dtype: str) -> Val:
    x, y = args
    for exponent, power in _POWERS.items():
        if y.name == f.like(y, exponent).name:
            return power(f, x)
    result = mathlib.power(f, x, y)
    if y.name.startswith("%"):
        for exponent, power in _POWERS.items():
            same = f.fcmp("oeq", y, f.like(y, exponent))
            result = f.select(same, power(f, x), result)
    return result


OPS: dict[str, Emit] = {
    "add": _by_type("fadd", "add"),
    "sub": _by_type("fsub", "sub"),
    "mul": _by_type("fmul", "mul"),
    "div": _by_type("fdiv", "fdiv"),
    "floordiv": _division(0),
    "mod": _division(1),
    "pow": _pow,
    "maximum": _extreme("ogt", "maximum", "sgt", "ugt"),
    "minimum": _extreme("olt", "minimum", "slt", "ult"),
    "eq": _compare("oeq", "eq", "eq"),
    "ne": _compare("une", "ne", "ne"),
    "lt": _compare("olt", "slt", "ult"),
    "le": _compare("ole", "sle", "ule"),
    "gt": _compare("ogt", "sgt", "ugt"),
    "ge": _compare("oge", "sge", "uge"),
    "bitwise_and": lambda f, args, dtype: f.bin("and", *args),
    "bitwise_or": lambda f, args, dtype: f.bin("or", *args),
    "bitwise_xor": lambda f, args, dtype: f.bin("xor", *args),
    "bitwise_not": _invert,
    "logical_not": _invert,
    "shift_left": _shift("shl"),
    "shift_right": _shift("shr"),
    "neg": _neg,
    "abs": _abs,
    "sign": _sign,
    "isnan": _isnan,
    "isfinite": _isfinite,
    "isinf": _isinf,
    "floor": _rounding("floor"),
    "ceil": _rounding("ceil"),
    "round": _rounding("roundeven"),
    "asin": _libm("asin"),
    "acos": _libm("acos"),
    "atan": _libm("atan"),
    "atan2": _libm("atan2"),
    "select": lambda f, args, dtype: f.select(*args),
    **{
        name: _unary(getattr(mathlib, name))
        for name in (
            *("exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "sin", "cos", "tan"),
            *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "logistic"),
            "erfinv",
        )
    },
}
# rough cost of one element beside an addition, to decide when threads pay
COSTS = dict.fromkeys(("floordiv", "mod", "pow", "asin", "acos", "atan", "atan2"), 60)
COSTS |= dict.fromkeys(("exp", "expm1", "log", "log1p", "tanh", "logistic", "erf"), 10)
COSTS |= dict.fromkeys(("sin", "cos", "tan", "sinh", "cosh", "asinh", "acosh"), 20)
COSTS |= {"atanh": 20, "erfinv": 60, "random_bits": 20, "sqrt": 3, "rsqrt": 4, "div": 2}
# on integers these have no rule here
_FLOAT_ONLY = {"pow", "div"}
# libm's nextafter works on the stored format, which half floats have left
_NO_HALF = {"nextafter"}
# its polynomials are as exact as float32 needs
_NO_DOUBLE = {"erfinv"}
OPS["nextafter"] = _libm("nextafter")


def supports(name: str, dtype: str) -> bool:
    """Whether `emit_op` can write the primitive for arguments of a dtype."""
    if name not in OPS and name not in ("cast", "stop_gradient"):
        return False
    if dtype not in REGISTER_KIND:
        return False
    if name in _FLOAT_ONLY and not is_float(dtype):
        return False
    if name in _NO_DOUBLE and dtype == "float64":
        return False
    return not (name in _NO_HALF and dtype in ("float16", "bfloat16"))


def emit_op(
    f: Fn, name: str, args: list[Val], dtypes: list[str], static: dict[str, Any]
) -> Val:
    """One primitive on values of equal width."""
    if name == "cast":
        return cast(f, args[0], dtypes[0], static["dtype"])
    if name == "stop_gradient":
        return args[0]
    return OPS[name](f, args, dtypes[0])
