"""Program: a lowered graph, a list of prepared steps over a table of registers.

Running it fills the input registers, runs the steps and copies the outputs out.
States are read and written in their own buffers. The arena is allocated once; what
a step still allocates is counted in `allocating_steps`.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from minikeras.engine import backend as registry
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.passes.epilogue import epilogues
from minikeras.engine.passes.fuse import fuse
from minikeras.engine.passes.inline import inline
from minikeras.engine.passes.plan import check_plan, plan
from minikeras.engine.passes.simplify import simplify
from minikeras.engine.passes.stabilise import stabilise_graph
from minikeras.engine.profile import enabled, watch
from minikeras.engine.state import State

Pass = Callable[[Graph], Graph]


def pipeline(backend: registry.Backend) -> list[tuple[str, Pass]]:
    """The passes, in order, by name."""
    return [
        ("stabilise", stabilise_graph),
        ("inline", lambda graph: inline(graph, backend)),
        ("simplify", simplify),
        ("epilogue", lambda graph: epilogues(graph, backend)),
        ("fuse", lambda graph: fuse(graph, backend)),
    ]


def optimise(graph: Graph, backend: registry.Backend) -> Graph:
    """Run the pipeline; check and print each stage where the environment asks for it."""
    check = os.environ.get("MINIKERAS_CHECK") == "1"
    dump = os.environ.get("MINIKERAS_DUMP") == "graph"
    stages: list[tuple[str, Pass]] = [("traced", lambda g: g), *pipeline(backend)]
    for name, run in stages:
        graph = run(graph)
        if check:
            graph.check()
        if dump:
            print(f"--- {name}: {len(graph.nodes)} nodes\n{graph}", file=sys.stderr)
    return graph


class Program:
    """A compiled graph on one backend.

    Args:
        graph: As staged: inputs are the arguments, then the states read; outputs are
            the results, then the states written.
        reads: The states behind the last inputs.
        writes: The states behind the last outputs.
        backend: Where it runs.

    Attributes:
        graph: The graph after all passes.
        steps: Number of prepared steps.
        prepared: The steps, one by one, and `nodes`, what each is for.
        allocating_steps: How many of them allocate when run.
        arena_bytes: Memory that a run uses for intermediate values.
    """

    def __init__(
        self,
        graph: Graph,
        reads: Sequence[State],
        writes: Sequence[State],
        backend: registry.Backend,
    ) -> None:
        self.backend = backend
        self.graph = optimise(graph, backend)
        self.flags = tuple(s.trainable for s in reads)
        self._lock = threading.Lock()
        self._n_inputs = len(self.graph.inputs) - len(reads)
        self._reads = tuple(reads)
        self._build(writes)

    def _build(self, writes: Sequence[State]) -> None:
        graph, backend = self.graph, self.backend
        n_results = len(graph.outputs) - len(writes)
        state_input = dict(
            zip(self._reads, graph.inputs[self._n_inputs :], strict=True)
        )
        updates = {
            new: state_input[s]
            for new, s in zip(graph.outputs[n_results:], writes, strict=True)
        }
        places = plan(graph, updates)
        if os.environ.get("MINIKERAS_CHECK") == "1":
            check_plan(graph, places)
        regs = {v: i for i, v in enumerate(graph.values())}
        for new, old in places.in_place.items():
            regs[new] = regs[old]
        registers = backend.registers(len(regs))
        self.arena_bytes = places.arena_bytes
        self._arena = backend.alloc(max(places.arena_bytes, 1))
        for v, array in graph.constants.items():
            registers[regs[v]] = backend.copy(backend.from_host(array))
        for v, offset in places.offsets.items():
            registers[regs[v]] = backend.view(
                self._arena, offset, v.aval.shape, v.aval.dtype
            )
        steps: list[registry.Step] = []
        nodes: list[Node] = []
        given = set(graph.inputs)
        for node in graph.nodes:
            out = node.outputs[0]
            if node.prim.name != "reshape":
                steps.append(backend.lower(node, regs))
            elif places.root(out) in given:
                steps.append(_view_step(regs[node.inputs[0]], regs[out], out))
            else:
                registers[regs[out]] = registers[regs[node.inputs[0]]].reshape(
                    out.aval.shape
                )
            if len(nodes) < len(steps):
                nodes.append(node)
        self.registers = registers
        self.steps = len(steps)
        self.nodes = tuple(nodes)
        self.prepared = steps
        self.allocating_steps = sum(bool(getattr(s, "allocates", False)) for s in steps)
        if enabled():
            self._steps = watch(nodes, steps, backend)
        else:
            captured = backend.capture(steps)
            self._steps = steps if captured is None else [captured]
        self._results = [regs[v] for v in graph.outputs[:n_results]]
        written = set(writes)
        self._read_only = [
            (regs[state_input[s]], s) for s in self._reads if s not in written
        ]
        self._written = [(regs[state_input[s]], s) for s in self._reads if s in written]
        # New values that could not be made in the state's buffer are copied there last;
        # first to the side where another copy still reads the buffer it goes to.
        self._copies = [
            (regs[new], regs[state_input[s]])
            for new, s in zip(graph.outputs[n_results:], writes, strict=True)
            if new not in places.in_place and new is not state_input[s]
        ]
        targets = {to for _, to in self._copies}
        roots = [regs[places.root(v)] for v in graph.outputs[n_results:]]
        self._swaps = any(r in targets for r in roots)

    @contextmanager
    def borrowed(self, arrays: Sequence[Any]) -> Iterator[list[Any]]:
        """The registers, filled with `arrays` and copies of the states, for a while."""
        with self._lock:
            for i, array in enumerate(arrays):
                self.registers[i] = array
            for i, state in (*self._read_only, *self._written):
                self.registers[i] = self.backend.copy(state.array())
            yield self.registers

    def current(self) -> bool:
        """Whether every state is still as trainable as when this was traced."""
        return self.flags == tuple([s.trainable for s in self._reads])

    def run(self, arrays: Sequence[Any]) -> list[Any]:
        """One run: results as fresh arrays; written states hold their new values."""
        registers = self.registers
        backend = self.backend
        with self._lock:
            for i, array in enumerate(arrays):
                registers[i] = array
            for i, state in self._read_only:
                array = state.array()
                if registers[i] is not array:
                    if not backend.is_contiguous(array):
                        array = state.writable_array()
                    registers[i] = array
            for i, state in self._written:
                array = state.writable_array()
                if registers[i] is not array:
                    registers[i] = array
            for step in self._steps:
                step(registers)
            results = [backend.copy(registers[i]) for i in self._results]
            if self._swaps:
                fresh = [(backend.copy(registers[a]), b) for a, b in self._copies]
                for array, b in fresh:
                    backend.assign_into(registers[b], array)
            else:
                for a, b in self._copies:
                    backend.assign_into(registers[b], registers[a])
        return results


def _view_step(source: int, target: int, value: Value) -> registry.Step:
    """A reshape of an input: a view made at run time, since inputs change."""
    shape = value.aval.shape

    def step(registers: list[Any]) -> None:
        registers[target] = registers[source].reshape(shape)

    return step
