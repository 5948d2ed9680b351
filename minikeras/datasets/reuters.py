"""Reuters: 11,228 newswires of 46 topics, as lists of word numbers."""

from __future__ import annotations

import numpy as np

from minikeras.datasets import words
from minikeras.datasets.parsing import Split, npz_arrays
from minikeras.datasets.sources import fetched

_TOPICS = """
    cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade
    reserves ship cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum
    oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber heat jobs lei
    bop zinc orange pet-chem dlr gas silver wpi hog lead
"""


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Split:
    """Newswires as lists of word numbers.

    Word number `n` of `get_word_index()` stands as `n + index_from`, so that 0 pads, 1
    begins a newswire and 2 replaces words that are left out.

    Args:
        path: The file's name in the cache, or an absolute path.
        num_words: Only words more frequent than the one of this number are kept.
        skip_top: Words of a number below this one are replaced.
        maxlen: Longer newswires are left out.
        test_split: The fraction to test with.
        seed: For the order.
        start_char: What each newswire begins with; None for nothing.
        oov_char: What replaces words (the rarest one of all too); None to leave them out.
        index_from: Added to the numbers.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: newswires, arrays of lists, and topics
        `(samples,)`.

    Raises:
        DownloadError: If it is not there and cannot be fetched; says where to put it.
        ValueError: If the file has the wrong hash, or no newswire is short enough.

    Example:

    >>> (x, y), test = keras.datasets.reuters.load_data(num_words=10000)  # doctest: +SKIP
    >>> len(x), type(x[0])  # doctest: +SKIP
    (8982, <class 'list'>)
    """
    x, y = npz_arrays(fetched("reuters", path), "x", "y", objects=True)
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    texts, labels = words.moved(x[order], y[order], maxlen, start_char, index_from)
    top = words.limit(texts, num_words)
    texts = words.limited(texts, skip_top, top, oov_char)
    at = int(len(texts) * (1 - test_split))
    train, test = texts[:at], texts[at:]
    return (words.as_objects(train), labels[:at]), (words.as_objects(test), labels[at:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Word -> its number by frequency, from 1.

    Args:
        path: The file's name in the cache, or an absolute path.

    Raises:
        DownloadError: If it is not there and cannot be fetched; says where to put it.
        ValueError: If the file has the wrong hash.

    Example:

    >>> numbers = keras.datasets.reuters.get_word_index()  # doctest: +SKIP
    >>> numbers["the"]  # doctest: +SKIP
    1
    """
    return words.word_index(fetched("reuters_words", path))


def get_label_names() -> tuple[str, ...]:
    """The names of the topics, in the order of their numbers.

    Example:
        >>> keras.datasets.reuters.get_label_names()[:3]
        ('cocoa', 'grain', 'veg-oil')
    """
    return tuple(_TOPICS.split())
