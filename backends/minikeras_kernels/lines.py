"""Groups that go along lines, one after the other: normalizations, above all.

A line is what lies along the last axis. A layer normalization folds each line to its mean,
folds its distances from that, and scales: three groups, of which each reads a line and what
the ones before have made of that same line. So they are one kernel, whose unit is a line:
it goes through all groups before the next line begins, which stays in the cache meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minikeras.extend import Graph, Value
from minikeras_kernels.bodies import Cut, Memory, body_of, lower_body, space_of
from minikeras_kernels.code import Code
from minikeras_kernels.fused import GroupKernel, table
from minikeras_kernels.group import Place
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.target import Target


def stages(
    body: Graph, places: Mapping[Value, Place], target: Target, memory: Memory
) -> list[Cut]:
    """The groups of the body of a `lines` node, in the order they run.

    Args:
        body: Nodes over lines; its inputs and all results have a place.
        places: Where these are, by slots.
        target: The machine.
        memory: For what groups keep of their own.
    """
    known = dict(places)
    cuts: list[Cut] = []
    for node in body.nodes:
        if node.prim.facets.alias:
            known[node.outputs[0]] = known[node.inputs[0]]
            continue
        inner, given = body_of(node)
        inside = {v: known[x] for v, x in zip(inner.inputs, given, strict=True)}
        outs = [known[v].slot for v in node.outputs]
        space = space_of(node, inner)
        made = lower_body(inner, space, inside, outs, target, memory, True)
        cuts += [cut for cut in made if isinstance(cut, Cut)]
    assert len({cut.layout.units for cut in cuts}) == 1, "groups over other lines"
    return cuts


def words(cuts: Sequence[Cut]) -> list[int | Place]:
    """The kernel's table."""
    return [word for cut in cuts for word in table(*cut)]


def lines(cuts: Sequence[Cut], target: Target) -> Code:
    """The kernel of all groups."""
    f = KernelWriter("lines", target)
    kernels, first = [], 0
    for cut in cuts:
        kernels.append(GroupKernel(*cut, target, f, first))
        kernels[-1].prepare()
        first += len(table(*cut))
        assert kernels[-1].index == first
    with f.loop(f.start, f.stop) as line:
        for number, kernel in enumerate(kernels):
            if number:
                f.sync()
            kernel.write_unit(line)
    return f.code
