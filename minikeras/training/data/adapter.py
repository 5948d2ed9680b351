"""What every source of batches offers to the loops of `fit`, `evaluate`, `predict`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Batch = tuple[Any, Any, Any]


class DataAdapter:
    """A source of batches `(x, y, sample_weight)` of host arrays.

    Attributes:
        num_batches: Batches in one epoch, or None where it is not known.
        num_samples: Samples in one epoch, or None where it is not known.
        repeatable: Whether `epoch` can be called again for the same data.
        infinite: Whether a pass is known to have no end.
        checked: Whether the values were checked once for all.
        reuse: Whether a batch may be made in the memory of the one before the last.
    """

    num_batches: int | None = None
    num_samples: int | None = None
    repeatable: bool = True
    infinite: bool = False
    checked: bool = False
    reuse: bool = False

    def epoch(self) -> Iterator[Batch]:
        """The batches of one pass."""
        raise NotImplementedError

    def on_epoch_begin(self) -> None:
        """Called before the batches of an epoch are asked for."""

    def on_epoch_end(self) -> None:
        """Called after the last batch of an epoch."""
