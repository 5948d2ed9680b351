"""Staged conditions: trace both branches, make them sub-graphs, run the one taken.

Each branch is traced by a `Body` (`engine/loops.py`). What it uses from outside becomes
an input of its sub-graph. A variable that either branch assigns is a result of both (the
other gives back its value) and is assigned outside, so it changes where that branch is
taken. The gradient is a condition on the same bool, whose branches compute their forward
values again and then go backwards: what the branch not taken would give, a nan among it,
is never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from minikeras.engine.autodiff import backward
from minikeras.engine.dtypes import is_inexact
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.interpret import current, within
from minikeras.engine.loop_gradients import looked_up, replay
from minikeras.engine.loops import Body, BodyTape, taped
from minikeras.engine.passes.stabilise import stabilise
from minikeras.engine.primitive import Context
from minikeras.engine.prims import add, full
from minikeras.engine.prims import cond as cond_row
from minikeras.engine.tensor import Tensor

Tensors = list[Tensor]
R = TypeVar("R")


class Branch:
    """One traced branch.

    Attributes:
        result: What its function gives.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        parent = current()
        self.body = Body(parent, ())
        self.tape = BodyTape(self.body) if taped(parent) else None
        self.result = self.inside(function)

    def inside(self, function: Callable[..., R], *args: object) -> R:
        """What `function` gives, its calls being the branch's."""
        return within(self.tape or self.body, function, *args)


class BranchGraph(Graph):
    """A branch's graph with what its gradient needs; passes make plain graphs of it."""

    __slots__ = ("branch", "tensors")

    def __init__(self, branch: Branch, outputs: Sequence[Tensor]) -> None:
        body = branch.body
        made = [body.lift(t) for t in outputs]
        inputs = [value for _, value in body.consts.values()]
        super().__init__(inputs, body.constants, list(body.nodes), made)
        self.branch = branch
        self.tensors = list(outputs)

    def vjp(self, context: Context, gs: Sequence[Tensor | None]) -> list[Tensor | None]:
        return _vjp(context, gs)


def join(taken: Tensor, yes: Branch, no: Branch, outputs: Sequence[Any]) -> Tensors:
    """Stage a choice between two traced branches.

    Args:
        taken: Bool scalar.
        yes: The branch for true.
        no: The branch for false.
        outputs: Pairs of tensors of one shape and dtype: what each branch gives.

    Returns:
        What the branch taken gives.
    """
    outer = current()
    states = list(dict.fromkeys([*yes.body.missing, *no.body.missing]))
    graphs, consts = [], []
    for number, branch in enumerate((yes, no)):
        after: Tensors = branch.inside(list, map(branch.body.read, states))
        graph = BranchGraph(branch, [*(pair[number] for pair in outputs), *after])
        graphs.append(graph)
        consts.append([t for t, _ in branch.body.consts.values()])
    made = cond_row(
        taken,
        *consts[0],
        *consts[1],
        yes=graphs[0],
        no=graphs[1],
        n_yes=len(consts[0]),
    )
    for state, value in zip(states, made[len(outputs) :], strict=True):
        outer.assign(state, value)
    return list(made[: len(outputs)])


class _Backward:
    """The nodes of one branch and its gradient.

    Attributes:
        results: For each input of the branch its cotangent, None where there is none.
    """

    def __init__(self, graph: BranchGraph, seeded: Sequence[int]) -> None:
        body, tape = graph.branch.body, graph.branch.tape
        assert tape is not None
        sources = [t for t, _ in body.consts.values()][: len(graph.inputs)]
        before, known = len(body.nodes), len(body.inputs)
        cots = [body.add_input(graph.tensors[i].aval) for i in seeded]
        seeds = [(graph.tensors[i], g) for i, g in zip(seeded, cots, strict=True)]
        records = within(body, stabilise, tape.records)
        found = within(body, backward, records, seeds, sources)
        self.results = [None if g is None else body.lift(g) for g in found]
        self.inputs = [*graph.inputs, *(c.value for c in cots)]
        self.nodes = _needed(body.nodes, self.results)
        self.body = body
        # The trace stays as it was: it may be differentiated again.
        del body.nodes[before:]
        del body.inputs[known:]

    def run(self, given: Sequence[Tensor]) -> list[Tensor | None]:
        """The cotangents, given the branch's inputs and the cotangents of its results."""
        constants = self.body.constants
        env = {value: tensor for tensor, value in self.body.consts.values()}
        env.update(zip(self.inputs, given, strict=True))
        replay(self.nodes, env, constants)
        return [
            None if v is None else looked_up(v, env, constants) for v in self.results
        ]


def _needed(nodes: Sequence[Node], results: Sequence[Value | None]) -> list[Node]:
    live = {v for v in results if v is not None}
    kept = []
    for node in reversed(nodes):
        if any(v in live for v in node.outputs):
            live.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def _vjp(context: Context, gs: Sequence[Tensor | None]) -> list[Tensor | None]:
    static = context.static
    taken, *given = context.inputs
    seeded = [
        i
        for i, t in enumerate(context.outputs)
        if gs[i] is not None and is_inexact(t.dtype)
    ]
    cots: Any = [gs[i] for i in seeded]
    cut = static["n_yes"]
    sides = [
        (_Backward(static["yes"], seeded), given[:cut]),
        (_Backward(static["no"], seeded), given[cut:]),
    ]
    # Both branches give the cotangents of the same tensors; one that a branch does not
    # use has 0 there.
    wanted = {
        id(t): t
        for back, inputs in sides
        for t, result in zip(inputs, back.results, strict=True)
        if result is not None
    }

    def function(back: _Backward, inputs: Tensors) -> Callable[[], Tensors]:
        def run() -> Tensors:
            sums: dict[int, Tensor] = {}
            for t, g in zip(inputs, back.run([*inputs, *cots]), strict=True):
                if g is not None:
                    sums[id(t)] = add(sums[id(t)], g) if id(t) in sums else g
            return [
                sums[i] if i in sums else full(shape=t.shape, dtype=t.dtype, value=0)
                for i, t in wanted.items()
            ]

        return run

    yes, no = (Branch(function(*side)) for side in sides)
    made = join(taken, yes, no, list(zip(yes.result, no.result, strict=True)))
    found = dict(zip(wanted, made, strict=True))
    return [None, *(found.pop(id(t), None) for t in given)]
