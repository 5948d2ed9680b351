"""Routine: an optimised graph with every value in its place and every node prepared.

Passes turn the graph into its final form, the plan gives each value memory, the
backend prepares each node. `step()` then runs it once over the table of registers.
A program is a routine with states around it; a loop holds a routine for its body,
which is how loops work on every backend without a kernel of their own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from minikeras.engine import backend as registry
from minikeras.engine.arenas import Arena, lend
from minikeras.engine.aval import Aval, Shape
from minikeras.engine.controls import CONTROLS
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.kept import held_bytes, limit
from minikeras.engine.passes.pipeline import optimise
from minikeras.engine.passes.plan import Numbers, Plan, check_plan, plan
from minikeras.engine.passes.soon import soon
from minikeras.engine.profile import enabled, watch
from minikeras.engine.room import explained
from minikeras.engine.step import Step, as_step
from minikeras.engine.user_rows import UserRow


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
        steady: Numbers of the inputs whose arrays stay as they are from run to run, but
            where the caller says `prepare`.

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
        kept: Steady inputs' registers of whose arrays steps keep something.
        kept_bytes: How much that is; it lies at the end of the arena.
        preparations: How often that was made.
    """

    def __init__(
        self,
        graph: Graph,
        updates: Sequence[tuple[int, int]],
        backend: registry.Backend,
        shared: bool = False,
        arguments: int = 0,
        steady: Sequence[int] = (),
    ) -> None:
        self.backend = backend
        graph = optimise(graph, backend)
        replaced = {graph.outputs[new]: graph.inputs[old] for new, old in updates}
        self.graph = graph = soon(graph, replaced)
        places = plan(graph, replaced)
        regs = Numbers(graph.values())
        for new, old in places.in_place.items():
            regs[new] = regs[old]
        used = {v for node in graph.nodes for v in node.inputs}.union(graph.outputs)
        regs.unread = {v for n in graph.nodes for v in n.outputs if v not in used}
        sources = _steady(graph, regs, [graph.inputs[i] for i in steady])
        steps = self.prepared = _lowered(graph, regs, backend)
        if regs.asked:  # what steps need beside values is known now
            places = plan(graph, replaced, regs.asked)
        if os.environ.get("MINIKERAS_CHECK") == "1":
            check_plan(graph, places, regs.asked)
        places.append(regs.kept)
        self.kept = {sources[source] for source, _ in regs.kept.values()}
        self.kept_bytes = sum(nbytes for _, nbytes in regs.kept.values())
        self.preparations = 0
        self._mark = object()  # in the arena where the last run was this one's
        self._lay_out(regs, places, shared, arguments)
        self._views: list[_View] = []  # of what is given, so made anew by every run
        self.nodes = tuple(n for n in graph.nodes if not n.prim.facets.alias)
        self._make_views(regs, places)
        self.allocating_steps = sum(s.allocates for s in steps)
        self.inputs = [regs[v] for v in graph.inputs]
        self.outputs = [regs[v] for v in graph.outputs]
        read = self._make_copies(regs, places, updates)
        self._preparing = self._joined(
            [s.preparation for s in steps if s.preparation is not None]
        )
        if enabled():
            self.steps = watch(self.nodes, steps, backend)
        else:
            self.steps = self._captured(shared and not read)
        native = len(self.steps) == 1 and self.steps[0].at_once
        self.at_once = native and not self.copies
        self._runs = [step.run for step in self.steps]

    def _lay_out(
        self, regs: Numbers, places: Plan, shared: bool, arguments: int
    ) -> None:
        """Make the registers: constants in them, and values in an arena."""
        graph, backend = self.graph, self.backend
        registers = backend.registers(regs.count)
        self.arena_bytes = size = places.arena_bytes
        self._offsets = [
            (regs[v], offset, v.aval) for v, offset in places.offsets.items()
        ]
        self._offsets += [
            (register, offset, Aval((nbytes,), "uint8"))
            for register, (offset, nbytes) in places.scratch.items()
        ]
        seen = {places.root(v) for v in places.aliases}
        self.movable = {
            regs[v]: v.aval for v in places.offsets if v not in seen and v in regs
        }
        for v, array in graph.constants.items():
            registers[regs[v]] = backend.copy(backend.from_host(array))
        self.registers = registers
        self._shapes: list[tuple[int, int, Shape]] = []  # reshapes of its own values
        try:
            memory = backend.alloc(max(size, 1)) if not shared else None
            self._bind(lend(backend, size) if shared else Arena(memory, size))
        except registry.OutOfMemory as error:
            raise explained(error, graph, graph.inputs[:arguments]) from error

    def _make_copies(
        self, regs: Numbers, places: Plan, updates: Sequence[tuple[int, int]]
    ) -> bool:
        """What `store` copies; whether a result is read where one of them writes."""
        graph = self.graph
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
        replacing = {new for new, _ in updates}
        kept = [v for i, v in enumerate(graph.outputs) if i not in replacing]
        return bool({regs[places.root(v)] for v in kept} & targets)

    def _make_views(self, regs: Mapping[Value, int], places: Plan) -> None:
        """The reshapes: of values of its own now, of those that are given in each run."""
        given = set(self.graph.inputs)
        for node in self.graph.nodes:
            if not node.prim.facets.alias:
                continue
            out = node.outputs[0]
            shape = regs[node.inputs[0]], regs[out], out.aval.shape
            if places.root(out) in given:
                self._views.append(_View(*shape))
            else:
                self._shapes.append(shape)
                self._reshape(*shape)

    def _captured(self, with_copies: bool) -> list[Step]:
        """The steps in as few calls as can be: the copies too, where nothing else reads
        between."""
        backend, steps = self.backend, self.prepared
        if with_copies and self.copies and not self.swaps:
            copying = [backend.copying(*copy) for copy in self.copies]
            joined = [*steps, *(c for c in copying if c is not None)]
            whole = backend.capture(joined, self._outside())
            if None not in copying and whole is not None and whole.at_once:
                self.copies = []
                return [whole]
        return self._joined(steps)

    def _joined(self, steps: list[Step]) -> list[Step]:
        captured = self.backend.capture(steps, self._outside())
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

    def prepare(self) -> None:
        """Make what steps keep anew; its sources are in their registers."""
        self.refresh()
        self.arena.last = None
        for step in self._preparing:
            step(self.registers)
        self.preparations += 1
        self.arena.last = self._mark

    @property
    def keeps(self) -> bool:
        """Whether what steps keep is there: no other has run in the arena since."""
        return self.arena.last is self._mark

    def run(self) -> None:
        """All steps, once."""
        self.refresh()
        if not self.kept:
            self.arena.last = None
        registers = self.registers
        for run in self._runs:
            run(registers)

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


def _steady(graph: Graph, regs: Numbers, inputs: Sequence[Value]) -> dict[int, int]:
    """Tell `regs` of inputs that stay as they are, and of views of them.

    Returns:
        The input's register for that of each view, and for its own.
    """
    sources = {regs[v]: regs[v] for v in inputs}
    for node in graph.nodes if inputs else ():
        if node.prim.facets.alias and regs[node.inputs[0]] in sources:
            sources[regs[node.outputs[0]]] = sources[regs[node.inputs[0]]]
    inside = {regs[v]: v.aval.nbytes for v in inputs}
    regs.steady = {view: inside[source] for view, source in sources.items()}
    regs.room = limit()
    return sources


def _lowered(graph: Graph, regs: Numbers, backend: registry.Backend) -> list[Step]:
    """The steps of all nodes that are no views."""
    steps = []

    def lower() -> None:
        for regs.node, node in enumerate(graph.nodes):
            if not node.prim.facets.alias:
                steps.append(_lower(node, regs, backend))

    backend.lowering(lower, [n for n in graph.nodes if _is_plain(n)], regs)
    return steps


def _is_plain(node: Node) -> bool:
    """Whether `backend.lower` makes its step."""
    special = node.prim.facets.alias or node.prim.name in CONTROLS
    return not special and not isinstance(node.prim, UserRow)


def _lower(node: Node, regs: Mapping[Value, int], backend: registry.Backend) -> Step:
    control = CONTROLS.get(node.prim.name)
    if control is not None:
        return control(node, regs, backend, Routine)
    if isinstance(node.prim, UserRow):
        return as_step(backend.lower_user(node, regs))
    return as_step(backend.lower(node, regs))
