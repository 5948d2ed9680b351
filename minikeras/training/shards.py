"""The rows of a batch that are on this rank, and steps that know which they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minikeras.engine import ranks, tree
from minikeras.engine.compile import Function, jit
from minikeras.engine.ranks import Shard, share
from minikeras.training.data import Batch, DataAdapter, NumberedAdapter, Part
from minikeras.training.data.part import most, rows_of, rows_of_batch


def own_share(whole: int) -> Shard:
    """The rows of this rank in a batch of so many."""
    comm = ranks.communicator()
    return share(whole, comm.rank, comm.size)


def shard_of_own(batch: object) -> Shard:
    """Which rows of the batch of all ranks those of one's own batch are."""
    rows = most([rows_of(leaf) for leaf in tree.flatten(batch)])
    comm = ranks.communicator()
    found = comm.gather(rows)
    return Shard(sum(found), sum(found[: comm.rank]), rows)


def any_rank(here: bool) -> bool:
    """Whether it is so on some rank."""
    return any(ranks.communicator().gather(bool(here)))


class Divider:
    """Gives a rank its part of each batch of a run.

    Args:
        adapter: The source of the batches.
        owner: The method to name in messages.
        ahead: Whether batches may be made ahead.

    Attributes:
        divides: Whether every rank has all data.
        shard: Which rows the last part holds.
    """

    def __init__(self, adapter: DataAdapter, owner: str, ahead: bool = True) -> None:
        self.divides = ranks.divides() and not adapter.divided
        self._owner = owner
        self._asks = False
        self.shard: Shard | None = None
        if self.divides:
            adapter.share = own_share  # where it can leave other rows unread
            if isinstance(adapter, NumberedAdapter):
                adapter.take_turns(ahead)

    def part(self, batch: Batch) -> Batch:
        """The rows that are here, of a batch of all ranks or of one's own."""
        if isinstance(batch, Part):
            self.shard = batch.shard
        elif self.divides:
            batch, self.shard = rows_of_batch(batch, own_share)
        else:
            self._check(False)
            self.shard = shard_of_own(batch)
        return batch

    def run(self, step: Callable[[Any], Any], data: object) -> Any:
        """`step(data)`, on the rows of the last part."""
        return ranks.on(self.shard, step, data)

    def listen(self, may_stop: bool) -> None:
        """A pass begins, which may be stopped after a batch: here, or on some rank."""
        # Asked once a pass: where no callback may stop, no message is sent for each
        # batch.
        self._asks = any_rank(may_stop)

    def stopped(self, here: bool) -> bool:
        """Whether the pass stops after this batch, on all ranks as on any of them."""
        return any_rank(here) if self._asks else here

    def ended(self) -> None:
        """There are no more batches here; there must be none on other ranks."""
        if not self.divides:
            self._check(True)

    def _check(self, ended: bool) -> None:
        found = ranks.communicator().gather(ended)
        over = [rank for rank, done in enumerate(found) if done]
        if over and len(over) < len(found):
            raise ValueError(
                f"{self._owner}: the data of rank(s) {over} ended after fewer batches than "
                "that of the others; expected as many on every rank "
                "(auto_shard_dataset=False). Pass steps_per_epoch or steps."
            )


class ShardedFunction(Function):
    """A compiled step; which rows of the batch are here is part of its signature."""

    def __init__(self, step: Callable[[Any], Any], name: str) -> None:
        def function(data: object, shard: Shard | None) -> Any:
            return ranks.on(shard, step, data)

        # The shard is an argument and so part of the signature: offsets of draws and
        # sizes of the whole batch are fixed in the program.
        super().__init__(function, name)
        self.step = step

    def __call__(self, data: object) -> Any:
        return super().__call__(data, ranks.shard())


def compiled(step: Callable[[Any], Any], name: str) -> Function:
    """A step, compiled; on several ranks one that knows its rows."""
    return ShardedFunction(step, name) if ranks.several() else jit(step, name)


def step_of(function: Function) -> Callable[[Any], Any]:
    """What was compiled."""
    return function.step if isinstance(function, ShardedFunction) else function.function


def joined_rows(outputs: object) -> Any:
    """The outputs of all ranks for a batch: rows put one after the other."""
    parts = ranks.communicator().gather(outputs)
    return tree.map_structure(_joined, *parts)


def _joined(*parts: Any) -> Any:
    return np.concatenate(parts) if np.ndim(parts[0]) else parts[0]
