"""Staged loops: trace the body once, make it a sub-graph, differentiate it.

A body is traced by `Body`, a staging interpreter inside another. What it uses from
outside (tensors, variables) becomes a constant input of the sub-graph; a variable
that it assigns is carried from step to step and assigned outside at the end. Where a
tape may ask for gradients, the body is traced under a tape of its own, whose records
give the backward body later: a second scan, in the other direction, over the values
that the first one saved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minikeras.engine.autodiff import Tape, backward
from minikeras.engine.aval import Aval
from minikeras.engine.dtypes import is_float
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.interpret import Interpreter, current, interpreting
from minikeras.engine.passes.stabilise import stabilise
from minikeras.engine.primitive import Context, Primitive
from minikeras.engine.prims import add, full
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


def _taped(interpreter: Any) -> bool:
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


class _BodyTape(Tape):
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
        self, trace: _Trace, outputs: Sequence[Tensor], origin: BodyGraph | None = None
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

    def vjp(self, context: Context, gs: Sequence[Tensor | None]) -> list[Tensor | None]:
        return self.trace.vjp(self, context, gs)


class _Trace:
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
            self.tape = _BodyTape(body) if _taped(parent) else None
            with interpreting(self.tape or body):
                after, ys = function(given, rows)
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
        return _Backward(self, graph, context, gs).run()


class _Backward:
    """Builds the backward scan of one forward scan."""

    def __init__(
        self,
        trace: _Trace,
        graph: BodyGraph,
        context: Context,
        gs: Sequence[Tensor | None],
    ) -> None:
        self.trace, self.graph, self.context = trace, graph, context
        self.static = context.static
        self.n_consts = self.static["n_consts"]
        self.n_carry = self.static["n_carry"]
        self.gs = gs

    def run(self) -> list[Tensor | None]:
        trace, body = self.trace, self.trace.body
        outs = self.graph.tensors
        inputs = self.context.inputs
        seeded = [
            i
            for i, t in enumerate(outs)
            if is_float(t.dtype) and (i < self.n_carry or self.gs[i] is not None)
        ]
        sources = [*trace.consts[: self.n_consts], *trace.inputs]
        assert trace.tape is not None
        before = len(body.nodes)
        known = len(body.inputs)
        with interpreting(body):
            cots = [body.add_input(outs[i].aval) for i in seeded]
            found = backward(
                stabilise(trace.tape.records),
                [(outs[i], g) for i, g in zip(seeded, cots, strict=True)],
                sources,
            )
            results = [None if g is None else body.lift(g) for g in found]
        nodes = body.nodes[before:]
        # The trace stays as it was: it may be differentiated again.
        del body.nodes[before:]
        del body.inputs[known:]
        needed = self._needed(nodes, results, {c.value for c in cots})
        saved, shared = self._split(needed)
        extended = self._extended(saved)
        return self._scan(
            nodes, results, seeded, cots, saved, shared, extended, list(inputs)
        )

    def _needed(
        self, nodes: list[Node], results: Sequence[Value | None], given: set[Value]
    ) -> list[Value]:
        """What the backward nodes use that they do not make, in order of use."""
        made = {v for node in nodes for v in node.outputs} | given
        used = dict.fromkeys(v for node in nodes for v in node.inputs)
        used.update(dict.fromkeys(v for v in results if v is not None))
        return [v for v in used if v not in made and v not in self.trace.body.constants]

    def _split(self, needed: list[Value]) -> tuple[list[Value], list[Node]]:
        """Values that differ from step to step, to be saved; and the nodes that make
        the others, which depend on constants only and are made again."""
        trace = self.trace
        varying = {t.value for t in trace.inputs}
        forward = trace.nodes(trace.body)
        for node in forward:
            if any(v in varying for v in node.inputs):
                varying.update(node.outputs)
        slices = {t.value for t in trace.inputs[self.n_carry :]}
        saved = [v for v in needed if v in varying and v not in slices]
        wanted = {v for v in needed if v not in varying}
        shared: list[Node] = []
        for node in reversed(forward):
            if any(v in wanted for v in node.outputs):
                shared.append(node)
                wanted.update(node.inputs)
        return saved, shared[::-1]

    def _extended(self, saved: list[Value]) -> list[Tensor]:
        """The saved values of all steps, from a forward scan that gives them too.

        A pass later lets the original scan's results come from this one.
        """
        if not saved:
            return []
        trace = self.trace
        by_value: dict[Value, Tensor] = {t.value: t for t in trace.inputs}
        assert trace.tape is not None
        for record in trace.tape.records:
            by_value.update((t.value, t) for t in record.outputs if t.staged)
        extra = [by_value[v] if v in by_value else Tensor(v, v.aval) for v in saved]
        graph = BodyGraph(trace, [*self.graph.tensors, *extra], self.graph.origin)
        made = scan_row(*self.context.inputs, **{**self.static, "body": graph})
        return list(made[len(self.graph.tensors) :])

    def _scan(
        self,
        nodes: list[Node],
        results: Sequence[Value | None],
        seeded: list[int],
        cots: Tensors,
        saved: list[Value],
        shared: list[Node],
        extended: Tensors,
        inputs: Tensors,
    ) -> list[Tensor | None]:
        trace, n_consts, n_carry = self.trace, self.n_consts, self.n_carry
        const_of = {value: tensor for tensor, value in trace.body.consts.values()}
        carried = [i for i in seeded if i < n_carry]
        stacked = [i for i in seeded if i >= n_carry]
        summed = [j for j in range(n_consts) if results[j] is not None]
        sliced = [
            j for j in range(n_consts + n_carry, len(results)) if results[j] is not None
        ]
        slices = [t.value for t in trace.inputs[n_carry:]]
        start: Any = [
            _zeros(inputs[n_consts + i].aval) if self.gs[i] is None else self.gs[i]
            for i in carried
        ]
        sums = [_zeros(inputs[j].aval) for j in summed]
        rows: Any = [
            *(self.gs[i] for i in stacked),
            *extended,
            *inputs[n_consts + n_carry :],
        ]

        def step(carry: Tensors, row: Tensors) -> tuple[Tensors, Tensors]:
            env: dict[Value, Tensor] = dict(const_of)
            env.update(
                (c.value, t)
                for c, t in zip(cots, [*carry[: len(carried)], *row], strict=False)
            )
            rest = row[len(stacked) :]
            env.update(zip([*saved, *slices], rest, strict=True))
            _replay([*shared, *nodes], env, trace.body.constants)

            def result(j: int) -> Tensor:
                value = results[j]
                assert value is not None
                return _looked_up(value, env, trace.body.constants)

            new = [
                result(n_consts + i)
                if results[n_consts + i] is not None
                else _zeros(inputs[n_consts + i].aval)
                for i in carried
            ]
            totals = [
                add(t, result(j))
                for t, j in zip(carry[len(carried) :], summed, strict=True)
            ]
            return [*new, *totals], [result(j) for j in sliced]

        after, ys = scan(
            step,
            [*start, *sums],
            rows,
            self.static["length"],
            not self.static["reverse"],
        )
        final: list[Tensor | None] = [None] * len(results)
        for i, g in zip(carried, after, strict=False):
            final[n_consts + i] = g
        for j, g in zip(summed, after[len(carried) :], strict=True):
            final[j] = g
        for j, g in zip(sliced, ys, strict=True):
            final[j] = g
        return final


def _zeros(aval: Aval) -> Tensor:
    made: Tensor = full(shape=aval.shape, dtype=aval.dtype, value=0)
    return made


def _looked_up(value: Value, env: dict[Value, Tensor], constants: Any) -> Tensor:
    found = env.get(value)
    if found is None:
        from_constant = constants[value]
        found = env[value] = Tensor(from_constant, value.aval)
    return found


def _replay(nodes: Sequence[Node], env: dict[Value, Tensor], constants: Any) -> None:
    """Bind every node again, with the tensors that stand for its inputs."""
    for node in nodes:
        made = node.prim(
            *[_looked_up(v, env, constants) for v in node.inputs], **node.static
        )
        env.update(zip(node.outputs, made if node.prim.multi else (made,), strict=True))


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
    trace = _Trace(
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
    trace = _Trace(lambda carry, _: (body(carry), []), avals, [])
    first = [*(outer.read(s) for s in trace.states), *init]
    _same_avals("while_loop", first, trace.after)
    tester = Body(outer, ())
    tester._now = {s: tester.add_input(s.aval, s.label) for s in trace.states}
    seen = [tester.add_input(a) for a in avals]
    with interpreting(tester):
        again = cond(seen)
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
