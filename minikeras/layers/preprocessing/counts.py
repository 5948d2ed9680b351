"""What `adapt` counts: how often tokens come, and in how many documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from minikeras.layers.preprocessing.vocabulary import to_text


class TokenCounts:
    """Counts of tokens over all batches; the same in pieces as at once.

    Args:
        by_document: Whether documents are counted too, as tf-idf needs.
    """

    def __init__(self, by_document: bool) -> None:
        self.by_document = by_document
        self.tokens: Counter[Any] = Counter()
        self.documents_with: Counter[Any] = Counter()
        self.documents = 0

    def add(self, documents: Iterable[list[Any]]) -> None:
        """Take in documents, each a list of tokens."""
        for tokens in documents:
            self.tokens.update(tokens)
            if self.by_document:
                self.documents_with.update(set(tokens))
                self.documents += 1

    def add_texts(self, documents: Iterable[list[bytes]]) -> None:
        """Take in documents of tokens in UTF-8: each different one is decoded once."""
        counted: Counter[bytes] = Counter()
        within: Counter[bytes] = Counter()
        for tokens in documents:
            counted.update(tokens)
            if self.by_document:
                within.update(set(tokens))
                self.documents += 1
        self.add_counted(counted)
        _add_shown(self.documents_with, within)

    def add_counted(self, counted: Mapping[bytes, int]) -> None:
        """Take in how often tokens in UTF-8 came; not where documents are counted."""
        _add_shown(self.tokens, counted)


def _add_shown(total: Counter[Any], counted: Mapping[bytes, int]) -> None:
    shown = map(to_text, counted)
    total.update(dict(zip(shown, counted.values(), strict=True)))
