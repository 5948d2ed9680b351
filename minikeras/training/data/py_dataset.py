"""PyDataset: batches by number, made by the user's own `__getitem__`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from minikeras.training.data.adapter import Batch, DataAdapter
from minikeras.training.data.iterables import ClassWeight, standard_batch
from minikeras.training.data.order import permutation

if TYPE_CHECKING:  # what workers need costs 10 ms, and few datasets have any
    from concurrent.futures import Executor, Future


class PyDataset:
    """Base class of datasets that make each batch on demand.

    A subclass has `__getitem__(index)`, which gives batch number `index` as `(x, y)`
    or `(x, y, sample_weight)`, and `__len__` (or a property `num_batches`), the number
    of batches in an epoch. `on_epoch_begin` and `on_epoch_end` may change the data.

    Args:
        workers: How many batches are made at the same time, in the background.
        use_multiprocessing: Whether the workers are processes, not threads; the
            dataset must then be picklable.
        max_queue_size: How many batches may wait ready made.

    Example:
        >>> import numpy as np
        >>> import minikeras as keras
        >>> class Squares(keras.utils.PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, index):
        ...         x = np.full((4, 1), index, "float32")
        ...         return x, x * x
        >>> len(Squares()), Squares()[2][1].ravel().tolist()
        (3, [4.0, 4.0, 4.0, 4.0])
    """

    def __init__(
        self,
        workers: int = 1,
        use_multiprocessing: bool = False,
        max_queue_size: int = 10,
    ) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """Batch number `index`."""
        raise NotImplementedError(
            f"{type(self).__name__} must define __getitem__(index)."
        )

    @property
    def num_batches(self) -> int | None:
        """Batches in an epoch; None where there is no end."""
        try:
            return len(self)  # type: ignore[arg-type]
        except TypeError:
            raise NotImplementedError(
                f"{type(self).__name__} must define __len__(), the number of batches."
            ) from None

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


class PyDatasetAdapter(DataAdapter):
    """The batches of a PyDataset, made ahead by its workers.

    Args:
        dataset: The PyDataset.
        class_weight: Weights by class number, or None.
        shuffle: Whether the batches come in a new order each epoch.
    """

    def __init__(
        self,
        dataset: PyDataset,
        class_weight: ClassWeight = None,
        shuffle: bool = False,
    ) -> None:
        self._dataset = dataset
        self._class_weight = class_weight
        self._shuffle = shuffle
        # Subclasses that never called super().__init__() have none of these.
        self._workers = int(getattr(dataset, "workers", 1))
        self._processes = bool(getattr(dataset, "use_multiprocessing", False))
        self._ahead = max(int(getattr(dataset, "max_queue_size", 10)), 1)
        self.num_batches = dataset.num_batches
        self.infinite = self.num_batches is None

    def on_epoch_begin(self) -> None:
        """Pass the hook on."""
        self._dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Pass the hook on; the data may have another length now."""
        self._dataset.on_epoch_end()
        self.num_batches = self._dataset.num_batches

    def epoch(self) -> Iterator[Batch]:
        """The batches of one pass, in order or shuffled."""
        source = type(self._dataset).__name__
        for data in self._items():
            yield standard_batch(data, self._class_weight, source)

    def _numbers(self) -> Iterator[int]:
        count = self.num_batches
        if count is None:
            number = 0
            while True:
                yield number
                number += 1
        elif self._shuffle:
            yield from permutation(count).tolist()
        else:
            yield from range(count)

    def _items(self) -> Iterator[Any]:
        if self._workers <= 1 and not self._processes:
            for number in self._numbers():
                yield self._dataset[number]
            return
        executor = self._executor()
        waiting: deque[Future[Any]] = deque()
        try:
            for number in self._numbers():
                waiting.append(executor.submit(_item, self._dataset, number))
                if len(waiting) >= self._ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            executor.shutdown(wait=True, cancel_futures=True)

    def _executor(self) -> Executor:
        if self._processes:
            # "spawn": forking a process that has threads can deadlock it.
            import multiprocessing
            from concurrent.futures import ProcessPoolExecutor

            context = multiprocessing.get_context("spawn")
            return ProcessPoolExecutor(self._workers, mp_context=context)
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(self._workers, thread_name_prefix="minikeras-data")


def _item(dataset: PyDataset, number: int) -> Any:
    return dataset[number]
