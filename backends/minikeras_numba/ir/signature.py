"""The one signature of kernels, and what every kernel reads first."""

from __future__ import annotations

from minikeras_numba.ir.writer import Fn, Val, const

PARAMETERS = "ptr %regs, ptr %meta, i64 %start, i64 %stop, i64 %thread, i64 %threads"


def meta_words(f: Fn, count: int) -> list[Val]:
    """The first words of a closure's table."""
    meta = Val("%meta", "ptr")
    return [f.load(f.gep("i64", meta, const("i64", i)), "i64") for i in range(count)]


def register_arrays(f: Fn, numbers: list[Val]) -> list[Val]:
    """The arrays in the registers of these numbers."""
    regs = Val("%regs", "ptr")
    addresses = [f.load(f.gep("i64", regs, number), "i64") for number in numbers]
    return [f.convert("inttoptr", address, "ptr") for address in addresses]
