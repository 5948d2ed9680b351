"""Reductions, running sums, products of matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minikeras import ops
from minikeras.models.onnx_import.operators.elementwise import dtype, like
from minikeras.models.onnx_import.values import Call, Operator, Value


def _reduction(function: Callable[..., Any]) -> Operator:
    def operator(call: Call, x: Value, axes: Value = None) -> Value:
        found = call.listed(1, "axes", (x, axes))
        if not found:
            if call.get("noop_with_empty_axes", 0):
                # Nothing is reduced, but what is done to each element is done.
                return ops.cast(
                    function(ops.expand_dims(x, 0), axis=0, keepdims=False), dtype(x)
                )
            found = list(range(len(x.shape)))
        kept = bool(call.get("keepdims", 1))
        if not len(x.shape):
            x, kept, found = ops.expand_dims(x, 0), False, [0]
        return ops.cast(function(x, axis=tuple(found), keepdims=kept), dtype(x))

    return operator


def _sum_square(x: Value, **how: Any) -> Value:
    return ops.sum(ops.multiply(x, x), **how)


def _l1(x: Value, **how: Any) -> Value:
    return ops.sum(ops.abs(x), **how)


def _l2(x: Value, **how: object) -> Value:
    return ops.sqrt(_sum_square(x, **how))


def _log_sum(x: Value, **how: Any) -> Value:
    return ops.log(ops.sum(x, **how))


def _log_sum_exp(x: Value, **how: Any) -> Value:
    return (
        _of_nothing(x, float("-inf"), **how)
        if 0 in x.shape
        else ops.logsumexp(x, **how)
    )


def _largest(x: Value, **how: Any) -> Value:
    if dtype(x) == "bool":
        return ops.any(x, **how)
    return _of_nothing(x, float("-inf"), **how) if 0 in x.shape else ops.max(x, **how)


def _smallest(x: Value, **how: Any) -> Value:
    if dtype(x) == "bool":
        return ops.all(x, **how)
    return _of_nothing(x, float("inf"), **how) if 0 in x.shape else ops.min(x, **how)


def _of_nothing(x: Value, number: float, **how: Any) -> Value:
    return ops.full_like(ops.sum(x, **how), number)


def _arg(function: Callable[..., Any]) -> Operator:
    def operator(call: Call, x: Value) -> Value:
        axis, kept = call.get("axis", 0), bool(call.get("keepdims", 1))
        if not call.get("select_last_index", 0):
            return ops.cast(function(x, axis=axis, keepdims=kept), "int64")
        place = function(ops.flip(x, axis=axis), axis=axis, keepdims=kept)
        return ops.subtract(x.shape[axis] - 1, ops.cast(place, "int64"))

    return operator


def _running(function: Callable[..., Any], start: float) -> Operator:
    def operator(call: Call, x: Value, axis: Value) -> Value:
        along = call.axis(call.ints(axis, "axis")[0], len(x.shape))
        backwards = call.get("reverse", 0)
        x = ops.flip(x, axis=along) if backwards else x
        if call.get("exclusive", 0):
            where: list[Any] = [slice(None)] * len(x.shape)
            where[along] = slice(0, x.shape[along] - 1)
            shape = (*x.shape[:along], 1, *x.shape[along + 1 :])
            first = ops.broadcast_to(like(x, start), shape)
            x = ops.concatenate([first, x[tuple(where)]], axis=along)
        made = ops.cast(function(x, axis=along), dtype(x))
        return ops.flip(made, axis=along) if backwards else made

    return operator


def _matmul(call: Call, a: Value, b: Value) -> Value:
    return ops.cast(ops.matmul(a, b), dtype(a))


def _gemm(call: Call, a: Value, b: Value, c: Value = None) -> Value:
    a = ops.transpose(a) if call.get("transA", 0) else a
    b = ops.transpose(b) if call.get("transB", 0) else b
    made = _scaled(ops.matmul(a, b), call.get("alpha", 1.0))
    if c is not None:
        made = ops.add(made, _scaled(c, call.get("beta", 1.0)))
    return ops.cast(made, dtype(a))


def _scaled(x: Value, factor: float) -> Value:
    return x if factor == 1.0 else ops.multiply(x, like(x, factor))


def _einsum(call: Call, *inputs: Value) -> Value:
    return ops.einsum(call.get("equation").replace(" ", ""), *inputs)


def _det(call: Call, x: Value) -> Value:
    return ops.det(x)


def total(values: Sequence[Value]) -> Value:
    """The sum of several arrays."""
    made = values[0]
    for value in values[1:]:
        made = ops.add(made, value)
    return made


OPERATORS: dict[str, Operator] = {
    "ArgMax": _arg(ops.argmax),
    "ArgMin": _arg(ops.argmin),
    "CumProd": _running(ops.cumprod, 1.0),
    "CumSum": _running(ops.cumsum, 0.0),
    "Det": _det,
    "Einsum": _einsum,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "ReduceL1": _reduction(_l1),
    "ReduceL2": _reduction(_l2),
    "ReduceLogSum": _reduction(_log_sum),
    "ReduceLogSumExp": _reduction(_log_sum_exp),
    "ReduceMax": _reduction(_largest),
    "ReduceMean": _reduction(ops.mean),
    "ReduceMin": _reduction(_smallest),
    "ReduceProd": _reduction(ops.prod),
    "ReduceSum": _reduction(ops.sum),
    "ReduceSumSquare": _reduction(_sum_square),
}
