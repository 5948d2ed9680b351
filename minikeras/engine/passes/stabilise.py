"""Stabilise: logarithms of probabilities become log-probabilities of logits.

    log(clip(softmax(x)))                log_softmax(x)
    log(clip(softmax(x) / sum))          log_softmax(x)
    log(clip(logistic(x)))               log_logistic(x, sign=1)
    log(1 - clip(logistic(x)))           log_logistic(x, sign=-1)

So the common `softmax` layer with `categorical_crossentropy` is as stable as the
loss on logits, and costs the same. Works on anything with the fields of a node:
on a tape's records before the backward loop, where it mends the gradient, and on
a graph, where it mends the value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from minikeras.engine.graph import Graph
from minikeras.engine.prims.composed import log_softmax, softmax
from minikeras.engine.prims.elementwise import (
    div,
    log,
    log1p,
    logistic,
    maximum,
    minimum,
    neg,
    sub,
)
from minikeras.engine.prims.reduce import sum_
from minikeras.engine.prims.stable import log_logistic

if TYPE_CHECKING:
    from minikeras.engine.graph import Value
    from minikeras.engine.tensor import Tensor


N = TypeVar("N", bound=Any)

# A clip is looked through where it only guards the logarithm: bounds this close to 0 and 1.
_GUARD = 1e-3


def stabilise(
    nodes: Sequence[N], scalar: Callable[[Any], float | None] | None = None
) -> list[N]:
    """The nodes with every pattern above replaced; outputs keep their identity."""
    if not any(node.prim in (log, log1p) for node in nodes):
        return list(nodes)
    scalar = scalar or _tensor_scalar
    producer = {id(v): node for node in nodes for v in node.outputs}
    return [_rewrite(node, producer, scalar) for node in nodes]


def stabilise_graph(graph: Graph) -> Graph:
    """The pass: `stabilise` on a graph's nodes."""
    constants = graph.constants

    def scalar(value: Value) -> float | None:
        array = constants.get(value)
        return float(array.item()) if array is not None and array.size == 1 else None

    return graph.with_nodes(stabilise(graph.nodes, scalar))


def _tensor_scalar(tensor: Tensor) -> float | None:
    if tensor.staged or tensor.size != 1:
        return None
    return float(tensor.item())


def _rewrite(
    node: Any, producer: dict[int, Any], scalar: Callable[[Any], float | None]
) -> Any:
    if node.prim is log:
        inner, negated = node.inputs[0], False
    elif node.prim is log1p:
        made = producer.get(id(node.inputs[0]))
        if made is None or made.prim is not neg:
            return node
        inner, negated = made.inputs[0], True
    else:
        return node
    inner = _unclip(inner, producer, scalar)
    made = producer.get(id(inner))
    if made is not None and made.prim is sub and scalar(made.inputs[0]) == 1.0:
        inner, negated = _unclip(made.inputs[1], producer, scalar), not negated
        made = producer.get(id(inner))
    if made is None:
        return node
    if made.prim is logistic:
        # A step between has broadcast: the operand alone is smaller than the result.
        if made.inputs[0].aval != node.outputs[0].aval:
            return node
        sign = -1 if negated else 1
        return type(node)(log_logistic, made.inputs, node.outputs, {"sign": sign})
    # log(1 - softmax(x)) has no such form: 1 - p_i is a sum of all others.
    if negated:
        return node
    soft = _softmax_below(made, producer)
    if soft is None or soft.inputs[0].aval != node.outputs[0].aval:
        return node
    return type(node)(log_softmax, soft.inputs, node.outputs, dict(soft.static))


def _unclip(
    value: Any,
    producer: dict[int, Any],
    scalar: Callable[[Any], float | None],
) -> Any:
    """The value below clips to about [0, 1]."""
    while True:
        node = producer.get(id(value))
        if node is None or node.prim not in (minimum, maximum):
            return value
        a, b = node.inputs
        bound, below = scalar(b), a
        if bound is None:
            bound, below = scalar(a), b
        if bound is None:
            return value
        guard = bound <= _GUARD if node.prim is maximum else bound >= 1 - _GUARD
        if not guard or below.aval != value.aval:
            return value
        value = below


def _softmax_below(made: Any, producer: dict[int, Any]) -> Any:
    """The softmax that `made` is, or that it divides by its own sum."""
    if made.prim is softmax:
        return made
    if made.prim is not div:
        return None
    soft = producer.get(id(made.inputs[0]))
    total = producer.get(id(made.inputs[1]))
    if soft is None or total is None or soft.prim is not softmax:
        return None
    if total.prim is not sum_ or total.inputs[0] is not made.inputs[0]:
        return None
    axis = soft.static["axis"] % made.inputs[0].aval.ndim
    if tuple(total.static["axes"]) != (axis,) or not total.static["keepdims"]:
        return None
    return soft
