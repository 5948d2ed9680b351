"""StringLookup: strings to numbers by a vocabulary, and back."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from minikeras.engine.strings import as_strings, is_strings
from minikeras.layers.preprocessing.lookup import Array, IndexLookup, LookupOptions
from minikeras.layers.preprocessing.vocabulary import to_text


class _Options(LookupOptions, total=False):
    oov_method: str


class StringLookup(IndexLookup):
    """Gives each string its number in a vocabulary.

    The vocabulary is learnt by `adapt`, or given. The numbers are those of the mask (if
    there is one), then of unknown strings, then of the tokens, the most frequent first.
    It runs in NumPy: on arrays, in a data pipeline, or as a model's first layer.

    Args:
        max_tokens: The most tokens, special ones counted; None: no limit.
        num_oov_indices: How many numbers unknown strings have. With more than one, a hash
            says which; with 0 they are an error.
        mask_token: The string that stands for nothing; None: there is none.
        oov_token: What unknown strings become when inverted.
        vocabulary: Tokens in a list or array, or the path of a text file with one in each
            line. `adapt` is not needed then, and not allowed.
        idf_weights: For `"tf_idf"` with a vocabulary, a weight for each token.
        invert: Whether to turn numbers into strings instead.
        output_mode: `"int"` for the numbers; `"one_hot"` for a vector of zeros and a one
            for each; over the last axis `"multi_hot"` (which tokens are there),
            `"count"` (how often), or `"tf_idf"` (counts times weights that are
            larger for tokens of few samples).
        pad_to_max_tokens: Whether vectors are `max_tokens` long, rather than as long as
            the vocabulary.
        sparse: Only False is supported.
        encoding: How bytes are read.
        salt: An integer or two, for another hash of unknown strings.
        **kwargs: See `Layer`; `oov_method` is of integers, and here for configs.

    Input shape:
        Any, strings or bytes; with `invert` integers. Or `(batch, tokens)`.

    Output shape:
        `"int"`: as the input, int64. `"one_hot"`: `(..., size)`, with the last axis of
        size 1 left out. Otherwise `(batch, size)`.

    Raises:
        ValueError: If an argument is wrong, or the layer is used without a vocabulary.

    Example:

    >>> layer = keras.layers.StringLookup(vocabulary=["red", "green"])
    >>> layer([["green", "blue"], ["red", "red"]]).tolist()
    [[2, 0], [1, 1]]
    >>> back = keras.layers.StringLookup(vocabulary=["red", "green"], invert=True)
    >>> back([2, 1, 0]).tolist()
    ['green', 'red', '[UNK]']
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Unpack[_Options],
    ) -> None:
        rest: dict[str, Any] = dict(kwargs)
        self.encoding = encoding
        rest.pop("oov_method", None)  # strings are always hashed
        super().__init__(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            mask_token=mask_token,
            oov_token=oov_token,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens,
            oov_method="floormod",
            salt=salt,
            vocabulary_size=rest.pop("vocabulary_size", None),
            name=name,
            **rest,
        )

    def _tokens_of(self, batch: Array) -> Array:
        if not is_strings(batch) and batch.size:
            raise ValueError(
                f"{self._label()}: got values of dtype {batch.dtype}; expected strings. For "
                "integers use IntegerLookup."
            )
        flat = batch.ravel().tolist()
        if bytes in set(map(type, flat)):
            flat = [
                to_text(t, self.encoding) if isinstance(t, bytes) else t for t in flat
            ]
        tokens = np.empty(len(flat), object)
        tokens[:] = flat
        return tokens.reshape(batch.shape)

    def _numbers(self, array: Array) -> Array:
        table = self._ready()
        if self.invert:
            if array.dtype.kind not in "fiu":
                raise ValueError(
                    f"{self._label()}: invert=True, and got values of dtype {array.dtype}; "
                    "expected integers."
                )
            return as_strings(table.tokens_of(array, object))
        if not is_strings(array) and array.size:
            raise ValueError(
                f"{self._label()}: got values of dtype {array.dtype}; expected strings. For "
                "integers use IntegerLookup."
            )
        try:
            return table.of_strings(array)
        except ValueError as error:
            raise ValueError(f"{self._label()}: {error}") from None

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer; a learnt vocabulary is not in it."""
        return {**super().get_config(), "encoding": self.encoding}
