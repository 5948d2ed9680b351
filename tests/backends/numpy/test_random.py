"""Philox's first rounds, where words are the same for all blocks."""

import numpy as np
import pytest
from minikeras_numpy.random import _philox, _rounds


@pytest.mark.parametrize(
    ("first", "count"), [(0, 9), (12345, 1000), (2**32 - 10, 10), (2**32 - 10, 11)]
)
@pytest.mark.parametrize(("counter", "seed"), [(0, 0), (2**32 - 1, 2**32 - 1), (7, 3)])
def test_words_are_those_of_ten_whole_rounds(first, count, counter, seed):
    block = np.arange(first, first + count, dtype=np.uint64)
    low, half = np.uint64(2**32 - 1), np.uint64(32)
    words = [block & low, block >> half]
    words += [np.full(count, n, np.uint64) for n in (counter, 0)]
    wanted = _rounds(np, words, [seed, 0])
    for got, word in zip(_philox(np, first, count, counter, seed), wanted, strict=True):
        np.testing.assert_array_equal(got, word)
