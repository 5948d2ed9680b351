"""Memory that a step needs while it runs, lent by turns.

The steps of a program run one after the other, and what one leaves in its workspace no
other reads; so all of them share a few pieces, which also stay in the cache.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from minikeras_numpy.common import Array

_PIECE = 1 << 22  # bytes of a piece at least
LARGEST = 1 << 24  # bytes of one that is kept for others
_free: deque[Array] = deque(maxlen=8)  # two for each of the threads that may help


@contextmanager
def borrowed(nbytes: int) -> Iterator[Array]:
    """So many bytes with undefined values, as uint8, until the block ends."""
    try:
        piece = _free.pop()
    except IndexError:
        piece = None
    if piece is None or piece.nbytes < nbytes:
        piece = np.empty(max(nbytes, _PIECE), np.uint8)
    try:
        yield piece[:nbytes]
    finally:
        if piece.nbytes <= LARGEST:
            _free.append(piece)
