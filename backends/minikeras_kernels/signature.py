"""The one signature of kernels, and what every kernel reads first.

    kernel(regs, meta, start, stop, thread, threads)

`regs` holds the addresses of a program's arrays, `meta` the numbers of one closure;
the kernel does the units [start, stop).
"""

from __future__ import annotations

from minikeras_kernels.target import Target
from minikeras_kernels.values import Address, Kind, Val, const
from minikeras_kernels.writer import Writer

PARAMETERS = (Kind.PTR, Kind.PTR, *(Kind.I64,) * 4)


class KernelWriter(Writer):
    """A kernel over units, with its parameters by name."""

    def __init__(self, name: str, target: Target) -> None:
        super().__init__(name, PARAMETERS, target)
        regs, meta, self.start, self.stop, self.thread, self.threads = self.parameters
        self.regs, self.meta = Address(regs, Kind.I64), Address(meta, Kind.I64)

    def word(self, index: int) -> Val:
        """A word of the closure's table."""
        return self.load(self.at(self.meta, const(Kind.I64, index)))

    def words(self, count: int) -> list[Val]:
        """The first words of the closure's table."""
        return [self.word(i) for i in range(count)]

    def array(self, number: Val, kind: Kind) -> Address:
        """The array that a word of the table stands for."""
        if self.target.direct:
            return self.pointer(number, kind)
        return self.pointer(self.load(self.at(self.regs, number)), kind)
