"""The outputs of `predict`, batch by batch, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine import tree
from minikeras.training.steps import to_numpy

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor
    from minikeras.types import Nested


class Gathered:
    """Outputs of all batches: written into place where the size is known."""

    def __init__(self, total: int | None) -> None:
        self._total = total
        self._batches: list[Any] = []
        self._whole: Any = None
        self._filled = 0

    def add(self, outputs: Nested[Tensor]) -> None:
        """Append a batch of outputs."""
        outputs = to_numpy(outputs)
        leaves, spec = tree.flatten_spec(outputs)
        size = len(leaves[0]) if leaves and np.ndim(leaves[0]) else 0
        if self._whole is None and not self._batches and self._total is not None:
            # One batch is all there is: nothing to put together, and no copy.
            if size == self._total:
                self._batches.append(outputs)
                return
            self._whole = [
                np.empty((self._total, *a.shape[1:]), a.dtype) for a in leaves
            ]
            self._spec = spec
        stop = self._filled + size
        if self._whole is not None and self._fits(leaves, size, stop):
            for target, leaf in zip(self._whole, leaves):
                target[self._filled : stop] = leaf
            self._filled = stop
            return
        self._unplace()
        self._batches.append(outputs)

    def _fits(self, leaves: list[Any], size: int, stop: int) -> bool:
        # Outputs may change shape from batch to batch, or have other numbers of rows
        # than inputs.
        return stop <= len(self._whole[0]) and all(
            a.shape == (size, *w.shape[1:]) for a, w in zip(leaves, self._whole)
        )

    def _unplace(self) -> None:
        """Go over to a list of batches: the outputs are not one row a sample."""
        if self._whole is not None:
            done = [w[: self._filled] for w in self._whole]
            self._batches = [tree.unflatten(self._spec, done)] if self._filled else []
            self._whole = self._total = None

    def result(self) -> Any:
        """All outputs in one structure."""
        if self._whole is not None:
            return tree.unflatten(self._spec, [w[: self._filled] for w in self._whole])
        if len(self._batches) == 1:
            return self._batches[0]
        return tree.map_structure(lambda *parts: np.concatenate(parts), *self._batches)


def joined(outputs: list[Any]) -> Nested[Tensor]:
    """The outputs of neighbouring batches as one; a single one stays as it is."""
    if len(outputs) == 1:
        return outputs[0]
    arrays = [to_numpy(part) for part in outputs]
    return tree.map_structure(lambda *parts: np.concatenate(parts), *arrays)
