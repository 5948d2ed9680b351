"""Staged loops: trace the body once, make it a sub-graph, differentiate it.

A body is traced by `Body`, a staging interpreter inside another. What it uses from
outside (tensors, variables) becomes a constant input of the sub-graph; a variable
that it assigns is carried from step to step and assigned outside at the end. Where a
tape may ask for gradients, the body is traced under a tape of its own, whose records
give the backward body later (`engine/loop_gradients.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minikeras.engine.autodiff import Tape
from minikeras.engine.aval import Aval
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.interpret import Interpreter, current, within
from minikeras.engine.loop_gradients import Backward
from minikeras.engine.primitive import Context, Primitive
from minikeras.engine.prims import scan as scan_row
from minikeras.engine.prims import while_loop as while_row
from minikeras.engine.staging import Abstract, Staging
from minikeras.engine.state import State
from minikeras.engine.tensor import Tensor, TraceError

Tensors = list[Tensor]


def stageable() -> bool:
    """Whether a loop that is called now should become a sub-graph."""
    here: Any = current()
    while isinstance(getattr(here, "parent", None), Interpreter) and not isinstance(
        here, Staging
    ):
        here = here.parent
    return isinstance(here, Staging) and not isinstance(here, Abstract)


def taped(interpreter: object) -> bool:
    """Whether a tape is anywhere around."""
    while interpreter is not None:
        if isinstance(interpreter, Tape):
            return True
        interpreter = getattr(interpreter, "parent", None)
    return False


class _Everything(dict[int, Tensor]):
    """Ids of tracked tensors, where all are: sources are chosen in the backward pass."""

    def __contains__(self, key: object) -> bool:
        return True


class BodyTape(Tape):
    """Records every call of a body."""

    def __init__(self, parent: Interpreter) -> None:
        super().__init__(parent, watch_states=False)
        self.tracked = _Everything()


class Body(Staging):
    """Stages the body of a loop inside the interpreter `parent`.

    Attributes:
        carried: The tensor that stands for each assigned state at the body's start.
        consts: What was used from outside, by id, with the input it became.
    """

    def __init__(self, parent: Interpreter, carried: Sequence[State]) -> None:
        super().__init__()
        self.parent = parent
        self.consts: dict[int, tuple[Tensor, Value]] = {}
        self.own: set[Value] = set()
        self.missing: list[State] = []
        self.states = list(carried)
        self._now = {s: self.add_input(s.aval, s.label) for s in carried}

    def add_input(self, aval: Aval, label: str = "") -> Tensor:
        tensor = super().add_input(aval, label)
        self.own.add(tensor.value)
        return tensor

    def lift(self, tensor: Tensor) -> Value:
        value = tensor.value
        if type(value) is Value and value in self.own:
            return value
        if type(value) is not Value and not tensor.shape:
            return super().lift(tensor)  # a number: a literal of the sub-graph
        entry = self.consts.get(id(tensor))
        if entry is None:
            made = Value(tensor.aval)
            self.own.add(made)
            entry = self.consts[id(tensor)] = (tensor, made)
        return entry[1]

    def run(
        self, prim: Primitive, arrays: tuple[Tensor, ...], static: dict[str, Any]
    ) -> Any:
        count = len(self.nodes)
        result = super().run(prim, arrays, static)
        for node in self.nodes[count:]:
            self.own.update(node.outputs)
        return result

    def read(self, state: State) -> Tensor:
        found = self._now.get(state)
        return self.parent.read(state) if found is None else found

    def assign(self, state: State, value: Tensor) -> None:
        if state not in self._now:
            self.missing.append(state)
        self._now[state] = value

    def final(self, state: State) -> Tensor:
        return self._now[state]


class BodyGraph(Graph):
    """A body's graph with what its gradient needs; passes make plain graphs of it.

    Attributes:
        origin: The graph that this one computes too: itself, or what it extends.
    """

    __slots__ = ("trace", "origin", "tensors")

    def __init__(
        self, trace: Trace, outputs: Sequence[Tensor], origin: BodyGraph | None = None
    ) -> None:
        body = trace.body
        made = [body.lift(t) for t in outputs]
        consts = [value for _, value in body.consts.values()]
        super().__init__(
            [*consts, *body.inputs], body.constants, trace.nodes(body), made
        )
        self.trace = trace
        self.tensors = list(outputs)
        self.origin: BodyGraph = self if origin is None else origin

    def extended(self, extra: Sequence[Tensor]) -> BodyGraph:
        """This body with more results."""
        return BodyGraph(self.trace, [*self.tensors, *extra], self.origin)

    def vjp(self, context: Context, gs: Sequence[Tensor | None]) -> list[Tensor | None]:
        return self.trace.vjp(self, context, gs)


class Trace:
    """One traced body: its staging, its records, its inputs and outputs.

    The inputs of the staging are: carried states, carried values, slices.
    """

    def __init__(
        self,
        function: Callable[[Tensors, Tensors], tuple[Tensors, Tensors]],
        carry: Sequence[Aval],
        slices: Sequence[Aval],
    ) -> None:
        states: list[State] = []
        parent = current()
        while True:
            self.body = body = Body(parent, states)
            self.carry = [*body.inputs]
            given = [body.add_input(a) for a in carry]
            rows = [body.add_input(a) for a in slices]
            self.inputs = [*(body.read(s) for s in states), *given, *rows]
            self.tape = BodyTape(body) if taped(parent) else None
            after, ys = within(self.tape or body, function, given, rows)
            if not body.missing:
                break
            # What the body assigns is carried: trace again with that known.
            states = [*states, *dict.fromkeys(body.missing)]
        self.states = states
        self.after = [*(body.final(s) for s in states), *after]
        self.ys = ys
        self.n_carry = len(states) + len(carry)
        for t in (*self.after, *self.ys):
            body.lift(t)
        self.count = len(body.nodes)

    def nodes(self, body: Body) -> list[Node]:
        return body.nodes[: self.count]

    @property
    def consts(self) -> Tensors:
        return [tensor for tensor, _ in self.body.consts.values()]

    def vjp(
        self, graph: BodyGraph, context: Context, gs: Sequence[Tensor | None]
    ) -> list[Tensor | None]:
        if self.tape is None or "length" not in context.static:
            raise TraceError(
                "while_loop: a compiled loop that ends on a value has no gradient, since "
                "its number of steps is not known; expected ops.scan, ops.fori_loop with "
                "fixed bounds, or run_eagerly=True."
            )
        return Backward(self, graph, context, gs).run(scan)


def scan(
    function: Callable[[Tensors, Tensors], tuple[Tensors, Tensors]],
    init: Sequence[Tensor],
    xs: Sequence[Tensor],
    length: int,
    reverse: bool,
) -> tuple[Tensors, Tensors]:
    """Stage a loop over the first axis of `xs`.

    Args:
        function: From carried values and slices to the next carried values and results.
        init: First carried values.
        xs: What to go along.
        length: Number of steps.
        reverse: Whether to go from the end.

    Returns:
        Last carried values and the stacked results.

    Raises:
        ValueError: If a carried value changes its shape or dtype.
    """
    outer = current()
    trace = Trace(
        function,
        [t.aval for t in init],
        [Aval(t.shape[1:], t.dtype) for t in xs],
    )
    first = [*(outer.read(s) for s in trace.states), *init]
    _same_avals("scan", first, trace.after)
    graph = BodyGraph(trace, [*trace.after, *trace.ys])
    consts = trace.consts
    made = scan_row(
        *consts,
        *first,
        *xs,
        body=graph,
        n_consts=len(consts),
        n_carry=trace.n_carry,
        length=length,
        reverse=reverse,
    )
    after, ys = list(made[: trace.n_carry]), list(made[trace.n_carry :])
    for state, value in zip(trace.states, after, strict=False):
        outer.assign(state, value)
    return after[len(trace.states) :], ys


def while_loop(
    cond: Callable[[Tensors], Tensor],
    body: Callable[[Tensors], Tensors],
    init: Sequence[Tensor],
) -> Tensors:
    """Stage a loop that runs as long as `cond` of the carried values is true.

    Raises:
        ValueError: If a carried value changes its shape or dtype.
        TraceError: If `cond` assigns a variable.
    """
    outer = current()
    avals = [t.aval for t in init]
    trace = Trace(lambda carry, _: (body(carry), []), avals, [])
    first = [*(outer.read(s) for s in trace.states), *init]
    _same_avals("while_loop", first, trace.after)
    tester = Body(outer, ())
    tester._now = {s: tester.add_input(s.aval, s.label) for s in trace.states}
    seen = [tester.add_input(a) for a in avals]
    again = within(tester, cond, seen)
    if tester.missing:
        raise TraceError("while_loop: cond assigns a variable; do that in body.")
    if again.size != 1:
        raise ValueError(
            f"while_loop: cond gives shape {again.shape}; expected a bool scalar."
        )
    value = tester.lift(again)
    test = Graph(
        [*(v for _, v in tester.consts.values()), *tester.inputs],
        tester.constants,
        tester.nodes,
        [value],
    )
    test_consts = [t for t, _ in tester.consts.values()]
    graph = BodyGraph(trace, trace.after)
    made = while_row(
        *test_consts,
        *trace.consts,
        *first,
        cond=test,
        body=graph,
        n_cond=len(test_consts),
        n_body=len(trace.consts),
    )
    for state, new in zip(trace.states, made, strict=False):
        outer.assign(state, new)
    return list(made[len(trace.states) :])


def _same_avals(name: str, before: Sequence[Tensor], after: Sequence[Tensor]) -> None:
    if len(before) != len(after):
        raise ValueError(
            f"{name}: {len(after)} carried values come out of the body, {len(before)} "
            "went in; expected the same structure."
        )
    for i, (a, b) in enumerate(zip(before, after, strict=True)):
        if a.aval != b.aval:
            raise ValueError(
                f"{name}: carried value {i} goes in as {a.aval} and comes out as {b.aval}; "
                "expected the same shape and dtype. Cast it in the body."
            )
