"""Datasets of the package `datasets` (Hugging Face), known by what they can do.

They hold named columns. A column `label` or `labels` is the target, the others are the
inputs: one array where it is one column, else a dict by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikeras.engine.ranks import Shard
from minikeras.training.data.adapter import Batch, DataAdapter
from minikeras.training.data.class_weight import ClassWeight
from minikeras.training.data.iterables import standard_batch
from minikeras.training.data.order import shuffled
from minikeras.training.data.part import Part

_LABELS = ("label", "labels")


def is_hugging_face(value: object) -> bool:
    """Whether it is a `datasets.Dataset` or `datasets.IterableDataset`."""
    return all(hasattr(value, n) for n in ("column_names", "with_format", "features"))


class HuggingFaceAdapter(DataAdapter):
    """Batches of the rows of a Hugging Face dataset.

    Args:
        dataset: The dataset; with a length it can be shuffled, as a stream it cannot.
        class_weight: Weights by class number, or None.
        batch_size: Rows in a batch.
        shuffle: Whether the rows come in a new order each epoch.
    """

    ahead = True

    def __init__(
        self,
        dataset: Any,
        class_weight: ClassWeight = None,
        batch_size: int = 32,
        shuffle: bool | str = False,
    ) -> None:
        self._dataset = dataset.with_format("numpy")
        self._class_weight = class_weight
        self._batch_size = batch_size
        self._shuffle = shuffle
        self.kind = type(dataset).__name__
        if hasattr(dataset, "__len__"):
            self.num_samples = len(dataset)
            self.num_batches = -(-self.num_samples // batch_size)

    def epoch(self) -> Iterator[Batch]:
        """The batches of one pass; parts of them where other rows are left unread."""
        for columns, shard in self._columns():
            names = [name for name in _LABELS if name in columns]
            y = columns[names[0]] if names else None
            x = {k: v for k, v in columns.items() if k not in names[:1]}
            only = next(iter(x.values())) if len(x) == 1 else x
            data = (only,) if y is None else (only, y)
            batch = standard_batch(data, self._class_weight, self.kind)
            yield batch if shard is None else Part.of(batch, shard)

    def _columns(self) -> Iterator[tuple[dict[str, Any], Shard | None]]:
        size, share = self.num_samples, self.share
        if size is None or not (self._shuffle or share):
            for columns in self._dataset.iter(batch_size=self._batch_size):
                yield columns, None
            return
        chunk = self._batch_size if self._shuffle == "batch" else None
        order = shuffled(size, chunk) if self._shuffle else None
        for start in range(0, size, self._batch_size):
            stop = min(start + self._batch_size, size)
            shard = None if share is None else share(stop - start)
            if shard is not None:
                start += shard.start
                stop = start + shard.rows
            rows = slice(start, stop) if order is None else order[start:stop].tolist()
            yield self._dataset[rows], shard
