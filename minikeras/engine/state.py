"""State: the mutable storage under a `Variable`.

A state owns one backend array. Compiled programs update it in place, so that a
training step allocates nothing; a value that was handed out eagerly must not
change under its holder. Hence copy on write: a state remembers to which program's
turn its array is private. Reading it, or assigning, gives that up, and a program that
is about to write an array that is not private to it takes a copy first.

Threads: while a program runs it holds its `Turn`, and what is private to a turn that is
held may be half written; whoever wants to read it waits for the end of the run. What
changes hands does so under one lock, `_guard`, which a run that finds all as it left it
does without. For that, whoever takes something from a turn first marks it `asked` and
only then looks whether it is held: a run that begins in between sees the mark, and comes
to the guard. Nothing has to be undone after a run, so an interrupt at any moment leaves
states that can be read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from minikeras.engine import backend as registry
from minikeras.engine.aval import Aval
from minikeras.engine.forking import after_fork, pause, settle_at_fork
from minikeras.engine.interpret import current
from minikeras.engine.tensor import Tensor, adopt

_guard = threading.Lock()
_PAUSE = 5e-5  # seconds for those who wait, between two runs


@after_fork
def _remake_guard() -> None:
    global _guard
    _guard = threading.Lock()


class Turn:
    """The right to run a program, for one thread at a time.

    Attributes:
        lock: Held during a run.
        thread: Who ran last.
        wanted: Whether somebody waits for the end of the run.
        asked: Whether a state may have been taken since the last look under the guard.
        runs: How many runs have begun that write states.
    """

    __slots__ = ("lock", "thread", "wanted", "asked", "runs", "__weakref__")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.thread = 0
        self.wanted = False
        self.asked = False
        self.runs = 0
        settle_at_fork(self)

    def busy(self) -> bool:
        """Whether another thread is in a run. If not, none goes on before `_guard`, which
        the caller holds, is free."""
        if self.thread == threading.get_ident():
            return False
        self.asked = True  # before the look at the lock, not after it
        return self.lock.locked()

    def wait(self) -> None:
        """Until the run is over."""
        self.wanted = True
        with self.lock:
            pass

    def give_way(self) -> None:
        """To be called between two runs, where `wanted`."""
        self.wanted = False
        pause()
        time.sleep(_PAUSE)


class State:
    """A named cell with a fixed shape and dtype.

    Attributes:
        owner: The turn that the array is private to; None: others may hold it.
        shown: Gives the variable that users know the state by, or None.
    """

    __slots__ = (
        "aval",
        "label",
        "trainable",
        "owner",
        "shown",
        "_tensor",
        "__weakref__",
    )

    def __init__(
        self,
        tensor: Tensor,
        label: str = "",
        trainable: bool = True,
        shown: Callable[[], object] = lambda: None,
    ) -> None:
        self.shown = shown
        self.aval = Aval(tensor.shape, tensor.dtype)
        self.label = label
        self.trainable = trainable
        self.owner: Turn | None = None
        self._tensor = tensor

    def read(self) -> Tensor:
        """The current value, as the current interpreter sees it."""
        return current().read(self)

    def assign(self, value: Tensor) -> None:
        """Replace the value; shape and dtype were checked by the caller."""
        current().assign(self, value)

    # What interpreters and programs use.

    def settle(self) -> None:
        """Have a value, where that was put off; see `pending.py`."""

    def eager_value(self) -> Tensor:
        """The stored Tensor; whoever gets it may keep it, so it will not be overwritten."""
        while True:
            with _guard:
                owner = self.owner
                if owner is None:
                    return self._tensor
                if not owner.busy():
                    if not owner.lock.locked():
                        self.owner = None
                        return self._tensor
                    # A signal handler in the middle of a run of its own thread.
                    copied = registry.active().copy(self._tensor.value)
                    return Tensor(copied, self.aval)
            owner.wait()

    def eager_assign(self, value: Tensor) -> None:
        while True:
            with _guard:
                owner = self.owner
                if owner is None or not owner.busy():
                    self._tensor = value
                    self.owner = None
                    return
            owner.wait()

    def array(self) -> Any:
        """The array, moved to the active backend, for reading inside a program."""
        value = self._tensor.value
        backend = registry.active()
        if type(value) is not backend.array_type:
            self._tensor = Tensor(adopt(value, backend), self.aval)
            value = self._tensor.value
            self.owner = None
        return value

    def contiguous_array(self) -> Any:
        """The same, lying as kernels want it."""
        value = self.array()
        if not registry.active().suits(value):
            value = registry.active().copy(value)
            self._tensor = Tensor(value, self.aval)
            self.owner = None
        return value

    def _writable_array(self, turn: Turn) -> Any:
        """The array, private to `turn`: a copy if somebody else may hold it."""
        value = self.contiguous_array()
        owner = self.owner
        if owner is None or owner.thread != turn.thread:
            value = registry.active().copy(value)
            self._tensor = Tensor(value, self.aval)
        return value

    def __repr__(self) -> str:
        return f"<state {self.label} {self.aval}>"


def claim(
    turn: Turn,
    registers: list[Any],
    reads: Sequence[tuple[int, State]],
    writes: Sequence[tuple[int, State]],
) -> Turn | None:
    """Put the arrays of states into the registers of a program whose turn it is.

    What is read stays as it is during the run, also where another thread trains: from
    then on it counts as held. (Within one thread nothing runs in between.) What is written
    becomes private to the turn.

    Args:
        turn: The program's, held by the calling thread.
        registers: The program's table.
        reads: States that are read only, with their registers.
        writes: States that are written.

    Returns:
        None, or the turn to wait for before trying again.
    """
    me = threading.get_ident()
    moved = turn.thread != me and turn.thread != 0
    if writes:
        turn.runs += 1  # before anything is written
    if (
        turn.thread == me
        and not turn.asked
        and _unchanged(turn, registers, reads, writes)
    ):
        return None
    turn.thread = me
    with _guard:
        turn.asked = False
        for _, state in (*reads, *writes):
            owner = state.owner
            if owner is not None and owner is not turn and owner.busy():
                return owner
        for i, state in reads:
            owner = state.owner
            array = state.contiguous_array()
            if owner is not None and (owner.thread != me or moved):
                state.owner = None
            if registers[i] is not array:
                registers[i] = array
        for i, state in writes:
            if moved:
                state.owner = None
            array = state._writable_array(turn)
            if registers[i] is not array:
                registers[i] = array
            # Last: until here an interrupt leaves an array that is copied once more.
            state.owner = turn
    return None


def _unchanged(
    turn: Turn,
    registers: list[Any],
    reads: Sequence[tuple[int, State]],
    writes: Sequence[tuple[int, State]],
) -> bool:
    """Whether all is as the last run in this thread left it: the usual case, and fast."""
    for _, state in writes:
        if state.owner is not turn:
            return False
    me = turn.thread
    for i, state in reads:
        # In this order: an array that is found before its owner is not written meanwhile.
        array = state._tensor.value
        owner = state.owner
        if registers[i] is not array or (owner is not None and owner.thread != me):
            return False
    return True
