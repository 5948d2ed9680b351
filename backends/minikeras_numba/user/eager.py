"""Eager calls of users' kernels: prepared once for given shapes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minikeras.extend import Aval, UserRow, numpy_dtype, pause, settle_at_fork
from minikeras_numba.machine.team import Registers
from minikeras_numba.user.lowering import UserStep

Array = np.ndarray[Any, Any]
_MOST_KEPT = 256


class EagerCalls:
    """Steps by op, shapes and static parameters."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Any, tuple[UserStep, list[Aval]]] = OrderedDict()
        self.lock = threading.Lock()
        self.thread, self.wanted = 0, False
        settle_at_fork(self)

    def __call__(
        self, row: UserRow, arrays: Sequence[Array], static: Mapping[str, Any]
    ) -> Any:
        """The results of an op: an array, or a tuple of them."""
        if self.wanted:
            self.wanted = False
            pause()
        inputs = [np.ascontiguousarray(a).reshape(a.shape) for a in arrays]
        step, outs = self._step(row, inputs, static)
        made = [np.empty(a.shape, numpy_dtype(a.dtype)) for a in outs]
        registers = Registers(len(inputs) + len(made))
        for i, array in enumerate((*inputs, *made)):
            registers[i] = array
        step(registers)
        return tuple(made) if row.multi else made[0]

    def _step(
        self, row: UserRow, arrays: Sequence[Array], static: Mapping[str, Any]
    ) -> tuple[UserStep, list[Aval]]:
        kernel = row.kernels["numba"]
        shapes = tuple((a.shape, a.dtype) for a in arrays)
        values = tuple((n, type(v), v) for n, v in static.items())
        key = row, id(kernel), shapes, values
        with self.lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        avals = [Aval(a.shape, a.dtype.name) for a in arrays]
        outs = row.avals(avals, static)
        step = UserStep(row, [*avals, *outs], range(len(avals) + len(outs)), static)
        with self.lock:
            self._kept[key] = step, outs
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return step, outs
