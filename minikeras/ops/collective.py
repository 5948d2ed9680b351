"""What a step computes together with the other ranks, in terms of the row `all_reduce`.

None of this is public: losses, metrics, optimizers and layers use it where a step runs on
some rows of a batch (`engine/ranks.py`). A value is *common* if every rank has the same,
as weights have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from minikeras.engine import prims, ranks
from minikeras.engine.dtypes import is_float
from minikeras.engine.ranks import Shard
from minikeras.engine.tensor import Tensor


def sums(values: Sequence[Tensor]) -> list[Tensor]:
    """The sum over ranks of each value; the gradient is the sum of the gradients."""
    return list(prims.all_reduce(*values, means=(False,) * len(values)))


def means(values: Sequence[Tensor]) -> list[Tensor]:
    """The mean over ranks of each value; numbers that are no floats are added up."""
    kinds = tuple(is_float(v.dtype) for v in values)
    return list(prims.all_reduce(*values, means=kinds))


def gradients(values: Sequence[Tensor]) -> list[Tensor]:
    """The means of gradients over ranks, to which one without rows adds nothing."""
    shard = ranks.shard()
    if shard is not None and not shard.rows:
        values = [nothing(v) for v in values]
    return means(values)


def nothing(value: Tensor) -> Tensor:
    """Zeros in place of what a rank without rows made, which may be NaN.

    They come after it, as on other ranks what is added up comes after its parts: so the
    steps of all ranks have their reductions in the same places.
    """
    never = prims.full(shape=(), dtype="bool", value=False)
    zero = prims.const(value, 0)
    return prims.select(never, value, zero)


def common_sum(value: Tensor) -> Tensor:
    """The sum over ranks of a value from which each rank computes the same.

    What comes back is the same on every rank then, so its sum needs no message.
    """
    (total,) = sums([prims.stop_gradient(value)])
    size = ranks.communicator().size
    source = prims.mul(value, prims.const(value, size))
    return prims.with_gradient_of(total, source)


def common_mean(value: Tensor, shard: Shard) -> Tensor:
    """The mean of a number over the batch, given that of the rows of each rank."""
    if not shard.rows:
        return common_sum(nothing(value))
    part = prims.const(value, shard.rows / shard.whole)
    return common_sum(prims.mul(value, part))


def by_rows(shape: Sequence[int], shard: Shard) -> bool:
    """Whether an array has an entry for each row that is here."""
    return bool(shape) and shape[0] == shard.rows


def total_of(values: Tensor, shard: Shard) -> Tensor:
    """The common sum of all entries; that of values without rows is common already."""
    axes = tuple(range(values.ndim))
    total: Tensor = prims.sum(values, axes=axes, keepdims=False) if axes else values
    return common_sum(total) if by_rows(values.shape, shard) else total


def count_of(values: Tensor, shard: Shard) -> float:
    """How many entries the whole batch has, given those of the rows that are here."""
    shape = values.shape
    if by_rows(shape, shard):
        shape = (shard.whole, *shape[1:])
    return float(max(math.prod(shape), 1))
