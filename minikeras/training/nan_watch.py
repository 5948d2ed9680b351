"""NaN in the data is the user's business; where the loss becomes NaN too, it is said."""

from __future__ import annotations

from typing import Any

from minikeras.callbacks.warn import warn_user
from minikeras.training.data import Batch, describe_nan, named_leaves


def nan_in(batch: Batch) -> str | None:
    """Where the data hold NaN, in words; None if they do not. One pass over the values."""
    for name, part in zip(("x", "y", "sample_weight"), batch):
        if part is not None:
            for where, array in named_leaves(part, name):
                found = describe_nan(array, where)
                if found is not None:
                    return found
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
