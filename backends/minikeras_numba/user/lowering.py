"""Nodes of users' rows as native steps, and their eager calls."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minikeras.extend import Aval, Node, UserRow, Value, numpy_dtype
from minikeras_numba.machine.failures import number_of
from minikeras_numba.machine.launch import Launch, Native
from minikeras_numba.user.compiled import DTYPES, compiled
from minikeras_numba.user.text import FIRST


def usable(row: UserRow, avals: Sequence[Aval]) -> bool:
    """Whether a row has a kernel for such arrays."""
    return "numba" in row.kernels and all(a.dtype in DTYPES for a in avals)


def lower_user(node: Node, regs: Mapping[Value, int]) -> UserStep | None:
    """A native step for a node of a user's row; None where its reference runs."""
    row = node.prim
    values = (*node.inputs, *node.outputs)
    assert isinstance(row, UserRow)
    if not usable(row, [v.aval for v in values]):
        return None
    return UserStep(
        row, [v.aval for v in values], [regs[v] for v in values], node.static
    )


class UserStep(Native):
    """A user's kernel on the registers of its arrays and results."""

    def __init__(
        self,
        row: UserRow,
        avals: Sequence[Aval],
        places: Sequence[int],
        static: Mapping[str, Any],
    ) -> None:
        self.row, self.places, self.static = row, list(places), dict(static)
        self.avals = list(avals)
        kernel = row.kernels["numba"]
        self.compiled = made = compiled(row, kernel, avals, static)
        sizes = [d for a in avals for d in a.shape]
        meta = np.zeros(FIRST + len(places) + len(sizes) + len(made.numbers), np.int64)
        self.rows = 1
        self.shared = bool(kernel.options.get("parallel"))
        if self.shared:
            out = avals[len(row.arrays)]
            self.rows = out.shape[0] if out.shape else 1
        grain = max(1, int(kernel.options.get("grain", 1)))
        super().__init__([Launch(made.address, meta, self.rows, grain, (made,))], True)
        meta[:2] = number_of(self), meta.ctypes.data
        meta[FIRST : FIRST + len(places)] = places
        at = FIRST + len(places)
        meta[at : at + len(sizes)] = sizes
        for place, (name, kind) in enumerate(made.numbers, at + len(sizes)):
            words = meta if kind == "int" else meta.view(np.float64)
            words[place] = static[name]

    def explain(self, registers: Any) -> BaseException:
        """The error of a run that failed: it runs again, called from Python."""
        where = f"raised in the numba kernel of op {self.row.label!r}"
        rows = {"start": 0, "stop": self.rows} if self.shared else {}
        table = registers.table  # a loop moves what is in there, not the arrays
        places = zip(self.places, self.avals)
        arrays = [_array(int(table[i]), aval) for i, aval in places]
        try:
            self.compiled.function(*arrays, **rows, **self.static)
        except Exception as error:  # the user's kernel's own, which the caller raises
            error.add_note(where)
            return error
        return RuntimeError(f"an error, which did not come again, was {where}.")


def _array(address: int, aval: Aval) -> np.ndarray[Any, Any]:
    memory: Any = bytearray()
    if aval.nbytes:
        memory = (ctypes.c_char * aval.nbytes).from_address(address)
    return np.ndarray(aval.shape, numpy_dtype(aval.dtype), memory)
