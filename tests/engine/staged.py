"""Helpers for the engine's tests: stage a function of plain arrays, run a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minikeras.engine import backend as registry
from minikeras.engine.aval import Aval
from minikeras.engine.graph import Graph
from minikeras.engine.interpret import interpreting
from minikeras.engine.program import Program
from minikeras.engine.staging import Staging
from minikeras.engine.tensor import from_numpy


def stage(
    function: Callable[..., Any], *shapes: Sequence[int], dtype: str = "float32"
) -> Graph:
    """The graph of `function` on arrays of these shapes."""
    staging = Staging()
    inputs = [staging.add_input(Aval(tuple(s), dtype)) for s in shapes]
    with interpreting(staging):
        out = function(*inputs)
    return staging.graph(list(out) if isinstance(out, (list, tuple)) else [out])


def run_graph(graph: Graph, *arrays: Any) -> list[np.ndarray[Any, Any]]:
    """Run a graph by the active backend, through all passes."""
    backend = registry.active()
    program = Program(graph, [], [], backend)
    given = [backend.from_host(np.ascontiguousarray(a)) for a in arrays]
    return [np.array(backend.to_host(r)) for r in program.run(given)]


def run_nodes(graph: Graph, *arrays: Any) -> list[np.ndarray[Any, Any]]:
    """Run a graph node by node with eager kernels: the reference for passes."""
    kernels = registry.load("numpy").kernels
    values = dict(graph.constants)
    values.update(zip(graph.inputs, [np.asarray(a) for a in arrays], strict=True))
    for node in graph.nodes:
        given = [values[v] for v in node.inputs]
        if node.prim.name in kernels:
            made = kernels[node.prim.name](*given, **node.static)
        else:
            assert node.prim.composition is not None
            made = node.prim.composition(*[from_numpy(a) for a in given], **node.static)
            made = tuple(t.numpy() for t in made) if node.prim.multi else made.numpy()
        parts = made if node.prim.multi else (made,)
        values.update(zip(node.outputs, parts, strict=True))
    return [values[v] for v in graph.outputs]
