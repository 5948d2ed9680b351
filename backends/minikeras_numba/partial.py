"""Partial sums: each part of a reduction has an array of its own, added in order after."""

from __future__ import annotations

import numpy as np

from minikeras_numba.blocking import chunks
from minikeras_numba.jit import host
from minikeras_numba.jobs import Base, Plan, Step, job
from minikeras_numba.pack import adder
from minikeras_numba.pool import get_threads


def summing(dtype: str, sums: Base, out: Base, size: int, parts: int) -> Plan:
    """The plan that adds the partial sums, in order, whoever made them."""
    item = np.dtype(dtype).itemsize
    lanes = host().lanes(item)
    plan = Plan(sums, sums, out)
    plan.work = size // item * parts
    for low, high in chunks(size // item // lanes, 4 * get_threads()):
        place = low * lanes * item
        fields = {"a": place, "c": place, "count": high - low, "k": parts, "sak": size}
        jobs = plan.add_jobs([job(adder(dtype, full=True), **fields)])
        plan.add_unit([Step(0, 0, 0, *jobs)])
    rest = size // item % lanes
    if rest:
        place = size - rest * item
        fields = {"a": place, "c": place, "k": parts, "sak": size, "tail": rest}
        plan.add_unit(
            [Step(0, 0, 0, *plan.add_jobs([job(adder(dtype, full=False), **fields)]))]
        )
    return plan
