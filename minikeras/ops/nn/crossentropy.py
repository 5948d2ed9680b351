"""Cross-entropies, and targets as rows of zeros and ones."""

from __future__ import annotations

from typing import Any

from minikeras import settings
from minikeras.engine import dtypes, prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.nn.probabilities import log_softmax
from minikeras.ops.op import op, promote, promote_float, to_tensor
from minikeras.ops.support import along, axis_of, cast_to, const, floating, whole
from minikeras.types import ArrayLike, DTypeLike

__all__ = [
    "categorical_crossentropy", "sparse_categorical_crossentropy",
    "binary_crossentropy", "one_hot", "multi_hot",
]  # fmt: skip


def _clipped(x: Tensor) -> Tensor:
    """Probabilities kept away from 0 and 1, where the logarithm has no value."""
    eps = settings.epsilon()
    return prims.minimum(prims.maximum(x, const(x, eps)), const(x, 1 - eps))


def _log_of_probabilities(output: Tensor, axis: int) -> Tensor:
    total = prims.sum(output, axes=(axis,), keepdims=True)
    return prims.log(_clipped(prims.div(output, total)))


def _share(x: Tensor, share: Tensor) -> Tensor:
    """`x * share`; none of infinity is 0."""
    zero = const(x, 0)
    none = prims.bitwise_and(prims.isinf(x), prims.eq(share, zero))
    return prims.select(none, zero, prims.mul(x, share))


def _weighed(target: Tensor, logs: Tensor, axis: int) -> Tensor:
    return prims.neg(prims.sum(_share(logs, target), axes=(axis,), keepdims=False))


@op
def categorical_crossentropy(
    target: ArrayLike, output: ArrayLike, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """The cross-entropy of rows of class probabilities.

    Args:
        target: Tensor `(..., classes)`, the true probabilities; often one-hot.
        output: Tensor of the same shape: predicted probabilities, which are divided by
            their sum and clipped by `keras.config.epsilon()`, or logits.
        from_logits: Whether `output` holds logits, before softmax.
        axis: Axis of the classes.

    Returns:
        Float tensor without that axis.

    Raises:
        ShapeError: If the shapes differ.

    Example:

    >>> keras.ops.categorical_crossentropy([[0.0, 1.0]], [[0.25, 0.75]]).tolist()
    [0.2877]
    """
    target, output = promote(target, floating(output))
    if not target.ndim or target.ndim != output.ndim:
        raise ShapeError(
            f"categorical_crossentropy: target has shape {target.shape}, output "
            f"{output.shape}; expected equal shapes of rank 1 or more. For integer targets "
            "use sparse_categorical_crossentropy."
        )
    for d, e in zip(target.shape, output.shape, strict=True):
        if d != e and type(d) is int and type(e) is int:
            raise ShapeError(
                f"categorical_crossentropy: target has shape {target.shape}, output "
                f"{output.shape}; expected equal shapes."
            )
    at = axis_of(axis, output.ndim, "categorical_crossentropy")
    return _crossentropy(target, output, from_logits, at)


def _crossentropy(
    target: Tensor, output: Tensor, from_logits: bool, axis: int
) -> Tensor:
    if not from_logits:
        return _weighed(target, _log_of_probabilities(output, axis), axis)
    # One row for the usual axis, whose gradient is softmax less target and keeps no
    # logarithm.
    if axis == output.ndim - 1:
        return prims.softmax_cross_entropy_with_logits(output, target)
    return _weighed(target, log_softmax(output, axis), axis)


@op
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """The cross-entropy of rows of class probabilities against class indices.

    Args:
        target: Integer tensor `(...)` or `(..., 1)`. An index that is no class counts as
            no class at all: its loss is 0.
        output: Tensor `(..., classes)`: predicted probabilities, which are divided by
            their sum and clipped by `keras.config.epsilon()`, or logits.
        from_logits: Whether `output` holds logits, before softmax.
        axis: Axis of the classes.

    Returns:
        Float tensor of the shape of `output` without that axis.

    Raises:
        ShapeError: If the shapes do not fit.

    Example:

    >>> keras.ops.sparse_categorical_crossentropy([1], [[0.25, 0.75]]).tolist()
    [0.2877]
    """
    # Rows of the classes are of the default dtype, and widen a half.
    target, output = to_tensor(target), floating(output)
    output = cast_to(output, dtypes.result_type(output.dtype, dtypes.floatx()))
    if output.ndim < 1:
        raise ShapeError(
            f"sparse_categorical_crossentropy: output has shape {output.shape}; expected "
            "rank 1 or more."
        )
    at = axis_of(axis, output.ndim, "sparse_categorical_crossentropy")
    # Labels often come as a column.
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = prims.reshape(target, shape=target.shape[:-1])
    left = output.shape[:at] + output.shape[at + 1 :]
    fits = target.ndim == len(left) and all(
        d == e or type(d) is not int or type(e) is not int
        for d, e in zip(target.shape, left, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"sparse_categorical_crossentropy: target has shape {target.shape}, output "
            f"{output.shape}; expected a target of shape {left}, class indices."
        )
    rows = one_hot(target, output.shape[at], at, output.dtype)
    return _crossentropy(rows, output, from_logits, at)


@op
def binary_crossentropy(
    target: ArrayLike, output: ArrayLike, from_logits: bool = False
) -> Tensor:
    """The cross-entropy of independent yes-or-no probabilities.

    Args:
        target: Tensor of zeros and ones, or probabilities.
        output: Tensor of the same shape: predicted probabilities, clipped by
            `keras.config.epsilon()`, or logits.
        from_logits: Whether `output` holds logits, before the sigmoid.

    Returns:
        Float tensor of the same shape.

    Raises:
        ShapeError: If the shapes differ.

    Example:

    >>> keras.ops.binary_crossentropy([0.0, 1.0], [0.25, 0.75]).tolist()
    [0.2877, 0.2877]
    """
    target, output = promote_float(target, output)
    differ = len(target.shape) != len(output.shape) or any(
        d != e and type(d) is int and type(e) is int
        for d, e in zip(target.shape, output.shape, strict=True)
    )
    if differ:
        raise ShapeError(
            f"binary_crossentropy: target has shape {target.shape}, output {output.shape}; "
            "expected equal shapes."
        )
    one = const(output, 1)
    if from_logits:
        # log(sigmoid(x)) = -softplus(-x), and log(1 - sigmoid(x)) = -softplus(x); their
        # sum, weighed, is |x| times the share of the wrong side, + log(1 + exp(-|x|)).
        right = prims.gt(output, const(output, 0))
        away = prims.select(
            right,
            _share(output, prims.sub(one, target)),
            prims.neg(_share(output, target)),
        )
        tail = prims.log1p(prims.exp(prims.select(right, prims.neg(output), output)))
        return prims.add(away, tail)
    output = _clipped(output)
    # Of a sigmoid of infinity the stable logarithm is infinite, whatever was clipped.
    yes = _share(prims.log(output), target)
    no = _share(prims.log(prims.sub(one, output)), prims.sub(one, target))
    return prims.neg(prims.add(yes, no))


@op
def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: object = None, sparse: bool = False
) -> Tensor:
    """Class indices as rows with a 1 at the index and zeros elsewhere.

    Args:
        x: Integer tensor. An index that is no class gives zeros.
        num_classes: Number of classes.
        axis: Where the axis of the classes stands in the result.
        dtype: Dtype of the result; by default `keras.config.floatx()`.
        sparse: Kept for Keras's signature; must be False.

    Returns:
        Tensor with a new axis of size `num_classes`.

    Raises:
        ValueError: If a sparse result is asked for.

    Example:

    >>> keras.ops.one_hot([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if sparse:
        raise ValueError("one_hot: sparse=True is not supported; pass sparse=False.")
    x = to_tensor(x)
    if not dtypes.is_integer(x.dtype):
        x = prims.cast(x, dtype="int32")
    elif x.dtype in ("int8", "uint8", "int16", "uint16"):
        x = prims.cast(x, dtype="int32")  # they may not be able to hold every class
    at = axis_of(axis, x.ndim + 1, "one_hot")
    count = whole(num_classes, "one_hot", "num_classes")
    classes = prims.iota(shape=(count,), dtype=x.dtype, axis=0)
    classes = prims.reshape(classes, shape=along(x.ndim + 1, at, count))
    column = prims.reshape(x, shape=(*x.shape[:at], 1, *x.shape[at:]))
    return prims.cast(prims.eq(column, classes), dtype=dtypes.standardize(dtype))


@op
def multi_hot(
    inputs: ArrayLike,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: DTypeLike | None = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Tensor:
    """Sets of class indices as rows with a 1 at each index of the set.

    Args:
        inputs: Integer tensor `(..., set)`.
        num_classes: Number of classes.
        axis: Where the axis of the classes stands in the result.
        dtype: Dtype of the result; by default `keras.config.floatx()`.
        sparse: Kept for Keras's signature; must be False.

    Returns:
        Tensor `(..., num_classes)`.

    Raises:
        ValueError: If `num_classes` is missing.

    Example:

    >>> keras.ops.multi_hot([[0, 2]], num_classes=4).tolist()
    [[1.0, 0.0, 1.0, 0.0]]
    """
    if num_classes is None:
        num_classes = kwargs.pop("num_tokens", None)
    if kwargs:
        raise TypeError(f"multi_hot: unknown arguments {sorted(kwargs)}.")
    if num_classes is None:
        raise ValueError(
            "multi_hot: num_classes is None; expected the number of classes."
        )
    x = to_tensor(inputs)
    gone = 1 if x.ndim > 1 else 0
    rows = one_hot(cast_to(x, "int32"), num_classes, axis, dtype, sparse)
    # 1 where any index of the set has it, however often.
    return prims.max(rows, axes=(gone,), keepdims=False)
