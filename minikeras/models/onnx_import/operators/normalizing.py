"""Normalizations, as in prediction."""

from __future__ import annotations

import math
from collections.abc import Sequence

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.models.onnx_import.description import dtype_of
from minikeras.models.onnx_import.operators.elementwise import dtype, like
from minikeras.models.onnx_import.operators.shaping import padded, sliced
from minikeras.models.onnx_import.values import Call, Operator, Value


def _per_channel(value: Value, rank: int) -> Value:
    return ops.reshape(value, (1, -1, *[1] * (rank - 2)))


def _batch(
    call: Call, x: Value, scale: Value, bias: Value, mean: Value, variance: Value
) -> Tensor:
    if call.get("training_mode", 0):
        raise call.fail("training_mode is 1; graphs for inference are read.")
    rank = len(x.shape)
    epsilon = like(variance, call.get("epsilon", 1e-5))
    factor = ops.multiply(scale, ops.rsqrt(ops.add(variance, epsilon)))
    shift = ops.subtract(bias, ops.multiply(mean, factor))
    if rank == 1:
        return ops.add(ops.multiply(x, factor), shift)
    scaled = ops.multiply(x, _per_channel(factor, rank))
    return ops.cast(ops.add(scaled, _per_channel(shift, rank)), dtype(x))


def standard(
    x: Value, axes: Sequence[int], epsilon: float
) -> tuple[Value, Value, Value]:
    """Zero mean and variance 1 over `axes`; the mean, and what it was multiplied by."""
    mean = ops.mean(x, axis=tuple(axes), keepdims=True)
    centred = ops.subtract(x, mean)
    variance = ops.mean(ops.multiply(centred, centred), axis=tuple(axes), keepdims=True)
    inverse = ops.rsqrt(ops.add(variance, like(x, epsilon)))
    return ops.multiply(centred, inverse), mean, inverse


def _instance(call: Call, x: Value, scale: Value, bias: Value) -> Value:
    rank = len(x.shape)
    made = standard(x, range(2, rank), call.get("epsilon", 1e-5))[0]
    return ops.add(
        ops.multiply(made, _per_channel(scale, rank)), _per_channel(bias, rank)
    )


def _layer(call: Call, x: Value, scale: Value, bias: Value = None) -> list[Value]:
    rank = len(x.shape)
    axes = range(call.axis(call.get("axis", -1), rank), rank)
    wide = _computed_in(call, x)
    made, mean, inverse = standard(ops.cast(x, wide), axes, call.get("epsilon", 1e-5))
    made = ops.multiply(ops.cast(made, dtype(x)), scale)
    return [made if bias is None else ops.add(made, bias), mean, inverse]


def _computed_in(call: Call, x: Value) -> str:
    kind = call.get("stash_type", 1)
    wide = dtype_of(kind, "stash_type")
    return "float64" if dtype(x) == "float64" else wide


def _rms(call: Call, x: Value, scale: Value) -> Value:
    rank = len(x.shape)
    axes = tuple(range(call.axis(call.get("axis", -1), rank), rank))
    wide = ops.cast(x, _computed_in(call, x))
    square = ops.mean(ops.multiply(wide, wide), axis=axes, keepdims=True)
    factor = ops.rsqrt(ops.add(square, like(wide, call.get("epsilon", 1e-5))))
    return ops.multiply(ops.cast(ops.multiply(wide, factor), dtype(x)), scale)


def _group(call: Call, x: Value, scale: Value, bias: Value) -> Value:
    groups, rank = call.get("num_groups"), len(x.shape)
    shape = tuple(x.shape)
    parts = ops.reshape(x, (shape[0], groups, math.prod(shape[1:]) // groups))
    made = ops.reshape(standard(parts, (2,), call.get("epsilon", 1e-5))[0], shape)
    if scale.shape[0] != shape[1]:  # one for each group, before version 21
        scale, bias = (ops.repeat(v, shape[1] // groups) for v in (scale, bias))
    return ops.add(
        ops.multiply(made, _per_channel(scale, rank)), _per_channel(bias, rank)
    )


def _mean_variance(call: Call, x: Value) -> Value:
    axes = call.get("axes") or [0, 2, 3]
    return standard(x, axes, 1e-9)[0]


def _lp(call: Call, x: Value) -> Value:
    axis, p = call.get("axis", -1), call.get("p", 2)
    if p == 1:
        norm = ops.sum(ops.abs(x), axis=axis, keepdims=True)
    else:
        norm = ops.sqrt(ops.sum(ops.multiply(x, x), axis=axis, keepdims=True))
    none = ops.equal(norm, like(x, 0))
    return ops.where(none, like(x, 0), ops.divide(x, ops.where(none, like(x, 1), norm)))


def _lrn(call: Call, x: Value) -> Value:
    """x / (bias + alpha / size * sum of squares of the channels around) ^ beta."""
    size = call.get("size")
    low = (size - 1) // 2
    border = [(0, 0)] * len(x.shape)
    border[1] = (low, size - 1 - low)
    squares = padded(ops.multiply(x, x), border, like(x, 0))
    around = sliced(squares, 1, 0, x.shape[1])
    for shift in range(1, size):
        around = ops.add(around, sliced(squares, 1, shift, shift + x.shape[1]))
    scaled = ops.multiply(around, like(x, call.get("alpha", 1e-4) / size))
    below = ops.power(
        ops.add(scaled, like(x, call.get("bias", 1.0))), like(x, call.get("beta", 0.75))
    )
    return ops.divide(x, below)


OPERATORS: dict[str, Operator] = {
    "BatchNormalization": _batch,
    "GroupNormalization": _group,
    "InstanceNormalization": _instance,
    "LRN": _lrn,
    "LayerNormalization": _layer,
    "LpNormalization": _lp,
    "MeanVarianceNormalization": _mean_variance,
    "RMSNormalization": _rms,
}
