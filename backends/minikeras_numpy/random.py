"""Random bits: Philox 4x32-10, vectorised over blocks of four words.

Reference: Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3
(SC 2011), section 4.2. Key (0, 0) and counter 0 give 6627e8d5 e169c58d bc57ac4c
9b00dbd8.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minikeras_numpy.common import Array, Table

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_MASK = 0xFFFFFFFF
_CHUNK = 1 << 14  # blocks at a time: the ten rounds then stay in the cache


def _philox(xp: Any, first: int, count: int, counter: int, seed: int) -> list[Array]:
    """The four words of blocks first, first + 1, ... as uint64 arrays."""
    block = xp.arange(first, first + count, dtype=xp.uint64)
    low = xp.uint64(_MASK)
    half = xp.uint64(32)
    words = [
        block & low,
        block >> half,
        xp.full(count, counter, dtype=xp.uint64),
        xp.zeros(count, dtype=xp.uint64),
    ]
    keys = [seed, 0]
    for _ in range(10):
        p0 = words[0] * xp.uint64(_MULTIPLIERS[0])
        p1 = words[2] * xp.uint64(_MULTIPLIERS[1])
        words = [
            (p1 >> half) ^ words[1] ^ xp.uint64(keys[0]),
            p1 & low,
            (p0 >> half) ^ words[3] ^ xp.uint64(keys[1]),
            p0 & low,
        ]
        keys = [(k + w) & _MASK for k, w in zip(keys, _WEYL, strict=True)]
    return words


def table(xp: Any) -> Table:
    """The kernels of this family over the namespace `xp`."""

    def random_bits(key: Array, *, shape: tuple[int, ...]) -> Array:
        seed, counter = (int(word) for word in key)
        size = math.prod(shape)
        blocks = -(-size // 4)
        out = xp.empty((blocks, 4), dtype=np.uint32)
        for first in range(0, blocks, _CHUNK):
            count = min(_CHUNK, blocks - first)
            words = _philox(xp, first, count, counter, seed)
            for place, word in enumerate(words):
                out[first : first + count, place] = word
        return out.reshape(-1)[:size].reshape(shape)

    return {"random_bits": random_bits}
