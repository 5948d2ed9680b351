"""ReversibleEmbedding: integers to vectors, and vectors back to scores of integers."""

from __future__ import annotations

from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.dtypes import is_float
from minikeras.engine.tensor import Tensor
from minikeras.layers.core.embedding import Embedding, TableOptions
from minikeras.types import Identifier, PartialShape


class ReversibleEmbedding(Embedding):
    """An embedding that a language model also uses for its last layer.

    Args:
        input_dim: Number of rows: the greatest integer + 1.
        output_dim: Length of a row.
        tie_weights: Whether the way back uses the same table; else it has its own.
        embeddings_initializer: First values of the tables.
        embeddings_regularizer: Penalty on the tables.
        embeddings_constraint: Projection of the tables after an update.
        mask_zero: Whether 0 stands for padding, which later layers skip.
        reverse_dtype: Dtype in which the way back is computed; default the layer's.
        logit_soft_cap: If given, scores `s` become `cap * tanh(s / cap)`.
        **kwargs: See `Embedding`.

    Call arguments:
        inputs: Integers `(batch, ...)`; with `reverse` vectors `(batch, ..., output_dim)`.
        reverse: Whether to go back.

    Input shape:
        `(batch, ...)`, or `(batch, ..., output_dim)` with `reverse`.

    Output shape:
        `(batch, ..., output_dim)`, or `(batch, ..., input_dim)` with `reverse`.

    Raises:
        ValueError: If a size is not a positive integer.

    Example:

    >>> layer = keras.layers.ReversibleEmbedding(100, 8)
    >>> vectors = layer(keras.ops.array([[1, 2, 3]]))
    >>> vectors.shape, layer(vectors, reverse=True).shape
    ((1, 3, 8), (1, 3, 100))

    Reference:
        Press & Wolf, 2017, https://arxiv.org/abs/1608.05859.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Identifier = "uniform",
        embeddings_regularizer: Identifier = None,
        embeddings_constraint: Identifier = None,
        mask_zero: bool = False,
        reverse_dtype: object = None,
        logit_soft_cap: float | None = None,
        **kwargs: Unpack[TableOptions],
    ) -> None:
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero,
            **kwargs,
        )
        self.tie_weights = tie_weights
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: PartialShape | None = None) -> None:
        """Make `embeddings`, and `reverse_embeddings` where it is another table."""
        super().build(input_shape)
        if not self.tie_weights:
            # The regularizer and the constraint are those of `embeddings` alone.
            self.reverse_embeddings = self.add_weight(
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
                name="reverse_embeddings",
            )

    def call(self, inputs: Tensor, reverse: bool = False) -> Tensor:
        """The rows that the integers name, or scores of all integers."""
        if not reverse:
            return super().call(inputs)
        dtype = self.reverse_dtype or self._run_dtype
        table: Any
        if self.tie_weights:
            table = ops.transpose(ops.convert_to_tensor(self.embeddings))
        else:
            table = self.reverse_embeddings
        scores = ops.matmul(ops.cast(inputs, dtype), ops.cast(table, dtype))
        if self.logit_soft_cap is not None:
            scores = ops.tanh(scores / self.logit_soft_cap) * self.logit_soft_cap
        return scores

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> Any:
        """True where the integer is not 0, if `mask_zero`; scores have no mask."""
        if is_float(inputs.dtype):
            return None
        return super().compute_mask(inputs, mask)

    def compute_output_shape(
        self, input_shape: PartialShape, reverse: bool = False
    ) -> Any:
        """The input's shape with `output_dim` added, or ending in `input_dim`."""
        if reverse:
            return (*input_shape[:-1], self.input_dim)
        return super().compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            "tie_weights": self.tie_weights,
            "reverse_dtype": self.reverse_dtype,
            "logit_soft_cap": self.logit_soft_cap,
        }
