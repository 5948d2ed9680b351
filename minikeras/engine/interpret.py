"""Interpreters: what happens when a primitive is called.

`bind(prim, arrays, static)` asks the current interpreter, held in a context
variable (so a data-loading thread never sees the trainer's tracer):

- `Eager` runs the active backend's kernel at once;
- `Tape` (engine/autodiff.py) passes the call to its parent and records it;
- `Staging` (engine/staging.py) adds a node to a graph; a symbolic call is staging
  with unknown dimensions.

Interpreters also decide what reading and assigning a `State` (the storage under a
`Variable`) means: staging turns reads into graph inputs and assignments into
graph outputs, so stateful code is written once, in the plain imperative way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minikeras.engine.primitive import Primitive
    from minikeras.engine.state import State
    from minikeras.engine.tensor import Tensor


class Interpreter:
    """What running a primitive, reading a state and assigning one mean."""

    staging = False  # whether values are abstract here

    def run(
        self, prim: Primitive, arrays: tuple[Tensor, ...], static: dict[str, Any]
    ) -> Any:
        """The result of `prim` on `arrays`: a Tensor, or a tuple of them."""
        raise NotImplementedError

    def read(self, state: State) -> Tensor:
        """The current value of `state`."""
        raise NotImplementedError

    def assign(self, state: State, value: Tensor) -> None:
        """Make `value` (of the state's shape and dtype) its current value."""
        raise NotImplementedError


_current: ContextVar[Interpreter] = ContextVar("minikeras_interpreter")
_base: Interpreter


def set_base(interpreter: Interpreter) -> None:
    """Install the interpreter that is current when no other is (the eager one)."""
    global _base
    _base = interpreter


def base() -> Interpreter:
    """The eager interpreter."""
    return _base


def current() -> Interpreter:
    """The interpreter that `bind` asks now."""
    return _current.get(_base)


def bind(prim: Primitive, arrays: tuple[Tensor, ...], static: dict[str, Any]) -> Any:
    """Call `prim`: arrays positional, everything static by keyword."""
    return _current.get(_base).run(prim, arrays, static)


@contextmanager
def interpreting(interpreter: Interpreter) -> Iterator[Interpreter]:
    """Make `interpreter` current inside the block."""
    token = _current.set(interpreter)
    try:
        yield interpreter
    finally:
        _current.reset(token)


def eagerly() -> Any:
    """A block that runs eagerly whatever surrounds it, e.g. to initialise a variable."""
    return interpreting(_base)


_scopes: ContextVar[tuple[str, ...]] = ContextVar("minikeras_scopes", default=())


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Name the part of the model being traced; nodes carry the path."""
    token = _scopes.set((*_scopes.get(), name))
    try:
        yield
    finally:
        _scopes.reset(token)


def scope_path() -> str:
    """The current path, e.g. `"model/conv2d"`."""
    return "/".join(_scopes.get())
