"""IMDB: 50,000 film reviews, good or bad, as lists of word numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.datasets import words
from minikeras.datasets.parsing import Split, npz_arrays
from minikeras.datasets.sources import fetched


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    **kwargs: Any,
) -> Split:
    """Film reviews as lists of word numbers, half of them to train on.

    Word number `n` of `get_word_index()` stands as `n + index_from`, so that 0 pads, 1
    begins a review and 2 replaces words that are left out.

    Args:
        path: The file's name in the cache, or an absolute path.
        num_words: Only words more frequent than the one of this number are kept.
        skip_top: Words of a number below this one are replaced.
        maxlen: Longer reviews are left out.
        seed: For the order.
        start_char: What each review begins with; None for nothing.
        oov_char: What replaces words (the rarest one of all too); None to leave them out.
        index_from: Added to the numbers.
        **kwargs: `nb_words`, an old name of `num_words`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: reviews, arrays of lists, and labels
        `(samples,)`, 1 for good ones.

    Raises:
        DownloadError: If it is not there and cannot be fetched; says where to put it.
        ValueError: If the file has the wrong hash, or no review is short enough.
        TypeError: If an argument is unknown.

    Reference:
        Maas et al., *Learning Word Vectors for Sentiment Analysis*, 2011.

    Example:

    >>> (x, y), (x_test, y_test) = keras.datasets.imdb.load_data(num_words=10000)  # doctest: +SKIP
    >>> len(x), type(x[0])  # doctest: +SKIP
    (25000, <class 'list'>)
    """
    num_words = kwargs.pop("nb_words", num_words)
    if kwargs:
        raise TypeError(f"imdb.load_data: unknown arguments {sorted(kwargs)}.")
    names = ("x_train", "y_train", "x_test", "y_test")
    arrays = npz_arrays(fetched("imdb", path), *names, objects=True)
    random = np.random.RandomState(seed)
    texts, labels = [], []
    for x, y in (arrays[:2], arrays[2:]):
        order = np.arange(len(x))
        random.shuffle(order)
        x, y = x[order], y[order]
        found = words.moved(x, y, maxlen, start_char, index_from)
        texts.append(found[0])
        labels.append(found[1])
    top = words.limit(texts[0] + texts[1], num_words)
    a, b = (
        words.as_objects(words.limited(part, skip_top, top, oov_char)) for part in texts
    )
    return (a, labels[0]), (b, labels[1])


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Word -> its number by frequency, from 1.

    Args:
        path: The file's name in the cache, or an absolute path.

    Raises:
        DownloadError: If it is not there and cannot be fetched; says where to put it.
        ValueError: If the file has the wrong hash.

    Example:

    >>> numbers = keras.datasets.imdb.get_word_index()  # doctest: +SKIP
    >>> numbers["the"]  # doctest: +SKIP
    1
    """
    return words.word_index(fetched("imdb_words", path))
