"""What every source of batches offers to the loops of `fit`, `evaluate`, `predict`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from minikeras.engine.ranks import Shard

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
        ahead: Whether another thread makes the next batch while one computes.
        kind: What the source is, for messages.
        divided: Whether its batches hold the rows of this rank only.
        share: Which rows of a batch of so many are wanted, where not all are; adapters
            that can leave the others unread do.
        wanted: How many more batches of this epoch may be asked for, the next one
            included; None: all that there are.
    """

    num_batches: int | None = None
    num_samples: int | None = None
    repeatable: bool = True
    infinite: bool = False
    checked: bool = False
    reuse: bool = False
    ahead: bool = False
    kind: str = "the data"
    divided: bool = False
    share: Callable[[int], Shard] | None = None
    wanted: int | None = None

    def epoch(self) -> Iterator[Batch]:
        """The batches of one pass."""
        raise NotImplementedError

    def item(self, position: int) -> str:
        """What the batch at a position of the pass is, for messages."""
        return f"batch {position} of {self.kind}"

    def on_epoch_begin(self) -> None:
        """Called once before each epoch of training or evaluation."""

    def on_epoch_end(self) -> None:
        """Called once after each of them."""

    def close(self) -> None:
        """Called when no more batches are wanted: let workers go."""
