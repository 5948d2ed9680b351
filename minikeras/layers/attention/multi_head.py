"""MultiHeadAttention: attention in several learnt views of the inputs at once."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.attention.heads import HeadAttention
from minikeras.layers.base.keywords import CommonOptions
from minikeras.layers.base.options import positive
from minikeras.types import Identifier, PartialShape

if TYPE_CHECKING:
    from minikeras.types import ShapeLike


class MultiHeadAttention(HeadAttention):
    """Attention of a query over values, in several heads side by side.

    Query, key and value are projected to `num_heads` heads; each head weighs the values
    by `softmax(query @ key.T / sqrt(key_dim))`; the results are projected back.

    Args:
        num_heads: Number of heads.
        key_dim: Size of a head of query and key.
        value_dim: Size of a head of the value; `key_dim` by default.
        dropout: Fraction of the weights that is set to 0 while training.
        use_bias: Whether the projections add a bias.
        output_shape: Integer or tuple, the last sizes of the output; by default those of
            the query.
        attention_axes: Axes over which to attend; by default all but the batch and the
            last.
        sliding_window: If given, a target sees only sources fewer places away.
        flash_attention: True excludes dropout and attention scores, as in Keras; the
            result does not depend on it.
        kernel_initializer: First values of the projections' kernels.
        bias_initializer: First values of their biases.
        kernel_regularizer: Penalty on the kernels.
        bias_regularizer: Penalty on the biases.
        activity_regularizer: Penalty on the outputs of the projections.
        kernel_constraint: Projection of the kernels after an update.
        bias_constraint: Projection of the biases after an update.
        use_gate: Whether heads are multiplied by a sigmoid of a projection of the query.
        seed: Integer, for the same dropout in every run.
        **kwargs: See `Layer`.

    Call arguments:
        query: Tensor `(batch, targets, query_features)`.
        value: Tensor `(batch, sources, value_features)`.
        key: Tensor `(batch, sources, key_features)`; the value by default.
        query_mask: Bools `(batch, targets)`, handed on to the layers that follow.
        value_mask: Bools `(batch, sources)`.
        key_mask: Bools `(batch, sources)`.
        attention_mask: Bools `(batch, targets, sources)`, true where a target may look.
        return_attention_scores: Whether to return the weights too.
        training: Whether to drop.
        use_causal_mask: Whether a target sees only sources up to its own place.

    Input shape:
        `(batch, targets, query_features)` and `(batch, sources, value_features)`; more
        axes in the middle are attended over together, or left alone by `attention_axes`.

    Output shape:
        `(batch, targets, query_features)`, or ending in `output_shape`; the weights are
        `(batch, heads, targets, sources)`.

    Raises:
        ValueError: If a size is not a positive integer, or the shapes do not fit.

    Example:

    >>> layer = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    >>> x = keras.ops.ones((3, 5, 8))
    >>> result, weights = layer(x, x, return_attention_scores=True, use_causal_mask=True)
    >>> result.shape, weights.shape
    ((3, 5, 8), (3, 2, 5, 5))

    Reference:
        Vaswani et al., 2017, https://arxiv.org/abs/1706.03762, section 3.2.
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: ShapeLike | None = None,
        attention_axes: int | Sequence[int] | None = None,
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
        owner = "MultiHeadAttention"
        num_heads = positive(num_heads, "num_heads", owner)
        key_dim = positive(key_dim, "key_dim", owner)
        value_dim = positive(value_dim or key_dim, "value_dim", owner)
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
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.value_dim = value_dim
        if output_shape is not None and not isinstance(output_shape, Sequence):
            output_shape = (positive(output_shape, "output_shape", owner),)
        self._last_sizes = None if output_shape is None else tuple(output_shape)
        if isinstance(attention_axes, int):
            attention_axes = (attention_axes,)
        self.attention_axes = None if attention_axes is None else tuple(attention_axes)

    def build(  # type: ignore[override]  # several inputs
        self,
        query_shape: PartialShape,
        value_shape: PartialShape,
        key_shape: PartialShape | None = None,
    ) -> None:
        """Make the projections."""
        self._check_shapes(value_shape, key_shape)
        rank = len(query_shape)
        heads, depth = self.num_heads, self.key_dim
        key_shape = value_shape if key_shape is None else key_shape
        self._query_dense = self._to_heads("query", query_shape, depth)
        self._key_dense = self._to_heads("key", key_shape, depth)
        if self.use_gate:
            self._gate_dense = self._to_heads(
                "gate", query_shape, self.value_dim, activation="sigmoid"
            )
        self._value_dense = self._to_heads("value", value_shape, self.value_dim)
        if self.attention_axes is None:
            self.attention_axes = tuple(range(1, rank - 1))
        else:
            self.attention_axes = tuple(a % rank for a in self.attention_axes)
        self._softmax = self._make_softmax(len(self.attention_axes))
        letters = string.ascii_lowercase
        free, both = letters[: rank - 1], letters[rank - 1 : rank + 1]
        sizes = self._last_sizes or (query_shape[-1],)
        new = letters[rank + 1 : rank + 1 + len(sizes)]
        self._output_dense = self._projection(
            "attention_output",
            f"{free}{both},{both}{new}->{free}{new}",
            (None,) * (rank - 2) + sizes,
            new,
        )
        self._output_dense.build((*query_shape[:-1], heads, self.value_dim))

    @property
    def query_dense(self) -> Any:
        """The layer that projects the query."""
        return self._query_dense

    @property
    def key_dense(self) -> Any:
        """The layer that projects the key."""
        return self._key_dense

    @property
    def value_dense(self) -> Any:
        """The layer that projects the value."""
        return self._value_dense

    @property
    def output_dense(self) -> Any:
        """The layer that projects the result."""
        return self._output_dense

    def _to_heads(
        self, name: str, shape: PartialShape, depth: int, **more: object
    ) -> Any:
        rank = len(shape)
        letters = string.ascii_lowercase
        free, old, new = (
            letters[: rank - 1],
            letters[rank - 1],
            letters[rank : rank + 2],
        )
        layer = self._projection(
            name,
            f"{free}{old},{old}{new}->{free}{new}",
            (*(None,) * (rank - 2), self.num_heads, depth),
            new,
            **more,
        )
        layer.build(tuple(shape))
        return layer

    def _depth(self) -> int:
        return self.key_dim

    def _weighed(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        allowed: Tensor | None,
        training: bool | None,
    ) -> tuple[Tensor, ...]:
        rank = len(q.shape)
        axes = self.attention_axes or ()
        letters = string.ascii_lowercase
        target = letters[:rank]
        source = "".join(
            letters[rank + i] if i in axes else c for i, c in enumerate(target)
        )
        kept = "".join(c for i, c in enumerate(target[:-2]) if i not in axes)
        both = "".join(target[i] for i in axes) + "".join(source[i] for i in axes)
        table = f"{kept}{target[-2]}{both}"
        scores = ops.einsum(f"{target},{source}->{table}", q * self._factor(), k)
        weights = self._masked_softmax(scores, allowed)
        dropped = self._dropout_layer(weights, training=training)
        return ops.einsum(f"{table},{source}->{target}", dropped, v), weights

    def compute_output_shape(
        self,
        query_shape: PartialShape,
        value_shape: PartialShape,
        key_shape: PartialShape | None = None,
    ) -> tuple[Any, ...]:
        """The query's shape, ending in `output_shape`."""
        self._check_shapes(value_shape, key_shape)
        return (*query_shape[:-1], *(self._last_sizes or (query_shape[-1],)))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "output_shape": self._last_sizes,
            "attention_axes": self.attention_axes,
            **self._shared_config(),
        }
