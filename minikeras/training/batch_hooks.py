"""The hooks of batches, called around every so many of them (`steps_per_execution`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class BatchHooks:
    """Calls a begin hook before and an end hook after each group of batches.

    Args:
        every: Batches in a group.
        begin: Called with the number of the group's first batch.
        end: Called with the number of its last one, and what it logged. A group that ends
            early has the number of a whole one, as in Keras.
    """

    def __init__(
        self,
        every: int,
        begin: Callable[[int], None],
        end: Callable[[int, Any], None],
    ) -> None:
        self._every, self._begin, self._end = every, begin, end
        self._open_until = -1
        self._last: tuple[Any] | None = None

    def before(self, step: int) -> None:
        """A batch is about to run."""
        if step > self._open_until:
            self._open_until = step + self._every - 1
            self._begin(step)

    def after(self, step: int, logs: object) -> None:
        """It has run."""
        if step == self._open_until:
            self._last = None
            self._end(step, logs)
        else:
            self._last = (logs,)

    def finish(self) -> None:
        """There are no more batches: end the group that is open."""
        if self._last is not None:
            (logs,), self._last = self._last, None
            self._end(self._open_until, logs)
