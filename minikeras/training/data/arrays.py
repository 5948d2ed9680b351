"""Arrays: sliced, or gathered in shuffled order, into contiguous batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minikeras.engine import tree
from minikeras.training.data.adapter import Batch, DataAdapter
from minikeras.training.data.class_weight import ClassWeight, sample_weight_of
from minikeras.training.data.leaves import check_lengths, named_leaves
from minikeras.training.data.order import Order, shuffled
from minikeras.training.data.part import Part
from minikeras.training.data.rows import Array, Rows, gathered
from minikeras.types import ArrayLike, Nested

# Bytes of a batch from which another thread gathers it; below, asking costs more.
_LARGE = 1 << 20


class ArrayAdapter(DataAdapter):
    """Batches from host arrays `(samples, ...)` in nested structures.

    Unshuffled batches are views of the arrays. Shuffled ones are gathered into two
    buffers by turns, so that an epoch allocates nothing but its order. Leaves that are
    `Rows` are read batch by batch.

    Args:
        x: Inputs.
        y: Targets, or None.
        sample_weight: Weights, or None.
        batch_size: Samples in a batch; the last one of an epoch may be smaller.
        shuffle: True, False, or `"batch"` to shuffle whole batches only.
        owner: The method to name in messages.
        class_weight: Weights by class number, which become the sample weights.

    Attributes:
        on_demand: Whether a leaf is read batch by batch.
    """

    def __init__(
        self,
        x: object,
        y: object = None,
        sample_weight: Nested[ArrayLike] | None = None,
        batch_size: int = 32,
        shuffle: bool | str = False,
        owner: str = "fit",
        class_weight: ClassWeight = None,
    ) -> None:
        parts = [("x", x), ("y", y), ("sample_weight", sample_weight)]
        named = [leaf for name, part in parts for leaf in named_leaves(part, name)]
        self.num_samples: int = check_lengths(named, owner)
        self.batch_size = batch_size
        self.num_batches: int = -(-self.num_samples // batch_size)
        self.shuffle = shuffle
        self.on_demand = any(isinstance(leaf, Rows) for _, leaf in named)
        self._class_weight = class_weight if self.on_demand else None
        if class_weight is not None and not self.on_demand:
            sample_weight = sample_weight_of(y, class_weight)
        self.parts: Batch = (x, y, sample_weight)
        self._leaves, self._spec = tree.flatten_spec(self.parts)
        self._buffers: list[list[Array | None]] = []
        row = sum(
            leaf.dtype.itemsize * int(np.prod(leaf.shape[1:])) for _, leaf in named
        )
        large = row * min(batch_size, self.num_samples) >= _LARGE
        # Slices in order are views, made in no time; reading files and gathering take
        # their while.
        self.ahead = self.on_demand or (bool(shuffle) and large)

    def epoch(self) -> Iterator[Batch]:
        """The batches of one pass, in a new order where shuffling is on."""
        order = None
        if self.shuffle:
            chunk = self.batch_size if self.shuffle == "batch" else None
            order = shuffled(self.num_samples, chunk)
        for index in range(self.num_batches):
            start = index * self.batch_size
            stop = min(start + self.batch_size, self.num_samples)
            shard = None
            if self.share is not None:
                shard = self.share(stop - start)
                start += shard.start
                stop = start + shard.rows
            if order is None:
                leaves = [_neighbours(a, start, stop) for a in self._leaves]
            else:
                leaves = self._gather(order[start:stop], index)
            batch: Batch = tree.unflatten(self._spec, leaves)
            if self._class_weight is not None:
                x, y, _ = batch
                batch = x, y, sample_weight_of(y, self._class_weight)
            yield batch if shard is None else Part.of(batch, shard)

    def _gather(self, rows: Order, index: int) -> list[Array | None]:
        buffers: list[Array | None] = [None] * len(self._leaves)
        if self.reuse:
            if not self._buffers:
                # Two, since the next batch is gathered while the step still reads this
                # one.
                self._buffers = [self._new_buffers(), self._new_buffers()]
            buffers = self._buffers[index % 2]
        return [_taken(a, rows, b) for a, b in zip(self._leaves, buffers)]

    def _new_buffers(self) -> list[Array | None]:
        size = min(self.batch_size, self.num_samples)
        return [
            np.empty((size, *a.shape[1:]), a.dtype)
            if isinstance(a, np.ndarray)
            else None
            for a in self._leaves
        ]


def _neighbours(leaf: Array | Rows | None, start: int, stop: int) -> Array | None:
    if isinstance(leaf, Rows):
        return leaf.read(start, stop)
    return None if leaf is None else leaf[start:stop]


def _taken(
    leaf: Array | Rows | None, rows: Order, buffer: Array | None
) -> Array | None:
    if leaf is None:
        return None
    return gathered(leaf, rows, None if buffer is None else buffer[: len(rows)])


def split_structure(structure: object, size: int, at: int) -> tuple[Any, Any]:
    """The first `at` of `size` samples, and the others, as views."""

    def part(where: slice) -> Any:
        return tree.map_structure(lambda a: None if a is None else a[where], structure)

    return part(slice(0, at)), part(slice(at, size))


def validation_split(
    parts: tuple[Any, Any, Any], fraction: float
) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
    """Training and validation parts; the last samples validate, before any shuffling.

    Raises:
        ValueError: If the fraction is not between 0 and 1, or leaves one side empty.
    """
    named = [
        leaf
        for name, part in zip(("x", "y", "sample_weight"), parts)
        for leaf in named_leaves(part, name)
    ]
    size = check_lengths(named, "fit")
    # As Keras cuts: floor(size * (1 - fraction)) to train on.
    at = int(np.floor(size * (1.0 - fraction)))
    if not 0.0 < fraction < 1.0 or at in (0, size):
        raise ValueError(
            f"fit: validation_split={fraction} of {size} samples leaves {max(at, 0)} to train "
            "on; expected a fraction between 0 and 1 that leaves at least one on each side."
        )
    train, held = zip(*[split_structure(part, size, at) for part in parts])
    return tuple(train), tuple(held)
