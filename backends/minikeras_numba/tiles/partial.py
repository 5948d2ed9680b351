"""Partial sums: each part of a reduction has an array of its own, added in order after."""

from __future__ import annotations

import numpy as np

from minikeras_numba.ir.job import Job
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.team import get_threads
from minikeras_numba.tiles.blocking import chunks
from minikeras_numba.tiles.jobs import JobRange, Tables
from minikeras_numba.tiles.pack import Added, adder
from minikeras_numba.tiles.scratch import Base


def summing(dtype: str, sums: Base, out: Base, size: int, parts: int) -> Tables:
    """Tables that add the partial sums, in order, whoever made them."""
    item = np.dtype(dtype).itemsize
    lanes = host().lanes(item)
    tables = Tables(sums, sums, out)
    tables.work = size // item * parts
    for low, high in chunks(size // item // lanes, 4 * get_threads()):
        place = low * lanes * item
        fields = Added(high - low, parts, size)
        call = Job(adder(dtype, full=True), a=place, c=place, fields=fields)
        tables.add_unit([JobRange(0, 0, 0, *tables.add_jobs([call]))])
    rest = size // item % lanes
    if rest:
        place = size - rest * item
        fields = Added(1, parts, size, tail=rest)
        call = Job(adder(dtype, full=False), a=place, c=place, fields=fields)
        tables.add_unit([JobRange(0, 0, 0, *tables.add_jobs([call]))])
    return tables
