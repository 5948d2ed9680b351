"""TextVectorization: texts to numbers of tokens."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping, Sequence
from typing import Any, Unpack

import numpy as np

from minikeras.engine import dtypes
from minikeras.engine.strings import is_strings
from minikeras.engine.symbolic import KerasTensor
from minikeras.layers.preprocessing import text
from minikeras.layers.preprocessing.batches import batches
from minikeras.layers.preprocessing.choices import output_mode_of, refuse_sparse
from minikeras.layers.preprocessing.counts import TokenCounts
from minikeras.layers.preprocessing.encoding import Array
from minikeras.layers.preprocessing.host import HostLayer
from minikeras.layers.preprocessing.lookup import LookupOptions
from minikeras.layers.preprocessing.string_lookup import StringLookup
from minikeras.layers.preprocessing.table import Table
from minikeras.saving import serialization
from minikeras.types import ArrayLike


class TextVectorization(HostLayer):
    """Makes texts plain, cuts them into tokens, and gives each its number.

    The vocabulary is learnt by `adapt`, or given. In mode `"int"` number 0 fills up short
    rows and 1 is that of unknown tokens; in the others 0 is that of unknown tokens. It runs
    in NumPy: on arrays, in a data pipeline, or as a model's first layer.

    Args:
        max_tokens: The most tokens, with the special ones (two in mode `"int"`, else
            one); None: no limit.
        standardize: `"lower_and_strip_punctuation"`, `"lower"`, `"strip_punctuation"` (of
            ASCII letters and punctuation, as in TensorFlow), None, or a function from
            an array of strings `(texts,)` to one.
        split: `"whitespace"` (ASCII's), `"character"`, None, or a function from an array
            `(texts,)` to a list of tokens for each.
        ngrams: Sizes of n-grams to make of neighbouring tokens: a tuple, or an integer
            for all up to it; None: only the tokens.
        output_mode: `"int"` for numbers in order; `"multi_hot"`, `"count"` or `"tf_idf"`
            for a vector for each text; see `StringLookup`.
        output_sequence_length: In mode `"int"`, how long rows become by cutting and
            filling; None: as the longest of the batch.
        pad_to_max_tokens: Whether vectors are `max_tokens` long, rather than as long as
            the vocabulary.
        vocabulary: Tokens in a list or array, or the path of a text file with one in each
            line. `adapt` is not needed then, and not allowed.
        idf_weights: For `"tf_idf"` with a vocabulary, a weight for each token.
        sparse: Only False is supported; so is `ragged`.
        ragged: Only False is supported: rows are filled up with 0.
        encoding: How bytes are read.
        name: Name of the layer.
        **kwargs: See `Layer`.

    Input shape:
        `(batch,)` or `(batch, 1)`, strings or bytes. Without `split`: `(batch, tokens)`.

    Output shape:
        `"int"`: `(batch, steps)`, int64. Otherwise `(batch, size)`.

    Raises:
        ValueError: If an argument is wrong, or the layer is used without a vocabulary.

    Example:

    >>> layer = keras.layers.TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["The cat sat.", "The dog sat!"])
    >>> layer.get_vocabulary()
    ['', '[UNK]', 'the', 'sat', 'dog', 'cat']
    >>> layer(["the bird sat", "dog"]).tolist()
    [[2, 1, 3, 0], [4, 0, 0, 0]]
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: int | Sequence[int] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: str | ArrayLike | None = None,
        idf_weights: ArrayLike | None = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Unpack[LookupOptions],
    ) -> None:
        rest: dict[str, Any] = dict(kwargs)
        expected = rest.pop("vocabulary_size", None)
        super().__init__(name=name, **rest)
        label = self._label()
        self.standardize = text.check_function(
            standardize, text.STANDARDIZE, "standardize", label
        )
        self.split = text.check_function(split, text.SPLIT, "split", label)
        self.__dict__["ngrams"] = ngrams
        self._ngram_sizes = text.ngram_sizes(ngrams, label)
        self.output_mode = output_mode_of(output_mode, label)
        self.output_sequence_length = self._checked_length(output_sequence_length)
        self.sparse = refuse_sparse(sparse, label)
        if ragged:
            raise ValueError(
                f"{label}: ragged=True: there are no ragged tensors here. Rows are filled up "
                "with 0; an Embedding with mask_zero=True skips that."
            )
        self.ragged = False
        self.encoding = encoding
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            mask_token="" if self.output_mode == "int" else None,
            output_mode=self.output_mode,
            pad_to_max_tokens=pad_to_max_tokens,
            encoding=encoding,
            **({} if expected is None else {"vocabulary_size": expected}),
        )
        self._lookup_layer.__dict__["_shown_as"] = label  # in its errors
        self.max_tokens, self.pad_to_max_tokens = max_tokens, bool(pad_to_max_tokens)

    def _checked_length(self, length: object) -> int | None:
        if length is None:
            return None
        if self.output_mode != "int":
            raise ValueError(
                f"{self._label()}: output_sequence_length={length!r} goes with "
                f"output_mode='int'; got {self.output_mode!r}."
            )
        if not isinstance(length, (int, np.integer)) or length < 1:
            raise ValueError(
                f"{self._label()}: output_sequence_length={length!r}; expected an integer of "
                "at least 1, or None."
            )
        return int(length)

    @property
    def dtype(self) -> str:
        """`"string"`, the dtype of what it takes."""
        return dtypes.STRING

    variable_dtype = compute_dtype = input_dtype = dtype

    # --- the vocabulary

    def adapt(
        self,
        data: ArrayLike | Iterable[Any],
        batch_size: int | None = None,
        steps: int | None = None,
    ) -> None:
        """Learn the vocabulary of texts: the most frequent tokens first.

        What was learnt before is forgotten.

        Args:
            data: Texts: a list, an array, or what gives batches of them: a Dataset, a
                PyDataset, a generator.
            batch_size: Not needed; kept for Keras's signature.
            steps: How many batches to take. Default: all.

        Raises:
            ValueError: If the vocabulary was given to the constructor, or the texts have
                no token. The layer is as before then.
        """
        lookup = self._lookup_layer
        lookup._refuse_fixed()
        counts = lookup._new_counts()
        for batch in batches(data, self._label(), steps):
            self._count(batch, counts)
        lookup._learn(counts)

    def reset_state(self) -> None:
        """Forget what `update_state` counted; the vocabulary stays till it is replaced."""
        self._lookup_layer.reset_state()

    def update_state(self, data: ArrayLike) -> None:
        """Count the tokens of a batch; `finalize_state` makes them the vocabulary."""
        self._lookup_layer._refuse_fixed()
        self._count(self._array(data), self._lookup_layer._counts)

    def finalize_state(self) -> None:
        """Make what was counted the vocabulary, if anything was."""
        self._lookup_layer.finalize_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens, in the order of their numbers.

        Args:
            include_special_tokens: Whether filling and unknown tokens are in it.
        """
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many tokens there are, with the special ones."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(
        self, vocabulary: str | ArrayLike, idf_weights: ArrayLike | None = None
    ) -> None:
        """Take this vocabulary; see `StringLookup.set_vocabulary`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    # --- running

    def _run_on_host(self, *inputs: Array) -> Array:
        array = inputs[0]
        lookup = self._lookup_layer
        table = lookup._ready()
        if self.split is None and self._ngram_sizes is None:
            texts = text.standardized(self._texts(array), self.standardize)
            ids = table.of_bytes(texts)
            if self.output_mode != "int":
                ids = np.where([bool(t) for t in texts], ids, -1)  # no tokens
            return self._sized(ids.reshape(array.shape))
        flat, lengths = self._ids(array, table)
        if self.output_mode == "int":
            ids = text.padded(flat, lengths, self.output_sequence_length)
            return ids if array.ndim else ids[0]
        ids = text.padded(flat, lengths, None, fill=-1)
        encoded = lookup._encoded(ids)
        return encoded if array.ndim else encoded[0]

    def _ids(self, array: Array, table: Table) -> tuple[Array, Array]:
        """The numbers of all tokens, and how many each text has."""
        self._check_rank(array.shape)
        if not self._plain:
            return _numbered(self._tokens(array), table)
        found = []
        for texts in text.blocks(self._texts(array)):
            words = text.words_at_once(texts, self.standardize)
            if words is not None:
                found.append((table.of_words(words), words.counts))
            else:
                plain = text.standardized(texts, self.standardize)
                found.append(_numbered(text.tokens_of(plain, self.split), table))
        flat, lengths = zip(*found, strict=True)
        return np.concatenate(flat), np.concatenate(lengths)

    @property
    def _plain(self) -> bool:
        """Whether tokens are words, cut by no function of the user's."""
        words = self.split == "whitespace" and self._ngram_sizes is None
        return words and not callable(self.standardize)

    def _sized(self, ids: Array) -> Array:
        if self.output_mode != "int":
            return self._lookup_layer._encoded(ids)
        width = self.output_sequence_length
        return ids if width is None or not ids.ndim else text.resized(ids, width)

    def _texts(self, array: Array) -> list[bytes]:
        if not is_strings(array) and array.size:
            raise ValueError(
                f"{self._label()}: got values of dtype {array.dtype}; expected strings."
            )
        return text.as_bytes(array, self.encoding)

    def _tokens(self, array: Array) -> text.Tokens:
        """The tokens of each text, or of each row where nothing is split."""
        self._check_rank(array.shape)
        texts = text.standardized(self._texts(array), self.standardize)
        if self.split is not None:
            rows = text.tokens_of(texts, self.split)
        else:
            width = array.shape[-1] if array.ndim > 1 else 1
            rows = [texts[i : i + width] for i in range(0, len(texts), max(width, 1))]
        found = text.with_ngrams(rows, self._ngram_sizes)
        if self.output_mode == "int":
            return found  # there an empty token is the mask
        return [[token for token in row if token] for row in found]

    def _count(self, batch: Array, counts: TokenCounts) -> None:
        """Count the tokens of a batch."""
        if not self._plain or counts.by_document:
            counts.add_texts(self._tokens(batch))
            return
        self._check_rank(batch.shape)
        texts = self._texts(batch)
        counts.add_counted(text.counted_words(texts, self.standardize))

    def _check_rank(self, shape: tuple[int | None, ...]) -> None:
        if self.split is not None:
            if len(shape) > 2 or (len(shape) == 2 and shape[1] not in (1, None)):
                raise ValueError(
                    f"{self._label()}: got texts of shape {tuple(shape)}; expected (batch,) "
                    "or (batch, 1), a text for each sample."
                )
        elif self._ngram_sizes is not None and len(shape) > 2:
            raise ValueError(
                f"{self._label()}: got tokens of shape {tuple(shape)}; n-grams need (batch, "
                "tokens)."
            )

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """The result's shape and dtype, as a KerasTensor."""
        shape = tuple(inputs.shape)
        self._check_rank(shape)
        cut = self.split is not None or self._ngram_sizes is not None
        if cut:
            shape = (*shape[:1], None)
        lookup = self._lookup_layer
        if self.output_mode != "int":
            return lookup.compute_output_spec(KerasTensor(shape, dtypes.STRING))
        if self.output_sequence_length is not None and shape:
            shape = (*shape[:-1], self.output_sequence_length)
        return KerasTensor(shape, "int64")

    # --- configs and files

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer; a learnt vocabulary is not in it."""
        lookup = self._lookup_layer.get_config()
        return {
            **super().get_config(),
            "max_tokens": self.max_tokens,
            "standardize": _described(self.standardize),
            "split": _described(self.split),
            "ngrams": self.__dict__["ngrams"],
            "output_mode": self.output_mode,
            "output_sequence_length": self.output_sequence_length,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "sparse": self.sparse,
            "ragged": self.ragged,
            "vocabulary": lookup["vocabulary"],
            "idf_weights": lookup["idf_weights"],
            "encoding": self.encoding,
            "vocabulary_size": self._lookup_layer._known_size()
            or self.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TextVectorization:
        """The layer that `get_config` described."""
        restored = dict(config)
        for key in ("standardize", "split"):
            if isinstance(restored.get(key), dict):
                restored[key] = serialization.deserialize_keras_object(restored[key])
        if isinstance(restored.get("ngrams"), list):
            restored["ngrams"] = tuple(restored["ngrams"])
        return super().from_config(restored)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the weights of tf-idf into a file."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Take the weights of tf-idf from a file."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: str) -> None:
        """Write a learnt vocabulary to `vocabulary.txt` in a folder."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary that `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)


def _numbered(rows: text.Tokens, table: Table) -> tuple[Array, Array]:
    flat = table.of_bytes([token for row in rows for token in row])
    return flat, text.lengths_of(rows)


def _described(function: object) -> Any:
    return (
        serialization.serialize_keras_object(function)
        if callable(function)
        else function
    )
