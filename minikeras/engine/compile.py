"""From a Python function to programs: trace once per signature, run many times.

`jit(function)` gives a `Function`. Its first call with new shapes, dtypes or Python
values stages the function into a graph, lowers that to a Program and keeps it; a
later call of the same signature runs no Python of the function. What cannot be
traced (Python control flow on values) runs eagerly from then on, after one warning
that names the line. An op whose result's shape depends on values raises instead.
"""

from __future__ import annotations

import functools
import itertools
import linecache
import os
import threading
import traceback
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minikeras.engine import backend as registry
from minikeras.engine import kept, tree
from minikeras.engine.aval import Aval
from minikeras.engine.collecting import Rest
from minikeras.engine.dtypes import floatx, standardize
from minikeras.engine.exact import exact
from minikeras.engine.fixed import fixed_results, without_results
from minikeras.engine.forking import pause, settle_at_fork
from minikeras.engine.given import plain
from minikeras.engine.heap import give_back
from minikeras.engine.interpret import base, current, within
from minikeras.engine.precision import matmul_precision
from minikeras.engine.program import Program
from minikeras.engine.staging import Staging
from minikeras.engine.tensor import (
    NumPyCallError,
    Tensor,
    TraceError,
    ValueShapeError,
    adopt,
    from_numpy,
)
from minikeras.engine.warn import warn_user

_clock = itertools.count()
_WORDS = "OSU"  # kinds of dtypes of strings, which are in no program
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class _Entry:
    """A program and how to put its results back into the function's structure."""

    __slots__ = ("program", "spec", "leaves", "places", "fixed", "used")

    def __init__(
        self,
        program: Program,
        spec: object,
        leaves: list[Any],
        places: list[int],
        fixed: list[tuple[int, Any, Aval]],
    ) -> None:
        self.program = program
        self.spec = spec
        self.leaves = leaves  # results that are no tensors, kept as they were
        self.places = places  # where the program's results go among the leaves
        self.fixed = fixed  # results that are the same in each call, with their places
        self.used = next(_clock)

    @property
    def nbytes(self) -> int:
        return self.program.nbytes


class Function:
    """A function compiled on demand.

    Attributes:
        traces: How many times the Python function was staged.
        programs: The compiled programs that are kept; see `kept.py`.
        fallback: Whether it turned out not to be traceable and runs eagerly.
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        self.function = function
        self.name = str(
            name or getattr(function, "__qualname__", type(function).__name__)
        )
        self.traces = 0
        self.fallback = False
        self.entries: dict[Any, _Entry] = {}
        # Held while the function is staged, by `thread`; see `forking.py`.
        self.lock = threading.Lock()
        self.thread, self.wanted = 0, False
        settle_at_fork(self)
        kept.owners.add(self)

    @property
    def programs(self) -> list[Program]:
        return [entry.program for entry in list(self.entries.values())]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.fallback or current() is not base():
            # Inside a tape or another traced function this is plain Python.
            return self._plain(args, kwargs)
        leaves, spec = _flattened(args, kwargs)
        backend = registry.active()
        arrays: list[Any] = []
        immutable = True
        signature: list[Any] = [spec, backend.name, floatx(), matmul_precision()]
        for leaf in leaves:
            kind = type(leaf)
            if kind is Tensor:
                aval = leaf.aval
                value = leaf.value
                if type(value) is not backend.array_type:
                    value = adopt(value, backend)
            elif kind is np.ndarray or isinstance(leaf, (np.ndarray, np.generic)):
                if leaf.dtype.kind in _WORDS:
                    return self._plain(args, kwargs)
                immutable = False
                aval = Aval(tuple(leaf.shape), standardize(leaf.dtype))
                value = backend.from_host(plain(leaf))
            else:
                signature.append(exact(leaf))
                continue
            if not backend.is_contiguous(value):
                value = backend.copy(value)
            arrays.append(value)
            # As tuples and strings, which C hashes and compares: an `Aval` asks Python.
            signature += aval.shape, aval.dtype
        key = tuple(signature)
        try:
            entry = self._known(key)
        except (
            TypeError
        ):  # an argument that cannot be hashed cannot be part of a signature
            return self._plain(args, kwargs)
        fresh = entry is None
        if entry is None:
            entry = self._made(key, leaves, spec)
            if entry is None:
                return self._plain(args, kwargs)
        entry.used = next(_clock)
        results = entry.program.run(arrays, immutable)
        if fresh:
            give_back(entry.program.steps)
        return self._finish(entry, results)

    def _known(self, key: object) -> _Entry | None:
        """The program of this signature, if it is there and still right."""
        entry = self.entries.get(key)
        return entry if entry is not None and entry.program.current() else None

    def _made(self, key: object, leaves: Sequence[Any], spec: object) -> _Entry | None:
        """The program of a new signature; None where the function cannot be traced.

        One thread makes it, and others that want it meanwhile wait for it.
        """
        me = threading.get_ident()
        if self.thread == me and self.lock.locked():  # called by its own staging
            return self._trace(leaves, spec)
        pause()
        with self.lock:
            self.thread = me
            entry = self._known(key)
            if entry is not None or self.fallback:
                return entry
            try:
                entry = self._trace(leaves, spec)
            except (ValueShapeError, NumPyCallError):
                raise
            except TraceError as error:
                self.fallback = True
                _warn(self.name, error)
                return None
            self.entries[key] = entry
        kept.make_room()
        return entry

    def program_for(self, *args: object) -> Program:
        """A program for these arguments, traced anew; it is neither run nor kept."""
        leaves, spec = tree.flatten_spec((args, {}))
        return self._trace(leaves, spec, whole=True).program

    def _plain(self, args: Any, kwargs: Any) -> Any:
        """Call the function itself, on Tensors as when it is traced."""
        args, kwargs = tree.map_structure(_as_tensor, (args, kwargs))
        return self.function(*args, **kwargs)

    def _finish(self, entry: _Entry, results: list[Any]) -> Any:
        made = map(Tensor, results, entry.program.avals)
        if len(results) == 1 and entry.spec == tree.LEAF:
            return next(made)
        out = list(entry.leaves)
        for place, tensor in zip(entry.places, made, strict=True):
            out[place] = tensor
        for place, array, aval in entry.fixed:
            out[place] = Tensor(array, aval)
        return tree.unflatten(entry.spec, out)

    def _trace(
        self, leaves: Sequence[Any], spec: object, whole: bool = False
    ) -> _Entry:
        rest = Rest()
        try:
            return self._traced(leaves, spec, whole)
        finally:
            # Not by its last reference: an error that somebody keeps holds this frame.
            rest.end()

    def _traced(self, leaves: Sequence[Any], spec: object, whole: bool) -> _Entry:
        staging = Staging()
        staged = [
            staging.add_input(Aval(tuple(v.shape), standardize(v.dtype)))
            if isinstance(v, (Tensor, np.ndarray, np.generic))
            else v
            for v in leaves
        ]
        args, kwargs = tree.unflatten(spec, staged)

        def run() -> tuple[list[Any], Any]:
            out, out_spec = tree.flatten_spec(self.function(*args, **kwargs))
            return [_read_out(v) for v in out], out_spec

        out, out_spec = within(staging, run)
        self.traces += 1
        places = [i for i, v in enumerate(out) if isinstance(v, Tensor)]
        backend = registry.active()
        graph = staging.graph([out[i] for i in places])
        fixed = {} if whole else fixed_results(graph, len(places), backend)
        known = [(p, fixed[i], out[p].aval) for i, p in enumerate(places) if i in fixed]
        graph = without_results(graph, fixed)
        places = [p for i, p in enumerate(places) if i not in fixed]
        program = Program(graph, list(staging.reads), list(staging.writes), backend)
        others = [None if isinstance(v, Tensor) else v for v in out]
        return _Entry(program, out_spec, others, places, known)


def _flattened(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """`tree.flatten_spec((args, kwargs))`, sooner where there are tensors alone."""
    if not kwargs:
        for arg in args:
            if type(arg) is not Tensor:
                break
        else:
            return args, _flat(len(args))
    return tree.flatten_spec((args, kwargs))


@functools.lru_cache(64)
def _flat(count: int) -> tree.Spec:
    """What describes so many arguments that are no structures."""
    return tree.flatten_spec(((None,) * count, {}))[1]


def _as_tensor(leaf: object) -> Any:
    if not isinstance(leaf, (np.ndarray, np.generic)) or leaf.dtype.kind in _WORDS:
        return leaf
    return from_numpy(leaf)


def _read_out(leaf: object) -> Any:
    """A variable that is returned means its value now."""
    state = getattr(leaf, "state", None)
    return leaf if state is None else state.read()


def jit(function: Callable[..., Any], name: str | None = None) -> Function:
    """Compile a function of arrays on demand; see the module's text.

    >>> double = jit(lambda x: keras.ops.add(x, x))
    >>> double(np.float32([1.0, 2.0])).numpy().tolist()
    [2.0, 4.0]
    """
    return Function(function, name)


def _warn(name: str, error: TraceError) -> None:
    where = _user_line(error.__traceback__)
    warn_user(
        f"{name} cannot be compiled and runs eagerly: {where}{error}", RuntimeWarning
    )


def _user_line(trace: types.TracebackType | None) -> str:
    """The innermost line outside this package, as `file:line: text`."""
    frames = traceback.extract_tb(trace)
    outside = [f for f in frames if not f.filename.startswith(_PACKAGE)]
    if not outside:
        return ""
    frame = outside[-1]
    text = linecache.getline(frame.filename, frame.lineno or 0).strip()
    return f"{frame.filename}:{frame.lineno}: `{text}`: "
