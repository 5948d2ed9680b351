"""Transformations of a Dataset that change which elements come when."""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from minikeras.training.data.dataset import streams
from minikeras.training.data.dataset.base import INFINITE, UNKNOWN, Base, positive
from minikeras.training.data.dataset.elements import called

if TYPE_CHECKING:
    from minikeras.training.data.dataset import Dataset


class Ordering(Base):
    """Methods of `Dataset`; see there."""

    def shuffle(
        self,
        buffer_size: int,
        seed: int | None = None,
        reshuffle_each_iteration: bool = True,
        name: str | None = None,
    ) -> Dataset:
        """Random order, drawn from a buffer of so many elements.

        A buffer of at least all elements shuffles evenly.

        Args:
            buffer_size: Elements in the buffer.
            seed: An integer, or None for the global seed.
            reshuffle_each_iteration: Whether each pass has a new order.
            name: Not used.
        """
        positive("shuffle", "buffer_size", buffer_size)
        passes = itertools.count()
        fixed: list[tuple[int, ...]] = []

        def items() -> Iterator[Any]:
            if reshuffle_each_iteration or not fixed:
                # With a seed the order of pass n is always the same, and another one
                # for each n.
                new = streams.new_seed() if seed is None else (int(seed), next(passes))
                fixed[:] = [new]
            return streams.shuffled(self._items(), buffer_size, fixed[0])

        return self._reordered(items, self._count)

    def repeat(self, count: int | None = None, name: str | None = None) -> Dataset:
        """All elements `count` times over; None or -1: without end."""
        times = None if count is None or count < 0 else count
        if self._count in (INFINITE, 0) or times == 0:
            total = 0 if times == 0 else self._count
        elif times is None:
            total = INFINITE
        else:
            total = UNKNOWN if self._count == UNKNOWN else self._count * times
        return self._reordered(lambda: streams.repeated(self._items, times), total)

    def take(self, count: int, name: str | None = None) -> Dataset:
        """The first `count` elements; -1: all."""
        if count < 0:
            return self._reordered(self._items, self._count)
        total = self._count
        if total != UNKNOWN:
            total = count if total == INFINITE else min(count, total)
        return self._reordered(lambda: itertools.islice(self._items(), count), total)

    def skip(self, count: int, name: str | None = None) -> Dataset:
        """All but the first `count` elements; -1: none."""
        total = max(self._count - count, 0) if self._count >= 0 else self._count
        if count < 0:
            return self._reordered(lambda: iter(()), 0)
        return self._reordered(
            lambda: itertools.islice(self._items(), count, None), total
        )

    def shard(self, num_shards: int, index: int, name: str | None = None) -> Dataset:
        """Every `num_shards`-th element, beginning with number `index`."""
        if not 0 <= index < num_shards:
            raise ValueError(
                f"Dataset.shard: index={index}; expected 0 to {num_shards - 1}."
            )
        total = self._count
        if total >= 0:
            total = len(builtins.range(index, total, num_shards))
        return self._reordered(
            lambda: itertools.islice(self._items(), index, None, num_shards), total
        )

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements for which a function gives true."""

        def items() -> Iterator[Any]:
            return (e for e in self._elements() if bool(called(predicate, e)))

        return self._changed(items, UNKNOWN, self._batched)

    def take_while(
        self, predicate: Callable[..., Any], name: str | None = None
    ) -> Dataset:
        """The elements before the first for which a function gives false."""

        def items() -> Iterator[Any]:
            return itertools.takewhile(
                lambda e: bool(called(predicate, e)), self._elements()
            )

        return self._changed(items, UNKNOWN)
