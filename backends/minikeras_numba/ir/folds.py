"""Reductions on values: what they start from, one step, and across the lanes of a vector."""

from __future__ import annotations

import math

from minikeras_numba.ir.elementwise import REGISTER_KIND
from minikeras_numba.ir.writer import BITS, Fn, Val


def identity(how: str, dtype: str) -> float | int | bool:
    """What folding starts from."""
    if how in ("sum", "any"):
        return 0
    if how in ("prod", "all"):
        return 1
    low = how == "max"
    kind = REGISTER_KIND[dtype]
    if kind in ("float", "double"):
        return -math.inf if low else math.inf
    if kind == "i1" or dtype.startswith("uint"):
        return 0 if low else (1 << BITS[kind]) - 1
    return -(1 << (BITS[kind] - 1)) if low else (1 << (BITS[kind] - 1)) - 1


def combine(f: Fn, how: str, a: Val, b: Val, dtype: str) -> Val:
    """One step of a reduction; max and min hand NaN on."""
    real = a.kind in ("float", "double")
    if how in ("any", "all"):
        return f.bin("or" if how == "any" else "and", a, b)
    if how in ("sum", "prod"):
        if real:
            return f.bin("fadd" if how == "sum" else "fmul", a, b)
        return f.add(a, b) if how == "sum" else f.mul(a, b)
    if real:
        return f.intrinsic("maximum" if how == "max" else "minimum", a, b)
    sign = "s" if dtype.startswith("int") else "u"
    return f.select(f.icmp(sign + ("gt" if how == "max" else "lt"), a, b), a, b)


def across(f: Fn, how: str, a: Val, dtype: str) -> Val:
    """Fold the lanes of a vector, halves on halves."""
    while a.lanes > 1:
        half = a.lanes // 2
        low, high = f.part(a, 0, half), f.part(a, half, half)
        a = combine(f, how, low, high, dtype)
    return a
