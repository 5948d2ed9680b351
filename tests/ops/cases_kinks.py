"""Rows at ties and kinks: values and gradients there are keras's choice on JAX."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.ops.table import Case, Fixed

KINKS: list[Case] = []
INF, NAN = math.inf, math.nan


def kink(name: str, *args: Any, **kwargs: Any) -> None:
    """Add a row; lists of numbers are arrays of float32."""
    found = ("grad", "namespace")
    options = {k: kwargs.pop("_" + k) for k in found if "_" + k in kwargs}
    label = name if "namespace" not in options else f"{options['namespace']}.{name}"
    number = sum(c.label.startswith(f"{label}-") for c in KINKS)
    arrays = tuple(Fixed(a) if isinstance(a, list) else a for a in args)
    KINKS.append(Case(name, arrays, kwargs, f"{label}-{number}", **options))


POINTS = [-INF, -6.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, 3.0, 6.0, INF]
FINITE = POINTS[1:-1]
for name in (
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "sigmoid",
    "hard_sigmoid", "hard_silu", "hard_tanh", "softplus", "softsign", "tanh",
    "log_sigmoid", "soft_shrink", "hard_shrink", "tanh_shrink", "squareplus",
    "sparse_plus", "sparse_sigmoid", "abs", "fabs", "sign", "square", "sqrt", "rsqrt",
    "reciprocal", "cbrt", "log", "log1p", "log2", "log10", "exp", "exp2", "expm1",
    "sin", "cos", "tan", "sinh", "cosh", "arcsin", "arccos", "arctan", "arcsinh",
    "arccosh", "arctanh", "sinc", "erf", "erfc", "erfinv", "floor", "ceil", "round",
    "trunc", "nan_to_num", "i0", "negative", "deg2rad", "angle", "real",
):  # fmt: skip
    kink(name, POINTS)
kink("gelu", POINTS, approximate=False)
kink("threshold", FINITE, 0.5, -1.0)
kink("leaky_relu", FINITE, negative_slope=0.0)
kink("relu", FINITE)
kink("clip", POINTS, -1.0, 2.0)
kink("clip", FINITE, 0.5, 0.5)
kink("clip", FINITE, 2.0, -1.0)  # the ends the wrong way round
kink("clip", FINITE, [0.5] * 11, [1.0] * 11)
kink("nan_to_num", POINTS, nan=1.0, posinf=2.0, neginf=-3.0)

LEFT = [0.0, 0.0, -0.0, 1.0, -1.0, 2.0, INF, -INF, INF, -INF, 3.0, -3.0]
RIGHT = [0.0, -0.0, -0.0, 1.0, -1.0, -2.0, INF, -INF, -INF, INF, 0.0, 0.0]
for name in (
    "add", "subtract", "multiply", "divide", "divide_no_nan", "maximum", "minimum",
    "fmax", "fmin", "power", "arctan2", "hypot", "logaddexp", "logaddexp2", "mod",
    "fmod", "floor_divide", "heaviside",
):  # fmt: skip
    kink(name, LEFT, RIGHT)
kink("nextafter", LEFT, RIGHT, _grad=False)
kink("power", [0.0, 0.0, 0.0, -2.0, -2.0, 2.0], [0.0, 2.0, -1.0, 2.0, 3.0, 0.0])
kink("power", [0.0, 1.0, -2.0], [0.5, 0.5, 0.5])
for exponent in (0, 1, 2, 3, 0.5, -1, 2.0):
    kink("power", [0.0, 1.0, -2.0, INF], exponent)
kink("mod", [6.0, -6.0, 5.5, 0.0], [3.0, 3.0, -3.0, 2.0])
kink("fmod", [6.0, -6.0, 5.5, 0.0], [3.0, 3.0, -3.0, 2.0])
kink("floor_divide", [6.0, -6.0, 5.5, 0.0], [3.0, 3.0, -3.0, 2.0])
kink("where", Fixed([True, False], "bool"), [1.0, NAN], [NAN, 2.0])
kink("ldexp", [0.0, 1.0, INF], Fixed([3, 200, -5], "int32"))

TIED = [[1.0, 3.0, 3.0, 2.0], [2.0, 2.0, 2.0, 2.0], [0.0, -0.0, 0.0, -1.0]]
NANS = [[1.0, NAN, 3.0], [NAN, NAN, NAN], [INF, -INF, 0.0], [INF, INF, 1.0]]
for name in ("max", "min", "amax", "amin", "ptp", "median", "logsumexp", "prod",
             "var", "std", "mean", "sum", "argmax", "argmin", "sort", "argsort",
             "cumsum", "cumprod", "nanmax", "nanmin", "nansum", "nanmean", "nanprod",
             "nanvar", "nanstd", "nanmedian", "nancumsum", "nancumprod", "softmax",
             "log_softmax", "sparsemax", "normalize", "count_nonzero",
             "norm"):  # fmt: skip
    kink(name, TIED, axis=-1)
    # Rules that are as right differ in what they give beside infinities.
    kink(name, NANS[:2] if name in ("var", "cumprod", "nancumprod") else NANS, axis=-1)
for name in ("max", "min", "median", "prod", "logsumexp", "std"):
    kink(name, TIED)
kink("max", TIED, axis=1, initial=3.0)
kink("min", TIED, axis=1, initial=1.0)
ZEROS = [[0.0, 2.0, 3.0, 4.0], [0.0, 2.0, 0.0, 4.0], [0.0, 0.0, 0.0, 0.0]]
for name in ("prod", "cumprod", "var", "std", "norm", "normalize", "softmax",
             "logsumexp", "sparsemax", "layer_normalization", "rms_normalization",
             "nanprod", "nancumprod"):  # fmt: skip
    kink(name, ZEROS, axis=-1)
    kink(name, [[-0.0] * 3, [5.0] * 3], axis=1)
for order in (1, 2, 3, INF, -INF, 0, 0.5, -1):
    kink("norm", ZEROS, ord=order, axis=1)
for order in ("fro", 1, INF, -1, -INF):
    kink("norm", ZEROS, ord=order)
    kink("norm", [[0.0, 0.0], [0.0, 0.0]], ord=order)
for order in (1, 2, 3):
    kink("normalize", ZEROS, order=order)
for method in ("linear", "lower", "higher", "midpoint", "nearest"):
    kink("quantile", TIED, 0.5, axis=1, method=method)
    kink("quantile", [3.0, 1.0, 2.0, 4.0], 0.5, method=method)
    kink("quantile", [3.0, 1.0, 2.0, 4.0, 0.0, 7.0], [0.1, 0.3, 0.5, 0.7, 1.0, 0.0],
         method=method)  # fmt: skip
    kink("percentile", [3.0, 1.0, 2.0, 2.0, 5.0, 6.0, 0.0], 25.0, method=method)
kink("quantile", [1.0, NAN, 2.0], 0.5)
kink("nanquantile", [[1.0, NAN, 2.0, 2.0], [NAN] * 4], 0.5, axis=1)
kink("top_k", TIED[:2], 2)  # JAX has -0.0 below 0.0 here, and here alone
kink("top_k", NANS, 2)
IDS = Fixed([0, 0, 1, 1, 1, 3], "int32")
DATA = [2.0, 2.0, 0.0, -0.0, 0.0, 0.0]
for name in ("segment_max", "segment_min", "segment_prod", "segment_sum"):
    kink(name, DATA, IDS, 5, _grad=name != "segment_prod")  # JAX has no rule for it
TWICE = Fixed([[1], [1], [0]], "int32")
for reduction in (None, "add", "max", "min", "mul"):
    kink("scatter_update", [2.0, 3.0, 4.0], TWICE, [3.0, 3.0, 0.0],
         reduction=reduction, _grad=reduction != "mul")  # fmt: skip
FLAT = [[[1.0], [1.0], [0.0], [0.0], [2.0], [2.0], [2.0]]]
for padding in ("valid", "same"):
    kink("max_pool", FLAT, 2, 2, padding)
    kink("max_pool", FLAT, 3, 1, padding)
    kink("average_pool", FLAT, 2, 1, padding)
kink("adaptive_max_pool", [[[1.0], [1.0], [0.0], [0.0]]], 2)
kink("adaptive_max_pool", FLAT, 3)
kink("adaptive_max_pool", [[[[1.0], [1.0]], [[1.0], [1.0]]]], 1)
kink("max_pool", [[[-INF], [-INF], [INF], [INF]]], 2, 2)
kink("det", [[1.0, 2.0], [2.0, 4.0]])
kink("det", [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 1.0, 1.0]])
kink("det", [[[2.0, 1.0], [1.0, 3.0]], [[1.0, 2.0], [2.0, 4.0]]])
kink("det", [[0.0] * 3] * 3)
for options in (
    {"negative_slope": 0.1}, {"max_value": 3.0}, {"threshold": 0.5}, {"max_value": 6.0},
    {"negative_slope": 0.1, "max_value": 3.0, "threshold": 1.0},
    {"negative_slope": 0.5, "threshold": -1.0}, {"max_value": 0.0},
):  # fmt: skip
    kink("relu", FINITE, _namespace="activations", **options)
kink("relu", POINTS, threshold=0.5, _namespace="activations")
for name in ("mish", "exponential", "linear", "swish", "hard_swish", "elu", "softsign"):
    kink(name, FINITE, _namespace="activations")
kink("elu", FINITE, alpha=0.5, _namespace="activations")
kink("threshold", FINITE, 0.5, -1.0, _namespace="activations")
WHOLE = [[-INF] * 3, [INF] * 3, [-INF, 1.0, -INF]]
for name in ("logsumexp", "softmax", "log_softmax", "max", "mean", "var", "std", "sum",
             "norm", "argmax", "median", "sort"):  # fmt: skip
    kink(name, WHOLE, axis=1, _grad=name != "var")
kink("quantile", [-INF, 1.0, 2.0, INF], [0.0, 0.1, 0.5, 0.9, 1.0])
EQUAL = [[1.0, 2.0], [3.0, 4.0]]
kink(
    "cdist", EQUAL, EQUAL, _grad=False
)  # nan in keras, 0 in ours, as its docstring says
kink("psnr", EQUAL, EQUAL, 2.0)
kink("corrcoef", [[1.0, 1.0, 1.0], [1.0, 2.0, 4.0]])
kink("moments", [[3.0, 3.0, 3.0], [0.0, -0.0, 0.0]], axes=[1])
CERTAIN, SURE = [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
for logits in (False, True):
    kink("categorical_crossentropy", CERTAIN, SURE, from_logits=logits)
    kink("binary_crossentropy", CERTAIN, SURE, from_logits=logits)
    kink("sparse_categorical_crossentropy", Fixed([1, 3], "int32"), SURE,
         from_logits=logits)  # fmt: skip
kink("categorical_crossentropy", CERTAIN, [[0.0] * 3] * 2)
HEADS = [[[[1.0, 2.0]], [[1.0, 2.0]]]]
kink("dot_product_attention", HEADS, HEADS, HEADS,
     mask=np.array([[[[True, False], [False, False]]]]))  # fmt: skip
for name in ("searchsorted", "digitize", "isin"):
    pair = ([1.0, 2.0, 2.0, 3.0], [2.0, 0.0, 3.0, 9.0])
    kink(name, *(pair if name == "searchsorted" else pair[::-1]), _grad=False)
kink("searchsorted", [1.0, 2.0, 2.0, 3.0], [2.0, 3.0], side="right", _grad=False)
kink("average", [[1.0, 2.0], [0.0, 0.0]], axis=1, weights=np.zeros(2, "float32"))
for name in ("logaddexp", "hypot", "power", "arctan2", "divide", "divide_no_nan"):
    kink(name, [0.0, 2.0, -1.0], 0.0)
    kink(name, 0.0, [0.0, 2.0, -1.0])
