"""Batches by number that ranks make by turns: each once, by one of them.

Batch number i of a pass is made by rank i mod size, some time before it is wanted, and
that rank gives every other its rows. Where a batch hangs on those that were made before
it, as one does that draws from a random generator which the dataset keeps, every rank
makes every batch, in the order of one process. The first batch shows which of the two.
"""

from __future__ import annotations

import functools
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from minikeras.engine import ranks
from minikeras.engine.background import Task
from minikeras.engine.ranks import Shard, share
from minikeras.training.data.adapter import Batch
from minikeras.training.data.drawing import Drawing
from minikeras.training.data.part import Part, rows_of_batch

if TYPE_CHECKING:
    from minikeras.training.data.py_dataset import NumberedAdapter


class Turns:
    """The batches of one source, on one of several ranks.

    Args:
        adapter: Makes batches by number.
        dataset: What it makes them of.
        depth: How many of its own batches a rank may have at work or ready; 0: each is
            made when it is wanted.
    """

    def __init__(self, adapter: NumberedAdapter, dataset: object, depth: int) -> None:
        self._adapter, self._dataset, self._depth = adapter, dataset, depth
        self._comm = ranks.communicator()
        self._in_order: bool | None = None  # None: no batch has shown it yet

    def epoch(self) -> Iterator[Batch]:
        """The batches of one pass: parts of them, or whole ones where all are made here."""
        adapter, start = self._adapter, 0
        endless = adapter.num_batches is None
        numbers: Sequence[int] = (
            range(sys.maxsize) if endless else list(adapter.numbers())
        )
        if self._in_order is None:
            if not numbers:
                return
            yield self._first(numbers[0])
            start = 1
        if self._in_order:
            yield from adapter.made(numbers[start:])
        else:
            yield from self._by_turns(numbers, start)

    def _first(self, number: int) -> Batch:
        """The first batch. If later ones hang on it, all ranks make it."""

        batch: Batch | None = None

        def made() -> list[Any]:
            nonlocal batch
            drawing = Drawing(self._dataset)
            batch = self._job(number).result()
            # A dataset that draws random numbers gives other batches in another order:
            # then no turns.
            return [None] * self._comm.size if drawing.seen() else self._parts(batch)

        found: Batch | None = self._handed_out(0, made)
        self._in_order = found is None
        if found is not None:
            return found
        self._adapter.alone()
        return self._job(number).result() if batch is None else batch

    def _by_turns(self, numbers: Sequence[int], start: int) -> Iterator[Batch]:
        size, rank = self._comm.size, self._comm.rank
        own: deque[Task] = deque()
        asked = start + (rank - start) % size  # the next position that is for this rank

        def ask(position: int, wanted: int | None) -> None:
            nonlocal asked
            end = len(numbers) if wanted is None else position + wanted
            while len(own) < max(self._depth, 1) and asked < min(end, len(numbers)):
                # Nothing may be made ahead: this rank begins when its turn has come.
                if not self._depth and asked > position:
                    return
                own.append(self._job(numbers[asked]))
                asked += size

        def made(position: int) -> list[Any]:
            batch = own.popleft().result()
            wanted = self._adapter.wanted
            ask(position + 1, None if wanted is None else wanted - 1)
            return self._parts(batch)

        try:
            for position in range(start, len(numbers)):
                ask(position, self._adapter.wanted)
                yield self._handed_out(
                    position % size, functools.partial(made, position)
                )
        finally:
            # A pass that is broken off leaves batches in the making; nobody will ask
            # for them.
            while own:
                own.pop().drop()

    def _job(self, number: int) -> Task:
        """A batch in the making, or made where nothing may be made ahead."""
        workers, make = self._adapter.makers()
        task = functools.partial(make, number)
        name = f"batch {number} of {self._adapter.kind}"
        if self._depth:
            return workers.submit(task, name)
        job = Task(task, name)
        job.run()
        return job

    def _parts(self, batch: Batch) -> list[Any]:
        """The rows of each rank."""
        size = self._comm.size

        def part(rank: int) -> tuple[Any, Shard]:
            return rows_of_batch(batch, lambda whole: share(whole, rank, size))

        return [part(rank) for rank in range(size)]

    def _handed_out(self, root: int, make: Callable[[], list[Any]]) -> Any:
        """The part that rank `root` made for this one; an error there is one everywhere."""
        values = None
        if self._comm.rank == root:
            try:
                values = make()
            except Exception as error:
                from minikeras.training.data.processes import portable

                self._comm.scatter([portable(error)] * self._comm.size, root)
                raise
        found = self._comm.scatter(values, root)
        if isinstance(found, Exception):
            found.add_note(
                f"raised on rank {root}, whose turn it was to make the batch"
            )
            raise found
        return None if found is None else Part.of(*found)
