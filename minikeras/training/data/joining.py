"""Transformations that make one Dataset of several, or of files."""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine.strings import as_strings
from minikeras.training.data import streams
from minikeras.training.data.batching import UNKNOWN
from minikeras.training.data.elements import to_host, to_public

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor
    from minikeras.training.data.dataset import Dataset
    from minikeras.types import ArrayLike, Nested


class Joining:
    """Methods of `Dataset`; see there."""

    _elements: Callable[[], Iterator[Any]]
    _changed: Callable[..., Dataset]

    @classmethod
    def list_files(
        cls,
        file_pattern: Any,
        shuffle: bool | None = None,
        seed: int | None = None,
        name: str | None = None,
    ) -> Any:
        """The paths that fit a pattern, or several, as strings.

        Args:
            file_pattern: As `"data/*.csv"`, or a list of such.
            shuffle: Whether each pass has a new order (default); else they are sorted.
            seed: For the order.
            name: Not used.

        Raises:
            ValueError: If nothing fits.
        """
        one = isinstance(file_pattern, (str, os.PathLike))
        patterns = [file_pattern] if one else list(file_pattern)
        found = sorted({p for part in patterns for p in glob.glob(os.fspath(part))})
        if not found:
            raise ValueError(f"Dataset.list_files: nothing fits {file_pattern!r}.")
        elements = [as_strings(path) for path in found]
        made: Any = cls(lambda: iter(elements), len(found))  # type: ignore[call-arg]  # what this is mixed into takes them
        if shuffle is None or shuffle:
            made = made.shuffle(len(found), seed)
        return made

    @classmethod
    def sample_from_datasets(
        cls,
        datasets: Sequence[Any],
        weights: ArrayLike | None = None,
        seed: int | None = None,
        stop_on_empty_dataset: bool = False,
        rerandomize_each_iteration: bool | None = None,
    ) -> Any:
        """Elements of several, each from one that is chosen by chance.

        Args:
            datasets: The Datasets.
            weights: How often each is chosen, `(datasets,)`; equally often by default.
            seed: For the choice.
            stop_on_empty_dataset: Whether the first that ends ends it all; else the others
                go on.
            rerandomize_each_iteration: Not used; each pass has a new order.

        Raises:
            ValueError: If there are more weights than Datasets, or fewer.
        """
        sources = list(datasets)
        odds = np.ones(len(sources)) if weights is None else np.asarray(weights, float)
        if odds.shape != (len(sources),):
            raise ValueError(
                f"Dataset.sample_from_datasets: weights of shape {odds.shape} for "
                f"{len(sources)} Datasets."
            )
        passes = itertools.count()

        def items() -> Iterator[Any]:
            words = streams.new_seed() if seed is None else (int(seed), next(passes))
            draws = np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))
            streams_ = [source._elements() for source in sources]
            open_ = odds > 0
            while open_.any():
                edges = np.cumsum(np.where(open_, odds, 0.0))
                at = int(np.searchsorted(edges, draws.random() * edges[-1], "right"))
                for element in itertools.islice(streams_[at], 1):
                    yield element
                    break
                else:
                    open_ = open_ & (np.arange(len(open_)) != at)
                    if stop_on_empty_dataset:
                        return

        return cls(items, UNKNOWN)  # type: ignore[call-arg]  # as in list_files

    @classmethod
    def choose_from_datasets(
        cls,
        datasets: Sequence[Any],
        choice_dataset: Any,
        stop_on_empty_dataset: bool = True,
    ) -> Any:
        """Elements of several, each from the one whose number another Dataset gives."""
        sources = list(datasets)

        def items() -> Iterator[Any]:
            streams_ = [source._elements() for source in sources]
            for number in choice_dataset._elements():
                found = list(itertools.islice(streams_[int(number)], 1))
                if not found and stop_on_empty_dataset:
                    return
                yield from found

        return cls(items, UNKNOWN)  # type: ignore[call-arg]  # as in list_files

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
                idle = idle + 1 if source is None else 0
                places[at] = source if len(block) == block_length else None
                at = (at + 1) % width

        return self._changed(items, UNKNOWN)

    def take_while(
        self, predicate: Callable[..., Any], name: str | None = None
    ) -> Dataset:
        """The elements before the first for which a function gives false."""

        def items() -> Iterator[Any]:
            return itertools.takewhile(
                lambda e: bool(called(predicate, e)), self._elements()
            )

        return self._changed(items, UNKNOWN)

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


def called(function: Callable[..., Any], element: object) -> Any:
    public = to_public(element)
    return function(*public) if isinstance(public, tuple) else function(public)
