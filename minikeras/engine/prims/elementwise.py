"""Elementwise rows: one value out of the values at the same index.

Arguments broadcast as in NumPy and have one dtype. Rules give cotangents of the
broadcast shape. At ties and kinks the gradient is the one JAX gives: `maximum` and
`minimum` split it in halves, `abs` has 1 at 0, a step has none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikeras.engine.aval import Aval, ShapeError, broadcast_shapes
from minikeras.engine.dtypes import (
    ALLOWED,
    complex_of,
    is_complex,
    is_inexact,
    real_of,
)
from minikeras.engine.primitive import (
    Context,
    Facets,
    Primitive,
    Vjp,
    always,
    primitive,
)
from minikeras.engine.prims.create import const
from minikeras.engine.prims.helpers import (
    Grads,
    binary,
    check_dtype,
    check_same_dtype,
    unary,
)

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def _unary(
    name: str, wanted: str, vjp: Vjp | None, *, out: str | None = None, **facets: Any
) -> Primitive:
    infer, more = unary(name, wanted, out), Facets(**facets)
    return primitive(name, kind="elementwise", infer=infer, vjp=vjp, facets=more)


def _binary(
    name: str, wanted: str, vjp: Vjp | None, *, out: str | None = None, **facets: Any
) -> Primitive:
    infer, more = binary(name, wanted, out), Facets(**facets)
    return primitive(name, kind="elementwise", infer=infer, vjp=vjp, facets=more)


# --- arithmetic -------------------------------------------------------------------


def _mul_vjp(ctx: Context, g: Tensor) -> Grads:
    a, b = ctx.inputs
    return mul(g, b), mul(g, a)


def _div_vjp(ctx: Context, g: Tensor) -> Grads:
    _, b = ctx.inputs
    # d(a/b)/db = -a / b^2 = -(a/b) / b: with the result at hand, one product and no
    # square.
    ga = div(g, b)
    return ga, neg(mul(ga, ctx.outputs[0]))


def _pow_vjp(ctx: Context, g: Tensor) -> Grads:
    x, y = ctx.inputs
    zero, one = const(x, 0), const(x, 1)
    # By x it is nan where both are 0, as in JAX; `ops.power` spares plain exponents that.
    gx = mul(g, mul(y, pow_(x, sub(y, one))))
    # d(x^y)/dy = x^y log x, and 0 where x is 0: log 1 stands for log 0 there, since 0 *
    # -inf is nan.
    base = select(eq(x, zero), one, x)
    return gx, mul(g, mul(log(base), ctx.outputs[0]))


def _mod_vjp(ctx: Context, g: Tensor) -> Grads:
    # a mod b = a - b floor(a / b), and the floor has no slope.
    return g, neg(mul(g, floordiv(*ctx.inputs)))


def _extremum_vjp(wins: str) -> Vjp:
    """Rule of `maximum` (wins "gt") or `minimum` ("lt"): ties get one half each.

    Where an argument is nan, both get `0 * g`: nan goes on to what it came from.
    """

    def vjp(ctx: Context, g: Tensor) -> Grads:
        a, b = ctx.inputs
        zero = const(g, 0)
        tied = mul(g, select(eq(a, b), const(g, 0.5), zero))
        first, second = (gt(a, b), lt(a, b)) if wins == "gt" else (lt(a, b), gt(a, b))
        return (
            select(first, g, select(second, zero, tied)),
            select(second, g, select(first, zero, tied)),
        )

    return vjp


add = _binary(
    "add",
    "numeric",
    lambda ctx, g: (g, g),
    cheap=True,
    monotone=True,
    neutral=(-0.0, -0.0),
)
sub = _binary(
    "sub",
    "numeric",
    lambda ctx, g: (g, neg(g)),
    cheap=True,
    monotone=True,
    neutral=(None, 0.0),
)
mul = _binary("mul", "numeric", _mul_vjp, cheap=True, neutral=(1, 1))
div = _binary("div", "inexact", _div_vjp, neutral=(None, 1))
floordiv = _binary("floordiv", "ordered", None)
mod = _binary("mod", "ordered", _mod_vjp)
pow_ = _binary("pow", "numeric", _pow_vjp)
maximum = _binary("maximum", "any", _extremum_vjp("gt"), monotone=True)
minimum = _binary("minimum", "any", _extremum_vjp("lt"), monotone=True)
nextafter = _binary("nextafter", "float", None)


def _atan2_vjp(ctx: Context, g: Tensor) -> Grads:
    y, x = ctx.inputs
    # d atan2(y, x) = (x dy - y dx) / (x^2 + y^2).
    scaled = div(g, add(mul(x, x), mul(y, y)))
    return mul(scaled, x), neg(mul(scaled, y))


atan2 = _binary("atan2", "float", _atan2_vjp)


def _abs_vjp(ctx: Context, g: Tensor) -> Grads:
    x = ctx.inputs[0]
    if is_complex(x.dtype):
        # conj(x) / |x|, in the convention of the section on complex numbers below; 0 at
        # 0.
        size = ctx.outputs[0]
        nothing = eq(size, const(size, 0))
        share = div(select(nothing, const(g, 0), g), select(nothing, const(g, 1), size))
        return (mul(cast(share, dtype=x.dtype), _conjugate(x)),)
    return (select(ge(x, const(x, 0)), g, neg(g)),)


neg: Primitive = _unary("neg", "numeric", lambda ctx, g: (neg(g),), cheap=True)


def _infer_abs(x: Aval) -> Aval:
    check_dtype("abs", "x", x, "numeric")
    return Aval(x.shape, real_of(x.dtype))


abs_ = primitive("abs", kind="elementwise", infer=_infer_abs, vjp=_abs_vjp)
sign: Primitive = _unary("sign", "numeric", None)

# --- comparison and logic -----------------------------------------------------------

eq = _binary("eq", "any", None, out="bool")
ne = _binary("ne", "any", None, out="bool")
lt = _binary("lt", "any", None, out="bool")
le = _binary("le", "any", None, out="bool")
gt = _binary("gt", "any", None, out="bool")
ge = _binary("ge", "any", None, out="bool")
isnan = _unary("isnan", "inexact", None, out="bool")
isfinite = _unary("isfinite", "inexact", None, out="bool")
isinf = _unary("isinf", "inexact", None, out="bool")
logical_not = _unary("logical_not", "bool", None)
bitwise_not = _unary("bitwise_not", "bits", None)
bitwise_and = _binary("bitwise_and", "bits", None)
bitwise_or = _binary("bitwise_or", "bits", None)
bitwise_xor = _binary("bitwise_xor", "bits", None)
shift_left = _binary("shift_left", "integer", None)
shift_right = _binary("shift_right", "integer", None)

# --- exponentials, logarithms, powers -------------------------------------------------


def _one_plus(x: Tensor) -> Any:
    return add(x, const(x, 1))


def _one_minus_square(x: Tensor) -> Any:
    """1 - x*x as (1 - x)(1 + x), which keeps its digits near |x| = 1."""
    one = const(x, 1)
    return mul(sub(one, x), add(one, x))


def _sqrt_vjp(ctx: Context, g: Tensor) -> Grads:
    # 1 / (2 sqrt x), by the result.
    return (div(mul(g, const(g, 0.5)), ctx.outputs[0]),)


def _rsqrt_vjp(ctx: Context, g: Tensor) -> Grads:
    # -1/2 x^-3/2 as -1/2 (x^-1/2) / x: the power is there already.
    return (mul(mul(g, const(g, -0.5)), div(ctx.outputs[0], ctx.inputs[0])),)


exp = _unary("exp", "inexact", lambda ctx, g: (mul(g, ctx.outputs[0]),))
expm1: Primitive = _unary(
    "expm1", "inexact", lambda ctx, g: (mul(g, _one_plus(ctx.outputs[0])),)
)
log = _unary("log", "inexact", lambda ctx, g: (div(g, ctx.inputs[0]),))
log1p = _unary("log1p", "inexact", lambda ctx, g: (div(g, _one_plus(ctx.inputs[0])),))
sqrt = _unary("sqrt", "inexact", _sqrt_vjp)
rsqrt = _unary("rsqrt", "inexact", _rsqrt_vjp)

# --- trigonometry ---------------------------------------------------------------------


def _tan_vjp(ctx: Context, g: Tensor) -> Grads:
    out = ctx.outputs[0]
    # tan' = 1 + tan^2.
    return (mul(g, _one_plus(mul(out, out))),)


def _asin_vjp(ctx: Context, g: Tensor) -> Grads:
    # asin' = 1 / sqrt(1 - x^2), and acos' its negative.
    return (mul(g, rsqrt(_one_minus_square(ctx.inputs[0]))),)


def _acos_vjp(ctx: Context, g: Tensor) -> Grads:
    return (neg(mul(g, rsqrt(_one_minus_square(ctx.inputs[0])))),)


def _atan_vjp(ctx: Context, g: Tensor) -> Grads:
    x = ctx.inputs[0]
    return (div(g, _one_plus(mul(x, x))),)


def _tanh_vjp(ctx: Context, g: Tensor) -> Grads:
    # tanh' = 1 - tanh^2.
    return (mul(g, _one_minus_square(ctx.outputs[0])),)


def _asinh_vjp(ctx: Context, g: Tensor) -> Grads:
    x = ctx.inputs[0]
    # asinh' = 1 / sqrt(x^2 + 1).
    return (mul(g, rsqrt(_one_plus(mul(x, x)))),)


def _acosh_vjp(ctx: Context, g: Tensor) -> Grads:
    x = ctx.inputs[0]
    one, zero = const(x, 1), const(x, 0)
    # acosh' = 1 / sqrt(x^2 - 1), factored for its digits near 1.
    inner = mul(sub(x, one), add(x, one))
    inner = select(eq(inner, zero), zero, inner)  # -0 at -1 would turn the sign
    return (mul(g, rsqrt(inner)),)


def _atanh_vjp(ctx: Context, g: Tensor) -> Grads:
    # atanh' = 1 / (1 - x^2).
    return (div(g, _one_minus_square(ctx.inputs[0])),)


sin: Primitive = _unary("sin", "inexact", lambda ctx, g: (mul(g, cos(ctx.inputs[0])),))
cos: Primitive = _unary(
    "cos", "inexact", lambda ctx, g: (neg(mul(g, sin(ctx.inputs[0]))),)
)
tan = _unary("tan", "inexact", _tan_vjp)
asin = _unary("asin", "inexact", _asin_vjp)
acos = _unary("acos", "inexact", _acos_vjp)
atan = _unary("atan", "inexact", _atan_vjp)
sinh: Primitive = _unary(
    "sinh", "inexact", lambda ctx, g: (mul(g, cosh(ctx.inputs[0])),)
)
cosh: Primitive = _unary(
    "cosh", "inexact", lambda ctx, g: (mul(g, sinh(ctx.inputs[0])),)
)
tanh = _unary("tanh", "inexact", _tanh_vjp)
asinh = _unary("asinh", "inexact", _asinh_vjp)
acosh = _unary("acosh", "inexact", _acosh_vjp)
atanh = _unary("atanh", "inexact", _atanh_vjp)

# --- special functions -----------------------------------------------------------------


def _erf_vjp(ctx: Context, g: Tensor) -> Grads:
    x = ctx.inputs[0]
    # erf' = 2 / sqrt(pi) exp(-x^2) (Abramowitz and Stegun, 7.1.1).
    slope = mul(const(x, 2 / math.sqrt(math.pi)), exp(neg(mul(x, x))))
    return (mul(g, slope),)


def _erfinv_vjp(ctx: Context, g: Tensor) -> Grads:
    out = ctx.outputs[0]
    # The inverse function's slope: 1 / erf'(y).
    return (mul(g, mul(const(out, math.sqrt(math.pi) / 2), exp(mul(out, out)))),)


def _logistic_vjp(ctx: Context, g: Tensor) -> Grads:
    out = ctx.outputs[0]
    # logistic' = y (1 - y).
    return (mul(g, mul(out, sub(const(out, 1), out))),)


def _infer_polygamma(x: Aval, *, order: int) -> Aval:
    check_dtype("polygamma", "x", x, "float")
    if order < 1:
        raise ShapeError(
            f"polygamma: order {order} is not valid; expected at least 1. "
            f"For order 0 call digamma."
        )
    return x


def _polygamma_vjp(ctx: Context, g: Tensor) -> Grads:
    # polygamma of order n is the n-th derivative of digamma.
    order = ctx.static["order"] + 1
    return (mul(g, polygamma(ctx.inputs[0], order=order)),)


erf = _unary("erf", "float", _erf_vjp)
erfinv = _unary("erfinv", "float", _erfinv_vjp)
logistic = _unary("logistic", "inexact", _logistic_vjp)
lgamma = _unary("lgamma", "float", lambda ctx, g: (mul(g, digamma(ctx.inputs[0])),))
digamma: Primitive = _unary(
    "digamma", "float", lambda ctx, g: (mul(g, polygamma(ctx.inputs[0], order=1)),)
)
polygamma: Primitive = primitive(
    "polygamma", kind="elementwise", infer=_infer_polygamma, vjp=_polygamma_vjp
)

# --- rounding ----------------------------------------------------------------------------

floor = _unary("floor", "float", None)
ceil = _unary("ceil", "float", None)
round_ = _unary("round", "float", None)

# --- choice and conversion -----------------------------------------------------------------


def _infer_select(cond: Aval, a: Aval, b: Aval) -> Aval:
    check_dtype("select", "cond", cond, "bool")
    check_same_dtype("select", ("a", "b"), (a, b))
    return Aval(broadcast_shapes(cond.shape, a.shape, b.shape, op="select"), a.dtype)


def _select_vjp(ctx: Context, g: Tensor) -> Grads:
    cond, zero = ctx.inputs[0], const(g, 0)
    return None, select(cond, g, zero), select(cond, zero, g)


def _infer_cast(x: Aval, *, dtype: str) -> Aval:
    if dtype not in ALLOWED:
        raise ShapeError(
            f"cast: dtype {dtype!r} is not known; expected one of {', '.join(ALLOWED)}."
        )
    return Aval(x.shape, dtype)


def _cast_vjp(ctx: Context, g: Tensor | None) -> Grads:
    source = ctx.inputs[0].dtype
    if g is None or not is_inexact(source) or not is_inexact(ctx.static["dtype"]):
        return (None,)
    return (
        g if g.dtype == source else cast(g, dtype=source),
    )  # complex: its real part


select = primitive("select", kind="elementwise", infer=_infer_select, vjp=_select_vjp)
cast = primitive(
    "cast",
    kind="elementwise",
    infer=_infer_cast,
    vjp=_cast_vjp,
    facets=Facets(unchanged=always),
)
stop_gradient = _unary("stop_gradient", "any", None, unchanged=always)

# --- complex numbers -------------------------------------------------------------------------
# A gradient is d/dx - i d/dy of the real loss at x + iy, as in JAX: then the rules of real
# functions hold as they stand.


def _infer_part(name: str) -> Callable[[Aval], Aval]:
    def infer(x: Aval) -> Aval:
        check_dtype(name, "x", x, "complex")
        return Aval(x.shape, real_of(x.dtype))

    return infer


def _infer_complex(a: Aval, b: Aval) -> Aval:
    shape = binary("complex", "float")(a, b).shape
    return Aval(shape, complex_of(a.dtype))


def _whole(x: Tensor, part: Tensor) -> Any:
    return cast(part, dtype=x.dtype)


real: Primitive = primitive(
    "real",
    kind="elementwise",
    infer=_infer_part("real"),
    vjp=lambda ctx, g: (_whole(ctx.inputs[0], g),),
)
imag: Primitive = primitive(
    "imag",
    kind="elementwise",
    infer=_infer_part("imag"),
    # Of x + iy -> y: 0 by x and 1 by y, which is 0 - 1i as a gradient.
    vjp=lambda ctx, g: (complex_(const(g, 0), neg(g)),),
)
complex_: Primitive = primitive(
    "complex",
    kind="elementwise",
    infer=_infer_complex,
    vjp=lambda ctx, g: tuple(
        cast(part, dtype=x.dtype)
        for part, x in zip((real(g), neg(imag(g))), ctx.inputs)
    ),
)


def _conjugate(x: Tensor) -> Any:
    return complex_(real(x), neg(imag(x)))
