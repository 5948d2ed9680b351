"""Arrays in memory: sliced, or gathered in shuffled order, into contiguous batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minikeras.engine import tree
from minikeras.training.data.adapter import Batch, DataAdapter
from minikeras.training.data.leaves import Array, check_lengths, named_leaves
from minikeras.training.data.order import Order, permutation, permutation_of_chunks


class ArrayAdapter(DataAdapter):
    """Batches from host arrays `(samples, ...)` in nested structures.

    Unshuffled batches are views of the arrays. Shuffled ones are gathered into two
    buffers by turns, so that an epoch allocates nothing but its order.

    Args:
        x: Inputs.
        y: Targets, or None.
        sample_weight: Weights, or None.
        batch_size: Samples in a batch; the last one of an epoch may be smaller.
        shuffle: True, False, or `"batch"` to shuffle whole batches only.
        owner: The method to name in messages.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int = 32,
        shuffle: bool | str = False,
        owner: str = "fit",
    ) -> None:
        parts = [("x", x), ("y", y), ("sample_weight", sample_weight)]
        named = [leaf for name, part in parts for leaf in named_leaves(part, name)]
        self.num_samples: int = check_lengths(named, owner)
        self.batch_size = batch_size
        self.num_batches: int = -(-self.num_samples // batch_size)
        self.shuffle = shuffle
        self.parts: Batch = (x, y, sample_weight)
        self._leaves, self._spec = tree.flatten_spec((x, y, sample_weight))
        self._buffers: list[list[Array | None]] = []

    def epoch(self) -> Iterator[Batch]:
        """The batches of one pass, in a new order where shuffling is on."""
        order = self._order()
        for index in range(self.num_batches):
            start = index * self.batch_size
            stop = min(start + self.batch_size, self.num_samples)
            if order is None:
                leaves = [None if a is None else a[start:stop] for a in self._leaves]
            else:
                leaves = self._gather(order[start:stop], index)
            yield tree.unflatten(self._spec, leaves)

    def _order(self) -> Order | None:
        if self.shuffle == "batch":
            return permutation_of_chunks(self.num_samples, self.batch_size)
        return permutation(self.num_samples) if self.shuffle else None

    def _gather(self, rows: Order, index: int) -> list[Array | None]:
        if not self.reuse:
            return [None if a is None else a.take(rows, axis=0) for a in self._leaves]
        if not self._buffers:
            self._buffers = [self._new_buffers(), self._new_buffers()]
        out: list[Array | None] = []
        for array, buffer in zip(self._leaves, self._buffers[index % 2]):
            if array is None or buffer is None:
                out.append(None)
                continue
            target = buffer[: len(rows)]
            # "clip" writes straight into the target; the indices are in range anyway.
            np.take(array, rows, axis=0, out=target, mode="clip")
            out.append(target)
        return out

    def _new_buffers(self) -> list[Array | None]:
        size = min(self.batch_size, self.num_samples)
        return [
            None if a is None else np.empty((size, *a.shape[1:]), a.dtype)
            for a in self._leaves
        ]


def split_structure(structure: Any, size: int, at: int) -> tuple[Any, Any]:
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
    at = int(np.floor(size * (1.0 - fraction)))
    if not 0.0 < fraction < 1.0 or at in (0, size):
        raise ValueError(
            f"fit: validation_split={fraction} of {size} samples leaves {max(at, 0)} to train "
            "on; expected a fraction between 0 and 1 that leaves at least one on each side."
        )
    train, held = zip(*[split_structure(part, size, at) for part in parts])
    return tuple(train), tuple(held)
