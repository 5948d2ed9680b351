"""Reduction over ranks: the communicator does it, between arrays that are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minikeras.extend import FunctionStep, Node, Step, Value, communicator
from minikeras_numpy.common import Array, Table


def table(xp: Any) -> Table:
    """The kernels of this family over the namespace `xp`."""

    def all_reduce(*arrays: Array, means: tuple[bool, ...]) -> tuple[Array, ...]:
        laid_out = [xp.ascontiguousarray(a).reshape(a.shape) for a in arrays]
        results = tuple(xp.empty_like(a) for a in laid_out)
        communicator().reduce_into(laid_out, results, means)
        return results

    return {"all_reduce": all_reduce}


def lower_all_reduce(
    kernels: Mapping[str, Any], node: Node, regs: Mapping[Value, int]
) -> Step:
    """All arrays of the node in one go, by the communicator of that time."""
    inputs = [regs[v] for v in node.inputs]
    outputs = [regs[v] for v in node.outputs]
    means = node.static["means"]

    def step(registers: list[Any]) -> None:
        arrays = [registers[i] for i in inputs]
        communicator().reduce_into(arrays, [registers[o] for o in outputs], means)

    return FunctionStep(step, waits=True)  # for the other ranks
