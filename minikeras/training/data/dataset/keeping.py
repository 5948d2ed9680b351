"""How the elements of a Dataset are made: ahead of time, once, or each time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from minikeras.training.data.dataset import streams
from minikeras.training.data.dataset.base import Base
from minikeras.training.data.dataset.file_cache import FileCache

if TYPE_CHECKING:
    from minikeras.training.data.dataset import Dataset


class Keeping(Base):
    """Methods of `Dataset`; see there."""

    def prefetch(self, buffer_size: int, name: str | None = None) -> Dataset:
        """Up to `buffer_size` elements are made ahead by another thread; -1: two."""
        return self._changed(
            lambda: streams.ahead(self._elements(), int(buffer_size)),
            self._count,
            self._batched,
        )

    def cache(self, filename: str = "", name: str | None = None) -> Dataset:
        """Keep the elements after the first whole pass.

        Args:
            filename: A file to keep them in, also for later processes, which take what is
                there without asking how it came about; `.elements` is put behind the name.
                Without one they are kept in memory.
            name: Not used.

        Raises:
            ValueError: While iterating, if the file is damaged.
        """
        kept: Any = streams.Cache(self._elements)
        if filename:
            kept = FileCache(self._elements, os.fspath(filename))
        return self._changed(kept, self._count, self._batched)
