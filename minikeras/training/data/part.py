"""A batch of which some rows are here."""

from __future__ import annotations

from typing import Any

from minikeras.engine.ranks import Shard


class Part(tuple[Any, ...]):
    """A batch `(x, y, sample_weight)` of the rows that are here."""

    shard: Shard

    @classmethod
    def of(cls, batch: Any, shard: Shard) -> Part:
        """`batch`, which holds these rows."""
        made = cls(batch)
        made.shard = shard
        return made
