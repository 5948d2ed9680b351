"""`keras.src.trainers.epoch_iterator`: the batches of `fit`, for loops of one's own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from minikeras.training.data import make_adapter, pack_x_y_sample_weight
from minikeras.types import ArrayLike


class EpochIterator:
    """Gives the batches of data, as `fit` takes them, epoch by epoch.

    Args:
        x: Arrays, a `PyDataset`, a dataset or a generator.
        y: Targets; with arrays only.
        sample_weight: Weights; with arrays only.
        batch_size: Samples of a batch of arrays; default 32.
        steps_per_epoch: Batches of an epoch; default all that there are.
        shuffle: Whether to draw the order of arrays anew for each epoch.
        class_weight: Weights by class number.
        steps_per_execution: How many batches are given at a time.

    Example:

    >>> from minikeras.alias.internals.epochs import EpochIterator
    >>> for begin, end, batches in EpochIterator(np.arange(10.0), batch_size=4).enumerate_epoch():
    ...     print(begin, end, [x.shape for x in batches])
    0 0 [(4,)]
    1 1 [(4,)]
    2 2 [(2,)]
    """

    def __init__(
        self,
        x: object,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        batch_size: int | None = None,
        steps_per_epoch: int | None = None,
        shuffle: bool = False,
        class_weight: dict[int, float] | None = None,
        steps_per_execution: int = 1,
    ) -> None:
        if steps_per_epoch is not None and steps_per_epoch < 1:
            raise ValueError(
                f"EpochIterator: steps_per_epoch={steps_per_epoch}; expected at least 1."
            )
        self.steps_per_epoch = steps_per_epoch
        self.steps_per_execution = int(steps_per_execution)
        self.data_adapter = make_adapter(
            x, y, sample_weight, batch_size, shuffle, class_weight
        )
        self.data_adapter.reuse = False  # batches may be kept by whoever asked for them
        self._current: Iterator[Any] | None = None

    @property
    def num_batches(self) -> int | None:
        """Batches of an epoch; None where that is not known."""
        return self.steps_per_epoch or self.data_adapter.num_batches

    def reset(self) -> None:
        """The next epoch begins with the first batch."""
        self._current = None
        self.data_adapter.on_epoch_end()

    def __iter__(self) -> Iterator[Any]:
        for _, _, batches in self.enumerate_epoch():
            yield from batches

    def enumerate_epoch(self) -> Iterator[tuple[int, int, list[Any]]]:
        """`(first step, last step, batches)` for each call of a step function.

        With `steps_per_epoch` an epoch goes on where the one before stopped; it ends early,
        with a warning, where the data do.
        """
        whole = self.steps_per_epoch is None
        first = None if self._current is None else self._take(1)
        if whole or not first:
            self._current, first = self._pass(), []
        step, left = 0, self.steps_per_epoch
        while left is None or left > 0:
            count = min(self.steps_per_execution, left or self.steps_per_execution)
            batches = first + self._take(count - len(first))
            first = []
            if batches:
                yield step, step + len(batches) - 1, batches
            step += len(batches)
            left = None if left is None else left - len(batches)
            if len(batches) < count:
                break
        if whole:
            self.reset()
        elif left:
            self._current = None
            warnings.warn(
                f"EpochIterator: the data ended after {step} of {self.steps_per_epoch} batches; "
                "give fewer steps_per_epoch, or data that repeat.",
                stacklevel=2,
            )

    def _pass(self) -> Iterator[Any]:
        self.data_adapter.on_epoch_begin()
        for batch in self.data_adapter.epoch():
            yield pack_x_y_sample_weight(*batch)

    def _take(self, count: int) -> list[Any]:
        """Up to so many batches of the pass under way."""
        return [] if self._current is None else list(islice(self._current, count))

    @contextmanager
    def catch_stop_iteration(self) -> Iterator[None]:
        """A block that data may end in."""
        try:
            yield
        except StopIteration:
            self._current = None


__all__ = ["EpochIterator"]
