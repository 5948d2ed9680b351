"""CategoryEncoding: category numbers to vectors."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from minikeras import naming, ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.preprocessing.choices import one_of, refuse_sparse
from minikeras.layers.preprocessing.data_layer import DataLayer, encoded
from minikeras.layers.preprocessing.encoding import encoded_shape
from minikeras.types import PartialShape


class CategoryEncoding(DataLayer):
    """Makes vectors of zeros and ones, or of counts, of category numbers.

    Args:
        num_tokens: How many categories there are: the numbers go from 0 to below it.
        output_mode: `"one_hot"`: a vector for each number; `"multi_hot"`: one for each
            sample, with a one for each number in it; `"count"`: how often each is in it.
        sparse: Only False is supported.
        **kwargs: See `Layer`.

    Call arguments:
        inputs: Integers. The last axis is that of a sample.
        count_weights: For `"count"`, what each of them counts, in the same shape.

    Input shape:
        `(batch, tokens)`, or any.

    Output shape:
        `"one_hot"`: `(..., num_tokens)`, with the last axis of size 1 left out. Otherwise
        `(..., num_tokens)` in the place of the last axis.

    Raises:
        ValueError: If an argument is wrong, or (outside compiled steps, where such a
            number counts nowhere) an input is out of range.

    Example:

    >>> layer = keras.layers.CategoryEncoding(num_tokens=4, output_mode="count")
    >>> layer([[0, 1], [3, 3]]).tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0]]
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        label = self._label()
        self.output_mode = one_of(
            output_mode, ("one_hot", "multi_hot", "count"), "output_mode", label
        )
        if num_tokens is None:
            raise ValueError(
                f"{label}: num_tokens must be set to use this layer: to the number of "
                "categories. Where that is not known, use IntegerLookup."
            )
        if not isinstance(num_tokens, (int, np.integer)) or num_tokens < 1:
            raise ValueError(
                f"{label}: `num_tokens` must be >= 1, an integer. Received: "
                f"num_tokens={naming.shown(num_tokens)}"
            )
        self.num_tokens = int(num_tokens)
        self.sparse = refuse_sparse(sparse, label)
        self._build_at_init()

    def call(self, inputs: Tensor, count_weights: Tensor | None = None) -> Tensor:
        """The vectors."""
        mode, dtype = self.output_mode, self.compute_dtype
        if isinstance(inputs, (list, tuple)):  # of arrays: rows
            inputs = ops.stack([ops.convert_to_tensor(row) for row in inputs])
        if count_weights is not None:
            if mode != "count":
                raise ValueError(
                    f"{self._label()}: `count_weights` is not used when `output_mode` is "
                    f"{mode!r}; they are for 'count'."
                )
            if tuple(count_weights.shape) != tuple(inputs.shape):
                raise ValueError(
                    f"{self._label()}: count_weights of shape {tuple(count_weights.shape)}; "
                    f"expected that of the inputs, {tuple(inputs.shape)}."
                )
        if not inputs.staged and inputs.size:
            self._check_range(np.asarray(inputs))
        ids = ops.cast(inputs, "int32")
        return encoded(ids, mode, self.num_tokens, dtype, count_weights)

    def _check_range(self, values: np.ndarray[Any, Any]) -> None:
        low, high = values.min(), values.max()
        if not (low >= 0 and high < self.num_tokens):
            raise ValueError(
                f"{self._label()}: got numbers from {low} to {high}; expected 0 to "
                f"{self.num_tokens - 1}, since num_tokens={self.num_tokens}."
            )

    def compute_output_shape(
        self, input_shape: PartialShape, **shapes: Any
    ) -> tuple[int | None, ...]:
        """The result's shape, for inputs of this shape."""
        return encoded_shape(tuple(input_shape), self.output_mode, self.num_tokens)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "num_tokens": self.num_tokens,
            "output_mode": self.output_mode,
        }
