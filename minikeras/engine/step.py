"""Steps: nodes made ready to run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Step:
    """A node made ready to run: called with the registers, it fills the node's results.

    Attributes:
        allocates: Whether each run takes memory. Such steps are counted.
        waits: Whether the host looks at values in a run, so that none can be recorded.
        at_once: Whether a run is a single native call, which no signal comes into.
        preparation: A step that fills what this one keeps from run to run; see
            `Numbers.keep`.
    """

    __slots__ = ()
    allocates: bool = False
    waits: bool = False
    at_once: bool = False
    preparation: Step | None = None

    def __call__(self, registers: Any) -> None:
        raise NotImplementedError

    @property
    def run(self) -> Callable[[Any], None]:
        """What a loop over steps calls: of a step that is a function, that function."""
        return self


class FunctionStep(Step):
    """A step that is a Python function."""

    __slots__ = ("_run", "allocates", "waits")

    def __init__(
        self,
        run: Callable[[Any], None],
        allocates: bool = False,
        waits: bool = False,
    ) -> None:
        self._run, self.allocates, self.waits = run, allocates, waits

    def __call__(self, registers: Any) -> None:
        self._run(registers)

    @property
    def run(self) -> Callable[[Any], None]:
        return self._run


def as_step(made: Step | Callable[[Any], None]) -> Step:
    """What a backend made of a node: a plain function is a step that is not special."""
    return made if isinstance(made, Step) else FunctionStep(made)


class Fill(NamedTuple):
    """A function `run(*operands, *results)`, which fills the results; a step's inside.

    The rest is as for a `Step`.
    """

    run: Callable[..., None]
    allocates: bool = False
    waits: bool = False


def as_fill(made: Fill | Callable[..., None]) -> Fill:
    """A plain function is one that is not special."""
    return made if isinstance(made, Fill) else Fill(made)
