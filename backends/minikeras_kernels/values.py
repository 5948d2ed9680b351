"""What flows through a kernel: values with a kind and lanes, and typed addresses."""

from __future__ import annotations

import struct
from enum import Enum
from typing import NamedTuple

Number = float | int | bool


class Kind(Enum):
    """What one lane of a value is."""

    I1 = "i1"
    I8 = "i8"
    I16 = "i16"
    I32 = "i32"
    I64 = "i64"
    F16 = "half"
    F32 = "float"
    F64 = "double"
    PTR = "ptr"

    @property
    def is_float(self) -> bool:
        return self in _FLOATS

    @property
    def bits(self) -> int:
        return _BITS[self]

    @property
    def nbytes(self) -> int:
        """Bytes of one in memory."""
        return max(1, self.bits // 8)


_FLOATS = (Kind.F16, Kind.F32, Kind.F64)
_BITS = {
    Kind.I1: 1,
    Kind.I8: 8,
    Kind.I16: 16,
    Kind.I32: 32,
    Kind.I64: 64,
    Kind.F16: 16,
    Kind.F32: 32,
    Kind.F64: 64,
    Kind.PTR: 64,
}


class Val(NamedTuple):
    """A value: the number of what made it, or a literal, which has none.

    A tuple as literal has one number for each lane; a single one stands in all of them.
    """

    number: int
    kind: Kind
    lanes: int = 1
    literal: Number | tuple[int, ...] | None = None

    @property
    def is_literal(self) -> bool:
        return self.literal is not None


class Address(NamedTuple):
    """Where elements of a kind lie; `lanes` of them are one item, `align` bytes aligned."""

    base: Val
    kind: Kind
    lanes: int = 1
    align: int = 0


def const(kind: Kind, value: Number, lanes: int = 1) -> Val:
    """A literal in every lane."""
    return Val(-1, kind, lanes, rounded(kind, value))


def counting(kind: Kind, lanes: int, step: int = 1) -> Val:
    """0, step, 2 step, ...: a number for each lane."""
    return Val(-1, kind, lanes, tuple(step * i for i in range(lanes)))


def rounded(kind: Kind, value: Number) -> Number:
    """A literal as its kind holds it: float32 is rounded, beyond its range infinite."""
    if kind is Kind.F32:
        try:
            return float(struct.unpack("<f", struct.pack("<f", float(value)))[0])
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    if kind.is_float:
        return float(value)
    return bool(value) if kind is Kind.I1 else int(value)
