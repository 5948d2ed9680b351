"""Trigonometric functions and their inverses of float32, computed in float64.

The inverse ones go by one angle, that of a point with 0 <= low <= high, which is at most
pi/4. Beyond tan(pi/8) it is pi/4 and the angle of (low - high, low + high), by the addition
theorem (Abramowitz and Stegun 4.4.34);
what is left is a polynomial, fitted at Chebyshev's nodes to 1e-13. So one division serves a
number. float64 itself goes to the C library.
"""

from __future__ import annotations

import math

from minikeras_kernels.code import Op, Rel
from minikeras_kernels.mathlib import round_parts, sqrt
from minikeras_kernels.values import Kind, Val
from minikeras_kernels.writer import Writer

# (atan(t) / t - 1) / t^2 in powers of t^2, the highest first.
_ATAN = (
    -0.027268912705391866,
    0.0517132939117061,
    -0.06551609926688988,
    0.07681148471974696,
    -0.09090264388793554,
    0.11111090025585592,
    -0.1428571393872163,
    0.19999999997797624,
    -0.3333333333333105,
)


def _angle(f: Writer, y: Val, x: Val) -> Val:
    """The angle of the point (x, y), both float64, with the sign of y."""
    zero, one = f.like(x, 0.0), f.like(x, 1.0)
    a, b = f.one(Op.FABS, y), f.one(Op.FABS, x)
    steep = f.fcmp(Rel.OGT, a, b)
    low, high = f.select(steep, b, a), f.select(steep, a, b)
    # both infinite: as if both were 1. Both zero: the angle of (1, 0).
    far = f.bin(Op.AND, *(f.fcmp(Rel.OEQ, v, f.like(x, math.inf)) for v in (low, high)))
    low, high = f.select(far, one, low), f.select(far, one, high)
    high = f.select(f.fcmp(Rel.OEQ, high, zero), one, high)
    turned = f.fcmp(Rel.OGT, low, f.fmul(high, f.like(x, math.tan(math.pi / 8))))
    above = f.select(turned, f.fsub(low, high), low)
    below = f.select(turned, f.fadd(low, high), high)
    t = f.fdiv(above, below)
    z = f.fmul(t, t)
    angle = f.fma(f.fmul(f.poly(z, *_ATAN), z), t, t)
    angle = f.fadd(angle, f.select(turned, f.like(x, math.pi / 4), zero))
    angle = f.select(steep, f.fsub(f.like(x, math.pi / 2), angle), angle)
    left = f.fcmp(Rel.OLT, f.one(Op.COPYSIGN, one, x), zero)
    angle = f.select(left, f.fsub(f.like(x, math.pi), angle), angle)
    return f.one(Op.COPYSIGN, angle, y)


def _wide(f: Writer, x: Val) -> Val:
    return f.convert(Op.FPEXT, x, Kind.F64)


def _narrow(f: Writer, x: Val) -> Val:
    return f.convert(Op.FPTRUNC, x, Kind.F32)


def _beside(f: Writer, x: Val) -> Val:
    """The other side of a right triangle whose longest is 1; NaN beyond it."""
    one = f.like(x, 1.0)
    return sqrt(f, f.fmul(f.fsub(one, x), f.fadd(one, x)))


def asin(f: Writer, x: Val) -> Val:
    if x.kind is Kind.F64:
        return f.libm("asin", x)
    y = _wide(f, x)
    return _narrow(f, _angle(f, y, _beside(f, y)))


def acos(f: Writer, x: Val) -> Val:
    if x.kind is Kind.F64:
        return f.libm("acos", x)
    y = _wide(f, x)
    return _narrow(f, _angle(f, _beside(f, y), y))


def atan(f: Writer, x: Val) -> Val:
    if x.kind is Kind.F64:
        return f.libm("atan", x)
    y = _wide(f, x)
    return _narrow(f, _angle(f, y, f.like(y, 1.0)))


def atan2(f: Writer, y: Val, x: Val) -> Val:
    if x.kind is Kind.F64:
        return f.libm("atan2", y, x)
    return _narrow(f, _angle(f, _wide(f, y), _wide(f, x)))


def _quadrant(f: Writer, x: Val) -> tuple[Val, Val, Val]:
    """(sin r, cos r, n) with x = n * pi / 2 + r, computed in float64."""
    # pi / 2 in two parts (Cody and Waite, ch. 8; the numbers are those of fdlibm's
    # `e_rem_pio2.c`), then Taylor's series: Abramowitz and Stegun 4.3.65 and 4.3.66.
    whole, n = round_parts(f, x, 2 / math.pi)
    r = f.fnma(whole, f.like(x, 1.57079632673412561417e00), x)
    r = f.fnma(whole, f.like(x, 6.07710050650619224932e-11), r)
    z = f.fmul(r, r)
    s = f.poly(z, *[(-1) ** (k // 2) / math.factorial(k) for k in (11, 9, 7, 5, 3)])
    c = f.poly(z, *[(-1) ** (k // 2) / math.factorial(k) for k in (12, 10, 8, 6, 4, 2)])
    s = f.fma(f.fmul(s, z), r, r)
    return s, f.fma(c, z, f.like(z, 1.0)), n


def _trigonometric(f: Writer, x: Val, name: str) -> Val:
    """sin, cos or tan; the reduction is exact to float32 below 1e5."""
    if x.kind is Kind.F64:
        return f.libm(name, x)
    s, c, n = _quadrant(f, f.convert(Op.FPEXT, x, Kind.F64))
    one = f.like(n, 1)
    odd = f.icmp(Rel.NE, f.bin(Op.AND, n, one), f.like(n, 0))
    if name == "tan":
        y = f.fdiv(f.select(odd, f.fneg(c), s), f.select(odd, s, c))
    else:
        if name == "cos":
            odd = f.bin(Op.XOR, odd, f.like(odd, True))
            n = f.add(n, one)
        y = f.select(odd, c, s)
        turn = f.icmp(Rel.NE, f.bin(Op.AND, n, f.like(n, 2)), f.like(n, 0))
        y = f.select(turn, f.fneg(y), y)
    usual = f.convert(Op.FPTRUNC, y, Kind.F32)
    if name != "cos":
        usual = f.select(f.fcmp(Rel.OEQ, x, f.like(x, 0.0)), x, usual)
    far = f.fcmp(Rel.UGT, f.one(Op.FABS, x), f.like(x, 1e5))
    return f.rare(far, usual, lambda: f.libm(name, x))


def sin(f: Writer, x: Val) -> Val:
    return _trigonometric(f, x, "sin")


def cos(f: Writer, x: Val) -> Val:
    return _trigonometric(f, x, "cos")


def tan(f: Writer, x: Val) -> Val:
    return _trigonometric(f, x, "tan")
