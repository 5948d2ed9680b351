"""`tf.math`: elementwise functions, comparisons, reductions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from minikeras import ops
from minikeras.alias.tensorflow.rows import functions
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike, Axis, DTypeLike

_UNARY = {
    "abs": "abs", "acos": "arccos", "acosh": "arccosh", "angle": "angle",
    "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atanh": "arctanh",
    "ceil": "ceil", "conj": "conj", "cos": "cos", "cosh": "cosh", "erf": "erf",
    "erfinv": "erfinv", "exp": "exp", "expm1": "expm1", "floor": "floor",
    "imag": "imag", "is_finite": "isfinite", "is_inf": "isinf", "is_nan": "isnan",
    "log": "log", "log1p": "log1p", "log_sigmoid": "log_sigmoid",
    "logical_not": "logical_not", "negative": "negative", "real": "real",
    "reciprocal": "reciprocal", "rint": "round", "round": "round", "rsqrt": "rsqrt",
    "sigmoid": "sigmoid", "sign": "sign", "sin": "sin", "sinh": "sinh", "sqrt": "sqrt",
    "square": "square", "tan": "tan", "tanh": "tanh",
}  # fmt: skip
_BINARY = {
    "add": "add", "atan2": "arctan2", "divide": "divide",
    "divide_no_nan": "divide_no_nan", "equal": "equal", "floordiv": "floor_divide",
    "floormod": "mod", "greater": "greater", "greater_equal": "greater_equal",
    "less": "less", "less_equal": "less_equal", "logical_and": "logical_and",
    "logical_or": "logical_or", "logical_xor": "logical_xor", "maximum": "maximum",
    "minimum": "minimum", "mod": "mod", "multiply": "multiply", "not_equal": "not_equal",
    "pow": "power", "subtract": "subtract", "truediv": "true_divide",
}  # fmt: skip
_REDUCING = {
    "reduce_all": "all", "reduce_any": "any", "reduce_logsumexp": "logsumexp",
    "reduce_max": "max", "reduce_mean": "mean", "reduce_min": "min",
    "reduce_prod": "prod", "reduce_std": "std", "reduce_sum": "sum",
    "reduce_variance": "var",
}  # fmt: skip
_OTHERS = {
    "argmax": "argmax:input axis=0",
    "argmin": "argmin:input axis=0",
    "bincount": "bincount:arr weights=None minlength=0",
    "cumprod": "cumprod:x axis=0",
    "in_top_k": "in_top_k:targets predictions k",
    "segment_sum": "segment_sum:data segment_ids",
    "softplus": "softplus:features",
    "softsign": "softsign:features",
    "unsorted_segment_sum": "segment_sum:data segment_ids num_segments",
    "unsorted_segment_max": "segment_max:data segment_ids num_segments",
    "unsorted_segment_min": "segment_min:data segment_ids num_segments",
    "unsorted_segment_prod": "segment_prod:data segment_ids num_segments",
    "segment_max": "segment_max:data segment_ids",
    "segment_min": "segment_min:data segment_ids",
    "segment_prod": "segment_prod:data segment_ids",
    "softmax": "softmax:logits axis=-1",
    "log_softmax": "log_softmax:logits axis=-1",
    "cross": "cross:a b",
    "scalar_mul": "multiply:scalar x",
    "realdiv": "true_divide:x y",
}
_FUNCTIONS = functions(
    {name: f"{op}:x" for name, op in _UNARY.items()}
    | {name: f"{op}:x y" for name, op in _BINARY.items()}
    | {
        name: f"{op}:input_tensor axis=None keepdims=False"
        for name, op in _REDUCING.items()
    }
    | _OTHERS
)
globals().update(_FUNCTIONS)


class TopK(NamedTuple):
    """The largest values of rows, and where they are."""

    values: Any
    indices: Any


def top_k(
    input: ArrayLike, k: int = 1, sorted: bool = True, name: str | None = None
) -> TopK:
    """The `k` largest of each row, as a pair with the names of TensorFlow's."""
    return TopK(*ops.top_k(input, k, sorted))


def argmax(
    input: ArrayLike, axis: int | None = None, output_type: DTypeLike = "int64"
) -> Tensor:
    """Where the largest value stands along `axis`, the first one by default."""
    return ops.cast(ops.argmax(input, 0 if axis is None else axis), output_type)


def argmin(
    input: ArrayLike, axis: int | None = None, output_type: DTypeLike = "int64"
) -> Tensor:
    """Where the smallest value stands along `axis`, the first one by default."""
    return ops.cast(ops.argmin(input, 0 if axis is None else axis), output_type)


def add_n(inputs: Any, name: str | None = None) -> Tensor:
    """The sum of several tensors of one shape."""
    total = ops.convert_to_tensor(inputs[0])
    for value in inputs[1:]:
        total = ops.add(total, value)
    return total


def cumsum(
    x: ArrayLike,
    axis: int = 0,
    exclusive: bool = False,
    reverse: bool = False,
    name: str | None = None,
) -> Tensor:
    """Sums of the values up to each, or before each when `exclusive`."""
    x = ops.convert_to_tensor(x)
    x = ops.flip(x, axis) if reverse else x
    total = ops.cumsum(x, axis)
    total = total - x if exclusive else total
    return ops.flip(total, axis) if reverse else total


def squared_difference(x: ArrayLike, y: ArrayLike, name: str | None = None) -> Tensor:
    """`(x - y) ** 2`."""
    return ops.square(ops.subtract(x, y))


def confusion_matrix(
    labels: ArrayLike,
    predictions: ArrayLike,
    num_classes: int | None = None,
    weights: ArrayLike | None = None,
    dtype: DTypeLike = "int32",
    name: str | None = None,
) -> Tensor:
    """How often each true class (rows) was taken for each class (columns)."""
    labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
    predictions = ops.cast(ops.reshape(predictions, (-1,)), "int32")
    if num_classes is None:
        num_classes = int(ops.maximum(ops.max(labels), ops.max(predictions))) + 1
    rows = ops.one_hot(labels, num_classes)
    if weights is not None:
        rows = rows * ops.cast(ops.reshape(weights, (-1, 1)), rows.dtype)
    table = ops.matmul(ops.transpose(rows), ops.one_hot(predictions, num_classes))
    return ops.cast(table, dtype)


def l2_normalize(
    x: ArrayLike, axis: Axis = None, epsilon: float = 1e-12, name: str | None = None
) -> Tensor:
    """`x` divided by its Euclidean length along `axis`."""
    total = ops.sum(ops.square(x), axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(total, epsilon)))


def reduce_euclidean_norm(
    input_tensor: ArrayLike,
    axis: Axis = None,
    keepdims: bool = False,
    name: str | None = None,
) -> Tensor:
    """The Euclidean length over `axis`."""
    return ops.sqrt(ops.sum(ops.square(input_tensor), axis, keepdims))


def count_nonzero(
    input: ArrayLike,
    axis: Axis = None,
    keepdims: bool = False,
    dtype: DTypeLike = "int64",
    name: str | None = None,
) -> Tensor:
    """How many values are not 0."""
    return ops.sum(ops.cast(ops.not_equal(input, 0), dtype), axis, keepdims)


def zero_fraction(value: ArrayLike, name: str | None = None) -> Tensor:
    """Which part of the values is 0."""
    return ops.mean(ops.cast(ops.equal(value, 0), "float32"))


def xlogy(x: ArrayLike, y: ArrayLike, name: str | None = None) -> Tensor:
    """`x * log(y)`; 0 where `x` is."""
    x, y = ops.convert_to_tensor(x), ops.convert_to_tensor(y)
    nothing = ops.equal(x, 0)
    return ops.where(
        nothing, 0 * x, x * ops.log(ops.where(nothing, ops.ones_like(y), y))
    )


def multiply_no_nan(x: ArrayLike, y: ArrayLike, name: str | None = None) -> Tensor:
    """`x * y`; 0 where `y` is, whatever `x` is."""
    x, y = ops.convert_to_tensor(x), ops.convert_to_tensor(y)
    nothing = ops.equal(y, 0)
    return ops.where(nothing, 0 * y, ops.where(nothing, ops.zeros_like(x), x) * y)


def reciprocal_no_nan(x: ArrayLike, name: str | None = None) -> Tensor:
    """`1 / x`; 0 where `x` is."""
    return ops.divide_no_nan(ops.ones_like(x), x)


def unsorted_segment_mean(
    data: ArrayLike, segment_ids: ArrayLike, num_segments: int, name: str | None = None
) -> Tensor:
    """The mean of the rows of each segment; 0 where there are none."""
    total = ops.segment_sum(data, segment_ids, num_segments)
    counts = ops.segment_sum(ops.ones_like(data), segment_ids, num_segments)
    return ops.divide_no_nan(total, counts)


def segment_mean(
    data: ArrayLike, segment_ids: ArrayLike, name: str | None = None
) -> Tensor:
    """The mean of the rows of each segment; their numbers are sorted."""
    return unsorted_segment_mean(data, segment_ids, int(ops.max(segment_ids)) + 1)


def invert_permutation(x: ArrayLike, name: str | None = None) -> Tensor:
    """Where each number stands in a permutation."""
    return ops.argsort(x)


def complex(real: ArrayLike, imag: ArrayLike, name: str | None = None) -> Tensor:
    """Complex numbers of two parts."""
    return ops.view_as_complex(ops.stack((real, imag), axis=-1))


def polyval(
    coeffs: Sequence[ArrayLike], x: ArrayLike, name: str | None = None
) -> Tensor:
    """A polynomial, its highest coefficient first."""
    total = ops.zeros_like(x)
    for factor in coeffs:
        total = total * x + factor
    return total


def accumulate_n(inputs: ArrayLike, name: str | None = None) -> Tensor:
    """The sum of several tensors of one shape."""
    return add_n(inputs)


__all__ = sorted(
    {
        *_FUNCTIONS,
        "top_k",
        "accumulate_n",
        "add_n",
        "complex",
        "confusion_matrix",
        "count_nonzero",
        "cumsum",
        "invert_permutation",
        "l2_normalize",
        "multiply_no_nan",
        "polyval",
        "reciprocal_no_nan",
        "reduce_euclidean_norm",
        "segment_mean",
        "squared_difference",
        "unsorted_segment_mean",
        "xlogy",
        "zero_fraction",
    }
)
