"""The gradient of a staged scan: a second scan, in the other direction.

The records of the body's tape give the backward nodes. What these need from the
forward body and differs from step to step is saved by a forward scan that stacks it
beside its results; what depends on constants alone is made again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from minikeras.engine.autodiff import backward
from minikeras.engine.aval import Aval
from minikeras.engine.dtypes import is_inexact
from minikeras.engine.graph import Node, Value
from minikeras.engine.interpret import within
from minikeras.engine.passes.stabilise import stabilise
from minikeras.engine.primitive import Context
from minikeras.engine.prims import add, full, matmul, reshape
from minikeras.engine.prims import scan as scan_row
from minikeras.engine.tensor import Tensor

if TYPE_CHECKING:
    from minikeras.engine.loops import BodyGraph, Trace

Tensors = list[Tensor]
Scan = Callable[[Any, Tensors, Tensors, int, bool], tuple[Tensors, Tensors]]


class Backward:
    """Builds the backward scan of one forward scan."""

    def __init__(
        self,
        trace: Trace,
        graph: BodyGraph,
        context: Context,
        gs: Sequence[Tensor | None],
    ) -> None:
        self.trace, self.graph, self.context = trace, graph, context
        self.static = context.static
        self.n_consts = self.static["n_consts"]
        self.n_carry = self.static["n_carry"]
        self.gs = gs

    def run(self, scan: Scan) -> list[Tensor | None]:
        trace, body = self.trace, self.trace.body
        outs = self.graph.tensors
        # Results whose cotangent a step gets: of what is carried always, since later
        # steps may depend on it; of a stacked one where the loss does.
        seeded = [
            i
            for i, t in enumerate(outs)
            if is_inexact(t.dtype) and (i < self.n_carry or self.gs[i] is not None)
        ]
        sources = [*trace.consts[: self.n_consts], *trace.inputs]
        assert trace.tape is not None
        before = len(body.nodes)
        known = len(body.inputs)
        cots = [body.add_input(outs[i].aval) for i in seeded]
        seeds = [(outs[i], g) for i, g in zip(seeded, cots, strict=True)]
        records = within(body, stabilise, trace.tape.records)
        made = within(body, backward, records, seeds, sources)
        results = [None if g is None else body.lift(g) for g in made]
        nodes = body.nodes[before:]
        # The trace stays as it was: it may be differentiated again.
        del body.nodes[before:]
        del body.inputs[known:]
        needed = self._needed(nodes, results, {c.value for c in cots})
        saved, shared = self._split(needed)
        extended = self._extended(saved)
        found = _Found(nodes, results, seeded, [c.value for c in cots])
        return _BackwardBody(self, found, saved, shared, extended).scanned(scan)

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
        graph = self.graph.extended(extra)
        made = scan_row(*self.context.inputs, **{**self.static, "body": graph})
        return list(made[len(self.graph.tensors) :])


class _Found(NamedTuple):
    """What the tape of the forward body gave.

    Attributes:
        nodes: The backward nodes, in order.
        results: For each constant and input of the forward body its cotangent, or None.
        seeded: Numbers of the forward results whose cotangents the nodes begin with.
        cots: These cotangents.
    """

    nodes: list[Node]
    results: Sequence[Value | None]
    seeded: list[int]
    cots: list[Value]


class _BackwardBody:
    """The body of the backward scan, and how its results become cotangents.

    It carries the cotangents of what the forward loop carries, and the sums of those of
    the constants. A constant's cotangent that is a product over rows in each step, as a
    weight's is, is not summed step by step: its factors are stacked, and one product
    over all steps and rows is made after the loop.
    """

    def __init__(
        self,
        of: Backward,
        found: _Found,
        saved: list[Value],
        shared: list[Node],
        extended: Tensors,
    ) -> None:
        nodes, results, seeded, cots = found
        self.trace, self.static, self.gs = of.trace, of.static, of.gs
        self.nodes, self.results, self.cots = [*shared, *nodes], results, cots
        self.n_consts, self.n_carry = of.n_consts, of.n_carry
        self.inputs = of.context.inputs
        self.carried = [i for i in seeded if i < self.n_carry]
        self.stacked = [i for i in seeded if i >= self.n_carry]
        first = self.n_consts + self.n_carry
        slices = [t.value for t in self.trace.inputs[self.n_carry :]]
        # What a step reads of its own, and the columns of all steps that it lies in.
        self.rows = [*saved, *slices]
        self.columns = [*extended, *self.inputs[first:]]
        self.sliced = [j for j in range(first, len(results)) if results[j] is not None]
        made = {v: node for node in nodes for v in node.outputs}
        inside = {*made, *cots}
        consts = [j for j in range(self.n_consts) if results[j] is not None]
        self.products: dict[int, Node] = {}
        for j in consts:
            node = made.get(cast(Value, results[j]))
            # sum over t of X_t^T G_t is one product of all rows: larger, and no sum in
            # memory that every step reads and writes.
            if node is not None and _is_product(node):
                if all(v in inside or v in self.rows for v in node.inputs):
                    self.products[j] = node
        self.factors = list(
            dict.fromkeys(
                v for n in self.products.values() for v in n.inputs if v in inside
            )
        )
        self.summed = [j for j in consts if j not in self.products]

    def __call__(self, carry: Tensors, row: Tensors) -> tuple[Tensors, Tensors]:
        constants = self.trace.body.constants
        count = len(self.carried)
        env = {value: tensor for tensor, value in self.trace.body.consts.values()}
        cots = [*carry[:count], *row[: len(self.stacked)]]
        env.update(zip(self.cots, cots, strict=True))
        env.update(zip(self.rows, row[len(self.stacked) :], strict=True))
        replay(self.nodes, env, constants)

        def result(j: int) -> Tensor:
            value = self.results[j]
            if value is None:  # the next step does not depend on it
                return _zeros(self.inputs[j].aval)
            return looked_up(value, env, constants)

        following = [result(self.n_consts + i) for i in self.carried]
        totals = [
            add(t, result(j)) for t, j in zip(carry[count:], self.summed, strict=True)
        ]
        factors = [looked_up(v, env, constants) for v in self.factors]
        return [*following, *totals], [*(result(j) for j in self.sliced), *factors]

    def scanned(self, scan: Scan) -> list[Tensor | None]:
        """The cotangent of every input of the forward scan."""
        n_consts = self.n_consts
        start: Any = [
            _zeros(self.inputs[n_consts + i].aval) if self.gs[i] is None else self.gs[i]
            for i in self.carried
        ]
        sums = [_zeros(self.inputs[j].aval) for j in self.summed]
        rows: Any = [*(self.gs[i] for i in self.stacked), *self.columns]
        after, ys = scan(
            self,
            [*start, *sums],
            rows,
            self.static["length"],
            not self.static["reverse"],
        )
        final: list[Tensor | None] = [None] * len(self.results)
        places = [*(n_consts + i for i in self.carried), *self.summed]
        for j, g in zip(places, after, strict=True):
            final[j] = g
        for j, g in zip(self.sliced, ys, strict=False):
            final[j] = g
        columns = dict(zip(self.rows, self.columns, strict=True))
        columns.update(zip(self.factors, ys[len(self.sliced) :], strict=True))
        for j, node in self.products.items():
            a, b = (_flat(columns[v]) for v in node.inputs)
            final[j] = matmul(a, b, **node.static)
        return final


def _is_product(node: Node) -> bool:
    """Whether a node is a product of two matrices over their rows."""
    return (
        node.prim is matmul
        and bool(node.static.get("transpose_a"))
        and not node.static.get("transpose_b")
        and all(v.aval.ndim == 2 for v in node.inputs)
    )


def _flat(x: Tensor) -> Any:
    """The rows of all steps as the rows of one matrix."""
    steps, rows, columns = x.shape
    return reshape(x, shape=(steps * rows, columns))


def _zeros(aval: Aval) -> Tensor:
    return full(shape=aval.shape, dtype=aval.dtype, value=0)


def looked_up(value: Value, env: dict[Value, Tensor], constants: Any) -> Tensor:
    found = env.get(value)
    if found is None:
        from_constant = constants[value]
        found = env[value] = Tensor(from_constant, value.aval)
    return found


def replay(nodes: Sequence[Node], env: dict[Value, Tensor], constants: Any) -> None:
    """Bind every node again, with the tensors that stand for its inputs."""
    for node in nodes:
        made = node.prim(
            *[looked_up(v, env, constants) for v in node.inputs], **node.static
        )
        env.update(zip(node.outputs, made if node.prim.multi else (made,), strict=True))
