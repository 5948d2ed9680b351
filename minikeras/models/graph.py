"""The graph between the inputs and outputs of a functional model, and running it.

`trace` finds the nodes in execution order and the operations in the order in which
Keras lists them (which is that of the weights). `Schedule` is the nodes made ready to
run: values live in a list, and every node knows its places in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras.budget import count_calls
from minikeras.engine import tree
from minikeras.engine.symbolic import KerasTensor
from minikeras.layers.base.node import Node, node_of


def trace(
    inputs: list[KerasTensor], outputs: list[KerasTensor]
) -> tuple[list[Node], list[Any]]:
    """The nodes from inputs to outputs, in execution order, and the operations.

    Operations are listed by their distance from the outputs, the farthest first;
    those at the same distance as a walk back from the outputs meets them.

    Raises:
        ValueError: If an output does not depend on the given inputs alone.
    """
    nodes, met = _walk_back({id(t) for t in inputs}, outputs)
    distance = _distances(nodes)
    for tensor in inputs:
        if not _enters(tensor):
            continue
        operation = node_of(tensor).operation
        if operation not in distance:  # an input that no output needs
            distance[operation] = 0
            met[operation] = -1
            nodes.insert(0, node_of(tensor))
    operations = sorted(distance, key=lambda o: (-distance[o], met[o]))
    return nodes, operations


def _enters(tensor: KerasTensor) -> bool:
    """Whether this is the tensor of an `Input`, not one that a call made (or nothing did)."""
    return tensor._keras_history is not None and node_of(tensor).is_input


def _walk_back(
    stops: set[int], outputs: list[KerasTensor]
) -> tuple[list[Node], dict[Any, int]]:
    """Nodes with their sources first; operations with the number at which they are met."""
    nodes: list[Node] = []
    done: set[Node] = set()
    met: dict[Any, int] = {}
    for output in outputs:
        stack: list[tuple[Node, list[KerasTensor]]] = []
        if id(output) in stops and not _enters(output):
            continue
        node = node_of(output)
        if node not in done:
            stack.append((node, _sources(node, output, stops)))
            met.setdefault(node.operation, len(met))
        while stack:
            node, waiting = stack[-1]
            if not waiting:
                stack.pop()
                if node not in done:
                    done.add(node)
                    nodes.append(node)
                continue
            tensor = waiting.pop(0)
            if id(tensor) in stops and not _enters(tensor):
                continue  # the graph begins behind the call that made it
            parent = node_of(tensor)
            if parent not in done:
                met.setdefault(parent.operation, len(met))
                stack.append((parent, _sources(parent, tensor, stops)))
    return nodes, met


def _sources(node: Node, tensor: KerasTensor, stops: set[int]) -> list[KerasTensor]:
    if id(tensor) in stops:
        return []
    if node.is_input:
        raise ValueError(
            f"the output depends on the input {node.operation.name!r}, which is not among "
            "the inputs given to Model(). Add its tensor to `inputs`."
        )
    return node.input_tensors


def _distances(nodes: list[Node]) -> dict[Any, int]:
    """How far each operation is from the outputs, by the longest way."""
    of_node: dict[Node, int] = {}
    of_operation: dict[Any, int] = {}
    inside = set(nodes)
    for node in reversed(nodes):
        depth = max(of_node.get(node, 0), of_operation.get(node.operation, 0))
        of_operation[node.operation] = of_node[node] = depth
        made = [t for t in node.input_tensors if t._keras_history is not None]
        for parent in map(node_of, made):
            if parent in inside:
                of_node[parent] = max(of_node.get(parent, 0), depth + 1)
    return of_operation


class _Slot(int):
    """A place in the list of values, inside a structure of arguments."""


class Schedule:
    """Nodes ready to run."""

    def __init__(
        self, inputs: list[KerasTensor], outputs: list[KerasTensor], nodes: list[Node]
    ) -> None:
        places: dict[int, int] = {}
        for tensor in inputs:
            places.setdefault(id(tensor), len(places))
        self.feeds = [places[id(t)] for t in inputs]
        fed = {id(t) for t in inputs}
        called = [n for n in nodes if not all(id(t) in fed for t in n.output_tensors)]
        for node in called:
            for tensor in node.output_tensors:
                places.setdefault(id(tensor), len(places))
        # What a step makes of a tensor that is given goes to a place nobody reads.
        self.size = len(places) + 1
        spare = dict.fromkeys(fed, len(places))
        self.results = [places[id(t)] for t in outputs]
        last = {places[id(t)]: i for i, n in enumerate(called) for t in n.input_tensors}
        for place in self.results:
            last.pop(place, None)
        dying: list[list[int]] = [[] for _ in called]
        for place, i in last.items():
            dying[i].append(place)
        self.calls = [_call(n, places, spare, d) for n, d in zip(called, dying)]

    def run(
        self, values: list[Any], call: Callable[..., Any] | None = None
    ) -> list[Any]:
        """The outputs for these inputs. `call(operation, *args, **kwargs)` may step in."""
        count_calls(len(self.calls))
        table: list[Any] = [None] * self.size
        for place, value in zip(self.feeds, values):
            table[place] = value
        for operation, one, out, args, kwargs, outs, dying in self.calls:
            if one is not None and call is None:
                table[out] = operation(table[one])
            else:
                a, k = tree.map_structure(
                    lambda v: table[v] if type(v) is _Slot else v, (args, kwargs)
                )
                result = (
                    operation(*a, **k) if call is None else call(operation, *a, **k)
                )
                flat = [result] if len(outs) == 1 else tree.flatten(result)
                if len(outs) == 1 and isinstance(result, (list, tuple, dict)):
                    flat = tree.flatten(result)
                flat = [v for v in flat if v is not None]
                for place, value in zip(outs, flat):
                    table[place] = value
            for place in dying:
                table[place] = None
        return [table[place] for place in self.results]


def _call(
    node: Node, places: dict[int, int], spare: dict[int, int], dying: list[int]
) -> tuple[Any, ...]:
    """One call: operation, its only input place (or None), ..., places to clear after."""
    args, kwargs = tree.map_structure(
        lambda v: _Slot(places[id(v)]) if isinstance(v, KerasTensor) else v,
        (node.args, node.kwargs),
    )
    outs = [spare.get(id(t), places[id(t)]) for t in node.output_tensors]
    simple = (
        len(args) == 1
        and type(args[0]) is _Slot
        and not kwargs
        and isinstance(node.outputs, KerasTensor)
    )
    one = int(args[0]) if simple else None
    return node.operation, one, outs[0] if outs else -1, args, kwargs, outs, dying


def copy_nodes(
    inputs: list[KerasTensor], outputs: list[KerasTensor], starts: list[KerasTensor]
) -> list[KerasTensor]:
    """The outputs of the same calls begun from other tensors, as new nodes."""
    nodes, _ = trace(inputs, outputs)
    made = {id(old): new for old, new in zip(inputs, starts)}

    def renewed(value: object) -> Any:
        return made.get(id(value), value) if isinstance(value, KerasTensor) else value

    for node in nodes:
        if all(id(t) in made for t in node.output_tensors):
            continue
        args, kwargs = tree.map_structure(renewed, (node.args, node.kwargs))
        fresh = tree.map_structure(_like, node.outputs)
        Node(node.operation, args, kwargs, fresh)
        for old, new in zip(tree.flatten(node.outputs), tree.flatten(fresh)):
            made.setdefault(id(old), new)
    return [made[id(t)] for t in outputs]


def _like(tensor: KerasTensor) -> Any:
    if not isinstance(tensor, KerasTensor):
        return tensor
    made = KerasTensor(tensor.shape, tensor.dtype)
    made._keras_mask = tensor._keras_mask
    return made
