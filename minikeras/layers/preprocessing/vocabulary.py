"""Vocabularies: lists of different tokens, from arrays, files, or counts."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from os import PathLike
from typing import Any

import numpy as np

from minikeras.layers.preprocessing.batches import host
from minikeras.types import ArrayLike

Token = Any  # a string, or an integer


def read_tokens(
    vocabulary: str | ArrayLike, owner: str, integers: bool, encoding: str = "utf-8"
) -> list[Token]:
    """The tokens of a list, a tuple, an array, a tensor, or a text file.

    Args:
        vocabulary: The tokens, or the path of a file with one in each line.
        owner: The layer to name in messages.
        integers: Whether tokens are integers.
        encoding: What bytes are decoded by.

    Raises:
        ValueError: If there is no such file, no token, one is of a wrong kind, or one is
            there twice.
    """
    if isinstance(vocabulary, (str, os.PathLike)):
        vocabulary = _lines(vocabulary, owner)
    tokens = _as_list(vocabulary, owner)
    if not tokens:
        raise ValueError(f"{owner}: the vocabulary is empty; expected a token or more.")
    tokens = [_token(t, owner, integers, encoding) for t in tokens]
    refuse_repeated(tokens, owner)
    return tokens


def _as_list(vocabulary: str | ArrayLike, owner: str) -> list[Any]:
    if isinstance(vocabulary, (list, tuple)):
        return list(vocabulary)
    array = host(vocabulary)
    if array.ndim != 1:
        raise ValueError(
            f"{owner}: vocabulary has shape {array.shape}; expected a list of tokens, or an "
            "array of one axis."
        )
    tokens: list[Any] = array.tolist()
    return tokens


def _lines(path: str | PathLike[str], owner: str) -> list[str]:
    if not os.path.exists(path):
        raise ValueError(f"{owner}: vocabulary={path!r}: there is no such file.")
    with open(path, encoding="utf-8", newline="\n") as file:
        text = file.read().replace("\r\n", "\n")
    return text.removesuffix("\n").split("\n")


def _token(token: Any, owner: str, integers: bool, encoding: str) -> Token:
    if integers:
        try:
            return int(token)
        except (TypeError, ValueError):
            raise ValueError(
                f"{owner}: the vocabulary holds {token!r}; expected integers."
            ) from None
    if isinstance(token, bytes):
        return to_text(token, encoding)
    if isinstance(token, str):
        return str(token)
    raise ValueError(
        f"{owner}: the vocabulary holds {token!r} of type {type(token).__name__}; expected "
        "strings."
    )


def to_text(token: bytes, encoding: str = "utf-8") -> str:
    """Bytes as a string; those that cannot be decoded keep a place of their own."""
    return token.decode(encoding, "surrogateescape")


def to_bytes(token: str) -> bytes:
    """The reverse of `to_text`."""
    return token.encode("utf-8", "surrogateescape")


def refuse_repeated(tokens: Sequence[Token], owner: str) -> None:
    """Raise if a token is there twice."""
    if len(set(tokens)) < len(tokens):
        repeated = [t for t, n in Counter(tokens).items() if n > 1]
        raise ValueError(
            f"{owner}: the vocabulary holds tokens more than once: {repeated[:5]}"
            f"{'...' if len(repeated) > 5 else ''}; expected each once."
        )


def most_common(counts: Counter[Token], most: int | None) -> list[Token]:
    """Tokens by falling count; those as frequent by falling order of themselves."""
    order = sorted(counts.items(), key=itemgetter(0), reverse=True)
    order.sort(key=itemgetter(1), reverse=True)  # keeps the order of those as frequent
    return [token for token, _ in order[:most]]


def without_special(
    tokens: list[Token], weights: Sequence[ArrayLike], special: list[Token]
) -> tuple[list[Token], Any, Any]:
    """Tokens and weights without the special ones in front, and the weights of those."""
    count = len(special)
    if count and tokens[:count] == special:
        front = None if weights is None else weights[:count]
        return tokens[count:], None if weights is None else weights[count:], front
    return tokens, weights, None


def inverse_frequencies(documents: int, counts: Sequence[int]) -> np.ndarray[Any, Any]:
    """How much a token says: log(1 + documents / (1 + those that have it))."""
    return np.log1p(documents / (1.0 + np.asarray(counts, "float64")))
