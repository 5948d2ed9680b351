"""Routine: an optimised graph with every value in its place and every node prepared.

Passes turn the graph into its final form, the plan gives each value memory, the
backend prepares each node. `step()` then runs it once over the table of registers.
A program is a routine with states around it; a loop holds a routine for its body,
which is how loops work on every backend without a kernel of their own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minikeras.engine import backend as registry
from minikeras.engine.arenas import Arena, lend
from minikeras.engine.aval import Shape
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.kept import held_bytes
from minikeras.engine.passes.branches import branches
from minikeras.engine.passes.chains import chains
from minikeras.engine.passes.collectives import collectives
from minikeras.engine.passes.epilogue import epilogues
from minikeras.engine.passes.fuse import fuse
from minikeras.engine.passes.inline import inline
from minikeras.engine.passes.layouts import layouts
from minikeras.engine.passes.lines import along_lines
from minikeras.engine.passes.plan import check_plan, plan
from minikeras.engine.passes.pools import pools
from minikeras.engine.passes.scans import scans
from minikeras.engine.passes.simplify import simplify
from minikeras.engine.passes.stabilise import stabilise_graph
from minikeras.engine.profile import enabled, watch
from minikeras.engine.room import explained
from minikeras.engine.user_rows import UserRow

Pass = Callable[[Graph], Graph]


def pipeline(backend: registry.Backend) -> list[tuple[str, Pass]]:
    """The passes, in order, by name."""
    return [
        ("scans", scans),
        ("branches", branches),
        ("stabilise", stabilise_graph),
        ("inline", lambda graph: inline(graph, backend)),
        ("simplify", lambda graph: simplify(graph, backend)),
        ("collectives", collectives),
        ("pools", pools),
        ("layouts", lambda graph: layouts(graph, backend)),
        ("epilogue", lambda graph: epilogues(graph, backend)),
        ("fuse", lambda graph: fuse(graph, backend)),
        ("lines", lambda graph: along_lines(graph, backend)),
        ("chains", lambda graph: chains(graph, backend)),
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


class Routine:
    """A prepared graph.

    Args:
        graph: As staged; the passes are run here.
        updates: For each output that replaces an input, the place of both:
            (output number, input number). The new value is written into the input's
            buffer, at once where the plan allows it, otherwise by `store`.
        backend: Where it runs.
        shared: Whether its memory may be that of other routines too: whoever runs it
            holds `arena.lock` then.
        arguments: How many of the inputs, the first ones, come from the caller.

    Attributes:
        graph: The graph after all passes.
        arena: Where its values are.
        inputs: Register of each input.
        outputs: Register of each output.
        registers: The table that the steps read and write.
        movable: The registers of values that no other is a view of: a run finds them
            wherever their registers say.
        prepared: The steps, one by one, and `nodes`, what each is for.
        copies: What `store` copies, (from, to, aval); `swaps`: by the side of them.
        at_once: Whether a run is a single native call, which no signal comes into.
    """

    def __init__(
        self,
        graph: Graph,
        updates: Sequence[tuple[int, int]],
        backend: registry.Backend,
        shared: bool = False,
        arguments: int = 0,
    ) -> None:
        self.backend = backend
        self.graph = graph = optimise(graph, backend)
        replaced = {graph.outputs[new]: graph.inputs[old] for new, old in updates}
        places = plan(graph, replaced)
        if os.environ.get("MINIKERAS_CHECK") == "1":
            check_plan(graph, places)
        regs = {v: i for i, v in enumerate(graph.values())}
        for new, old in places.in_place.items():
            regs[new] = regs[old]
        registers = backend.registers(len(regs))
        self.arena_bytes = places.arena_bytes
        self._offsets = [
            (regs[v], offset, v.aval) for v, offset in places.offsets.items()
        ]
        seen = {places.root(v) for v in places.aliases}
        self.movable = {
            regs[v]: v.aval for v in places.offsets if v not in seen and v in regs
        }
        for v, array in graph.constants.items():
            registers[regs[v]] = backend.copy(backend.from_host(array))
        self.registers = registers
        self._shapes: list[tuple[int, int, Shape]] = []  # reshapes of its own values
        size = places.arena_bytes
        try:
            memory = backend.alloc(max(size, 1)) if not shared else None
            self._bind(lend(backend, size) if shared else Arena(memory, size))
        except registry.OutOfMemory as error:
            raise explained(error, graph, graph.inputs[:arguments]) from error
        steps: list[registry.Step] = []
        nodes: list[Node] = []
        views: list[_View] = []
        given = set(graph.inputs)
        for node in graph.nodes:
            out = node.outputs[0]
            if not node.prim.facets.alias:
                steps.append(_lower(node, regs, backend))
            elif places.root(out) in given:
                views.append(_View(regs[node.inputs[0]], regs[out], out.aval.shape))
            else:
                shape = regs[node.inputs[0]], regs[out], out.aval.shape
                self._shapes.append(shape)
                self._reshape(*shape)
            if len(nodes) < len(steps):
                nodes.append(node)
        self._views = views
        self.nodes = tuple(nodes)
        self.prepared = steps
        self.allocating_steps = sum(map(registry.allocates, steps))
        self.inputs = [regs[v] for v in graph.inputs]
        self.outputs = [regs[v] for v in graph.outputs]
        # New values that could not be made in the buffer they replace are copied there
        # last; first to the side where another copy still reads that buffer.
        pairs = [(graph.outputs[new], graph.inputs[old]) for new, old in updates]
        self.copies = [
            (regs[new], regs[old], old.aval)
            for new, old in pairs
            if new not in places.in_place and new is not old
        ]
        targets = {to for _, to, _ in self.copies}
        self.swaps = any(regs[places.root(new)] in targets for new, _ in pairs)
        if enabled():
            self.steps = watch(nodes, steps, backend)
        else:
            replacing = {new for new, _ in updates}
            kept = [v for i, v in enumerate(graph.outputs) if i not in replacing]
            read = {regs[places.root(v)] for v in kept}
            self.steps = self._captured(shared and not read & targets)
        native = len(self.steps) == 1 and getattr(self.steps[0], "at_once", False)
        self.at_once = native and not self.copies

    def _captured(self, with_copies: bool) -> list[registry.Step]:
        """The steps in as few calls as can be: the copies too, where nothing else reads
        between."""
        backend, steps = self.backend, self.prepared
        if with_copies and self.copies and not self.swaps:
            copying = [backend.copying(*copy) for copy in self.copies]
            joined = [*steps, *(c for c in copying if c is not None)]
            whole = backend.capture(joined, self._outside())
            if None not in copying and getattr(whole, "at_once", False):
                assert whole is not None
                self.copies = []
                return [whole]
        captured = backend.capture(steps, self._outside())
        return steps if captured is None else [captured]

    def _outside(self) -> list[int]:
        """Registers of inputs and their views, and one that moves where the arena does."""
        arena = [register for register, *_ in self._offsets[:1]]
        return [*arena, *self.inputs, *(view.target for view in self._views)]

    def _bind(self, arena: Arena) -> None:
        """Keep the values in `arena`."""
        view, registers = self.backend.view, self.registers
        for register, offset, aval in self._offsets:
            registers[register] = view(arena.memory, offset, aval.shape, aval.dtype)
        for shape in self._shapes:
            self._reshape(*shape)
        self.arena = arena  # last: an interrupt before that leaves it to be done again

    def _reshape(self, source: int, target: int, shape: Shape) -> None:
        self.registers[target] = self.registers[source].reshape(shape)

    def settle(self) -> Arena:
        """The arena, another one if a run is using it; for routines that share it."""
        if self.arena.lock.locked():
            self._bind(lend(self.backend, self.arena_bytes))
        return self.arena

    def release(self, inputs: Sequence[int]) -> None:
        """Hold the arrays in these registers no longer."""
        registers = self.registers
        for i in inputs:
            registers[i] = None
        for view in self._views:
            if view.source in inputs:
                view.seen = registers[view.target] = None

    @property
    def nbytes(self) -> int:
        """What it holds beside its arena: workspace, constants, Python objects."""
        skipped = (self.backend, self.registers, self.graph, self.arena)
        kernels = getattr(self.backend, "kernels", None)
        known = list(self.graph.constants.values())
        nodes = len(self.graph.nodes)
        return held_bytes((self.prepared, known), (*skipped, kernels), nodes)

    @property
    def views(self) -> list[tuple[int, int]]:
        """Registers that are other shapes of inputs: (input, view)."""
        return [(view.source, view.target) for view in self._views]

    def run(self) -> None:
        """All steps, once."""
        self.refresh()
        registers = self.registers
        for step in self.steps:
            step(registers)

    def refresh(self) -> None:
        """Let views of inputs follow: to be called when the inputs are in place."""
        for view in self._views:
            view.refresh(self.registers)

    def store(self) -> None:
        """Copy the new values that are not there yet into the buffers they replace."""
        registers, backend = self.registers, self.backend
        if self.swaps:
            fresh = [(backend.copy(registers[a]), b) for a, b, _ in self.copies]
            for array, b in fresh:
                backend.assign_into(registers[b], array)
        else:
            for a, b, _ in self.copies:
                backend.assign_into(registers[b], registers[a])


class _View:
    """A reshape of an input, made anew where the input is another array than before."""

    __slots__ = ("seen", "shape", "source", "target")

    def __init__(self, source: int, target: int, shape: Shape) -> None:
        self.source, self.target, self.shape = source, target, shape
        self.seen: Any = None

    def refresh(self, registers: list[Any]) -> None:
        array = registers[self.source]
        if array is not self.seen:
            registers[self.target] = array.reshape(self.shape)
            self.seen = array


def _lower(
    node: Node, regs: Mapping[Value, int], backend: registry.Backend
) -> registry.Step:
    if node.prim.name == "scan":
        return _scan(node, regs, backend)
    if node.prim.name == "while_loop":
        return _while(node, regs, backend)
    if node.prim.name == "cond":
        return _cond(node, regs, backend)
    if isinstance(node.prim, UserRow):
        return backend.lower_user(node, regs)
    return backend.lower(node, regs)


def _buffers(
    routine: Routine, places: Sequence[int], backend: registry.Backend
) -> None:
    """Give the inputs at `places` buffers of their own: what a loop carries."""
    for i in places:
        aval = routine.graph.inputs[i].aval
        memory = backend.alloc(max(aval.nbytes, 1))
        routine.registers[routine.inputs[i]] = backend.view(
            memory, 0, aval.shape, aval.dtype
        )


def _scan(
    node: Node, regs: Mapping[Value, int], backend: registry.Backend
) -> registry.Step:
    """Run the body once for each slice, carried values in buffers of the loop."""
    static = node.static
    n_consts, n_carry = static["n_consts"], static["n_carry"]
    carried = range(n_consts, n_consts + n_carry)
    body = Routine(static["body"], list(zip(range(n_carry), carried)), backend)
    _buffers(body, carried, backend)
    inner = body.registers
    given = [(regs[v], r) for v, r in zip(node.inputs, body.inputs, strict=True)]
    fixed, first, slices = (
        given[:n_consts],
        given[n_consts : n_consts + n_carry],
        given[n_consts + n_carry :],
    )
    made = [(regs[v], r) for v, r in zip(node.outputs, body.outputs, strict=True)]
    last = [(a, r) for (a, _), (_, r) in zip(made, first, strict=False)]
    rows = made[n_carry:]
    order = range(static["length"])
    if static["reverse"]:
        order = order[::-1]
    if not body.swaps:
        native = backend.loop(
            registry.Loop(
                static["length"],
                static["reverse"],
                inner,
                body.prepared,
                fixed,
                first,
                slices,
                rows,
                last,
                body.views,
                [(a, b) for a, b, _ in body.copies],
                {regs[v]: v.aval.nbytes for v in (*node.inputs, *node.outputs)},
            )
        )
        if native is not None:
            return native
    put, run, store = backend.assign_into, body.run, body.store

    def step(registers: list[Any]) -> None:
        for outer, own in fixed:
            inner[own] = registers[outer]
        for outer, own in first:
            put(inner[own], registers[outer])
        columns = [(registers[outer], own) for outer, own in slices]
        results = [(registers[outer], own) for outer, own in rows]
        for t in order:
            for array, own in columns:
                inner[own] = array[t, ...]
            run()
            for array, own in results:
                put(array[t, ...], inner[own])
            store()
        for outer, own in last:
            put(registers[outer], inner[own])

    looks = any(registry.waits(s) for s in body.prepared)
    return registry.waiting(registry.allocating(step, body.allocating_steps > 0), looks)


def _while(
    node: Node, regs: Mapping[Value, int], backend: registry.Backend
) -> registry.Step:
    """Run the body as long as the condition's graph gives true."""
    static = node.static
    n_cond, n_body = static["n_cond"], static["n_body"]
    n_carry = len(node.inputs) - n_cond - n_body
    carried = range(n_body, n_body + n_carry)
    body = Routine(static["body"], list(zip(range(n_carry), carried)), backend)
    test = Routine(static["cond"], [], backend)
    _buffers(body, carried, backend)
    outer = [regs[v] for v in node.inputs]
    made = [regs[v] for v in node.outputs]
    buffers = body.inputs[n_body:]
    put = backend.assign_into

    def step(registers: list[Any]) -> None:
        for source, own in zip(outer[:n_cond], test.inputs, strict=False):
            test.registers[own] = registers[source]
        for source, own in zip(outer[n_cond:], body.inputs, strict=False):
            if own not in buffers:
                body.registers[own] = registers[source]
        for source, own in zip(outer[n_cond + n_body :], buffers, strict=True):
            put(body.registers[own], registers[source])
        for own, seen in zip(buffers, test.inputs[n_cond:], strict=True):
            test.registers[seen] = body.registers[own]
        while True:
            test.run()
            if not backend.to_host(test.registers[test.outputs[0]]).item():
                break
            body.run()
            body.store()
        for target, own in zip(made, buffers, strict=True):
            put(registers[target], body.registers[own])

    return registry.allocating(step)  # the condition comes to the host


def _cond(
    node: Node, regs: Mapping[Value, int], backend: registry.Backend
) -> registry.Step:
    """Run the branch that the bool says."""
    static = node.static
    taken, *inputs = (regs[v] for v in node.inputs)
    cut = static["n_yes"]
    results = [regs[v] for v in node.outputs]
    sides = []
    for body, given in ((static["no"], inputs[cut:]), (static["yes"], inputs[:cut])):
        routine = Routine(body, [], backend)
        fed = list(zip(given, routine.inputs, strict=True))
        sides.append((routine, fed, list(zip(results, routine.outputs, strict=True))))
    put, to_host = backend.assign_into, backend.to_host

    def step(registers: list[Any]) -> None:
        routine, fed, made = sides[bool(to_host(registers[taken]))]
        inner = routine.registers
        for outer, own in fed:
            inner[own] = registers[outer]
        routine.run()
        for outer, own in made:
            put(registers[outer], inner[own])

    made = registry.allocating(step, any(s[0].allocating_steps for s in sides))
    return registry.waiting(made)  # for the bool, which comes to the host
