"""Conditions and loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.models.onnx_import.values import Call, Operator, Value

_MANY = 10_000  # turns of a loop that are run one after another while tracing


def _known(value: Value) -> bool:
    return isinstance(value, np.ndarray) or (
        isinstance(value, Tensor) and not value.staged
    )


def _if(call: Call, condition: Value) -> list[Any]:
    yes, no = call.get("then_branch"), call.get("else_branch")
    if _known(condition):
        taken = yes if bool(call.known(condition, "cond").reshape(())) else no
        return call.run(taken, [])
    made = ops.cond(
        ops.reshape(condition, ()),
        lambda: [ops.convert_to_tensor(v) for v in call.run(yes, [])],
        lambda: [ops.convert_to_tensor(v) for v in call.run(no, [])],
    )
    return list(made)


def _loop(
    call: Call, count: Value = None, condition: Value = None, *carried: Value
) -> list[Any]:
    """Turn by turn where the number of turns is known; else a loop without collected rows."""
    body = call.get("body")
    n = len(carried)
    if count is not None and _known(count) and (condition is None or _known(condition)):
        return _unrolled(call, body, count, condition, list(carried))
    if _known(count) or count is None:
        limit = None if count is None else call.ints(count, "M")[0]
    else:
        limit = count
    if len(body.outputs) > 1 + n:
        raise call.fail("its number of turns depends on values, and it collects rows.")
    going = True if condition is None else ops.reshape(condition, ())

    def more(turn: Value, go: Value, *values: Value) -> Value:
        return go if limit is None else ops.logical_and(go, ops.less(turn, limit))

    def turn(number: Value, go: Value, *values: Value) -> tuple[Value, ...]:
        made = [ops.convert_to_tensor(v) for v in call.run(body, [number, go, *values])]
        return (ops.add(number, 1), ops.reshape(made[0], ()), *made[1:])

    start = (ops.cast(0, "int64"), ops.cast(going, "bool"), *carried)
    return list(ops.while_loop(more, turn, start)[2:])


def _unrolled(
    call: Call, body: Any, count: Value, condition: Value, values: list[Value]
) -> list[Value]:
    turns = call.ints(count, "M")[0]
    n = len(values)
    rows: list[list[Value]] = [[] for _ in body.outputs[1 + n :]]
    go: Value = np.asarray(True) if condition is None else condition
    for number in range(turns):
        if number >= _MANY:
            raise call.fail(f"more than {_MANY} turns.")
        if not _known(go):
            raise call.fail("whether it goes on depends on values of the inputs.")
        if not bool(call.known(go, "cond").reshape(())):
            break
        made = call.run(body, [np.asarray(number, np.int64), go, *values])
        go, values = made[0], made[1 : 1 + n]
        for row, value in zip(rows, made[1 + n :], strict=True):
            row.append(value)
    stacked = [
        ops.stack(row, axis=0) if row else np.zeros((0,), np.float32) for row in rows
    ]
    return [*values, *stacked]


def _scan(call: Call, *inputs: Value) -> list[Any]:
    body = call.get("body")
    n_xs = call.get("num_scan_inputs")
    if call.opset < 9:  # (lengths, ...), and an axis of the batch in front
        return _scan_of_batch(call, inputs[1:], n_xs)
    states, xs = list(inputs[: len(inputs) - n_xs]), list(inputs[len(inputs) - n_xs :])
    return _scanned(call, body, states, xs)


def _scanned(
    call: Call, body: Any, states: list[Value], xs: list[Value]
) -> list[Value]:
    n, n_ys = len(states), len(body.outputs) - len(states)
    axes = call.get("scan_input_axes") or [0] * len(xs)
    ways = call.get("scan_input_directions") or [0] * len(xs)
    out_axes = call.get("scan_output_axes") or [0] * n_ys
    out_ways = call.get("scan_output_directions") or [0] * n_ys
    xs = [
        ops.moveaxis(ops.convert_to_tensor(x), a, 0)
        for x, a in zip(xs, axes, strict=True)
    ]
    xs = [ops.flip(x, axis=0) if w else x for x, w in zip(xs, ways, strict=True)]

    def step(carry: Any, now: Any) -> tuple[Any, Any]:
        made = [ops.convert_to_tensor(v) for v in call.run(body, [*carry, *now])]
        return made[:n], made[n:]

    start = [ops.convert_to_tensor(s) for s in states]
    last, ys = ops.scan(step, start, xs)
    ys = [ops.flip(y, axis=0) if w else y for y, w in zip(ys, out_ways, strict=True)]
    return [*last, *(ops.moveaxis(y, 0, a) for y, a in zip(ys, out_axes, strict=True))]


def _scan_of_batch(call: Call, inputs: Sequence[Any], n_xs: int) -> list[Value]:
    made = []
    for b in range(inputs[0].shape[0]):
        row = [v[b] for v in inputs]
        states, xs = row[: len(row) - n_xs], row[len(row) - n_xs :]
        made.append(_scanned(call, call.get("body"), states, xs))
    return [ops.stack(parts, axis=0) for parts in zip(*made, strict=True)]


OPERATORS: dict[str, Operator] = {"If": _if, "Loop": _loop, "Scan": _scan}
