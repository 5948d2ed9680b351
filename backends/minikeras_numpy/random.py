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
_CHUNK = 1 << 13  # blocks at a time: the ten rounds then stay in the cache


def _rounds(
    xp: Any, words: list[Array], keys: list[int], rounds: int = 10
) -> list[Array]:
    """Rounds on four uint64 arrays of 32 bit words, overwriting them."""
    low, half = xp.uint64(_MASK), xp.uint64(32)
    p0, p1 = xp.empty_like(words[0]), xp.empty_like(words[0])
    for _ in range(rounds):
        w0, w1, w2, w3 = words
        xp.multiply(w0, xp.uint64(_MULTIPLIERS[0]), out=p0)
        xp.multiply(w2, xp.uint64(_MULTIPLIERS[1]), out=p1)
        # The new words: high(p1) ^ w1 ^ k0, low(p1), high(p0) ^ w3 ^ k1, low(p0).
        xp.right_shift(p1, half, out=w0)
        w0 ^= w1
        w0 ^= xp.uint64(keys[0])
        xp.right_shift(p0, half, out=w2)
        w2 ^= w3
        w2 ^= xp.uint64(keys[1])
        xp.bitwise_and(p1, low, out=w1)
        xp.bitwise_and(p0, low, out=w3)
        keys = _next(keys)
    return words


def _next(keys: list[int]) -> list[int]:
    """The keys of the next round."""
    return [(k + w) & _MASK for k, w in zip(keys, _WEYL, strict=True)]


def _two_rounds(
    xp: Any, block: Array, counter: int, seed: int
) -> tuple[list[Array], list[int]]:
    """The words after two rounds, and the next keys, where blocks are below 2^32.

    Then two words of a round are the same for all blocks, and worked out once.
    """
    low, half = xp.uint64(_MASK), xp.uint64(32)
    product = counter * _MULTIPLIERS[1]
    w0, w1 = (product >> 32) ^ seed, product & _MASK
    p = block * xp.uint64(_MULTIPLIERS[0])
    w2, w3 = p >> half, p & low
    keys = _next([seed, 0])
    product = w0 * _MULTIPLIERS[0]
    w2 *= xp.uint64(_MULTIPLIERS[1])
    w3 ^= xp.uint64((product >> 32) ^ keys[1])
    xp.right_shift(w2, half, out=p)
    p ^= xp.uint64(w1 ^ keys[0])
    w2 &= low
    last = xp.full(block.shape, product & _MASK, dtype=xp.uint64)
    return [p, w2, w3, last], _next(keys)


def _philox(xp: Any, first: int, count: int, counter: int, seed: int) -> list[Array]:
    """The four words of blocks first, first + 1, ... as uint64 arrays."""
    block = xp.arange(first, first + count, dtype=xp.uint64)
    if first + count <= 1 << 32:
        words, keys = _two_rounds(xp, block, counter, seed)
        return _rounds(xp, words, keys, 8)
    words = [
        block & xp.uint64(_MASK),
        block >> xp.uint64(32),
        xp.full(count, counter, dtype=xp.uint64),
        xp.zeros(count, dtype=xp.uint64),
    ]
    return _rounds(xp, words, [seed, 0])


def _fill(xp: Any, key: Array, out: Array, first: int) -> None:
    """Elements first, first + 1, ... of the stream into the flat array `out`."""
    seed, counter = (int(word) for word in key)
    begin, end = first // 4, -(-(first + out.size) // 4)
    for at in range(begin, end, _CHUNK):
        count = min(_CHUNK, end - at)
        words = _philox(xp, at, count, counter, seed)
        chunk = xp.empty((count, 4), dtype=xp.uint32)
        for place, word in enumerate(words):
            chunk[:, place] = word
        skip = max(first - 4 * at, 0)
        to = 4 * at + skip - first
        part = out[to : to + 4 * count - skip]
        part[...] = chunk.reshape(-1)[skip : skip + part.size]


class Bits:
    """Writes elements of a key's stream into C-contiguous arrays.

    Args:
        start: The element that a whole result begins with; `first` counts from there.
    """

    def __init__(self, start: int = 0) -> None:
        self.start = start

    def __call__(self, key: Array, out: Array, first: int = 0) -> None:
        _fill(np, key, out.reshape(-1), self.start + first)


def table(xp: Any) -> Table:
    """The kernels of this family over the namespace `xp`."""

    def random_bits(key: Array, *, shape: tuple[int, ...], start: int = 0) -> Array:
        out = xp.empty(math.prod(shape), dtype=xp.uint32)
        _fill(xp, key, out, start)
        return out.reshape(shape)

    return {"random_bits": random_bits}
