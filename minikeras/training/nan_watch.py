"""NaN in the data is the user's business; where the loss becomes NaN too, it is said."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.engine import tree
from minikeras.engine.warn import warn_user
from minikeras.training.data import Batch, named_leaves
from minikeras.training.data.leaves import Array


def holds_nan(array: Array) -> bool:
    """Whether an array holds NaN; one pass, since a NaN makes the smallest value NaN."""
    if array.dtype.kind not in "fV" or not array.size:
        return False
    with np.errstate(invalid="ignore"):
        smallest = array.min()
    return bool(smallest != smallest)


def describe_nan(array: Array, name: str) -> str:
    """How many NaN an array that holds some has, and where the first is."""
    bad = np.isnan(array)
    first = tuple(int(i) for i in np.argwhere(bad)[0])
    return (
        f"{name} contains NaN: {int(bad.sum())} of {array.size} values, the first at index "
        f"{first}"
    )


def nan_in(batch: Batch) -> str | None:
    """Where the data hold NaN, in words; None if they do not."""
    # Nearly no batch does, so names are made only for one that does.
    if not any(holds_nan(array) for array in tree.flatten(batch) if array is not None):
        return None
    for name, part in zip(("x", "y", "sample_weight"), batch):
        for where, array in named_leaves(part, name):
            if holds_nan(array):
                return describe_nan(array, where)
    return None


class NanWatch:
    """Warns once where the loss is NaN and the data held some.

    A NaN may stand for a missing label that the loss leaves out, or a missing value
    that a layer fills, so it stops nothing by itself.
    """

    def __init__(self) -> None:
        self._found: str | None = None
        self._said = False

    def see(self, batch: Batch) -> None:
        """Note a batch that will not be at hand later."""
        if self._found is None:
            self._found = nan_in(batch)

    def judge(self, logs: dict[str, Any], batch: Batch | None, owner: str) -> None:
        """Look at results; `batch` is all data, where they are at hand."""
        loss = logs.get("loss")
        if self._said or not isinstance(loss, float) or loss == loss:
            return
        found = self._found or (None if batch is None else nan_in(batch))
        if found is not None:
            self._said = True
            warn_user(
                f"{owner}: the loss is NaN, and {found}. Drop or fill such samples, or use "
                "a loss or layer that leaves them out."
            )
