"""CUDA C++ for scalar expressions: what one element of a fused group computes.

`ctype` is how a dtype is stored, `compute_type` what it is computed in: float16 and
bfloat16 are loaded as float and rounded when stored. Sources are plain text without
CuPy, so that every one of them can be compiled by NVRTC on a machine without a GPU.
"""

# ruff: noqa: E501 - lines of C in texts
from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.extend import Node, is_float, is_integer, limits

CTYPES = {
    "bool": "bool",
    "int8": "signed char",
    "uint8": "unsigned char",
    "int16": "short",
    "uint16": "unsigned short",
    "int32": "int",
    "uint32": "unsigned int",
    "int64": "long long",
    "uint64": "unsigned long long",
    "float16": "__half",
    "bfloat16": "__nv_bfloat16",
    "float32": "float",
    "float64": "double",
}
HALVES = {"float16": "__half", "bfloat16": "__nv_bfloat16"}

HALF_INCLUDES = "#include <cuda_fp16.h>\n#include <cuda_bf16.h>\n"
PRELUDE = r"""
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;
#define INFINITY_F __int_as_float(0x7f800000)
#define NAN_F __int_as_float(0x7fffffff)

// NumPy's rules: a NaN operand wins; floor division and remainder follow the divisor.
template <class T> __device__ T k_max(T a, T b) { return a != a ? a : (b != b ? b : (a > b ? a : b)); }
template <class T> __device__ T k_min(T a, T b) { return a != a ? a : (b != b ? b : (a < b ? a : b)); }
template <class T> __device__ T k_sign(T a) { return a != a ? a : (T)((a > (T)0) - (a < (T)0)); }
template <class T> __device__ T k_ifloordiv(T a, T b) {
  if (b == (T)0) return (T)0;
  if (b == (T)-1) return (T)0 - a;  // the most negative number overflows to itself
  T q = a / b;
  return (a % b != 0 && ((a < 0) != (b < 0))) ? q - 1 : q;
}
template <class T> __device__ T k_imod(T a, T b) {
  if (b == (T)0 || b == (T)-1) return (T)0;
  T r = a % b;
  return (r != 0 && ((r < 0) != (b < 0))) ? r + b : r;
}
template <class T> __device__ T k_fmod(T a, T b) {
  T r = fmod(a, b);
  if (r != (T)0 && ((r < (T)0) != (b < (T)0))) r += b;
  else if (r == (T)0) r = copysign((T)0, b);
  return r;
}
template <class T> __device__ T k_ffloordiv(T a, T b) {
  if (b == (T)0) return a / b;
  T q = (a - k_fmod(a, b)) / b, f = floor(q);
  return q - f > (T)0.5 ? f + (T)1 : f;
}
template <class T> __device__ T k_ipow(T a, T b) {
  if (b < (T)0) return a == (T)1 ? (T)1 : (a == (T)-1 ? ((b & 1) ? (T)-1 : (T)1) : (T)0);
  T r = 1;
  while (b) { if (b & 1) r *= a; a *= a; b >>= 1; }
  return r;
}
// Float to integer: below `low` the least number, from `top` on the greatest, NaN 0.
template <class T, class F> __device__ T k_saturated(F a, F low, F top, T least, T most) {
  return a != a ? (T)0 : a < low ? least : a >= top ? most : (T)a;
}
template <class T> __device__ T k_logistic(T a) {
  T e = exp(-fabs(a));
  return a >= (T)0 ? (T)1 / ((T)1 + e) : (a != a ? a : e / ((T)1 + e));
}
// The half float after `a` towards `b`: FRACTION bits, LEAST the exponent of the subnormals.
template <int FRACTION, int LEAST> __device__ float k_next(float a, float b) {
  if (a != a || b != b) return NAN_F;
  if (a == b) return b;
  if (a == 0.f) return copysignf(ldexpf(1.f, LEAST - FRACTION), b);
  if (fabsf(a) == INFINITY_F) return copysignf(ldexpf(2.f - ldexpf(1.f, -FRACTION), 1 - LEAST), a);
  int e;
  float m = frexpf(a, &e);
  if (--e < LEAST) e = LEAST;
  else if (e > LEAST && fabsf(m) == 0.5f && (b < a) == (a > 0.f)) --e;
  float unit = ldexpf(1.f, e - FRACTION);
  return b > a ? a + unit : a - unit;
}
template <class T> __device__ T k_shl(T a, T b) { return (u64)b >= sizeof(T) * 8 ? (T)0 : (T)(a << b); }
template <class T> __device__ T k_shr(T a, T b) {
  return (u64)b >= sizeof(T) * 8 ? (a < (T)0 ? (T)-1 : (T)0) : (T)(a >> b);
}
template <class T> __device__ T k_digamma(T x) {
  const T pi = (T)3.14159265358979323846;
  T add = 0;
  if (x <= (T)0 && x == floor(x)) return (T)NAN_F;
  if (x < (T)0) {
    add = -pi / tan(pi * (x - floor(x)));
    x = (T)1 - x;
  }
  while (x < (T)10) { add -= (T)1 / x; x += (T)1; }
  T z = (T)1 / (x * x);
  T tail = z * ((T)(1. / 12) - z * ((T)(1. / 120) - z * ((T)(1. / 252) - z * ((T)(1. / 240) - z * (T)(1. / 132)))));
  return add + log(x) - (T)0.5 / x - tail;
}

// Philox 4x32-10 (Salmon et al. 2011): word e % 4 of the block for index e / 4.
__device__ u32 k_philox(u32 seed, u32 counter, u64 e) {
  u64 block = e >> 2;
  u32 c0 = (u32)block, c1 = (u32)(block >> 32), c2 = counter, c3 = 0, k0 = seed, k1 = 0;
  #pragma unroll
  for (int r = 0; r < 10; ++r) {
    u32 h0 = __umulhi(0xD2511F53u, c0), l0 = 0xD2511F53u * c0;
    u32 h1 = __umulhi(0xCD9E8D57u, c2), l1 = 0xCD9E8D57u * c2;
    c0 = h1 ^ c1 ^ k0; c1 = l1; c2 = h0 ^ c3 ^ k1; c3 = l0;
    k0 += 0x9E3779B9u; k1 += 0xBB67AE85u;
  }
  int w = (int)(e & 3);
  return w == 0 ? c0 : w == 1 ? c1 : w == 2 ? c2 : c3;
}
"""

_FLOAT_CALLS = {
    "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p", "sqrt": "sqrt",
    "rsqrt": "rsqrt", "sin": "sin", "cos": "cos", "tan": "tan", "asin": "asin", "acos": "acos",
    "atan": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asinh": "asinh",
    "acosh": "acosh", "atanh": "atanh", "erf": "erf", "erfinv": "erfinv", "lgamma": "lgamma",
    "digamma": "k_digamma", "logistic": "k_logistic", "floor": "floor", "ceil": "ceil",
    "round": "rint", "atan2": "atan2", "nextafter": "nextafter",
}  # fmt: skip
_NEXT = {"float16": "k_next<10, -14>", "bfloat16": "k_next<7, -126>"}
_INFIX = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "eq": "==", "ne": "!=", "lt": "<", "le": "<=",
    "gt": ">", "ge": ">=", "bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^",
}  # fmt: skip
_CALLS = {
    "maximum": "k_max",
    "minimum": "k_min",
    "shift_left": "k_shl",
    "shift_right": "k_shr",
}
ELEMENTWISE = frozenset(
    [*_FLOAT_CALLS, *_INFIX, *_CALLS, "neg", "abs", "sign", "isnan", "isinf", "isfinite",
     "logical_not", "bitwise_not", "floordiv", "mod", "pow", "select", "cast", "stop_gradient",
     "full", "iota", "random_bits", "broadcast_to"]
)  # fmt: skip


def compute_type(dtype: str) -> str:
    """The C type in which values of `dtype` are computed."""
    return "float" if dtype in HALVES else CTYPES[dtype]


def load(dtype: str, expression: str) -> str:
    """A stored element as its compute type."""
    if dtype == "float16":
        return f"__half2float({expression})"
    if dtype == "bfloat16":
        return f"__bfloat162float({expression})"
    return expression


def store(dtype: str, expression: str) -> str:
    """A computed value as it is stored."""
    if dtype == "float16":
        return f"__float2half_rn({expression})"
    if dtype == "bfloat16":
        return f"__float2bfloat16_rn({expression})"
    return expression


def rounded(dtype: str, expression: str) -> str:
    """A value as it would read after being stored: each op rounds to its dtype."""
    return load(dtype, store(dtype, expression)) if dtype in HALVES else expression


def literal(value: Any, dtype: str) -> str:
    """A number as a C expression of the compute type of `dtype`."""
    kind = compute_type(dtype)
    if dtype == "bool":
        return "true" if value else "false"
    if is_integer(dtype):
        suffix = "ull" if dtype.startswith("u") else "ll"
        if int(value) == -(2**63):
            return "(-9223372036854775807ll - 1)"
        return f"({kind})({int(value)}{suffix})"
    number = float(value)
    if number != number:
        return f"({kind})NAN_F"
    if number in (float("inf"), float("-inf")):
        return f"({kind})({'-' if number < 0 else ''}INFINITY_F)"
    return f"({kind})({number!r}{'' if kind == 'double' else 'f'})"


def _saturated(value: str, source: str, target: str) -> str:
    """A float as an integer dtype that may not hold it."""
    info = np.iinfo(target)
    ends = [literal(n, source) for n in limits(target)]
    ends += [literal(n, target) for n in (info.min, info.max)]
    kinds = f"{CTYPES[target]}, {compute_type(source)}"
    return f"k_saturated<{kinds}>({value}, {', '.join(ends)})"


def expression(node: Node, args: list[str]) -> str:
    """What the (single) output element of `node` is, from its operands' expressions.

    Covers the elementwise kind; creation and random nodes need the index and are made
    by the caller.
    """
    name, out = node.prim.name, node.outputs[0].aval.dtype
    kind = compute_type(out)
    source = node.inputs[0].aval.dtype
    floating = is_float(source)
    if name == "cast":
        if out == "bool":
            return f"({args[0]} != {literal(0, source)})"
        if floating and is_integer(out):
            return _saturated(args[0], source, out)
        return rounded(out, f"({kind})({args[0]})")
    if name in ("stop_gradient", "broadcast_to"):
        return args[0]
    if name == "select":
        return f"({args[0]} ? {args[1]} : {args[2]})"
    if name in _INFIX:
        text = f"({args[0]} {_INFIX[name]} {args[1]})"
        if source == "bool" and name in ("add", "mul"):
            text = f"({args[0]} {'||' if name == 'add' else '&&'} {args[1]})"
        return rounded(out, f"({kind}){text}")
    if name in _FLOAT_CALLS:
        if not floating:  # floor, ceil, round of an integer
            return args[0]
        call = (
            _NEXT.get(out, "nextafter") if name == "nextafter" else _FLOAT_CALLS[name]
        )
        return rounded(out, f"({kind}){call}({', '.join(args)})")
    if name in _CALLS:
        return f"{_CALLS[name]}<{kind}>({', '.join(args)})"
    if name == "neg":
        return f"({kind})(-{args[0]})"
    if name == "abs":
        if floating:
            return f"fabs({args[0]})"
        return (
            args[0]
            if source.startswith("u")
            else f"({kind})({args[0]} < 0 ? -{args[0]} : {args[0]})"
        )
    if name == "sign":
        return f"k_sign<{kind}>({args[0]})"
    if name in ("isnan", "isinf", "isfinite"):
        return f"(bool){name}({args[0]})"
    if name == "logical_not":
        return f"(!{args[0]})"
    if name == "bitwise_not":
        return f"(!{args[0]})" if source == "bool" else f"({kind})(~{args[0]})"
    if name == "pow":
        if floating:
            return rounded(out, f"({kind})pow({args[0]}, {args[1]})")
        return f"k_ipow<{kind}>({args[0]}, {args[1]})"
    if name == "floordiv":
        call = "k_ffloordiv" if floating else "k_ifloordiv"
        return rounded(out, f"{call}<{kind}>({args[0]}, {args[1]})")
    if name == "mod":
        call = "k_fmod" if floating else "k_imod"
        return rounded(out, f"{call}<{kind}>({args[0]}, {args[1]})")
    raise KeyError(name)
