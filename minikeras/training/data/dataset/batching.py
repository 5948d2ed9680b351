"""Transformations of a Dataset that change how many elements make one: batches, windows."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from minikeras.engine import tree
from minikeras.training.data.dataset import streams
from minikeras.training.data.dataset.base import INFINITE, UNKNOWN, Base, positive
from minikeras.training.data.dataset.elements import rows, stack, stack_padded

if TYPE_CHECKING:
    from minikeras.training.data.dataset import Dataset


class Batching(Base):
    """Methods of `Dataset`; see there."""

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> Dataset:
        """Neighbouring elements stacked along a new first axis.

        Args:
            batch_size: Elements in a batch.
            drop_remainder: Whether a last, smaller batch is left out.
            num_parallel_calls: Not used.
            deterministic: Not used.
            name: Not used.

        Raises:
            ValueError: While iterating, if shapes differ.
        """
        join = stack if self._gather is None else self._gather
        # Where numbers of rows are still at hand a batch is one gather, not a stack of
        # rows.
        source = self._elements if self._gather is None else self._items
        return self._batches(source, join, batch_size, drop_remainder)

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: object = None,
        padding_values: object = None,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Dataset:
        """Batches whose elements are filled up at the end to the longest of them.

        Args:
            batch_size: Elements in a batch.
            padded_shapes: A shape for each part of an element, with None or -1 for the
                longest. Default: every axis is filled up to the longest.
            padding_values: A number to fill up with. Default: 0, and `""` for strings.
            drop_remainder: Whether a last, smaller batch is left out.
            name: Not used.
        """

        def join(elements: list[Any]) -> Any:
            return stack_padded(elements, padding_values, padded_shapes)

        return self._batches(self._elements, join, batch_size, drop_remainder)

    def _batches(
        self,
        source: Callable[[], Iterator[Any]],
        join: Callable[[list[Any]], Any],
        size: int,
        drop: bool,
    ) -> Dataset:
        size = int(size)
        positive("batch", "batch_size", size)
        total = self._count
        if total >= 0:
            total = total // size if drop else -(-total // size)
        return self._changed(
            lambda: map(join, streams.chunks(source(), size, drop)), total, not drop
        )

    def window(
        self,
        size: int,
        shift: int | None = None,
        stride: int = 1,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Dataset:
        """Datasets of `size` neighbours each.

        Args:
            size: Elements in a window.
            shift: How many elements after the last window's beginning the next begins.
                Default: `size`.
            stride: Distance of the elements within a window.
            drop_remainder: Whether windows with fewer elements are left out.
            name: Not used.

        Returns:
            A `Dataset` of Datasets; for elements that are tuples or dicts, of tuples or
            dicts of Datasets.
        """
        positive("window", "size", size)

        def items() -> Iterator[Any]:
            for held in streams.windows(
                self._elements(), size, shift or size, stride, drop_remainder
            ):
                leaves = [tree.flatten(element) for element in held]
                spec = tree.flatten_spec(held[0])[1]
                columns = builtins.zip(*leaves, strict=True)
                yield tree.unflatten(spec, [self._of_list(c) for c in columns])

        return self._changed(items, UNKNOWN)

    def _of_list(self, elements: Sequence[Any]) -> Dataset:
        return self._new(lambda: iter(elements), len(elements))

    def unbatch(self, name: str | None = None) -> Dataset:
        """The rows of each element as elements."""
        return self._changed(
            lambda: (r for element in self._elements() for r in rows(element)),
            INFINITE if self._count == INFINITE else UNKNOWN,
        )
