"""Lowering: each node of a graph becomes a closure that fills preallocated arrays.

A closure reads its operands from the register table and writes its results into the
arrays that are there. Workspace belongs to the closure: it is allocated in the first
run and kept. Those that allocate at every run say so (`Step`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minikeras.extend import (
    FunctionStep,
    Node,
    Step,
    Value,
    as_fill,
    lookup,
    numpy_dtype,
    prims,
)
from minikeras_numpy import fills
from minikeras_numpy.collective import lower_all_reduce
from minikeras_numpy.groups import Group
from minikeras_numpy.writers import REDUCTIONS, writer

Kernels = Mapping[str, Any]
Registers = Mapping[Value, int]
Lowering = Callable[[Kernels, Node, Registers], Step]

EPILOGUE_CORES = (prims.matmul, prims.conv)


def fusible(node: Node) -> bool:
    """Whether a group may take `node` in."""
    if node.for_numpy:
        return False
    if node.prim.kind == "reduce":
        return node.prim.name in REDUCTIONS
    return node.prim.kind in ("elementwise", "create", "random")


def lower(kernels: Kernels, node: Node, regs: Registers) -> Step:
    """The prepared closure of `node`."""
    name = node.prim.name
    if node.for_numpy:
        return _by_kernel(kernels, node, regs)
    if name in _LOWERINGS:
        return _LOWERINGS[name](kernels, node, regs)
    if name in fills.BUILDERS:
        narrow = any(v.aval.dtype in ("float16", "bfloat16") for v in node.inputs)
        # The others compute in the operands' own dtype, which for 16 bits loses too much.
        if not narrow or name in fills.ANY_FLOAT:
            return _built(node, regs)
    if fusible(node):
        return _written(kernels, node, regs)
    return _by_kernel(kernels, node, regs)


def _by_kernel(kernels: Kernels, node: Node, regs: Registers) -> Step:
    """The eager kernel, then a copy into the result's place."""
    kernel = kernels.get(node.prim.name)
    if kernel is None:
        raise NotImplementedError(
            f"the numpy backend has no kernel for {node.prim.name!r}."
        )
    inputs = [regs[v] for v in node.inputs]
    outputs = [regs[v] for v in node.outputs]
    static, multi = node.static, node.prim.multi

    def step(registers: list[Any]) -> None:
        result = kernel(*[registers[i] for i in inputs], **static)
        # Copied, since the plan has given the result its place, and a view may show an
        # operand that is overwritten while the result is still read.
        for o, array in zip(outputs, result if multi else (result,), strict=True):
            np.copyto(registers[o], array)

    return FunctionStep(step, not node.prim.facets.view)


def _written(kernels: Kernels, node: Node, regs: Registers) -> Step:
    """A single elementwise node, reduction or creation, through its writer."""
    write, allocates, _ = writer(kernels, node)
    places = [regs[v] for v in (*node.inputs, *node.outputs)]

    def step(registers: list[Any]) -> None:
        with np.errstate(all="ignore"):
            write(*[registers[i] for i in places])

    return FunctionStep(step, allocates)


def _built(node: Node, regs: Registers) -> Step:
    """A node of which `fills` makes a function of its operands and results."""
    run, allocates, _ = as_fill(fills.BUILDERS[node.prim.name](node))
    places = [regs[v] for v in (*node.inputs, *node.outputs)]

    def step(registers: list[Any]) -> None:
        with np.errstate(all="ignore"):
            run(*[registers[i] for i in places])

    return FunctionStep(step, allocates)


def _fused(kernels: Kernels, node: Node, regs: Registers) -> Step:
    group = Group(kernels, node.static["body"], node.static["space"])
    inputs = [regs[v] for v in node.inputs]
    outputs = [regs[v] for v in node.outputs]

    def step(registers: list[Any]) -> None:
        with np.errstate(all="ignore"):
            group.run([registers[i] for i in inputs], [registers[o] for o in outputs])

    return FunctionStep(step, group.allocates)


def _epilogue(kernels: Kernels, node: Node, regs: Registers) -> Step:
    """The core into the first result of its dtype, then the body from there."""
    body, count = node.static["body"], node.static["n_core"]
    result = body.inputs[0].aval
    core = Node(
        lookup(node.static["core"]),
        node.inputs[:count],
        (Value(result),),
        dict(node.static["core_static"]),
        node.source,
    )
    run, allocates, _ = as_fill(fills.BUILDERS[core.prim.name](core))
    group = Group(kernels, body, result.shape)
    inputs = [regs[v] for v in node.inputs[:count]]
    extras = [regs[v] for v in node.inputs[count:]]
    outputs = [regs[v] for v in node.outputs]
    same = [o for o, v in zip(outputs, node.outputs, strict=True) if v.aval == result]
    # A result of the core's shape and dtype is where the core writes: no workspace then.
    own = None if same else np.empty(result.shape, numpy_dtype(result.dtype))

    def step(registers: list[Any]) -> None:
        target = own if own is not None else registers[same[0]]
        with np.errstate(all="ignore"):
            run(*[registers[i] for i in inputs], target)
            group.run(
                [target, *[registers[i] for i in extras]],
                [registers[o] for o in outputs],
            )

    return FunctionStep(step, allocates)


_LOWERINGS: dict[str, Lowering] = {
    "fused": _fused,
    "epilogue": _epilogue,
    "all_reduce": lower_all_reduce,
}
