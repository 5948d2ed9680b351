"""What `adapt` counts: how often tokens come, and in how many documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any


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
