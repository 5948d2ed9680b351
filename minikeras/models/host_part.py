"""The part of a functional model that runs on the host, before the compiled step.

Layers of text take strings, which no compiled step holds. They are the first layers of a
model, so its graph is cut behind them: what they need is run in NumPy on each batch, and
the rest is compiled, with their results as its inputs. What the rest takes straight from
the model's inputs goes on as it came. A model inside a model is cut in the same way.

A graph that cannot be cut (strings reach its end, or layers with weights come before one
of these) runs eagerly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from minikeras.engine import dtypes, tree
from minikeras.engine.symbolic import KerasTensor
from minikeras.layers.base.call_context import CallContext, call_context
from minikeras.layers.base.node import Node
from minikeras.models import graph

if TYPE_CHECKING:
    from minikeras.models.model import Model


class HostResults(tuple[Any, ...]):
    """What the rest of a model takes: a model that is called on it runs only the rest.

    Its parts are tensors, arrays, and the `HostResults` of models inside.
    """

    __slots__ = ()


@dataclass(frozen=True, eq=False)
class _RestOfModel:
    """A call of a model inside, on what its own host part gave."""

    operation: Any
    args: tuple[KerasTensor]
    kwargs: dict[str, Any]
    outputs: Any

    @property
    def input_tensors(self) -> list[KerasTensor]:
        return list(self.args)

    @property
    def output_tensors(self) -> list[KerasTensor]:
        return tree.flatten(self.outputs)


class HostPart:
    """A graph cut in two.

    Args:
        inputs: The model's inputs.
        outputs: Its outputs.
        nodes: The calls between them, in order.

    Attributes:
        whole: Whether it can be cut; if not, it has to run eagerly.
    """

    def __init__(
        self, inputs: list[KerasTensor], outputs: list[KerasTensor], nodes: list[Node]
    ) -> None:
        fed = {id(t) for t in inputs}
        made = {id(t) for n in nodes if _on_host(n) for t in n.output_tensors}
        rest = _needed(outputs, nodes, fed | made, _has_part)
        self._models = [n for n in rest if _has_part(n)]
        taken = [t for n in rest if not _has_part(n) for t in n.input_tensors]
        border = {id(t): t for t in (*taken, *outputs) if id(t) in fed | made}
        self._from_host = [t for i, t in border.items() if i in made]
        self._straight = [t for i, t in border.items() if i in fed]
        for_models = [t for n in self._models for t in n.input_tensors]
        targets = [*self._from_host, *for_models]
        before = _needed(targets, nodes, fed, lambda node: False)
        self.whole = (
            all(t.dtype != dtypes.STRING for t in border.values())
            and all(_on_host(n) or not _weights(n) for n in before)
            and all(_is_plain(n) for n in self._models)
        )
        if not self.whole:
            return
        self._needed = {id(t) for n in before for t in n.input_tensors}
        self._needed |= {id(t) for t in for_models}
        self._inputs = inputs
        self._before = graph.Schedule(inputs, targets, before)
        stands = {n: KerasTensor((), name="host_results") for n in self._models}
        cut: list[Any] = [
            _RestOfModel(n.operation, (stands[n],), {}, n.outputs) if n in stands else n
            for n in rest
        ]
        starts = [*self._from_host, *self._straight, *stands.values()]
        self._rest = graph.Schedule(starts, outputs, cut)

    def run(
        self, model: Model, values: list[Any], feed: Callable[..., Any], training: bool
    ) -> HostResults:
        """The part before the compiled step.

        Args:
            model: The model, for the context of calls.
            values: What was passed for each input.
            feed: Makes a value ready, given the input's KerasTensor.
            training: Flag for the layers.
        """
        table = [
            feed(t, v) if id(t) in self._needed else None
            for t, v in zip(self._inputs, values)
        ]
        token = call_context.set(CallContext(model, training, False))
        try:
            results = self._before.run(table)
            count = len(self._from_host)
            inside, left = [], results[count:]
            for node in self._models:
                leaves, left = (
                    left[: len(node.input_tensors)],
                    left[len(node.input_tensors) :],
                )
                spec = tree.flatten_spec(node.args[0])[1]
                x = tree.unflatten(spec, leaves)
                inside.append(node.operation._before_step(x, training))
        finally:
            call_context.reset(token)
        by_input = dict(zip(map(id, self._inputs), values))
        straight = [by_input[id(t)] for t in self._straight]
        return HostResults([*results[:count], *straight, *inside])

    def finish(self, given: HostResults, feed: Callable[..., Any]) -> list[Any]:
        """The model's outputs, from what `run` gave."""
        first = len(self._from_host)
        last = first + len(self._straight)
        straight = [feed(t, v) for t, v in zip(self._straight, given[first:last])]
        return self._rest.run([*given[:first], *straight, *given[last:]])


def host_part(
    inputs: list[KerasTensor], outputs: list[KerasTensor], nodes: list[Node]
) -> HostPart | None:
    """The cut of a graph; None if nothing in it runs on the host."""
    if not any(_on_host(n) or _has_part(n) for n in nodes):
        return None
    return HostPart(inputs, outputs, nodes)


def _on_host(node: Node) -> bool:
    return getattr(node.operation, "_on_host", False)


def _has_part(node: Node) -> bool:
    part = getattr(node.operation, "_host_part", None)
    return part is not None and part.whole


def _weights(node: Node) -> bool:
    return bool(getattr(node.operation, "weights", ()))


def _is_plain(node: Node) -> bool:
    """Whether a model is called on its inputs and nothing else."""
    return len(node.args) == 1 and not node.kwargs


def _needed(
    targets: list[KerasTensor],
    nodes: list[Node],
    stops: set[int],
    ends: Callable[[Node], bool],
) -> list[Node]:
    """The calls that give the targets, begun from the stops, in order.

    Args:
        targets: What is wanted.
        nodes: All calls, in order.
        stops: Tensors that are there already.
        ends: Whether what a call takes is there already.
    """
    wanted = {id(t) for t in targets} - stops
    found = []
    for node in reversed(nodes):
        if not wanted.isdisjoint(map(id, node.output_tensors)):
            found.append(node)
            if not ends(node):
                wanted |= {id(t) for t in node.input_tensors} - stops
    return found[::-1]
