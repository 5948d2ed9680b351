"""Sources of batches of which a process takes its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikeras.engine.ranks import share
from minikeras.training.data import PyDataset
from minikeras.training.data.part import rows_of_batch


class _Rows:
    """Batches by iteration, each with the rows of one process."""

    _divided = True

    def __init__(self, source: Any, rank: int, size: int) -> None:
        self._source, self._rank, self._size = source, rank, size

    def __iter__(self) -> Iterator[Any]:
        for batch in self._source:
            yield self._cut(batch)

    def _cut(self, batch: object) -> Any:
        return rows_of_batch(batch, lambda whole: share(whole, self._rank, self._size))[
            0
        ]


class _CountedRows(_Rows):
    """The same, of a source that knows how many batches there are."""

    def __len__(self) -> int:
        return len(self._source)


class _DatasetRows(PyDataset):
    """A PyDataset with the rows of one process."""

    _divided = True

    def __init__(self, source: PyDataset, rows: _Rows) -> None:
        super().__init__(
            getattr(source, "workers", 1),
            getattr(source, "use_multiprocessing", False),
            getattr(source, "max_queue_size", 10),
        )
        self._source, self._rows = source, rows

    @property
    def num_batches(self) -> int | None:
        """Batches in an epoch."""
        return self._source.num_batches

    def __len__(self) -> int:
        return len(self._source)  # type: ignore[arg-type]  # asked only where it has one

    def __getitem__(self, index: int) -> Any:
        return self._rows._cut(self._source[index])

    def on_epoch_begin(self) -> None:
        """Pass the hook on."""
        self._source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Pass the hook on."""
        self._source.on_epoch_end()


def divided(source: Any, rank: int, size: int) -> Any:
    """A source of batches, each with the rows of one process.

    Raises:
        ValueError: If it gives no batches.
    """
    rows = _Rows(source, rank, size)
    if isinstance(source, PyDataset):
        return _DatasetRows(source, rows)
    if hasattr(source, "__iter__") and not hasattr(source, "shape"):
        return _CountedRows(source, rank, size) if hasattr(source, "__len__") else rows
    raise ValueError(
        f"distribute_dataset: got a {type(source).__name__}; expected a PyDataset or an "
        "iterable of batches. fit divides arrays by itself."
    )
