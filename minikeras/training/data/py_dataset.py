"""PyDataset: batches by number, made by the user's own `__getitem__`."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from minikeras.engine.background import (
    Workers,
    in_order,
    interrupts_held,
    may_ahead,
    time_limit,
)
from minikeras.training.data.adapter import Batch, DataAdapter
from minikeras.training.data.class_weight import ClassWeight
from minikeras.training.data.iterables import length, standard_batch
from minikeras.training.data.order import permutation
from minikeras.training.data.turns import Turns

if TYPE_CHECKING:  # importing multiprocessing takes 10 ms, and few datasets need it
    from minikeras.training.data.processes import ProcessWorker


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

    def __iter__(self) -> Iterator[Any]:
        """The batches of an epoch, in order."""
        try:
            count = self.num_batches
        except NotImplementedError:
            count = None
        for index in itertools.count() if count is None else range(count):
            yield self[index]

    @property
    def num_batches(self) -> int | None:
        """Batches in an epoch; None where there is no end."""
        try:
            return len(self)  # type: ignore[arg-type]  # a subclass may have it
        except TypeError:
            raise NotImplementedError(
                f"{type(self).__name__} must define __len__(), the number of batches."
            ) from None

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


class NumberedAdapter(DataAdapter):
    """Batches by number, from a PyDataset or whatever has `__getitem__` and a length.

    Args:
        dataset: The source.
        class_weight: Weights by class number, or None.
        shuffle: Whether the batches come in a new order each epoch.
    """

    def __init__(
        self, dataset: Any, class_weight: ClassWeight = None, shuffle: bool = False
    ) -> None:
        self._dataset = dataset
        self._class_weight = class_weight
        self._shuffle = shuffle
        self.kind = type(dataset).__name__
        self.divided = bool(getattr(dataset, "_divided", False))
        # Subclasses that never called super().__init__() have none of these.
        self._count = max(int(getattr(dataset, "workers", 1)), 1)
        self._multi = bool(getattr(dataset, "use_multiprocessing", False))
        self._ahead = max(int(getattr(dataset, "max_queue_size", 10)), 1)
        self.alone()
        self._turns: Turns | None = None
        self._made: int | None = None  # the number that was asked for last
        self._workers: Workers | None = None
        self._processes: list[ProcessWorker] = []
        self._idle: SimpleQueue[ProcessWorker] = SimpleQueue()
        self._measure()

    def _measure(self) -> None:
        if isinstance(self._dataset, PyDataset):
            self.num_batches = self._dataset.num_batches
        else:
            self.num_batches = length(self._dataset)
        self.infinite = self.num_batches is None

    def item(self, position: int) -> str:
        """The batch by its number, which is not its position where they are shuffled."""
        return super().item(position if self._made is None else self._made)

    def on_epoch_begin(self) -> None:
        """Pass the hook on."""
        hook = getattr(self._dataset, "on_epoch_begin", None)
        if hook is not None:
            hook()

    def on_epoch_end(self) -> None:
        """Pass the hook on; the data may have another length now."""
        hook = getattr(self._dataset, "on_epoch_end", None)
        if hook is not None:
            hook()
        self._measure()

    def take_turns(self, ahead: bool) -> None:
        """Have each rank make some of the batches, and give the others their rows.

        Args:
            ahead: Whether batches may be made ahead.
        """
        depth = self._count if self.ahead else self._ahead
        self._turns = Turns(self, self._dataset, depth if ahead and may_ahead() else 0)
        self.ahead = False  # ranks meet for every batch, in the thread of the steps

    def alone(self) -> None:
        """Have this process make all batches."""
        # With one worker the feed's own thread makes the next batch; more have a queue
        # here.
        self.ahead = self._count == 1 and not self._multi

    def epoch(self) -> Iterator[Batch]:
        """The batches of one pass, in order or shuffled."""
        if self._turns is not None:
            return self._turns.epoch()
        return self.made(self.numbers())

    def made(self, numbers: Iterable[int]) -> Iterator[Batch]:
        """The batches of these numbers, all by this process."""
        if self.ahead:
            return map(self._make, numbers)
        workers, make = self.makers()
        return in_order(workers, make, numbers, self._ahead, self.kind)

    def makers(self) -> tuple[Workers, Callable[[int], Batch]]:
        """Threads, and what makes a batch in one of them."""
        if self._workers is None:
            self._workers = Workers(self._count)
        if not self._multi:
            return self._workers, self._make
        self._send_dataset()
        return self._workers, self._make_elsewhere

    def numbers(self) -> Iterator[int]:
        """The numbers of one pass, in order or shuffled."""
        if self.num_batches is None:
            yield from itertools.count()
            return
        count = self.num_batches
        order = permutation(count).tolist() if self._shuffle else range(count)
        for number in order:
            if number < (self.num_batches or 0):  # a hook may have shortened the data
                yield number

    def _make(self, number: int) -> Batch:
        self._made = number
        return standard_batch(self._dataset[number], self._class_weight, self.kind)

    def _make_elsewhere(self, number: int) -> Batch:
        """A batch by a process; the thread that waits for it is one of as many."""
        process = self._idle.get()
        try:
            data = process.make(number, time_limit())
        finally:
            self._idle.put(process)
        return standard_batch(data, self._class_weight, self.kind)

    def _send_dataset(self) -> None:
        """A copy of the dataset to each process, where they have none or an old one."""
        if self._processes and not self._has_hooks():
            return
        try:
            pickled = pickle.dumps(self._dataset)
        except Exception as error:
            error.add_note(
                f"{self.kind} has use_multiprocessing=True, so it is pickled and sent to its "
                "workers. Keep what cannot be pickled out of it, or use threads."
            )
            raise
        if not self._processes:
            with interrupts_held():
                from minikeras.training.data.processes import ProcessWorker

                for _ in range(self._count):
                    self._processes.append(ProcessWorker(self.kind))
            free = list(self._processes)
        else:  # a pass that was broken off may keep some busy still
            free = [self._idle_process() for _ in self._processes]
        for process in free:
            process.load(pickled)
        for process in free:
            try:
                process.loaded()
            except (AttributeError, ImportError) as error:
                error.add_note(
                    f"The processes of {self.kind} (use_multiprocessing=True) start anew and "
                    "import its class, which those of a notebook or an interactive session "
                    "have no module for. Write it into a .py file and import it from there, "
                    "or use threads: use_multiprocessing=False."
                )
                raise
            self._idle.put(process)

    def _idle_process(self) -> ProcessWorker:
        try:
            return self._idle.get(timeout=time_limit())
        except Empty:
            raise TimeoutError(
                f"a worker process of {self.kind} is still busy with a batch of the last epoch."
            ) from None

    def _has_hooks(self) -> bool:
        kind = type(self._dataset)
        return any(
            getattr(kind, name, None) is not getattr(PyDataset, name)
            for name in ("on_epoch_begin", "on_epoch_end")
        )

    def close(self) -> None:
        """End the workers."""
        workers, self._workers = self._workers, None
        processes, self._processes = self._processes, []
        self._idle = SimpleQueue()
        for process in processes:
            process.ask_to_end()
        for process in processes:
            process.close()
        if workers is not None:
            workers.close()
