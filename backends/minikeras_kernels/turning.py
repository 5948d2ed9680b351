"""Squares of numbers turned in registers."""

from __future__ import annotations

from collections.abc import Sequence

from minikeras_kernels.values import Val
from minikeras_kernels.writer import Writer


def transposed(f: Writer, rows: Sequence[Val]) -> list[Val]:
    """As many vectors as each has lanes, L, as the columns of their square.

    log2(L) rounds swap off-diagonal quarters.
    """
    lanes, rows = len(rows), list(rows)
    span = lanes // 2
    while span:
        upper = [
            lane if not lane & span else lanes + lane - span for lane in range(lanes)
        ]
        lower = [
            lane + span if not lane & span else lanes + lane for lane in range(lanes)
        ]
        for i in range(lanes):
            if not i & span:
                a, b = rows[i], rows[i + span]
                rows[i], rows[i + span] = f.join(a, b, upper), f.join(a, b, lower)
        span //= 2
    return rows
