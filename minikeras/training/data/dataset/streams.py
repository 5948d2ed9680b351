"""What transformations of a Dataset do to a stream of items."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from minikeras.engine.background import Workers, in_order
from minikeras.engine.tensor import host_array
from minikeras.random import draw_seed

AUTOTUNE = -1
_END = object()


def new_seed() -> tuple[int, ...]:
    """A seed from the global generator."""
    return tuple(int(word) for word in host_array(draw_seed(None).value))


def shuffled(items: Iterable[Any], size: int, seed: tuple[int, ...]) -> Iterator[Any]:
    """Items in random order, drawn from a buffer of `size` of them."""
    # The words of a bit generator are the same in every release of NumPy.
    source = np.random.PCG64(np.random.SeedSequence(seed))
    items = iter(items)
    buffer = list(itertools.islice(items, size))
    words: list[int] = []
    for item in items:
        if not words:
            words = source.random_raw(1024).tolist()
        at = words.pop() % len(buffer)
        yield buffer[at]
        buffer[at] = item
    rest = source.random_raw(len(buffer)) if buffer else np.empty(0)
    for at in np.argsort(rest, kind="stable").tolist():
        yield buffer[at]


def repeated(make: Callable[[], Iterator[Any]], count: int | None) -> Iterator[Any]:
    """A stream again and again; an empty one ends at once."""
    for _ in itertools.count() if count is None else range(count):
        empty = True
        for item in make():
            empty = False
            yield item
        if empty:
            return


def chunks(items: Iterable[Any], size: int, whole: bool) -> Iterator[list[Any]]:
    """Lists of `size` neighbours; the last may be shorter unless `whole`."""
    items = iter(items)
    while len(found := list(itertools.islice(items, size))) == size:
        yield found
    if found and not whole:
        yield found


def ahead(items: Iterator[Any], count: int) -> Iterator[Any]:
    """Items made by another thread, up to `count` of them in advance."""
    if count == AUTOTUNE:
        count = 2
    if count < 1:
        yield from items
        return
    workers = Workers()
    found = in_order(
        workers, lambda _: next(items, _END), itertools.count(), count, "the Dataset"
    )
    try:
        for item in found:
            if item is _END:
                return
            yield item
    finally:
        _close(found, workers)


def mapped(
    function: Callable[[Any], Any], items: Iterator[Any], threads: int | None
) -> Iterator[Any]:
    """`function` of each item, in order, by so many threads at the same time."""
    if threads == AUTOTUNE:
        threads = min(len(os.sched_getaffinity(0)), 8) if _LINUX else 4
    if threads is None or threads <= 1:
        yield from map(function, items)
        return
    workers = Workers(threads)
    # The items are taken in this thread, one for each job that is asked for.
    jobs = (functools.partial(function, item) for item in items)
    found = in_order(workers, lambda job: job(), jobs, 2 * threads, "the Dataset")
    try:
        yield from found
    finally:
        _close(found, workers)


_LINUX = hasattr(os, "sched_getaffinity")


def _close(found: Any, workers: Workers) -> None:
    found.close()
    workers.close()


class Cache:
    """A stream that is kept in memory once it was read to its end.

    Args:
        make: Gives the stream anew.
    """

    def __init__(self, make: Callable[[], Iterator[Any]]) -> None:
        self._make = make
        self._items: list[Any] | None = None

    def __call__(self) -> Iterator[Any]:
        if self._items is not None:
            yield from self._items
            return
        found: list[Any] = []
        for item in self._make():
            found.append(item)
            yield item
        self._items = found


def windows(
    elements: Iterator[Any], size: int, shift: int, stride: int, drop: bool
) -> Iterator[list[Any]]:
    """Lists of `size` elements, `stride` apart, each begun `shift` after the last."""
    span = (size - 1) * stride + 1
    held: list[Any] = []
    for element in elements:
        held.append(element)
        if len(held) == max(span, shift):
            yield held[:span:stride]
            held = held[shift:]
    while held:
        if not drop or len(held) >= span:
            yield held[:span:stride]
        held = held[shift:]
