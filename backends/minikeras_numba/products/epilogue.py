"""Lowering of `epilogue` nodes: a contraction, and its tail on rows still in the cache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minikeras_kernels.group import Place
from minikeras_numpy.windows import Geometry

from minikeras.extend import Node
from minikeras_numba.fusion.fused import epilogue
from minikeras_numba.products.conv import conv_phases, supported
from minikeras_numba.products.matmul import matmul_phases
from minikeras_numba.products.matmul_sizes import describe
from minikeras_numba.tiles.jobs import Closure, Epilogue, Lowered, Phase
from minikeras_numba.tiles.scratch import Base, scratch


def serves_epilogue(node: Node) -> bool:
    """Whether `lower_epilogue` has tiles for the core of a node."""
    a, b = (v.aval for v in node.inputs[:2])
    core, static = node.static["core"], dict(node.static["core_static"])
    if core == "matmul":
        return describe(a.shape, b.shape, a.dtype, static) is not None
    return core == "conv" and supported(
        a.dtype, Geometry.of_conv(a.shape, b.shape, static)
    )


def lower_epilogue(node: Any, regs: Mapping[Any, int]) -> Lowered | None:
    """A closure for an epilogue node, or None where the core has no tiles."""
    static = node.static
    body, count = static["body"], static["n_core"]
    core = body.inputs[0].aval
    given = [regs[v] for v in node.inputs]
    outs = [regs[v] for v in node.outputs]
    target, place = _result(core, node.outputs, outs, given)
    step = epilogue(body, [place, *given[count:]], outs)
    tail = Epilogue(step.fn, step.meta, step)
    a, b = (v.aval for v in node.inputs[:2])
    phases: list[Phase] | None = None
    if static["core"] == "matmul":
        spec = describe(a.shape, b.shape, a.dtype, dict(static["core_static"]))
        if spec is not None:
            phases = matmul_phases(spec, Base(given[0]), given[1], target, tail)
    elif static["core"] == "conv":
        geometry = Geometry.of_conv(a.shape, b.shape, dict(static["core_static"]))
        bases = Base(given[0]), given[1], target
        phases = conv_phases(geometry, a.dtype, *bases, tail)
    return None if phases is None else Closure(phases)


def _result(
    core: Any, outputs: Any, registers: list[int], given: list[int]
) -> tuple[Base, int | Place]:
    """Where the core writes: an output of its dtype, else scratch.

    An output in the buffer of an input will not do: the tail has yet to read that.
    """
    for v, register in zip(outputs, registers, strict=True):
        if register in given:
            continue
        if v.aval.dtype == core.dtype and tuple(v.aval.shape) == tuple(core.shape):
            return Base(register), register
    own = scratch(core.nbytes)
    return own, Place(own.register, own.array)
