"""The table of a lookup layer: from tokens to numbers, and back."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from minikeras.engine.living import once
from minikeras.layers.preprocessing import fingerprints
from minikeras.layers.preprocessing.vocabulary import Token, to_bytes, to_text
from minikeras.layers.preprocessing.words import MISSING, Words, WordTable
from minikeras.types import DTypeLike

Array = np.ndarray[Any, Any]
MASKED = -1  # where masked tokens have no number, since only counts are wanted


class Table:
    """Tokens and their numbers: first the mask, then those of unknown tokens, then these.

    Args:
        tokens: The tokens, without special ones.
        mask_token: What stands for nothing, or None.
        oov_token: What stands for unknown tokens.
        oov: How many numbers there are for unknown tokens.
        numbered: Whether the mask has a number, 0.
        salt: Two integers for the hash of unknown tokens, or None.
        hashed: Whether unknown integers are hashed, rather than divided.
        encoding: What bytes are decoded by.
    """

    def __init__(
        self,
        tokens: list[Token],
        mask_token: Token,
        oov_token: Token,
        oov: int,
        numbered: bool,
        salt: int | Sequence[int] | None = None,
        hashed: bool = False,
        encoding: str = "utf-8",
    ) -> None:
        self.tokens = tokens
        self.oov = oov
        self.salt, self.hashed, self.encoding = salt, hashed, encoding
        has_mask = mask_token is not None
        self.oov_token = oov_token
        self.special = [mask_token] * (has_mask and numbered) + [oov_token] * oov
        self.first_oov = len(self.special) - oov
        self.index = {t: i for i, t in enumerate(tokens, len(self.special))}
        if has_mask:
            self.index[mask_token] = 0 if numbered else MASKED

    @property
    def all_tokens(self) -> list[Token]:
        """Special tokens and the others, by number."""
        return [*self.special, *self.tokens]

    def of_strings(self, array: Array) -> Array:
        """The numbers of strings."""
        flat = array.ravel().tolist()
        if array.dtype.kind == "S" or (flat and bytes in set(map(type, flat))):
            flat = [
                to_text(t, self.encoding) if isinstance(t, bytes) else t for t in flat
            ]
        found = self._found(self.index, flat)
        missing = np.flatnonzero(found == MISSING)
        if len(missing):
            unknown = [flat[i] for i in missing]
            found[missing] = self._unknown(unknown, [to_bytes(t) for t in unknown])
        return found.reshape(array.shape)

    @once
    def _bytes_index(self) -> dict[bytes, int]:
        return {to_bytes(t): i for t, i in self.index.items()}

    def of_bytes(self, tokens: list[bytes]) -> Array:
        """The numbers of tokens that are UTF-8 already."""
        found = self._found(self._bytes_index, tokens)
        missing = np.flatnonzero(found == MISSING)
        if len(missing):
            unknown = [tokens[i] for i in missing] if self.oov != 1 else tokens
            found[missing] = self._unknown(unknown, unknown)
        return found

    @once
    def _words(self) -> WordTable:
        return WordTable(self._bytes_index)

    def of_words(self, words: Words) -> Array:
        """The numbers of the words of texts."""
        found = self._words.of(words)
        missing = np.flatnonzero(found == MISSING)
        if len(missing):
            unknown = words.at(missing if self.oov != 1 else missing[:1])
            found[missing] = self._unknown(unknown, unknown)
        return found

    def _found(self, index: dict[Any, int], tokens: list[Any]) -> Array:
        numbers = map(index.get, tokens, itertools.repeat(MISSING))
        return np.fromiter(numbers, "int64", len(tokens))

    @once
    def sorted_integers(self) -> tuple[Array, Array]:
        """The tokens in rising order, and their numbers."""
        pairs = sorted(self.index.items())
        keys, values = zip(*pairs) if pairs else ((), ())
        return np.array(keys, "int64"), np.array(values, "int64")

    def of_integers(self, array: Array) -> Array:
        """The numbers of integers."""
        keys, values = self.sorted_integers
        place = np.searchsorted(keys, array).clip(max=len(keys) - 1)
        hit = keys[place] == array
        found = np.where(hit, values[place], MISSING)
        if not hit.all():
            unknown = array[~hit]
            found[~hit] = self._unknown(unknown.tolist(), unknown)
        return found

    def _unknown(
        self, shown: list[Any], raw: Sequence[bytes] | np.ndarray[Any, Any]
    ) -> int | np.ndarray[Any, Any]:
        """Numbers of unknown tokens: `raw` is bytes, or an array of integers."""
        if self.oov == 0:
            raise ValueError(
                f"num_oov_indices=0, and the inputs hold tokens that are not in the "
                f"vocabulary: {shown[:5]}{'...' if len(shown) > 5 else ''}. Set "
                "num_oov_indices=1 to give them a number."
            )
        if self.oov == 1:
            return self.first_oov
        if isinstance(raw, np.ndarray) and not self.hashed:
            return self.first_oov + raw % self.oov
        if isinstance(raw, np.ndarray):
            raw = [str(v).encode() for v in shown]
        return self.first_oov + fingerprints.bins(raw, self.oov, self.salt)

    def tokens_of(self, numbers: Array, dtype: DTypeLike) -> Array:
        """The tokens with these numbers; unknown for numbers that nothing has."""
        tokens = np.array([*self.all_tokens, self.oov_token], dtype)
        last = len(tokens) - 1
        numbers = numbers.astype("int64")
        inside = (numbers >= 0) & (numbers < last)
        return tokens[np.where(inside, numbers, last)]
