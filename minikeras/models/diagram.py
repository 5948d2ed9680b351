"""A model as a diagram: what `plot_model` and notebooks draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from minikeras.drawing.diagram import NO, YES, Diagram, Part
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.node import OpCall
from minikeras.layers.core.input_layer import InputLayer

if TYPE_CHECKING:
    from minikeras.engine.symbolic import KerasTensor
    from minikeras.layers.base.node import Node as OperationNode
    from minikeras.models.model import Model


@dataclass(frozen=True)
class Wanted:
    """What a diagram says of each layer; see `plot_model`."""

    shapes: bool = False
    dtype: bool = False
    names: bool = True
    activations: bool = False
    trainable: bool = False
    nested: bool = False


def model_diagram(model: Model, wanted: Wanted) -> Diagram:
    """The layers of a model and what flows between them.

    A `Sequential` is a chain, a functional model its graph; of a model of one's own
    nothing is known but itself.
    """
    diagram = Diagram(model.name)
    graph = _graph(model)
    if graph is not None:
        _add_graph(diagram, graph, wanted, _is_chain(model))
    elif _is_chain(model):
        _add_chain(diagram, model.layers, wanted)
    else:
        diagram.steps.append(_step(model, wanted))
    return diagram


# Asked by what they have: the classes show themselves by diagrams, and import this.


def _is_chain(model: Model) -> bool:
    """Whether it is a Sequential, with a graph inside or not yet."""
    return "_graph" in model.__dict__


def _graph(model: Model) -> Any:
    """The functional model that it is, or that is in it; else None."""
    found = model.__dict__.get("_graph", model)
    return found if hasattr(found, "_nodes") else None


def _add_graph(diagram: Diagram, graph: Any, wanted: Wanted, chain: bool) -> None:
    inside = set(graph._nodes)
    shown = [o for o in graph.operations if not (chain and isinstance(o, InputLayer))]
    diagram.steps += [_step(operation, wanted) for operation in shown]
    keys = set(map(id, shown))
    steps = {step.key: step for step in diagram.steps}
    for operation in shown:
        for node in operation._inbound_nodes:
            if node not in inside:
                continue
            for tensor in node.input_tensors:
                source, _, index = tensor._keras_history
                if id(source) in keys:
                    goal = _entry(steps[id(operation)], operation, tensor, node)
                    arrow = _exit(steps[id(source)], source, index), goal
                    if arrow not in diagram.arrows:
                        diagram.arrows.append(arrow)


def _add_chain(diagram: Diagram, layers: list[Any], wanted: Wanted) -> None:
    diagram.steps += [_step(layer, wanted) for layer in layers]
    for a, b in zip(diagram.steps, diagram.steps[1:]):
        diagram.arrows.append((_last(a), _first(b)))


def _entry(step: Part, operation: Any, tensor: KerasTensor, node: OperationNode) -> int:
    """The step that an arrow leads to: one inside, where the inside is shown."""
    if step.inner is None:
        return step.key
    graph = _graph(operation)
    if graph is None or _is_chain(operation):
        return _first(step)
    place = next(i for i, t in enumerate(node.input_tensors) if t is tensor)
    goal = id(graph.inputs[min(place, len(graph.inputs) - 1)]._keras_history[0])
    return goal if goal in set(step.inner.keys()) else _first(step)


def _exit(step: Part, operation: Any, index: int) -> int:
    """The step that an arrow comes from."""
    if step.inner is None:
        return step.key
    graph = _graph(operation)
    if graph is None:
        return _last(step)
    source, _, inner_index = graph.outputs[index]._keras_history
    found = {inner.key: inner for inner in step.inner.steps}.get(id(source))
    return _last(step) if found is None else _exit(found, source, inner_index)


def _first(step: Part) -> int:
    inner = step.inner
    return step.key if inner is None or not inner.steps else _first(inner.steps[0])


def _last(step: Part) -> int:
    inner = step.inner
    return step.key if inner is None or not inner.steps else _last(inner.steps[-1])


def _step(operation: Any, wanted: Wanted) -> Part:
    nested = wanted.nested and (_is_chain(operation) or _graph(operation) is not None)
    step = Part(
        id(operation),
        operation.name if wanted.names else None,
        _kind(operation),
        inner=model_diagram(operation, wanted) if nested else None,
    )
    if nested:
        return step
    if wanted.activations and hasattr(operation, "activation"):
        step.rows.append(("Activation", _name_of(operation.activation)))
    if wanted.shapes:
        taken = _tensors(operation, "input_tensors")
        if not isinstance(operation, InputLayer):
            step.rows.append(("Input shape", _shapes(taken)))
        step.rows.append(("Output shape", _shapes(_given(operation))))
    if wanted.dtype:
        dtypes = {str(t.dtype) for t in _tensors(operation, "output_tensors")}
        step.rows.append(("Output dtype", ", ".join(sorted(dtypes)) or "?"))
    if wanted.trainable and isinstance(operation, Layer) and operation.weights:
        step.mark = ("Trainable", YES) if operation.trainable else ("Non-trainable", NO)
    return step


def _kind(operation: Layer) -> str:
    if not isinstance(operation, OpCall):
        return type(operation).__name__
    return "".join(p.capitalize() for p in operation.function.__name__.split("_"))


def _name_of(activation: object) -> str:
    if activation is None:
        return "None"
    named = getattr(activation, "__name__", None) or getattr(activation, "name", None)
    return str(named or type(activation).__name__)


def _tensors(operation: Layer, which: str) -> list[Any]:
    nodes = operation._inbound_nodes
    return list(getattr(nodes[0], which)) if nodes else []


def _given(operation: Layer) -> Any:
    """What comes out: tensors, or a shape that a call has left."""
    found = _tensors(operation, "output_tensors")
    return found or operation.__dict__.get("_output_shapes")


def _shapes(found: object) -> str:
    if not found:
        return "?"
    if isinstance(found, list) and hasattr(found[0], "shape"):
        shapes = [str(tuple(t.shape)) for t in found]
        return shapes[0] if len(shapes) == 1 else f"[{', '.join(shapes)}]"
    return str(found)
