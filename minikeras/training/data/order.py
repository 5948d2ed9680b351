"""The order in which samples are met: drawn by counter, so equal on every backend."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.engine.interpret import eagerly
from minikeras.engine.prims import random_bits
from minikeras.engine.tensor import host_array
from minikeras.random import draw_seed

Order = np.ndarray[Any, np.dtype[np.intp]]
Words = np.ndarray[Any, np.dtype[np.uint32]]

# Longer orders are computed piece by piece: sorting one takes 20 bytes a sample.
STORED = 1 << 20
_PIECE = 1 << 13
_ROUNDS = 8


def permutation(size: int) -> Order:
    """A shuffled `arange(size)` from the global seed; each call gives the next one.

    Random words are sorted, and words of equal value keep their order.

    Example:
        >>> keras.utils.set_random_seed(7)
        >>> first = permutation(5)
        >>> keras.utils.set_random_seed(7)
        >>> bool((permutation(5) == first).all()), sorted(first.tolist())
        (True, [0, 1, 2, 3, 4])
    """
    # Sorting random words shuffles; stable, so that equal words have one order
    # everywhere.
    return np.argsort(_words(size), kind="stable")


def _words(count: int) -> Words:
    words = eagerly(lambda: random_bits(draw_seed(None), shape=(count,)))
    return host_array(words.value)


class LongOrder:
    """A shuffled `range(size)` that is never stored: slices of it are computed.

    A Feistel network permutes the numbers of as many bits as `size` needs; numbers that
    are too great go through it again until they are not ("cycle walking", Black and
    Rogaway, *Ciphers with Arbitrary Finite Domains*, 2002).

    Args:
        size: How many numbers.

    Example:
        >>> order = LongOrder(1000)
        >>> sorted(order[:600].tolist() + order[600:1000].tolist()) == list(range(1000))
        True
    """

    def __init__(self, size: int) -> None:
        bits = max((size - 1).bit_length(), 2)
        self._size = size
        self._low = np.uint64(bits // 2)
        self._masks = (
            np.uint32((1 << (bits - bits // 2)) - 1),
            np.uint32((1 << (bits // 2)) - 1),
        )
        self._keys = _words(_ROUNDS)
        self._piece: tuple[int, Order] = (0, np.empty(0, np.intp))

    def __getitem__(self, where: slice) -> Order:
        start, stop, _ = where.indices(self._size)
        begin, piece = self._piece
        if start < begin or stop > begin + len(piece):
            end = min(max(stop, start + _PIECE), self._size)
            piece = self._compute(np.arange(start, end, dtype=np.uint64))
            begin, self._piece = start, (start, piece)
        return piece[start - begin : stop - begin]

    def _compute(self, numbers: np.ndarray[Any, np.dtype[np.uint64]]) -> Order:
        found = self._permute(numbers)
        # "Cycle walking" (Black and Rogaway 2002, "Ciphers with Arbitrary Finite
        # Domains"): the permutation of a power of two is followed until it is back
        # within the size.
        while (beyond := np.flatnonzero(found >= self._size)).size:
            found[beyond] = self._permute(found[beyond])
        return found.astype(np.intp)

    def _permute(
        self, numbers: np.ndarray[Any, np.dtype[np.uint64]]
    ) -> np.ndarray[Any, np.dtype[np.uint64]]:
        high = (numbers >> self._low).astype(np.uint32)
        low = numbers.astype(np.uint32) & self._masks[1]
        # A Feistel network: each round is undone by itself, so it permutes whatever
        # `_mixed` is.
        for i in range(0, _ROUNDS, 2):
            high ^= _mixed(low + self._keys[i]) & self._masks[0]
            low ^= _mixed(high + self._keys[i + 1]) & self._masks[1]
        return (high.astype(np.uint64) << self._low) | low


def _mixed(words: Words) -> Words:
    """The 32 bit finaliser of MurmurHash3 (A. Appleby, public domain)."""
    words = (words ^ (words >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    words = (words ^ (words >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return words ^ (words >> np.uint32(16))


class ChunkOrder:
    """Whole runs of `chunk` neighbours in shuffled order; the last, short one stays last.

    Args:
        size: How many numbers.
        chunk: How long a run is.
    """

    def __init__(self, size: int, chunk: int) -> None:
        self._chunk = chunk
        whole = size // chunk
        self._runs = permutation(whole) if whole else np.empty(0, np.intp)
        # The short run stays last, so that all other batches are whole.
        if size % chunk:
            self._runs = np.append(self._runs, whole)
        self._size = size

    def __getitem__(self, where: slice) -> Order:
        start, stop, _ = where.indices(self._size)
        numbers = np.arange(start, stop)
        runs = self._runs[numbers // self._chunk]
        return runs * self._chunk + numbers % self._chunk


def shuffled(size: int, chunk: int | None = None) -> Order | LongOrder | ChunkOrder:
    """A new order of `size` samples, whose slices are arrays of row numbers.

    Args:
        size: How many samples.
        chunk: How many neighbours stay together, or None.
    """
    if chunk is not None:
        return ChunkOrder(size, chunk)
    return permutation(size) if size <= STORED else LongOrder(size)
