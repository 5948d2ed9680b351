"""Transformations of a Dataset that make other elements of the elements."""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.training.data.dataset import streams
from minikeras.training.data.dataset.base import UNKNOWN, Base
from minikeras.training.data.dataset.elements import called, to_host, to_public

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor
    from minikeras.training.data.dataset import Dataset
    from minikeras.types import Nested


class Changing(Base):
    """Methods of `Dataset`; see there."""

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> Dataset:
        """`map_func` of each element.

        Args:
            map_func: Gets tensors; a tuple's parts are its arguments. It may give
                tensors, arrays and numbers in tuples and dicts.
            num_parallel_calls: How many threads call it at the same time (the order
                stays); -1 (`AUTOTUNE`): as many as there are cores.
            deterministic: Not used; the order always stays.
            name: Not used.
        """

        def call(element: object) -> Any:
            return to_host(called(map_func, element))

        return self._map_host(call, num_parallel_calls)

    def _map_host(
        self, function: Callable[[Any], Any], threads: int | None = None
    ) -> Dataset:
        """`function` of each element, NumPy to NumPy."""
        return self._changed(
            lambda: streams.mapped(function, self._elements(), threads), self._count
        )

    def flat_map(
        self, map_func: Callable[..., Dataset], name: str | None = None
    ) -> Dataset:
        """The elements of the Datasets that a function gives, one after the other."""

        def items() -> Iterator[Any]:
            for element in self._elements():
                yield from called(map_func, element)._elements()

        return self._changed(items, UNKNOWN)

    def interleave(
        self,
        map_func: Callable[..., Any],
        cycle_length: int | None = None,
        block_length: int = 1,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> Dataset:
        """The elements of the Datasets that a function gives, of several in turn.

        Args:
            map_func: Gets an element, gives a Dataset.
            cycle_length: Of how many at the same time; 4 by default.
            block_length: How many elements of one before the next.
            num_parallel_calls: Not used.
            deterministic: Not used; the order is always the same.
            name: Not used.
        """
        width = 4 if cycle_length is None or cycle_length < 1 else int(cycle_length)

        def items() -> Iterator[Any]:
            waiting = self._elements()
            places: list[Iterator[Any] | None] = [None] * width
            at = idle = 0
            while idle < width:  # places in a row with nothing to give
                source = places[at]
                if source is None:
                    for element in itertools.islice(waiting, 1):
                        source = called(map_func, element)._elements()
                block = list(itertools.islice(source or (), block_length))
                yield from block
                # All places empty in a row means that nothing is waiting either.
                idle = idle + 1 if source is None else 0
                places[at] = source if len(block) == block_length else None
                at = (at + 1) % width

        return self._changed(items, UNKNOWN)

    def enumerate(self, start: int = 0, name: str | None = None) -> Dataset:
        """Pairs of a number and an element."""

        def items() -> Iterator[Any]:
            for i, element in builtins.enumerate(self._elements(), start):
                yield np.int64(i), element

        return self._changed(items, self._count)

    def scan(
        self,
        initial_state: Nested[Tensor],
        scan_func: Callable[[Any, Any], Any],
        name: str | None = None,
    ) -> Dataset:
        """What `scan_func(state, element)` gives beside each new state."""

        def items() -> Iterator[Any]:
            state = to_public(to_host(initial_state))
            for element in self._elements():
                state, made = scan_func(state, to_public(element))
                yield to_host(made)

        return self._changed(items, UNKNOWN)
