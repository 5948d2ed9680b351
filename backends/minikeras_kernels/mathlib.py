"""Transcendental functions written out as polynomials, so that whole vectors take them.

Each function takes the writer and a float32 or float64 value of any width. float32
results are within about 2 units in the last place, and infinities, NaN, zeros and
denormals come out as in NumPy. Functions that are rare, or rare arguments, call the
C library lane by lane.

Reference: reductions and coefficients follow the Cephes library (Moshier) for
float32 and fdlibm (Sun) for float64; the form of erfinv is that of Giles,
"Approximating the erfinv function" (2012).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from minikeras_kernels.code import Op, Rel
from minikeras_kernels.values import Kind, Val
from minikeras_kernels.writer import Writer

# log(2) in two parts, the first of so few bits that its product with a small whole number
# is exact: Cody and Waite, "Software Manual for the Elementary Functions" (1980), ch. 6.
_LN2_HIGH = {Kind.F32: 0.693359375, Kind.F64: 6.93147180369123816490e-01}
_LN2_LOW = {Kind.F32: -2.12194440e-4, Kind.F64: 1.90821492927058770002e-10}
# 1.5 * 2^23 (2^52): a number near it has no bits for fractions, so that adding this rounds
# to the nearest whole number, and leaves it in the low bits
_MAGIC = {Kind.F32: 12582912.0, Kind.F64: 6755399441055744.0}
_INT = {Kind.F32: Kind.I32, Kind.F64: Kind.I64}
_MANTISSA = {Kind.F32: 23, Kind.F64: 52}
_BIAS = {Kind.F32: 127, Kind.F64: 1023}
_EXPM1_32 = (
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
)
# Taylor's series (Abramowitz and Stegun 4.2.1): for |r| < 0.35 thirteen terms are enough.
_EXPM1_64 = tuple(1.0 / math.factorial(k) for k in range(13, 1, -1))
_LOG_32 = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
_LOG_64 = (
    1.479819860511658591e-01,
    1.531383769920937332e-01,
    1.818357216161805012e-01,
    2.222219843214978396e-01,
    2.857142874366239149e-01,
    3.999999999940941908e-01,
    6.666666666666735130e-01,
)
# rational approximation x P(x^2) / Q(x^2) of erf on [-4, 4], with Eigen's coefficients
_ERF_P = (
    -2.72614225801306e-10,
    2.77068142495902e-08,
    -2.10102402082508e-06,
    -5.69250639462346e-05,
    -7.34990630326855e-04,
    -2.95459980854025e-03,
    -1.60960333262415e-02,
)
_ERF_Q = (
    -1.45660718464996e-05,
    -2.13374055278905e-04,
    -1.68282697438203e-03,
    -7.37332916720468e-03,
    -1.42647390514189e-02,
)
# erfinv(x) / x as a polynomial in w = -log(1 - x^2): in (w - 3.125) / 3.125 up to 6.25,
# in (sqrt(w) - 3.3) / 0.8 beyond, as far as float32 goes. Fitted at Chebyshev points to
# 1.4e-14, so that float32 results are rounded like those of the NumPy kernel.
_ERFINV_NEAR = (
    8.59400582917449072e-09,
    6.35907040520813528e-09,
    -1.03984177810471452e-07,
    5.44894131566013720e-08,
    5.44010950039394037e-07,
    -1.13503193095803294e-06,
    -6.86212072491803264e-07,
    7.18586379818108914e-06,
    -1.12564924800671828e-05,
    -1.50540615536028623e-05,
    9.33672495174779843e-05,
    -1.16880972361936051e-04,
    -2.64393666146442018e-04,
    1.23248414829552132e-03,
    -1.27169226493034659e-03,
    -4.13731423580946962e-03,
    1.78083618177587270e-02,
    -2.26044474599515210e-02,
    -5.89225671037515164e-02,
    7.50494320080051347e-01,
    1.65365456268310340e00,
)
_ERFINV_FAR = (
    -5.55835267379222239e-09,
    2.69094478219066999e-09,
    6.36789877357094351e-08,
    -1.78539460933651366e-07,
    4.44976996582912021e-08,
    1.17464918671918144e-06,
    -4.30626360884567503e-06,
    6.22111804607192671e-06,
    8.33826577674246399e-06,
    -7.12932418804671089e-05,
    2.17937416298324125e-04,
    -4.65538542906869025e-04,
    8.61626905528706157e-04,
    -1.68592428317077144e-03,
    3.09989223548448774e-03,
    8.04615295837026623e-01,
    3.13416153232079564e00,
)


def clamp(f: Writer, x: Val, low: float, high: float) -> Val:
    """`x` within bounds; NaN stays NaN."""
    top, bottom = f.like(x, high), f.like(x, low)
    x = f.select(f.fcmp(Rel.OGT, x, top), top, x)
    return f.select(f.fcmp(Rel.OLT, x, bottom), bottom, x)


def round_parts(f: Writer, x: Val, factor: float) -> tuple[Val, Val]:
    """x * factor rounded to a whole number, as a float and as an integer."""
    magic = f.like(x, _MAGIC[x.kind])
    shifted = f.fma(x, f.like(x, factor), magic)
    whole = f.bin(Op.FSUB, shifted, magic)
    kind = _INT[x.kind]
    return whole, f.sub(f.bitcast(shifted, kind), f.bitcast(magic, kind))


def _power_of_two(f: Writer, n: Val, kind: Kind) -> Val:
    """2 ** n for a normal result."""
    biased = f.add(n, f.like(n, _BIAS[kind]))
    return f.bitcast(f.bin(Op.SHL, biased, f.like(n, _MANTISSA[kind])), kind)


def _exp_core(f: Writer, x: Val) -> tuple[Val, Val, Val]:
    """(q, n, float(n)) with exp(x) = (1 + q) * 2 ** n, |q| < 0.42."""
    whole, n = round_parts(f, x, 1.4426950408889634)
    r = f.fnma(whole, f.like(x, _LN2_HIGH[x.kind]), x)
    r = f.fnma(whole, f.like(x, _LN2_LOW[x.kind]), r)
    p = f.poly(r, *(_EXPM1_32 if x.kind is Kind.F32 else _EXPM1_64))
    return f.fma(p, f.fmul(r, r), r), n, whole


def exp(f: Writer, x: Val) -> Val:
    low, high = (-104.0, 89.0) if x.kind is Kind.F32 else (-746.0, 710.0)
    q, n, whole = _exp_core(f, clamp(f, x, low, high))
    y = f.fadd(q, f.like(x, 1.0))
    if x.kind is Kind.F32 and x.lanes == f.target.lanes() and f.target.scales:
        return f.one(Op.SCALEF, y, whole)
    # two steps, so that results below the smallest normal number come out right
    half = f.bin(Op.ASHR, n, f.like(n, 1))
    rest = f.sub(n, half)
    y = f.bin(Op.FMUL, y, _power_of_two(f, half, x.kind))
    return f.bin(Op.FMUL, y, _power_of_two(f, rest, x.kind))


def expm1(f: Writer, x: Val) -> Val:
    low, high = (-30.0, 89.0) if x.kind is Kind.F32 else (-60.0, 710.0)
    q, n, _ = _exp_core(f, clamp(f, x, low, high))
    scale = _power_of_two(f, f.sub(n, f.like(n, 1)), x.kind)
    y = f.fma(scale, q, f.bin(Op.FSUB, scale, f.like(x, 0.5)))
    y = f.bin(Op.FADD, y, y)
    # keeps the sign of zero and denormals
    tiny = f.fcmp(Rel.OLT, f.one(Op.FABS, x), f.like(x, 1e-20))
    return f.select(tiny, x, y)


def log(f: Writer, x: Val) -> Val:
    kind, ints = x.kind, _INT[x.kind]
    # x = 2^e m with m from sqrt(1/2) to sqrt(2), by the bits of x alone: there log(m) is
    # small, and nothing cancels where x is near 1.
    bits, lift = _MANTISSA[kind], 2.0 ** (_MANTISSA[kind] + 2)
    smallest = 2.0 ** (1 - _BIAS[kind])
    denormal = f.fcmp(Rel.OLT, x, f.like(x, smallest))
    y = f.select(denormal, f.bin(Op.FMUL, x, f.like(x, lift)), x)
    i = f.bitcast(y, ints)
    root = f.bitcast(f.like(x, math.sqrt(0.5)), ints)
    e = f.bin(Op.ASHR, f.sub(i, root), f.like(i, bits))
    m = f.bitcast(f.sub(i, f.bin(Op.SHL, e, f.like(e, bits))), kind)
    e = f.sub(e, f.select(denormal, f.like(e, bits + 2), f.like(e, 0)))
    if ints is Kind.I64:
        e = f.convert(Op.TRUNC, e, Kind.I32)
    power = f.convert(Op.SITOFP, e, kind)
    z = f.bin(Op.FSUB, m, f.like(x, 1.0))
    result = _log_32(f, z, power) if kind is Kind.F32 else _log_64(f, z, power)
    infinity = f.like(x, math.inf)
    result = f.select(f.fcmp(Rel.OEQ, x, infinity), infinity, result)
    result = f.select(f.fcmp(Rel.OEQ, x, f.like(x, 0.0)), f.like(x, -math.inf), result)
    return f.select(f.fcmp(Rel.ULT, x, f.like(x, 0.0)), f.like(x, math.nan), result)


def _log_32(f: Writer, z: Val, power: Val) -> Val:
    """log(1 + z) + power * log(2)."""
    square = f.fmul(z, z)
    y = f.fmul(f.fmul(f.poly(z, *_LOG_32), z), square)
    y = f.fma(power, f.like(z, _LN2_LOW[Kind.F32]), y)
    y = f.fnma(square, f.like(z, 0.5), y)
    return f.fma(power, f.like(z, _LN2_HIGH[Kind.F32]), f.fadd(z, y))


def _log_64(f: Writer, z: Val, power: Val) -> Val:
    """log(1 + z) + power * log(2), as fdlibm's `e_log.c`: log(1 + z) by s = z / (2 + z)."""
    s = f.fdiv(z, f.fadd(z, f.like(z, 2.0)))
    square = f.fmul(s, s)
    rest = f.fmul(f.poly(square, *_LOG_64), square)
    half = f.fmul(f.fmul(z, z), f.like(z, 0.5))
    low = f.fmul(power, f.like(z, _LN2_LOW[Kind.F64]))
    inner = f.fma(s, f.fadd(half, rest), low)
    inner = f.fsub(f.fsub(half, inner), z)
    return f.fma(power, f.like(z, _LN2_HIGH[Kind.F64]), f.fneg(inner))


def log1p(f: Writer, x: Val) -> Val:
    """log(u) with u = 1 + x, and what rounding u lost put back, as fdlibm's `s_log1p.c`."""
    one = f.like(x, 1.0)
    u = f.bin(Op.FADD, x, one)
    lost = f.bin(Op.FDIV, f.bin(Op.FSUB, x, f.bin(Op.FSUB, u, one)), u)
    base = log(f, u)
    fixed = f.bin(Op.FADD, base, lost)
    finite = f.fcmp(Rel.OLT, u, f.like(x, math.inf))
    usable = f.bin(Op.AND, finite, f.fcmp(Rel.OGT, u, f.like(x, 0.0)))
    y = f.select(usable, fixed, base)
    return f.select(f.fcmp(Rel.OEQ, u, one), x, y)


def tanh(f: Writer, x: Val) -> Val:
    # -e / (e + 2) with e = exp(-2 |x|) - 1, as fdlibm's `s_tanh.c`: it never overflows, and
    # by `expm1` keeps its digits near zero.
    size = f.one(Op.FABS, x)
    e = expm1(f, f.bin(Op.FMUL, size, f.like(x, -2.0)))
    y = f.fdiv(f.fneg(e), f.bin(Op.FADD, e, f.like(x, 2.0)))
    return f.one(Op.COPYSIGN, y, x)


def logistic(f: Writer, x: Val) -> Val:
    one = f.like(x, 1.0)
    return f.fdiv(one, f.bin(Op.FADD, one, exp(f, f.fneg(x))))


def erf(f: Writer, x: Val) -> Val:
    if x.kind is Kind.F64:
        return f.libm("erf", x)
    y = clamp(f, x, -4.0, 4.0)
    square = f.fmul(y, y)
    return f.fdiv(f.fmul(y, f.poly(square, *_ERF_P)), f.poly(square, *_ERF_Q))


def erfinv(f: Writer, x: Val) -> Val:
    """Of float32, in float64; infinite at 1 and -1, NaN beyond."""
    y = f.convert(Op.FPEXT, x, Kind.F64)
    one = f.like(y, 1.0)
    w = f.fneg(log(f, f.fmul(f.fsub(one, y), f.fadd(one, y))))
    scaled = f.fmul(f.fsub(w, f.like(y, 3.125)), f.like(y, 1 / 3.125))
    near = f.poly(scaled, *_ERFINV_NEAR)
    scaled = f.fmul(f.fsub(sqrt(f, w), f.like(y, 3.3)), f.like(y, 1 / 0.8))
    far = f.poly(scaled, *_ERFINV_FAR)
    p = f.select(f.fcmp(Rel.OLT, w, f.like(y, 6.25)), near, far)
    infinite = f.fcmp(Rel.OEQ, f.one(Op.FABS, y), one)
    p = f.select(infinite, f.like(y, math.inf), p)
    return f.convert(Op.FPTRUNC, f.fmul(p, y), Kind.F32)


def sqrt(f: Writer, x: Val) -> Val:
    return f.one(Op.SQRT, x)


def rsqrt(f: Writer, x: Val) -> Val:
    return f.fdiv(f.like(x, 1.0), sqrt(f, x))


def _through_double(
    f: Writer, x: Val, name: str, wide: Callable[[Writer, Val], Val], odd: bool
) -> Val:
    """A float32 function by a plain formula in float64; float64 itself by libm."""
    if x.kind is Kind.F64:
        return f.libm(name, x)
    size = f.one(Op.FABS, x) if odd else x
    y = f.convert(Op.FPTRUNC, wide(f, f.convert(Op.FPEXT, size, Kind.F64)), Kind.F32)
    if not odd:
        return y
    # near zero the formula cancels, and the function is its argument
    y = f.select(f.fcmp(Rel.OLT, size, f.like(x, 1e-4)), size, y)
    return f.one(Op.COPYSIGN, y, x)


# Abramowitz and Stegun 4.5.1, 4.5.2 and 4.6.20 to 4.6.22.


def sinh(f: Writer, x: Val) -> Val:
    def wide(f: Writer, y: Val) -> Val:
        e = exp(f, y)
        return f.fmul(f.fsub(e, f.fdiv(f.like(y, 1.0), e)), f.like(y, 0.5))

    return _through_double(f, x, "sinh", wide, odd=True)


def cosh(f: Writer, x: Val) -> Val:
    def wide(f: Writer, y: Val) -> Val:
        e = exp(f, f.one(Op.FABS, y))
        return f.fmul(f.fadd(e, f.fdiv(f.like(y, 1.0), e)), f.like(y, 0.5))

    return _through_double(f, x, "cosh", wide, odd=False)


def asinh(f: Writer, x: Val) -> Val:
    def wide(f: Writer, y: Val) -> Val:
        return log(f, f.fadd(y, sqrt(f, f.fma(y, y, f.like(y, 1.0)))))

    return _through_double(f, x, "asinh", wide, odd=True)


def acosh(f: Writer, x: Val) -> Val:
    def wide(f: Writer, y: Val) -> Val:
        one = f.like(y, 1.0)
        # two roots: their product is NaN below 1, where the function is
        root = f.fmul(sqrt(f, f.fsub(y, one)), sqrt(f, f.fadd(y, one)))
        return log(f, f.fadd(y, root))

    return _through_double(f, x, "acosh", wide, odd=False)


def atanh(f: Writer, x: Val) -> Val:
    def wide(f: Writer, y: Val) -> Val:
        one = f.like(y, 1.0)
        ratio = f.fdiv(f.fadd(one, y), f.fsub(one, y))
        return f.fmul(log(f, ratio), f.like(y, 0.5))

    return _through_double(f, x, "atanh", wide, odd=True)


def power(f: Writer, x: Val, y: Val) -> Val:
    """x ** y for floats: exp(y log x) in float64 where x > 0, else the C library."""
    if x.kind is Kind.F64:
        return f.libm("pow", x, y)
    wide = log(f, f.convert(Op.FPEXT, x, Kind.F64))
    wide = exp(f, f.fmul(f.convert(Op.FPEXT, y, Kind.F64), wide))
    usual = f.convert(Op.FPTRUNC, wide, Kind.F32)
    infinity = f.like(x, math.inf)
    plain = f.bin(
        Op.AND,
        f.bin(
            Op.AND,
            f.fcmp(Rel.OGT, x, f.like(x, 0.0)),
            f.fcmp(Rel.OLT, x, infinity),
        ),
        f.fcmp(Rel.OLT, f.one(Op.FABS, y), infinity),
    )
    odd = f.bin(Op.XOR, plain, f.like(plain, True))
    return f.rare(odd, usual, lambda: f.libm("pow", x, y))
