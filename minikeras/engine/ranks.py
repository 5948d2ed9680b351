"""Ranks: processes that run the same program, each on its rows of every batch.

The engine knows a communicator, by which they talk; alone, it is one that does nothing.
`minikeras.distribution` puts another in its place. Whoever traces a step asks `shard()`:
None, or which rows of the batch are here. Nothing else in a process tells that there
are more of them, and a step that is traced without a shard is the step it always was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Communicator:
    """How ranks talk. This one is alone.

    Attributes:
        name: What carries the messages.
        rank: The number of this process, from 0.
        size: How many processes there are.
    """

    name = "none"
    rank = 0
    size = 1

    def reduce_into(
        self, arrays: Sequence[Any], results: Sequence[Any], means: Sequence[bool]
    ) -> None:
        """Write the sums or means over all ranks, added up in the order of the ranks.

        Args:
            arrays: Arrays of the active backend, C-contiguous.
            results: Where each result goes; may be the array itself.
            means: For each array, whether its mean is wanted rather than its sum.
        """
        for array, result in zip(arrays, results, strict=True):
            if result is not array:
                result[...] = array

    def gather(self, value: object) -> list[Any]:
        """One Python object of each rank, in their order, on every rank."""
        return [value]

    def broadcast(self, value: object) -> Any:
        """The Python object that rank 0 gives, on every rank."""
        return value

    def scatter(self, values: Sequence[object] | None, root: int) -> Any:
        """The Python object that rank `root` gives for this rank.

        Args:
            values: On rank `root` one object for each rank, elsewhere None.
            root: Who gives them.
        """
        # By the one exchange that every communicator has; what is scattered is small.
        return self.gather(values)[root][self.rank]


class Shard(NamedTuple):
    """Rows of a batch that are here.

    Attributes:
        whole: Rows of the batch on all ranks together.
        start: The first row that is here.
        rows: How many are here.
    """

    whole: int
    start: int
    rows: int


def share(whole: int, rank: int, size: int) -> Shard:
    """The rows of a rank: neighbours, at most one more than any other has.

    >>> [share(10, rank, 4)[1:] for rank in range(4)]
    [(0, 2), (2, 3), (5, 2), (7, 3)]
    """
    # Rows that do not divide evenly are spread among the ranks, not put on the last one.
    start, stop = whole * rank // size, whole * (rank + 1) // size
    return Shard(whole, start, stop - start)


ALONE = Communicator()
# One for the process, as MPI's world is, and not by context: the threads that load data
# and those that watch for ranks that hang are of the same rank.
_active: Communicator = ALONE
_divides = True
# By context: only the step has rows. What runs beside it, or in a callback, has whole
# arrays, and must not take part in an exchange that no other rank makes.
_shard: ContextVar[Shard | None] = ContextVar("minikeras_shard", default=None)
_reduced: ContextVar[bool] = ContextVar("minikeras_reduced", default=False)


def communicator() -> Communicator:
    """The communicator in use."""
    return _active


def use(made: Communicator | None, divides: bool = True) -> None:
    """Talk by this communicator from now on; None: be alone.

    Args:
        made: The communicator.
        divides: Whether every rank has all data and takes its rows of each batch.
            Otherwise what a rank has is its own.
    """
    global _active, _divides
    _active, _divides = made or ALONE, divides


def divides() -> bool:
    """Whether the ranks divide the rows of every batch among them."""
    return _divides


def several() -> bool:
    """Whether there is more than one rank."""
    return _active.size > 1


def first() -> bool:
    """Whether this is the rank that writes and prints."""
    return _active.rank == 0


def shard() -> Shard | None:
    """Which rows of the batch the step that runs has; None: all of them."""
    return _shard.get()


def on(
    rows: Shard | None, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """`function(*args, **kwargs)` as a step that has these rows."""

    def run() -> R:
        _shard.set(rows)
        return function(*args, **kwargs)

    # In a copy of the context, which is dropped whichever way the call ends: after an
    # interrupt no later step takes itself for one that has only some rows.
    return copy_context().run(run)


def reduced() -> bool:
    """Whether gradients that come now are those of all ranks already."""
    return _reduced.get()


@contextmanager
def gradients_reduced() -> Iterator[None]:
    """A block whose gradients are those of all ranks already."""
    token = _reduced.set(True)
    try:
        yield
    finally:
        _reduced.reset(token)
