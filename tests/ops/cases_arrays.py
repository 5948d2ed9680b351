"""Rows of reductions, shapes, indices, creation."""

import math

import numpy as np

from tests.ops.table import B, F, Fixed, I, case

names = [
    "sum", "prod", "mean", "var", "std", "max", "min", "amax", "amin", "ptp",
    "logsumexp", "median",
]  # fmt: skip
for name in names:
    case(name, F(3, 4, 2))
    case(name, F(3, 4, 2), axis=1)
    case(name, F(3, 4, 2), axis=(0, -1), keepdims=True)
for name in ["sum", "prod", "mean", "var", "std", "max", "min"]:
    case(name, I(3, 4), axis=0)
for name in ["sum", "prod", "mean", "max", "min"]:
    case(name, B(3, 4), axis=0)
for dtype in ("int8", "uint8", "int16", "uint16", "uint32"):
    case("sum", I(3, 4, low=0, dtype=dtype), axis=0)
    case("prod", I(3, 4, low=0, dtype=dtype), axis=0)
    case("cumsum", I(3, 4, low=0, dtype=dtype), axis=0)
case("mean", F(3, 4, dtype="float16"), axis=0, _tol=1e-2)
case("var", F(3, 4, dtype="float16"), axis=0, _tol=1e-2)
case("max", Fixed([1.0, 3.0, 3.0, 2.0]))
case("min", Fixed([[1.0, 1.0], [2.0, 1.0]]), axis=1)
case("max", F(3, 4), axis=1, initial=0.5)
case("min", F(3, 4), axis=1, initial=0.5)
for name in ["any", "all", "count_nonzero"]:
    case(name, B(3, 4))
    case(name, B(3, 4), axis=1)
case("any", I(3, 4, low=0, high=2), axis=1, keepdims=True)
case("count_nonzero", I(3, 4, low=0, high=2), axis=(0, 1))
for name in ["argmax", "argmin"]:
    case(name, F(3, 4))
    case(name, F(3, 4), axis=1)
    case(name, F(3, 4), axis=-1, keepdims=True)
    case(name, I(3, 4, low=0, high=2), axis=0)
for name in ["cumsum", "cumprod"]:
    case(name, F(3, 4))
    case(name, F(3, 4), axis=1)
    case(name, I(3, 4), axis=0)
    case(name, I(3, 4), axis=0, dtype="float32")
case("cumsum", B(5), axis=0)
case("cumprod", Fixed([1.0, 0.0, 2.0, 0.0]), axis=0)
case("prod", Fixed([1.0, 0.0, 2.0]))
case("average", F(3, 4), axis=1)
case("average", F(3, 4), axis=1, weights=np.array([1.0, 2.0, 0.5, 1.5], "float32"))
case("logsumexp", Fixed([1000.0, 1000.0, -1000.0]))
holes = Fixed([[1.0, math.nan, 3.0], [math.nan, 2.0, -4.0], [math.nan] * 3])
names = [
    "nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd",
    "nanmedian",
]  # fmt: skip
for name in names:
    case(name, holes, _grad=False)
    case(name, holes, axis=1, _grad=False)
    case(name, holes, axis=0, keepdims=True, _grad=False)
for name in ["nanargmax", "nanargmin"]:
    case(name, holes, axis=1, _grad=False)
    case(name, holes, _grad=False)
for name in ["nancumsum", "nancumprod"]:
    case(name, holes, axis=1, _grad=False)
case("quantile", F(4, 5), 0.3, axis=1)
case("quantile", F(4, 5), np.array([0.1, 0.5], "float32"), axis=1, keepdims=True)
for method in ("lower", "higher", "midpoint", "nearest"):
    case("quantile", F(7), 0.3, method=method)
case("percentile", F(4, 5), 30, axis=0)
case("nanquantile", holes, 0.3, axis=1, _grad=False)
case("nanpercentile", holes, 30, axis=0, _grad=False)
case("quantile", Fixed([1.0, math.nan, 2.0]), 0.5, _grad=False)

case("reshape", F(3, 4), (2, -1), _symbolic=False)
case("reshape", F(2, 3, 4), (-1, 12))
case("ravel", F(3, 4))
case("transpose", F(2, 3, 4))
case("transpose", F(2, 3, 4), (1, 0, 2))
case("swapaxes", F(2, 3, 4), 0, -1)
case("moveaxis", F(2, 3, 4), 0, -1)
case("moveaxis", F(2, 3, 4), (0, 1), (-1, 0))
case("expand_dims", F(3, 4), -1)
case("expand_dims", F(3, 4), (0, 2))
case("squeeze", F(3, 1, 4, 1))
case("squeeze", F(3, 1, 4, 1), axis=1)
case("broadcast_to", F(3, 1), (2, 3, 4), _symbolic=False)
case("flip", F(3, 4))
case("flip", F(3, 4), axis=1)
case("fliplr", F(3, 4))
case("flipud", F(3, 4))
for k in (0, 1, 2, 3, -1):
    case("rot90", F(2, 3), k=k, _symbolic=k % 2 == 1)  # keras always swaps the sizes
case("roll", F(3, 4), 2)
case("roll", F(3, 4), -1, axis=1)
case("roll", F(3, 4), (1, 2), axis=(0, 1))
case("tile", F(3, 4), 2)
case("tile", F(3, 4), (2, 1, 3))
case("tile", F(2, 3, 4), (2, 1), _symbolic=False)
case("repeat", F(3, 4), 2)
case("repeat", F(3, 4), 2, axis=1)
case("repeat", F(3, 4), np.array([1, 0, 2]), axis=0, _symbolic=False, _staged=False)
case("concatenate", [F(3, 4), F(2, 4)], axis=0)
case("concatenate", [F(3, 4), I(3, 2)], axis=-1)
case("append", F(3, 4), F(2, 4), axis=0, _symbolic=False)
case("append", F(3, 4), F(2))
case("stack", [F(3, 4), F(3, 4)])
case("stack", [F(3), I(3)], axis=-1)
case("hstack", [F(3, 2), F(3, 1)])
case("hstack", [F(3), F(2)], _symbolic=False)
case("vstack", [F(3), F(3)], _symbolic=False)
case("dstack", [F(3), F(3)])
case("dstack", [F(3, 2), F(3, 2)])
case("split", F(6, 4), 3, _symbolic=False)
case("split", F(6, 4), 2, axis=1)
case("split", F(6, 4), [1, 4], axis=0, _symbolic=False)
case("array_split", F(7, 4), 3, _symbolic=False)
case("hsplit", F(4, 6), 3)
case("vsplit", F(6, 4), 3, _symbolic=False)
case("dsplit", F(2, 3, 4), 2)
case("unstack", F(3, 4), axis=1)
case("pad", F(3, 4), 1)
case("pad", F(3, 4), ((1, 2), (0, 3)), constant_values=2.0)
for mode in ("reflect", "symmetric", "edge", "wrap"):
    case("pad", F(4, 5), ((1, 2), (2, 1)), mode=mode, _symbolic=False)
case("diff", F(3, 5))
case("diff", F(5, 3), n=2, axis=0, _symbolic=False)
case("trapezoid", F(3, 5))
case("trapezoid", F(3, 5), dx=0.5, axis=0, _symbolic=False)
case("trapezoid", F(3, 5), F(5))
case("vander", F(4), 3)
case("vander", F(4), increasing=True, _symbolic=False)
case("unravel_index", I(5, low=0, high=24), (2, 3, 4))
case("depth_to_space", F(2, 2, 3, 8), 2)
case("space_to_depth", F(2, 4, 6, 2), 2)
case("depth_to_space", F(2, 8, 2, 3), 2, data_format="channels_first")
case("space_to_depth", F(2, 2, 4, 6), 2, data_format="channels_first")
for mode in ("valid", "same", "full"):
    case("correlate", F(6), F(3), mode, _symbolic=False)
    case("correlate", F(6), F(4), mode, _symbolic=False)
    case("correlate", F(3), F(6), mode, _symbolic=False)
    case("correlate", F(4), F(6), mode, _symbolic=False)
case("corrcoef", F(3, 6), _symbolic=False, _tol=1e-4)
case("meshgrid", F(3), F(4))
case("meshgrid", F(3), F(4), F(2), indexing="ij")
for name in ["zeros_like", "ones_like"]:
    case(name, F(3, 4))
    case(name, I(3), dtype="float16")
case("full_like", F(3, 4), 2.5)
case("zeros", (2, 3))
case("ones", (2, 3), dtype="int32")
case("full", (2, 3), 7)
case("full", (2, 3), 7.5)
case("full", (2,), 7, dtype="float16")
case("eye", 3)
case("eye", 3, 4, k=1, dtype="int32")
case("identity", 3)
case("tri", 3, 4, k=-1)
case("arange", 5)
case("arange", 2, 9, 3)
case("arange", 0.0, 1.0, 0.3)
case("arange", 5, 0, -2)
case("arange", 3, dtype="float32")
case("linspace", 0.0, 1.0, num=7)
case("linspace", 0, 10, num=5, endpoint=False)
case("linspace", 0, 10, num=4, retstep=True)
case("linspace", F(3), F(3), num=4, axis=1)
case("logspace", 0.0, 2.0, num=4, _tol=1e-4)
case("geomspace", 1.0, 100.0, num=4, _tol=1e-4)
for name in ["hanning", "hamming", "blackman", "bartlett"]:
    case(name, 7, _tol=1e-4)
    case(name, 1)
case("kaiser", 7, beta=8.0, _tol=1e-4)

case("take", F(5, 3), I(2, 2, low=-5, high=5), axis=0)
case("take", F(5, 3), I(4, low=0, high=15))
case("take", F(2, 5, 3), I(4, low=0, high=5), axis=1)
case("take_along_axis", F(3, 5), I(3, 2, low=-5, high=5), axis=1)
case("take_along_axis", F(3, 5), I(1, 5, low=0, high=3), axis=0, _symbolic=False)
case("take_along_axis", F(3, 5), I(4, low=0, high=15))
case("scatter", Fixed([[0], [2], [0]], "int32"), F(3, 2), (4, 2))
case("scatter", Fixed([[0, 1], [2, 0]], "int32"), F(2), (3, 2))
unique_rows = Fixed([[0, 1], [2, 0]], "int32")
case("scatter_update", F(3, 2), unique_rows, F(2))
case("scatter_update", F(4, 2), Fixed([[1], [3]], "int32"), F(2, 2))
twice = Fixed([[1], [3], [1]], "int32")
for how in ("add", "max", "min", "mul"):
    case(
        "scatter_update", F(4, 2), twice, F(3, 2), reduction=how, _grad=how in ("add",)
    )
case("slice", F(4, 5), (1, 2), (2, 3), _symbolic=False)
case("slice", F(4, 5), Fixed([3, 4], "int32"), (2, 3), _symbolic=False)
case("slice_update", F(4, 5), (1, 2), F(2, 3), _symbolic=False)
case("one_hot", I(3, 2, low=-1, high=5), 4)
case("one_hot", I(3, 2, low=0, high=4), 4, axis=1)
case("one_hot", I(3, low=0, high=4), 4, dtype="int32")
case(
    "multi_hot", I(3, 2, low=0, high=4), 4, _symbolic=False
)  # keras: int32 when symbolic
case("multi_hot", I(3, low=0, high=4), 4, _symbolic=False)
for name in ["segment_sum", "segment_max", "segment_min", "segment_prod"]:
    case(name, F(6, 2), I(6, low=0, high=3), 4, _grad=name == "segment_sum")
    case(name, I(6), I(6, low=-1, high=4), 3)
case("sort", F(3, 5))
case("sort", F(3, 5), axis=0)
case("argsort", F(3, 5))
case("argsort", I(8, low=0, high=3))
case("top_k", F(3, 5), 2)
case("top_k", I(3, 5, low=0, high=3), 3)
case("in_top_k", I(4, low=0, high=5), F(4, 5), 2, _grad=False)
case("searchsorted", Fixed([1.0, 3.0, 3.0, 5.0]), F(3, low=0, high=6), _grad=False)
case(
    "searchsorted",
    Fixed([1.0, 3.0, 3.0, 5.0]),
    Fixed([3.0, 5.0]),
    side="right",
    _grad=False,
)
case("digitize", F(3, 4), Fixed([-1.0, 0.0, 1.0]), _grad=False)
case("bincount", I(8, low=0, high=5), _symbolic=False, _staged=False)
case("bincount", I(2, 4, low=0, high=5), weights=np.array([[1, 2, 3, 4], [5, 6, 7, 8]], "float32"),
     minlength=7, _symbolic=False, _staged=False)  # fmt: skip
case("unique", I(8, low=0, high=5), return_counts=True, return_inverse=True,
     _symbolic=False, _staged=False)  # fmt: skip
case("histogram", F(20), 5, _grad=False, _symbolic=False)
case("nonzero", I(3, 4, low=0, high=2), _symbolic=False, _staged=False)
case("saturate_cast", F(4, low=-400, high=400), "uint8", _grad=False)
case("saturate_cast", I(4, low=-400, high=400), "int8")
case("cast", F(4, low=-4, high=4), "int32", _grad=False)
case("cast", F(4, low=-4, high=4), "bool", _grad=False)
case("cast", F(4), "float16", _tol=1e-2)
case("convert_to_tensor", F(4))
case("stop_gradient", F(4))
