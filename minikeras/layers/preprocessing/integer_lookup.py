"""IntegerLookup: integers to their numbers in a vocabulary, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from minikeras.layers.preprocessing import in_step
from minikeras.layers.preprocessing.lookup import Array, IndexLookup, LookupOptions

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor
    from minikeras.types import Nested


class IntegerLookup(IndexLookup):
    """Gives each integer its number in a vocabulary.

    As `StringLookup`, for integers that are categories: postal codes, numbers of things.

    Args:
        max_tokens: The most tokens, special ones counted; None: no limit.
        num_oov_indices: How many numbers unknown integers have. With more than one,
            `oov_method` says which; with 0 they are an error.
        mask_token: The integer that stands for nothing; None: there is none.
        oov_token: What unknown integers become when inverted.
        vocabulary: Integers in a list or array, or the path of a text file with one in
            each line. `adapt` is not needed then, and not allowed.
        vocabulary_dtype: `"int64"`.
        idf_weights: For `"tf_idf"` with a vocabulary, a weight for each token.
        invert: Whether to turn numbers into integers of the vocabulary instead.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"`, `"count"` or `"tf_idf"`; see
            `StringLookup`.
        sparse: Only False is supported.
        pad_to_max_tokens: Whether vectors are `max_tokens` long, rather than as long as
            the vocabulary.
        oov_method: `"floormod"`: unknown integers modulo `num_oov_indices`; or
            `"farmhash"`: by a hash of their digits.
        salt: An integer or two, for another hash.
        **kwargs: See `Layer`.

    Input shape:
        Any, integers.

    Output shape:
        As that of `StringLookup`.

    Raises:
        ValueError: If an argument is wrong, or the layer is used without a vocabulary.

    Example:

    >>> layer = keras.layers.IntegerLookup(output_mode="multi_hot")
    >>> layer.adapt([[10, 20], [20, 30], [20, 10]])
    >>> layer.get_vocabulary()
    [-1, 20, 10, 30]
    >>> layer([[10, 30], [7, 20]]).tolist()
    [[0, 0, 1, 1], [1, 1, 0, 0]]
    """

    _integers = True

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Unpack[LookupOptions],
    ) -> None:
        rest: dict[str, Any] = dict(kwargs)
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
            oov_method=oov_method,
            salt=salt,
            vocabulary_size=rest.pop("vocabulary_size", None),
            name=name,
            **rest,
        )
        if vocabulary_dtype != "int64":
            raise ValueError(
                f"{self._label()}: vocabulary_dtype={vocabulary_dtype!r}; expected 'int64'."
            )
        if salt is not None and oov_method != "farmhash":
            raise ValueError(
                f"{self._label()}: salt={salt!r} is for oov_method='farmhash'; got "
                f"{oov_method!r}."
            )
        self.vocabulary_dtype = "int64"

    def _tokens_of(self, batch: Array) -> Array:
        if batch.dtype.kind not in "fiub":
            raise ValueError(
                f"{self._label()}: got values of dtype {batch.dtype}; expected integers. "
                "For strings use StringLookup."
            )
        if batch.dtype.kind == "f" and batch.size and batch.min() != batch.min():
            raise ValueError(f"{self._label()}: got NaN; expected integers.")
        return batch.astype("int64")

    def _numbers(self, array: Array) -> Array:
        table = self._ready()
        array = self._tokens_of(array)
        if self.invert:
            return table.tokens_of(array, "int64")
        try:
            return table.of_integers(array)
        except ValueError as error:
            raise ValueError(f"{self._label()}: {error}") from None

    def _in_step(self, inputs: Nested[Tensor]) -> Any:
        table = self._ready()
        if self.invert:
            return in_step.tokens_of(table, inputs)
        numbers = in_step.numbers_of(table, inputs)
        if numbers is None or self.output_mode == "int":
            return numbers
        size = self._width()
        assert size is not None
        dtype = self._output_dtype()
        return in_step.encoded(numbers, self.output_mode, size, dtype, self.idf_weights)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer; a learnt vocabulary is not in it."""
        return {**super().get_config(), "vocabulary_dtype": "int64"}
