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

An interrupt may come between any two instructions, and must not leave a tracer behind
that nobody runs any more. So nothing here counts on a line after the call being reached:

- `within(interpreter, function)` calls it in a copy of the context: what is current
  outside is never touched, and the copy is dropped whichever way the call ends;
- `Block`, for `with` statements that users write, ends by releasing a lock, which is one
  instruction; a block that has ended steps aside when it is next met.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from minikeras.engine.tracebacks import shorten

if TYPE_CHECKING:
    from minikeras.engine.primitive import Primitive
    from minikeras.engine.recipes import Recipe
    from minikeras.engine.state import State
    from minikeras.engine.tensor import Tensor


MISS = object()  # the answer of an interpreter that does not follow a recipe


class Interpreter:
    """What running a primitive, reading a state and assigning one mean."""

    staging = False  # whether values are abstract here
    eager = (
        False  # whether calls are made at once, and nothing but a tape asks for more
    )
    wants_paths = False  # whether calls are to come with the path of their layer

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

    def follow(
        self, recipe: Recipe, tensors: Sequence[Tensor], arrays: list[Any] | None = None
    ) -> Any:
        """The results of an op by its recipe; `MISS` where it is to be called itself.

        Args:
            recipe: The op's calls.
            tensors: What it is given.
            arrays: All that these calls make of it, where that is known already.
        """
        return MISS

    def hangs_on_more(self) -> None:
        """Told when what is done now hangs on more than shapes: on values, or a warning."""


_current: ContextVar[Interpreter | Block] = ContextVar("minikeras_interpreter")
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
    found = _current.get(_base)
    if found is _base:
        return _base
    return _settled(found) if isinstance(found, Block) else found


def _settled(block: Block) -> Interpreter:
    """The interpreter of a block, or where that has ended, of what was around it."""
    found: Interpreter | Block = block
    while isinstance(found, Block):
        if found._lock.locked():  # it is `open`
            return found.interpreter
        found = found.outside
        _current.set(found)
    return found


def bind(prim: Primitive, arrays: tuple[Tensor, ...], static: dict[str, Any]) -> Any:
    """Call `prim`: arrays positional, everything static by keyword."""
    found = _current.get(_base)
    if found is not _base and isinstance(found, Block):
        found = _settled(found)
    return found.run(prim, arrays, static)


P = ParamSpec("P")
R = TypeVar("R")


def within(
    interpreter: Interpreter,
    function: Callable[P, R],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """`function(*args, **kwargs)` with `interpreter` current, in a context of its own."""
    context = copy_context()
    context.run(_current.set, interpreter)
    return context.run(function, *args, **kwargs)


def eagerly(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The same, run eagerly whatever surrounds it, e.g. to initialise a variable."""
    if current() is _base:
        return function(*args, **kwargs)
    return within(_base, function, *args, **kwargs)


F = TypeVar("F", bound=Callable[..., Any])


def apart(function: F) -> F:
    """Run `function` in a copy of the context; an error shows the user's lines only.

    For what users call and interrupt (`fit`): no scope, training flag or interpreter of
    its inside outlasts it, wherever in it the interrupt came.
    """

    @functools.wraps(function)
    def wrapper(*args: object, **kwargs: object) -> Any:
        try:
            return copy_context().run(function, *args, **kwargs)
        except Exception as error:
            shorten(error)
            raise

    return cast(F, wrapper)


class Release:
    """A block's `__exit__`: the lock's own, in C, which an interrupt cannot come before.

    Python would look for an interrupt when it enters a method written in Python, and
    raise before its first line.
    """

    def __get__(self, block: Any, owner: object = None) -> Any:
        return _release if block is None else block._lock.__exit__


def _release(block: Any, *error: object) -> None:
    block._lock.__exit__(*error)


class Block:
    """A `with` statement in which an interpreter is current; see the module's text.

    Attributes:
        interpreter: The one that is current inside.
        outside: What was current before.
    """

    interpreter: Interpreter
    outside: Interpreter | Block

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @property
    def open(self) -> bool:
        """Whether the block has begun and not ended."""
        return self._lock.locked()

    def __enter__(self) -> Any:
        self._begin(self.interpreter)
        return self

    def _begin(self, interpreter: Interpreter) -> None:
        """Make `interpreter` current: what `__enter__` does last."""
        current()  # leave what has ended
        self.outside = _current.get(_base)
        self.interpreter = interpreter
        try:
            self._lock.acquire(blocking=False)
            _current.set(self)
        except BaseException:
            if self._lock.locked():
                self._lock.release()
            raise

    if TYPE_CHECKING:

        def __exit__(self, *error: object) -> None: ...

    else:
        __exit__ = Release()


class interpreting(Block):
    """A block in which `interpreter` is current; prefer `within` where a call will do."""

    def __init__(self, interpreter: Interpreter) -> None:
        super().__init__()
        self.interpreter = interpreter

    def __enter__(self) -> Interpreter:
        self._begin(self.interpreter)
        return self.interpreter


_scopes: ContextVar[tuple[str, ...]] = ContextVar("minikeras_scopes", default=())


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Name the part of the model being traced; nodes carry the path."""
    before = _scopes.get()
    try:
        _scopes.set((*before, name))
        yield
    finally:
        _scopes.set(before)


def scope_path() -> str:
    """The current path, e.g. `"model/conv2d"`."""
    return "/".join(_scopes.get())
