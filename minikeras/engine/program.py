"""Program: a routine with states, safe to call from several threads.

Running it fills the input registers, runs the steps and copies the outputs out.
States are read and written in their own buffers. The arena is one that other programs
use too, between runs; what a step still allocates is counted in `allocating_steps`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from minikeras.engine import backend as registry
from minikeras.engine.aval import Shape
from minikeras.engine.graph import Graph
from minikeras.engine.living import once
from minikeras.engine.profile import Profile, watched
from minikeras.engine.room import explained
from minikeras.engine.routine import Routine
from minikeras.engine.state import State, Turn, claim
from minikeras.engine.tensor import adopt
from minikeras.engine.undisturbed import undisturbed

_LARGE = 1 << 14  # bytes; to copy less costs no more than to change a register


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
        kept_bytes: How much of it keeps what is made of states that seldom change.
        avals: Shapes and dtypes of the results.
    """

    def __init__(
        self,
        graph: Graph,
        reads: Sequence[State],
        writes: Sequence[State],
        backend: registry.Backend,
    ) -> None:
        n_inputs = len(graph.inputs) - len(reads)
        n_results = len(graph.outputs) - len(writes)
        place = {state: n_inputs + i for i, state in enumerate(reads)}
        updates = [(n_results + i, place[s]) for i, s in enumerate(writes)]
        written = set(writes)
        # What is made of weights and kept would be made anew after each training step.
        trains = any(state.trainable for state in writes)
        steady = [] if trains else [place[s] for s in reads if s not in written]
        routine = Routine(graph, updates, backend, True, n_inputs, steady)
        self.backend = backend
        self.flags = tuple(s.trainable for s in reads)
        self._turn = Turn()
        self._reads = tuple(reads)
        self._routine = routine
        self.graph = routine.graph
        self.registers = routine.registers
        self.steps = len(routine.prepared)
        self.nodes = routine.nodes
        self.prepared = routine.prepared
        self.allocating_steps = routine.allocating_steps
        self.arena_bytes = routine.arena_bytes
        # Without updates there is nothing that an interrupt could leave half done.
        self._at_once = routine.at_once or not writes
        self._inputs = routine.inputs[:n_inputs]
        self._results = routine.outputs[:n_results]
        self._fresh = self._made_outside() if backend.fresh_results else []
        self._made = frozenset(i for i, _, _ in self._fresh)
        seen = {target for source, target in routine.views if source in self._inputs}
        self._as_they_are = self._made | seen | set(self._inputs)
        self.avals = [v.aval for v in routine.graph.outputs[:n_results]]
        at = {s: routine.inputs[place[s]] for s in reads}
        self._read_only = [(at[s], s) for s in reads if s not in written]
        self._written = [(at[s], s) for s in reads if s in written]
        self._kept = [
            _Source(i, state) for i, state in self._read_only if i in routine.kept
        ]
        self.kept_bytes = routine.kept_bytes

    def lend(
        self, arrays: Sequence[Any], function: Callable[[list[Any]], None]
    ) -> None:
        """Call `function` on the registers, filled with `arrays` and copies of the states."""
        with self._turn.lock:
            for i, array in zip(self._inputs, arrays, strict=True):
                self.registers[i] = array
            for i, state in (*self._read_only, *self._written):
                # Read as anyone reads it: the next run puts its own array there again.
                held = adopt(state.eager_value().value, self.backend)
                self.registers[i] = self.backend.copy(held)
            for i, shape, dtype in self._fresh:
                self.registers[i] = self.backend.fresh(shape, dtype)
            with self._routine.settle().lock:
                self._routine.prepare()
                for source in self._kept:
                    source.forget()
                function(self.registers)

    def profile(self, arrays: Sequence[Any], repeat: int = 10) -> Profile:
        """Run the steps on `arrays` `repeat` times, each timed; the states stay."""
        result = Profile(self.nodes, self.graph.outputs)
        steps = watched(self.prepared, result, self.backend)

        def run(registers: list[Any]) -> None:
            for _ in range(repeat):
                result.calls += 1
                for step in steps:
                    step(registers)

        self.lend(arrays, run)
        return result

    def current(self) -> bool:
        """Whether every state is still as trainable as when this was traced."""
        return self.flags == tuple([s.trainable for s in self._reads])

    def run(self, arrays: Sequence[Any], immutable: bool = False) -> list[Any]:
        """One run: results as fresh arrays; written states hold their new values.

        Args:
            arrays: The arguments.
            immutable: Whether nobody changes them, as those of Tensors: then a result
                that is an argument, or another shape of one, may be that very array.
        """
        turn = self._turn
        if turn.wanted:
            turn.give_way()
        while True:
            with turn.lock:
                other = claim(turn, self.registers, self._read_only, self._written)
                if other is None:
                    try:
                        return self._run(arrays, immutable)
                    except registry.OutOfMemory as error:
                        raise self._explained(error) from error
            other.wait()

    def _made_outside(self) -> list[tuple[int, Shape, str]]:
        """The registers of large results that need no copy: they are made where they stay."""
        movable, times = self._routine.movable, Counter(self._results)
        return [
            (i, movable[i].shape, movable[i].dtype)
            for i in self._results
            if i in movable and times[i] == 1 and movable[i].nbytes >= _LARGE
        ]

    def _run(self, arrays: Sequence[Any], immutable: bool) -> list[Any]:
        registers, routine = self.registers, self._routine
        with routine.settle().lock:
            for i, array in zip(self._inputs, arrays, strict=False):
                registers[i] = array
            fresh = self.backend.fresh
            for i, shape, dtype in self._fresh:
                registers[i] = fresh(shape, dtype)
            as_they_are = self._as_they_are if immutable else self._made
            if self._kept:
                self._prepare()
            if self._at_once:
                routine.run()
                results = self._taken(as_they_are)
            else:
                results = undisturbed(self._changed, as_they_are)
            routine.release(self._inputs)
            for i in self._made:
                registers[i] = None
        return results

    def _prepare(self) -> None:
        """Make what is kept anew where a state has changed, or the arena was used since."""
        sources, registers = self._kept, self.registers
        if not self._routine.keeps or any(s.changed(registers) for s in sources):
            for source in sources:
                source.forget()
            self._routine.prepare()
            for source in sources:
                source.remember(registers)

    def _taken(self, as_they_are: frozenset[int]) -> list[Any]:
        registers, copy = self.registers, self.backend.copy
        return [
            registers[i] if i in as_they_are else copy(registers[i])
            for i in self._results
        ]

    def _explained(self, error: registry.OutOfMemory) -> registry.OutOfMemory:
        graph = self.graph
        given = graph.inputs[: len(self._inputs)]
        return explained(error, graph, given, self.arena_bytes)

    def _changed(self, as_they_are: frozenset[int]) -> list[Any]:
        routine = self._routine
        routine.run()
        results = self._taken(as_they_are)
        routine.store()
        return results

    @property
    def preparations(self) -> int:
        """How often what is kept was made."""
        return self._routine.preparations

    @once
    def nbytes(self) -> int:
        """What it holds beside its arena, after its first run."""
        return self._routine.nbytes


class _Source:
    """A state of which something is kept, and what it was when that was made.

    Its array is either replaced by another, or written in place by runs of the turn that
    owns it, which counts them.
    """

    __slots__ = ("array", "owner", "register", "runs", "state")

    def __init__(self, register: int, state: State) -> None:
        self.register, self.state = register, state
        self.forget()

    def forget(self) -> None:
        self.array: Any = None
        self.owner: Turn | None = None
        self.runs = 0

    def remember(self, registers: list[Any]) -> None:
        """Note what it is now; it stays so for this run."""
        self.owner = self.state.owner
        self.runs = 0 if self.owner is None else self.owner.runs
        self.array = registers[self.register]

    def changed(self, registers: list[Any]) -> bool:
        """Whether it may be another than was noted."""
        owner = self.state.owner
        return (
            registers[self.register] is not self.array
            or owner is not self.owner
            or (owner is not None and owner.runs != self.runs)
        )
