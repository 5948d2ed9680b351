"""A lowered node as native calls: which kernels, over how many units, in what order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minikeras.extend import Step
from minikeras_numba.machine import team
from minikeras_numba.machine.failures import raise_failure
from minikeras_numba.machine.jit import Address


@dataclass(frozen=True, slots=True)
class Launch:
    """One kernel call: address, table, how many units, units a thread at least."""

    fn: Address
    meta: npt.NDArray[np.int64]
    n: int
    grain: int
    keep: tuple[Any, ...] = ()

    @property
    def meta_address(self) -> int:
        return int(self.meta.ctypes.data)


class Native(Step):
    """A lowered node: its launches, run in order.

    Args:
        launches: The calls.
        may_fail: Whether there are kernels among them that may.
    """

    def __init__(self, launches: Sequence[Launch], may_fail: bool = False) -> None:
        self.may_fail = may_fail
        self.launches = tuple(launches)
        self.calls = [(x.fn, x.meta_address, x.n, x.grain) for x in launches]

    def __call__(self, registers: Any) -> None:
        address = registers.address
        if self.may_fail:
            registers.failed[0] = 0
        for fn, meta, n, grain in self.calls:
            team.run(fn, address, meta, n, grain)
        if self.may_fail:
            raise_failure(registers)
