"""Steps as CUDA graphs: what was launched once for some addresses is launched again at once.

A graph knows the addresses that its kernels had when it was captured. So there is one for
each set of addresses of inputs and variables, which are few: memory that one batch leaves is
taken by the next but one. The first run with a set is plain, which also wakes the libraries;
the second is captured. Nothing may be allocated meanwhile, since memory that a run gives back
would be another's when the graph runs again: steps that allocate, or at whose values the host
looks, stand between graphs. Where capturing fails, the log says why, once, and the steps run
as they are.
"""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from minikeras.extend import BackendError, FunctionStep, Step

GRAPHS = 4  # of a run of steps, for as many sets of addresses
MOST_CAPTURES = 16  # from then on they must have been worth it
_log = logging.getLogger("minikeras")


def wanted() -> bool:
    """Whether MINIKERAS_CUDA_GRAPHS leaves graphs on; "0" turns them off.

    Raises:
        BackendError: If it is neither 0 nor 1.
    """
    chosen = os.environ.get("MINIKERAS_CUDA_GRAPHS", "1")
    if chosen not in ("0", "1", ""):
        raise BackendError(f"MINIKERAS_CUDA_GRAPHS is {chosen!r}; expected 0 or 1.")
    return chosen != "0"


class Graphs:
    """Captures on one device.

    Args:
        cp: The module cupy.
        scratch: Gives the memory that steps share and may replace: a graph holds what it
            was captured with.
    """

    def __init__(self, cp: Any, scratch: Callable[[], list[Any]]) -> None:
        self.cp, self.scratch = cp, scratch
        self.on, self.capturing = wanted(), False
        self._noted = False
        self._stream: Any = None

    def note(self, error: Exception) -> None:
        """Say once that something is not captured."""
        if not self._noted:
            self._noted = True
            _log.info(
                "Some steps run one by one, not as a CUDA graph: %s: %s",
                type(error).__name__,
                error,
            )

    def capture(self, steps: Sequence[Step], registers: list[Any]) -> Any:
        """The graph of steps, which are launched but do not run."""
        cp = self.cp
        if self._stream is None:
            self._stream = cp.cuda.Stream(non_blocking=True)
        stream = self._stream
        self.capturing = True
        try:
            with stream, cp.cuda.using_allocator(_refuse):
                stream.begin_capture()
                try:
                    for step in steps:
                        step(registers)
                except BaseException:
                    _end(stream)
                    raise
                return stream.end_capture()
        finally:
            self.capturing = False

    def joined(self, steps: Sequence[Step], outside: Sequence[int]) -> Step | None:
        """One step in place of several; None where no two of them go into a graph."""
        if not self.on:
            return None
        parts: list[Step] = []
        for fit, group in groupby(steps, _fits):
            members = list(group)
            if fit and len(members) > 1:
                parts.append(Captured(self, members, outside))
            else:
                parts += members
        if len(parts) == len(steps):
            return None

        def run(registers: list[Any]) -> None:
            for part in parts:
                part(registers)

        return parts[0] if len(parts) == 1 else FunctionStep(run)


def _fits(step: Step) -> bool:
    return not (step.allocates or step.waits)


def _refuse(nbytes: int) -> Any:
    raise RuntimeError(f"{nbytes} bytes were asked for while a graph was captured")


def _end(stream: Any) -> None:
    """End a capture that broke; what it gives is of no use."""
    try:
        stream.end_capture()
    except Exception:  # the stream says once more that the capture is broken
        return


class Captured(Step):
    """Steps, and their graphs by the addresses of what comes from outside."""

    def __init__(
        self, graphs: Graphs, steps: Sequence[Step], outside: Sequence[int]
    ) -> None:
        self.owner, self.steps = graphs, steps
        self.outside = tuple(outside)
        self.graphs: OrderedDict[tuple[int, ...], tuple[Any, Any] | None] = (
            OrderedDict()
        )
        self.captures = self.replays = 0
        self.off = False

    def _plain(self, registers: list[Any]) -> None:
        for step in self.steps:
            step(registers)

    def __call__(self, registers: list[Any]) -> None:
        if self.off or self.owner.capturing:
            self._plain(registers)
            return
        key = tuple([registers[i].data.ptr for i in self.outside])
        if key not in self.graphs:  # seen for the first time
            self.graphs[key] = None
            if len(self.graphs) > 2 * GRAPHS:
                self.graphs.popitem(last=False)
            self._plain(registers)
            return
        self.graphs.move_to_end(key)
        found = self.graphs[key]
        if found is None:
            found = self._made(registers, key)
            if found is None:
                self._plain(registers)
                return
        else:
            self.replays += 1
        found[0].launch()

    def _made(
        self, registers: list[Any], key: tuple[int, ...]
    ) -> tuple[Any, Any] | None:
        """A graph for these addresses, and the memory that it needs."""
        if self.captures >= MOST_CAPTURES and self.replays < 2 * self.captures:
            self.off = True  # addresses change too often
            self.graphs.clear()
            return None
        try:
            graph = self.owner.capture(self.steps, registers)
        except Exception as error:  # noted; steps run one by one raise theirs
            self.owner.note(error)
            self.off = True
            self.graphs.clear()
            return None
        self.captures += 1
        made = self.graphs[key] = graph, self.owner.scratch()
        kept = [k for k, g in self.graphs.items() if g is not None]
        for old in kept[:-GRAPHS]:
            del self.graphs[old]
        return made
