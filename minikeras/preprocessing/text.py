"""`keras.preprocessing.text`: texts as lists of word numbers, as Keras 2 made them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from minikeras.preprocessing.notes import note

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_INSTEAD = "keras.layers.TextVectorization"
Text = str | Sequence[str]
Analyzer = Callable[[str], list[str]] | None


def text_to_word_sequence(
    input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " "
) -> list[str]:
    """The words of a text.

    Args:
        input_text: The text.
        filters: Characters that part words, and are dropped.
        lower: Whether to make all letters small.
        split: What stands between words.

    Returns:
        List of words.

    Example:
        >>> keras.preprocessing.text.text_to_word_sequence("One, two - three!")
        ['one', 'two', 'three']
    """
    text = input_text.lower() if lower else input_text
    text = text.translate({ord(c): split for c in filters})
    return [word for word in text.split(split) if word]


def one_hot(
    input_text: str,
    n: int,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Analyzer = None,
) -> list[int]:
    """Words as numbers from 1 to `n - 1`, by Python's `hash`.

    Two words may get one number, and another process may give others; `hashing_trick`
    with `"md5"` gives the same ones always.

    Args:
        input_text: The text.
        n: Numbers stay below it.
        filters: Characters that part words, and are dropped.
        lower: Whether to make all letters small.
        split: What stands between words.
        analyzer: A function that gives the words of a text, used instead.

    Returns:
        List of integers.

    Example:

    >>> numbers = keras.preprocessing.text.one_hot("a cat, a dog", n=50)  # doctest: +SKIP
    >>> len(numbers), numbers[0] == numbers[2]  # doctest: +SKIP
    (4, True)
    """
    note("text.one_hot", "keras.layers.Hashing")
    return _hashed(input_text, n, hash, filters, lower, split, analyzer)


def hashing_trick(
    text: str,
    n: int,
    hash_function: str | Callable[[str], int] | None = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Analyzer = None,
) -> list[int]:
    """Words as numbers from 1 to `n - 1`, by a hash.

    Args:
        text: The text.
        n: Numbers stay below it.
        hash_function: None for Python's `hash`, `"md5"`, or a function.
        filters: Characters that part words, and are dropped.
        lower: Whether to make all letters small.
        split: What stands between words.
        analyzer: A function that gives the words of a text, used instead.

    Returns:
        List of integers.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     keras.preprocessing.text.hashing_trick("a b a", 50, "md5")
        [15, 33, 15]
    """
    note("text.hashing_trick", "keras.layers.Hashing")
    function: Any = hash_function or hash
    if function == "md5":
        function = _md5
    return _hashed(text, n, function, filters, lower, split, analyzer)


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


def _hashed(
    text: str,
    n: int,
    function: Callable[[str], int],
    filters: str,
    lower: bool,
    split: str,
    analyzer: Analyzer,
) -> list[int]:
    if n < 2:
        raise ValueError(f"n={n}; expected at least 2, so that there is a number.")
    if analyzer is None:
        words = text_to_word_sequence(text, filters, lower, split)
    else:
        words = analyzer(text)
    return [function(word) % (n - 1) + 1 for word in words]


class Tokenizer:
    """Numbers the words of texts by how frequent they are.

    Number 0 is never given, so that it can pad. `fit_on_texts` counts; then
    `texts_to_sequences` and `texts_to_matrix` translate.

    Args:
        num_words: Only words of a number below it are kept.
        filters: Characters that part words, and are dropped.
        lower: Whether to make all letters small.
        split: What stands between words.
        char_level: Whether each character is a word.
        oov_token: A word for all that are not known, which gets number 1.
        analyzer: A function that gives the words of a text, used instead.
        **kwargs: `document_count` and `nb_words` of old versions.

    Attributes:
        word_counts: Word -> how often it was seen, in the order of appearance.
        word_docs: Word -> in how many texts it was seen.
        word_index: Word -> number, and
        index_word: number -> word.
        index_docs: Number -> in how many texts it was seen.
        document_count: How many texts were seen.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     tokenizer = keras.preprocessing.text.Tokenizer(oov_token="?")
        >>> tokenizer.fit_on_texts(["the cat sat", "the dog"])
        >>> tokenizer.texts_to_sequences(["the cat ran"])
        [[2, 3, 1]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Analyzer = None,
        **kwargs: Any,
    ) -> None:
        note("text.Tokenizer", _INSTEAD)
        num_words = kwargs.pop("nb_words", num_words)
        document_count = kwargs.pop("document_count", 0)
        if kwargs:
            raise TypeError(f"Tokenizer: unknown arguments {sorted(kwargs)}.")
        self.word_counts: OrderedDict[str, int] = OrderedDict()
        self.word_docs: defaultdict[str, int] = defaultdict(int)
        self.filters = filters
        self.split = split
        self.lower = lower
        self.num_words = num_words
        self.document_count = document_count
        self.char_level = char_level
        self.oov_token = oov_token
        self.index_docs: defaultdict[int, int] = defaultdict(int)
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}
        self.analyzer = analyzer

    def _words(self, text: Text) -> Sequence[str]:
        """The words of a text, which may be a list of them already."""
        if self.char_level or not isinstance(text, str):
            if self.lower:
                return (
                    text.lower() if isinstance(text, str) else [w.lower() for w in text]
                )
            return text
        if self.analyzer is None:
            return text_to_word_sequence(text, self.filters, self.lower, self.split)
        return self.analyzer(text)

    def fit_on_texts(self, texts: Iterable[Text]) -> None:
        """Count the words of texts (strings, or lists of words), and number them."""
        for text in texts:
            self.document_count += 1
            words = self._words(text)
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] += 1
        ordered = sorted(self.word_counts.items(), key=lambda pair: -pair[1])
        words = [] if self.oov_token is None else [self.oov_token]
        words = [*words, *(word for word, _ in ordered)]
        self.word_index = {word: i for i, word in enumerate(words, 1)}
        self.index_word = {i: word for word, i in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: Iterable[Sequence[int]]) -> None:
        """Count in how many lists of word numbers each number is, for `"tfidf"`."""
        for sequence in sequences:
            self.document_count += 1
            for number in set(sequence):
                self.index_docs[number] += 1

    def texts_to_sequences(self, texts: Iterable[Text]) -> list[list[int]]:
        """Texts as lists of word numbers; unknown words are left out, or the oov token."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(
        self, texts: Iterable[Text]
    ) -> Iterator[list[int]]:
        """The same, one text at a time."""
        unknown = self._unknown()
        for text in texts:
            numbers = (
                self._kept(self.word_index.get(word), unknown)
                for word in self._words(text)
            )
            yield [number for number in numbers if number is not None]

    def _unknown(self) -> int | None:
        return None if self.oov_token is None else self.word_index.get(self.oov_token)

    def _kept(self, number: int | None, unknown: int | None) -> int | None:
        if number is None or (self.num_words and number >= self.num_words):
            return unknown
        return number

    def sequences_to_texts(self, sequences: Iterable[Sequence[int]]) -> list[str]:
        """Lists of word numbers as texts, with a space between words."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(
        self, sequences: Iterable[Sequence[int]]
    ) -> Iterator[str]:
        """The same, one text at a time."""
        unknown = self._unknown()
        for sequence in sequences:
            kept = (
                self._kept(n if n in self.index_word else None, unknown)
                for n in sequence
            )
            yield " ".join(self.index_word[n] for n in kept if n is not None)

    def texts_to_matrix(
        self, texts: Iterable[Text], mode: str = "binary"
    ) -> np.ndarray:
        """Texts as rows `(texts, num_words)`; see `sequences_to_matrix`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(
        self, sequences: Iterable[Sequence[int]], mode: str = "binary"
    ) -> np.ndarray:
        """Lists of word numbers as rows `(lists, num_words)`.

        Args:
            sequences: Lists of word numbers.
            mode: `"binary"`: 1 where a word is there; `"count"`: how often; `"freq"`: as a
                fraction; `"tfidf"`: (1 + log count) log(1 + texts / (1 + texts with it)).

        Raises:
            ValueError: If the mode is unknown, or nothing was fitted.
        """
        if mode not in ("binary", "count", "freq", "tfidf"):
            raise ValueError(
                f"Tokenizer: mode={mode!r}; expected 'binary', 'count', 'freq' or 'tfidf'."
            )
        if not self.num_words and not self.word_index:
            raise ValueError(
                "Tokenizer: neither num_words nor texts were given; call fit_on_texts first."
            )
        if mode == "tfidf" and not self.document_count:
            raise ValueError("Tokenizer: 'tfidf' needs texts; call fit_on_texts first.")
        size = self.num_words or len(self.word_index) + 1
        sequences = list(sequences)
        matrix = np.zeros((len(sequences), size))
        for row, sequence in zip(matrix, sequences):
            for number, count in Counter(sequence).items():
                if number < size:
                    row[number] = self._weight(number, count, len(sequence), mode)
        return matrix

    def _weight(self, number: int, count: int, length: int, mode: str) -> float:
        if mode == "tfidf":
            texts = self.document_count / (1 + self.index_docs.get(number, 0))
            return float((1 + np.log(count)) * np.log(1 + texts))
        return {"binary": 1.0, "count": float(count), "freq": count / length}[mode]

    def get_config(self) -> dict[str, Any]:
        """The settings and counts, of which `to_json` is made; tables are JSON strings."""
        tables = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        plain = (
            "num_words",
            "filters",
            "lower",
            "split",
            "char_level",
            "oov_token",
            "document_count",
        )
        config = {name: getattr(self, name) for name in plain}
        return {**config, **{name: json.dumps(getattr(self, name)) for name in tables}}

    def to_json(self, **kwargs: Any) -> str:
        """The tokenizer as JSON, for `tokenizer_from_json`.

        Args:
            **kwargs: For `json.dumps`.
        """
        config = {"class_name": type(self).__name__, "config": self.get_config()}
        return json.dumps(config, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The Tokenizer of which `to_json` was made.

    Args:
        json_string: The JSON.

    Returns:
        A `Tokenizer`.

    Example:

    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     words = keras.preprocessing.text.Tokenizer()
    >>> words.fit_on_texts(["a cat", "a dog"])
    >>> keras.preprocessing.text.tokenizer_from_json(words.to_json()).word_index
    {'a': 1, 'cat': 2, 'dog': 3}
    """
    config = dict(json.loads(json_string)["config"])
    tables = {
        name: json.loads(config.pop(name))
        for name in (
            "word_counts",
            "word_docs",
            "index_docs",
            "index_word",
            "word_index",
        )
    }
    tokenizer = Tokenizer(**config)
    tokenizer.word_counts = OrderedDict(tables["word_counts"])
    tokenizer.word_docs.update(tables["word_docs"])
    tokenizer.word_index = tables["word_index"]
    tokenizer.index_word = {int(k): v for k, v in tables["index_word"].items()}
    tokenizer.index_docs.update({int(k): v for k, v in tables["index_docs"].items()})
    return tokenizer


__all__ = [
    "Tokenizer",
    "hashing_trick",
    "one_hot",
    "text_to_word_sequence",
    "tokenizer_from_json",
]
