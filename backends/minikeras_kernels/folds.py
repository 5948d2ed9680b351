"""Reductions on values: what they start from, one step, and across the lanes of a vector."""

from __future__ import annotations

import math

from minikeras_kernels.code import Op, Rel
from minikeras_kernels.elementwise import REGISTER_KIND
from minikeras_kernels.values import Kind, Val
from minikeras_kernels.writer import Writer

_BETTER = {
    ("max", True): Rel.SGT,
    ("max", False): Rel.UGT,
    ("min", True): Rel.SLT,
    ("min", False): Rel.ULT,
}


def identity(how: str, dtype: str) -> float | int | bool:
    """What folding starts from."""
    if how in ("sum", "any"):
        return 0
    if how in ("prod", "all"):
        return 1
    low = how == "max"
    kind = REGISTER_KIND[dtype]
    if kind.is_float:
        return -math.inf if low else math.inf
    if kind is Kind.I1 or dtype.startswith("uint"):
        return 0 if low else (1 << kind.bits) - 1
    return -(1 << (kind.bits - 1)) if low else (1 << (kind.bits - 1)) - 1


def combine(f: Writer, how: str, a: Val, b: Val, dtype: str) -> Val:
    """One step of a reduction; max and min hand NaN on."""
    real = a.kind.is_float
    if how in ("any", "all"):
        return f.bin(Op.OR if how == "any" else Op.AND, a, b)
    if how in ("sum", "prod"):
        if real:
            return f.bin(Op.FADD if how == "sum" else Op.FMUL, a, b)
        return f.add(a, b) if how == "sum" else f.mul(a, b)
    if real and f.target.warp:
        return f.one(Op.MAXIMUM if how == "max" else Op.MINIMUM, a, b)
    if real:
        # Two instructions beside x86's own; which zero is the larger does not matter here.
        better = f.fcmp(Rel.OGT if how == "max" else Rel.OLT, a, b)
        return f.select(f.fcmp(Rel.UNO, a, a), a, f.select(better, a, b))
    return f.select(f.icmp(_BETTER[how, dtype.startswith("int")], a, b), a, b)


def across(f: Writer, how: str, a: Val, dtype: str) -> Val:
    """Fold the lanes of a vector, halves on halves."""
    while a.lanes > 1:
        half = a.lanes // 2
        low, high = f.part(a, 0, half), f.part(a, half, half)
        a = combine(f, how, low, high, dtype)
    return a
