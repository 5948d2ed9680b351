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

from minikeras_numba.ir.writer import Fn, Val
from minikeras_numba.machine.jit import host

_LN2_HIGH = {"float": 0.693359375, "double": 6.93147180369123816490e-01}
_LN2_LOW = {"float": -2.12194440e-4, "double": 1.90821492927058770002e-10}
# adding this leaves the nearest whole number in the low bits
_MAGIC = {"float": 12582912.0, "double": 6755399441055744.0}
_INT = {"float": "i32", "double": "i64"}
_MANTISSA = {"float": 23, "double": 52}
_BIAS = {"float": 127, "double": 1023}
_EXPM1_32 = (
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
)
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
# rational approximation x P(x^2) / Q(x^2) of erf on [-4, 4]
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


def clamp(f: Fn, x: Val, low: float, high: float) -> Val:
    """`x` within bounds; NaN stays NaN."""
    top, bottom = f.like(x, high), f.like(x, low)
    x = f.select(f.fcmp("ogt", x, top), top, x)
    return f.select(f.fcmp("olt", x, bottom), bottom, x)


def _round_parts(f: Fn, x: Val, factor: float) -> tuple[Val, Val]:
    """x * factor rounded to a whole number, as a float and as an integer."""
    magic = f.like(x, _MAGIC[x.kind])
    shifted = f.fma(x, f.like(x, factor), magic)
    whole = f.bin("fsub", shifted, magic)
    kind = _INT[x.kind]
    return whole, f.sub(f.bitcast(shifted, kind), f.bitcast(magic, kind))


def _power_of_two(f: Fn, n: Val, kind: str) -> Val:
    """2 ** n for a normal result."""
    biased = f.add(n, f.like(n, _BIAS[kind]))
    return f.bitcast(f.bin("shl", biased, f.like(n, _MANTISSA[kind])), kind)


def _exp_core(f: Fn, x: Val) -> tuple[Val, Val, Val]:
    """(q, n, float(n)) with exp(x) = (1 + q) * 2 ** n, |q| < 0.42."""
    whole, n = _round_parts(f, x, 1.4426950408889634)
    r = f.fnma(whole, f.like(x, _LN2_HIGH[x.kind]), x)
    r = f.fnma(whole, f.like(x, _LN2_LOW[x.kind]), r)
    p = f.poly(r, *(_EXPM1_32 if x.kind == "float" else _EXPM1_64))
    return f.fma(p, f.fmul(r, r), r), n, whole


def _is_avx512() -> bool:
    machine = host()
    return machine.vector_bytes == 64 and machine.triple.startswith("x86_64")


def _scalef(f: Fn, y: Val, power: Val) -> Val:
    """y * 2 ** power, rounded once: one instruction of AVX-512."""
    name = "llvm.x86.avx512.mask.scalef.ps.512"
    f.declare(name, f"declare {y.ty} @{name}({y.ty}, {y.ty}, {y.ty}, i16, i32)")
    given = f"{y.typed}, {power.typed}, {y.typed}, i16 -1, i32 4"
    return f.let(f"call {y.ty} @{name}({given})", y.kind, y.lanes)


def exp(f: Fn, x: Val) -> Val:
    low, high = (-104.0, 89.0) if x.kind == "float" else (-746.0, 710.0)
    q, n, whole = _exp_core(f, clamp(f, x, low, high))
    y = f.fadd(q, f.like(x, 1.0))
    if x.kind == "float" and x.lanes == 16 and _is_avx512():
        return _scalef(f, y, whole)
    # two steps, so that results below the smallest normal number come out right
    half = f.bin("ashr", n, f.like(n, 1))
    rest = f.sub(n, half)
    y = f.bin("fmul", y, _power_of_two(f, half, x.kind))
    return f.bin("fmul", y, _power_of_two(f, rest, x.kind))


def expm1(f: Fn, x: Val) -> Val:
    low, high = (-30.0, 89.0) if x.kind == "float" else (-60.0, 710.0)
    q, n, _ = _exp_core(f, clamp(f, x, low, high))
    scale = _power_of_two(f, f.sub(n, f.like(n, 1)), x.kind)
    y = f.fma(scale, q, f.bin("fsub", scale, f.like(x, 0.5)))
    y = f.bin("fadd", y, y)
    # keeps the sign of zero and denormals
    tiny = f.fcmp("olt", f.intrinsic("fabs", x), f.like(x, 1e-20))
    return f.select(tiny, x, y)


def log(f: Fn, x: Val) -> Val:
    kind, ints = x.kind, _INT[x.kind]
    bits, lift = _MANTISSA[kind], 2.0 ** (_MANTISSA[kind] + 2)
    smallest = 2.0 ** (1 - _BIAS[kind])
    denormal = f.fcmp("olt", x, f.like(x, smallest))
    y = f.select(denormal, f.bin("fmul", x, f.like(x, lift)), x)
    i = f.bitcast(y, ints)
    root = f.bitcast(f.like(x, math.sqrt(0.5)), ints)
    e = f.bin("ashr", f.sub(i, root), f.like(i, bits))
    m = f.bitcast(f.sub(i, f.bin("shl", e, f.like(e, bits))), kind)
    e = f.sub(e, f.select(denormal, f.like(e, bits + 2), f.like(e, 0)))
    if ints == "i64":
        e = f.convert("trunc", e, "i32")
    power = f.convert("sitofp", e, kind)
    z = f.bin("fsub", m, f.like(x, 1.0))
    result = _log_32(f, z, power) if kind == "float" else _log_64(f, z, power)
    infinity = f.like(x, math.inf)
    result = f.select(f.fcmp("oeq", x, infinity), infinity, result)
    result = f.select(f.fcmp("oeq", x, f.like(x, 0.0)), f.like(x, -math.inf), result)
    return f.select(f.fcmp("ult", x, f.like(x, 0.0)), f.like(x, math.nan), result)


def _log_32(f: Fn, z: Val, power: Val) -> Val:
    """log(1 + z) + power * log(2)."""
    square = f.fmul(z, z)
    y = f.fmul(f.fmul(f.poly(z, *_LOG_32), z), square)
    y = f.fma(power, f.like(z, _LN2_LOW["float"]), y)
    y = f.fnma(square, f.like(z, 0.5), y)
    return f.fma(power, f.like(z, _LN2_HIGH["float"]), f.fadd(z, y))


def _log_64(f: Fn, z: Val, power: Val) -> Val:
    """log(1 + z) + power * log(2)."""
    s = f.fdiv(z, f.fadd(z, f.like(z, 2.0)))
    square = f.fmul(s, s)
    rest = f.fmul(f.poly(square, *_LOG_64), square)
    half = f.fmul(f.fmul(z, z), f.like(z, 0.5))
    low = f.fmul(power, f.like(z, _LN2_LOW["double"]))
    inner = f.fma(s, f.fadd(half, rest), low)
    inner = f.fsub(f.fsub(half, inner), z)
    return f.fma(power, f.like(z, _LN2_HIGH["double"]), f.fneg(inner))


def log1p(f: Fn, x: Val) -> Val:
    """log(u) with u = 1 + x, and what rounding u lost put back."""
    one = f.like(x, 1.0)
    u = f.bin("fadd", x, one)
    lost = f.bin("fdiv", f.bin("fsub", x, f.bin("fsub", u, one)), u)
    base = log(f, u)
    fixed = f.bin("fadd", base, lost)
    finite = f.fcmp("olt", u, f.like(x, math.inf))
    usable = f.bin("and", finite, f.fcmp("ogt", u, f.like(x, 0.0)))
    y = f.select(usable, fixed, base)
    return f.select(f.fcmp("oeq", u, one), x, y)


def tanh(f: Fn, x: Val) -> Val:
    size = f.intrinsic("fabs", x)
    e = expm1(f, f.bin("fmul", size, f.like(x, -2.0)))
    y = f.fdiv(f.fneg(e), f.bin("fadd", e, f.like(x, 2.0)))
    return f.intrinsic("copysign", y, x)


def logistic(f: Fn, x: Val) -> Val:
    one = f.like(x, 1.0)
    return f.fdiv(one, f.bin("fadd", one, exp(f, f.fneg(x))))


def erf(f: Fn, x: Val) -> Val:
    if x.kind == "double":
        return f.libm("erf", x)
    y = clamp(f, x, -4.0, 4.0)
    square = f.fmul(y, y)
    return f.fdiv(f.fmul(y, f.poly(square, *_ERF_P)), f.poly(square, *_ERF_Q))


def erfinv(f: Fn, x: Val) -> Val:
    """Of float32, in float64; infinite at 1 and -1, NaN beyond."""
    y = f.convert("fpext", x, "double")
    one = f.like(y, 1.0)
    w = f.fneg(log(f, f.fmul(f.fsub(one, y), f.fadd(one, y))))
    scaled = f.fmul(f.fsub(w, f.like(y, 3.125)), f.like(y, 1 / 3.125))
    near = f.poly(scaled, *_ERFINV_NEAR)
    scaled = f.fmul(f.fsub(sqrt(f, w), f.like(y, 3.3)), f.like(y, 1 / 0.8))
    far = f.poly(scaled, *_ERFINV_FAR)
    p = f.select(f.fcmp("olt", w, f.like(y, 6.25)), near, far)
    infinite = f.fcmp("oeq", f.intrinsic("fabs", y), one)
    p = f.select(infinite, f.like(y, math.inf), p)
    return f.convert("fptrunc", f.fmul(p, y), "float")


def sqrt(f: Fn, x: Val) -> Val:
    return f.intrinsic("sqrt", x)


def rsqrt(f: Fn, x: Val) -> Val:
    return f.fdiv(f.like(x, 1.0), sqrt(f, x))


def rare(f: Fn, mask: Val, usual: Val, slow: Callable[[], Val]) -> Val:
    """`usual`, but where any lane of the mask is set, that lane of `slow()`."""
    start, then, done = f.block, f.fresh("rare"), f.fresh("usual")
    f.line(f"br i1 {f.any_lane(mask).name}, label %{then}, label %{done}")
    f.label(then)
    mended = f.select(mask, slow(), usual)
    end = f.block
    f.line(f"br label %{done}")
    f.label(done)
    return f.let(
        f"phi {usual.ty} [ {usual.name}, %{start} ], [ {mended.name}, %{end} ]",
        usual.kind,
        usual.lanes,
    )


def _quadrant(f: Fn, x: Val) -> tuple[Val, Val, Val]:
    """(sin r, cos r, n) with x = n * pi / 2 + r, computed in float64."""
    whole, n = _round_parts(f, x, 2 / math.pi)
    r = f.fnma(whole, f.like(x, 1.57079632673412561417e00), x)
    r = f.fnma(whole, f.like(x, 6.07710050650619224932e-11), r)
    z = f.fmul(r, r)
    s = f.poly(z, *[(-1) ** (k // 2) / math.factorial(k) for k in (11, 9, 7, 5, 3)])
    c = f.poly(z, *[(-1) ** (k // 2) / math.factorial(k) for k in (12, 10, 8, 6, 4, 2)])
    s = f.fma(f.fmul(s, z), r, r)
    return s, f.fma(c, z, f.like(z, 1.0)), n


def _trigonometric(f: Fn, x: Val, name: str) -> Val:
    """sin, cos or tan; the reduction is exact to float32 below 1e5."""
    if x.kind == "double":
        return f.libm(name, x)
    s, c, n = _quadrant(f, f.convert("fpext", x, "double"))
    one = f.like(n, 1)
    odd = f.icmp("ne", f.bin("and", n, one), f.like(n, 0))
    if name == "tan":
        y = f.fdiv(f.select(odd, f.fneg(c), s), f.select(odd, s, c))
    else:
        if name == "cos":
            odd = f.bin("xor", odd, f.like(odd, True))
            n = f.add(n, one)
        y = f.select(odd, c, s)
        turn = f.icmp("ne", f.bin("and", n, f.like(n, 2)), f.like(n, 0))
        y = f.select(turn, f.fneg(y), y)
    usual = f.convert("fptrunc", y, "float")
    if name != "cos":
        usual = f.select(f.fcmp("oeq", x, f.like(x, 0.0)), x, usual)
    far = f.fcmp("ugt", f.intrinsic("fabs", x), f.like(x, 1e5))
    return rare(f, far, usual, lambda: f.libm(name, x))


def sin(f: Fn, x: Val) -> Val:
    return _trigonometric(f, x, "sin")


def cos(f: Fn, x: Val) -> Val:
    return _trigonometric(f, x, "cos")


def tan(f: Fn, x: Val) -> Val:
    return _trigonometric(f, x, "tan")


def _through_double(
    f: Fn, x: Val, name: str, wide: Callable[[Fn, Val], Val], odd: bool
) -> Val:
    """A float32 function by a plain formula in float64; float64 itself by libm."""
    if x.kind == "double":
        return f.libm(name, x)
    size = f.intrinsic("fabs", x) if odd else x
    y = f.convert("fptrunc", wide(f, f.convert("fpext", size, "double")), "float")
    if not odd:
        return y
    # near zero the formula cancels, and the function is its argument
    y = f.select(f.fcmp("olt", size, f.like(x, 1e-4)), size, y)
    return f.intrinsic("copysign", y, x)


def sinh(f: Fn, x: Val) -> Val:
    def wide(f: Fn, y: Val) -> Val:
        e = exp(f, y)
        return f.fmul(f.fsub(e, f.fdiv(f.like(y, 1.0), e)), f.like(y, 0.5))

    return _through_double(f, x, "sinh", wide, odd=True)


def cosh(f: Fn, x: Val) -> Val:
    def wide(f: Fn, y: Val) -> Val:
        e = exp(f, f.intrinsic("fabs", y))
        return f.fmul(f.fadd(e, f.fdiv(f.like(y, 1.0), e)), f.like(y, 0.5))

    return _through_double(f, x, "cosh", wide, odd=False)


def asinh(f: Fn, x: Val) -> Val:
    def wide(f: Fn, y: Val) -> Val:
        return log(f, f.fadd(y, sqrt(f, f.fma(y, y, f.like(y, 1.0)))))

    return _through_double(f, x, "asinh", wide, odd=True)


def acosh(f: Fn, x: Val) -> Val:
    def wide(f: Fn, y: Val) -> Val:
        one = f.like(y, 1.0)
        # two roots: their product is NaN below 1, where the function is
        root = f.fmul(sqrt(f, f.fsub(y, one)), sqrt(f, f.fadd(y, one)))
        return log(f, f.fadd(y, root))

    return _through_double(f, x, "acosh", wide, odd=False)


def atanh(f: Fn, x: Val) -> Val:
    def wide(f: Fn, y: Val) -> Val:
        one = f.like(y, 1.0)
        ratio = f.fdiv(f.fadd(one, y), f.fsub(one, y))
        return f.fmul(log(f, ratio), f.like(y, 0.5))

    return _through_double(f, x, "atanh", wide, odd=True)


def power(f: Fn, x: Val, y: Val) -> Val:
    """x ** y for floats: exp(y log x) in float64 where x > 0, else the C library."""
    if x.kind == "double":
        return f.libm("pow", x, y)
    wide = log(f, f.convert("fpext", x, "double"))
    wide = exp(f, f.fmul(f.convert("fpext", y, "double"), wide))
    usual = f.convert("fptrunc", wide, "float")
    infinity = f.like(x, math.inf)
    plain = f.bin(
        "and",
        f.bin(
            "and",
            f.fcmp("ogt", x, f.like(x, 0.0)),
            f.fcmp("olt", x, infinity),
        ),
        f.fcmp("olt", f.intrinsic("fabs", y), infinity),
    )
    odd = f.bin("xor", plain, f.like(plain, True))
    return rare(f, odd, usual, lambda: f.libm("pow", x, y))
