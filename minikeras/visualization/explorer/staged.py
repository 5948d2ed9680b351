"""A model staged for one sample, with every layer's values and a class's gradients by them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from minikeras.engine import prims, tree
from minikeras.engine.autodiff import Tape, backward
from minikeras.engine.aval import Aval, ShapeError
from minikeras.engine.backend import Backend
from minikeras.engine.dtypes import is_inexact
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.interpret import base, eagerly, within
from minikeras.engine.passes.inline import inline
from minikeras.engine.passes.simplify import dead_code, simplify
from minikeras.engine.passes.stabilise import stabilise
from minikeras.engine.records import Record
from minikeras.engine.staging import Staging
from minikeras.engine.state import State
from minikeras.engine.tensor import Tensor, TraceError
from minikeras.ops.op import to_tensor
from minikeras.visualization.explorer.capture import Capture, LayerCall, watched
from minikeras.visualization.explorer.known import KNOWN
from minikeras.visualization.explorer.texts import TextCall, reading

if TYPE_CHECKING:
    from minikeras.models.model import Model

_SKIPPED = ("reshape", "cast")  # between a softmax and the end of the model


@dataclass
class Gradient:
    """Values of the gradient of a class's score.

    Attributes:
        seed: The input that says which class: 1 there, 0 elsewhere.
        score: The scores, before the softmax, `(1, classes)`; of maps and sequences of
            classes each class's scores are added up over all places.
        inputs: By each of the model's inputs; None where there is none.
        layers: By the first result of each call.
    """

    seed: Value
    score: Value
    inputs: list[Value | None]
    layers: list[Value | None]


@dataclass
class Staged:
    """The graph of a model for one sample.

    Attributes:
        raw: As it was staged: what calls' numbers of nodes refer to.
        graph: After the passes. Inputs: the model's, the seed, then the states read.
        inputs: The model's inputs.
        outputs: The model's outputs.
        states: What is read, with the input that stands for it.
        calls: The calls of layers.
        after: From values of `raw` that were asked for to those of `graph`.
        gradient: None where there is none.
        ends: For each output the row that makes it: softmax, logistic or another.
        eager: Whether it could not be staged, so that the graph says nothing.
        texts: The calls of layers of text, whose results are inputs of the graph.
    """

    raw: Graph
    graph: Graph
    inputs: list[Tensor]
    outputs: list[Tensor]
    states: dict[State, Value]
    calls: list[LayerCall]
    after: dict[Value, Value]
    gradient: Gradient | None
    ends: list[str]
    eager: bool = False
    texts: list[TextCall] = field(default_factory=list)


def staged(model: Model, avals: list[Aval], structure: object) -> Staged:
    """Stage a model for inputs of these shapes, whose batch is one.

    Args:
        model: A built model.
        avals: Shapes and dtypes of the inputs, flat.
        structure: How they are arranged when the model is called.

    Raises:
        TraceError: If its code looks at values, so that it cannot be staged.
    """
    staging = Staging()
    given = [staging.add_input(aval, f"input_{i}") for i, aval in enumerate(avals)]
    tape = Tape(staging, watch_states=False)
    for tensor in given:
        if is_inexact(tensor.dtype):
            tape.watch(tensor)
    capture = Capture(staging, lambda: len(staging.nodes))
    texts: list[TextCall] = []

    def run() -> Any:
        with (
            watched(model, capture),
            reading(model, capture, staging.add_input) as found,
        ):
            result = model(tree.unflatten(structure, given), training=False)
            texts.extend(found)
            return result

    result = within(tape, run)
    outputs = [t for t in tree.flatten(result) if isinstance(t, Tensor)]
    gradient = _gradient(staging, tape, given, capture.calls, outputs)
    wanted = [staging.lift(t) for t in outputs]
    wanted += [staging.lift(t) for call in capture.calls for t in call.made]
    wanted += _inner_values(staging.nodes, capture.calls)
    if gradient is not None:
        wanted.append(gradient.score)
        wanted += [v for v in (*gradient.inputs, *gradient.layers) if v is not None]
    ends = [*staging.inputs, *staging.reads.values()]
    raw = Graph(ends, staging.constants, staging.nodes, dict.fromkeys(wanted))
    graph = prepared(raw)
    return Staged(
        raw, graph, given, outputs, dict(staging.reads), capture.calls,
        dict(zip(raw.outputs, graph.outputs, strict=True)), gradient,
        [_end(tape.records, t) for t in outputs], texts=texts,
    )  # fmt: skip


def _inner_values(nodes: list[Node], calls: list[LayerCall]) -> list[Value]:
    """What goes on inside of layers and is shown: attention's weights, states over time."""
    names = ("softmax", "lstm", "gru", "simple_rnn")
    return [
        v
        for call in calls
        for node in nodes[call.first : call.last]
        if node.prim.name in names
        for v in node.outputs
    ]


def _gradient(
    staging: Staging,
    tape: Tape,
    given: list[Tensor],
    calls: list[LayerCall],
    outputs: list[Tensor],
) -> Gradient | None:
    """Nodes for the gradient of output 0's scores by inputs and layers."""
    if not outputs or not outputs[0].shape or not is_inexact(outputs[0].dtype):
        return None
    last = _last(tape.records, outputs[0])
    if last is not None and last.prim.name == "softmax":
        rank = len(outputs[0].shape)
        if rank > 2 and last.static["axis"] % rank != rank - 1:  # classes lie first
            return None
    if 0 in outputs[0].shape:
        return None
    score = within(tape, lambda: _summed(scores(tape.records, outputs[0])))
    layers = [call.made[0] if call.made else None for call in calls]
    sources = [t for t in (*given, *layers) if t is not None and is_inexact(t.dtype)]
    before = len(staging.nodes)
    seed = staging.add_input(score.aval, "class")

    def run() -> list[Tensor | None]:
        return backward(stabilise(tape.records), [(score, seed)], sources)

    try:
        found = within(staging, run)
    except (TraceError, ShapeError, NotImplementedError):  # a loop without a gradient
        del staging.nodes[before:], staging.inputs[-1:]
        return None
    values = {
        id(t): staging.lift(g)
        for t, g in zip(sources, found, strict=True)
        if g is not None
    }
    return Gradient(
        seed.value,
        staging.lift(score),
        [values.get(id(t)) for t in given],
        [None if t is None else values.get(id(t)) for t in layers],
    )


def _summed(scores: Tensor) -> Tensor:
    """Scores of one sample `(1, ..., classes)` as `(1, classes)`; one number as one class."""
    if len(scores.shape) == 1:
        return prims.reshape(scores, shape=(1, scores.shape[0]))
    if len(scores.shape) == 2:
        return scores
    return prims.sum(
        scores, axes=tuple(range(1, len(scores.shape) - 1)), keepdims=False
    )


def _last(records: list[Record], output: Tensor) -> Record | None:
    """The call that makes an output, behind reshapes and casts."""
    made = {id(t): record for record in records for t in record.outputs}
    record = made.get(id(output))
    while record is not None and record.prim.name in _SKIPPED:
        record = made.get(id(record.inputs[0]))
    return record


def _end(records: list[Record], output: Tensor) -> str:
    record = _last(records, output)
    return "" if record is None else record.prim.name


def scores(records: list[Record], output: Tensor) -> Tensor:
    """What goes into the softmax or sigmoid that makes an output; else the output."""
    record = _last(records, output)
    if record is not None and record.prim.name in ("softmax", "logistic"):
        if record.inputs[0].shape == output.shape:
            return record.inputs[0]
    return output


def unstaged(model: Model, sample: Any) -> Staged:
    """A model that cannot be staged: the calls of its layers for one sample, run eagerly.

    Args:
        model: The model.
        sample: One sample, as `Samples`.
    """
    capture = Capture(base(), lambda: 0)
    given = [x if x.dtype.kind in "US" else to_tensor(x) for x in sample.inputs]

    def run() -> Any:
        with watched(model, capture):
            return model(tree.unflatten(sample.structure, given), training=False)

    result = eagerly(run)
    outputs = [t for t in tree.flatten(result) if isinstance(t, Tensor)]
    last = model._flatten_layers()[-1]
    end = {"softmax": "softmax", "sigmoid": "logistic"}.get(
        getattr(getattr(last, "activation", None), "__name__", ""), ""
    )
    nothing = Graph([], {}, [], [])
    return Staged(
        nothing, nothing, given, outputs, {}, capture.calls, {}, None,
        [end] * len(outputs), eager=True,
    )  # fmt: skip


class _Page:
    """What `inline` asks a backend for: the composed rows that stay."""

    kernels = dict.fromkeys(KNOWN)


_PAGE: Backend = _Page()  # type: ignore[assignment]  # only `kernels` is asked for


def prepared(graph: Graph) -> Graph:
    """Without rows that the page has no kernel for but a composition; simplified."""
    graph = simplify(_inlined(dead_code(graph)))
    return graph


def _inlined(graph: Graph) -> Graph:
    graph = inline(graph, _PAGE)
    nodes = []
    for node in graph.nodes:
        static = {
            key: dead_code(_inlined(value)) if isinstance(value, Graph) else value
            for key, value in node.static.items()
        }
        if any(static[key] is not node.static[key] for key in static):
            node = Node(node.prim, node.inputs, node.outputs, static, node.source)
        nodes.append(node)
    return Graph(graph.inputs, graph.constants, nodes, graph.outputs)
