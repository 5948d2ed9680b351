"""Loops and conditions as ONNX Scan, Loop and If, with bodies as graphs of their own.

A body reads what it needs from outside by name, so constants are not handed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minikeras.engine.graph import Graph, Node, Value
from minikeras.export.writer import Row, Scope, Writer, carried_dtype


@contextmanager
def inside(w: Writer) -> Iterator[Scope]:
    """Nodes that are written in the block go into a scope of their own."""
    outer, mark, source = w.scope, w.sizes.mark(), w.source
    w.scope = Scope(outer)
    try:
        yield w.scope
    finally:
        w.scope, w.source = outer, source
        w.sizes.forget(mark)


def hand_over(w: Writer, inner: Sequence[Value], outer: Sequence[Value]) -> None:
    """Values of a body that are values of the graph around it."""
    for value, given in zip(inner, outer, strict=True):
        array = w.arrays.get(given)
        if array is not None:
            w.know(value, array, w.label_of(array))
        else:
            w.names[value] = w.name(given)


def declared(w: Writer, value: Value, name: str) -> Any:
    """An input or output of a body with its type."""
    kind = w.helper.np_dtype_to_tensor_dtype(np.dtype(carried_dtype(value.aval.dtype)))
    shape = [d if isinstance(d, int) else None for d in w.probed.shape(value)]
    return w.helper.make_tensor_value_info(name, int(kind), shape)


def entered(w: Writer, values: Sequence[Value], hint: str) -> list[Any]:
    """Inputs of a body, named."""
    infos = []
    for value in values:
        name = w.fresh(f"{w.source}/{hint}" if w.source else hint)
        w.names[value] = name
        w.sizes.seen(value)
        infos.append(declared(w, value, name))
    return infos


def left(w: Writer, values: Sequence[Value]) -> list[Any]:
    """Outputs of a body. Each is a node's of its own: ONNX takes no input as an output."""
    infos = []
    for value in values:
        name = w.fresh("out")
        w.scope.nodes.append(w.helper.make_node("Identity", [w.name(value)], [name]))
        infos.append(declared(w, value, name))
    return infos


def _scan(w: Writer, node: Node) -> Sequence[str]:
    body: Graph = node.static["body"]
    n_consts, n_carry = node.static["n_consts"], node.static["n_carry"]
    reverse = int(node.static["reverse"])
    hand_over(w, body.inputs[:n_consts], node.inputs[:n_consts])
    with inside(w) as scope:
        inputs = entered(w, body.inputs[n_consts:], "step")
        w.write(body)
        outputs = left(w, body.outputs)
        graph = w.helper.make_graph(scope.nodes, "body", inputs, outputs)
    n_xs = len(body.inputs) - n_consts - n_carry
    n_ys = len(body.outputs) - n_carry
    ways = {"scan_input_directions": [reverse] * n_xs}
    if n_ys:
        ways["scan_output_directions"] = [reverse] * n_ys
    return w.ops(
        "Scan",
        *w.names_of(node.inputs[n_consts:]),
        outputs=len(body.outputs),
        body=graph,
        num_scan_inputs=n_xs,
        **ways,
    )


def _counted(w: Writer, node: Node) -> Sequence[str]:
    """A scan over no arrays: ONNX's Scan needs one, its Loop counts."""
    body: Graph = node.static["body"]
    n_consts = node.static["n_consts"]
    length = w.probed.static(node, "length")
    hand_over(w, body.inputs[:n_consts], node.inputs[:n_consts])
    count = w.op("Squeeze", w.sizes.vector([length]), w.ints([0]))
    truth = w.constant(np.asarray(True))
    with inside(w) as scope:
        ends = _loop_ends(w)
        inputs = [*ends, *entered(w, body.inputs[n_consts:], "carried")]
        w.write(body)
        go_on = w.fresh("go_on")
        scope.nodes.append(w.helper.make_node("Identity", [ends[1].name], [go_on]))
        info = w.helper.make_tensor_value_info(go_on, w.helper.TensorProto.BOOL, [])
        outputs = [info, *left(w, body.outputs)]
        graph = w.helper.make_graph(scope.nodes, "body", inputs, outputs)
    carried = w.names_of(node.inputs[n_consts:])
    return w.ops("Loop", count, truth, *carried, outputs=len(body.outputs), body=graph)


def _loop_ends(w: Writer) -> list[Any]:
    make, kinds = w.helper.make_tensor_value_info, w.helper.TensorProto
    return [
        make(w.fresh("turn"), kinds.INT64, []),
        make(w.fresh("going"), kinds.BOOL, []),
    ]


def _loop(w: Writer, node: Node) -> Sequence[str]:
    return (_scan if _has_slices(node) else _counted)(w, node)


def _has_slices(node: Node) -> bool:
    taken = node.static["n_consts"] + node.static["n_carry"]
    return len(node.inputs) > taken


def _while(w: Writer, node: Node) -> Sequence[str]:
    cond: Graph = node.static["cond"]
    body: Graph = node.static["body"]
    n_cond, n_body = node.static["n_cond"], node.static["n_body"]
    start = node.inputs[n_cond + n_body :]
    hand_over(w, cond.inputs[:n_cond], node.inputs[:n_cond])
    hand_over(w, body.inputs[:n_body], node.inputs[n_cond : n_cond + n_body])
    hand_over(w, cond.inputs[n_cond:], start)
    w.write(cond)
    first = w.name(cond.outputs[0])
    with inside(w) as scope:
        inputs = [*_loop_ends(w), *entered(w, body.inputs[n_body:], "carried")]
        w.write(body)
        _forget(w, cond, n_cond)
        hand_over(w, cond.inputs[n_cond:], body.outputs)
        w.write(cond)
        outputs = left(w, [cond.outputs[0], *body.outputs])
        graph = w.helper.make_graph(scope.nodes, "body", inputs, outputs)
    return w.ops(
        "Loop", "", first, *w.names_of(start), outputs=len(body.outputs), body=graph
    )


def _forget(w: Writer, graph: Graph, n_consts: int) -> None:
    """A graph that is written again, of other values: what was known of it is not."""
    made = [v for node in graph.nodes for v in node.outputs]
    for value in (*graph.inputs[n_consts:], *made):
        w.arrays.pop(value, None)
        w.names.pop(value, None)


def _cond(w: Writer, node: Node) -> Sequence[str]:
    n_yes = node.static["n_yes"]
    taken, *rest = node.inputs
    branches = []
    for graph, given in (
        (node.static["yes"], rest[:n_yes]),
        (node.static["no"], rest[n_yes:]),
    ):
        hand_over(w, graph.inputs, given)
        with inside(w) as scope:
            w.write(graph)
            outputs = left(w, graph.outputs)
            branches.append(w.helper.make_graph(scope.nodes, "branch", [], outputs))
    return w.ops(
        "If",
        w.name(taken),
        outputs=len(node.outputs),
        then_branch=branches[0],
        else_branch=branches[1],
    )


ROWS: dict[str, Row] = {"scan": _loop, "while_loop": _while, "cond": _cond}
