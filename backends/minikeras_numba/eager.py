"""Eager kernels that lower once for the shapes they meet, then run the closure.

For contractions, whose compiled form is far ahead of NumPy's. Elementwise functions
stay NumPy's: one ufunc call is as fast as a kernel of its own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minikeras.extend import (
    Aval,
    Node,
    Value,
    lookup,
    numpy_dtype,
    settle_at_fork,
)
from minikeras_numba.pool import Registers

NAMES = (
    "conv",
    "conv_input_grad",
    "conv_filter_grad",
    "max_pool",
    "max_pool_grad",
    "max_pool_gather",
    "sum_pool",
    "sum_pool_grad",
)
_MOST_KEPT = 256
Kernel = Callable[..., Any]
Lower = Callable[[Node, Mapping[Value, int]], Callable[[Any], None] | None]


class _Prepared:
    """A step with registers of its own; one caller at a time."""

    def __init__(self, step: Callable[[Any], None], count: int, out: Aval) -> None:
        self.step = step
        self.registers = Registers(count)
        self.out = out
        self.lock = threading.Lock()
        self.thread, self.wanted = 0, False
        settle_at_fork(self)

    def __call__(self, arrays: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
        result = np.empty(self.out.shape, numpy_dtype(self.out.dtype))
        with self.lock:
            for i, array in enumerate(arrays):
                self.registers[i] = array
            self.registers[len(arrays)] = result
            self.step(self.registers)
            for i in range(len(arrays) + 1):
                self.registers[i] = None
        return result


class LoweredKernel:
    """An eager kernel by lowering, with the plain kernel behind it."""

    def __init__(self, name: str, plain: Kernel, lower: Lower) -> None:
        self.name, self.plain, self.lower = name, plain, lower
        self._kept: OrderedDict[Any, _Prepared | None] = OrderedDict()
        self.lock = threading.Lock()
        self.thread, self.wanted = 0, False
        settle_at_fork(self)

    def __call__(self, *arrays: Any, **static: Any) -> Any:
        key = (
            tuple((a.shape, a.dtype.name) for a in arrays),
            tuple(sorted(static.items())),
        )
        with self.lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                prepared = self._kept[key]
            else:
                prepared = self._kept[key] = self._prepare(arrays, static)
                if len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
        if prepared is None:
            return self.plain(*arrays, **static)
        return prepared([np.ascontiguousarray(a) for a in arrays])

    def _prepare(
        self, arrays: tuple[Any, ...], static: dict[str, Any]
    ) -> _Prepared | None:
        row = lookup(self.name)
        inputs = [Value(Aval(a.shape, a.dtype.name)) for a in arrays]
        out = row.infer(*(v.aval for v in inputs), **static)
        if not isinstance(out, Aval):
            return None
        output = Value(out)
        node = Node(row, inputs, [output], static)
        step = self.lower(node, {v: i for i, v in enumerate([*inputs, output])})
        return None if step is None else _Prepared(step, len(inputs) + 1, out)


def lowered_kernels(
    plain: Mapping[str, Kernel], lowerings: Mapping[str, Lower]
) -> dict[str, Kernel]:
    """The eager kernels that lowering replaces."""
    return {name: LoweredKernel(name, plain[name], lowerings[name]) for name in NAMES}
