"""A batch of which some rows are here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from minikeras.engine import tree
from minikeras.engine.ranks import Shard

Share = Callable[[int], Shard]


class Part(tuple[Any, ...]):
    """A batch `(x, y, sample_weight)` of the rows that are here."""

    shard: Shard

    @classmethod
    def of(cls, batch: Sequence[Any], shard: Shard) -> Part:
        """`batch`, which holds these rows."""
        made = cls(batch)
        made.shard = shard
        return made


def rows_of_batch(batch: object, share_of: Share) -> tuple[Any, Shard]:
    """The rows of a rank in every array of a structure, and which they are.

    Arrays with another first axis than most have hold no rows, and stay whole.
    """
    leaves, spec = tree.flatten_spec(batch)
    sizes = [rows_of(leaf) for leaf in leaves]
    whole = most(sizes)
    shard = share_of(whole)
    stop = shard.start + shard.rows
    cut = [
        # What has another first axis is no row of the batch, such as a constant beside
        # it.
        leaf[shard.start : stop] if n == whole and n is not None else leaf
        for leaf, n in zip(leaves, sizes)
    ]
    return tree.unflatten(spec, cut), shard


def most(sizes: list[int | None]) -> int:
    """The size that most have, of several the greatest."""
    counted = Counter(n for n in sizes if n is not None)
    return max(counted, key=lambda n: (counted[n], n), default=0)


def rows_of(leaf: object) -> int | None:
    """How many rows an array has; None for what has no axis."""
    shape = getattr(leaf, "shape", ())
    return int(shape[0]) if shape else None
