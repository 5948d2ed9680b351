"""The states that a stateful layer keeps: of all rows of the batch, wherever they are.

Where ranks divide a batch, each goes on from its rows of the states, and what all ranks
made is put together again, in the message that gradients take. So every rank has all
states, whatever is asked of it next.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikeras import ops
from minikeras.engine import ranks
from minikeras.engine.interpret import current
from minikeras.engine.ranks import Shard
from minikeras.engine.staging import Abstract
from minikeras.engine.tensor import Tensor
from minikeras.ops import collective


def rows_here(size: int, batch: int) -> Shard | None:
    """Which of `size` rows a call with `batch` of them has; None: all.

    >>> rows_here(4, 4) is None
    True
    """
    rows = ranks.shard()
    if rows is None and ranks.several() and isinstance(current(), Abstract):
        # Shapes are inferred for the part of a rank; which it is, a step will know.
        return Shard(size, 0, batch) if batch < size else None
    if rows is None or rows.whole != size or rows.rows != batch:
        return None
    return rows


def taken(state: Tensor, rows: Shard | None) -> Tensor:
    """The rows that are here, of a state of the whole batch."""
    return state if rows is None else state[rows.start : rows.start + rows.rows]


def joined(states: Sequence[Tensor], rows: Shard | None) -> Sequence[Tensor]:
    """States of the whole batch, given those of the rows that are here."""
    if rows is None:
        return states
    around = rows.start, rows.whole - rows.start - rows.rows
    filled = [ops.pad(s, [around, *[(0, 0)] * (len(s.shape) - 1)]) for s in states]
    return collective.sums(filled)
