"""Texts as lists of word numbers, as `imdb` and `reuters` give them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from minikeras.datasets.parsing import Array


def word_index(path: str) -> dict[str, int]:
    """Word -> number, from a JSON file."""
    with open(path, encoding="utf-8") as file:
        found: dict[str, int] = json.load(file)
    return found


def moved(
    texts: Array,
    labels: Array,
    maxlen: int | None,
    start_char: int | None,
    index_from: int,
) -> tuple[list[list[int]], Any]:
    """Texts with a start and moved numbers, and their labels.

    Args:
        texts: Lists of word numbers from 1.
        labels: Of the texts; those of texts that are left out are left out too.
        maxlen: Texts of so many words or more are left out; None: none.
        start_char: What each text begins with, or None.
        index_from: Added to each number.

    Raises:
        ValueError: If no text is left.
    """
    begin = [] if start_char is None else [start_char]
    found = [[*begin, *(word + index_from for word in text)] for text in texts]
    if maxlen:
        kept = [i for i, text in enumerate(found) if len(text) < maxlen]
        found, labels = [found[i] for i in kept], labels[kept]
        if not found:
            raise ValueError(
                f"maxlen={maxlen}: no text is shorter; expected a greater number, or None."
            )
    return found, labels


def limit(texts: list[list[int]], num_words: int | None) -> int:
    """The number from which on words are replaced; by default the greatest there is.

    So the rarest word of all is replaced too, as in Keras.
    """
    return num_words or max((max(text, default=0) for text in texts), default=0)


def limited(
    texts: list[list[int]], skip_top: int, top: int, oov_char: int | None
) -> list[list[int]]:
    """Texts whose words below `skip_top` and from `top` on are replaced by `oov_char`.

    Without one they are left out.
    """
    if oov_char is None:
        return [[word for word in text if skip_top <= word < top] for text in texts]
    return [
        [word if skip_top <= word < top else oov_char for word in text]
        for text in texts
    ]


def as_objects(texts: list[list[int]]) -> Array:
    """An array of dtype object whose elements are the lists."""
    array = np.empty(len(texts), object)
    array[:] = texts
    return array
