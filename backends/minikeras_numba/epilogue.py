"""Lowering of `epilogue` nodes: a contraction whose rows are finished while in cache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minikeras.extend import Node, Value
from minikeras_numba.conv import conv_phases
from minikeras_numba.fused import Step, empty, epilogue
from minikeras_numba.group import Place
from minikeras_numba.jobs import Base, Closure, Epilogue, Phase
from minikeras_numba.matmul import describe, matmul_phases

CORES = ("matmul", "conv")


class _Owner(Closure):
    """A closure that keeps alive what its epilogue's table points to."""

    __slots__ = ("step",)

    def __init__(self, phases: list[Phase], step: Step) -> None:
        super().__init__(phases)
        self.step = step


def lower_epilogue(node: Node, regs: Mapping[Value, int]) -> Closure | None:
    """A closure for an `epilogue` node, or None where NumPy does it."""
    body, n_core = node.static["body"], node.static["n_core"]
    core, static = node.static["core"], dict(node.static["core_static"])
    result = body.inputs[0].aval
    if result.dtype not in ("float32", "float64") or result.size == 0:
        return None
    extra = [regs[v] for v in node.inputs[n_core:]]
    outputs = [regs[v] for v in node.outputs]
    # the core may write into the first output, unless the tail still reads that buffer
    if node.outputs[0].aval == result and outputs[0] not in extra:
        place, target = Place(outputs[0]), Base(outputs[0])
    else:
        own = empty(result.shape, result.dtype)
        place, target = Place(-1, own), Base(-1, own)
    step = epilogue(body, [place, *map(Place, extra)], outputs)
    tail = Epilogue(step.fn, step.meta)
    found = _phases(core, static, node, regs, target, tail)
    if found is None:
        return None
    return _Owner(found, step)


def _phases(
    core: str,
    static: dict[str, Any],
    node: Node,
    regs: Mapping[Value, int],
    target: Base,
    tail: Epilogue,
) -> list[Phase] | None:
    a, b = node.inputs[0], node.inputs[1]
    if core == "matmul":
        spec = describe(a.aval.shape, b.aval.shape, a.aval.dtype, static)
        if spec is None:
            return None
        return matmul_phases(spec, Base(regs[a]), regs[b], target, tail)
    out = node.static["body"].inputs[0].aval
    return conv_phases(
        a.aval.shape,
        b.aval.shape,
        out.shape,
        a.aval.dtype,
        static,
        Base(regs[a]),
        regs[b],
        target,
        tail,
    )
