"""tf.keras 2.4 to 2.16 wrote TensorFlow functions in models as layers; here they become ops.

`TFOpLambda` holds a function's name, `SlicingOpLambda` an indexing; the arguments stand in
the calls.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

Config = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """How a TensorFlow function is called here.

    Attributes:
        op: Name in `ops`.
        positional: Names in TensorFlow of the arguments that come first, in order.
        renamed: Name in TensorFlow -> name here, for the others.
        defaults: What TensorFlow takes where nothing is said and `ops` takes another.
        change: Last touch on positional and keyword arguments.
    """

    op: str
    positional: tuple[str, ...] = ("x",)
    renamed: dict[str, str] = field(default_factory=dict)
    defaults: Config = field(default_factory=dict)
    change: Callable[[list[Any], Config], None] | None = None


def _matmul(args: list[Any], kwargs: Config) -> None:
    """Transposed operands through an equation, whatever their rank."""
    first = "...ji" if kwargs.pop("transpose_a", False) else "...ij"
    second = "...kj" if kwargs.pop("transpose_b", False) else "...jk"
    if (first, second) != ("...ij", "...jk"):
        args.insert(0, f"{first},{second}->...ik")


def _split(args: list[Any], kwargs: Config) -> None:
    """Sizes of the parts become the places of the cuts."""
    sizes = args[1]
    if isinstance(sizes, list):
        args[1] = list(accumulate(sizes))[:-1]


def _normalized(args: list[Any], kwargs: Config) -> None:
    # TensorFlow's epsilon stands beside the squares, that of `normalize` beside the root.
    kwargs["epsilon"] = math.sqrt(kwargs.get("epsilon", 1e-12))
    kwargs["order"] = 2


def _padded(args: list[Any], kwargs: Config) -> None:
    kwargs["mode"] = str(kwargs.get("mode", "constant")).lower()
    if kwargs["mode"] != "constant":
        kwargs.pop("constant_values", None)


def _argument_of(args: list[Any], kwargs: Config) -> None:
    if kwargs.get("axis") is None:
        kwargs["axis"] = 0


_PAIRS = {
    "add": "add", "math.add": "add", "__operators__.add": "add", "nn.bias_add": "add",
    "subtract": "subtract", "math.subtract": "subtract", "__operators__.sub": "subtract",
    "multiply": "multiply", "math.multiply": "multiply", "__operators__.mul": "multiply",
    "divide": "divide", "math.divide": "divide", "math.truediv": "divide",
    "__operators__.truediv": "divide", "realdiv": "divide",
    "math.divide_no_nan": "divide_no_nan",
    "math.floordiv": "floor_divide", "__operators__.floordiv": "floor_divide",
    "math.floormod": "mod", "math.mod": "mod", "__operators__.mod": "mod",
    "pow": "power", "math.pow": "power", "__operators__.pow": "power",
    "maximum": "maximum", "math.maximum": "maximum",
    "minimum": "minimum", "math.minimum": "minimum",
    "equal": "equal", "math.equal": "equal", "__operators__.eq": "equal",
    "not_equal": "not_equal", "math.not_equal": "not_equal",
    "__operators__.ne": "not_equal",
    "greater": "greater", "math.greater": "greater",
    "greater_equal": "greater_equal", "math.greater_equal": "greater_equal",
    "less": "less", "math.less": "less",
    "less_equal": "less_equal", "math.less_equal": "less_equal",
    "logical_and": "logical_and", "math.logical_and": "logical_and",
    "logical_or": "logical_or", "math.logical_or": "logical_or",
    "math.atan2": "arctan2",
}  # fmt: skip
_ALONE = {
    "abs": "abs", "negative": "negative", "square": "square", "sqrt": "sqrt",
    "rsqrt": "rsqrt", "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p",
    "sin": "sin", "cos": "cos", "tan": "tan", "asin": "arcsin", "acos": "arccos",
    "atan": "arctan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asinh": "arcsinh",
    "acosh": "arccosh", "atanh": "arctanh", "sigmoid": "sigmoid", "softplus": "softplus",
    "sign": "sign", "floor": "floor", "ceil": "ceil", "round": "round",
    "reciprocal": "reciprocal", "erf": "erf", "logical_not": "logical_not",
    "is_nan": "isnan", "is_inf": "isinf", "is_finite": "isfinite",
}  # fmt: skip
_OF_NN = ("relu", "relu6", "elu", "selu", "sigmoid", "softsign", "tanh", "softplus",
          "silu")  # fmt: skip
_FOLDS = {
    "reduce_mean": "mean", "reduce_sum": "sum", "reduce_max": "max", "reduce_min": "min",
    "reduce_prod": "prod", "reduce_all": "all", "reduce_any": "any", "reduce_std": "std",
    "reduce_variance": "var", "reduce_logsumexp": "logsumexp",
    "reduce_euclidean_norm": "norm",
}  # fmt: skip

_ROWS: dict[str, Row] = {
    "concat": Row("concatenate", ("values",)),
    "stack": Row("stack", ("values",)),
    "unstack": Row("unstack", ("value",)),
    "split": Row("split", ("value", "num_or_size_splits"), change=_split),
    "reshape": Row("reshape", ("tensor", "shape"), {"shape": "newshape"}),
    "squeeze": Row("squeeze", ("input",), {"squeeze_dims": "axis"}),
    "compat.v1.squeeze": Row("squeeze", ("input",), {"squeeze_dims": "axis"}),
    "expand_dims": Row("expand_dims", ("input", "axis")),
    "transpose": Row("transpose", ("a",), {"perm": "axes"}),
    "compat.v1.transpose": Row("transpose", ("a",), {"perm": "axes"}),
    "tile": Row("tile", ("input", "multiples")),
    "repeat": Row("repeat", ("input", "repeats")),
    "cast": Row("cast", ("x", "dtype")),
    "identity": Row("copy", ("input",)),
    "stop_gradient": Row("stop_gradient", ("input",)),
    "zeros_like": Row("zeros_like", ("input",)),
    "ones_like": Row("ones_like", ("input",)),
    "reverse": Row("flip", ("tensor", "axis")),
    "roll": Row("roll", ("input", "shift", "axis")),
    "where": Row("where", ("condition", "x", "y")),
    "gather": Row("take", ("params", "indices"), defaults={"axis": 0}),
    "one_hot": Row("one_hot", ("indices", "depth")),
    "broadcast_to": Row("broadcast_to", ("input", "shape")),
    "clip_by_value": Row("clip", ("t", "clip_value_min", "clip_value_max")),
    "pad": Row("pad", ("tensor", "paddings"), change=_padded),
    "linalg.matmul": Row("matmul", ("a", "b"), change=_matmul),
    "tensordot": Row("tensordot", ("a", "b", "axes")),
    "math.l2_normalize": Row("normalize", ("x",), change=_normalized),
    "math.cumsum": Row("cumsum", ("x",), defaults={"axis": 0}),
    "math.argmax": Row("argmax", ("input",), change=_argument_of),
    "math.argmin": Row("argmin", ("input",), change=_argument_of),
    "math.top_k": Row("top_k", ("input", "k")),
    "nn.leaky_relu": Row("leaky_relu", ("features",), {"alpha": "negative_slope"},
                         {"negative_slope": 0.2}),
    "nn.gelu": Row("gelu", ("features",), defaults={"approximate": False}),
    "nn.softmax": Row("softmax", ("logits",)),
    "nn.log_softmax": Row("log_softmax", ("logits",)),
    "nn.swish": Row("silu", ("features",)),
    "image.resize": Row("image.resize", ("images", "size"), {"method": "interpolation"}),
    **{old: Row(new, ("x", "y")) for old, new in _PAIRS.items()},
    **{f"math.{old}": Row(new, ("x",)) for old, new in _ALONE.items()},
    **{old: Row(new, ("x",)) for old, new in _ALONE.items()},
    **{f"nn.{name}": Row(name, ("features",)) for name in _OF_NN},
    **{f"math.{old}": Row(new, ("input_tensor",)) for old, new in _FOLDS.items()},
    **{old: Row(new, ("input_tensor",)) for old, new in _FOLDS.items()},
}  # fmt: skip
_ALIASES = {"nn.l2_normalize": "math.l2_normalize", "linalg.l2_normalize": "math.l2_normalize",
            "nn.top_k": "math.top_k", "argmax": "math.argmax", "argmin": "math.argmin",
            "matmul": "linalg.matmul", "cumsum": "math.cumsum", "math.softmax": "nn.softmax",
            "compat.v2.image.resize": "image.resize", "gather_v2": "gather",
            "compat.v1.gather": "gather", "compat.v1.pad": "pad",
            "compat.v1.where": "where"}  # fmt: skip
_SECOND = {"bias": "y"}
_IDLE = ("name", "conjugate", "batch_dims", "validate_indices", "half_pixel_centers",
         "output_type", "out_type", "antialias", "preserve_aspect_ratio")  # fmt: skip
# With another value such an argument would change the result.
_IDLE_VALUES = {"conjugate": False, "batch_dims": 0, "antialias": False,
                "preserve_aspect_ratio": False, "half_pixel_centers": True}  # fmt: skip


def is_function(class_name: str) -> bool:
    """Whether a class stands for a TensorFlow function."""
    return class_name in ("TFOpLambda", "SlicingOpLambda")


def modern_function(data: Config) -> Config:
    """A layer that calls a TensorFlow function, with calls in today's form, as an op.

    Raises:
        ValueError: If there is no op for the function.
    """
    config = data["config"]
    name = str(config.get("function", ""))
    if data["class_name"] == "SlicingOpLambda":
        return _operation(data, "GetItem", [_slicing(n) for n in data["inbound_nodes"]])
    row = _ROWS.get(_ALIASES.get(name, name))
    if row is None:
        raise ValueError(
            f"layer {config.get('name')!r} calls the TensorFlow function tf.{name}, for which "
            "minikeras has no op; build the model in Python and load the weights."
        )
    calls = [_call(row, node, name) for node in data["inbound_nodes"]]
    op = row.op
    if op == "matmul" and calls and isinstance(calls[0]["args"][0], str):
        op = "einsum"
    return _operation(data, op, calls)


def _operation(data: Config, op: str, calls: list[Config]) -> Config:
    camel = "".join(
        part[:1].upper() + part[1:] for part in op.split(".")[-1].split("_")
    )
    module = "keras.src.ops.image" if op.startswith("image.") else "keras.src.ops"
    return {
        "module": module,
        "class_name": camel,
        "config": {"name": data["config"].get("name")},
        "registered_name": camel,
        "name": data.get("name") or data["config"].get("name"),
        "inbound_nodes": calls,
    }


def _call(row: Row, node: Config, name: str) -> Config:
    given = {k: v for k, v in node["kwargs"].items() if v is not None or k == "axis"}
    for key, value in _IDLE_VALUES.items():
        if key in given and given[key] not in (value, None):
            raise ValueError(
                f"tf.{name}({key}={given[key]!r}) in this model has no counterpart here."
            )
    given = {k: v for k, v in given.items() if k not in _IDLE}
    args = list(node["args"])
    for place, key in enumerate(row.positional):
        if place < len(args):
            continue
        old = next((k for k, v in _SECOND.items() if v == key and k in given), key)
        if old in given:
            args.append(given.pop(old))
    kwargs = {**row.defaults, **{row.renamed.get(k, k): v for k, v in given.items()}}
    if kwargs.get("axis", 0) is None:
        del kwargs["axis"]
    if row.change is not None:
        row.change(args, kwargs)
    return {"args": args, "kwargs": kwargs}


def _slicing(node: Config) -> Config:
    """`x[...]`: the key's parts are numbers, slices as dicts, Ellipsis and None."""
    spec = node["kwargs"].get("slice_spec", [])
    parts = spec if isinstance(spec, list) else [spec]
    key = [_key_part(part) for part in parts]
    return {"args": [node["args"][0], key], "kwargs": {}}


def _key_part(part: object) -> Any:
    if isinstance(part, dict):
        if part.get("class_name") == "__ellipsis__":
            return {"class_name": "__ellipsis__", "config": {}}
        ends = {key: part.get(key) for key in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": ends}
    return part
