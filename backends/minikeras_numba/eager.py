"""Eager kernels that lower once for the shapes they meet, then run the closure.

For contractions, whose compiled form is far ahead of NumPy's, and for the elementwise
functions that are not exactly rounded: called eagerly they give the bits that they give
in a compiled group. The others stay NumPy's, and there is one right result: one ufunc
call is as fast as a kernel of its own, but for large arrays of several shapes (`Large`).
"""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np
from minikeras_kernels.elementwise import supports
from minikeras_kernels.rowwise import ROWWISE
from minikeras_numpy.recycling import LEAST, RESULTS

from minikeras.extend import (
    Aval,
    Node,
    Step,
    Value,
    lookup,
    numpy_dtype,
    pause,
    settle_at_fork,
)
from minikeras_numba.fusion.fused import fusible, lower_fused
from minikeras_numba.ir.compile import target
from minikeras_numba.machine.addresses import address_of
from minikeras_numba.machine.launch import Native
from minikeras_numba.machine.team import Registers, run

NAMES = (
    "conv",
    "conv_input_grad",
    "conv_filter_grad",
    "max_pool",
    "max_pool_grad",
    "max_pool_gather",
    "sum_pool",
    "sum_pool_grad",
    "cumsum",
    "cumprod",
    "top_k",
    "searchsorted",
    "segment_combine",
    "lu",
    "cholesky",
    "solve",
    "triangular_solve",
    "qr",
    "eigh",
    "svd",
    "fft",
    "take_along_axis",
    "scatter_add_axis",
    "put_along_axis_add",
    "banded",
    *ROWWISE,
)
# What is computed to some units in the last place: see `mathlib`.
FUNCTIONS = (
    *("exp", "expm1", "log", "log1p", "rsqrt", "sin", "cos", "tan", "sinh", "cosh"),
    *("tanh", "asinh", "acosh", "atanh", "asin", "acos", "atan", "erf", "erfinv"),
    *("logistic", "pow", "atan2"),
)
_MOST_KEPT = 256
_LARGE = 1 << 20  # bytes; a kernel of ours has to be compiled once
Kernel = Callable[..., Any]
Array = np.ndarray[Any, Any]
Lower = Callable[[Node, Mapping[Value, int]], Step | None]


class _Prepared:
    """A step with registers of its own; one caller at a time."""

    def __init__(self, step: Step, inputs: int, outs: Sequence[Aval]) -> None:
        self.step = step
        self.registers = Registers(inputs + len(outs))
        self.outs = [
            (
                RESULTS.empty if out.nbytes >= LEAST else np.empty,
                out.shape,
                numpy_dtype(out.dtype),
            )
            for out in outs
        ]
        self.lock = threading.Lock()
        self.thread, self.wanted = 0, False
        settle_at_fork(self)

    def __call__(self, arrays: list[Array]) -> list[Array]:
        results = [make(shape, dtype) for make, shape, dtype in self.outs]
        used = [*arrays, *results]
        if self.wanted:
            self.wanted = False
            pause()
        with self.lock:
            for i, array in enumerate(used):
                self.registers[i] = array
            self.step(self.registers)
            for i in range(len(used)):
                self.registers[i] = None
        return results


class _Shared:
    """Calls of kernels that only read what was prepared: any number of threads at a time."""

    def __init__(self, step: Native, inputs: int, outs: Sequence[Aval]) -> None:
        self.step = step
        self.calls = step.calls
        self.outs = [(out.shape, numpy_dtype(out.dtype)) for out in outs]
        self.table = ctypes.c_int64 * (inputs + len(outs))

    def __call__(self, arrays: list[Array]) -> list[Array]:
        results = [np.empty(shape, dtype) for shape, dtype in self.outs]
        words = self.table(*map(address_of, arrays), *map(address_of, results))
        registers = ctypes.addressof(words)
        for fn, meta, n, grain in self.calls:
            run(fn, registers, meta, n, grain)
        return results


def _shares(step: Step) -> TypeGuard[Native]:
    """Whether a step keeps nothing that a call of it writes to."""
    if not isinstance(step, Native) or step.may_fail:
        return False
    return not any(launch.keep for launch in step.launches)


class LoweredKernel:
    """An eager kernel by lowering, with the plain kernel behind it."""

    def __init__(self, name: str, plain: Kernel, lower: Lower) -> None:
        self.name, self.plain, self.lower = name, plain, lower
        self._kept: OrderedDict[Any, _Prepared | _Shared | None] = OrderedDict()
        self.lock = threading.Lock()
        self.thread, self.wanted = 0, False
        settle_at_fork(self)

    def __call__(self, *arrays: Any, **static: Any) -> Any:
        return self.prepared(arrays, static)

    def prepared(self, arrays: tuple[Any, ...], static: dict[str, Any]) -> Any:
        """A call through the closure for these shapes, or the plain kernel's."""
        found = self._known([(a.shape, a.dtype.name) for a in arrays], static)
        if found is None:
            return self.plain(*arrays, **static)
        results = found([np.ascontiguousarray(a) for a in arrays])
        return results[0] if len(results) == 1 else tuple(results)

    def bound(self, avals: Sequence[Aval], static: Mapping[str, Any]) -> Kernel | None:
        """The closure for arrays of these shapes; None where the plain kernel does it."""
        found = self._known([(a.shape, a.dtype) for a in avals], static)
        if found is None:
            return None

        def call(*arrays: Any) -> Any:
            results = found([np.ascontiguousarray(a) for a in arrays])
            return results[0] if len(results) == 1 else tuple(results)

        return call

    def _known(
        self, arrays: Sequence[tuple[tuple[int, ...], str]], static: Mapping[str, Any]
    ) -> _Prepared | _Shared | None:
        """The closure for arrays of these shapes and dtypes, made once."""
        key = tuple(arrays), tuple(sorted(static.items()))
        with self.lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            made = self._kept[key] = self._prepare([Aval(*a) for a in arrays], static)
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return made

    def _prepare(
        self, avals: Sequence[Aval], static: Mapping[str, Any]
    ) -> _Prepared | _Shared | None:
        row = lookup(self.name)
        inputs = [Value(aval) for aval in avals]
        made = row.infer(*(v.aval for v in inputs), **static)
        outs = [made] if isinstance(made, Aval) else list(made)
        outputs = [Value(out) for out in outs]
        node = Node(row, inputs, outputs, dict(static))
        if node.for_numpy:
            return None
        step = self.lower(node, {v: i for i, v in enumerate([*inputs, *outputs])})
        if step is None:
            return None
        kind = _Shared if _shares(step) else _Prepared
        return kind(step, len(inputs), outs)  # type: ignore[arg-type]  # as it was asked


class Large(LoweredKernel):
    """A kernel that is NumPy's, but for large arrays that NumPy's loops do not suit.

    Its loops run along the last axis: an operand that has few numbers there, or one for
    each channel, makes many loops of as few. Of operands of one shape NumPy's call is as
    fast as ours, since memory bounds both; a reduction has one thread there.
    """

    def __init__(self, name: str, plain: Kernel) -> None:
        super().__init__(name, plain, _function)
        self.folds = lookup(name).kind == "reduce"

    def __call__(self, *arrays: Any, **static: Any) -> Any:
        for a in arrays:  # any small call comes here
            if a.nbytes >= _LARGE and self._uneven(arrays):
                return self.prepared(arrays, static)
        return self.plain(*arrays, **static)

    def for_shapes(self, avals: Sequence[Aval]) -> Kernel:
        """What a call on arrays of these shapes runs."""
        return self if any(aval.nbytes >= _LARGE for aval in avals) else self.plain

    def _uneven(self, arrays: tuple[Any, ...]) -> bool:
        """Whether shapes differ, beside single numbers."""
        shapes = {a.shape for a in arrays if a.size > 1}
        uneven = self.folds or len(shapes) > 1
        return uneven and all(a.flags.c_contiguous for a in arrays)


class Elementwise(LoweredKernel):
    """An eager function: its kernel, called for so many elements of whatever shape.

    Nothing is held but the kernel's table, which it only reads: any number of threads
    may call it.
    """

    def __init__(self, name: str, plain: Kernel) -> None:
        super().__init__(name, plain, _function)
        self._flat: OrderedDict[Any, Any] = OrderedDict()

    def __call__(self, *arrays: Any, **static: Any) -> Any:
        first = arrays[0]
        shape = first.shape
        for a in arrays:
            if a.shape != shape or not a.flags.c_contiguous:
                break
        else:
            key = first.size, first.dtype
            call = self._flat.get(key) or self._flatten(key, len(arrays))
            if call is not None:
                make = np.empty if first.nbytes < LEAST else RESULTS.empty
                out = make(shape, first.dtype)
                used = (*arrays, out)
                words = [address_of(a) for a in used]
                registers = (ctypes.c_int64 * len(words))(*words)
                fn, meta, n, grain, _ = call
                run(fn, ctypes.addressof(registers), meta, n, grain)
                return out
        if not supports(self.name, first.dtype.name, target()):
            return self.plain(*arrays, **static)
        return self.prepared(arrays, static)

    def _flatten(self, key: Any, count: int) -> Any:
        """The kernel's call for a number of elements; None where NumPy does it."""
        size, dtype = key
        if size == 0 or not supports(self.name, dtype.name, target()):
            return None
        avals = [Aval((size,), dtype.name)] * count
        inputs, row = [Value(a) for a in avals], lookup(self.name)
        out = row.infer(*avals)
        assert isinstance(out, Aval)
        output = Value(out)
        node = Node(row, inputs, [output], {})
        step = self.lower(node, {v: i for i, v in enumerate([*inputs, output])})
        if not isinstance(step, Native):
            return None
        call = (*step.calls[0], step)
        with self.lock:
            self._flat[key] = call
            if len(self._flat) > _MOST_KEPT:
                self._flat.popitem(last=False)
        return call


def lowered_kernels(
    plain: Mapping[str, Kernel], lowerings: Mapping[str, Lower]
) -> dict[str, Kernel]:
    """The eager kernels that lowering replaces."""
    made: dict[str, Kernel] = {
        name: LoweredKernel(name, plain[name], lowerings[name]) for name in NAMES
    }
    # NumPy has the composition alone, and the lowering takes whatever the row does.
    name = "resample"
    made[name] = LoweredKernel(name, _lowered_always, lowerings[name])
    made |= {name: Elementwise(name, plain[name]) for name in FUNCTIONS}
    for name in plain.keys() - made.keys():
        if lookup(name).kind in ("elementwise", "reduce"):
            made[name] = Large(name, plain[name])
    return made


def _lowered_always(*arrays: Any, **static: Any) -> Any:
    raise NotImplementedError("a row without a plain kernel was not lowered.")


def _function(node: Node, regs: Mapping[Value, int]) -> Step | None:
    return lower_fused(node, regs) if fusible(node) else None
