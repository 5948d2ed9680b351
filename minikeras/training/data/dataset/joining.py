"""One Dataset of several."""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine import tree
from minikeras.training.data.dataset import streams
from minikeras.training.data.dataset.base import INFINITE, UNKNOWN, Base

if TYPE_CHECKING:
    from minikeras.training.data.dataset import Dataset
    from minikeras.types import ArrayLike


class Joining(Base):
    """Methods of `Dataset`; see there."""

    @classmethod
    def zip(cls, *datasets: object, name: str | None = None) -> Dataset:
        """Elements of several Datasets side by side, up to the end of the shortest.

        Args:
            *datasets: Datasets, or one tuple or dict of them.
            name: Not used.
        """
        parts = datasets[0] if len(datasets) == 1 else tuple(datasets)
        leaves, spec = tree.flatten_spec(parts)
        known = [d._count for d in leaves if d._count != INFINITE]
        count = INFINITE if not known else UNKNOWN if UNKNOWN in known else min(known)

        def items() -> Iterator[Any]:
            for found in builtins.zip(*[d._elements() for d in leaves], strict=False):
                yield tree.unflatten(spec, found)

        return cls._new(items, count)

    def concatenate(self, dataset: Dataset, name: str | None = None) -> Dataset:
        """These elements, then those of another Dataset."""
        counts = (self._count, dataset._count)
        total = INFINITE if INFINITE in counts else sum(counts)
        if UNKNOWN in counts and total != INFINITE:
            total = UNKNOWN
        return self._changed(
            lambda: itertools.chain(self._elements(), dataset._elements()),
            total,
            self._batched and dataset._batched,
        )

    @classmethod
    def sample_from_datasets(
        cls,
        datasets: Sequence[Dataset],
        weights: ArrayLike | None = None,
        seed: int | None = None,
        stop_on_empty_dataset: bool = False,
        rerandomize_each_iteration: bool | None = None,
    ) -> Dataset:
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
                # The source whose share of the line a uniform draw falls into; closed
                # ones have width 0.
                at = int(np.searchsorted(edges, draws.random() * edges[-1], "right"))
                for element in itertools.islice(streams_[at], 1):
                    yield element
                    break
                else:
                    open_ = open_ & (np.arange(len(open_)) != at)
                    if stop_on_empty_dataset:
                        return

        return cls._new(items, UNKNOWN)

    @classmethod
    def choose_from_datasets(
        cls,
        datasets: Sequence[Dataset],
        choice_dataset: Dataset,
        stop_on_empty_dataset: bool = True,
    ) -> Dataset:
        """Elements of several, each from the one whose number another Dataset gives."""
        sources = list(datasets)

        def items() -> Iterator[Any]:
            streams_ = [source._elements() for source in sources]
            for number in choice_dataset._elements():
                found = list(itertools.islice(streams_[int(number)], 1))
                if not found and stop_on_empty_dataset:
                    return
                yield from found

        return cls._new(items, UNKNOWN)
