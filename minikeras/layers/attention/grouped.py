"""GroupedQueryAttention: several heads of the query share a head of key and value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.attention.heads import HeadAttention
from minikeras.layers.base.keywords import CommonOptions
from minikeras.layers.base.options import positive
from minikeras.types import Identifier, PartialShape

if TYPE_CHECKING:
    from minikeras.types import Nested


class GroupedQueryAttention(HeadAttention):
    """Attention with fewer heads for key and value than for the query.

    Args:
        head_dim: Size of a head.
        num_query_heads: Number of heads of the query.
        num_key_value_heads: Number of heads of key and value; divides that of the query.
        dropout: Fraction of the weights that is set to 0 while training.
        use_bias: Whether the projections add a bias.
        sliding_window: If given, a target sees only sources fewer places away.
        flash_attention: True excludes dropout and attention scores, as in Keras; the
            result does not depend on it.
        kernel_initializer: First values of the projections' kernels.
        bias_initializer: First values of their biases.
        kernel_regularizer: Penalty on the kernels.
        bias_regularizer: Penalty on the biases.
        activity_regularizer: Penalty on the outputs of the projections and the result.
        kernel_constraint: Projection of the kernels after an update.
        bias_constraint: Projection of the biases after an update.
        use_gate: Whether heads are multiplied by a sigmoid of a projection of the query.
        seed: Integer, for the same dropout in every run.
        **kwargs: See `Layer`.

    Call arguments:
        As those of `MultiHeadAttention`.

    Input shape:
        Query `(batch, targets, query_features)`, value `(batch, sources,
        value_features)`, key `(batch, sources, key_features)`.

    Output shape:
        `(batch, targets, query_features)`; the weights are
        `(batch, query_heads, targets, sources)`.

    Raises:
        ValueError: If a size is not a positive integer, or the numbers of heads do not
            divide.

    Example:

    >>> layer = keras.layers.GroupQueryAttention(4, num_query_heads=6, num_key_value_heads=2)
    >>> x = keras.ops.ones((3, 5, 8))
    >>> layer(x, x).shape
    (3, 5, 8)

    Reference:
        Ainslie et al., 2023, https://arxiv.org/abs/2305.13245.
    """

    _exported_as = "GroupQueryAttention"
    _masks_queries = True
    _penalizes_result = True

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Identifier = "glorot_uniform",
        bias_initializer: Identifier = "zeros",
        kernel_regularizer: Identifier = None,
        bias_regularizer: Identifier = None,
        activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None,
        bias_constraint: Identifier = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Unpack[CommonOptions],
    ) -> None:
        owner = "GroupedQueryAttention"
        head_dim = positive(head_dim, "head_dim", owner)
        queries = positive(num_query_heads, "num_query_heads", owner)
        groups = positive(num_key_value_heads, "num_key_value_heads", owner)
        if queries % groups:
            raise ValueError(
                f"{owner}: num_query_heads={queries} and num_key_value_heads={groups}; "
                "expected the first to be a multiple of the second."
            )
        options = {
            "kernel_initializer": kernel_initializer,
            "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "bias_constraint": bias_constraint,
        }
        super().__init__(
            dropout,
            use_bias,
            sliding_window,
            flash_attention,
            activity_regularizer,
            use_gate,
            seed,
            options,
            **kwargs,
        )
        self.head_dim = head_dim
        self.num_query_heads = queries
        self.num_key_value_heads = groups

    def build(  # type: ignore[override]  # several inputs
        self,
        query_shape: PartialShape,
        value_shape: PartialShape,
        key_shape: PartialShape | None = None,
    ) -> None:
        """Make the projections."""
        self._check_shapes(value_shape, key_shape)
        key_shape = value_shape if key_shape is None else key_shape
        queries, groups = self.num_query_heads, self.num_key_value_heads
        self._query_dense = self._to_heads("query", query_shape, queries)
        self._key_dense = self._to_heads("key", key_shape, groups)
        if self.use_gate:
            self._gate_dense = self._to_heads(
                "gate", query_shape, queries, activation="sigmoid"
            )
        self._value_dense = self._to_heads("value", value_shape, groups)
        self._softmax = self._make_softmax(1)
        self._output_dense = self._projection(
            "attention_output", "bquh,uhm->bqm", (None, query_shape[-1]), "m"
        )
        self._output_dense.build((*query_shape[:-1], queries, self.head_dim))

    def _to_heads(
        self, name: str, shape: PartialShape, heads: int, **more: object
    ) -> Any:
        layer = self._projection(
            name, "bqm,muh->bquh", (None, heads, self.head_dim), "uh", **more
        )
        layer.build(tuple(shape))
        return layer

    def _depth(self) -> int:
        return self.head_dim

    def _for_each_head(self, heads: Tensor) -> Tensor:
        shared = self.num_query_heads // heads.shape[2]
        return heads if shared == 1 else ops.repeat(heads, shared, axis=2)

    def _weighed(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        allowed: Tensor | None,
        training: bool | None,
    ) -> tuple[Tensor, ...]:
        k, v = self._for_each_head(k), self._for_each_head(v)
        scores = ops.einsum("bquh,bkuh->buqk", q * self._factor(), k)
        weights = self._masked_softmax(scores, allowed)
        dropped = self._dropout_layer(weights, training=training)
        return ops.einsum("buqk,bkuh->bquh", dropped, v), weights

    def compute_output_shape(
        self,
        query_shape: Nested[PartialShape],
        value_shape: PartialShape,
        key_shape: PartialShape | None = None,
    ) -> tuple[Any, ...]:
        """The query's shape."""
        self._check_shapes(value_shape, key_shape)
        return tuple(query_shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            "head_dim": self.head_dim,
            "num_query_heads": self.num_query_heads,
            "num_key_value_heads": self.num_key_value_heads,
            **self._shared_config(),
        }
