"""Mean and variance of data that come in pieces."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
_BLOCK = 1 << 18  # values at a time: they stay in cache between the two sums


class Moments:
    """Mean and variance over some axes, the same in pieces as at once.

    The sums are in float64, and each block's are about its own mean, so that data far
    from 0 keep their digits. Pieces are joined by Chan, Golub and LeVeque, "Updating
    formulae and a pairwise algorithm for computing sample variances", 1979, eq. 1.5.

    Args:
        axes: The axes that are averaged over.
    """

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes
        self.count = 0
        self.mean: Any = 0.0
        self._squares: Any = 0.0
        self.shape: tuple[int, ...] = ()

    @property
    def variance(self) -> Any:
        """The mean square of the distances from the mean."""
        return self._squares / self.count

    def add(self, batch: Array) -> None:
        """Take a piece in."""
        self.shape = batch.shape
        if not batch.size:
            return
        if 0 not in self.axes:
            self._join(batch)
            return
        rows = max(1, _BLOCK // max(1, batch.size // len(batch)))
        for start in range(0, len(batch), rows):
            self._join(batch[start : start + rows])

    def _join(self, block: Array) -> None:
        block = block.astype("float64")
        count = int(np.prod([block.shape[a] for a in self.axes], dtype="int64"))
        mean = block.mean(axis=self.axes, keepdims=True)
        block -= mean
        np.square(block, out=block)
        squares = block.sum(axis=self.axes, keepdims=True)
        total = self.count + count
        apart = mean - self.mean
        self._squares = (
            self._squares + squares + apart**2 * (self.count * count / total)
        )
        self.mean = self.mean + apart * (count / total)
        self.count = total
