"""ReversibleEmbedding: integers to vectors, and vectors back to scores of integers."""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.dtypes import is_float
from minikeras.engine.tensor import Tensor
from minikeras.layers.core.embedding import Embedding, TableOptions
from minikeras.layers.core.quantized.products import Contraction, multiply
from minikeras.layers.core.quantized.stored import View
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

    _modes = ("int8", "int4")

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
        if not self.tie_weights and self._kept_as is None:
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
        dtype: Any = self.reverse_dtype or self._run_dtype
        inputs = ops.cast(inputs, dtype)
        table: Any
        if self._kept_as is not None:
            scores = self._scores(inputs, dtype)
        else:
            if self.tie_weights:
                table = ops.transpose(ops.convert_to_tensor(self.embeddings))
            else:
                table = self.reverse_embeddings
            scores = ops.matmul(inputs, ops.cast(table, dtype))
        if self.logit_soft_cap is not None:
            scores = ops.tanh(scores / self.logit_soft_cap) * self.logit_soft_cap
        return scores

    def _scores(self, inputs: Tensor, dtype: str) -> Tensor:
        """The way back through tables in integers."""
        name = "embeddings" if self.tie_weights else "reverse_embeddings"
        scores = multiply(
            self._stored[name],
            _BACK[name],
            inputs,
            self._variable,
            self.inputs_quantizer,
            dtype,
        )
        if not (self.lora_enabled and self.tie_weights):
            return scores
        a, b = self._factors()
        more = ops.matmul(ops.matmul(inputs, ops.transpose(b)), ops.transpose(a))
        return scores + ops.cast(more * (self.lora_alpha / self.lora_rank), dtype)

    def _views(self, shape: tuple[int, ...]) -> dict[str, View]:
        views = super()._views(shape)
        if self.tie_weights:
            return views
        back = View(
            (shape[1], shape[0]),
            (0,),
            packed=0,
            scale=itemgetter(0),
            scaled=partial(ops.expand_dims, axis=0),
        )
        return {**views, "reverse_embeddings": back}

    def _rounds_inputs(self) -> bool:
        return True

    @property
    def variable_serialization_spec(self) -> dict[str | None, list[str]]:
        """The names of the variables that a file holds, in their order, for each mode."""
        spec = super().variable_serialization_spec
        if self.tie_weights:
            return spec
        name = "reverse_embeddings"
        more = {None: [], "int8": ["_scale"], "int4": ["_scale", "_zero"]}
        return {
            mode: [*names, name, *[name + part for part in more[mode]]]
            for mode, names in spec.items()
        }

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


def _back(turned: bool) -> Contraction:
    def across(table: Any) -> Tensor:
        return ops.transpose(ops.convert_to_tensor(table)) if turned else table

    return Contraction(
        product=lambda x, table: ops.matmul(x, across(table)),
        back=lambda g, table: ops.matmul(g, table if turned else ops.transpose(table)),
        summed=lambda rank: (-1,),
        scale=lambda s, rank: s,
        inputs_scale=lambda s: s,
    )


_BACK = {"embeddings": _back(True), "reverse_embeddings": _back(False)}
