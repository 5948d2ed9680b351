"""Text as tokens: what is made plain, where it is cut, what neighbours are joined.

Texts are UTF-8 bytes here, as in TensorFlow, and the rules are those of ASCII: only the
letters A to Z become small, only ASCII punctuation goes, and white space is space, tab,
line feed, vertical tab, form feed and carriage return. So files and vocabularies that
TensorFlow made mean the same.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from minikeras import naming
from minikeras.budget import NUMBER, check_constant
from minikeras.layers.preprocessing.vocabulary import to_bytes, to_text
from minikeras.layers.preprocessing.words import Words, WordTable, words_of
from minikeras.types import ArrayLike

Array = np.ndarray[Any, Any]
Tokens = list[list[bytes]]

PUNCTUATION = string.punctuation.encode()
_LOWER = bytes(range(256)).lower()
_FEW = 2048  # bytes of a batch below which words are cut one text at a time
_BLOCK = 1 << 18  # bytes
STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
SPLIT = ("whitespace", "character")


def as_bytes(values: Array, encoding: str) -> list[bytes]:
    """The strings of an array as UTF-8."""
    flat = values.ravel().tolist()
    if encoding.lower().replace("-", "") == "utf8":
        return [v if isinstance(v, bytes) else to_bytes(v) for v in flat]
    return [to_bytes(to_text(v, encoding) if isinstance(v, bytes) else v) for v in flat]


def standardized(texts: list[bytes], how: Any) -> list[bytes]:
    """Texts made plain.

    Args:
        texts: The texts.
        how: One of `STANDARDIZE`, None, or a function of an array of strings.
    """
    if how is None:
        return texts
    if how == "lower":
        return [t.lower() for t in texts]
    if how == "strip_punctuation":
        return [t.translate(None, PUNCTUATION) for t in texts]
    if how == "lower_and_strip_punctuation":
        return [t.lower().translate(None, PUNCTUATION) for t in texts]
    made = np.asarray(how(_public(texts)))
    if made.shape != (len(texts),):
        raise ValueError(
            f"standardize gave an array of shape {made.shape} for {len(texts)} texts; "
            "expected a text for each."
        )
    return [_bytes(t) for t in made.tolist()]


def blocks(texts: list[bytes]) -> Iterator[list[bytes]]:
    """The texts in blocks whose words and numbers stay in cache."""
    if sum(map(len, texts)) <= _BLOCK:
        yield texts
        return
    start = size = 0
    for end, one in enumerate(texts):
        if size and size + len(one) > _BLOCK:
            yield texts[start:end]
            start, size = end, 0
        size += len(one)
    yield texts[start:]


def words_at_once(texts: list[bytes], how: str | None) -> Words | None:
    """What `tokens_of(standardized(texts, how), "whitespace")` gives, for many words.

    Args:
        texts: The texts.
        how: One of `STANDARDIZE`, or None.

    Returns:
        The words; None where the other way is right: if there are few, or a text holds
        bytes that are not UTF-8's.
    """
    if sum(map(len, texts)) < _FEW:
        return None
    return words_of(texts, *_plainly(how))


def counted_words(texts: list[bytes], how: str | None) -> Counter[bytes]:
    """How often each word comes, of `tokens_of(standardized(texts, how), "whitespace")`.

    The words of the first block are counted as objects; in those after it, only words
    that the first has not.
    """
    lower, gone = _plainly(how)
    total: Counter[bytes] = Counter()
    known: list[bytes] = []
    table, found = None, np.zeros(0, "int64")
    for block in blocks(texts):
        words = None if table is None else words_of(block, lower, gone)
        if table is None or words is None:
            joined = b" ".join(block).translate(_LOWER if lower else None, gone)
            total.update(joined.split())
        else:
            numbers = table.of(words)
            found += np.bincount(numbers[numbers >= 0], minlength=len(known))
            total.update(words.at(np.flatnonzero(numbers < 0)))
        if table is None and block is not texts:
            known, found = list(total), np.zeros(len(total), "int64")
            table = WordTable({w: i for i, w in enumerate(known)})
    total.update(dict(zip(known, found.tolist(), strict=True)))
    return total


def _plainly(how: str | None) -> tuple[bool, bytes]:
    """Whether letters become small, and which bytes go."""
    kind = how or ""
    return "lower" in kind, PUNCTUATION if "strip" in kind else b""


def tokens_of(texts: list[bytes], split: Any) -> Tokens:
    """The tokens of each text.

    Args:
        texts: The texts.
        split: One of `SPLIT`, or a function from an array of strings to a list of tokens
            for each.
    """
    if split == "whitespace":
        return [t.split() for t in texts]  # of bytes: at ASCII white space
    if split == "character":
        return [[c.encode() for c in t.decode("utf-8", "replace")] for t in texts]
    made = split(_public(texts))
    rows = made.tolist() if hasattr(made, "tolist") else list(made)
    if len(rows) != len(texts) or any(isinstance(r, (str, bytes)) for r in rows):
        raise ValueError(
            f"split gave {len(rows)} rows for {len(texts)} texts; expected a list of tokens "
            "for each."
        )
    return [[_bytes(t) for t in row] for row in rows]


def _public(texts: list[bytes]) -> Array:
    """Texts as functions of users get them: for `np.char` and `np.strings`."""
    return np.array([to_text(t) for t in texts], dtype=str)


def _bytes(token: object) -> bytes:
    return token if isinstance(token, bytes) else to_bytes(str(token))


def with_ngrams(rows: Tokens, sizes: Iterable[int] | None) -> Tokens:
    """Neighbouring tokens joined by a space: for each size in turn, all of a row."""
    if sizes is None:
        return rows
    sizes = tuple(sizes)
    return [[gram for n in sizes for gram in _grams(row, n)] for row in rows]


def _grams(row: list[bytes], size: int) -> Sequence[bytes]:
    if size == 1:
        return row
    return [b" ".join(row[i : i + size]) for i in range(len(row) - size + 1)]


def padded(values: Array, lengths: Array, width: int | None, fill: int = 0) -> Array:
    """Rows of different lengths, one behind the other, as one array.

    Args:
        values: All values.
        lengths: How many of them each row has.
        width: How long rows become, by cutting or filling; None: as the longest.
        fill: What to fill with.
    """
    longest = int(lengths.max(initial=0))
    filled = np.full((len(lengths), longest), fill, values.dtype)
    filled[np.arange(longest) < lengths[:, None]] = values
    return filled if width is None else resized(filled, width, fill)


def resized(rows: Array, width: int, fill: int = 0) -> Array:
    """Rows cut or filled along the last axis."""
    cut = rows[..., :width]
    missing = width - cut.shape[-1]
    if not missing:
        return np.ascontiguousarray(cut)
    edges = [(0, 0)] * (cut.ndim - 1) + [(0, missing)]
    return np.pad(cut, edges, constant_values=fill)


def lengths_of(rows: Tokens) -> Array:
    """How many tokens each row has."""
    return np.fromiter(map(len, rows), "int64", len(rows))


def check_function(
    value: ArrayLike, allowed: tuple[str, ...], name: str, owner: str
) -> Any:
    """`value` if it is allowed, None, or a function.

    Raises:
        ValueError: If it is not.
    """
    if value is None or callable(value) or value in allowed:
        return value
    raise ValueError(
        f"{owner}: {name}={naming.shown(value)}; expected one of "
        f"{', '.join(map(repr, allowed))}, None, or a function."
    )


def ngram_sizes(
    ngrams: int | Sequence[int] | None, owner: str
) -> tuple[int, ...] | None:
    """The sizes of n-grams that an integer (up to it) or a tuple asks for.

    Raises:
        ValueError: If it is neither, or a size is below 1.
    """
    if ngrams is None:
        return None
    sizes: Any = ngrams
    if isinstance(ngrams, (int, np.integer)):
        check_constant((max(ngrams, 0), NUMBER), "float64", owner)
        sizes = range(1, int(ngrams) + 1)
    right = isinstance(sizes, (tuple, list, range)) and all(
        isinstance(n, (int, np.integer)) and n > 0 for n in sizes
    )
    if not right or not len(sizes):
        raise ValueError(
            f"{owner}: ngrams={ngrams!r}; expected an integer of at least 1, a tuple of "
            "them, or None."
        )
    return tuple(int(n) for n in sizes)


Function = Callable[[Array], Any]
