"""Rows of functions that go element by element."""

import math

from tests.ops.table import B, F, Fixed, I, P, case

names = [
    "sin", "cos", "tan", "tanh", "sinh", "cosh", "exp", "expm1", "sigmoid",
    "softplus", "softsign", "silu", "swish", "relu", "relu6", "leaky_relu", "elu",
    "selu", "celu", "gelu", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh",
    "log_sigmoid", "tanh_shrink", "soft_shrink", "hard_shrink", "squareplus",
    "sparse_plus", "sparse_sigmoid", "square", "negative", "abs", "absolute",
    "fabs", "erf", "arcsinh", "arctan", "exp2", "sinc", "deg2rad", "rad2deg",
    "floor", "ceil", "round", "trunc", "sign", "cbrt", "i0", "erfc",
]  # fmt: skip
for name in names:
    case(name, F(3, 5, low=-3.9, high=3.9))
for name in ["log", "log1p", "log2", "log10", "sqrt", "rsqrt", "reciprocal"]:
    case(name, P(3, 5))
for name in ["arcsin", "arccos", "arctanh", "erfinv"]:
    case(name, F(3, 5, low=-0.9, high=0.9), _tol=3e-5)
case("arccosh", P(3, 5, low=1.1))
for name in [
    "sin",
    "exp",
    "sqrt",
    "log",
    "floor",
    "ceil",
    "round",
    "trunc",
    "square",
    "negative",
    "abs",
    "fabs",
    "sign",
    "relu",
]:
    case(name, I(4, low=1, high=6))
for name in ["square", "trunc", "abs"]:
    case(name, B(4))
# Kinks: where the gradient is JAX's choice.
names = [
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu",
    "hard_sigmoid", "hard_silu", "hard_tanh", "softplus", "soft_shrink",
    "hard_shrink", "sparse_plus", "sparse_sigmoid", "abs", "sign", "log_sigmoid",
]  # fmt: skip
for name in names:
    case(name, Fixed([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0]))
names = [
    "softplus", "log_sigmoid", "sigmoid", "silu", "gelu", "elu", "relu", "tanh",
]  # fmt: skip
for name in names:
    case(name, Fixed([-100.0, 100.0, -30.0, 30.0]), _tol=1e-4)
case("gelu", F(3, 5), approximate=False)
case("leaky_relu", F(3, 5), negative_slope=0.01)
case("elu", F(3, 5), alpha=0.5)
case("celu", F(3, 5), alpha=0.5)
case("squareplus", F(3, 5), b=2)
case("threshold", F(3, 5), 0.3, -1.0)
case("glu", F(3, 6))
case("glu", F(4, 3), axis=0)
case("round", F(3, 5, low=-30, high=30), decimals=1)
case("round", Fixed([0.5, 1.5, 2.5, -0.5]))
specials = Fixed([math.nan, math.inf, -math.inf, 0.0, -0.0, 2.0, -2.0])
for name in [
    "isnan",
    "isinf",
    "isfinite",
    "isposinf",
    "isneginf",
    "signbit",
    "isreal",
    "real",
    "imag",
    "conj",
    "angle",
]:
    case(name, specials, _grad=False)
case("nan_to_num", specials, _grad=False)
case("nan_to_num", specials, nan=1.0, posinf=2.0, neginf=-3.0, _grad=False)

names = [
    "add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum",
    "arctan2", "logaddexp", "logaddexp2", "hypot", "divide_no_nan", "floor_divide",
    "mod", "fmod", "fmax", "fmin",
]  # fmt: skip
for name in names:
    case(name, F(3, 1, 4), F(2, 1))
for name in [
    "add",
    "subtract",
    "multiply",
    "divide",
    "maximum",
    "minimum",
    "floor_divide",
    "mod",
    "power",
    "fmod",
]:
    case(name, I(3, 4, low=1), I(4, low=1, high=4))
    case(name, I(3, low=1, high=5), F(3, low=0.5))
    case(name, F(3), 2)
    case(name, I(3), 2.5, _grad=False) if name not in ("power",) else None
    case(name, 2, F(3, low=0.5))
names = [
    "add", "multiply", "maximum", "minimum", "logical_and", "logical_or",
    "logical_xor",
]  # fmt: skip
for name in names:
    case(name, B(6), B(6))
case("power", P(3, 4), F(4))
case("power", F(3), 3)
case("power", Fixed([0.0, 1.0, 2.0]), 2.0)
case("power", Fixed([0.0, 1.0, 2.0]), 0.0, _grad=False)  # nan at 0 in JAX
case("maximum", Fixed([1.0, 2.0, 3.0]), Fixed([1.0, 3.0, 2.0]))
case("minimum", Fixed([1.0, 2.0, 3.0]), Fixed([1.0, 3.0, 2.0]))
case("fmax", Fixed([1.0, math.nan, 3.0]), Fixed([math.nan, 3.0, 2.0]), _grad=False)
case("fmin", Fixed([1.0, math.nan, 3.0]), Fixed([math.nan, 3.0, 2.0]), _grad=False)
case("logaddexp", Fixed([0.0, 1.0]), Fixed([0.0, 1.0]))
case("divide_no_nan", Fixed([1.0, 2.0]), Fixed([0.0, 4.0]))
case(
    "logaddexp",
    Fixed([0.0, math.inf, -math.inf]),
    Fixed([0.0, math.inf, -math.inf]),
    _grad=False,
)
case("heaviside", Fixed([-1.0, 0.0, 2.0]), 0.5, _grad=False, _symbolic=False)
case("ldexp", F(4), I(4))
case("nextafter", F(4), F(4), _grad=False)
case("gcd", I(6, low=1, high=100), I(6, low=1, high=100))
case("lcm", I(6, low=1, high=20), I(6, low=1, high=20))
case("clip", F(3, 4), -1.0, 0.5)
case("clip", Fixed([-1.0, 0.0, 0.5, 2.0]), -1.0, 0.5)
case("clip", I(5), -1, 2)
case("clip", I(5), -1.0, 2.5, _symbolic=False)  # keras: int32 when symbolic
for name in ["bitwise_and", "bitwise_or", "bitwise_xor"]:
    case(name, I(5), I(5))
    case(name, B(5), B(5))
case("bitwise_not", I(5))
case("bitwise_invert", B(5))
for name in ["left_shift", "bitwise_left_shift", "right_shift", "bitwise_right_shift"]:
    case(name, I(5), I(5, low=0, high=4))

for name in ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]:
    case(name, I(3, 4), I(4))
    case(name, I(4), F(4))
case("logical_not", B(4))
case("logical_and", I(4), F(4), _grad=False)
case(
    "isclose",
    Fixed([1.0, 2.0, math.nan, math.inf]),
    Fixed([1.000001, 2.1, math.nan, math.inf]),
    _grad=False,
)
case(
    "isclose",
    Fixed([1.0, math.nan]),
    Fixed([1.1, math.nan]),
    equal_nan=True,
    atol=0.2,
    _grad=False,
)
case("allclose", Fixed([1.0, 2.0]), Fixed([1.0, 2.0]), _grad=False)
case("where", B(3, 4), F(3, 4), F(4))
case("where", B(3), F(3), 0)
case("where", B(3), I(3), 1.5)
case("where", B(3), 1, 2)
case("isin", I(3, 4), I(3))
case("isin", I(3, 4), I(3), invert=True)
case("select", [B(4), B(4)], [F(4), F(4)], 2.0)
